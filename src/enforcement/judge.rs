//! Applies the table: which rows a case touches, and what the level does with them.
//!
//! No rule is here: `rules.rs` has them.

use crate::case::{Approval, Caller, Case, Freshness, Overridable, Presented, Tenancy, Unfit, Unrecorded};
use crate::rules::{Does, Level, Lift, Lock, Row, Rules};
use crate::ruling::{Passage, Refusal, Ruling, Would};

/// Rules on a request that cannot be judged.
pub fn admit(rules: &Rules, unfit: Unfit) -> Ruling {
    let row = match unfit {
        Unfit::Malformed => Row::Malformed,
        Unfit::UnsupportedType => Row::UnsupportedType,
        Unfit::BodyOverLimit => Row::BodyOverLimit,
        Unfit::Overload => Row::Overload,
    };
    rule(rules.level, &[Some(row)], None)
}

/// Rules on who calls, before anything of the call is read: whoever is refused for that is refused whatever the call is.
pub fn known(rules: &Rules, caller: Caller) -> Ruling {
    rule(rules.level, &[stranger(caller)], None)
}

/// Rules on a call that the policy has judged.
pub fn judge(rules: &Rules, case: &Case) -> Ruling {
    let presented = match case.presented {
        Presented::Nothing | Presented::Rejected | Presented::OverrideShort => None,
        Presented::Approval => Some(Lift::Approval),
        Presented::Override => Some(Lift::Override),
        Presented::BreakGlass => Some(Lift::BreakGlass),
    };
    rule(rules.level, &rows(rules, case), presented)
}

/// Rules on a call that may go on but whose decision the journal did not take.
pub fn unrecorded(rules: &Rules, why: Unrecorded) -> Ruling {
    let row = match why {
        Unrecorded::Refused => Row::JournalRefused,
        Unrecorded::Down => Row::JournalDown,
    };
    rule(rules.level, &[Some(row)], None)
}

/// Whether a call waits until its decision is on the disk: where the table would let it go without a record, it need not.
#[must_use]
pub fn awaits_record(rules: &Rules) -> bool {
    [Unrecorded::Refused, Unrecorded::Down].into_iter().any(|why| matches!(unrecorded(rules, why), Ruling::Refuse(_)))
}

const fn stranger(caller: Caller) -> Option<Row> {
    match caller {
        Caller::Identified => None,
        Caller::UnidentifiedNear => Some(Row::UnidentifiedNear),
        Caller::UnidentifiedFar => Some(Row::UnidentifiedFar),
    }
}

/// The rows that `case` touches.
fn rows(rules: &Rules, case: &Case) -> [Option<Row>; 6] {
    [
        stranger(case.caller),
        match case.policy {
            Freshness::Fresh => None,
            Freshness::Stale => Some(Row::PolicyStale),
        },
        match case.revocations {
            Freshness::Fresh => None,
            Freshness::Stale => Some(Row::RevocationsStale),
        },
        match rules.lock {
            Lock::Off => None,
            Lock::On => Some(Row::Locked),
        },
        match case.tenancy {
            Tenancy::Agreed => None,
            Tenancy::Disagreed => Some(Row::TenantDisagreement),
        },
        match (Would::of(rules, case), case.approval, case.overridable) {
            (Would::Allow, _, _) => None,
            (Would::NeedApproval, Approval::Required, _) => Some(Row::ApprovalRequired),
            (Would::NeedApproval, Approval::NotAsked, _) => Some(Row::Sensitive),
            (Would::Deny, _, Overridable::Yes) => Some(Row::Denied),
            (Would::Deny, _, Overridable::Never) => Some(Row::DeniedForGood),
            (Would::Error, _, Overridable::Yes) => Some(Row::Error),
            (Would::Error, _, Overridable::Never) => Some(Row::ErrorForGood),
        },
    ]
}

/// What `level` does with all of `rows` together, where a person signed `presented`.
fn rule(level: Level, rows: &[Option<Row>], presented: Option<Lift>) -> Ruling {
    let (mut warnings, mut refusing, mut lifted) = (Vec::new(), Vec::new(), None);
    for row in rows.iter().flatten() {
        match row.at(level) {
            Does::Warn => warnings.push(row.code()),
            Does::Refuse => refusing.push((row, None)),
            Does::Unless(lifts) => match presented.filter(|presented| lifts.contains(presented)) {
                Some(lift) => lifted = Some(lift),
                None => refusing.push((row, lifts.first().copied())),
            },
        }
    }
    let Some(class) = refusing.iter().map(|(row, _)| row.class()).max() else {
        return Ruling::Forward(Passage { warnings, lifted });
    };
    let codes = refusing.iter().filter(|(row, _)| row.class() == class).map(|(row, _)| row.code()).collect();
    // What nothing lifts stays refused, whatever is signed for the rest.
    let lift = match refusing.as_slice() {
        [(_, lift)] => *lift,
        _ => None,
    };
    Ruling::Refuse(Refusal { class, codes, lift })
}
