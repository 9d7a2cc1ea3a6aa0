//! What goes to the writer, and the ways to it.

use crate::clock::Time;
use crate::deposits::Deposits;
use crate::entry::{Claim, Put};
use crate::open::salt;
use crate::reader::Cursor;
use crate::receipt::{Cause, Unrecorded};
use crate::settings::Settings;
use crate::stats::Stats;
use canon::{CallId, Digest, Micros, Seq, Writer};
use record::{Concluded, Draft, Event, Outcome, OutcomeKind};
use rusqlite::ErrorCode;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, OnceLock};
use tokio::sync::oneshot;

/// An entry on its way to the disk.
#[derive(Debug)]
pub(crate) struct Submitted {
    pub(crate) key: CallId,
    pub(crate) records: Vec<(Micros, Draft)>,
    /// Of a forwarded decision: its tenant.
    pub(crate) opens: Option<Option<String>>,
    pub(crate) weight: Weight,
    pub(crate) claims: Vec<Claim>,
    pub(crate) puts: Vec<Put>,
    pub(crate) bytes: usize,
    /// Whether the call waits for it.
    pub(crate) awaited: bool,
    pub(crate) answer: oneshot::Sender<Result<Seq, Failure>>,
}

/// What an entry may use up: a full journal refuses calls first, then what is recorded of refused ones and of permissions, the house's own
/// notes last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weight {
    Call,
    /// What is recorded of a refused call; its caller is known or not.
    Refused(Caller),
    Permission,
    House,
}

/// Whose refusals share one part of the budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Caller {
    /// One of so few that all can be counted: some workloads share a number.
    Known(u8),
    Unknown,
}

/// Numbers that known callers are told apart by.
const CALLERS: u8 = 64;

impl Caller {
    pub(crate) fn of(workload: Option<&str>) -> Self {
        let number = |id: &str| Digest::of(&[id.as_bytes()]).0.first().map_or(0, |byte| byte % CALLERS);
        workload.map_or(Self::Unknown, |id| Self::Known(number(id)))
    }
}

/// Why an entry is not on the disk.
#[derive(Debug, Clone)]
pub(crate) enum Failure {
    Refused(Cause),
    Down(String),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Refused(Cause::Full),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Refused(Cause::Blocked),
            // A failed write or sync, or damage.
            Some(_) | None => Self::Down(error.to_string()),
        }
    }
}

#[derive(Debug)]
pub(crate) enum Message {
    Append(Submitted),
    Conclude(CallId, Micros, Box<Draft>),
    Acknowledge(Cursor, Micros, oneshot::Sender<Result<(), Failure>>),
    Close(oneshot::Sender<Result<(), String>>),
}

/// A decision whose outcome is due.
#[derive(Debug)]
pub(crate) struct Conclusion {
    pub(crate) call: CallId,
    pub(crate) tenant: Option<String>,
    pub(crate) otherwise: OutcomeKind,
}

/// What the callers and the writer share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) settings: Settings,
    pub(crate) writer: Writer,
    pub(crate) time: Time,
    pub(crate) deposits: Deposits,
    pub(crate) stats: Mutex<Stats>,
    pub(crate) down: OnceLock<String>,
    /// Whether of the newest decisions to forward one was refused, or late.
    pub(crate) refusing: AtomicBool,
    pub(crate) waiting_entries: AtomicUsize,
    pub(crate) waiting_bytes: AtomicUsize,
}

/// A way to the writer.
#[derive(Debug, Clone)]
pub(crate) struct Hand {
    pub(crate) shared: Arc<Shared>,
    pub(crate) queue: Sender<Message>,
}

impl Hand {
    /// Queues an outcome. If there is no randomness or no writer left, the decision keeps waiting, and the next start says `unknown`.
    pub(crate) fn conclude(&self, open: Conclusion, outcome: Outcome) {
        let salt = match salt() {
            Ok(salt) => salt,
            Err(error) => return tracing::error!(call = %open.call, %error, "an outcome is not recorded: the system gives no random bytes"),
        };
        let at = self.shared.time.now().at;
        let Conclusion { call, tenant, otherwise: _ } = open;
        let draft = Event::Outcome(Concluded { at, call, tenant, outcome }).draft(salt);
        if self.queue.send(Message::Conclude(call, at, Box::new(draft))).is_err() {
            tracing::warn!(%call, "an outcome came after the journal was closed");
        }
    }
}

impl Shared {
    /// Why nothing is taken any more.
    pub(crate) fn ended(&self) -> Unrecorded {
        Unrecorded::Down(self.down.get().cloned().unwrap_or_else(|| "the writer's thread ended".to_owned()))
    }

    /// An entry joins the queue, if there is room.
    pub(crate) fn enter(&self, bytes: usize) -> Result<(), Cause> {
        let entries = self.waiting_entries.fetch_add(1, Ordering::AcqRel);
        let waiting = self.waiting_bytes.fetch_add(bytes, Ordering::AcqRel);
        let room = entries < self.settings.queue_entries_max && waiting < self.settings.queue_bytes_max;
        if room {
            return Ok(());
        }
        self.left(bytes);
        Err(Cause::Overloaded)
    }

    /// An entry left the queue.
    pub(crate) fn left(&self, bytes: usize) {
        self.waiting_entries.fetch_sub(1, Ordering::AcqRel);
        self.waiting_bytes.fetch_sub(bytes, Ordering::AcqRel);
    }
}
