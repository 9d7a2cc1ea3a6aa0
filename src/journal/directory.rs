//! The journal's directory: made once, on a local disk, held by one process.

use crate::open::OpenError;
use rustix::fs::{FlockOperation, flock, fsync, statfs};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The database's file name.
const DATABASE: &str = "journal.db";
/// The lock's file name.
const LOCK: &str = "lock";

/// `f_type` of file systems whose disk is elsewhere (statfs(2)): nfs, cifs, smb2, 9p, ceph, afs, coda, gfs2, ocfs2.
const NETWORK: &[(u64, &str)] = &[
    (0x6969, "nfs"),
    (0xff53_4d42, "cifs"),
    (0xfe53_4d42, "smb2"),
    (0x0102_1997, "9p"),
    (0x00c3_6400, "ceph"),
    (0x5346_414f, "afs"),
    (0x7375_7245, "coda"),
];

/// A directory that this process alone writes to, until it is dropped.
#[derive(Debug)]
pub(crate) struct Directory {
    path: PathBuf,
    lock: File,
}

/// The flock ends here and not with the file: a process that is being started at this moment has the file, too, until it runs its own program.
impl Drop for Directory {
    fn drop(&mut self) {
        let _ = flock(&self.lock, FlockOperation::Unlock);
    }
}

/// Where the database of a journal in `dir` is.
pub(crate) fn database(dir: &Path) -> PathBuf {
    dir.join(DATABASE)
}

impl Directory {
    /// Makes the directory if it is not there, and takes its lock.
    pub(crate) fn take(dir: &Path) -> Result<Self, OpenError> {
        let failed = |what| move |source| OpenError::Directory { what, dir: dir.to_owned(), source };
        match DirBuilder::new().mode(0o700).create(dir) {
            Ok(()) => sync_parent(dir).map_err(failed("make"))?,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(failed("make")(error)),
        }
        let kind = u64::try_from(statfs(dir).map_err(|error| failed("look at")(error.into()))?.f_type).unwrap_or(0) & 0xffff_ffff;
        if let Some((_, name)) = NETWORK.iter().find(|(number, _)| *number == kind) {
            return Err(OpenError::Network { dir: dir.to_owned(), file_system: name });
        }
        let lock = private(&dir.join(LOCK)).map_err(failed("write to"))?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => return Err(OpenError::InUse { dir: dir.to_owned() }),
            Err(error) => return Err(failed("lock")(error.into())),
        }
        // SQLite gives its other files the mode of the database: the digest key stays private.
        // It is not even opened if it is there: closing it would end the locks that a reader in this process has on it (fcntl(2)).
        if !database(dir).try_exists().map_err(failed("look into"))? {
            private(&database(dir)).map_err(failed("write to"))?;
        }
        // crash here: an empty database file, which the next start fills.
        File::open(dir).and_then(|dir| Ok(fsync(&dir)?)).map_err(failed("sync"))?;
        Ok(Self { path: dir.to_owned(), lock })
    }

    pub(crate) fn database(&self) -> PathBuf {
        database(&self.path)
    }
}

fn private(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

fn sync_parent(dir: &Path) -> std::io::Result<()> {
    let parent = dir.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    Ok(fsync(File::open(parent)?)?)
}
