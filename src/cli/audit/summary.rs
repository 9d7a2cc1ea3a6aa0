//! What stands above a call's records: who called what, what was decided and why, how it ended, who signed, and what the call has to do with others.

use audit::table::Line;
use audit::{Filter, Stories};
use canon::text::shown;
use record::Row;
use serde_json::Value;

/// Longest line of free text, in characters.
const TEXT_CHARS_MAX: usize = 300;

/// Lines of a name and words. `records` are the call's own, envelope and body in one; `answers` are permissions that were signed for its refusal.
pub(super) fn summary(records: &[Value], answers: &[Row]) -> Vec<(&'static str, String)> {
    let filter = Filter::default();
    let mut stories = Stories::new(&filter);
    records.iter().filter_map(|record| serde_json::from_value::<Row>(record.clone()).ok()).for_each(|row| stories.take(row));
    let Some(story) = stories.newest(1).pop() else { return Vec::new() };
    let (line, decision) = (Line::of(&story), &story.decision);
    let body = |kind: &str| records.iter().find(|record| record.get("kind").is_some_and(|own| own == kind)).and_then(|own| own.get("body"));
    let upstream = decision.upstream.as_deref().map(|upstream| format!(" of {upstream}")).unwrap_or_default();
    let status = |status: Option<u16>| status.map(|status| format!(", status {status}")).unwrap_or_default();
    let mut lines = vec![
        ("call", shown(&format!("{}{upstream}", line.call), TEXT_CHARS_MAX)),
        ("subject", shown(&if line.subject.is_empty() { "nobody known".to_owned() } else { line.subject }, TEXT_CHARS_MAX)),
        ("tenant", shown(&line.tenant, TEXT_CHARS_MAX)),
        ("would", line.would),
        ("done", format!("{}{}, mode {}", line.done, status(decision.status), line.mode)),
    ];
    let messages = body("decision").and_then(|body| body.get("messages")).and_then(Value::as_array);
    lines.extend(line.reasons.iter().map(|code| ("reason", shown(&reason(code, messages), TEXT_CHARS_MAX))));
    let ended = story.outcome.as_ref().and_then(|outcome| outcome.status);
    lines.push(("outcome", if line.outcome.is_empty() { String::new() } else { line.outcome + &status(ended) }));
    if let Some(kid) = story.signer() {
        let (kind, person) = (decision.permission_kind.as_deref(), decision.permission_iss.as_deref());
        let why = body("permission").and_then(|body| body.get("reason")).and_then(Value::as_str).map(|why| format!(": {why}"));
        let signed = format!("{} by {} (key {kid}){}", kind.unwrap_or("permission"), person.unwrap_or("?"), why.unwrap_or_default());
        lines.push(("signed", shown(&signed, TEXT_CHARS_MAX)));
    }
    lines.extend(story.permissions.iter().filter_map(|row| Some(("answers", format!("the refusal {}", row.decision_id.as_deref()?)))));
    lines.extend(answers.iter().map(|row| ("answered", shown(&answer(row), TEXT_CHARS_MAX))));
    lines.retain(|(_, words)| !words.is_empty());
    lines
}

fn reason(code: &str, messages: Option<&Vec<Value>>) -> String {
    let own = messages.into_iter().flatten().find(|message| message.get("code").is_some_and(|own| own == code));
    match own.and_then(|message| message.get("message")).and_then(Value::as_str) {
        Some(message) if !message.is_empty() => format!("{code}: {message}"),
        Some(_) | None => code.to_owned(),
    }
}

/// What became of a permission for this refusal.
fn answer(row: &Row) -> String {
    let word = |word: Option<&str>| word.unwrap_or("?").to_owned();
    let by = format!("{} by {}", word(row.permission_kind.as_deref()), word(row.permission_iss.as_deref()));
    let with = row.call.as_deref().map(|call| format!(" with the call {call}")).unwrap_or_default();
    let why = if row.reasons.is_empty() { String::new() } else { format!(" ({})", row.reasons.join(", ")) };
    format!("{}{with} at {}: {by}{why}", word(row.action.as_deref()), row.time.get(..19).unwrap_or(&row.time))
}

#[cfg(test)]
mod tests {
    use super::summary;
    use record::Row;
    use serde_json::{Value, json};

    fn record(kind: &str, more: Value) -> Value {
        let mut record = json!({"v": 1, "kind": kind, "call": "01-b", "time": "2026-01-02T03:04:05.000000Z", "writer": "w/1", "seq": 0});
        record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        record
    }

    #[test]
    fn says_who_called_what_and_what_came_of_it() {
        let signed = json!({"permission_kind": "override", "permission_iss": "maria@example.org", "permission_kid": "k1"});
        let mut decision = json!({"tool": "write_file", "upstream": "files", "workload": "spiffe://example.org/a", "tenant": "shop", "would": "deny",
            "done": "forward", "mode": "TRAINING", "reasons": ["path.protected"],
            "body": {"messages": [{"code": "path.protected", "message": "a protected folder"}]}});
        decision.as_object_mut().unwrap().extend(signed.as_object().unwrap().clone());
        let used = json!({"action": "used", "decision_id": "01-a", "body": {"person": "maria@example.org", "reason": "incident 42"}});
        let records = [
            record("permission", used),
            record("decision", decision),
            record("outcome", json!({"outcome": "completed", "tool_error": true, "status": 200})),
        ];
        let told: Vec<String> = summary(&records, &[]).into_iter().map(|(name, words)| format!("{name} {words}")).collect();
        let expected = [
            "call write_file of files",
            "subject spiffe://example.org/a",
            "tenant shop",
            "would deny",
            "done forward, mode TRAINING",
            "reason path.protected: a protected folder",
            "outcome completed, tool error, status 200",
            "signed override by maria@example.org (key k1): incident 42",
            "answers the refusal 01-a",
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn a_refusal_says_which_call_went_through_for_it() {
        let refused =
            record("decision", json!({"method": "tools/call", "would": "deny", "done": "refuse", "mode": "PRODUCTION", "status": 200}));
        let used = Row {
            action: Some("used".into()),
            call: Some("01-c".to_owned()),
            time: "2026-01-02T03:05:00.000000Z".to_owned(),
            permission_kind: Some("override".into()),
            permission_iss: Some("maria@example.org".to_owned()),
            ..Row::default()
        };
        let told = summary(&[refused], &[used]);
        assert!(
            told.contains(&("subject", "nobody known".to_owned()))
                && told.contains(&("done", "refuse, status 200, mode PRODUCTION".to_owned()))
        );
        assert_eq!(told.last().unwrap().1, "used with the call 01-c at 2026-01-02T03:05:00: override by maria@example.org");
        assert!(summary(&[], &[]).is_empty());
    }
}
