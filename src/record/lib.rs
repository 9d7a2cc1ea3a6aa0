//! What is recorded of a call: event kinds, the bytes of envelope and body, the mask, the leaf hash.
//!
//! The envelope is RFC 8785 JSON, holds no free text and no personal value, and its exact bytes are what the leaf covers. Messages, names,
//! claims, masked arguments and headers are the body, which the envelope commits to under a salt, so that it can be erased without
//! breaking a proof. Knows values and bytes. Knows no clock, no randomness, no disk: instants, salts and numbers come in as arguments.

#[macro_use]
mod word;
mod body;
mod draft;
mod event;
mod mask;
mod row;

pub use draft::{Draft, Finished, leaf};
pub use event::{
    Concluded, Decision, DecisionBody, Done, Event, Genesis, Head, Key, Lifecycle, LifecycleAction, LoadAction, Message, Outcome,
    OutcomeBody, OutcomeKind, Permission, PermissionAction, PermissionBody, Person, Policy, SourceBody, Token, TokenKind, Would,
};
pub use mask::{Mask, MaskLimits, Masked};
pub use row::{Row, Unreadable, read};

#[cfg(test)]
mod tests;
