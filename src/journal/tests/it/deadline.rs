//! A slow commit: another program holds the database's write lock, as a person with `sqlite3` can.

use crate::trail::{call, forwarded, open, outcome, settings};
use journal::{Cause, Settings, Unrecorded};
use record::{Outcome, OutcomeKind};
use rusqlite::Connection;
use std::time::{Duration, Instant};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waited_too_long_is_refused_and_the_late_record_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings { commit_deadline_ms: 100, ..settings(dir.path()) };
    let journal = open(&settings);
    let other = Connection::open(settings.dir.join("journal.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();

    let [refused, goes_on, given_up] = [call(), call(), call()];
    let begun = Instant::now();
    let first = journal.append(forwarded(&journal, refused)).await.unwrap_err();
    assert!(matches!(first, Unrecorded::Refused(Cause::Late, Some(_))), "{first}");
    assert!(begun.elapsed() < Duration::from_secs(2), "nobody waits for the disk");
    drop(first);
    // A permissive level goes on without the record, and knows how the call ended.
    let second = journal.append(forwarded(&journal, goes_on)).await.unwrap_err();
    second.into_slot().unwrap().conclude(Outcome::of(OutcomeKind::Completed));
    // A client that goes away while its record is waited for.
    let third = journal.append(forwarded(&journal, given_up));
    assert!(tokio::time::timeout(Duration::from_millis(20), third).await.is_err());

    other.execute_batch("COMMIT").unwrap();
    journal.close().await.unwrap();
    for (call, word) in [(refused, "refused"), (goes_on, "completed"), (given_up, "abandoned")] {
        assert_eq!(outcome(&settings, call).as_deref(), Some(word));
    }
}

#[tokio::test]
async fn what_waits_is_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings { commit_deadline_ms: 50, queue_entries_max: 2, ..settings(dir.path()) };
    let journal = open(&settings);
    let other = Connection::open(settings.dir.join("journal.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut causes = Vec::new();
    for _ in 0..3 {
        if let Err(Unrecorded::Refused(cause, _)) = journal.append(forwarded(&journal, call())).await {
            causes.push(cause);
        }
    }
    assert_eq!(causes, [Cause::Late, Cause::Late, Cause::Overloaded]);
    other.execute_batch("COMMIT").unwrap();
    journal.close().await.unwrap();
}
