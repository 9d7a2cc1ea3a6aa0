//! The writer's thread: takes everything that waits as one transaction, commits, answers.
//!
//! It shares no lock with the path of a call while it is at the disk. Its queue is the one way to it, so that an outcome can never
//! overtake its decision.

use crate::copier::{Copier, copy};
use crate::directory::Directory;
use crate::group::{Log, Tail};
use crate::hand::{Failure, Message, Shared, Submitted};
use crate::open::{Started, before, finish, micros, salt};
use crate::receipt::Cause;
use crate::space::{Space, pages};
use canon::{Micros, Seq};
use record::Head;
use rusqlite::{Connection, TransactionBehavior};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// How long what nobody waits for waits for a transaction that somebody waits for: a commit of its own would keep the next decision waiting. A
/// crash in this time makes an outcome `unknown` and loses a decision that was only noted.
const UNAWAITED_WAIT: Duration = Duration::from_millis(10);
/// How long a group is waited for while at least so many calls are in flight: then a commit costs each of them less, and the time that each
/// takes is many times this. A call that is alone never waits.
const GROUP_WAIT: Duration = Duration::from_millis(1);
const GROUP_CALLS_MIN: usize = 8;
/// How often the writer looks whether something has ended, also when nothing else wakes it.
const MAINTENANCE: Duration = Duration::from_secs(5);
/// Bytes of records after which the write-ahead file is copied into the database. A commit waits while the disk takes such a piece.
const CHECKPOINT_BYTES: usize = 1 << 20;
/// Bytes that a record takes in the write-ahead file beside its body, roughly: its page is written whole.
const RECORD_BYTES: usize = 2048;
/// One part in so many of the budget is for refusals that a permission may answer, and what one is counted with.
const REFUSALS_PART: u64 = 16;
const REFUSAL_BYTES: u64 = 2048;
/// Records whose time is over that go in one round of housekeeping.
const SHED_IDLE: i64 = 1024;
/// Records whose time is over that go with each message, so that they go faster than new ones come.
const SHED_PER_MESSAGE: i64 = 4;

/// What became of a message inside a transaction that committed.
enum Fate {
    Written(Seq),
    Refused(Cause),
    Silent,
}

/// The thread's own state.
pub(crate) struct Thread {
    pub(crate) connection: Connection,
    pub(crate) shared: Arc<Shared>,
    pub(crate) tail: Tail,
    pub(crate) space: Space,
    /// Held for as long as the connection is open.
    directory: Directory,
    /// What nobody waits for and waits for a transaction, and outcomes of transactions that were rolled back: they come with the next group.
    deferred: Vec<Message>,
    /// When they come without one.
    due: Option<Instant>,
    copier: Copier,
    since_checkpoint: usize,
}

impl Thread {
    pub(crate) fn new(started: Started, copier: Copier, shared: Arc<Shared>) -> rusqlite::Result<Self> {
        let space = Space::read(&started.connection, &shared.settings, started.acknowledged)?;
        let Started { directory, connection, tail, writer: _, digest_key: _, acknowledged: _ } = started;
        Ok(Self { connection, shared, tail, space, directory, deferred: Vec::new(), due: None, copier, since_checkpoint: 0 })
    }

    /// Until every way to it is gone, or it is closed.
    pub(crate) fn run(mut self, queue: &Receiver<Message>) {
        let mut maintained = Instant::now();
        self.publish(None, 0);
        loop {
            let wait = self.due.map_or(MAINTENANCE, |due| due.saturating_duration_since(Instant::now()));
            let first = match queue.recv_timeout(wait) {
                Ok(Message::Close(answer)) => return self.close(queue, Some(answer)),
                Ok(first) => Some(first),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return self.close(queue, None),
            };
            let mut group = std::mem::take(&mut self.deferred);
            group.extend(first);
            let close = self.gather(queue, &mut group);
            if close.is_none() && self.may_wait(&group) {
                self.due = Some(self.due_of(&group));
                self.deferred = group;
                continue;
            }
            self.due = None;
            self.commit(group);
            if maintained.elapsed() >= MAINTENANCE {
                maintained = Instant::now();
                self.survive(Self::maintain);
            }
            self.survive(Self::checkpoint);
            if let Some(answer) = close {
                return self.close(queue, Some(answer));
            }
        }
    }

    /// Adds what waits, and of many calls in flight what comes soon, up to a full group; stops at a close.
    fn gather(&self, queue: &Receiver<Message>, group: &mut Vec<Message>) -> Option<oneshot::Sender<Result<(), String>>> {
        let in_flight = self.space.in_flight();
        let until = (in_flight >= GROUP_CALLS_MIN).then(|| Instant::now() + GROUP_WAIT);
        while group.len() < self.shared.settings.group_entries_max {
            let wait = until.filter(|_| group.len() < in_flight).map(|until| until.saturating_duration_since(Instant::now()));
            let next = match wait {
                Some(wait) => queue.recv_timeout(wait).ok(),
                None => queue.try_recv().ok(),
            };
            match next {
                Some(Message::Close(answer)) => return Some(answer),
                Some(message) => group.push(message),
                None => break,
            }
        }
        None
    }

    /// Whether nobody waits for any of these, and their own time has not come.
    fn may_wait(&self, group: &[Message]) -> bool {
        let unhurried = group.iter().all(|message| match message {
            Message::Conclude(..) => true,
            Message::Append(entry) => !entry.awaited,
            Message::Acknowledge(..) | Message::Close(_) => false,
        });
        let room = !group.is_empty() && group.len() < self.shared.settings.group_entries_max;
        unhurried && room && self.due.is_none_or(|due| Instant::now() < due)
    }

    /// When these come at the latest: an entry is told before its deadline; outcomes of a transaction that was rolled back wait longer.
    fn due_of(&self, group: &[Message]) -> Instant {
        let soon = Instant::now() + UNAWAITED_WAIT;
        let told = group.iter().any(|message| matches!(message, Message::Append(_)));
        self.due.map_or(soon, |due| if told { due.min(soon) } else { due })
    }

    fn commit(&mut self, mut group: Vec<Message>) {
        if group.is_empty() {
            return;
        }
        if let Some(why) = self.shared.down.get() {
            let failure = Failure::Down(why.clone());
            return self.turn_down(group, &failure);
        }
        let begun = Instant::now();
        match self.transact(&mut group) {
            Ok(fates) => self.tell(group, fates, begun.elapsed()),
            Err(failure) => {
                self.mind(&failure);
                self.turn_down(group, &failure);
            }
        }
    }

    /// One transaction of all of them.
    fn transact(&mut self, group: &mut [Message]) -> Result<Vec<Fate>, Failure> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut log = Log::new(&transaction, self.shared.writer, self.tail);
        let mut space = self.space.begin(&transaction)?;
        let now = self.shared.time.now().at;
        let (mut fates, mut bytes) = (Vec::with_capacity(group.len()), 0);
        for message in group {
            fates.push(match message {
                Message::Append(entry) => {
                    bytes += entry.bytes;
                    append(&mut log, &mut space, entry, &self.shared, now)?
                }
                Message::Conclude(call, at, draft) => {
                    if log.conclude(*call, *at, draft)? {
                        space.concluded(log.tail);
                    }
                    Fate::Silent
                }
                Message::Acknowledge(through, at, _) => {
                    space.acknowledge(&transaction, *through, *at, &log.tail)?;
                    Fate::Silent
                }
                Message::Close(_) => Fate::Silent,
            });
        }
        let tail = log.tail;
        space.shed(&transaction, i64::try_from(fates.len()).unwrap_or(0).saturating_mul(SHED_PER_MESSAGE))?;
        // crash here: nothing of the group is on the disk, and nobody was told anything.
        transaction.commit()?;
        // crash here: the group is on the disk, and nobody was told; its forwarded decisions get `unknown` at the next start.
        self.since_checkpoint += usize::try_from(tail.id - self.tail.id).unwrap_or(0) * RECORD_BYTES + bytes;
        self.tail = tail;
        self.space = space;
        Ok(fates)
    }

    /// The commit's sync returned: what it holds may be told. Whoever is told finds it in the figures, in the time and among the deposits.
    fn tell(&self, group: Vec<Message>, fates: Vec<Fate>, took: Duration) {
        let refused = fates.iter().filter(|fate| matches!(fate, Fate::Refused(_))).count();
        self.shared.time.recorded(self.tail.at);
        self.learn_refusing(&group, &fates);
        self.publish(Some(took), u64::try_from(refused).unwrap_or(u64::MAX));
        for (message, fate) in group.into_iter().zip(fates) {
            let entry = match message {
                Message::Append(entry) => entry,
                Message::Acknowledge(_, _, answer) => {
                    let _ = answer.send(Ok(()));
                    continue;
                }
                Message::Conclude(..) | Message::Close(_) => continue,
            };
            self.shared.left(entry.bytes);
            // Nobody may be listening any more: who gave up has the slot, or dropped it.
            let _ = entry.answer.send(match fate {
                Fate::Written(seq) => {
                    self.shared.deposits.changed(&entry.claims, entry.puts);
                    Ok(seq)
                }
                Fate::Refused(cause) => Err(Failure::Refused(cause)),
                Fate::Silent => continue,
            });
        }
    }

    /// Only what became of calls that go on says whether the next one would be taken: everything else has room of its own.
    fn learn_refusing(&self, group: &[Message], fates: &[Fate]) {
        let of_calls = group.iter().zip(fates).filter(|(message, _)| matches!(message, Message::Append(entry) if entry.opens.is_some()));
        let refused = of_calls.map(|(_, fate)| matches!(fate, Fate::Refused(_))).reduce(|one, other| one || other);
        if let Some(refused) = refused {
            self.shared.refusing.store(refused, Ordering::Release);
        }
    }

    /// The transaction did not happen.
    fn turn_down(&mut self, group: Vec<Message>, failure: &Failure) {
        let mut refused = 0;
        for message in group {
            match message {
                Message::Append(entry) => {
                    refused += 1;
                    self.shared.left(entry.bytes);
                    let _ = entry.answer.send(Err(failure.clone()));
                }
                Message::Acknowledge(_, _, answer) => {
                    let _ = answer.send(Err(failure.clone()));
                }
                Message::Conclude(..) => self.deferred.push(message),
                Message::Close(_) => {}
            }
        }
        if let Failure::Down(_) = failure {
            self.deferred.clear();
        }
        self.due = (!self.deferred.is_empty()).then(|| Instant::now() + MAINTENANCE);
        self.shared.refusing.store(true, Ordering::Release);
        self.publish(None, refused);
    }

    /// A failed write or sync is final: what the page cache holds from here on proves nothing.
    fn mind(&self, failure: &Failure) {
        match failure {
            Failure::Down(why) if self.shared.down.set(why.clone()).is_ok() => {
                tracing::error!(why, dir = %self.shared.settings.dir.display(), "the journal is down until the next start");
            }
            Failure::Down(_) => {}
            Failure::Refused(cause) => tracing::warn!(%cause, "the journal rolled a transaction back"),
        }
    }

    fn survive(&mut self, work: fn(&mut Self) -> Result<(), Failure>) {
        if self.shared.down.get().is_none() {
            let _ = work(self).inspect_err(|failure| self.mind(failure));
        }
    }

    /// What has ended goes: uses, refusals, deposits, and records whose time after the read-back is over.
    fn maintain(&mut self) -> Result<(), Failure> {
        let now = self.shared.time.now().at;
        let settings = &self.shared.settings;
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // By the newest record and not by the clock: one that was ahead for a while must not make a spent use good again.
        transaction.prepare_cached("DELETE FROM uses WHERE until < ?1")?.execute([self.tail.at.0])?;
        transaction.prepare_cached("DELETE FROM deposits WHERE exp <= ?1")?.execute([now.0])?;
        transaction.prepare_cached("DELETE FROM refusals WHERE at < ?1")?.execute([before(now, settings.refusal_keep_s).0])?;
        let surplus = "DELETE FROM refusals WHERE call IN (SELECT call FROM refusals ORDER BY call DESC LIMIT -1 OFFSET ?1)";
        let refusals_max = settings.refusals_max.min(settings.budget_bytes / REFUSALS_PART / REFUSAL_BYTES);
        transaction.prepare_cached(surplus)?.execute([i64::try_from(refusals_max).unwrap_or(i64::MAX)])?;
        let mut space = self.space.begin(&transaction)?;
        space.retire(&transaction, self.tail.id, before(now, settings.retain_after_ack_s))?;
        space.shed(&transaction, SHED_IDLE)?;
        // crash here: what has ended stays until the next start's first round.
        transaction.commit()?;
        self.space = space;
        self.shared.deposits.expire(now);
        self.publish(None, 0);
        Ok(())
    }

    /// Has the write-ahead file copied into the database, and copies what came meanwhile, once enough of it is there.
    fn checkpoint(&mut self) -> Result<(), Failure> {
        match self.copier.ended() {
            Some(ended) => ended.and_then(|()| copy(&self.connection))?,
            None if self.since_checkpoint >= CHECKPOINT_BYTES && self.copier.begin() => self.since_checkpoint = 0,
            None => {}
        }
        Ok(())
    }

    fn publish(&self, commit: Option<Duration>, refused: u64) {
        let mut stats = self.shared.stats.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(seq) = self.tail.seq {
            stats.head = Head { writer: self.shared.writer, seq, leaf: self.tail.leaf };
            stats.records = seq.0 + 1;
        }
        if let Some(took) = commit {
            stats.committed(took);
        }
        stats.refused += refused;
        self.space.publish(&mut stats, self.tail.id);
    }

    /// A clean end: everything that waits is written, every decision has an outcome, the database is whole.
    fn close(mut self, queue: &Receiver<Message>, answer: Option<oneshot::Sender<Result<(), String>>>) {
        loop {
            let mut group = std::mem::take(&mut self.deferred);
            while let Ok(message) = queue.try_recv() {
                group.push(message);
            }
            if group.is_empty() {
                break;
            }
            self.commit(group);
            if !self.deferred.is_empty() {
                break;
            }
        }
        let ended = match self.shared.down.get() {
            Some(why) => Err(why.clone()),
            None => self.end().map_err(|failure| match failure {
                Failure::Refused(cause) => cause.to_string(),
                Failure::Down(why) => why,
            }),
        };
        let _ = self.shared.down.set("the journal was closed".to_owned());
        let Self { connection, directory, copier, .. } = self;
        drop(copier);
        drop(connection);
        // The lock goes before the answer: who was answered may open the directory again.
        drop(directory);
        if let Some(answer) = answer {
            let _ = answer.send(ended);
        }
    }

    fn end(&mut self) -> Result<(), Failure> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut log = Log::new(&transaction, self.shared.writer, self.tail);
        log.conclude_pending(self.shared.time.now().at, || salt().map_err(|error| Failure::Down(error.to_string())))?;
        transaction.commit()?;
        Ok(finish(&self.connection)?)
    }
}

/// Looks at everything that could turn the entry down, then writes all of it.
fn append(log: &mut Log<'_>, space: &mut Space, entry: &mut Submitted, shared: &Shared, now: Micros) -> rusqlite::Result<Fate> {
    let settings = &shared.settings;
    if let Some(cause) = log.objection(&entry.claims, &entry.puts, settings.deposits_max)? {
        return Ok(Fate::Refused(cause));
    }
    let pages = pages(entry.bytes, entry.records.len());
    if let Some(cause) = space.objection(log, entry.weight, pages, now)? {
        return Ok(Fate::Refused(cause));
    }
    for claim in &entry.claims {
        let until = Micros(claim.exp.0.saturating_add(micros(settings.rollback_max_s)));
        log.claim(entry.key, claim, until)?;
    }
    for put in &entry.puts {
        log.put(put)?;
    }
    if let Some(tenant) = &entry.opens {
        log.open(entry.key, tenant.as_deref())?;
        space.opened();
    }
    for (at, draft) in &mut entry.records {
        log.record(*at, draft)?;
    }
    space.charge(log, entry.weight, pages)?;
    // An entry without events has the place of the record before it.
    Ok(Fate::Written(log.tail.seq.unwrap_or(Seq(0))))
}
