//! The files of `fixtures/wire`: a request, `=== ` lines that name what follows, the upstream's answer, and last what is expected.

use crate::Head;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Version};

pub(super) struct Conversation {
    pub(super) request: String,
    /// `(title, text)`, without what is expected.
    sections: Vec<(String, String)>,
}

const EXPECTED: [&str; 4] = ["call", "refused", "agent", "broken"];

impl Conversation {
    pub(super) fn parse(text: &str) -> Self {
        let mut pieces = text.split("\n=== ");
        let first = pieces.next().expect("a request");
        let sections = pieces.map(|piece| piece.split_once('\n').unwrap_or((piece, "")));
        let sections = sections.map(|(title, text)| (title.to_owned(), text.to_owned()));
        let given = sections.filter(|(title, _)| !EXPECTED.contains(&title.split(' ').next().unwrap_or_default()));
        let mut conversation = Self { request: first.to_owned(), sections: given.collect() };
        // Without sections the last line feed of the file is not the body's.
        let last = conversation.sections.last_mut().map_or(&mut conversation.request, |(_, text)| text);
        if !text.contains("\n=== call\n") && !EXPECTED.iter().any(|title| text.contains(&format!("\n=== {title}"))) {
            last.truncate(last.strip_suffix('\n').map_or(last.len(), str::len));
        }
        conversation
    }

    pub(super) fn with_expected(&self, (title, text): &(String, String)) -> String {
        let given: String = self.sections.iter().map(|(title, text)| section(title, text)).collect();
        format!("{}{given}\n=== {title}\n{text}\n", self.request)
    }

    pub(super) fn head_and_body(&self) -> (Head, Bytes) {
        let (head, body) = split(&self.request);
        let mut lines = head.lines();
        let mut words = lines.next().expect("a request line").split(' ');
        let mut word = || words.next().expect("method, target, version");
        let method = word().parse().expect("method");
        let uri = word().parse().expect("target");
        let version = if word() == "HTTP/2.0" { Version::HTTP_2 } else { Version::HTTP_11 };
        (Head { method, uri, headers: headers(lines), version }, Bytes::copy_from_slice(body.as_bytes()))
    }

    pub(super) fn has_upstream(&self) -> bool {
        self.sections.iter().any(|(title, _)| title == "upstream")
    }

    pub(super) fn upstream(&self) -> (StatusCode, HeaderMap, Vec<u8>) {
        let (_, text) = self.sections.iter().find(|(title, _)| title == "upstream").expect("upstream");
        let (head, body) = split(text);
        let mut lines = head.lines();
        let status = lines.next().and_then(|status| status.parse().ok()).expect("status");
        (status, headers(lines), body.as_bytes().to_vec())
    }

    /// What follows a word in a title.
    pub(super) fn directive(&self, word: &str) -> &str {
        self.sections.iter().find_map(|(title, _)| title.strip_prefix(word)).unwrap_or_default().trim()
    }
}

fn section(title: &str, text: &str) -> String {
    let text = if text.is_empty() { String::new() } else { format!("\n{text}") };
    format!("\n=== {title}{text}")
}

fn split(text: &str) -> (&str, &str) {
    text.split_once("\n\n").unwrap_or((text.trim_end_matches('\n'), ""))
}

fn headers<'a>(lines: impl Iterator<Item = &'a str>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines.map(|line| line.split_once(':').expect("a header")) {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("name");
        headers.append(name, HeaderValue::from_bytes(value.trim().as_bytes()).expect("value"));
    }
    headers
}
