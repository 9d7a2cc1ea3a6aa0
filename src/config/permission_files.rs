//! Which list of revocations a toolgate reads, for those who only write it: one key of `toolgate.yaml` without the rest. Needs no mode.

use std::path::{Path, PathBuf};

use crate::files;
use crate::problem::{Found, Problem};
use crate::reader::Field;
use crate::reader::wanted::path;
use crate::yaml::tree;

/// Where those are named who may sign, and what is taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PermissionFiles {
    /// `permissions.keys`.
    pub keys: Option<PathBuf>,
    /// `permissions.revocations`.
    pub revocations: Option<PathBuf>,
}

/// Reads the two of `file`. What else stands there is not looked at, and may be wrong or incomplete.
///
/// # Errors
/// The file cannot be read, or a key has no path.
pub fn permission_files(file: &Path) -> Result<PermissionFiles, Vec<Problem>> {
    let found = Found::default();
    let files = of_file(file, &found);
    found.or_problems(files)
}

fn of_file(file: &Path, found: &Found) -> Option<PermissionFiles> {
    let folder = file.parent().unwrap_or(Path::new(""));
    let document = files::read(file, "the configuration", found)?;
    let root = tree(&document.name, &document.bytes, found)?;
    Field { node: &root, path: String::new(), folder, found }.section(|section| {
        let named = section.section("permissions", |section| {
            let named = (section.optional("keys", &path()), section.optional("revocations", &path()));
            section.ignored::<()>();
            Some(PermissionFiles { keys: named.0?, revocations: named.1? })
        });
        section.ignored::<()>();
        named
    })
}
