//! The copier's thread: copies the write-ahead file into the database while the writer goes on. What it leaves, which is what was written
//! meanwhile, the writer copies itself, so that the file begins anew.

use crate::schema;
use rusqlite::Connection;
use std::io;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};

/// Dropped, it ends when its copy has ended.
pub(crate) struct Copier {
    start: Option<SyncSender<()>>,
    done: Receiver<rusqlite::Result<()>>,
    thread: Option<JoinHandle<()>>,
    busy: bool,
}

impl Copier {
    /// Starts the thread on a connection of its own.
    pub(crate) fn new(database: &Path) -> io::Result<Self> {
        let connection = schema::writer(database).map_err(io::Error::other)?;
        let (start, started) = sync_channel(1);
        let (tell, done) = sync_channel(1);
        let work = move || {
            while started.recv().is_ok() {
                // Whoever asked is gone when the journal ends.
                let _ = tell.send(copy(&connection));
            }
        };
        let thread = Builder::new().name("journal-copier".to_owned()).spawn(work)?;
        Ok(Self { start: Some(start), done, thread: Some(thread), busy: false })
    }

    /// Begins a copy, unless one goes on.
    pub(crate) fn begin(&mut self) -> bool {
        let begun = !self.busy && self.start.as_ref().is_some_and(|start| start.try_send(()).is_ok());
        self.busy |= begun;
        begun
    }

    /// How the copy ended, once it has.
    pub(crate) fn ended(&mut self) -> Option<rusqlite::Result<()>> {
        let ended = self.done.try_recv().ok();
        self.busy &= ended.is_none();
        ended
    }
}

impl Drop for Copier {
    fn drop(&mut self) {
        self.start = None;
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// As far as no reader is in the way.
pub(crate) fn copy(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
    // crash here: the write-ahead file still holds everything; the next start copies it again.
}
