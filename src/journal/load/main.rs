//! `journal-load DIR CLIENTS SECONDS BODY_BYTES [tell]`: clients that append one decision after the other and conclude each.
//!
//! With `tell` each acknowledged decision is a line `ack CALL SEQ` on standard output, flushed after the acknowledgement and before the
//! client goes on, so that whoever kills this process knows what it was told. Without it, rates and times are printed at the end.

use canon::json::Tree;
use canon::{CallId, Json, Micros};
use journal::{Entry, Facts, Journal, Settings};
use record::{Decision, DecisionBody, Done, Event, Mask, Outcome, OutcomeKind, Would};
use std::error::Error;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use uuid::Uuid;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [dir, clients, seconds, body_bytes, rest @ ..] = arguments.as_slice() else {
        return Err("usage: journal-load DIR CLIENTS SECONDS BODY_BYTES [tell]".into());
    };
    let load = Load {
        dir: PathBuf::from(dir),
        clients: clients.parse()?,
        time: Duration::from_secs(seconds.parse()?),
        text: "x".repeat(body_bytes.parse()?),
        tell: rest.first().is_some_and(|word| word == "tell"),
    };
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build()?.block_on(run(load))
}

struct Load {
    dir: PathBuf,
    clients: u64,
    time: Duration,
    text: String,
    tell: bool,
}

async fn run(load: Load) -> Result<(), Box<dyn Error>> {
    let facts = Facts { version: "0".into(), mode: "LOAD".into(), enforcement: "strict".into(), durability: "node".into() };
    // Nothing ships this journal: what is over the budget goes.
    let settings = Settings { dir: load.dir, shipped: load.tell, ..Settings::default() };
    let journal = Journal::open(&settings, wall, facts)?;
    let begun = Instant::now();
    let clients: Vec<_> = (0..load.clients)
        .map(|client| tokio::spawn(client_of(journal.clone(), client, begun + load.time, load.text.clone(), load.tell)))
        .collect();
    let mut times = Vec::new();
    for client in clients {
        times.append(&mut client.await??);
    }
    let took = begun.elapsed();
    let stats = journal.stats();
    journal.close().await?;
    times.sort_unstable();
    let at = |part: f64| times.get((times.len() as f64 * part) as usize).copied().unwrap_or_default();
    let rate = times.len() as f64 / took.as_secs_f64();
    let commit = stats.commit_total / u32::try_from(stats.commits.max(1))?;
    eprintln!(
        "{} clients: {rate:.0} appends/s, p50 {:?}, p99 {:?}, p99.9 {:?}; {} commits of {commit:?} in the mean, {:.1} records each",
        load.clients,
        at(0.5),
        at(0.99),
        at(0.999),
        stats.commits,
        stats.records as f64 / stats.commits as f64
    );
    Ok(())
}

async fn client_of(journal: Journal, client: u64, until: Instant, text: String, tell: bool) -> Result<Vec<Duration>, String> {
    let (mut times, mut number) = (Vec::new(), 0);
    while Instant::now() < until {
        number += 1;
        let at = journal.now().at;
        let call = CallId(Uuid::from_u128(u128::from(at.0.unsigned_abs() / 1000) << 80 | u128::from(client) << 32 | number));
        let event = Event::Decision(Box::new(decision(at, call, &text)));
        let begun = Instant::now();
        let receipt = journal.append(Entry::of(call, vec![event])).await.map_err(|error| error.to_string())?;
        times.push(begun.elapsed());
        if tell {
            writeln!(std::io::stdout(), "ack {call} {}", receipt.seq()).map_err(|error| error.to_string())?;
        }
        let outcome =
            Outcome { status: Some(200), duration_us: Some(1234), response_bytes: Some(567), ..Outcome::of(OutcomeKind::Completed) };
        receipt.into_slot().conclude(outcome);
    }
    Ok(times)
}

fn wall() -> Micros {
    Micros(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_micros()).unwrap_or(i64::MAX)))
}

fn decision(at: Micros, call: CallId, text: &str) -> Decision {
    let digest = canon::Digest::of(&[b"digest"]);
    let arguments =
        Json::Object(vec![("path".to_owned(), Json::String("/srv/data".to_owned())), ("text".to_owned(), Json::String(text.to_owned()))]);
    Decision {
        at,
        call,
        mode: "LOAD".to_owned(),
        enforcement: "strict".to_owned(),
        protocol: "mcp".to_owned(),
        route: Some("files".to_owned()),
        upstream: Some("files".to_owned()),
        method: Some("tools/call".to_owned()),
        tool: Some("write_file".to_owned()),
        tenant: Some("default".to_owned()),
        workload: Some("spiffe://example.org/ns/agents/sa/writer".to_owned()),
        user: None,
        session: None,
        arguments_digest: Some(canon::Keyed(digest.0)),
        would: Some(Would::Allow),
        done: Done::Forward,
        reasons: Vec::new(),
        warnings: Vec::new(),
        risk: Some("low".to_owned()),
        sensitive: false,
        approval: false,
        obligations: Vec::new(),
        policy_digest: Some(digest),
        policy_revision: Some("1".to_owned()),
        config_digest: Some(digest),
        view_digest: Some(digest),
        permission: None,
        status: None,
        duration_us: Some(100),
        body: DecisionBody {
            arguments: Some(Mask::default().arguments::<Tree>(&arguments, &[])),
            headers: Some(Mask::default().headers([("accept", &b"application/json"[..]), ("authorization", b"Bearer x")])),
            ..DecisionBody::default()
        },
    }
}
