//! `data.yaml` as the engine's value. The subset is what YAML 1.1 (OPA's reader) and YAML 1.2 read alike; the rest is refused with its place.

use crate::Problem;
use crate::rego::Rego;
use canon::Build;
use canon::json::Limits;
use granit_parser::{Event, Parser, ScalarStyle, Span, StrInput};
use regorus::Value;

/// The deepest nesting of maps and lists.
const DEPTH_MAX: usize = 32;

/// The value that the file spells.
pub(super) fn read(path: &str, bytes: &[u8], limits: &Limits) -> Result<Value, Problem> {
    let wrong = |message: String| Problem::of_file(path, "policy.data", message);
    if bytes.len() > limits.body_bytes_max {
        return Err(wrong(format!("this file has {} bytes, at most {} are read", bytes.len(), limits.body_bytes_max)));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| wrong("this file is not utf-8".to_owned()))?;
    let options = granit_parser::options! {
        strict_indentation: true,
        disallow_directives: true,
        flow_nesting_limit: DEPTH_MAX,
        block_nesting_limit: DEPTH_MAX,
    };
    let mut reader = Reader { parser: Parser::new_from_str_with_options(text, options), path, values_left: limits.values_max };
    reader.document()
}

struct Reader<'a> {
    parser: Parser<'a, StrInput<'a>>,
    path: &'a str,
    values_left: usize,
}

impl<'a> Reader<'a> {
    fn wrong(&self, line: usize, col: usize, message: impl Into<String>) -> Problem {
        let (line, col) = (u32::try_from(line).unwrap_or(0), u32::try_from(col.saturating_add(1)).unwrap_or(0));
        Problem::at(self.path, line, col, "policy.data", message)
    }

    fn at(&self, span: &Span, message: impl Into<String>) -> Problem {
        self.wrong(span.start.line(), span.start.col(), message)
    }

    fn next(&mut self) -> Result<(Event<'a>, Span), Problem> {
        match self.parser.next_event() {
            None => Err(Problem::of_file(self.path, "policy.data", "the file ends in the middle of a value")),
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => {
                let message = format!("not yaml as it is read here: {}", canon::text::shown(&error.info(), 200));
                Err(self.wrong(error.marker().line().max(1), error.marker().col(), message))
            }
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the parser's events are open-ended; what is not named is refused")]
    fn document(&mut self) -> Result<Value, Problem> {
        let mut root = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => break,
                Event::StreamStart | Event::DocumentEnd => {}
                Event::DocumentStart(..) if root.is_some() => return Err(self.at(&span, "a second document starts here: keep one")),
                Event::DocumentStart(..) => {
                    let (event, span) = self.next()?;
                    root = Some(self.value(event, &span)?);
                }
                _ => return Err(self.at(&span, "a value was not expected here")),
            }
        }
        root.ok_or_else(|| Problem::of_file(self.path, "policy.data", "the file is empty: write `{}` for no data"))
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the parser's events are open-ended; what is not named is refused")]
    fn value(&mut self, event: Event<'a>, span: &Span) -> Result<Value, Problem> {
        self.values_left = self.values_left.checked_sub(1).ok_or_else(|| self.at(span, "there are more values than are read"))?;
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.bare(span, anchor, tag.is_some())?;
                if style == ScalarStyle::Plain {
                    plain(&text).map_err(|message| self.at(span, message))
                } else {
                    Ok(Value::from(text.as_ref()))
                }
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.bare(span, anchor, tag.is_some())?;
                let mut items = Vec::new();
                loop {
                    match self.next()? {
                        (Event::SequenceEnd, _) => return Ok(Value::from(items)),
                        (event, span) => items.push(self.value(event, &span)?),
                    }
                }
            }
            Event::MappingStart(_, anchor, tag) => {
                self.bare(span, anchor, tag.is_some())?;
                self.mapping()
            }
            _ => Err(self.at(span, "an alias (`*name`) is not read here: write the value out")),
        }
    }

    fn mapping(&mut self) -> Result<Value, Problem> {
        let mut members = std::collections::BTreeMap::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::MappingEnd {
                return Ok(Rego::object(members.into_iter().collect()));
            }
            let Event::Scalar(key, _, anchor, tag) = event else {
                return Err(self.at(&span, "a key is a word, not a map or a list"));
            };
            self.bare(&span, anchor, tag.is_some())?;
            let (event, inner) = self.next()?;
            let value = self.value(event, &inner)?;
            if members.insert(key.to_string(), value).is_some() {
                return Err(self.at(&span, format!("the key `{}` stands twice: keep one", canon::text::shown(&key, 80))));
            }
        }
    }

    fn bare(&self, span: &Span, anchor: usize, tagged: bool) -> Result<(), Problem> {
        match (anchor, tagged) {
            (0, false) => Ok(()),
            (0, true) => Err(self.at(span, "a tag (`!name`) is not read here: leave it out")),
            (_, _) => Err(self.at(span, "an anchor (`&name`) is not read here: write each value out")),
        }
    }
}

/// A scalar without quotes, where both versions of YAML agree what it is.
fn plain(text: &str) -> Result<Value, String> {
    const ALIKE: [&str; 6] = ["yes", "no", "on", "off", "y", "n"];
    match text {
        "" | "~" | "null" => return Ok(Value::Null),
        "true" => return Ok(Value::Bool(true)),
        "false" => return Ok(Value::Bool(false)),
        _ => {}
    }
    let unsigned = text.trim_start_matches(['-', '+']);
    if unsigned.starts_with(|first: char| first.is_ascii_digit()) || unsigned.starts_with('.') {
        let number = canon::json::parse::<Rego>(text.as_bytes(), &Limits::default());
        // A date, a version, an address: text to every reader.
        let worded = text.matches('.').count() > 1
            || text.bytes().any(|byte| byte == b'/' || byte.is_ascii_alphabetic() && !b"eExXoO_".contains(&byte));
        return match number {
            Ok(value) => Ok(value),
            Err(_) if worded && !text.contains(':') && !text.starts_with('.') => Ok(Value::from(text)),
            Err(_) => Err(format!("`{}` is a number to some readers: put it in quotes", canon::text::shown(text, 80))),
        };
    }
    let lower = text.to_ascii_lowercase();
    if ALIKE.contains(&lower.as_str()) || ["true", "false", "null"].contains(&lower.as_str()) {
        return Err(format!("`{text}` is a boolean to some readers: write true or false, or put it in quotes"));
    }
    Ok(Value::from(text))
}
