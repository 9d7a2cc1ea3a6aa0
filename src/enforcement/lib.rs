//! The enforcement table: what each level does with each case.
//!
//! Knows levels, cases and rulings, all plain values. Knows no call, no policy, no token and no journal: who calls
//! says what kind of case it is, and this room says whether it is forwarded or refused, under which code, and who
//! could lift the refusal.

mod case;
mod judge;
mod rules;
mod ruling;

pub use case::{Approval, Caller, Case, Freshness, Overridable, Presented, Sensitivity, Tenancy, Unfit, Unrecorded, Verdict};
pub use judge::{admit, awaits_record, judge, known, unrecorded};
pub use rules::{Level, Lift, Lock, Mode, Problem, Rules, Sensitive};
pub use ruling::{Class, Code, Passage, Refusal, Ruling, Would};

#[cfg(test)]
mod tests;
