//! A mistake in a configuration file: where it is, which key, what to do. Knows no file format and no key.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

use canon::text::shown;

/// The longest piece of a user's text that a message repeats, in characters.
const SHOWN_CHARS_MAX: usize = 80;
/// The longest message and the longest path of a key, in characters.
const MESSAGE_CHARS_MAX: usize = 1_000;

/// A position in a file; `line` and `column` count from 1, 0 means the file as a whole.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file as the user named it.
    pub file: Arc<str>,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

/// One mistake. All mistakes of a load are reported together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Where it stands.
    pub place: Place,
    /// The path of the key (`listeners[0].limits.header_bytes_max`), empty where the file as a whole is meant.
    pub key: String,
    /// What is wrong and what to do; lower case, the user's words in backticks.
    pub message: String,
}

impl Place {
    /// The file as a whole.
    #[must_use]
    pub fn whole(file: &str) -> Self {
        Self { file: Arc::from(file), line: 0, column: 0 }
    }
}

impl fmt::Display for Place {
    /// `file:line:column`, or `file` for the file as a whole.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(&self.file),
            line => write!(f, "{}:{line}:{}", self.file, self.column),
        }
    }
}

impl fmt::Display for Problem {
    /// `file:line:column: key: message`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.key.as_str() {
            "" => write!(f, "{}: {}", self.place, self.message),
            key => write!(f, "{}: {key}: {}", self.place, self.message),
        }
    }
}

impl std::error::Error for Problem {}

/// Collects the mistakes of one load.
#[derive(Debug, Default)]
pub(crate) struct Found(RefCell<Vec<Problem>>);

impl Found {
    pub(crate) fn add(&self, place: &Place, key: &str, message: impl Into<String>) {
        // Rooms' own messages may repeat the user's words as they are.
        let (key, message) = (shown(key, MESSAGE_CHARS_MAX), shown(&message.into(), MESSAGE_CHARS_MAX));
        self.0.borrow_mut().push(Problem { place: place.clone(), key, message });
    }

    /// The value, if nothing was found wrong; otherwise every mistake: of the environment and of whole files first, then by line.
    pub(crate) fn or_problems<T>(self, value: Option<T>) -> Result<T, Vec<Problem>> {
        let mut problems = self.0.into_inner();
        problems.sort_by(|one, other| (one.place.line != 0, one).cmp(&(other.place.line != 0, other)));
        problems.dedup();
        match value {
            Some(value) if problems.is_empty() => Ok(value),
            Some(_) | None => Err(problems),
        }
    }
}

/// A user's text in backticks, cut and without characters that drive a terminal.
pub(crate) fn quoted(text: &str) -> String {
    format!("`{}`", shown(text, SHOWN_CHARS_MAX))
}
