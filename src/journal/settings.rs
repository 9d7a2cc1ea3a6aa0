//! What an operator sets about the journal, and what the start tells it.

use std::path::PathBuf;

/// The journal's settings. Times and sizes carry their unit in their name.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The journal's directory; made if its parent exists. On a local disk: a network file system is refused.
    pub dir: PathBuf,
    /// Bytes that the database may take. Its write-ahead file comes on top: some MiB.
    pub budget_bytes: u64,
    /// How old the oldest record that was not read back may get.
    pub budget_age_s: u64,
    /// How long a caller waits for its commit.
    pub commit_deadline_ms: u64,
    /// How long a record stays after it was read back, as far as there is room.
    pub retain_after_ack_s: u64,
    /// Whether something ships the records. If nothing does, each counts as read back once it is on the disk.
    pub shipped: bool,
    /// Entries that one transaction takes.
    pub group_entries_max: usize,
    /// Entries that may wait for the writer; more are refused at once.
    pub queue_entries_max: usize,
    /// Bytes of bodies that may wait for the writer; more are refused at once.
    pub queue_bytes_max: usize,
    /// How long a refused decision can still be answered by a permission.
    pub refusal_keep_s: u64,
    /// Refused decisions kept for that; the oldest go first.
    pub refusals_max: u64,
    /// Deposited permissions that may wait for their call.
    pub deposits_max: u64,
    /// How far the clock may be set back between two starts: used permissions are kept that much longer than they are valid.
    pub rollback_max_s: u64,
    /// How far the clock may stand behind the newest record before permissions are not honoured.
    pub clock_skew_ms: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            dir: PathBuf::from("/var/lib/toolgate/journal"),
            budget_bytes: 1 << 30,
            budget_age_s: 24 * 3600,
            commit_deadline_ms: 2000,
            retain_after_ack_s: 24 * 3600,
            shipped: true,
            group_entries_max: 512,
            queue_entries_max: 4096,
            queue_bytes_max: 16 << 20,
            refusal_keep_s: 24 * 3600,
            refusals_max: 100_000,
            deposits_max: 10_000,
            rollback_max_s: 24 * 3600,
            clock_skew_ms: 2000,
        }
    }
}

/// What the genesis record says of the process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The program's version.
    pub version: String,
    /// The runtime mode's name.
    pub mode: String,
    /// The enforcement level's word.
    pub enforcement: String,
    /// The durability class.
    pub durability: String,
}
