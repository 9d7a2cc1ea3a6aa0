//! Which keys a document has, by one look at its strings: most messages need no more reading than that.

use super::is_reserved;
use canon::json::{Json, Limits, Tree, parse};

/// Keys that stand somewhere in a document. A hint that is not there is certain: no valid JSON has the key then.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hints {
    /// One under `dev.toolgate/`.
    pub(super) reserved: bool,
    /// `result`
    pub(super) result: bool,
    /// `error`
    pub(super) error: bool,
    /// `isError`
    pub(super) is_error: bool,
    /// `tools`
    pub(super) tools: bool,
}

pub(super) fn hints(document: &[u8]) -> Hints {
    let (mut hints, mut rest) = (Hints::default(), document);
    while let Some(start) = rest.iter().position(|byte| *byte == b'"') {
        let Some(inside) = rest.get(start + 1..) else { break };
        let end = string_end(inside);
        let (raw, after) = inside.split_at_checked(end).unwrap_or((inside, &[]));
        let after = after.get(1..).unwrap_or_default();
        if after.trim_ascii_start().first() == Some(&b':') {
            hints.add(raw);
        }
        rest = after;
    }
    hints
}

/// Where the string ends whose opening quote was before `inside`.
fn string_end(inside: &[u8]) -> usize {
    let mut at = 0;
    while let Some(rest) = inside.get(at..) {
        match rest.iter().position(|byte| matches!(byte, b'"' | b'\\')) {
            None => return inside.len(),
            Some(found) if rest.get(found) == Some(&b'"') => return at + found,
            Some(found) => at += found + 2,
        }
    }
    inside.len()
}

impl Hints {
    fn add(&mut self, raw: &[u8]) {
        if !raw.contains(&b'\\') {
            return self.note(&String::from_utf8_lossy(raw));
        }
        match parse::<Tree>(&[b"\"", raw, b"\""].concat(), &Limits::NONE) {
            Ok(Json::String(key)) => self.note(&key),
            // Not one string: what a reader makes of it is unknown.
            Ok(Json::Null | Json::Bool(_) | Json::Number(_) | Json::Array(_) | Json::Object(_)) | Err(_) => self.reserved = true,
        }
    }

    fn note(&mut self, key: &str) {
        match key {
            "result" => self.result = true,
            "error" => self.error = true,
            "isError" => self.is_error = true,
            "tools" => self.tools = true,
            key => self.reserved |= is_reserved(key),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Hints, hints};

    #[test]
    fn keys_are_seen_however_they_are_spelled() {
        let none = Hints::default();
        for (document, expected) in [
            (r#"{"a":"result","b":["tools"],"c":"\"error\":1"}"#, none),
            (r#"{"result":1}"#, Hints { result: true, ..none }),
            (r#"{"\"":1,"result":2}"#, Hints { result: true, ..none }),
            ("{\"result\" \r\n\t:1}", Hints { result: true, ..none }),
            (r#"{"a":{"\u0074ools":[]}}"#, Hints { tools: true, ..none }),
            (r#"{"a\\":1,"isError":true,"error":{}}"#, Hints { is_error: true, error: true, ..none }),
            (r#"{"dev.toolgate/x":1}"#, Hints { reserved: true, ..none }),
            (r#"{"Dev.Toolgate/":1}"#, Hints { reserved: true, ..none }),
            (r#"{"\u0064ev.toolgate\/x":1}"#, Hints { reserved: true, ..none }),
            (r#"{"\ud800":1}"#, Hints { reserved: true, ..none }),
            (r#"{"a":"\ud800"}"#, none),
            (r#"{"dev.toolgate":1,"x dev.toolgate/":1}"#, none),
            (r#"{"result"#, none),
            (r#"{"result\"#, none),
            ("", none),
        ] {
            assert_eq!(hints(document.as_bytes()), expected, "{document}");
        }
    }
}
