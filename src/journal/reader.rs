//! Reading what is committed: for delivery, and for people where there is no ClickHouse. Takes no lock that the writer waits for.

use crate::directory::database;
use crate::open::OpenError;
use crate::schema::{self, Form};
use canon::{CallId, Digest, Epoch, InstanceId, Micros, Seq, Writer};
use record::Head;
use rusqlite::{Connection, OptionalExtension, Row};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use uuid::Uuid;

/// A place in the journal, over all of its starts; 0 stands before the first record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Cursor(pub i64);

/// A record as it stands on the disk; its leaf was checked against its envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Where it stands.
    pub cursor: Cursor,
    /// Whose log.
    pub writer: Writer,
    /// Its place there.
    pub seq: Seq,
    /// Effective time of recording: never before that of an earlier record.
    pub at: Micros,
    /// SHA-256(0x00 || envelope).
    pub leaf: Digest,
    /// The body's salt.
    pub salt: [u8; 32],
    /// RFC 8785 JSON.
    pub envelope: Vec<u8>,
    /// JSON.
    pub body: Vec<u8>,
}

impl Stored {
    /// As a head that a successor names.
    #[must_use]
    pub fn head(&self) -> Head {
        Head { writer: self.writer, seq: self.seq, leaf: self.leaf }
    }
}

/// Why records could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The database or the disk.
    #[error("the journal could not be read: {0}")]
    Database(#[from] rusqlite::Error),
    /// A record is not what was written.
    #[error(
        "record {seq} of `{writer}` is damaged ({what}): restore the journal from a copy, or keep it for inspection and start a new one"
    )]
    Damaged {
        /// Whose log.
        writer: Writer,
        /// Its place there.
        seq: Seq,
        /// What is wrong.
        what: &'static str,
    },
}

/// Reads one journal.
#[derive(Debug)]
pub struct Reader {
    connection: Mutex<Connection>,
    instance: InstanceId,
}

const COLUMNS: &str = "id, epoch, seq, at, leaf, salt, envelope, body";

impl Reader {
    /// Opens the journal in `dir` for reading alone, also while another process writes it.
    pub fn open(dir: &Path) -> Result<Self, OpenError> {
        let path = database(dir);
        let damaged = |error| OpenError::database(&path, error);
        let connection = schema::reader(&path).map_err(damaged)?;
        match schema::form(&connection).map_err(damaged)? {
            Form::Known => {}
            Form::Empty | Form::Foreign => return Err(OpenError::NotAJournal { path }),
        }
        let instance = connection.query_row("SELECT id FROM instance", [], |row| row.get(0).map(Uuid::from_bytes)).map_err(damaged)?;
        Ok(Self { connection: Mutex::new(connection), instance: InstanceId(instance) })
    }

    /// The journal's id.
    #[must_use]
    pub fn instance(&self) -> InstanceId {
        self.instance
    }

    /// The records after `cursor` in order: at most `records_max`, and no further one once `bytes_max` are passed.
    pub fn read_after(&self, cursor: Cursor, records_max: usize, bytes_max: usize) -> Result<Vec<Stored>, ReadError> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM log WHERE id > ?1 ORDER BY id"))?;
        let mut rows = statement.query([cursor.0])?;
        let (mut records, mut bytes) = (Vec::new(), 0_usize);
        while records.len() < records_max && bytes < bytes_max {
            let Some(row) = rows.next()? else { break };
            let stored = stored(row, self.instance)?;
            bytes += stored.envelope.len() + stored.body.len();
            records.push(stored);
        }
        Ok(records)
    }

    /// Of the newest `among` records the newest whose envelope holds these bytes and is `wanted`: its envelope. Nothing else is kept meanwhile.
    pub fn newest_holding(&self, bytes: &[u8], among: u32, wanted: impl Fn(&[u8]) -> bool) -> Result<Option<Vec<u8>>, ReadError> {
        let sql =
            "SELECT envelope FROM log WHERE id > (SELECT coalesce(max(id), 0) FROM log) - ?2 AND instr(envelope, ?1) ORDER BY id DESC";
        let connection = self.connection();
        let mut statement = connection.prepare_cached(sql)?;
        let mut rows = statement.query(rusqlite::params![bytes, among])?;
        while let Some(row) = rows.next()? {
            let envelope = row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?;
            if wanted(envelope) {
                return Ok(Some(envelope.to_owned()));
            }
        }
        Ok(None)
    }

    /// The refused decisions since then whose ids end in `end`, the newest `most`. Reads all of their ids.
    pub fn refusals_ending(&self, end: &str, since: Micros, most: usize) -> Result<Vec<CallId>, ReadError> {
        let sql = "SELECT call FROM refusals WHERE at >= ?1 AND substr(lower(hex(call)), -length(?2)) = ?2 ORDER BY call DESC LIMIT ?3";
        let connection = self.connection();
        let mut statement = connection.prepare_cached(sql)?;
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let rows = statement.query_map(rusqlite::params![since.0, end.replace('-', ""), most], |row| row.get(0).map(Uuid::from_bytes))?;
        Ok(rows.map(|id| id.map(CallId)).collect::<Result<_, _>>()?)
    }

    /// The newest record.
    pub fn newest(&self) -> Result<Option<Stored>, ReadError> {
        newest(&self.connection(), self.instance)
    }

    /// Up to where records were read back.
    pub fn acknowledged(&self) -> Result<Cursor, ReadError> {
        Ok(acknowledged(&self.connection())?)
    }

    /// Up to where records had been read back at `at`: after a restart of the store, what came later is to be looked at again.
    pub fn acknowledged_before(&self, at: Micros) -> Result<Cursor, ReadError> {
        let through = "SELECT max(through) FROM acknowledged WHERE at <= ?1";
        Ok(Cursor(self.connection().query_row(through, [at.0], |row| row.get::<_, Option<i64>>(0))?.unwrap_or(0)))
    }

    pub(crate) fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) fn acknowledged(connection: &Connection) -> rusqlite::Result<Cursor> {
    Ok(Cursor(connection.query_row("SELECT max(through) FROM acknowledged", [], |row| row.get::<_, Option<i64>>(0))?.unwrap_or(0)))
}

pub(crate) fn newest(connection: &Connection, instance: InstanceId) -> Result<Option<Stored>, ReadError> {
    let sql = format!("SELECT {COLUMNS} FROM log ORDER BY id DESC LIMIT 1");
    connection.query_row(&sql, [], |row| Ok(stored(row, instance))).optional()?.transpose()
}

fn stored(row: &Row<'_>, instance: InstanceId) -> Result<Stored, ReadError> {
    let (epoch, seq): (i64, i64) = (row.get(1)?, row.get(2)?);
    let stored = Stored {
        cursor: Cursor(row.get(0)?),
        writer: Writer { instance, epoch: Epoch(u64::try_from(epoch).unwrap_or(0)) },
        seq: Seq(u64::try_from(seq).unwrap_or(0)),
        at: Micros(row.get(3)?),
        leaf: Digest(row.get(4)?),
        salt: row.get(5)?,
        envelope: row.get(6)?,
        body: row.get(7)?,
    };
    // Checked when it was written, and again here: nothing damaged is shipped or signed.
    let damaged = |what| ReadError::Damaged { writer: stored.writer, seq: stored.seq, what };
    if record::leaf(&stored.envelope) == stored.leaf { Ok(stored) } else { Err(damaged("its leaf does not fit its envelope")) }
}
