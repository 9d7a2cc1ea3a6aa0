//! Percent-decoding (RFC 3986) that refuses what two servers decode to two things.

use crate::malformed::{Fault, Flaw};
use std::borrow::Cow;

/// Different names in one query.
const QUERY_NAMES_MAX: usize = 256;

/// The segments of an absolute path, decoded. The last is empty if the path ends in a slash.
pub(super) fn path(path: &str) -> Result<Vec<String>, Fault> {
    let rest = path.strip_prefix('/').ok_or_else(|| Flaw::Path.because("the path does not begin with a slash"))?;
    let count = rest.split('/').count();
    rest.split('/').enumerate().map(|(at, raw)| segment(raw, at + 1 == count)).collect()
}

fn segment(raw: &str, last: bool) -> Result<String, Fault> {
    let decoded = percent(raw, false).ok_or_else(|| Flaw::Path.because("an escape in the path is invalid or not utf-8"))?;
    let wrong = if decoded.is_empty() && !last {
        "two slashes follow each other in the path"
    } else if decoded == "." || decoded == ".." {
        "the path has a dot segment"
    } else if decoded.contains(['/', '\\']) {
        "the path has an escaped slash or a backslash"
    } else if raw.contains(';') {
        "the path has a `;`, which some servers cut: write it as `%3B`"
    } else if decoded.contains(char::is_control) {
        "the path has a control character"
    } else if decoded.split('%').skip(1).any(is_escape) {
        "the path is escaped twice"
    } else {
        return Ok(decoded);
    };
    Err(Flaw::Path.because(wrong))
}

fn is_escape(after: &str) -> bool {
    matches!(after.as_bytes(), [one, two, ..] if one.is_ascii_hexdigit() && two.is_ascii_hexdigit())
}

/// The names of a query with their values, in the order in which each name came first (URL Standard, form encoding).
pub(super) fn query(query: &str) -> Result<Vec<(String, Vec<String>)>, Fault> {
    if query.contains(';') {
        return Err(Flaw::Query.because("the query has a `;`, which some servers take for `&`: write it as `%3B`"));
    }
    let mut names: Vec<(String, Vec<String>)> = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let decoded = |raw| percent(raw, true).ok_or_else(|| Flaw::Query.because("an escape in the query is invalid or not utf-8"));
        let (name, value) = (decoded(name)?, decoded(value)?);
        match names.iter_mut().find(|(known, _)| canon::json::twins(known, &name)) {
            Some((known, values)) if *known == name => values.push(value),
            Some(_) => return Err(Flaw::Query.because("two names of the query differ in case only")),
            None => names.push((name, vec![value])),
        }
        if names.len() > QUERY_NAMES_MAX {
            return Err(Flaw::Query.because(format!("the query has over {QUERY_NAMES_MAX} names")));
        }
    }
    Ok(names)
}

/// A path as servers read it. As it came where an escape is none: no protocol lets that through.
#[must_use]
pub fn decoded_path(path: &str) -> Cow<'_, str> {
    if path.contains('%') { percent(path, false).map_or(Cow::Borrowed(path), Cow::Owned) } else { Cow::Borrowed(path) }
}

fn percent(raw: &str, plus_is_space: bool) -> Option<String> {
    let mut out = Vec::with_capacity(raw.len());
    let mut bytes = raw.bytes();
    let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16)).and_then(|digit| u8::try_from(digit).ok());
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'%' => digit(bytes.next())? * 16 + digit(bytes.next())?,
            b'+' if plus_is_space => b' ',
            byte => byte,
        });
    }
    String::from_utf8(out).ok()
}
