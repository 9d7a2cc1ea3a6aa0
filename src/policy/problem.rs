//! Something wrong in a bundle, with its place.

use std::fmt;

/// One thing that keeps a bundle from being loaded, or a fixture from being read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub struct Problem {
    /// Path inside the bundle; empty where the whole bundle is meant.
    pub file: String,
    /// Line from 1; 0 where the whole file is meant.
    pub line: u32,
    /// Column from 1; 0 where the whole line is meant.
    pub col: u32,
    /// Stable name of the rule that was broken, as `policy.unknown_function`.
    pub code: &'static str,
    /// What is wrong and what to do.
    pub message: String,
}

impl Problem {
    /// A problem of a whole file, or of the whole bundle if `file` is empty.
    #[must_use]
    pub fn of_file(file: &str, code: &'static str, message: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line: 0, col: 0, code, message: message.into() }
    }

    /// A problem at a place of a file.
    #[must_use]
    pub fn at(file: &str, line: u32, col: u32, code: &'static str, message: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line, col, code, message: message.into() }
    }

    /// What the engine says, its `--> file:line:col` taken as the place.
    pub(crate) fn from_engine(file: &str, code: &'static str, text: &str) -> Self {
        let message = message_of(text);
        match place_of(text) {
            Some((file, line, col)) => Self::at(&file, line, col, code, message),
            None => Self::of_file(file, code, message),
        }
    }
}

impl fmt::Display for Problem {
    /// `file:line:col: message (code)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = if self.file.is_empty() { "bundle" } else { &self.file };
        match (self.line, self.col) {
            (0, _) => write!(f, "{file}: ")?,
            (line, 0) => write!(f, "{file}:{line}: ")?,
            (line, col) => write!(f, "{file}:{line}:{col}: ")?,
        }
        write!(f, "{} ({})", self.message, self.code)
    }
}

/// The first `--> file:line:col` of an error of the engine.
pub(crate) fn place_of(text: &str) -> Option<(String, u32, u32)> {
    let line = text.lines().find_map(|line| line.trim_start().strip_prefix("--> "))?;
    let (rest, col) = line.trim_end().rsplit_once(':')?;
    let (file, line) = rest.rsplit_once(':')?;
    Some((file.to_owned(), line.parse().ok()?, col.parse().ok()?))
}

/// The last `error: ...` of an error of the engine, else its first line.
pub(crate) fn message_of(text: &str) -> String {
    let message = text.lines().rev().find_map(|line| line.trim_start().strip_prefix("error: "));
    canon::text::shown(message.or_else(|| text.lines().find(|line| !line.trim().is_empty())).unwrap_or("no message").trim(), 300)
}
