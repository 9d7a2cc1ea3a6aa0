//! The corpus in `fixtures/tokens/permission`: each file is named after the answer that it gets.

mod story;

use super::{Blocked, Kind, Lift, Verified, verify};
use crate::{Rejected, peek};
use canon::Micros;
use std::collections::BTreeSet;
use story::Story;

fn answer(found: &Result<Verified, Rejected>) -> String {
    match found {
        Ok(_) => "accepted".to_owned(),
        Err(why) => why.code().strip_prefix("toolgate.permission.").unwrap().to_owned(),
    }
}

fn check(name: &str) {
    let story = Story::read(name);
    let expected = name.split_once('.').unwrap().0;
    let token = story.token();
    let found = verify(&token, &story.keys(), &story.binding(), story.at());
    assert_eq!(answer(&found), expected, "{name}: {found:?}");
    // What can be verified can be looked up, and nothing that is said of a token holds a part of it.
    match found {
        Ok(verified) => assert_eq!(peek(&token, &story.settings()).unwrap().jti, verified.jti(), "{name}"),
        Err(why) => {
            let said = format!("{why} {why:?}");
            assert!(!token.split('.').any(|part| part.len() > 8 && said.contains(part)), "{name}: {said}");
        }
    }
}

#[test]
fn each_token_gets_the_answer_that_it_is_named_after() {
    let names = story::names();
    assert!(names.len() > 150, "the corpus has shrunk to {}", names.len());
    names.iter().for_each(|name| check(name));
}

#[test]
fn each_answer_has_a_token() {
    let codes: BTreeSet<&str> =
        include_str!("../rejected.rs").split("\"toolgate.permission.").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let names = story::names();
    let answers: BTreeSet<&str> = names.iter().filter_map(|name| name.split('.').next()).filter(|answer| *answer != "accepted").collect();
    assert!(codes.len() > 30);
    assert_eq!(answers, codes);
}

#[test]
fn a_proof_says_what_was_signed() {
    let story = Story::read("accepted.override");
    let verified = verify(&story.token(), &story.keys(), &story.binding(), story.at()).unwrap();
    assert_eq!(
        (verified.kind(), verified.kid(), verified.person(), verified.ticket()),
        (Kind::Override, "alice", "alice@example.org", Some("OPS-17"))
    );
    assert_eq!((verified.exp(), verified.reason()), (Micros(1_767_312_840_000_000), "the report must be out today"));
    assert_eq!(verified.lifts(), ["fs.protected"]);
}

#[test]
fn what_a_permission_is_worth_against_the_block_of_now() {
    let (protected, other, timeout) = ("fs.protected", "fs.other", "toolgate.timeout");
    for (name, blocked, reasons, expected) in [
        ("accepted.override", Blocked::Denied, &[protected][..], Lift::Override),
        ("accepted.override", Blocked::Denied, &[protected, other], Lift::Short),
        ("accepted.override", Blocked::NeedsApproval, &[], Lift::Override),
        ("accepted.override", Blocked::Error, &[protected], Lift::Short),
        ("accepted.approval", Blocked::NeedsApproval, &[], Lift::Approval),
        ("accepted.approval", Blocked::Denied, &[protected], Lift::Short),
        ("accepted.approval", Blocked::Error, &[timeout], Lift::Short),
        ("accepted.approval_of_a_deny", Blocked::Denied, &[protected], Lift::Approval),
        ("accepted.break_glass", Blocked::Error, &[timeout], Lift::BreakGlass),
        ("accepted.break_glass", Blocked::Denied, &[protected], Lift::Short),
        ("accepted.more_than_needed", Blocked::Denied, &[protected], Lift::Override),
    ] {
        let story = Story::read(name);
        let verified = verify(&story.token(), &story.keys(), &story.binding(), story.at()).unwrap();
        assert_eq!(verified.lift(blocked, reasons.iter().copied()), expected, "{name} against {blocked:?} {reasons:?}");
    }
}

#[test]
fn a_deposit_is_checked_against_the_refusal_alone() {
    let story = Story::read("accepted.override");
    let (call, refused) = (story.binding(), story.refused().unwrap());
    let deposit = refused.binding(call.audience, call.instance);
    assert_eq!(answer(&verify(&story.token(), &story.keys(), &deposit, story.at())), "accepted");
    let story = Story::read("self_signed.user");
    let refused = story.refused().unwrap();
    let deposit = refused.binding(call.audience, call.instance);
    assert_eq!(answer(&verify(&story.token(), &story.keys(), &deposit, story.at())), "self_signed");
}

/// P12: whatever the clock does, a token holds from `nbf` to `exp` and at no other time.
#[test]
fn no_instant_outside_its_life_revives_a_permission() {
    let story = Story::read("accepted.no_revocation_list");
    let (token, keys, binding) = (story.token(), story.keys(), story.binding());
    for offset in [i64::MIN / 2_000_000, -31_536_000 * 10, -3600, -91, -90, 0, 839, 840, 3600, 31_536_000 * 10, i64::MAX / 2_000_000] {
        let at = Micros((1_767_312_000_i64.saturating_add(offset)).saturating_mul(1_000_000));
        let lives = (-90..840).contains(&offset);
        assert_eq!(verify(&token, &keys, &binding, at).is_ok(), lives, "{offset}");
    }
}
