//! What every story needs: a journal in a directory of its own, events, and the whole log read back.

use canon::{CallId, Micros};
use journal::{Cursor, Entry, Facts, Journal, Reader, Settings, Stored};
use record::{Decision, DecisionBody, Done, Event, Lifecycle, LifecycleAction, Row, Would};
use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};
use uuid::Uuid;

pub(crate) fn wall() -> Micros {
    Micros(i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros()).unwrap())
}

pub(crate) fn settings(dir: &Path) -> Settings {
    Settings { dir: dir.join("journal"), ..Settings::default() }
}

pub(crate) fn facts() -> Facts {
    Facts { version: "0".into(), mode: "TEST".into(), enforcement: "strict".into(), durability: "node".into() }
}

pub(crate) fn open(settings: &Settings) -> Journal {
    Journal::open(settings, wall, facts()).unwrap()
}

/// A whole start and clean end.
pub(crate) fn once(settings: &Settings) {
    let journal = open(settings);
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(journal.close()).unwrap();
}

/// Call ids in the order of their making, as version 7 has them.
pub(crate) fn call() -> CallId {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    CallId(Uuid::from_u128(u128::from(wall().0.unsigned_abs() / 1000) << 80 | u128::from(NEXT.fetch_add(1, Ordering::Relaxed))))
}

pub(crate) fn decision(at: Micros, call: CallId, done: Done) -> Event {
    Event::Decision(Box::new(Decision {
        protocol: "mcp".into(),
        tool: Some("write".into()),
        tenant: Some("acme".into()),
        would: Some(Would::Allow),
        done,
        body: DecisionBody { peer: Some("127.0.0.1:1".into()), ..DecisionBody::default() },
        ..Decision::of(at, call, "TEST", "strict")
    }))
}

pub(crate) fn forwarded(journal: &Journal, call: CallId) -> Entry {
    Entry::of(call, vec![decision(journal.now().at, call, Done::Forward)])
}

/// A note of the house, `bytes` long; of no time of its own, so that it moves no clock.
pub(crate) fn note(bytes: usize) -> Event {
    let detail = Some("x".repeat(bytes));
    Event::Lifecycle(Lifecycle { at: Micros(0), action: LifecycleAction::Start, count: None, reasons: Vec::new(), detail })
}

/// Everything on the disk, in order.
pub(crate) fn all(settings: &Settings) -> Vec<Stored> {
    let reader = Reader::open(&settings.dir).unwrap();
    let (mut cursor, mut all) = (Cursor(0), Vec::new());
    loop {
        let mut some = reader.read_after(cursor, 100, 1 << 20).unwrap();
        let Some(last) = some.last() else { return all };
        cursor = last.cursor;
        all.append(&mut some);
    }
}

pub(crate) fn rows(settings: &Settings) -> Vec<Row> {
    all(settings).iter().map(|stored| record::read(&stored.envelope).unwrap()).collect()
}

/// The outcomes' words by call.
pub(crate) fn outcomes(rows: &[Row]) -> HashMap<String, Vec<String>> {
    let tenants: HashMap<_, _> = rows.iter().filter(|row| row.kind == "decision").map(|row| (&row.call, &row.tenant)).collect();
    let mut outcomes: HashMap<_, Vec<_>> = HashMap::new();
    for row in rows.iter().filter(|row| row.kind == "outcome") {
        assert_eq!(tenants.get(&row.call), Some(&&row.tenant), "an outcome follows its decision and bears its tenant");
        outcomes.entry(row.call.clone().unwrap()).or_default().push(row.outcome.clone().unwrap().into_owned());
    }
    outcomes
}

/// The single outcome of `call`.
pub(crate) fn outcome(settings: &Settings, call: CallId) -> Option<String> {
    let mut words = outcomes(&rows(settings)).remove(&call.to_string()).unwrap_or_default();
    assert!(words.len() <= 1, "{call} ended {words:?}");
    words.pop()
}

/// Numbers without gaps, leaves that fit, each genesis naming the head before it.
pub(crate) fn assert_whole(records: &[Stored]) {
    let mut before: Option<&Stored> = None;
    for record in records {
        let row = record::read(&record.envelope).unwrap();
        assert_eq!((row.writer.as_str(), row.seq), (record.writer.to_string().as_str(), record.seq.0));
        assert_eq!(record.leaf, record::leaf(&record.envelope));
        assert_eq!(row.body_commitment, canon::Digest::of(&[&record.salt, &record.body]).to_string());
        match before {
            Some(before) if before.writer == record.writer => assert_eq!(record.seq.0, before.seq.0 + 1, "a gap"),
            Some(before) => {
                assert_eq!((record.seq.0, row.kind.as_ref()), (0, "genesis"));
                let predecessor = (row.predecessor_writer.unwrap(), row.predecessor_seq.unwrap(), row.predecessor_leaf.unwrap());
                assert_eq!(predecessor, (before.writer.to_string(), before.seq.0, before.leaf.to_string()));
            }
            None => {}
        }
        assert!(before.is_none_or(|before| before.at <= record.at && before.cursor < record.cursor));
        before = Some(record);
    }
}
