//! What one transaction does: numbers and writes records, spends uses, changes rows. All of it on the writer's thread.
//!
//! INVARIANT: everything that can turn an entry down is looked at before its first write, so that a refused entry leaves no trace and needs
//! no savepoint; what fails later fails the whole transaction.

use crate::entry::{Claim, Deposit, Put, Redaction, Refusal};
use crate::open::signed;
use crate::receipt::Cause;
use canon::{CallId, Digest, Micros, Seq, Writer};
use record::{Concluded, Draft, Event, Finished, Outcome, OutcomeKind};
use rusqlite::{Connection, OptionalExtension, params};
use uuid::Uuid;

/// Where the log ends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tail {
    /// The newest row, over all starts.
    pub(crate) id: i64,
    /// The newest record of this start.
    pub(crate) seq: Option<Seq>,
    /// Its leaf.
    pub(crate) leaf: Digest,
    /// Its effective time.
    pub(crate) at: Micros,
}

/// The log inside one transaction.
pub(crate) struct Log<'a> {
    pub(crate) connection: &'a Connection,
    writer: Writer,
    pub(crate) tail: Tail,
}

impl<'a> Log<'a> {
    pub(crate) fn new(connection: &'a Connection, writer: Writer, tail: Tail) -> Self {
        Self { connection, writer, tail }
    }

    /// Writes the next record.
    pub(crate) fn record(&mut self, at: Micros, draft: &mut Draft) -> rusqlite::Result<Seq> {
        let seq = Seq(self.tail.seq.map_or(0, |seq| seq.0 + 1));
        let tail = Tail { id: self.tail.id + 1, seq: Some(seq), leaf: Digest([0; 32]), at: self.tail.at.max(at) };
        let Finished { envelope, body, salt, leaf } = draft.finish(&self.writer, seq);
        let epoch = i64::try_from(self.writer.epoch.0).unwrap_or(i64::MAX);
        self.connection
            .prepare_cached("INSERT INTO log (id, epoch, seq, at, leaf, salt, envelope, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?
            .execute(params![tail.id, epoch, signed(seq), tail.at.0, leaf.0, salt, envelope, body])?;
        self.tail = Tail { leaf, ..tail };
        Ok(seq)
    }

    /// A forwarded decision waits for its outcome.
    pub(crate) fn open(&self, call: CallId, tenant: Option<&str>) -> rusqlite::Result<()> {
        let sql = "INSERT OR REPLACE INTO pending (call, tenant) VALUES (?1, ?2)";
        self.connection.prepare_cached(sql)?.execute(params![call.0.into_bytes(), tenant]).map(drop)
    }

    /// The outcome of a waiting decision; nothing if it does not wait: it was never recorded, or has its outcome.
    pub(crate) fn conclude(&mut self, call: CallId, at: Micros, draft: &mut Draft) -> rusqlite::Result<bool> {
        let waits = self.connection.prepare_cached("DELETE FROM pending WHERE call = ?1")?.execute([call.0.into_bytes()])? == 1;
        if waits {
            self.record(at, draft)?;
        }
        Ok(waits)
    }

    /// `unknown` for every decision that waits. Returns how many.
    pub(crate) fn conclude_pending<E: From<rusqlite::Error>>(
        &mut self,
        at: Micros,
        salt: impl Fn() -> Result<[u8; 32], E>,
    ) -> Result<u64, E> {
        let connection = self.connection;
        let mut statement = connection.prepare("SELECT call, tenant FROM pending ORDER BY call")?;
        let mut rows = statement.query([])?;
        let mut count = 0;
        while let Some(row) = rows.next()? {
            let call = CallId(Uuid::from_bytes(row.get(0)?));
            let event = Event::Outcome(Concluded { at, call, tenant: row.get(1)?, outcome: Outcome::of(OutcomeKind::Unknown) });
            self.record(at, &mut event.draft(salt()?))?;
            count += 1;
        }
        connection.execute("DELETE FROM pending", [])?;
        Ok(count)
    }

    /// Why these uses and rows cannot be taken, if they cannot.
    pub(crate) fn objection(&self, claims: &[Claim], puts: &[Put], deposits_max: u64) -> rusqlite::Result<Option<Cause>> {
        let twice = claims
            .iter()
            .enumerate()
            .any(|(n, claim)| claims.iter().skip(n + 1).any(|other| claim.iss == other.iss && claim.jti == other.jti));
        if twice {
            return Ok(Some(Cause::AlreadyUsed));
        }
        let deposits = puts.iter().filter_map(|put| match put {
            Put::Deposit(deposit) => Some(deposit),
            Put::Refusal(_) | Put::Redaction(_) => None,
        });
        for (iss, jti) in
            claims.iter().map(|claim| (&claim.iss, &claim.jti)).chain(deposits.clone().map(|deposit| (&deposit.iss, &deposit.jti)))
        {
            if used(self.connection, iss, jti)? {
                return Ok(Some(Cause::AlreadyUsed));
            }
        }
        let new = deposits.count();
        if new > 0 {
            let waiting: i64 = self.connection.query_row("SELECT count(*) FROM deposits", [], |row| row.get(0))?;
            if u64::try_from(waiting).unwrap_or(0) + u64::try_from(new).unwrap_or(u64::MAX) > deposits_max {
                return Ok(Some(Cause::TooManyDeposits));
            }
        }
        Ok(None)
    }

    /// Spends a use; what was deposited of it goes.
    pub(crate) fn claim(&self, call: CallId, claim: &Claim, until: Micros) -> rusqlite::Result<()> {
        let sql = "INSERT INTO uses (iss, jti, until, call) VALUES (?1, ?2, ?3, ?4)";
        self.connection.prepare_cached(sql)?.execute(params![claim.iss, claim.jti, until.0, call.0.into_bytes()])?;
        self.connection.prepare_cached("DELETE FROM deposits WHERE iss = ?1 AND jti = ?2")?.execute([&claim.iss, &claim.jti]).map(drop)
    }

    pub(crate) fn put(&self, put: &Put) -> rusqlite::Result<()> {
        match put {
            Put::Refusal(refusal) => self.refusal(refusal),
            Put::Deposit(deposit) => self.deposit(deposit),
            Put::Redaction(Redaction { upstream, place }) => {
                let sql = "INSERT OR IGNORE INTO redactions (upstream, place) VALUES (?1, ?2)";
                self.connection.prepare_cached(sql)?.execute([upstream, place]).map(drop)
            }
        }
    }

    fn refusal(&self, refusal: &Refusal) -> rusqlite::Result<()> {
        let sql = "INSERT OR REPLACE INTO refusals (call, at, subject, user, tenant, upstream, tool, arguments_digest, blocked, reasons) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
        let statement = &mut self.connection.prepare_cached(sql)?;
        let written = statement.execute(params![
            refusal.call.0.into_bytes(),
            refusal.at.0,
            refusal.subject,
            text(&refusal.user),
            refusal.tenant,
            refusal.upstream,
            refusal.tool,
            refusal.arguments_digest.0,
            text(&refusal.blocked),
            text(&refusal.reasons),
        ]);
        written.map(drop)
    }

    fn deposit(&self, deposit: &Deposit) -> rusqlite::Result<()> {
        let Deposit { iss, jti, binding, arguments_digest, exp, token } = deposit;
        self.connection
            .prepare_cached("INSERT OR REPLACE INTO deposits (iss, jti, subject, tenant, upstream, tool, arguments_digest, exp, token) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")?
            .execute(params![iss, jti, binding.subject, binding.tenant, binding.upstream, binding.tool, arguments_digest, exp.0, token])
            .map(drop)
    }
}

pub(crate) fn used(connection: &Connection, iss: &str, jti: &str) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT 1 FROM uses WHERE iss = ?1 AND jti = ?2")?
        .query_row([iss, jti], |_| Ok(()))
        .optional()
        .map(|found| found.is_some())
}

/// A column that holds JSON. Writing texts and names into memory cannot fail.
fn text<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
