//! The functions that toolgate adds to the engine, takes away or repairs: one set for serving, tests and replay.

use crate::snapshot::BuiltinErrors;
use regorus::Engine;
use std::sync::Arc;

/// A function that a policy may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Capability {
    /// Its name, as `glob.match`.
    pub name: &'static str,
    /// How many arguments it takes.
    pub arity: u8,
    /// Toolgate's own, in place of the engine's.
    pub own: bool,
}

/// Everything that a policy may call, in order of names.
#[must_use]
pub fn capabilities() -> Vec<Capability> {
    Vec::new()
}

/// Patterns compiled for one snapshot.
#[derive(Debug, Default)]
pub(crate) struct Patterns;

pub(crate) fn install(_: &mut Engine, _: BuiltinErrors, _: &Arc<Patterns>) -> Result<(), String> {
    Ok(())
}
