//! The rooms whose proofs the cases attack, under one name: so that the driver has one library to hand to the compiler.

pub use {canon, enforcement, gate, journal, permission, protocol, record, serde, wire};
