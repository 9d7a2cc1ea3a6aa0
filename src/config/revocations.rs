//! Which list of revocations a toolgate reads, for those who only write it: one key of `toolgate.yaml` without the rest. Needs no mode.

use std::path::{Path, PathBuf};

use crate::files;
use crate::problem::{Found, Problem};
use crate::reader::Field;
use crate::reader::wanted::path;
use crate::yaml::tree;

/// Reads `permissions.revocations` of `file`. What else stands there is not looked at, and may be wrong or incomplete.
///
/// # Errors
/// The file cannot be read, or the key has no path.
pub fn revocations(file: &Path) -> Result<Option<PathBuf>, Vec<Problem>> {
    let found = Found::default();
    let list = of_file(file, &found);
    found.or_problems(list)
}

fn of_file(file: &Path, found: &Found) -> Option<Option<PathBuf>> {
    let folder = file.parent().unwrap_or(Path::new(""));
    let document = files::read(file, "the configuration", found)?;
    let root = tree(&document.name, &document.bytes, found)?;
    Field { node: &root, path: String::new(), folder, found }.section(|section| {
        let list = section.section("permissions", |section| {
            let list = section.optional("revocations", &path());
            section.ignored::<()>();
            list
        });
        section.ignored::<()>();
        list
    })
}
