//! What a policy says of a call: input -> decision, by Rego in process; bundles from bytes; tests and fixtures of policies.
//!
//! Knows the engine, the input's schema, the result's shape and the dispatch to a tool's own package. Knows no disk, clock, socket or thread: files come
//! in as bytes, time as an argument. What a mode makes of a decision is `enforcement`'s.
//!
//! `RUST_LIB_BACKTRACE=0` must hold in a process that evaluates: the engine's errors would else capture a backtrace at every level.

mod bundle;
mod check;
mod decision;
mod engines;
mod extensions;
pub mod fixtures;
mod input;
mod problem;
mod rego;
mod result;
mod run;
mod schema;
mod snapshot;
pub mod test;
#[cfg(test)]
mod traps;

pub use bundle::{ArchiveLimits, Source};
pub use decision::{Approval, Decision, Obligation, Reason, Risk, Verdict, Visibility, codes};
pub use extensions::{Capability, capabilities};
pub use input::{Actor, Asked, Call, Definition, Http, Input, Mode, Session, Subject, Training, User, Workload};
pub use problem::Problem;
pub use rego::Rego;
pub use result::{FIELDS, OBLIGATIONS};
pub use schema::schema;
pub use snapshot::{BuiltinErrors, Settings, Snapshot, TestModules};

/// A value of the engine.
pub use regorus::Value;
