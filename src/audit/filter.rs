//! Which calls a reader asks for. One meaning, whether the journal is scanned or ClickHouse asked: `matches` here, `conditions` there.

use canon::Micros;
use record::Row;
use std::str::FromStr;

/// What a reader asks for; an absent field asks for everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Decisions at or after this instant.
    pub since: Option<Micros>,
    /// Decisions before this instant.
    pub until: Option<Micros>,
    /// One call, by its id or the end of it.
    pub call: Option<String>,
    /// The tenant.
    pub tenant: Option<String>,
    /// The workload's SPIFFE id, or its end after a `/`.
    pub subject: Option<String>,
    /// The tool, or the method where a call has no tool.
    pub tool: Option<String>,
    /// What the policy would do: `allow`, `deny`, `error`.
    pub verdict: Option<String>,
    /// What was done: `forward`, `refuse`.
    pub done: Option<String>,
    /// A reason or warning code.
    pub reason: Option<String>,
    /// The runtime mode.
    pub mode: Option<String>,
}

/// A condition of a query: SQL with one parameter, and its value. The SQL holds no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// For example `tenant = {tenant:String}`.
    pub sql: &'static str,
    /// The parameter's name.
    pub name: &'static str,
    /// Its value.
    pub value: String,
}

impl Filter {
    /// Whether a decision's row is asked for.
    #[must_use]
    pub fn matches(&self, row: &Row) -> bool {
        let is = |wanted: &Option<String>, found: Option<&str>| wanted.as_deref().is_none_or(|wanted| found == Some(wanted));
        // RFC 3339 in UTC with six digits: the order of texts is the order of instants.
        self.since.is_none_or(|since| row.time >= since.to_string())
            && self.until.is_none_or(|until| row.time < until.to_string())
            && self.call.as_deref().is_none_or(|wanted| row.call.as_deref().is_some_and(|found| found.ends_with(wanted)))
            && is(&self.tenant, row.tenant.as_deref())
            && self.subject.as_deref().is_none_or(|wanted| row.workload.as_deref().is_some_and(|found| names(found, wanted)))
            && is(&self.tool, row.tool.as_deref().or(row.method.as_deref()))
            && is(&self.verdict, row.would.as_deref())
            && is(&self.done, row.done.as_deref())
            && self.reason.as_ref().is_none_or(|wanted| row.reasons.contains(wanted) || row.warnings.contains(wanted))
            && is(&self.mode, row.mode.as_deref())
    }

    /// The same as conditions on the columns of `audit_events`.
    #[must_use]
    pub fn conditions(&self) -> Vec<Condition> {
        let instant = |instant: Option<Micros>| instant.map(|instant| instant.to_string().replace('T', " ").replace('Z', ""));
        let all: [(&'static str, &'static str, Option<String>); 10] = [
            ("time >= {since:DateTime64(6, 'UTC')}", "since", instant(self.since)),
            ("time < {until:DateTime64(6, 'UTC')}", "until", instant(self.until)),
            ("endsWith(call, {call:String})", "call", self.call.clone()),
            ("tenant = {tenant:String}", "tenant", self.tenant.clone()),
            ("(workload = {subject:String} OR endsWith(workload, concat('/', {subject:String})))", "subject", self.subject.clone()),
            ("if(tool = '', method, tool) = {tool:String}", "tool", self.tool.clone()),
            ("would = {verdict:String}", "verdict", self.verdict.clone()),
            ("done = {done:String}", "done", self.done.clone()),
            ("(has(reasons, {reason:String}) OR has(warnings, {reason:String}))", "reason", self.reason.clone()),
            ("mode = {mode:String}", "mode", self.mode.clone()),
        ];
        all.into_iter().filter_map(|(sql, name, value)| value.map(|value| Condition { sql, name, value })).collect()
    }
}

/// `wanted` is the whole id, or its end after a `/`.
fn names(found: &str, wanted: &str) -> bool {
    found == wanted || found.strip_suffix(wanted).is_some_and(|before| before.ends_with('/'))
}

/// A point in time as a person writes it: `2026-01-02`, `2026-01-02T03:04:05Z`, or `30m`, `12h`, `7d` ago.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Instant {
    /// That instant.
    At(Micros),
    /// So many microseconds before now.
    Ago(i64),
}

/// A text that is no instant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no instant: write `2026-01-02`, `2026-01-02T03:04:05Z`, or `30m`, `12h`, `7d` for so long ago")]
pub struct NotAnInstant(String);

impl Instant {
    /// The instant, seen from `now`.
    #[must_use]
    pub fn from(self, now: Micros) -> Micros {
        match self {
            Self::At(instant) => instant,
            Self::Ago(micros) => Micros(now.0.saturating_sub(micros)),
        }
    }
}

impl FromStr for Instant {
    type Err = NotAnInstant;

    fn from_str(text: &str) -> Result<Self, NotAnInstant> {
        let wrong = || NotAnInstant(text.to_owned());
        for (unit, seconds) in [("s", 1_i64), ("m", 60), ("h", 3600), ("d", 86_400)] {
            if let Some(count) = text.strip_suffix(unit) {
                let count: u32 = count.parse().map_err(|_| wrong())?;
                return i64::from(count).checked_mul(seconds * 1_000_000).map(Self::Ago).ok_or_else(wrong);
            }
        }
        let whole = if text.len() == 10 { format!("{text}T00:00:00Z") } else { text.to_owned() };
        Micros::parse(&whole).map(Self::At).map_err(|_| wrong())
    }
}

#[cfg(test)]
mod tests {
    use super::{Filter, Instant};
    use canon::Micros;
    use record::Row;

    fn row() -> Row {
        Row {
            time: "2026-01-02T03:04:05.000000Z".to_owned(),
            call: Some("01a21002-1e63-770d-a35c-8b09e2d1fd5a".to_owned()),
            tenant: Some("acme".to_owned()),
            workload: Some("spiffe://example.org/ns/agents/sa/coder".to_owned()),
            method: Some("tools/call".to_owned()),
            tool: Some("write_file".to_owned()),
            would: Some("deny".into()),
            done: Some("refuse".into()),
            reasons: vec!["path.protected".to_owned()],
            mode: Some("m".to_owned()),
            ..Row::default()
        }
    }

    #[test]
    fn each_field_narrows() {
        let check = |filter: Filter, expected: bool| assert_eq!(filter.matches(&row()), expected, "{filter:?}");
        let text = |text: &str| Some(text.to_owned());
        check(Filter::default(), true);
        check(Filter { tenant: text("acme"), ..Filter::default() }, true);
        check(Filter { tenant: text("other"), ..Filter::default() }, false);
        check(Filter { call: text("01a21002-1e63-770d-a35c-8b09e2d1fd5a"), ..Filter::default() }, true);
        check(Filter { call: text("e2d1fd5a"), ..Filter::default() }, true);
        check(Filter { call: text("01a21002"), ..Filter::default() }, false);
        check(Filter { subject: text("sa/coder"), ..Filter::default() }, true);
        check(Filter { subject: text("oder"), ..Filter::default() }, false);
        check(Filter { tool: text("write_file"), ..Filter::default() }, true);
        check(Filter { tool: text("tools/call"), ..Filter::default() }, false);
        check(Filter { reason: text("path.protected"), ..Filter::default() }, true);
        check(Filter { reason: text("path"), ..Filter::default() }, false);
        check(Filter { since: Some(Micros(1_767_323_045_000_000)), ..Filter::default() }, true);
        check(Filter { since: Some(Micros(1_767_323_045_000_001)), ..Filter::default() }, false);
        check(Filter { until: Some(Micros(1_767_323_045_000_000)), ..Filter::default() }, false);
        check(Filter { verdict: text("allow"), ..Filter::default() }, false);
        check(Filter { done: text("refuse"), mode: text("m"), ..Filter::default() }, true);
    }

    #[test]
    fn instants_as_people_write_them() {
        let now = Micros(10 * 86_400_000_000);
        let check = |text: &str, expected: Option<i64>| {
            assert_eq!(text.parse::<Instant>().ok().map(|instant| instant.from(now).0), expected, "{text}");
        };
        check("1h", Some(now.0 - 3_600_000_000));
        check("7d", Some(3 * 86_400_000_000));
        check("1970-01-02", Some(86_400_000_000));
        check("1970-01-01T00:00:01Z", Some(1_000_000));
        check("yesterday", None);
        check("1w", None);
        check("-1h", None);
    }
}
