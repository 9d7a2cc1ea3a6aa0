//! Regular expressions with RE2's classes, which Go and so OPA have: `\d`, `\w`, `\s` and `\b` are ASCII. The engine's are Unicode, so that an Arabic
//! digit would pass a check that OPA fails.

use super::{Answer, Patterns, engine, string};
use regex::{Regex, RegexBuilder};
use regorus::Value;

/// Bytes of a compiled expression; the engine's own limit.
const COMPILED_BYTES_MAX: usize = 100 * 1024;

/// The expression with RE2's classes.
pub(super) fn compile(pattern: &str) -> Result<Regex, String> {
    let wrong = |error: regex::Error| {
        canon::text::shown(error.to_string().lines().last().unwrap_or("not a regular expression").trim().trim_start_matches("error: "), 200)
    };
    RegexBuilder::new(&ascii(pattern)).size_limit(COMPILED_BYTES_MAX).build().map_err(wrong)
}

/// `regex.match(pattern, text)`.
pub(super) fn matches(args: &[Value], patterns: &Patterns) -> Answer {
    let (pattern, text) = (string(args, 0)?, string(args, 1)?);
    Ok(Value::Bool(patterns.regex(pattern)?.is_match(text)))
}

/// `regex.find_n(pattern, text, n)`.
pub(super) fn find(args: &[Value], _: &Patterns) -> Answer {
    translated("regex.find_n", args, 0)
}

/// `regex.find_all_string_submatch_n(pattern, text, n)`.
pub(super) fn find_all_submatch(args: &[Value], _: &Patterns) -> Answer {
    translated("regex.find_all_string_submatch_n", args, 0)
}

/// `regex.split(pattern, text)`.
pub(super) fn split(args: &[Value], _: &Patterns) -> Answer {
    translated("regex.split", args, 0)
}

/// `regex.replace(text, pattern, with)`.
pub(super) fn replace(args: &[Value], _: &Patterns) -> Answer {
    translated("regex.replace", args, 1)
}

/// The engine's own function with the pattern at a position translated.
fn translated(name: &str, args: &[Value], at: usize) -> Answer {
    let pattern = Value::from(ascii(string(args, at)?));
    let args = args.iter().enumerate().map(|(index, arg)| if index == at { pattern.clone() } else { arg.clone() }).collect::<Vec<_>>();
    engine::call(name, &args)
}

/// The pattern with each class that RE2 reads as ASCII written out.
fn ascii(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut rest = pattern.chars().peekable();
    let mut inside = false;
    while let Some(character) = rest.next() {
        match character {
            '\\' => {
                let Some(escaped) = rest.next() else {
                    out.push('\\');
                    break;
                };
                match (escaped, inside) {
                    ('d', false) => out.push_str("[0-9]"),
                    ('d', true) => out.push_str("0-9"),
                    ('D', _) => out.push_str("[^0-9]"),
                    ('w', false) => out.push_str("[0-9A-Za-z_]"),
                    ('w', true) => out.push_str("0-9A-Za-z_"),
                    ('W', _) => out.push_str("[^0-9A-Za-z_]"),
                    ('s', false) => out.push_str("[\\t\\n\\x0C\\r ]"),
                    ('s', true) => out.push_str("\\t\\n\\x0C\\r "),
                    ('S', _) => out.push_str("[^\\t\\n\\x0C\\r ]"),
                    ('b', false) => out.push_str("(?-u:\\b)"),
                    (other, _) => out.extend(['\\', other]),
                }
            }
            '[' if inside => {
                // `[[:alpha:]]` is a class of its own; any other `[` inside a class is itself in RE2.
                out.push_str(if rest.peek() == Some(&':') { "[" } else { "\\[" });
            }
            '[' => {
                inside = true;
                out.push('[');
                for first in ['^', ']'] {
                    if rest.next_if_eq(&first).is_some() {
                        out.push_str(if first == ']' { "\\]" } else { "^" });
                    }
                }
            }
            ']' if inside => {
                // The end of `[:alpha:]` is not the end of the class.
                inside = out.ends_with(':')
                    && out.rfind("[:").is_some_and(|start| !out.get(start..).unwrap_or("").contains(']'))
                    && rest.peek().is_some();
                out.push(']');
            }
            // Set operators of this engine, plain characters of RE2.
            '&' | '~' if inside => out.extend(['\\', character]),
            '-' if inside && rest.peek() == Some(&'-') => out.push_str("\\-"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests;
