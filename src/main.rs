//! The binary: see `pipeline.rs` for the way of a call.
fn main() {}
