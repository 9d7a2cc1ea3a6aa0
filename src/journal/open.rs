//! A start: take the directory, rewrite what an unclean end left, begin a new writer.
//!
//! Every start runs the same steps. After a clean end there is merely nothing to rewrite and nothing to conclude.

use crate::directory::Directory;
use crate::group::{Log, Tail};
use crate::reader::{Cursor, ReadError, Reader, Stored, acknowledged, newest};
use crate::schema::{self, Form};
use crate::settings::{Facts, Settings};
use canon::{Digest, Epoch, HmacKey, InstanceId, Micros, Seq, Writer};
use record::{Event, Genesis, Head, Lifecycle, LifecycleAction};
use rusqlite::{Connection, ErrorCode, TransactionBehavior, params};
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// Records that the check after an unclean end reads at once.
const CHECK_RECORDS: usize = 256;
/// Bytes of records that it reads at once.
const CHECK_BYTES: usize = 4 << 20;

/// Why a journal does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The directory.
    #[error("cannot {what} the journal's directory `{}`: {source}; `journal.dir` must be writable for toolgate", dir.display())]
    Directory {
        /// What failed.
        what: &'static str,
        /// The directory.
        dir: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Its disk is elsewhere.
    #[error("the journal's directory `{}` is on a network file system ({file_system}), where a sync proves nothing: use a local disk", dir.display())]
    Network {
        /// The directory.
        dir: PathBuf,
        /// The file system.
        file_system: &'static str,
    },
    /// Another process has it.
    #[error("another process holds the journal in `{}`: each toolgate needs a directory of its own", dir.display())]
    InUse {
        /// The directory.
        dir: PathBuf,
    },
    /// The database is another program's, or of a later form.
    #[error("`{}` is not a journal that this program reads: it is another program's database or was written by a newer toolgate", path.display())]
    NotAJournal {
        /// The database.
        path: PathBuf,
    },
    /// The database is damaged.
    #[error("the journal `{}` is damaged: {source}; restore it from a copy, or keep it for inspection and name an empty `journal.dir`", path.display())]
    Damaged {
        /// The database.
        path: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// A record is damaged.
    #[error(transparent)]
    Record(#[from] ReadError),
    /// Something else about the database or its disk.
    #[error("cannot open the journal `{}`: {source}", path.display())]
    Database {
        /// The database.
        path: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// A reader of another process stays in the way of the rewrite.
    #[error("another program reads the journal `{}` and does not end: stop it and start again", path.display())]
    Held {
        /// The database.
        path: PathBuf,
    },
    /// No randomness.
    #[error("the system gives no random bytes: {0}")]
    NoRandomness(getrandom::Error),
    /// The writer's thread.
    #[error("cannot start the journal's thread: {0}")]
    Thread(std::io::Error),
}

impl OpenError {
    pub(crate) fn database(path: &Path, source: rusqlite::Error) -> Self {
        let path = path.to_owned();
        match source.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged { path, source },
            Some(_) | None => Self::Database { path, source },
        }
    }
}

/// A journal that was started and not served yet.
pub(crate) struct Started {
    pub(crate) directory: Directory,
    pub(crate) connection: Connection,
    pub(crate) writer: Writer,
    pub(crate) digest_key: HmacKey,
    pub(crate) tail: Tail,
    pub(crate) acknowledged: Cursor,
}

/// What the `instance` table holds.
struct Identity {
    instance: InstanceId,
    digest_key: [u8; 32],
    epoch: u64,
    clean: bool,
}

pub(crate) fn start(settings: &Settings, wall: Micros, facts: Facts) -> Result<Started, OpenError> {
    let directory = Directory::take(&settings.dir)?;
    let path = directory.database();
    let failed = |error| OpenError::database(&path, error);
    let mut connection = schema::writer(&path).map_err(failed)?;
    rewrite(&connection, &path)?;
    match schema::form(&connection).map_err(failed)? {
        Form::Empty => create(&mut connection, &path)?,
        Form::Known => {}
        Form::Foreign => return Err(OpenError::NotAJournal { path }),
    }
    connection.execute_batch(schema::REDACTIONS).map_err(failed)?;
    let identity = identity(&connection).map_err(failed)?;
    let acknowledged = acknowledged(&connection).map_err(failed)?;
    if !identity.clean {
        check(&settings.dir, acknowledged)?;
    }
    let newest = newest(&connection, identity.instance)?;
    let writer = Writer { instance: identity.instance, epoch: Epoch(identity.epoch + 1) };
    let predecessor = newest.as_ref().map(Stored::head);
    let pages_max = schema::pages_max(settings.budget_bytes);
    connection.pragma_update(None, "max_page_count", i64::try_from(pages_max).unwrap_or(i64::MAX)).map_err(failed)?;
    let tail = Tail {
        id: newest.as_ref().map_or(0, |record| record.cursor.0),
        seq: None,
        leaf: Digest([0; 32]),
        at: newest.as_ref().map_or(wall, |record| record.at.max(wall)),
    };
    let genesis = Genesis {
        at: tail.at,
        version: facts.version,
        mode: facts.mode,
        enforcement: facts.enforcement,
        durability: facts.durability,
        predecessor,
    };
    let tail = begin(&mut connection, &identity, writer, tail, genesis).map_err(|error| match error {
        Begin::Database(error) => failed(error),
        Begin::Random(error) => OpenError::NoRandomness(error),
    })?;
    Ok(Started { directory, connection, writer, digest_key: HmacKey::new(identity.digest_key), tail, acknowledged })
}

/// What an unclean end left in the write-ahead file may be in the page cache alone: a failed sync is not over when its process ends
/// (TRUST.md section 6). Copying it into the database writes every page anew and syncs; only then is anything believed.
fn rewrite(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let held: i64 =
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0)).map_err(|error| OpenError::database(path, error))?;
    // crash here: the same again at the next start; the write-ahead file is emptied only after the database is synced.
    if held == 0 { Ok(()) } else { Err(OpenError::Held { path: path.to_owned() }) }
}

fn create(connection: &mut Connection, path: &Path) -> Result<(), OpenError> {
    let failed = |error| OpenError::database(path, error);
    let (mut id, mut digest_key) = ([0; 16], [0; 32]);
    getrandom::fill(&mut id).map_err(OpenError::NoRandomness)?;
    getrandom::fill(&mut digest_key).map_err(OpenError::NoRandomness)?;
    let id = uuid::Builder::from_random_bytes(id).into_uuid();
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    transaction.execute_batch(schema::TABLES).map_err(failed)?;
    transaction.pragma_update(None, "application_id", schema::APPLICATION_ID).map_err(failed)?;
    transaction.pragma_update(None, "user_version", schema::FORM).map_err(failed)?;
    let sql = "INSERT INTO instance (id, digest_key, epoch, clean) VALUES (?1, ?2, 0, 1)";
    transaction.execute(sql, params![id.into_bytes(), digest_key]).map_err(failed)?;
    // crash here: an empty database, which the next start fills; no id was used.
    transaction.commit().map_err(failed)
}

fn identity(connection: &Connection) -> rusqlite::Result<Identity> {
    connection.query_row("SELECT id, digest_key, epoch, clean FROM instance", [], |row| {
        let epoch: i64 = row.get(2)?;
        Ok(Identity {
            instance: InstanceId(Uuid::from_bytes(row.get(0)?)),
            digest_key: row.get(1)?,
            epoch: u64::try_from(epoch).unwrap_or(0),
            clean: row.get(3)?,
        })
    })
}

/// After an unclean end: every record that was not read back must be what was written, without a gap.
fn check(dir: &Path, acknowledged: Cursor) -> Result<(), OpenError> {
    let reader = Reader::open(dir)?;
    let (mut cursor, mut before): (Cursor, Option<Head>) = (acknowledged, None);
    loop {
        let records = reader.read_after(cursor, CHECK_RECORDS, CHECK_BYTES)?;
        let Some(last) = records.last() else { return Ok(()) };
        cursor = last.cursor;
        for record in records {
            let expected = before.map(|head| if head.writer == record.writer { head.seq.0 + 1 } else { 0 });
            if expected.is_some_and(|expected| expected != record.seq.0) {
                return Err(ReadError::Damaged { writer: record.writer, seq: record.seq, what: "the one before it is missing" }.into());
            }
            before = Some(record.head());
        }
    }
}

enum Begin {
    Database(rusqlite::Error),
    Random(getrandom::Error),
}

impl From<rusqlite::Error> for Begin {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

/// The new epoch, its genesis, the unknown outcomes of the ones before and the note about them: one transaction, before anything else.
fn begin(connection: &mut Connection, identity: &Identity, writer: Writer, tail: Tail, genesis: Genesis) -> Result<Tail, Begin> {
    let salt = || salt().map_err(Begin::Random);
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let epoch = i64::try_from(writer.epoch.0).unwrap_or(i64::MAX);
    transaction.execute("UPDATE instance SET epoch = ?1, clean = 0", [epoch])?;
    let mut log = Log::new(&transaction, writer, tail);
    let at = genesis.at;
    log.record(at, &mut Event::Genesis(genesis).draft(salt()?))?;
    let concluded = log.conclude_pending(at, salt)?;
    if !identity.clean {
        let count = Some(concluded);
        let recovery = Lifecycle { at, action: LifecycleAction::Recovery, count, reasons: Vec::new(), detail: None };
        log.record(at, &mut Event::Lifecycle(recovery).draft(salt()?))?;
    }
    let tail = log.tail;
    // crash here: nothing of this start is on the disk, and the next one takes the same epoch for the first time.
    transaction.commit()?;
    // crash here: a writer of a genesis and its notes; each decision has its outcome once, since `pending` was emptied with it.
    Ok(tail)
}

/// The last step of a clean end, on the writer's thread.
pub(crate) fn finish(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute("UPDATE instance SET clean = 1", [])?;
    // crash here: a clean end whose write-ahead file the next start copies.
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
}

/// 32 random bytes for one record.
pub(crate) fn salt() -> Result<[u8; 32], getrandom::Error> {
    let mut salt = [0; 32];
    getrandom::fill(&mut salt).map(|()| salt)
}

/// Seconds to microseconds.
pub(crate) fn micros(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1_000_000)
}

/// `seq` as SQLite keeps it.
pub(crate) fn signed(seq: Seq) -> i64 {
    i64::try_from(seq.0).unwrap_or(i64::MAX)
}

/// `at` less some seconds.
pub(crate) fn before(at: Micros, seconds: u64) -> Micros {
    Micros(at.0.saturating_sub(micros(seconds)))
}
