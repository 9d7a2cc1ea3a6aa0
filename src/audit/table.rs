//! Stories as columns: one definition for the table, CSV and JSON forms. Nothing that is shown can drive a terminal or a spreadsheet.

use crate::Story;
use canon::text::shown;
use serde::Serialize;

/// The columns' names, in order.
pub const COLUMNS: [&str; 9] = ["time", "tenant", "subject", "call", "would", "done", "reasons", "signer", "outcome"];

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

    /// The cells under `COLUMNS`, short enough for a table of 100 columns.
    #[must_use]
    pub fn cells(&self) -> [String; 9] {
        let subject = self.subject.rsplit('/').next().unwrap_or_default();
        let time = self.time.get(5..19).unwrap_or(&self.time).replace('T', "\u{a0}");
        [
            time,
            shown(&self.tenant, 10),
            shown(subject, 12),
            shown(&self.call, 15),
            shown(&self.would, 5),
            shown(&self.done, 7),
            // What `would` and `done` say already is left to the other forms.
            shown(&self.reasons.iter().filter(|code| *code != "toolgate.denied").cloned().collect::<Vec<_>>().join(" "), 60),
            shown(&self.signer, 8),
            shown(&self.outcome, 22),
        ]
    }
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
    use super::csv;

    #[test]
    fn no_cell_is_a_formula_or_drives_a_terminal() {
        let cells = ["=1+1", "-2", "a\"b", "x\u{1b}[2J", "plain"].map(str::to_owned);
        assert_eq!(csv(&cells), "\"'=1+1\",\"'-2\",\"a\"\"b\",\"x\\u{1b}[2J\",\"plain\"\r\n");
    }
}
