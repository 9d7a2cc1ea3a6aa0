//! Where the audit trail is, for those who only read it: two sections of `toolgate.yaml` without the rest. Needs no mode.

use std::path::{Path, PathBuf};

use crate::Context;
use crate::files;
use crate::problem::{Found, Problem};
use crate::reader::Field;
use crate::reader::wanted::{path, section as map};
use crate::records::{self, ClickHouse};
use crate::yaml::tree;

/// Where records can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trail {
    /// Where they are delivered to.
    pub clickhouse: Option<ClickHouse>,
    /// Where they are written first.
    pub journal: PathBuf,
}

impl Trail {
    /// Reads `audit.clickhouse` and `journal.dir` of `file`. What else stands there is not looked at, and may be wrong or incomplete.
    ///
    /// # Errors
    /// Every mistake of these two at once.
    pub fn read(file: &Path) -> Result<Self, Vec<Problem>> {
        let found = Found::default();
        let trail = Self::of_file(file, &found);
        found.or_problems(trail)
    }

    fn of_file(file: &Path, found: &Found) -> Option<Self> {
        let folder = file.parent().unwrap_or(Path::new(""));
        let document = files::read(file, "the configuration", found)?;
        let root = tree(&document.name, &document.bytes, found)?;
        let context = Context::of(&root, None, None);
        Field { node: &root, path: String::new(), folder, found }.section(|section| {
            let clickhouse = section.section("audit", |section| {
                let clickhouse =
                    section.optional("clickhouse", &map("a map that says where it is", |section| records::clickhouse(section, &context)));
                section.ignored::<()>();
                clickhouse
            });
            let journal = section.section("journal", |section| {
                let dir = section.or("dir", records::journal_dir(), &path());
                section.ignored::<()>();
                dir
            });
            section.ignored::<()>();
            Some(Self { clickhouse: clickhouse?, journal: journal? })
        })
    }
}
