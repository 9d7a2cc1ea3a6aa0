//! What the table says of a case: forward or refuse, with codes.
//!
//! Knows no status and no protocol: a class is what those are chosen by.

use crate::rules::{Lift, Rules};
use crate::{Approval, Case, Sensitive, Sensitivity, Verdict};
use serde::Serialize;

/// What becomes of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Ruling {
    /// It goes on.
    Forward(Passage),
    /// It ends here.
    Refuse(Refusal),
}

/// How a call goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passage {
    /// What would have stopped it at a stricter level. Each is in the record, a header and the log.
    pub warnings: Vec<Code>,
    /// The permission that it goes on by: this one is used up. `None`: it needs none, and one that came along is not used.
    pub lifted: Option<Lift>,
}

/// Why a call ends here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What the answer's status is chosen by.
    pub class: Class,
    /// Why, all of one class, at least one.
    pub codes: Vec<Code>,
    /// What a person could sign to let the same call through; `None`: nothing lifts it.
    pub lift: Option<Lift>,
}

/// What kind of refusal. A later one hides an earlier one: who is not known learns nothing of the policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// The policy or the table decided about a well-formed call of a known caller: deny, error, approval, lock.
    Policy,
    /// It could have gone at another time: overload, stale data, no record.
    Unavailable,
    /// Nobody known called.
    Unidentified,
    /// The content type or encoding is not read here.
    UnsupportedType,
    /// The body is over the limit.
    BodyOverLimit,
    /// The request has no single reading.
    Malformed,
}

macro_rules! codes {
    ($($name:ident = $text:literal),+ $(,)?) => {
        /// The reason codes of this room. `fixtures/enforcement/codes.txt` has a sentence for each.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[expect(missing_docs, reason = "the sentence of each code is in fixtures/enforcement/codes.txt, and a test holds both together")]
        pub enum Code { $($name),+ }

        impl Code {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The code as records, headers and refusals write it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }
        }
    };
}

codes! {
    Denied = "toolgate.denied",
    Error = "toolgate.error",
    ApprovalRequired = "toolgate.approval_required",
    Sensitive = "toolgate.sensitive",
    TenantDisagreement = "toolgate.tenant_disagreement",
    TrainingLock = "toolgate.training_lock",
    PolicyStale = "toolgate.policy_stale",
    RevocationsStale = "toolgate.revocations_stale",
    Overload = "toolgate.overload",
    JournalRefused = "toolgate.journal_refused",
    JournalDown = "toolgate.journal_down",
    Unidentified = "toolgate.unidentified",
    UnsupportedType = "toolgate.unsupported_type",
    BodyOverLimit = "toolgate.body_over_limit",
    Malformed = "toolgate.malformed",
}

/// What the policy would do with the call if it were enforced. A record says it beside what was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Would {
    /// Let it go.
    Allow,
    /// Let it go with a person's approval.
    NeedApproval,
    /// Stop it.
    Deny,
    /// Nothing: it has no answer.
    Error,
}

impl Would {
    /// What the policy would do under `rules`.
    #[must_use]
    pub fn of(rules: &Rules, case: &Case) -> Self {
        match (case.verdict, case.approval, case.sensitivity, rules.sensitive) {
            (Verdict::Error, _, _, _) => Self::Error,
            (Verdict::Deny, _, _, _) => Self::Deny,
            (Verdict::Allow, Approval::Required, _, _)
            | (Verdict::Allow, Approval::NotAsked, Sensitivity::Sensitive, Sensitive::NeedsApproval) => Self::NeedApproval,
            (Verdict::Allow, Approval::NotAsked, _, _) => Self::Allow,
        }
    }
}
