//! The budget: how much of the database is in use, what is promised of it, and what may go to make room.
//!
//! INVARIANT: a record that was not read back never goes, and the newest one stays, for the next start names it.

use crate::group::{Log, Tail};
use crate::hand::{Caller, Weight};
use crate::open::before;
use crate::reader::Cursor;
use crate::receipt::Cause;
use crate::schema::{PAGE_BYTES, pages_max};
use crate::settings::Settings;
use crate::stats::Stats;
use canon::Micros;
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::BTreeMap;

/// Pages kept for the outcome of each forwarded decision.
const OUTCOME_PAGES: u64 = 2;
/// Bytes that a record takes beside its body: envelope, salt, leaf, its rows elsewhere.
const BESIDE_BODY_BYTES: u64 = 1536;
/// One part in so many of the budget is for what is recorded of refused calls, and another for the house's own notes.
const RESERVE_PART: u64 = 32;
/// One part in so many of the budget is what the records of refused calls may take up until they are read back: of callers that are known, and
/// of those that are not. Whoever is refused can be refused as often as he likes, and must not stop those who are not. Nor the records of other
/// callers that are known: each has at most twice what is left, so that one alone gets to two thirds of their part, and the next to as much of the rest.
const KNOWN_PART: u64 = 4;
const UNKNOWN_PART: u64 = 16;
/// Records that go at once where room is needed.
const TRIM_RECORDS: i64 = 512;

/// What is used and promised, as of a transaction.
#[derive(Debug, Clone)]
pub(crate) struct Space {
    pages_max: u64,
    pages_used: u64,
    budget_age_s: u64,
    shipped: bool,
    pending: u64,
    refused: Refused,
    /// The oldest record that is still here.
    first: i64,
    acknowledged: Cursor,
    /// Up to here the time after the read-back is over.
    retired: Cursor,
    oldest_unread: Option<Micros>,
    trimmed_early: u64,
}

/// Pages of what is recorded of refused calls and was not read back, by the table's column.
type Refused = BTreeMap<i64, u64>;

/// Callers that are known from 1.
fn column(caller: Caller) -> i64 {
    match caller {
        Caller::Unknown => 0,
        Caller::Known(number) => i64::from(number) + 1,
    }
}

impl Space {
    pub(crate) fn read(connection: &Connection, settings: &Settings, acknowledged: Cursor) -> rusqlite::Result<Self> {
        let count = |sql| connection.query_row(sql, [], |row| row.get::<_, Option<i64>>(0)).map(Option::unwrap_or_default);
        let space = Self {
            pages_max: pages_max(settings.budget_bytes),
            pages_used: 0,
            budget_age_s: settings.budget_age_s,
            shipped: settings.shipped,
            pending: u64::try_from(count("SELECT count(*) FROM pending")?).unwrap_or(0),
            refused: refused(connection)?,
            first: count("SELECT min(id) FROM log")?,
            acknowledged,
            retired: Cursor(0),
            oldest_unread: oldest_after(connection, acknowledged)?,
            trimmed_early: 0,
        };
        space.begin(connection)
    }

    /// The same with the pages that are in use now.
    pub(crate) fn begin(&self, connection: &Connection) -> rusqlite::Result<Self> {
        Ok(Self { pages_used: used(connection)?, ..self.clone() })
    }

    /// Why an entry of this size cannot be taken; makes room and counts the entry in if it can.
    pub(crate) fn objection(&mut self, log: &Log<'_>, weight: Weight, pages: u64, now: Micros) -> rusqlite::Result<Option<Cause>> {
        let reserve = self.pages_max / RESERVE_PART;
        let (kept, outcome) = match weight {
            Weight::Call => (2 * reserve, OUTCOME_PAGES),
            Weight::Refused(caller) if self.shipped && pages > self.left(caller) => {
                return Ok(Some(Cause::Share));
            }
            Weight::Refused(_) | Weight::Permission => (reserve, 0),
            Weight::House => (0, 0),
        };
        let room = self.pages_max.saturating_sub(kept + OUTCOME_PAGES * self.pending + outcome);
        while self.pages_used.saturating_add(pages) > room {
            if !self.trim(log.connection, self.readable(log.tail.id), TRIM_RECORDS)? {
                return Ok(Some(Cause::Full));
            }
        }
        // Without a reader the age of what was not read means nothing.
        let limit = before(now, self.budget_age_s);
        if weight == Weight::Call && self.shipped && self.oldest_unread.is_some_and(|oldest| oldest < limit) {
            return Ok(Some(Cause::TooOld));
        }
        self.pages_used += pages;
        Ok(None)
    }

    /// Pages that a caller may still use up by being refused.
    fn left(&self, caller: Caller) -> u64 {
        let own = self.refused.get(&column(caller)).copied().unwrap_or(0);
        match caller {
            Caller::Unknown => (self.pages_max / UNKNOWN_PART).saturating_sub(own),
            Caller::Known(_) => {
                let all: u64 = self.refused.iter().filter(|(column, _)| **column > 0).map(|(_, pages)| pages).sum();
                let free = (self.pages_max / KNOWN_PART).saturating_sub(all);
                (2 * free).saturating_sub(own).min(free)
            }
        }
    }

    /// An entry was written: a refused call's counts against its part until it is read back.
    pub(crate) fn charge(&mut self, log: &Log<'_>, weight: Weight, pages: u64) -> rusqlite::Result<()> {
        if let (Weight::Refused(caller), true) = (weight, self.shipped) {
            let sql = "INSERT INTO refused (through, known, pages) VALUES (?1, ?2, ?3)";
            let known = column(caller);
            log.connection.prepare_cached(sql)?.execute(params![log.tail.id, known, i64::try_from(pages).unwrap_or(i64::MAX)])?;
            *self.refused.entry(known).or_default() += pages;
        }
        self.written(log.tail);
        Ok(())
    }

    /// Forwarded decisions without an outcome on the disk.
    pub(crate) fn in_flight(&self) -> usize {
        usize::try_from(self.pending).unwrap_or(usize::MAX)
    }

    pub(crate) fn opened(&mut self) {
        self.pending += 1;
    }

    pub(crate) fn concluded(&mut self, tail: Tail) {
        self.pending = self.pending.saturating_sub(1);
        self.written(tail);
    }

    fn written(&mut self, tail: Tail) {
        self.oldest_unread = self.oldest_unread.or(Some(tail.at));
    }

    /// Everything through here was read back.
    pub(crate) fn acknowledge(&mut self, connection: &Connection, through: Cursor, at: Micros, tail: &Tail) -> rusqlite::Result<()> {
        let through = through.min(Cursor(tail.id));
        if through <= self.acknowledged {
            return Ok(());
        }
        connection.prepare_cached("INSERT INTO acknowledged (through, at) VALUES (?1, ?2)")?.execute([through.0, at.0])?;
        if !self.refused.is_empty() && connection.prepare_cached("DELETE FROM refused WHERE through <= ?1")?.execute([through.0])? > 0 {
            self.refused = refused(connection)?;
        }
        self.acknowledged = through;
        self.oldest_unread = oldest_after(connection, through)?;
        Ok(())
    }

    /// Looks up to where the time after the read-back ended by `limit`: those records go with `shed`.
    pub(crate) fn retire(&mut self, connection: &Connection, tail: i64, limit: Micros) -> rusqlite::Result<()> {
        let through = if self.shipped {
            let sql = "SELECT max(through) FROM acknowledged WHERE at <= ?1";
            connection.prepare_cached(sql)?.query_row([limit.0], |row| row.get::<_, Option<i64>>(0))?.unwrap_or(0)
        } else {
            self.recorded_by(connection, tail, limit)?
        };
        connection.prepare_cached("DELETE FROM acknowledged WHERE through < ?1")?.execute([through])?;
        self.retired = Cursor(through).min(self.readable(tail));
        Ok(())
    }

    /// The newest record that is not younger than `limit`. Ids have no gaps and times never fall, so halving finds it.
    fn recorded_by(&self, connection: &Connection, tail: i64, limit: Micros) -> rusqlite::Result<i64> {
        let mut statement = connection.prepare_cached("SELECT at FROM log WHERE id = ?1")?;
        let (mut low, mut high) = (self.first - 1, tail);
        while low < high {
            let middle = high - (high - low) / 2;
            if statement.query_row([middle], |row| row.get::<_, i64>(0))? <= limit.0 {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        Ok(low)
    }

    /// Lets some of the records go whose time is over.
    pub(crate) fn shed(&mut self, connection: &Connection, records_max: i64) -> rusqlite::Result<()> {
        self.trim(connection, self.retired, records_max).map(drop)
    }

    pub(crate) fn publish(&self, stats: &mut Stats, tail: i64) {
        stats.used_bytes = self.pages_used.saturating_mul(PAGE_BYTES);
        stats.pending = self.pending;
        stats.trimmed_early = self.trimmed_early;
        if self.shipped {
            stats.unread = u64::try_from(tail - self.acknowledged.0).unwrap_or(0);
            stats.oldest_unread = self.oldest_unread;
        }
    }

    /// Up to where records may go.
    fn readable(&self, tail: i64) -> Cursor {
        if self.shipped { self.acknowledged } else { Cursor(tail) }.min(Cursor(tail - 1))
    }

    /// Lets the oldest records through `limit` go, at most `records_max`. Whether any went.
    fn trim(&mut self, connection: &Connection, limit: Cursor, records_max: i64) -> rusqlite::Result<bool> {
        let through = limit.0.min(self.first + records_max - 1);
        if through < self.first {
            return Ok(false);
        }
        connection.prepare_cached("DELETE FROM log WHERE id BETWEEN ?1 AND ?2")?.execute(params![self.first, through])?;
        self.trimmed_early += u64::try_from(through - self.retired.0.max(self.first - 1)).unwrap_or(0);
        self.first = through + 1;
        self.pages_used = used(connection)?;
        Ok(true)
    }
}

/// Pages that an entry is counted with.
pub(crate) fn pages(bytes: usize, records: usize) -> u64 {
    let (bytes, records) = (u64::try_from(bytes).unwrap_or(u64::MAX), u64::try_from(records).unwrap_or(u64::MAX));
    records.saturating_mul(BESIDE_BODY_BYTES).saturating_add(bytes) / PAGE_BYTES + 1
}

fn refused(connection: &Connection) -> rusqlite::Result<Refused> {
    let mut statement = connection.prepare_cached("SELECT known, sum(pages) FROM refused GROUP BY known")?;
    statement.query_map([], |row| Ok((row.get(0)?, u64::try_from(row.get::<_, i64>(1)?).unwrap_or(0))))?.collect()
}

fn used(connection: &Connection) -> rusqlite::Result<u64> {
    let number = |sql| connection.prepare_cached(sql)?.query_row([], |row| row.get::<_, i64>(0));
    Ok(u64::try_from(number("PRAGMA page_count")? - number("PRAGMA freelist_count")?).unwrap_or(0))
}

fn oldest_after(connection: &Connection, cursor: Cursor) -> rusqlite::Result<Option<Micros>> {
    let sql = "SELECT at FROM log WHERE id > ?1 ORDER BY id LIMIT 1";
    Ok(connection.prepare_cached(sql)?.query_row([cursor.0], |row| row.get(0)).optional()?.map(Micros))
}
