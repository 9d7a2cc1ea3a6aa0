//! The auditor's questions to ClickHouse: calls by filter, one call with its bodies.

use super::rows::Reader;
use super::{Client, Error};
use audit::{Condition, Filter, Stories, Story};
use record::Row;
use std::fmt::Write as _;
use std::time::Duration;

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

/// A place in the order in which ClickHouse took records; the default stands before the first.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    /// ClickHouse's own clock, in microseconds.
    taken: u64,
    writer: Vec<u8>,
    seq: u64,
}

impl Mark {
    /// So long before it. What was inserted at the same time may become visible a moment later: whoever follows looks back.
    #[must_use]
    pub fn before(&self, time: Duration) -> Self {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        Self { taken: self.taken.saturating_sub(micros), writer: Vec::new(), seq: 0 }
    }
}

/// The decisions that `filter` asks for, and every outcome, after `mark` in the order in which ClickHouse took them, at most `most`; and the place of
/// the last. A record that was delivered twice may come twice.
///
/// # Errors
/// As [`Error`] says.
pub async fn after(client: &Client, filter: &Filter, mark: &Mark, most: usize) -> Result<(Vec<Row>, Mark), Error> {
    let conditions = filter.conditions();
    // Both kinds are no older than that; what a call is like is said by its decision alone.
    let (since, others): (Vec<&Condition>, Vec<&Condition>) = conditions.iter().partition(|condition| condition.name == "since");
    let and = |conditions: &[&Condition]| conditions.iter().map(|condition| format!(" AND {}", condition.sql)).collect::<String>();
    let sql = format!(
        "SELECT raw, toUInt64(toUnixTimestamp64Micro(ingested_at)) AS taken, toString(writer) AS by, seq FROM {}.audit_events WHERE ingested_at >= \
         fromUnixTimestamp64Micro({{taken:Int64}}) AND (taken, by, seq) > ({{taken:UInt64}}, {{writer:String}}, {{seq:UInt64}}){} AND (kind = 'outcome' OR (kind = 'decision'{})) \
         ORDER BY taken, by, seq LIMIT {most} FORMAT RowBinary",
        client.database(),
        and(&since),
        and(&others)
    );
    let (taken, writer, seq) = (mark.taken.to_string(), String::from_utf8_lossy(&mark.writer), mark.seq.to_string());
    let place: [(&str, &str); 3] = [("taken", &taken), ("writer", &writer), ("seq", &seq)];
    let parameters: Vec<_> = conditions.iter().map(|condition| (condition.name, condition.value.as_str())).chain(place).collect();
    let answer = client.query(&sql, &parameters).await?;
    let (mut reader, mut rows, mut last) = (Reader::new(&answer), Vec::new(), mark.clone());
    while !reader.is_empty() {
        rows.push(record::read(reader.string()?).map_err(|error| Error::Shape(error.to_string()))?);
        last = Mark { taken: reader.number()?, writer: reader.string()?.to_vec(), seq: reader.number()? };
    }
    Ok((rows, last))
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

/// The permissions that answer this refused call, in the order of the log.
///
/// # Errors
/// As [`Error`] says.
pub async fn answers(client: &Client, call: &str) -> Result<Vec<Row>, Error> {
    let sql = format!(
        "SELECT raw FROM {}.audit_events FINAL WHERE kind = 'permission' AND decision_id = {{call:String}} ORDER BY time, writer, seq FORMAT RowBinary",
        client.database()
    );
    rows(&client.query(&sql, &[("call", call)]).await?)
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
