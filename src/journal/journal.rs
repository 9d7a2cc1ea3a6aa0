//! The journal as the rest of the house sees it.

use crate::clock::{Now, Time};
use crate::copier::Copier;
use crate::deposits::Deposits;
use crate::entry::{Binding, Deposit, Entry, Redaction, Refusal};
use crate::group::{Tail, used};
use crate::hand::{Caller, Conclusion, Hand, Message, Shared, Submitted, Weight};
use crate::open::{OpenError, salt, start};
use crate::reader::{Cursor, ReadError, Reader, Stored};
use crate::receipt::{Cause, Noted, Receipt, Slot, Unrecorded, Waiting};
use crate::schema;
use crate::settings::{Facts, Settings};
use crate::stats::{Standing, Stats};
use crate::writer::Thread;
use canon::{CallId, HmacKey, Keyed, Micros, Seq, Writer};
use record::{Done, Event, Head, OutcomeKind};
use rusqlite::{Connection, OptionalExtension};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, mpsc};
use tokio::sync::oneshot;

/// One start of one journal. Cheap to clone; the last one dropped ends it cleanly, like `close`, but nobody learns whether that worked.
#[derive(Debug, Clone)]
pub struct Journal {
    hand: Hand,
    digest_key: HmacKey,
    /// Read on the path of a call: kept apart from the reader of deliveries.
    lookup: Arc<Mutex<Connection>>,
    reader: Arc<Reader>,
}

impl Journal {
    /// Starts the journal in `settings.dir`: makes it, or rewrites what an unclean end left; writes the genesis and what recovery found.
    /// `wall` is the wall clock.
    pub fn open(settings: &Settings, wall: fn() -> Micros, facts: Facts) -> Result<Self, OpenError> {
        let started = start(settings, wall(), facts)?;
        let path = started.directory.database();
        let failed = |error| OpenError::database(&path, error);
        let lookup = schema::reader(&path).map_err(failed)?;
        let Tail { seq, leaf, at, id: _ } = started.tail;
        let head = Head { writer: started.writer, seq: seq.unwrap_or(Seq(0)), leaf };
        let shared = Arc::new(Shared {
            settings: settings.clone(),
            writer: started.writer,
            time: Time::new(wall, at, settings.clock_skew_ms),
            deposits: Deposits::new(deposits(&lookup).map_err(failed)?),
            stats: Mutex::new(Stats::new(head, settings.budget_bytes)),
            down: OnceLock::new(),
            refusing: AtomicBool::new(false),
            waiting_entries: AtomicUsize::new(0),
            waiting_bytes: AtomicUsize::new(0),
        });
        let digest_key = started.digest_key.clone();
        let copier = Copier::new(&path).map_err(OpenError::Thread)?;
        let thread = Thread::new(started, copier, Arc::clone(&shared)).map_err(failed)?;
        let (queue, messages) = mpsc::channel();
        std::thread::Builder::new().name("journal".to_owned()).spawn(move || run(thread, &messages)).map_err(OpenError::Thread)?;
        let reader = Arc::new(Reader::open(&settings.dir)?);
        Ok(Self { hand: Hand { shared, queue }, digest_key, lookup: Arc::new(Mutex::new(lookup)), reader })
    }

    /// Records all of `entry` in one transaction. Returns when it is on the disk, or after `commit_deadline_ms` at the latest.
    ///
    /// Dropping the future gives the call up: if the record lands all the same, its outcome is `abandoned`.
    pub async fn append(&self, entry: Entry) -> Result<Receipt, Unrecorded> {
        let key = entry.key;
        let (waiting, slot) = self.submit(entry, true)?;
        match waiting.told().await {
            Ok(seq) => Ok(Receipt::new(key, seq, slot)),
            Err(Unrecorded::Refused(Cause::Late, _)) => Err(Unrecorded::Refused(Cause::Late, Some(slot.otherwise(OutcomeKind::Refused)))),
            Err(unrecorded) => {
                slot.disarm();
                Err(unrecorded)
            }
        }
    }

    /// Queues `entry` for one who goes on at once: nobody waits for the disk, and a crash in the next milliseconds loses the record. What becomes
    /// of it, `Waiting` tells. Entries that claim a use are appended: only the disk says whether the use was left.
    pub fn note(&self, entry: Entry) -> Result<(Noted, Waiting), Unrecorded> {
        let key = entry.key;
        let (waiting, slot) = self.submit(entry, false)?;
        Ok((Noted::new(key, slot), waiting))
    }

    /// Whether one of the newest decisions to forward was refused or late: who goes on without waiting would not learn it from `note`. It stays so
    /// until one is written.
    #[must_use]
    pub fn is_refusing(&self) -> bool {
        self.hand.shared.refusing.load(Ordering::Acquire)
    }

    /// The one reading of the clock for a call: never before the newest record.
    #[must_use]
    pub fn now(&self) -> Now {
        self.hand.shared.time.now()
    }

    /// Who writes: this journal, this start.
    #[must_use]
    pub fn writer(&self) -> Writer {
        self.hand.shared.writer
    }

    /// The journal's own key for `arguments_digest` and users; derive one per tenant.
    #[must_use]
    pub fn digest_key(&self) -> &HmacKey {
        &self.digest_key
    }

    /// The newest record that is on the disk.
    #[must_use]
    pub fn head(&self) -> Head {
        self.stats().head
    }

    /// Whether it takes records.
    #[must_use]
    pub fn standing(&self) -> Standing {
        self.hand.shared.down.get().map_or(Standing::Up, |why| Standing::Down(why.clone()))
    }

    /// Figures for metrics.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.hand.shared.stats.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The time from which on refused decisions may be answered: `refusal_keep_s` ago.
    #[must_use]
    pub fn refusals_since(&self) -> Micros {
        crate::open::before(self.now().at, self.hand.shared.settings.refusal_keep_s)
    }

    /// The refused decision `call`, if it is not older than `refusal_keep_s`. A short read of the disk.
    pub fn refusal(&self, call: CallId) -> Result<Option<Refusal>, ReadError> {
        let since = self.refusals_since();
        let sql = "SELECT at, subject, user, tenant, upstream, tool, arguments_digest, blocked, reasons FROM refusals WHERE call = ?1 AND at >= ?2";
        let connection = self.lookup.lock().unwrap_or_else(PoisonError::into_inner);
        let mut statement = connection.prepare_cached(sql)?;
        let found = statement.query_row(rusqlite::params![call.0.into_bytes(), since.0], |row| {
            Ok(Refusal {
                call,
                at: Micros(row.get(0)?),
                subject: row.get(1)?,
                user: text(row, 2)?,
                tenant: row.get(3)?,
                upstream: row.get(4)?,
                tool: row.get(5)?,
                arguments_digest: Keyed(row.get(6)?),
                blocked: text(row, 7)?,
                reasons: text(row, 8)?,
            })
        });
        Ok(found.optional()?)
    }

    /// Whether a permission's use is spent. A short read of the disk, for a clear answer early: what counts is the claim.
    pub fn used(&self, iss: &str, jti: &str) -> Result<bool, ReadError> {
        Ok(used(&self.lookup.lock().unwrap_or_else(PoisonError::into_inner), iss, jti)?)
    }

    /// Every place that was ever put. A short read of the disk.
    pub fn redactions(&self) -> Result<Vec<Redaction>, ReadError> {
        let connection = self.lookup.lock().unwrap_or_else(PoisonError::into_inner);
        let mut statement = connection.prepare("SELECT upstream, place FROM redactions")?;
        let rows = statement.query_map([], |row| Ok(Redaction { upstream: row.get(0)?, place: row.get(1)? }))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The permissions that wait for this call, exact ones before those for any arguments. From memory.
    #[must_use]
    pub fn deposits(&self, binding: &Binding, arguments_digest: &Keyed) -> Vec<Deposit> {
        self.hand.shared.deposits.find(binding, arguments_digest, self.now().at)
    }

    /// All permissions that wait.
    #[must_use]
    pub fn all_deposits(&self) -> Vec<Deposit> {
        self.hand.shared.deposits.all()
    }

    /// Reads records on a connection of its own.
    #[must_use]
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// The records after `cursor`: see `Reader::read_after`.
    pub fn read_after(&self, cursor: Cursor, records_max: usize, bytes_max: usize) -> Result<Vec<Stored>, ReadError> {
        self.reader.read_after(cursor, records_max, bytes_max)
    }

    /// Everything through here was read back from where it was shipped to. Returns when that is on the disk.
    pub async fn acknowledge(&self, through: Cursor) -> Result<(), Unrecorded> {
        let (answer, told) = oneshot::channel();
        if self.hand.queue.send(Message::Acknowledge(through, self.now().at, answer)).is_err() {
            return Err(self.ended());
        }
        match told.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(failure)) => Err(failure.into()),
            Err(_) => Err(self.ended()),
        }
    }

    /// Ends it: what waits is written, each decision without an outcome gets `unknown`, the database is whole. Other clones are refused from here on.
    pub async fn close(self) -> Result<(), Unrecorded> {
        let (answer, told) = oneshot::channel();
        if self.hand.queue.send(Message::Close(answer)).is_err() {
            return Err(self.ended());
        }
        told.await.unwrap_or_else(|_| Err("the writer's thread ended".to_owned())).map_err(Unrecorded::Down)
    }

    /// Writes the drafts on the caller's thread and queues them.
    fn submit(&self, entry: Entry, awaited: bool) -> Result<(Waiting, Slot), Unrecorded> {
        let shared = &self.hand.shared;
        if let Some(why) = shared.down.get() {
            return Err(Unrecorded::Down(why.clone()));
        }
        if entry.events.iter().any(|event| matches!(event, Event::Decision(decision) if decision.call != entry.key)) {
            return Err(Unrecorded::Refused(Cause::Foreign, None));
        }
        let (weight, opens) = weight(&entry.events);
        let mut records = Vec::with_capacity(entry.events.len());
        for event in entry.events {
            let salt = salt().map_err(|_| Unrecorded::Refused(Cause::NoRandomness, None))?;
            records.push((event.at(), event.draft(salt)));
        }
        let bytes = records.iter().map(|(_, draft)| draft.body_bytes()).sum();
        shared.enter(bytes).map_err(|cause| Unrecorded::Refused(cause, None))?;
        let open = opens.clone().map(|tenant| Conclusion { call: entry.key, tenant, otherwise: OutcomeKind::Abandoned });
        let (sender, answer) = oneshot::channel();
        let Entry { key, claims, puts, events: _ } = Entry { events: Vec::new(), ..entry };
        let submitted = Submitted { key, records, opens, weight, claims, puts, bytes, awaited, answer: sender };
        if self.hand.queue.send(Message::Append(submitted)).is_err() {
            return Err(self.ended());
        }
        Ok((Waiting::new(answer, Arc::clone(shared)), Slot::new(open, self.hand.clone())))
    }

    fn ended(&self) -> Unrecorded {
        self.hand.shared.ended()
    }
}

/// However the thread ends, nobody takes the journal for one that works.
fn run(thread: Thread, messages: &mpsc::Receiver<Message>) {
    struct Ended(Arc<Shared>);
    impl Drop for Ended {
        fn drop(&mut self) {
            let _ = self.0.down.set("the writer's thread ended".to_owned());
        }
    }
    let _ended = Ended(Arc::clone(&thread.shared));
    thread.run(messages);
}

/// What the events may use up, and the tenant of a decision that is forwarded.
fn weight(events: &[Event]) -> (Weight, Option<Option<String>>) {
    let mut weight = Weight::House;
    for event in events {
        match event {
            Event::Decision(decision) if decision.done == Done::Forward => return (Weight::Call, Some(decision.tenant.clone())),
            Event::Decision(decision) => {
                weight = Weight::Refused(Caller::of(decision.workload.as_deref()));
            }
            Event::Permission(_) if weight == Weight::House => weight = Weight::Permission,
            Event::Permission(_) => {}
            Event::Genesis(_) | Event::Outcome(_) | Event::Policy(_) | Event::Key(_) | Event::Lifecycle(_) => {}
        }
    }
    (weight, None)
}

/// A column that holds JSON which this journal wrote.
fn text<T: serde::de::DeserializeOwned>(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(error)))
}

fn deposits(connection: &Connection) -> rusqlite::Result<Vec<Deposit>> {
    let sql = "SELECT iss, jti, subject, tenant, upstream, tool, arguments_digest, exp, token FROM deposits";
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([], |row| {
        Ok(Deposit {
            iss: row.get(0)?,
            jti: row.get(1)?,
            binding: Binding { subject: row.get(2)?, tenant: row.get(3)?, upstream: row.get(4)?, tool: row.get(5)? },
            arguments_digest: row.get(6)?,
            exp: Micros(row.get(7)?),
            token: row.get(8)?,
        })
    })?;
    rows.collect()
}
