//! The tables, and how a connection is set up.
//!
//! The form is fixed: `user_version` 1. A later form gets a migration here; it never changes bytes of `log`.

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use std::path::Path;
use std::time::Duration;

/// `tgjl`, so that no other program's database is taken for a journal.
pub(crate) const APPLICATION_ID: i32 = 0x7467_6a6c;
/// The form of the tables.
pub(crate) const FORM: i32 = 1;
/// Bytes of a page.
pub(crate) const PAGE_BYTES: u64 = 4096;
/// The smallest `budget_bytes`; less is taken as this.
pub const BUDGET_BYTES_MIN: u64 = 1 << 20;
/// How long the writer waits for a program that holds the database's write lock.
const LOCK_WAIT: Duration = Duration::from_secs(10);
/// Statements that a connection keeps prepared.
const STATEMENTS_MAX: usize = 32;

/// INVARIANT: of one start (`epoch`) the rows' `seq` run from 0 without gaps, `id` grows with them, and `at` never falls.
/// `refused` has what is recorded of refused calls and was not read back: the last row in `log` of each, the number of its caller from 1 or 0 (nobody known), and the pages that it is counted with.
/// `pending` has the forwarded decisions without an outcome; `refusals` is in the order of time, since call ids are UUIDs of version 7.
pub(crate) const TABLES: &str = "
CREATE TABLE instance (
    id BLOB NOT NULL, digest_key BLOB NOT NULL, epoch INTEGER NOT NULL, clean INTEGER NOT NULL
) STRICT;
CREATE TABLE log (
    id INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, seq INTEGER NOT NULL, at INTEGER NOT NULL,
    leaf BLOB NOT NULL, salt BLOB NOT NULL, envelope BLOB NOT NULL, body BLOB NOT NULL
) STRICT;
CREATE TABLE pending (call BLOB PRIMARY KEY, tenant TEXT) STRICT, WITHOUT ROWID;
CREATE TABLE acknowledged (through INTEGER PRIMARY KEY, at INTEGER NOT NULL) STRICT;
CREATE TABLE refused (through INTEGER PRIMARY KEY, known INTEGER NOT NULL, pages INTEGER NOT NULL) STRICT;
CREATE TABLE uses (iss TEXT NOT NULL, jti TEXT NOT NULL, until INTEGER NOT NULL, call BLOB NOT NULL, PRIMARY KEY (iss, jti)) STRICT, WITHOUT ROWID;
CREATE TABLE refusals (
    call BLOB PRIMARY KEY, at INTEGER NOT NULL, subject TEXT NOT NULL, user TEXT NOT NULL, tenant TEXT NOT NULL, upstream TEXT NOT NULL,
    tool TEXT NOT NULL, arguments_digest BLOB NOT NULL, blocked TEXT NOT NULL, reasons TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE deposits (
    iss TEXT NOT NULL, jti TEXT NOT NULL, subject TEXT NOT NULL, tenant TEXT NOT NULL, upstream TEXT NOT NULL, tool TEXT NOT NULL,
    arguments_digest TEXT NOT NULL, exp INTEGER NOT NULL, token TEXT NOT NULL, PRIMARY KEY (iss, jti)
) STRICT, WITHOUT ROWID;
";

/// A table that came later, made in journals that lack it. Programs that do not know it leave it alone: the form stays the same.
/// INVARIANT: the caller bounds its rows: what is put in is from a bounded set for each upstream.
pub(crate) const REDACTIONS: &str = "
CREATE TABLE IF NOT EXISTS redactions (upstream TEXT NOT NULL, place TEXT NOT NULL, PRIMARY KEY (upstream, place)) STRICT, WITHOUT ROWID;
";

/// The budget in pages.
pub(crate) fn pages_max(budget_bytes: u64) -> u64 {
    budget_bytes.max(BUDGET_BYTES_MIN) / PAGE_BYTES
}

/// The one connection that writes. The database file exists.
pub(crate) fn writer(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(LOCK_WAIT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    // After a failed sync nothing may be copied into the database by a mere close: the next start rewrites.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.pragma_update(None, "page_size", i64::try_from(PAGE_BYTES).unwrap_or(i64::MAX))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // SQLite's own checkpoints swallow errors: the writer makes them.
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "cache_size", -2048)?;
    Ok(connection)
}

/// A connection that reads what is committed, while the writer goes on.
pub(crate) fn reader(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(LOCK_WAIT)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cache_size", -512)?;
    Ok(connection)
}

/// What kind of database this is.
pub(crate) enum Form {
    /// Without any table.
    Empty,
    /// A journal of this form.
    Known,
    /// Another program's, or a later form.
    Foreign,
}

pub(crate) fn form(connection: &Connection) -> rusqlite::Result<Form> {
    let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    Ok(match (number("application_id")?, number("user_version")?, tables) {
        (APPLICATION_ID, FORM, _) => Form::Known,
        (0, 0, 0) => Form::Empty,
        _ => Form::Foreign,
    })
}
