//! What the journal says of itself: figures for metrics, and whether it works.

use canon::Micros;
use record::Head;
use std::time::Duration;

/// Upper bounds of the commit times' buckets, in microseconds; one more bucket has the rest.
pub const COMMIT_BOUNDS_US: [u64; 15] =
    [100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 10_000_000];

/// Figures since the start, or of the moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stats {
    /// The newest record.
    pub head: Head,
    /// Bytes of the database in use.
    pub used_bytes: u64,
    /// What it may use.
    pub budget_bytes: u64,
    /// Records that were not read back.
    pub unread: u64,
    /// When the oldest of them was recorded.
    pub oldest_unread: Option<Micros>,
    /// Forwarded decisions without an outcome.
    pub pending: u64,
    /// Records written since the start.
    pub records: u64,
    /// Transactions since the start.
    pub commits: u64,
    /// Entries refused since the start, but for late ones.
    pub refused: u64,
    /// Read-back records that went before `retain_after_ack_s`, since room was needed.
    pub trimmed_early: u64,
    /// How many commits took how long: a count per bound and one for the rest.
    pub commit_buckets: [u64; 16],
    /// Their sum.
    pub commit_total: Duration,
}

impl Stats {
    pub(crate) fn new(head: Head, budget_bytes: u64) -> Self {
        Self {
            head,
            used_bytes: 0,
            budget_bytes,
            unread: 0,
            oldest_unread: None,
            pending: 0,
            records: 0,
            commits: 0,
            refused: 0,
            trimmed_early: 0,
            commit_buckets: [0; 16],
            commit_total: Duration::ZERO,
        }
    }

    pub(crate) fn committed(&mut self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = COMMIT_BOUNDS_US.iter().position(|bound| micros <= *bound).unwrap_or(COMMIT_BOUNDS_US.len());
        if let Some(count) = self.commit_buckets.get_mut(bucket) {
            *count += 1;
        }
        self.commits += 1;
        self.commit_total = self.commit_total.saturating_add(took);
    }
}

/// Whether the journal takes records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It does.
    Up,
    /// It failed, and takes none until the next start.
    Down(String),
}
