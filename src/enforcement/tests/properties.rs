//! What must hold of every case, each by name. None of these reads the table.

use super::product::every;
use crate::{
    Approval, Caller, Case, Class, Freshness, Level, Lift, Lock, Overridable, Passage, Presented, Refusal, Rules, Ruling, Sensitive,
    Tenancy, Unfit, Unrecorded, Verdict, Would, admit, awaits_record, judge, known, unrecorded,
};

const UNFIT: [(Unfit, Class); 4] = [
    (Unfit::Malformed, Class::Malformed),
    (Unfit::UnsupportedType, Class::UnsupportedType),
    (Unfit::BodyOverLimit, Class::BodyOverLimit),
    (Unfit::Overload, Class::Unavailable),
];

fn passage(ruling: &Ruling) -> Option<&Passage> {
    match ruling {
        Ruling::Forward(passage) => Some(passage),
        Ruling::Refuse(_) => None,
    }
}

fn refusal(ruling: &Ruling) -> Option<&Refusal> {
    match ruling {
        Ruling::Forward(_) => None,
        Ruling::Refuse(refusal) => Some(refusal),
    }
}

/// Every case of the levels where blocks hold.
fn every_enforced(mut visit: impl FnMut(Rules, Case, Ruling)) {
    every(|rules, case, ruling| {
        if rules.level >= Level::Strict {
            visit(rules, case, ruling);
        }
    });
}

#[test]
fn no_level_forwards_what_cannot_be_judged() {
    for level in Level::ALL {
        for (unfit, class) in UNFIT {
            let ruling = admit(&Rules { level, sensitive: Sensitive::Recorded, lock: Lock::Off }, unfit);
            let refusal = refusal(&ruling).expect("refused");
            assert_eq!((refusal.class, refusal.lift), (class, None), "{level} {unfit:?}");
        }
    }
}

#[test]
fn an_error_never_becomes_an_allow() {
    every(|rules, case, ruling| {
        if case.verdict == Verdict::Error {
            assert_eq!(Would::of(&rules, &case), Would::Error);
            if let Some(passage) = passage(&ruling) {
                assert!(
                    passage.lifted == Some(Lift::BreakGlass) || rules.level <= Level::Observe && !passage.warnings.is_empty(),
                    "{rules:?} {case:?}"
                );
            }
        }
    });
}

#[test]
fn a_deny_never_passes_without_a_word() {
    every(|rules, case, ruling| {
        if let (Verdict::Deny, Some(passage)) = (case.verdict, passage(&ruling)) {
            assert!(passage.lifted.is_some() || rules.level <= Level::Observe && !passage.warnings.is_empty(), "{rules:?} {case:?}");
        }
    });
}

#[test]
fn fail_closed_forwards_only_a_clean_allow_or_a_valid_lift() {
    every(|rules, case, ruling| {
        if let (Level::FailClosed, Some(passage)) = (rules.level, passage(&ruling)) {
            let would = Would::of(&rules, &case);
            let lifted = match passage.lifted {
                None => would == Would::Allow,
                Some(Lift::Approval) => would == Would::NeedApproval && case.presented == Presented::Approval,
                Some(Lift::Override) => would == Would::Deny && case.presented == Presented::Override,
                Some(Lift::BreakGlass) => would == Would::Error && case.presented == Presented::BreakGlass,
            };
            let sound = case.caller == Caller::Identified
                && case.tenancy == Tenancy::Agreed
                && (case.policy, case.revocations) == (Freshness::Fresh, Freshness::Fresh)
                && rules.lock == Lock::Off;
            assert!(lifted && sound, "{rules:?} {case:?}");
        }
    });
}

/// What no signature lifts where blocks hold.
fn never_lifted(what: impl Fn(&Rules, &Case) -> bool) {
    let mut met = 0;
    every_enforced(|rules, case, ruling| {
        if what(&rules, &case) {
            met += 1;
            assert_eq!(refusal(&ruling).expect("refused").lift, None, "{rules:?} {case:?}");
        }
    });
    assert!(met > 0);
}

#[test]
fn nothing_lifts_a_bad_identity() {
    never_lifted(|_, case| case.caller != Caller::Identified);
}

#[test]
fn nothing_lifts_tenant_isolation() {
    never_lifted(|_, case| case.tenancy == Tenancy::Disagreed);
}

#[test]
fn nothing_lifts_the_training_lock() {
    never_lifted(|rules, _| rules.lock == Lock::On);
}

#[test]
fn nothing_lifts_stale_data() {
    never_lifted(|_, case| case.policy == Freshness::Stale || case.revocations == Freshness::Stale);
}

#[test]
fn nothing_lifts_what_the_policy_calls_final() {
    never_lifted(|_, case| case.verdict != Verdict::Allow && case.overridable == Overridable::Never);
}

#[test]
fn nothing_lifts_an_audit_failure() {
    for level in [Level::Strict, Level::FailClosed] {
        for why in [Unrecorded::Refused, Unrecorded::Down] {
            let ruling = unrecorded(&Rules { level, sensitive: Sensitive::Recorded, lock: Lock::Off }, why);
            let refusal = refusal(&ruling).expect("refused");
            assert_eq!((refusal.class, refusal.lift), (Class::Unavailable, None), "{level} {why:?}");
        }
    }
}

#[test]
fn who_is_refused_before_the_call_is_read_is_refused_whatever_it_is() {
    every(|rules, case, ruling| {
        if let Some(refused) = refusal(&known(&rules, case.caller)) {
            let judged = refusal(&ruling).expect("refused");
            assert_eq!((judged.class, &judged.codes), (Class::Unidentified, &refused.codes), "{rules:?} {case:?}");
        }
    });
}

#[test]
fn a_record_is_waited_for_exactly_where_a_call_needs_one() {
    for level in Level::ALL {
        let rules = Rules { level, sensitive: Sensitive::Recorded, lock: Lock::Off };
        assert_eq!(awaits_record(&rules), [Level::Strict, Level::FailClosed].contains(&level), "{level}");
    }
}

#[test]
fn an_override_never_lifts_a_reason_that_it_does_not_name() {
    every(|rules, case, ruling| {
        if let (Presented::OverrideShort | Presented::Rejected | Presented::Nothing, Some(passage)) = (case.presented, passage(&ruling)) {
            assert_eq!(passage.lifted, None, "{rules:?} {case:?}");
        }
    });
}

#[test]
fn a_permission_that_is_not_needed_is_not_used() {
    every(|rules, case, ruling| {
        if let Some(Passage { lifted: Some(_), .. }) = passage(&ruling) {
            let without = judge(&rules, &Case { presented: Presented::Nothing, ..case });
            assert!(refusal(&without).is_some(), "{rules:?} {case:?}");
        }
    });
}

#[test]
fn a_call_that_goes_on_by_a_permission_is_never_forwarded_unrecorded() {
    every(|rules, case, ruling| {
        if let Some(Passage { lifted: Some(_), .. }) = passage(&ruling) {
            for why in [Unrecorded::Refused, Unrecorded::Down] {
                assert!(refusal(&unrecorded(&rules, why)).is_some(), "{rules:?} {case:?}");
            }
        }
    });
}

#[test]
fn what_a_refusal_asks_for_does_lift_it() {
    every(|rules, case, ruling| {
        if let Some(Refusal { lift: Some(lift), .. }) = refusal(&ruling) {
            let presented = match lift {
                Lift::Approval => Presented::Approval,
                Lift::Override => Presented::Override,
                Lift::BreakGlass => Presented::BreakGlass,
            };
            let with = judge(&rules, &Case { presented, ..case });
            assert_eq!(passage(&with).and_then(|passage| passage.lifted), Some(*lift), "{rules:?} {case:?}");
        }
    });
}

#[test]
fn what_a_refusal_does_not_ask_for_is_never_enough_alone() {
    every(|rules, case, ruling| {
        if let Some(Refusal { lift: None, .. }) = refusal(&ruling) {
            for presented in [Presented::Approval, Presented::Override, Presented::BreakGlass] {
                assert!(refusal(&judge(&rules, &Case { presented, ..case })).is_some(), "{rules:?} {case:?} {presented:?}");
            }
        }
    });
}

/// Break-glass apart, which only `fail_closed` knows, and which is a person's signature over an error.
#[test]
fn a_stricter_level_never_forwards_what_a_looser_one_refuses() {
    every(|rules, case, ruling| {
        if refusal(&ruling).is_some() && case.presented != Presented::BreakGlass {
            for level in Level::ALL.into_iter().filter(|level| *level > rules.level) {
                assert!(refusal(&judge(&Rules { level, ..rules }, &case)).is_some(), "{level} {rules:?} {case:?}");
            }
        }
    });
}

#[test]
fn rules_that_ask_for_more_never_forward_what_others_refuse() {
    every(|rules, case, ruling| {
        if refusal(&ruling).is_some() {
            let locked = Rules { lock: Lock::On, ..rules };
            assert!(refusal(&judge(&locked, &case)).is_some(), "{locked:?} {case:?}");
            // With an approval at hand a call that needs one is let through by it, and nothing else changes.
            let asking = Rules { sensitive: Sensitive::NeedsApproval, ..rules };
            assert!(refusal(&judge(&asking, &case)).is_some(), "{asking:?} {case:?}");
        }
    });
}

#[test]
fn a_worse_case_is_never_treated_better() {
    every(|rules, case, ruling| {
        if refusal(&ruling).is_some() {
            let worse = [
                Case { caller: Caller::UnidentifiedFar, ..case },
                Case { tenancy: Tenancy::Disagreed, ..case },
                Case { policy: Freshness::Stale, ..case },
                Case { revocations: Freshness::Stale, ..case },
                Case { approval: Approval::Required, ..case },
            ];
            for worse in worse {
                assert!(refusal(&judge(&rules, &worse)).is_some(), "{rules:?} {case:?} {worse:?}");
            }
        }
    });
}

#[test]
fn an_unknown_caller_learns_nothing_of_the_policy() {
    every(|rules, case, ruling| {
        if let Some(refusal) = refusal(&ruling).filter(|refusal| refusal.class == Class::Unidentified) {
            assert_eq!(refusal.codes, [crate::Code::Unidentified], "{rules:?} {case:?}");
        }
    });
}

#[test]
fn every_refusal_says_why() {
    every(|rules, case, ruling| {
        if let Some(refusal) = refusal(&ruling) {
            assert!(!refusal.codes.is_empty(), "{rules:?} {case:?}");
        }
    });
}

#[test]
fn a_permissive_level_forwards_whatever_the_policy_says() {
    every(|rules, case, ruling| {
        if rules.level.is_permissive() && case.caller != Caller::UnidentifiedFar {
            let passage = passage(&ruling).expect("forwarded");
            assert_eq!(passage.lifted, None, "{rules:?} {case:?}");
            assert_eq!(passage.warnings.is_empty(), clean(&rules, &case), "{rules:?} {case:?}");
        }
    });
}

fn clean(rules: &Rules, case: &Case) -> bool {
    Would::of(rules, case) == Would::Allow
        && rules.lock == Lock::Off
        && (case.caller, case.tenancy) == (Caller::Identified, Tenancy::Agreed)
        && (case.policy, case.revocations) == (Freshness::Fresh, Freshness::Fresh)
}
