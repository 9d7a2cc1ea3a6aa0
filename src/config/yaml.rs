//! YAML 1.2 text to a tree in which every key and value knows its place. Knows no key and no type beyond the core schema.
//!
//! The subset is what two readers cannot read differently: one document, no anchors, aliases, tags or directives, keys that are plain words.

use std::collections::HashMap;
use std::sync::Arc;

use granit_parser::{Event, Parser, ScalarStyle, Span, StrInput};

use crate::problem::{Found, Place, quoted};

/// The largest configuration file.
pub const FILE_BYTES_MAX: usize = 1 << 20;
/// The deepest nesting of maps and lists in a configuration file.
pub const NESTING_MAX: usize = 32;

/// A value with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) at: Place,
    pub(crate) value: Value,
}

/// A value as it is written; a scalar gets its type from who reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    Scalar(Scalar),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A scalar; `plain` where it is written without quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scalar {
    pub(crate) text: String,
    pub(crate) plain: bool,
}

/// A key of a map with its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_at: Place,
    pub(crate) node: Node,
}

/// The type of a scalar by the core schema of YAML 1.2 (section 10.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Core {
    Null,
    Flag,
    Number,
    Text,
}

impl Scalar {
    pub(crate) fn core(&self) -> Core {
        match self.text.as_str() {
            _ if !self.plain => Core::Text,
            "" | "~" | "null" | "Null" | "NULL" => Core::Null,
            "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => Core::Flag,
            text if is_number(text) => Core::Number,
            _ => Core::Text,
        }
    }
}

/// Anything that a core-schema reader takes for an integer or a float: digits in three bases, fractions, exponents, infinities.
fn is_number(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    let based = |prefix: &str, radix| {
        text.strip_prefix(prefix).is_some_and(|digits| !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(radix)))
    };
    let decimal = unsigned.starts_with(|first: char| first.is_ascii_digit() || first == '.')
        && unsigned.chars().any(|character| character.is_ascii_digit())
        && unsigned.parse::<f64>().is_ok();
    decimal || based("0o", 8) || based("0x", 16)
}

/// The tree of a file's bytes; `None` where they are no such YAML, which is then in `found`. Repeated keys are reported and the first is kept.
pub(crate) fn tree(file: &str, bytes: &[u8], found: &Found) -> Option<Node> {
    if bytes.len() > FILE_BYTES_MAX {
        let at = Place { file: Arc::from(file), line: 1, column: 1 };
        found.add(&at, "", format!("the file has {} bytes: at most {FILE_BYTES_MAX} are read", bytes.len()));
        return None;
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let good = bytes.get(..error.valid_up_to()).unwrap_or_default();
            let line = good.iter().filter(|byte| **byte == b'\n').count().saturating_add(1);
            found.add(&Place { file: Arc::from(file), line, column: 1 }, "", "this line is not UTF-8: save the file as UTF-8");
            return None;
        }
    };
    let options = granit_parser::options! {
        strict_indentation: true,
        disallow_directives: true,
        flow_nesting_limit: NESTING_MAX,
        block_nesting_limit: NESTING_MAX,
    };
    let file: Arc<str> = Arc::from(file);
    let mut builder = Builder { parser: Parser::new_from_str_with_options(text, options), file: Arc::clone(&file), found };
    match builder.document() {
        Ok(root) => Some(root),
        Err(Stopped::Reported) => None,
        Err(Stopped::Ended) => {
            found.add(&Place::whole(&file), "", "the file ends in the middle of a value");
            None
        }
    }
}

/// Why no tree could be built.
enum Stopped {
    Reported,
    Ended,
}

struct Builder<'a> {
    parser: Parser<'a, StrInput<'a>>,
    file: Arc<str>,
    found: &'a Found,
}

impl<'a> Builder<'a> {
    fn place(&self, span: &Span) -> Place {
        Place { file: Arc::clone(&self.file), line: span.start.line(), column: span.start.col().saturating_add(1) }
    }

    fn stop(&self, at: &Place, message: impl Into<String>) -> Stopped {
        self.found.add(at, "", message);
        Stopped::Reported
    }

    fn next(&mut self) -> Result<(Event<'a>, Place), Stopped> {
        match self.parser.next_event() {
            None => Err(Stopped::Ended),
            Some(Ok((event, span))) => {
                let at = self.place(&span);
                Ok((event, at))
            }
            Some(Err(error)) => {
                let at = Place {
                    file: Arc::clone(&self.file),
                    line: error.marker().line().max(1),
                    column: error.marker().col().saturating_add(1),
                };
                Err(self.stop(&at, format!("not YAML 1.2 as it is read here: {}", canon::text::shown(&error.info(), 200))))
            }
        }
    }

    /// The one document of the stream.
    fn document(&mut self) -> Result<Node, Stopped> {
        let mut root = None;
        loop {
            let (event, at) = self.next()?;
            if event == Event::StreamEnd {
                break;
            }
            // Between documents there are only their starts and ends.
            if let Event::DocumentStart(..) = event {
                if root.is_some() {
                    return Err(self.stop(&at, "a second document starts here: keep one"));
                }
                let (event, at) = self.next()?;
                root = Some(self.node(event, at)?);
            }
        }
        let start = Place { file: Arc::clone(&self.file), line: 1, column: 1 };
        Ok(root.unwrap_or(Node { at: start, value: Value::Map(Vec::new()) }))
    }

    fn node(&mut self, event: Event<'a>, at: Place) -> Result<Node, Stopped> {
        if let Event::Scalar(text, style, anchor, tag) = event {
            self.bare(&at, anchor, tag.is_some())?;
            return Ok(Node { at, value: Value::Scalar(Scalar { text: text.into_owned(), plain: style == ScalarStyle::Plain }) });
        }
        if let Event::MappingStart(_, anchor, tag) = event {
            self.bare(&at, anchor, tag.is_some())?;
            let entries = self.entries()?;
            return Ok(Node { at, value: Value::Map(entries) });
        }
        let Event::SequenceStart(_, anchor, tag) = event else {
            return Err(self.stop(&at, "an alias (`*name`) is not read here: write the value out"));
        };
        self.bare(&at, anchor, tag.is_some())?;
        let mut items = Vec::new();
        loop {
            let (event, item_at) = self.next()?;
            if event == Event::SequenceEnd {
                return Ok(Node { at, value: Value::List(items) });
            }
            items.push(self.node(event, item_at)?);
        }
    }

    fn entries(&mut self) -> Result<Vec<Entry>, Stopped> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut first_lines: HashMap<String, usize> = HashMap::new();
        loop {
            let (event, key_at) = self.next()?;
            if event == Event::MappingEnd {
                return Ok(entries);
            }
            let key_node = self.node(event, key_at.clone())?;
            let (event, at) = self.next()?;
            let node = self.node(event, at)?;
            let Value::Scalar(Scalar { text: key, .. }) = key_node.value else {
                self.found.add(&key_at, "", "a map or a list is used as a key: use a word");
                continue;
            };
            match first_lines.get(&key) {
                Some(first) => {
                    self.found.add(&key_at, "", format!("{} is given twice, first in line {first}: keep one", quoted(&key)));
                }
                None => {
                    first_lines.insert(key.clone(), key_at.line);
                    entries.push(Entry { key, key_at, node });
                }
            }
        }
    }

    fn bare(&self, at: &Place, anchor: usize, tagged: bool) -> Result<(), Stopped> {
        match (anchor, tagged) {
            (0, false) => Ok(()),
            (0, true) => Err(self.stop(at, "a tag (`!name`) is not read here: leave it out")),
            (_, _) => Err(self.stop(at, "an anchor (`&name`) is not read here: write each value out")),
        }
    }
}

#[cfg(test)]
mod tests;
