//! Stories as columns: one definition for the table, CSV and JSON forms. Nothing that is shown can drive a terminal or a spreadsheet.

use crate::Story;
use canon::CallId;
use canon::text::shown;
use serde::Serialize;
use std::collections::BTreeSet;

/// The columns' names, in order.
pub const COLUMNS: [&str; 9] = ["time", "id", "tenant", "subject", "call", "would", "done", "reasons", "outcome"];
/// Characters of an id's end that a table shows at least.
pub const ID_CHARS_MIN: usize = 8;
/// Characters of a whole id.
pub const ID_CHARS: usize = 36;
/// Characters of a signer's key that a table shows.
const SIGNER_CHARS: usize = 8;

/// One call as a line of words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// When it was decided, UTC.
    pub time: String,
    /// The call's id, which is the decision's id.
    pub id: String,
    /// The tenant.
    pub tenant: String,
    /// The workload's SPIFFE id.
    pub subject: String,
    /// The tool, else the method.
    pub call: String,
    /// The route.
    pub route: String,
    /// The runtime mode.
    pub mode: String,
    /// What the policy would do.
    pub would: String,
    /// What was done.
    pub done: String,
    /// Reason codes, then warning codes.
    pub reasons: Vec<String>,
    /// The key that signed the permission it rests on.
    pub signer: String,
    /// How it ended.
    pub outcome: String,
    /// The HTTP status of the refusal or of the upstream.
    pub status: Option<u16>,
    /// From the release of the request to the end of the answer, in microseconds.
    pub duration_us: Option<u64>,
    /// Whose log, and its place there.
    pub writer: String,
    /// The decision's place in that log.
    pub seq: u64,
}

impl Line {
    /// The words of a story, absent ones empty.
    #[must_use]
    pub fn of(story: &Story) -> Self {
        let decision = &story.decision;
        let word = |word: Option<&str>| word.unwrap_or_default().to_owned();
        let outcome = story.outcome.as_ref();
        let ended = outcome.and_then(|row| row.outcome.as_deref()).map(|ended| {
            if outcome.is_some_and(|row| row.tool_error == Some(true)) { format!("{ended}, tool error") } else { ended.to_owned() }
        });
        Self {
            time: decision.time.clone(),
            id: word(decision.call.as_deref()),
            tenant: word(decision.tenant.as_deref()),
            subject: word(decision.workload.as_deref()),
            call: story.called().to_owned(),
            route: word(decision.route.as_deref()),
            mode: word(decision.mode.as_deref()),
            would: word(decision.would.as_deref()),
            done: word(decision.done.as_deref()),
            reasons: decision.reasons.iter().chain(&decision.warnings).cloned().collect(),
            signer: word(story.signer()),
            outcome: ended.unwrap_or_default(),
            status: decision.status.or_else(|| outcome.and_then(|row| row.status)),
            duration_us: outcome.and_then(|row| row.duration_us),
            writer: decision.writer.clone(),
            seq: decision.seq,
        }
    }

    /// The cells under `COLUMNS`, short enough for a table of 100 columns; of the id its last `id_chars`.
    #[must_use]
    pub fn cells(&self, id_chars: usize) -> [String; 9] {
        let subject = self.subject.rsplit('/').next().unwrap_or_default();
        let time = self.time.get(5..19).unwrap_or(&self.time).replace('T', "\u{a0}");
        // What `would` and `done` say already is left to the other forms.
        let reasons = self.reasons.iter().filter(|code| *code != "toolgate.denied").cloned().collect::<Vec<_>>().join(" ");
        let signer = if self.signer.is_empty() { String::new() } else { format!("signed\u{a0}{}", shown(&self.signer, SIGNER_CHARS)) };
        [
            time,
            end(&self.id, id_chars).to_owned(),
            shown(&self.tenant, 10),
            shown(subject, 12),
            shown(&self.call, 15),
            shown(&self.would, 5),
            shown(&self.done, 7),
            [shown(&reasons, 60), signer].join(" ").trim().to_owned(),
            shown(&self.outcome, 22),
        ]
    }
}

/// How many characters of their ends tell these ids apart, at least `ID_CHARS_MIN`.
#[must_use]
pub fn telling_apart(ids: &[&str]) -> usize {
    let different = |chars: usize| ids.iter().map(|id| end(id, chars)).collect::<BTreeSet<_>>().len();
    (ID_CHARS_MIN..ID_CHARS).find(|chars| different(*chars) == different(ID_CHARS)).unwrap_or(ID_CHARS)
}

/// The last `chars` characters of an id, by which `audit show` finds it, too. Neighbours begin alike: an id of version 7 begins with its time and
/// ends with random bits (RFC 9562 section 5.7).
#[must_use]
pub fn end(id: &str, chars: usize) -> &str {
    id.get(id.len().saturating_sub(chars)..).unwrap_or(id)
}

/// The shortest end of an id that is looked for.
pub const ID_END_CHARS_MIN: usize = 4;

/// An id, or the end of one, as somebody wrote it; none where it is neither.
#[must_use]
pub fn id_end(part: &str) -> Option<String> {
    let end = part.to_ascii_lowercase();
    if let Ok(id) = end.parse::<CallId>() {
        return Some(id.to_string());
    }
    let is_end = (ID_END_CHARS_MIN..ID_CHARS).contains(&end.len()) && end.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    is_end.then_some(end)
}

/// A CSV line (RFC 4180) of every field. A cell that a spreadsheet would take for a formula begins with an apostrophe.
#[must_use]
pub fn csv(cells: &[String]) -> String {
    let quoted: Vec<String> = cells.iter().map(|cell| quote(cell)).collect();
    quoted.join(",") + "\r\n"
}

fn quote(cell: &str) -> String {
    let text = shown(cell, 4096);
    let guard = if text.starts_with(['=', '+', '-', '@']) { "'" } else { "" };
    format!("\"{guard}{}\"", text.replace('"', "\"\""))
}

impl Line {
    /// The names of `fields`.
    pub const FIELDS: [&'static str; 16] = [
        "time",
        "id",
        "tenant",
        "subject",
        "call",
        "route",
        "mode",
        "would",
        "done",
        "reasons",
        "signer",
        "outcome",
        "status",
        "duration_us",
        "writer",
        "seq",
    ];

    /// Every field as text.
    #[must_use]
    pub fn fields(&self) -> [String; 16] {
        let number = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
        [
            self.time.clone(),
            self.id.clone(),
            self.tenant.clone(),
            self.subject.clone(),
            self.call.clone(),
            self.route.clone(),
            self.mode.clone(),
            self.would.clone(),
            self.done.clone(),
            self.reasons.join(" "),
            self.signer.clone(),
            self.outcome.clone(),
            number(self.status.map(u64::from)),
            number(self.duration_us),
            self.writer.clone(),
            self.seq.to_string(),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::{csv, end, telling_apart};

    #[test]
    fn the_end_of_an_id_tells_it_from_its_neighbours() {
        let (one, two) = ("01a21002-1e63-770d-a35c-8b09e2d1fd5a", "01a21002-1e63-770d-a35c-8b09e2d1fd5b");
        let twin = "01a21002-1e63-770d-a35c-8bb9e2d1fd5a";
        assert_eq!((telling_apart(&[]), telling_apart(&[one, one, two])), (8, 8));
        assert_eq!((end(one, 8), end("short", 8)), ("e2d1fd5a", "short"));
        // The last nine are equal, too.
        assert_eq!(telling_apart(&[one, two, twin]), 10);
    }

    #[test]
    fn no_cell_is_a_formula_or_drives_a_terminal() {
        let cells = ["=1+1", "-2", "a\"b", "x\u{1b}[2J", "plain"].map(str::to_owned);
        assert_eq!(csv(&cells), "\"'=1+1\",\"'-2\",\"a\"\"b\",\"x\\u{1b}[2J\",\"plain\"\r\n");
    }
}
