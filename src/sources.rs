//! Files as bytes: a policy's folder or archive, keys, certificates. Bounded, and with errors that name the file.
//!
//! Knows the disk. Does not know what the bytes mean.

use policy::{ArchiveLimits, Source};
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Bytes of a file that holds keys, certificates, a list or a secret.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// Why something could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unreadable {
    /// The system says no.
    #[error("cannot read `{}`: {why}", path.display())]
    Io { path: PathBuf, why: String },
    /// It is larger than what is read.
    #[error("`{}` has {bytes} bytes, at most {most} are read", path.display())]
    TooLarge { path: PathBuf, bytes: u64, most: u64 },
    /// A folder has more than is read.
    #[error("`{}` holds more than {most} {what}", path.display())]
    TooMany { path: PathBuf, what: &'static str, most: u64 },
    /// The files are no bundle.
    #[error("{0}")]
    Bundle(String),
}

impl Unreadable {
    /// The same of the policy that a configuration names: where it is named, unless it is there and wrong itself.
    pub(crate) fn of_policy(&self, policy: &config::Policy) -> String {
        match self {
            Self::Bundle(_) => self.to_string(),
            Self::Io { .. } | Self::TooLarge { .. } | Self::TooMany { .. } => format!("{}: `policy.source`: {self}", policy.source_at),
        }
    }
}

/// The bytes of a small file.
pub(crate) fn file(path: &Path) -> Result<Vec<u8>, Unreadable> {
    bounded(path, FILE_BYTES_MAX)
}

/// What is no ordinary file has no end, or never begins: a pipe, a device.
fn bounded(path: &Path, most: u64) -> Result<Vec<u8>, Unreadable> {
    let io = |error: std::io::Error| Unreadable::Io { path: path.to_owned(), why: error.to_string() };
    let found = std::fs::metadata(path).map_err(io)?;
    if !found.is_file() {
        return Err(io(std::io::Error::other("it is no ordinary file")));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(found.len().min(most)).unwrap_or(0));
    // It may grow meanwhile.
    File::open(path).map_err(io)?.take(most + 1).read_to_end(&mut bytes).map_err(io)?;
    match bytes.len() as u64 {
        read if read > most => Err(Unreadable::TooLarge { path: path.to_owned(), bytes: found.len().max(read), most }),
        _ => Ok(bytes),
    }
}

/// A policy's files: a folder, or a `.tar.gz` archive.
pub(crate) fn policy(path: &Path) -> Result<Source, Unreadable> {
    let limits = ArchiveLimits::default();
    let said = |problems: Vec<policy::Problem>| Unreadable::Bundle(problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "));
    if !path.is_dir() {
        let bytes = bounded(path, limits.packed_bytes_max as u64)?;
        return Source::of_archive(&bytes, &limits).map_err(said);
    }
    let mut walk = Walk { root: path, limits, files: Vec::new(), bytes: 0, entries: 0 };
    walk.folder(path, 0)?;
    Source::of_files(walk.files).map_err(said)
}

/// Folders in one another that are walked.
const FOLDERS_DEEP_MAX: usize = 32;

struct Walk<'a> {
    root: &'a Path,
    limits: ArchiveLimits,
    files: Vec<(String, Vec<u8>)>,
    bytes: u64,
    entries: usize,
}

impl Walk<'_> {
    /// Links are followed, since a mounted ConfigMap is made of them; names that begin with a dot are not, since its older versions have such.
    fn folder(&mut self, folder: &Path, deep: usize) -> Result<(), Unreadable> {
        let io = |error: std::io::Error| Unreadable::Io { path: folder.to_owned(), why: error.to_string() };
        let too_many = |what, most| Unreadable::TooMany { path: self.root.to_owned(), what, most };
        if deep > FOLDERS_DEEP_MAX {
            return Err(too_many("folders in one another", FOLDERS_DEEP_MAX as u64));
        }
        let mut paths: Vec<PathBuf> =
            std::fs::read_dir(folder).map_err(io)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>().map_err(io)?;
        paths.sort();
        for path in paths {
            let hidden = path.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.'));
            if hidden {
                continue;
            }
            self.entries += 1;
            if self.entries > self.limits.entries_max {
                return Err(Unreadable::TooMany {
                    path: self.root.to_owned(),
                    what: "files and folders",
                    most: self.limits.entries_max as u64,
                });
            }
            if path.is_dir() {
                self.folder(&path, deep + 1)?;
            } else if is_of_a_policy(&path) {
                self.file(&path)?;
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &Path) -> Result<(), Unreadable> {
        let bytes = bounded(path, self.limits.file_bytes_max)?;
        self.bytes += bytes.len() as u64;
        if self.bytes > self.limits.unpacked_bytes_max {
            return Err(Unreadable::TooMany { path: self.root.to_owned(), what: "bytes", most: self.limits.unpacked_bytes_max });
        }
        let inside = path.strip_prefix(self.root).unwrap_or(path);
        self.files.push((inside.to_string_lossy().into_owned(), bytes));
        Ok(())
    }
}

/// As OPA takes them from a folder: policies, and data documents by their names; anything else may lie beside.
fn is_of_a_policy(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    name.ends_with(".rego") || matches!(name.as_str(), "data.json" | "data.yaml" | "data.yml" | ".manifest")
}
