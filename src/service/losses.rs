//! Calls that went on or were refused without a record, counted until a record says how many they were. Knows no call.

use crate::telemetry::Metrics;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The count since the last record of it.
pub(crate) struct Losses {
    unsaid: AtomicU64,
    metrics: Arc<Metrics>,
}

impl Losses {
    pub(super) fn new(metrics: Arc<Metrics>) -> Self {
        Self { unsaid: AtomicU64::new(0), metrics }
    }

    /// One more call whose record the journal did not take.
    pub(crate) fn count(&self, why: &str) {
        self.metrics.records_lost.inc();
        if self.unsaid.fetch_add(1, Ordering::Relaxed) == 0 {
            tracing::error!(why, "a decision could not be recorded; further ones are counted in `toolgate_records_lost_total`");
        }
    }

    /// How many no record speaks of yet.
    pub(super) fn unsaid(&self) -> u64 {
        self.unsaid.load(Ordering::Relaxed)
    }

    /// A record speaks of so many now.
    pub(super) fn said(&self, count: u64) {
        self.unsaid.fetch_sub(count, Ordering::Relaxed);
    }
}
