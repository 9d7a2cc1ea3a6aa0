//! What configuration may ask of the rules: the promises of the modes, and that nothing gets looser.

use crate::{Level, Lock, Mode, Problem, Rules, Sensitive};

#[test]
fn each_mode_promises_its_column() {
    let promised = |name: &str| name.parse::<Mode>().unwrap().promises();
    let rules = |level, sensitive, lock| Rules { level, sensitive, lock };
    assert_eq!(promised("LOCAL"), rules(Level::Warn, Sensitive::Recorded, Lock::Off));
    assert_eq!(promised("DEVELOPMENT"), rules(Level::Observe, Sensitive::Recorded, Lock::Off));
    assert_eq!(promised("TRAINING"), rules(Level::Strict, Sensitive::NeedsApproval, Lock::On));
    assert_eq!(promised("PRODUCTION"), rules(Level::FailClosed, Sensitive::Recorded, Lock::Off));
}

#[test]
fn a_mode_is_named_exactly() {
    for name in ["", "local", "LOCAL ", "PRODUCTION\n", "STAGING"] {
        assert_eq!(name.parse::<Mode>(), Err(Problem::UnknownMode(name.to_owned())));
    }
}

#[test]
fn what_is_permissive() {
    assert_eq!(Level::ALL.map(Level::is_permissive), [true, true, false, false]);
}

#[test]
fn names_are_spelled_as_files_spell_them() {
    assert_eq!(Level::ALL.map(|level| level.to_string()), ["warn", "observe", "strict", "fail_closed"]);
}

#[test]
fn a_minimum_raises_and_never_lowers() {
    for level in Level::ALL {
        for minimum in Level::ALL {
            let rules = Rules { level, sensitive: Sensitive::NeedsApproval, lock: Lock::On };
            assert_eq!(rules.at_least(minimum), Rules { level: level.max(minimum), ..rules });
        }
    }
}

#[test]
fn nothing_gets_looser() {
    let check = |level, sensitive, floor_level, floor_sensitive, expected: Result<(), Problem>| {
        let rules = Rules { level, sensitive, lock: Lock::Off };
        let floor = Rules { level: floor_level, sensitive: floor_sensitive, lock: Lock::On };
        assert_eq!(rules.no_looser_than(&floor), expected.map(|()| rules));
    };
    let looser = |asked, least| Err(Problem::LooserLevel { asked, least });
    use {Level::*, Sensitive::*};
    check(Strict, Recorded, Strict, Recorded, Ok(()));
    check(FailClosed, Recorded, Strict, Recorded, Ok(()));
    check(Observe, Recorded, Strict, Recorded, looser(Observe, Strict));
    check(Warn, NeedsApproval, FailClosed, Recorded, looser(Warn, FailClosed));
    check(Strict, Recorded, Strict, NeedsApproval, Err(Problem::LooserSensitive));
    check(FailClosed, NeedsApproval, Strict, NeedsApproval, Ok(()));
}

#[test]
fn a_route_may_ask_for_approvals_but_not_do_without() {
    let rules = |sensitive| Rules { level: Level::Strict, sensitive, lock: Lock::Off };
    let (recorded, asking) = (rules(Sensitive::Recorded), rules(Sensitive::NeedsApproval));
    assert_eq!(recorded.on_route(Sensitive::NeedsApproval), Ok(asking));
    assert_eq!(recorded.on_route(Sensitive::Recorded), Ok(recorded));
    assert_eq!(asking.on_route(Sensitive::Recorded), Err(Problem::LooserSensitive));
}
