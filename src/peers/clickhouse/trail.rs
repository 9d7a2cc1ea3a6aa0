//! The auditor's questions to ClickHouse: calls by filter, one call with its bodies.

use super::rows::Reader;
use super::{Client, Error};
use audit::{Filter, Stories, Story};
use record::Row;
use std::fmt::Write as _;

/// The newest calls that `filter` asks for, at most `most`, oldest first.
///
/// # Errors
/// As [`Error`] says; a row that is no envelope of this version is a shape error that names it.
pub async fn calls(client: &Client, filter: &Filter, most: usize) -> Result<Vec<Story>, Error> {
    let conditions = filter.conditions();
    let mut sql = format!("SELECT raw FROM {}.audit_events FINAL WHERE kind = 'decision'", client.database());
    for condition in &conditions {
        let _ = write!(sql, " AND {}", condition.sql);
    }
    let _ = write!(sql, " ORDER BY time DESC, writer, seq DESC LIMIT {most} FORMAT RowBinary");
    let parameters: Vec<(&str, &str)> = conditions.iter().map(|condition| (condition.name, condition.value.as_str())).collect();
    let decisions = rows(&client.query(&sql, &parameters).await?)?;
    let calls: Vec<&str> = decisions.iter().filter_map(|row| row.call.as_deref()).collect();
    let rest = rest(client, &calls, decisions.iter().map(|row| row.time.as_str()).min()).await?;
    let mut stories = Stories::new(filter);
    decisions.into_iter().chain(rest).for_each(|row| stories.take(row));
    Ok(stories.newest(most))
}

/// Outcomes and permissions of these calls. Ids are UUIDs of our own records, and are passed as a parameter all the same.
async fn rest(client: &Client, calls: &[&str], since: Option<&str>) -> Result<Vec<Row>, Error> {
    let Some(since) = since else { return Ok(Vec::new()) };
    let quoted: Vec<String> = calls
        .iter()
        .filter(|call| call.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-'))
        .map(|call| format!("'{call}'"))
        .collect();
    let list = format!("[{}]", quoted.join(","));
    let since = since.replace('T', " ").replace('Z', "");
    // A permission is recorded a moment before the decision that it lets through.
    let sql = format!(
        "SELECT raw FROM {}.audit_events FINAL WHERE kind IN ('outcome', 'permission') AND time >= {{since:DateTime64(6, 'UTC')}} - INTERVAL 1 HOUR AND has({{calls:Array(String)}}, \
         call) ORDER BY time, writer, seq FORMAT RowBinary",
        client.database()
    );
    rows(&client.query(&sql, &[("since", &since), ("calls", &list)]).await?)
}

fn rows(answer: &[u8]) -> Result<Vec<Row>, Error> {
    let (mut reader, mut rows) = (Reader::new(answer), Vec::new());
    while !reader.is_empty() {
        rows.push(record::read(reader.string()?).map_err(|error| Error::Shape(error.to_string()))?);
    }
    Ok(rows)
}

/// Every record of one call in the order of the log: envelope and body, exact bytes. A body that has expired is empty.
///
/// # Errors
/// As [`Error`] says.
pub async fn records(client: &Client, call: &str) -> Result<Vec<(Vec<u8>, Vec<u8>)>, Error> {
    let database = client.database();
    let sql = format!(
        "SELECT event.raw, body.body FROM (SELECT writer, seq, leaf, raw, time FROM {database}.audit_events FINAL WHERE call = {{call:String}}) AS event LEFT ANY JOIN (SELECT writer, \
         seq, leaf, body FROM {database}.audit_bodies FINAL WHERE (writer, seq) IN (SELECT writer, seq FROM {database}.audit_events WHERE call = {{call:String}})) AS body USING \
         (writer, seq, leaf) ORDER BY event.time, writer, seq FORMAT RowBinary"
    );
    let answer = client.query(&sql, &[("call", call)]).await?;
    let (mut reader, mut records) = (Reader::new(&answer), Vec::new());
    while !reader.is_empty() {
        records.push((reader.string()?.to_vec(), reader.string()?.to_vec()));
    }
    Ok(records)
}
