//! kill -9 at random under load, restart, and again: the upstream's list, the journal and ClickHouse must tell one story. Nothing lost, doubled or unrecorded.

mod load;

use crate::ledger::{Ledger, copies};
use crate::notes;
use crate::peers::{ClickHouse, Recorder};
use crate::soak;
use load::{Round, Wave};
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, RandomState};
use std::time::Instant;

/// Kills of every run.
const ROUNDS: u64 = 20;
/// Clients that call at once.
const CLIENTS: usize = 24;
/// A kill comes once every client has called, and after fewer answers than this.
const ANSWERS_MAX: usize = 160;
/// Every so many rounds ClickHouse is killed, too.
const CLICKHOUSE_EVERY: u64 = 7;

#[test]
fn kill_9_under_load_loses_doubles_and_hides_nothing() {
    let (recorder, mut clickhouse) = (Recorder::start(), ClickHouse::start());
    let (mut sidecar, at) = notes::begin(&recorder, &clickhouse);
    let until = Instant::now() + soak::time().unwrap_or_default();
    let (mut rounds, mut hit, mut seen) = (0, 0, Vec::new());
    while rounds < ROUNDS || Instant::now() < until {
        rounds += 1;
        let answers = RandomState::new().hash_one(rounds) as usize % ANSWERS_MAX;
        let wave = Wave::begin(at, CLIENTS, rounds);
        wave.await_answers(answers);
        wave.expect_the_end();
        sidecar.toolgate.kill9();
        let round = wave.end();
        hit += u64::from(round.broken > 0);
        seen.push(round);
        if rounds.is_multiple_of(CLICKHOUSE_EVERY) {
            clickhouse.kill9();
            clickhouse.restart();
        }
        sidecar.toolgate.restart();
    }
    // A kill may fall between the answers of one group and the next calls.
    assert!(hit * 4 >= rounds * 3, "only {hit} of {rounds} kills broke a call off");
    let ledger = notes::end(&mut sidecar);
    agree(&ledger, &recorder, &seen);
    ledger.is_one_chain();
    ledger.is_in(&clickhouse);
    assert_eq!(ledger.writers() as u64, rounds + 1);
    let broken: usize = seen.iter().map(|round| round.broken).sum();
    println!(
        "{rounds} kills: {} records, outcomes {:?}, {} refused, {} reached the upstream, {broken} calls broken off, {} rows in ClickHouse before merging",
        ledger.rows().len(),
        ledger.outcomes(),
        ledger.decided("refuse").len(),
        recorder.received().len(),
        copies(&clickhouse)
    );
}

/// Upstream, journal and clients tell one story.
fn agree(ledger: &Ledger, recorder: &Recorder, seen: &[Round]) {
    let (forwarded, refused, outcomes) = (ledger.decided("forward"), ledger.decided("refuse"), ledger.outcomes());
    assert!(
        outcomes.get("unknown").is_some_and(|count| *count > 0),
        "no kill hit a call between its decision and its outcome: {outcomes:?}"
    );
    assert!(!refused.is_empty(), "no call was refused");
    let mut arrived = BTreeMap::new();
    for received in recorder.received() {
        assert!(forwarded.contains(&received.decision_id), "arrived without a decision to forward it: {received:?}");
        let once = arrived.insert(received.decision_id.clone(), received.body.clone()).is_none();
        assert!(once, "arrived twice: {received:?}");
    }
    for answer in seen.iter().flat_map(|round| &round.answers) {
        match answer.status {
            200 => assert_eq!(arrived.get(&answer.decision), Some(&answer.body), "answered, and what was sent arrived: {answer:?}"),
            403 => assert!(refused.contains(&answer.decision), "refused without a record: {answer:?}"),
            _ => panic!("an answer that nothing here explains: {answer:?}"),
        }
    }
    let decisions: BTreeSet<_> = seen.iter().flat_map(|round| &round.answers).map(|answer| &answer.decision).collect();
    assert_eq!(decisions.len(), seen.iter().map(|round| round.answers.len()).sum::<usize>(), "no id is given twice");
}
