//! `toolgate audit show`: every record of one call, envelope and body.

use super::{Source, clickhouse, each_record, runtime};
use crate::cli::say::say;
use canon::text::shown;
use serde_json::{Map, Value};
use std::path::Path;
use std::process::ExitCode;

/// Longest value that is shown to a person, in characters.
const VALUE_CHARS_MAX: usize = 2000;

/// Which call.
#[derive(clap::Args)]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    source: Source,
    /// The decision's id
    id: uuid::Uuid,
    /// JSON instead of words
    #[arg(long)]
    json: bool,
}

/// Prints the records in the order of the log; exit 1 where there is none.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let id = args.id.as_hyphenated().to_string();
    let records = records(&args.source, &id)?;
    if records.is_empty() {
        eprintln!("no record of the call {id}");
        return Ok(ExitCode::from(1));
    }
    let values: Vec<Value> = records.iter().map(|(envelope, body)| joined(envelope, body)).collect::<anyhow::Result<_>>()?;
    if args.json {
        say!("{}", serde_json::to_string_pretty(&values)?);
        return Ok(ExitCode::SUCCESS);
    }
    for value in &values {
        tell(value);
    }
    Ok(ExitCode::SUCCESS)
}

type Records = Vec<(Vec<u8>, Vec<u8>)>;

fn records(source: &Source, id: &str) -> anyhow::Result<Records> {
    if let Some(dir) = &source.journal {
        return of_journal(dir, id);
    }
    let config = source.files.load()?;
    if config.audit.clickhouse.is_none() {
        return of_journal(&config.journal.dir, id);
    }
    let client = clickhouse::of(&config)?;
    Ok(runtime()?.block_on(peers::clickhouse::trail::records(&client, id))?)
}

fn of_journal(dir: &Path, id: &str) -> anyhow::Result<Records> {
    let mut records = Vec::new();
    each_record(dir, |stored| {
        if record::read(&stored.envelope)?.call.as_deref() == Some(id) {
            records.push((stored.envelope, stored.body));
        }
        Ok(())
    })?;
    Ok(records)
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
