//! The journal: one log per start of one directory, its receipts, and the small tables that change with it.
//!
//! Knows SQLite, one directory and one clock. Does not know what a decision means: it numbers, seals and keeps what `record` writes.
//!
//! # What it must do
//! - A record is acknowledged only after it is on the disk; an acknowledged record survives kill -9 and a power cut.
//! - One transaction holds a call's records, the uses of permissions that it spends and the rows that must change with it.
//! - A failed write or sync is final: the journal is down until the next start, which rewrites before it trusts.
//! - Nobody waits longer than the commit deadline, and nothing waits at all for an outcome.
//! - The directory stays within its budget; what was not read back is never let go.
//!
//! # On the disk
//! `journal.db` (SQLite, WAL, `synchronous=FULL`; mode 0600, it holds the digest key), beside it SQLite's `-wal` and `-shm`, and `lock`,
//! which the process that writes holds by flock. `schema.rs` has the tables. `log` is append-only but for trimming from its old end; its
//! rows hold the exact bytes of `record::Finished`, with the leaf from the first record on.
//!
//! # Life of a record
//! `append` writes body and salt on the caller's thread and queues; the one writer thread takes everything that waits as one transaction,
//! numbers it, commits, answers. Another thread copies the write-ahead file into the database meanwhile. A decision that is forwarded leaves a row in `pending` and a `Slot`; the slot's outcome joins a later
//! group. A reader ships from `read_after`, reads back, and acknowledges; acknowledged records go after `retain_after_ack_s`, or sooner
//! when room is needed. What a crash at each step leaves is said where the step is.

mod clock;
mod copier;
mod deposits;
mod directory;
mod entry;
mod group;
mod hand;
mod journal;
mod open;
mod reader;
mod receipt;
mod schema;
mod settings;
mod space;
mod stats;
mod writer;

pub use clock::{Clock, Now};
pub use entry::{Binding, Blocked, Claim, Deposit, Entry, Put, Redaction, Refusal};
pub use journal::Journal;
pub use open::OpenError;
pub use reader::{Cursor, ReadError, Reader, Stored};
pub use receipt::{Cause, Noted, Receipt, Slot, Unrecorded, Waiting};
pub use schema::BUDGET_BYTES_MIN;
pub use settings::{Facts, Settings};
pub use stats::{COMMIT_BOUNDS_US, Standing, Stats};
