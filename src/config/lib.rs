//! Every setting of toolgate, from files: `toolgate.yaml`, `modes.yaml` and its overlay. All mistakes at once, each with file, line and key.
//!
//! Knows the keys, their defaults and what fits together. Knows no network, no clock and no key material: it names files, the rooms read them.

pub mod modes;
mod problem;
mod reader;
mod yaml;

pub use enforcement::{Level, Mode};
pub use modes::{ModeSettings, ModeView, Modes};
pub use problem::{Place, Problem};
pub use yaml::{FILE_BYTES_MAX, NESTING_MAX};

/// A file that was read: its name for messages, and its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// The file as the user named it.
    pub name: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}
