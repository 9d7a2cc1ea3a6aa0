//! Files from the disk as documents. Knows no format; a file that cannot be read is a problem with its name.

use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::Document;
use crate::problem::{Found, Place};
use crate::yaml::FILE_BYTES_MAX;

/// Who could write a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Writers {
    /// The user that owns it.
    pub owner_uid: u32,
    /// Whether its group or everybody may write it.
    pub others: bool,
}

/// Whether nothing is there. What is there and cannot be reached is not absent: reading it says why.
pub(crate) fn is_absent(path: &Path) -> bool {
    path.symlink_metadata().is_err_and(|error| error.kind() == ErrorKind::NotFound)
}

/// The file's bytes, one more than the limit at most; `None` where it cannot be read, which is then in `found`.
pub(crate) fn read(path: &Path, what: &str, found: &Found) -> Option<Document> {
    read_owned(path, what, found).map(|(document, _)| document)
}

/// The same, with who could write it.
pub(crate) fn read_owned(path: &Path, what: &str, found: &Found) -> Option<(Document, Writers)> {
    let name = path.display().to_string();
    match open(path) {
        Ok((bytes, writers)) => Some((Document { name, bytes }, writers)),
        Err(error) => {
            found.add(&Place::whole(&name), "", format!("{what} cannot be read: {error}"));
            None
        }
    }
}

fn open(path: &Path) -> std::io::Result<(Vec<u8>, Writers)> {
    let file = File::open(path)?;
    let facts = file.metadata()?;
    let mut bytes = Vec::new();
    let limit = u64::try_from(FILE_BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
    file.take(limit).read_to_end(&mut bytes)?;
    Ok((bytes, Writers { owner_uid: facts.uid(), others: facts.mode() & 0o022 != 0 }))
}
