//! Signed permissions: a person's override of a refusal, or approval of a call, as a JWS over Ed25519.
//!
//! Knows tokens, keys, revocations and the call that a token must fit. Knows no clock, file or journal: the caller gives the effective
//! instant (never one that runs backwards), looks up the refused decision, and writes the single use in its own transaction.
//! What a permission is worth in which mode is the table's matter (`enforcement`).

mod claims;
mod keys;
mod rejected;
mod revocations;
mod settings;
mod signing;
mod token;
mod verify;

pub use claims::{Claims, Kind};
pub use keys::{Arguments, KeyEntry, KeyProblem, Keys, Login, Role};
pub use rejected::Rejected;
pub use revocations::Revocations;
pub use settings::{Algorithm, Settings, Ticket};
pub use signing::{BadKey, Published, SigningKey, published, sign};
pub use token::{Claimed, peek};
pub use verify::{Binding, Blocked, Lift, RefusedDecision, Verified, verify};
