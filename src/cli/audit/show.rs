//! `toolgate audit show`: one call in a few lines, then every record of it, envelope and body.

use super::source::{Place, Source};
use super::summary::summary;
use crate::cli::say::say;
use anyhow::bail;
use audit::Filter;
use audit::table::{ID_CHARS, ID_END_CHARS_MIN, Line, id_end};
use canon::text::shown;
use serde_json::{Map, Value};
use std::process::ExitCode;

/// Ids that are listed where one was meant.
const CANDIDATES_MAX: usize = 8;
/// Longest value that is shown to a person, in characters.
const VALUE_CHARS_MAX: usize = 2000;

/// Which call.
#[derive(clap::Args)]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    source: Source,
    /// The decision's id, or the end of it
    id: String,
    /// JSON instead of words
    #[arg(long)]
    json: bool,
}

/// Prints the records in the order of the log; exit 1 where there is none.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let place = args.source.open()?;
    let id = whole(&place, &args.id)?;
    let records = id.as_ref().map(|id| place.records(id)).transpose()?.unwrap_or_default();
    if records.is_empty() {
        eprintln!("no record of the call {}", args.id);
        return Ok(ExitCode::from(1));
    }
    let values: Vec<Value> = records.iter().map(|(envelope, body)| joined(envelope, body)).collect::<anyhow::Result<_>>()?;
    if args.json {
        say!("{}", serde_json::to_string_pretty(&values)?);
        return Ok(ExitCode::SUCCESS);
    }
    let answers = id.map(|id| place.answers(&id)).transpose()?.unwrap_or_default();
    for (name, words) in summary(&values, &answers) {
        say!("{name:<10} {words}");
    }
    say!();
    for value in &values {
        tell(value);
    }
    Ok(ExitCode::SUCCESS)
}

/// The id that ends so: the one, or none; where several do, the error lists them.
fn whole(place: &Place, part: &str) -> anyhow::Result<Option<String>> {
    let Some(end) = id_end(part) else {
        bail!(
            "`{}` is no id and no end of one: write at least {ID_END_CHARS_MIN} of its last characters, as the tables show",
            shown(part, 80)
        )
    };
    if end.len() == ID_CHARS {
        return Ok(Some(end));
    }
    let found = place.calls(&Filter { call: Some(end), ..Filter::default() }, CANDIDATES_MAX + 1)?;
    the_one(part, &found.iter().map(Line::of).collect::<Vec<_>>())
}

fn the_one(part: &str, found: &[Line]) -> anyhow::Result<Option<String>> {
    match found {
        [] => Ok(None),
        [line] => Ok(Some(line.id.clone())),
        several => {
            let listed = several.iter().take(CANDIDATES_MAX).map(|line| {
                let (call, time) = (shown(&line.call, 30), line.time.get(..19).unwrap_or_default());
                format!("\n  {}  {time}  {call} ({}, {})", line.id, line.would, line.done)
            });
            let more = if several.len() > CANDIDATES_MAX { "\n  and more" } else { "" };
            bail!("the ids of several calls end in `{part}`: write more of the one that is meant{}{more}", listed.collect::<String>())
        }
    }
}

fn joined(envelope: &[u8], body: &[u8]) -> anyhow::Result<Value> {
    let mut whole: Map<String, Value> = serde_json::from_slice(envelope)?;
    let body = if body.is_empty() { Value::Null } else { serde_json::from_slice(body)? };
    whole.insert("body".to_owned(), body);
    Ok(Value::Object(whole))
}

fn tell(record: &Value) {
    let word = |name: &str| record.get(name).and_then(Value::as_str).unwrap_or_default();
    say!("{} {} {}", word("time"), word("kind").to_uppercase(), word("action"));
    let Some(members) = record.as_object() else { return };
    for (name, value) in members.iter().filter(|(name, _)| !matches!(name.as_str(), "time" | "kind" | "action" | "body")) {
        say!("  {name:<18} {}", spelled(value));
    }
    if let Some(body) = record.get("body").and_then(Value::as_object) {
        for (name, value) in body {
            say!("  {:<18} {}", format!("({name})"), spelled(value));
        }
    }
    say!();
}

fn spelled(value: &Value) -> String {
    match value {
        Value::String(text) => shown(text, VALUE_CHARS_MAX),
        other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
            shown(&other.to_string(), VALUE_CHARS_MAX)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::the_one;
    use audit::Story;
    use audit::table::Line;
    use record::Row;

    fn line(id: &str, tool: &str) -> Line {
        let decision = Row {
            call: Some(id.to_owned()),
            tool: Some(tool.to_owned()),
            time: "2026-01-02T03:04:05.000000Z".to_owned(),
            would: Some("deny".into()),
            done: Some("refuse".into()),
            ..Row::default()
        };
        Line::of(&Story { decision, permissions: Vec::new(), outcome: None })
    }

    #[test]
    fn an_end_names_one_call_or_says_which_it_could_be() {
        assert_eq!(the_one("5a", &[]).unwrap(), None);
        assert_eq!(the_one("5a", &[line("01-5a", "a")]).unwrap().as_deref(), Some("01-5a"));
        let told = the_one("5a", &[line("01-5a", "a"), line("02-5a", "b\u{1b}[2J")]).unwrap_err().to_string();
        let listed = ["01-5a  2026-01-02T03:04:05  a (deny, refuse)", "02-5a  2026-01-02T03:04:05  b\\u{1b}[2J (deny, refuse)"];
        let expected = format!("the ids of several calls end in `5a`: write more of the one that is meant\n  {}", listed.join("\n  "));
        assert_eq!(told, expected);
        let many: Vec<Line> = (0..9).map(|n| line(&format!("{n}-5a"), "a")).collect();
        let told = the_one("5a", &many).unwrap_err().to_string();
        assert_eq!((told.lines().count(), told.ends_with("and more")), (10, true), "{told}");
    }
}
