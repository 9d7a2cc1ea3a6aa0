//! Proofs that a record is on the disk, and the place kept for its outcome.
//!
//! INVARIANT: only `append` makes a `Receipt`, after the commit's sync returned. A `Noted` proves that an entry was taken, and nothing of the disk.

use crate::hand::{Conclusion, Failure, Hand, Shared};
use canon::{CallId, Seq};
use record::{Outcome, OutcomeKind};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::oneshot;

/// Why an entry is not recorded.
#[derive(Debug)]
#[must_use]
pub enum Unrecorded {
    /// Not this entry; the journal works. A record refused as `Late` may still land: its outcome is then what `into_slot` is told, or `refused`.
    Refused(Cause, Option<Slot>),
    /// The journal failed and takes nothing until the next start.
    Down(String),
}

impl Unrecorded {
    /// For one who goes on without the record (permissive levels): the place of the outcome, should the record land after all.
    #[must_use]
    pub fn into_slot(self) -> Option<Slot> {
        match self {
            Self::Refused(_, slot) => slot.map(|slot| slot.otherwise(OutcomeKind::Abandoned)),
            Self::Down(_) => None,
        }
    }
}

impl From<Failure> for Unrecorded {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(cause) => Self::Refused(cause, None),
            Failure::Down(why) => Self::Down(why),
        }
    }
}

impl fmt::Display for Unrecorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(cause, _) => cause.fmt(f),
            Self::Down(why) => write!(f, "the journal is down until the next start: {why}"),
        }
    }
}

impl std::error::Error for Unrecorded {}

/// Why the journal refused one entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Cause {
    /// The budget in bytes, or the disk, is full.
    #[error("the journal is full: records that were not read back use up `budget_bytes`, or the disk has no room")]
    Full,
    /// Refused calls have used up their caller's part of the budget: what is recorded of them leaves room for calls that go on.
    #[error("records of refused calls that were not read back use up their part of `budget_bytes`")]
    Share,
    /// The oldest record that was not read back is older than `budget_age_s`.
    #[error("the journal is full: its oldest record that was not read back is older than `budget_age_s`")]
    TooOld,
    /// The commit did not come within `commit_deadline_ms`.
    #[error("the journal did not commit within `commit_deadline_ms`")]
    Late,
    /// Too much waits for the writer.
    #[error("more entries wait for the journal than `queue_entries_max` or `queue_bytes_max` allow")]
    Overloaded,
    /// Another program holds the database's write lock.
    #[error("another program holds the journal's write lock")]
    Blocked,
    /// A claimed use is spent.
    #[error("the permission is used already")]
    AlreadyUsed,
    /// Too many permissions wait.
    #[error("more deposited permissions wait than `deposits_max` allows")]
    TooManyDeposits,
    /// The entry holds a decision of another call than its key.
    #[error("the entry holds a decision of another call")]
    Foreign,
    /// The system gave no randomness for a salt.
    #[error("the system gives no random bytes")]
    NoRandomness,
}

/// The proof that an entry is on the disk. Dropped, its call is recorded as `abandoned`.
#[derive(Debug)]
#[must_use]
pub struct Receipt {
    key: CallId,
    seq: Seq,
    slot: Slot,
}

impl Receipt {
    pub(crate) fn new(key: CallId, seq: Seq, slot: Slot) -> Self {
        Self { key, seq, slot }
    }

    /// The entry's key.
    #[must_use]
    pub fn key(&self) -> CallId {
        self.key
    }

    /// The call that was decided to be forwarded, if that is what the entry recorded: what a clearance needs.
    #[must_use]
    pub fn forwards(&self) -> Option<CallId> {
        self.slot.open.as_ref().map(|open| open.call)
    }

    /// The place of the entry's last record.
    #[must_use]
    pub fn seq(&self) -> Seq {
        self.seq
    }

    /// The place of the outcome.
    pub fn into_slot(self) -> Slot {
        self.slot
    }
}

/// An entry that is on its way to the disk. Dropped, its call is recorded as `abandoned`, if the entry lands.
#[derive(Debug)]
#[must_use]
pub struct Noted {
    key: CallId,
    slot: Slot,
}

impl Noted {
    pub(crate) fn new(key: CallId, slot: Slot) -> Self {
        Self { key, slot }
    }

    /// The entry's key.
    #[must_use]
    pub fn key(&self) -> CallId {
        self.key
    }

    /// The call that was decided to be forwarded, if that is what the entry records: what a clearance needs.
    #[must_use]
    pub fn forwards(&self) -> Option<CallId> {
        self.slot.open.as_ref().map(|open| open.call)
    }

    /// The place of the outcome.
    pub fn into_slot(self) -> Slot {
        self.slot
    }
}

/// The writer's answer on one entry.
#[derive(Debug)]
#[must_use]
pub struct Waiting {
    answer: oneshot::Receiver<Result<Seq, Failure>>,
    shared: Arc<Shared>,
}

impl Waiting {
    pub(crate) fn new(answer: oneshot::Receiver<Result<Seq, Failure>>, shared: Arc<Shared>) -> Self {
        Self { answer, shared }
    }

    /// Returns when the entry is on the disk, or after `commit_deadline_ms` at the latest. What is late may still land.
    pub async fn told(self) -> Result<Seq, Unrecorded> {
        let Self { mut answer, shared } = self;
        let deadline = Duration::from_millis(shared.settings.commit_deadline_ms);
        let told = match tokio::time::timeout(deadline, &mut answer).await {
            Ok(told) => told.ok(),
            Err(_) => {
                // Told just now, or never: what lands later finds nobody.
                answer.close();
                match answer.try_recv() {
                    Ok(told) => Some(told),
                    Err(_) => {
                        shared.refusing.store(true, Ordering::Release);
                        return Err(Unrecorded::Refused(Cause::Late, None));
                    }
                }
            }
        };
        match told {
            Some(told) => told.map_err(Unrecorded::from),
            None => Err(shared.ended()),
        }
    }
}

/// The place kept for a forwarded call's outcome; empty for an entry that forwards nothing. Dropped, the call is recorded as `abandoned`.
#[derive(Debug)]
#[must_use]
pub struct Slot {
    open: Option<Conclusion>,
    hand: Hand,
}

impl Slot {
    pub(crate) fn new(open: Option<Conclusion>, hand: Hand) -> Self {
        Self { open, hand }
    }

    /// Records how the call ended. Never waits; the outcome reaches the disk with a later group, or is `unknown` after a crash.
    pub fn conclude(mut self, outcome: Outcome) {
        if let Some(open) = self.open.take() {
            self.hand.conclude(open, outcome);
        }
    }

    /// What is recorded if the slot is dropped.
    pub(crate) fn otherwise(mut self, kind: OutcomeKind) -> Self {
        if let Some(open) = &mut self.open {
            open.otherwise = kind;
        }
        self
    }

    /// Nothing was recorded: there is nothing to conclude.
    pub(crate) fn disarm(mut self) {
        self.open = None;
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(open) = self.open.take() {
            let kind = open.otherwise;
            self.hand.conclude(open, Outcome::of(kind));
        }
    }
}
