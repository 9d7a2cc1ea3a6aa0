//! Values with one spelling: strict JSON, its canonical form (RFC 8785), digests, ids and instants.
//!
//! Knows bytes and values. Knows no clock, no randomness, no socket and no disk: instants and ids come in as arguments.

pub mod digest;
pub mod ids;
pub mod json;
pub mod micros;
pub mod text;

pub use digest::{Digest, HmacKey, Keyed};
pub use ids::{CallId, Epoch, InstanceId, Seq, Writer};
pub use json::{Build, Json, Kind, Number};
pub use micros::Micros;
