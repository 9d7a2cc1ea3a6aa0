//! ClickHouse over its HTTP interface: the schema, the delivery of journal records, and reading them back.
//!
//! An answer that did not arrive whole is an unknown outcome, never a success and never a failure.

mod answer;
mod client;
pub mod delivery;
pub mod rows;
pub mod schema;
pub mod trail;

pub use client::{Client, Credentials, Settings, Transport, UnusableTls};

/// Why ClickHouse did not do what was asked, or is not known to have done it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No connection: nothing was sent.
    #[error("cannot reach ClickHouse at `{at}`: {why}; check the address and that the server runs")]
    Unreachable {
        /// Host and port.
        at: String,
        /// The system's words.
        why: String,
    },
    /// The connection ended, or time ran out, before the whole answer came: it may have been done.
    #[error("no whole answer from ClickHouse at `{at}`: {why}; what was asked may have been done")]
    Unknown {
        /// Host and port.
        at: String,
        /// What was missing.
        why: String,
    },
    /// ClickHouse answered with an exception. For an insert this, too, may have been done in part.
    #[error("ClickHouse refused with code {code}: {message}")]
    Refused {
        /// ClickHouse's own number, 0 where it gave none.
        code: u32,
        /// Its words, cut and made safe to show.
        message: String,
    },
    /// An answer of another shape than asked for.
    #[error("ClickHouse answered in another shape than asked for: {0}")]
    Shape(String),
    /// The password file could not be read.
    #[error("cannot read the ClickHouse password from `{path}`: {why}")]
    Password {
        /// The file.
        path: String,
        /// The system's words.
        why: String,
    },
}
