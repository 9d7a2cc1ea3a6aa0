//! Entries that nobody waits for: they land in order with their outcomes, or are known to be lost.

use crate::trail::{all, assert_whole, call, forwarded, note, open, outcome, outcomes, rows, settings};
use journal::{BUDGET_BYTES_MIN, Cause, Entry, Settings, Unrecorded};
use record::{Outcome, OutcomeKind};
use rusqlite::Connection;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_ends_before_its_record_is_on_the_disk_and_both_land_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path());
    let journal = open(&settings);
    let other = Connection::open(settings.dir.join("journal.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let [concluded, dropped] = [call(), call()];
    let (first, waiting) = journal.note(forwarded(&journal, concluded)).unwrap();
    assert_eq!((first.key(), first.forwards()), (concluded, Some(concluded)));
    first.into_slot().conclude(Outcome::of(OutcomeKind::Completed));
    drop(journal.note(forwarded(&journal, dropped)).unwrap());
    let mut told = Box::pin(waiting.told());
    assert!(tokio::time::timeout(Duration::from_millis(50), &mut told).await.is_err(), "nothing is on the disk yet");
    assert!(rows(&settings).iter().all(|row| row.kind == "genesis"));

    other.execute_batch("COMMIT").unwrap();
    assert_eq!(told.await.unwrap().0, 1);
    assert!(!journal.is_refusing());
    journal.close().await.unwrap();
    assert_eq!(outcome(&settings, concluded).as_deref(), Some("completed"));
    assert_eq!(outcome(&settings, dropped).as_deref(), Some("abandoned"));
    assert_whole(&all(&settings));
}

#[tokio::test]
async fn what_the_journal_refuses_is_known_to_be_lost_and_has_no_outcome() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings { budget_bytes: BUDGET_BYTES_MIN, ..settings(dir.path()) };
    let journal = open(&settings);
    let (mut landed, mut lost) = (0, Vec::new());
    while lost.is_empty() {
        let many: Vec<_> = (0..64)
            .map(|_| {
                let key = call();
                (key, journal.note(forwarded(&journal, key)).unwrap())
            })
            .collect();
        for (key, (noted, waiting)) in many {
            let told = waiting.told().await;
            noted.into_slot().conclude(Outcome::of(OutcomeKind::Completed));
            match told {
                Ok(_) => landed += 1,
                Err(Unrecorded::Refused(Cause::Full, None)) => lost.push(key),
                Err(other) => panic!("{other}"),
            }
        }
    }
    assert!(landed > 20, "{landed}");
    assert!(journal.is_refusing(), "the next one waits, and is told");
    // What has room of its own says nothing about the next call.
    drop(journal.append(Entry::of(call(), vec![note(1)])).await.unwrap());
    assert!(journal.is_refusing());
    journal.close().await.unwrap();
    let outcomes = outcomes(&rows(&settings));
    assert_eq!(outcomes.len(), landed);
    assert!(lost.iter().all(|key| !outcomes.contains_key(&key.to_string())), "an outcome of a call that nobody recorded");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_late_is_told_to_be_and_lands_with_its_outcome() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings { commit_deadline_ms: 50, ..settings(dir.path()) };
    let journal = open(&settings);
    let other = Connection::open(settings.dir.join("journal.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let key = call();
    let (noted, waiting) = journal.note(forwarded(&journal, key)).unwrap();
    assert!(matches!(waiting.told().await, Err(Unrecorded::Refused(Cause::Late, None))));
    assert!(journal.is_refusing(), "the next one waits for the disk as well");
    noted.into_slot().conclude(Outcome::of(OutcomeKind::Completed));
    other.execute_batch("COMMIT").unwrap();
    let after = journal.clone();
    journal.close().await.unwrap();
    assert!(!after.is_refusing(), "it landed");
    assert_eq!(outcome(&settings, key).as_deref(), Some("completed"));
}
