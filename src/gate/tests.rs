//! Tests of the gate, over a real journal in a directory of its own.

use crate::{Mixup, Open, Permit, Stopped, Unclear, pass};
use bytes::Bytes;
use canon::json::Tree;
use canon::{CallId, Micros};
use enforcement::{
    Approval, Caller, Case, Code, Freshness, Level, Lift, Lock, Overridable, Presented, Rules, Sensitive, Sensitivity, Tenancy, Verdict,
};
use journal::{Cause, Cursor, Entry, Facts, Journal, Receipt, Settings, Unrecorded};
use protocol::{Head, Limits, McpRoute, Speaks, ToolCall, recognise};
use record::{Decision, Done, Event, Outcome, OutcomeKind};

/// Spaced and ordered as no printer would: what is forwarded can only be these bytes.
const BODY: &str = r#"{ "params":{"arguments":{"b":1 , "a":2},"name":"t"},"method":"tools/call","id":7,"jsonrpc":"2.0"}"#;

const ALLOWED: Case = Case {
    caller: Caller::Identified,
    tenancy: Tenancy::Agreed,
    verdict: Verdict::Allow,
    approval: Approval::NotAsked,
    sensitivity: Sensitivity::Plain,
    overridable: Overridable::Yes,
    presented: Presented::Nothing,
    policy: Freshness::Fresh,
    revocations: Freshness::Fresh,
};
const DENIED: Case = Case { verdict: Verdict::Deny, ..ALLOWED };

const fn rules(level: Level) -> Rules {
    Rules { level, sensitive: Sensitive::Recorded, lock: Lock::Off }
}

fn id(number: u128) -> CallId {
    CallId(uuid::Uuid::from_u128(number))
}

fn call() -> ToolCall<canon::Json> {
    let head = http::Request::post("/mcp?x=%2F")
        .header("host", "tools.example")
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream")
        .header("mcp-protocol-version", "2025-11-25")
        .body(())
        .unwrap()
        .into_parts()
        .0;
    let head = Head { method: head.method, uri: head.uri, headers: head.headers, version: head.version };
    let speaks = Speaks::Mcp(McpRoute { path: "/mcp".to_owned() });
    recognise::<Tree>(&head, Bytes::from_static(BODY.as_bytes()), &speaks, &Limits::default()).unwrap()
}

fn permit(number: u128, level: Level, case: &Case) -> Permit {
    pass(call(), id(number), &rules(level), case).unwrap()
}

struct Log {
    journal: Journal,
    _dir: tempfile::TempDir,
}

impl Log {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let settings = Settings { dir: dir.path().join("journal"), shipped: false, ..Settings::default() };
        let text = str::to_owned;
        let facts = Facts { version: text("1"), mode: text("m"), enforcement: text("strict"), durability: text("pod") };
        Self { journal: Journal::open(&settings, || Micros(1_000_000), facts).unwrap(), _dir: dir }
    }

    async fn record(&self, number: u128) -> Receipt {
        self.journal.append(Entry::of(id(number), vec![decision(id(number))])).await.unwrap()
    }

    /// The outcome that is recorded of a call. The journal works in order: what was handed over before an answered entry is in.
    async fn outcome(&self, number: u128) -> Option<String> {
        drop(self.record(number + 1000).await);
        let stored = self.journal.read_after(Cursor(0), 100, 1 << 20).unwrap();
        let rows = stored.iter().map(|stored| record::read(&stored.envelope).unwrap());
        rows.filter(|row| row.call == Some(id(number).to_string())).find_map(|row| row.outcome).map(|outcome| outcome.into_owned())
    }
}

fn decision(call: CallId) -> Event {
    Event::Decision(Box::new(Decision { done: Done::Forward, ..Decision::of(Micros(1_000_000), call, "m", "strict") }))
}

#[test]
fn what_the_table_refuses_gets_no_permit() {
    let Stopped(refusal) = pass(call(), id(1), &rules(Level::FailClosed), &DENIED).unwrap_err();
    assert_eq!((refusal.codes.as_slice(), refusal.lift), ([Code::Denied].as_slice(), Some(Lift::Override)));
    assert_eq!(Stopped(refusal).to_string(), "the call is refused: `toolgate.denied`");
}

#[test]
fn a_permit_says_how_the_call_goes_on() {
    let lifted = Case { presented: Presented::Override, ..DENIED };
    let permit = permit(1, Level::FailClosed, &lifted);
    assert_eq!((permit.call(), permit.passage().lifted), (id(1), Some(Lift::Override)));
}

#[tokio::test]
async fn the_judged_bytes_leave_once_they_are_recorded() {
    let log = Log::new();
    let clearance = permit(1, Level::Warn, &DENIED).clear(log.record(1).await).unwrap();
    assert_eq!(clearance.warnings(), [Code::Denied]);
    let (outgoing, open) = clearance.open();
    assert_eq!(outgoing.body, BODY);
    assert_eq!((outgoing.method, outgoing.path_and_query.as_str()), (http::Method::POST, "/mcp?x=%2F"));
    assert_eq!(outgoing.headers["host"], "tools.example");
    assert_eq!((outgoing.call, open.call()), (id(1), id(1)));
    open.conclude(Outcome::of(OutcomeKind::Completed));
    assert_eq!(log.outcome(1).await.as_deref(), Some("completed"));
}

#[tokio::test]
async fn another_calls_record_clears_nothing() {
    let log = Log::new();
    let receipt = log.record(2).await;
    assert_eq!(permit(1, Level::Warn, &ALLOWED).clear(receipt).unwrap_err(), Mixup { permitted: id(1), recorded: id(2) });
    assert_eq!(log.outcome(2).await.as_deref(), Some("abandoned"));
}

#[tokio::test]
async fn what_is_dropped_on_the_way_is_abandoned() {
    let log = Log::new();
    drop(permit(1, Level::Warn, &ALLOWED).clear(log.record(1).await).unwrap());
    drop(permit(2, Level::Warn, &ALLOWED).clear(log.record(2).await).unwrap().open());
    assert_eq!(log.outcome(1).await.as_deref(), Some("abandoned"));
    assert_eq!(log.outcome(2).await.as_deref(), Some("abandoned"));
}

#[test]
fn without_a_record_a_call_goes_on_where_the_table_says_so() {
    for (why, code) in [
        (Unrecorded::Refused(Cause::Full, None), Code::JournalRefused),
        (Unrecorded::Down("the disk is gone".to_owned()), Code::JournalDown),
    ] {
        let clearance = permit(1, Level::Observe, &DENIED).clear_unrecorded(&rules(Level::Observe), why).unwrap();
        assert_eq!(clearance.warnings(), [Code::Denied, code]);
        let (outgoing, open): (_, Open) = clearance.open();
        assert_eq!(outgoing.body, BODY);
        open.conclude(Outcome::of(OutcomeKind::Completed));
    }
}

#[tokio::test]
async fn a_record_on_its_way_clears_its_own_call_where_the_table_needs_none() {
    let log = Log::new();
    let note = |number| log.journal.note(Entry::of(id(number), vec![decision(id(number))])).unwrap().0;
    for level in [Level::Strict, Level::FailClosed] {
        let Unclear::Stopped(Stopped(refusal)) = permit(1, level, &ALLOWED).clear_noted(&rules(level), note(1)).unwrap_err() else {
            panic!("{level}: cleared by a record that is not on the disk")
        };
        assert_eq!(refusal.codes, [Code::JournalRefused]);
    }
    let mixed = permit(2, Level::Warn, &ALLOWED).clear_noted(&rules(Level::Warn), note(3)).unwrap_err();
    assert_eq!(mixed, Unclear::Mixup(Mixup { permitted: id(2), recorded: id(3) }));
    let clearance = permit(4, Level::Warn, &DENIED).clear_noted(&rules(Level::Warn), note(4)).unwrap();
    assert_eq!(clearance.warnings(), [Code::Denied]);
    clearance.open().1.conclude(Outcome::of(OutcomeKind::Completed));
    assert_eq!((log.outcome(3).await.as_deref(), log.outcome(4).await.as_deref()), (Some("abandoned"), Some("completed")));
}

#[test]
fn without_a_record_nothing_leaves_where_records_are_promised() {
    for level in [Level::Strict, Level::FailClosed] {
        let why = Unrecorded::Down("the disk is gone".to_owned());
        let Stopped(refusal) = permit(1, level, &ALLOWED).clear_unrecorded(&rules(level), why).unwrap_err();
        assert_eq!(refusal.codes, [Code::JournalDown]);
    }
}

#[tokio::test]
async fn a_record_that_lands_late_gets_the_calls_outcome() {
    let log = Log::new();
    let late = Unrecorded::Refused(Cause::Late, Some(log.record(1).await.into_slot()));
    let clearance = permit(1, Level::Warn, &ALLOWED).clear_unrecorded(&rules(Level::Warn), late).unwrap();
    clearance.open().1.conclude(Outcome::of(OutcomeKind::Unsent));
    assert_eq!(log.outcome(1).await.as_deref(), Some("unsent"));
}
