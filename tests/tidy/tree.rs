//! The project's own files, read once: what is built, installed or found on the way is left out.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// A text file.
pub(super) struct File {
    /// From the project's root, with `/`.
    pub(super) path: String,
    /// The whole text.
    pub(super) text: String,
}

impl File {
    /// Lines with their numbers, from 1.
    pub(super) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line))
    }

    pub(super) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Whether it is a test as a whole.
    pub(super) fn is_test(&self) -> bool {
        self.path.starts_with("tests/") || self.path.split('/').any(|part| part == "tests" || part == "tests.rs")
    }

    /// The lines of code that is no test: up to the test module at the end of the file, comments left out.
    pub(super) fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let is_test = self.is_test();
        let lines = self.lines().take_while(move |(_, line)| !is_test && line.trim() != "#[cfg(test)]");
        lines.filter(|(_, line)| !line.trim_start().starts_with("//"))
    }
}

pub(super) static ROOT: LazyLock<PathBuf> = LazyLock::new(|| PathBuf::from(option_env!("CARGO_MANIFEST_DIR").unwrap_or(".")));

/// Every text file.
pub(super) static FILES: LazyLock<Vec<File>> = LazyLock::new(|| {
    let mut files = Vec::new();
    read(&ROOT, "", &mut files);
    assert!(files.len() > 100, "only {} files below {}", files.len(), ROOT.display());
    files
});

/// Not the project's own: Git's, what .gitignore names, what a package manager or a fuzzer put there.
fn is_foreign(folder: &str) -> bool {
    matches!(folder, ".git" | ".tools" | ".demo" | "node_modules" | "found" | "__pycache__") || folder.starts_with("target")
}

fn read(folder: &Path, path: &str, files: &mut Vec<File>) {
    let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap()).collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name().into_string().unwrap();
        let below = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
        // In a second work tree of a repository, .git is a file.
        if is_foreign(&name) {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            read(&entry.path(), &below, files);
        } else if let Ok(text) = fs::read_to_string(entry.path()) {
            files.push(File { path: below, text });
        }
    }
}

/// The file at `path`; a test that needs it fails without it.
pub(super) fn file(path: &str) -> &'static File {
    FILES.iter().find(|file| file.path == path).unwrap_or_else(|| panic!("{path} is missing"))
}

/// Fails with all findings, one a line.
pub(super) fn report(findings: impl IntoIterator<Item = String>) {
    let findings: Vec<_> = findings.into_iter().collect();
    assert!(findings.is_empty(), "{} findings:\n{}\n", findings.len(), findings.join("\n"));
}
