//! The budget in bytes and age: what is refused, what may go, and that nothing unread ever goes.

use crate::trail::{all, assert_whole, call, decision, facts, forwarded, note, open, outcomes, rows, settings};
use canon::Micros;
use journal::{BUDGET_BYTES_MIN, Cause, Cursor, Entry, Journal, Settings, Unrecorded};
use record::{Done, Event, Outcome, OutcomeKind};
use std::sync::atomic::{AtomicI64, Ordering};

fn small(dir: &std::path::Path) -> Settings {
    Settings { budget_bytes: BUDGET_BYTES_MIN, ..settings(dir) }
}

#[tokio::test]
async fn a_full_journal_refuses_calls_then_answers_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let settings = small(dir.path());
    let journal = open(&settings);
    let mut slots = Vec::new();
    let cause = loop {
        match journal.append(forwarded(&journal, call())).await {
            Ok(receipt) => slots.push(receipt.into_slot()),
            Err(Unrecorded::Refused(cause, None)) => break cause,
            Err(other) => panic!("{other}"),
        }
    };
    assert_eq!(cause, Cause::Full);
    let calls = slots.len();
    assert!(calls > 20, "{calls}");
    // What is recorded of a refused call has room of its own, and the house's notes have theirs.
    let refused = call();
    drop(journal.append(Entry::of(refused, vec![decision(journal.now().at, refused, Done::Refuse)])).await.unwrap());
    drop(journal.append(Entry::of(call(), vec![note(10)])).await.unwrap());
    // So has the outcome of every call that was let through.
    slots.into_iter().for_each(|slot| slot.conclude(Outcome::of(OutcomeKind::Completed)));
    journal.close().await.unwrap();
    let rows = rows(&settings);
    let outcomes = outcomes(&rows);
    assert_eq!(outcomes.len(), calls);
    assert!(outcomes.values().all(|words| words == &["completed"]));
    assert!(std::fs::metadata(settings.dir.join("journal.db")).unwrap().len() <= BUDGET_BYTES_MIN);
    // Full as it is, it starts again and says so.
    let journal = open(&settings);
    assert!(matches!(journal.append(Entry::of(call(), vec![note(1 << 20)])).await, Err(Unrecorded::Refused(Cause::Full, None)) | Ok(_)));
    journal.close().await.unwrap();
    assert_whole(&all(&settings));
}

/// Appends refused calls until their part is used up, and gives how many went in.
async fn refuse_until_full(journal: &Journal, caller: Option<&str>) -> usize {
    let mut count = 0;
    loop {
        let call = call();
        let Event::Decision(refused) = decision(journal.now().at, call, Done::Refuse) else { panic!("a decision") };
        let workload = caller.map(|name| format!("spiffe://example.org/{name}"));
        let refused = Event::Decision(Box::new(record::Decision { workload, ..*refused }));
        match journal.append(Entry::of(call, vec![refused])).await {
            Ok(_) => count += 1,
            Err(Unrecorded::Refused(Cause::Share, None)) => return count,
            Err(other) => panic!("{other}"),
        }
    }
}

#[tokio::test]
async fn refused_calls_use_up_their_own_part_alone_until_they_are_read_back() {
    let dir = tempfile::tempdir().unwrap();
    let settings = small(dir.path());
    let journal = open(&settings);
    let unknown = refuse_until_full(&journal, None).await;
    let known = refuse_until_full(&journal, Some("agent")).await;
    assert!(unknown > 5 && known > 2 * unknown, "{unknown} of callers that are not known, {known} of one that is");
    journal.append(forwarded(&journal, call())).await.unwrap().into_slot().conclude(Outcome::of(OutcomeKind::Completed));
    // A restart forgets nothing of it.
    journal.close().await.unwrap();
    let journal = open(&settings);
    assert_eq!([refuse_until_full(&journal, None).await, refuse_until_full(&journal, Some("agent")).await], [0, 0]);
    // Nobody known takes the room of all the others.
    let [second, third] = [refuse_until_full(&journal, Some("second")).await, refuse_until_full(&journal, Some("third")).await];
    assert!(second > known / 4 && third > known / 12, "{known}, {second}, {third}");
    assert!(journal.stats().used_bytes < settings.budget_bytes / 2, "calls have most of it");
    let last = journal.read_after(Cursor(0), 10_000, 1 << 30).unwrap().last().unwrap().cursor;
    journal.acknowledge(last).await.unwrap();
    assert_eq!([refuse_until_full(&journal, None).await, refuse_until_full(&journal, Some("agent")).await], [unknown, known]);
}

#[tokio::test]
async fn what_was_read_back_makes_room() {
    let dir = tempfile::tempdir().unwrap();
    let settings = small(dir.path());
    let journal = open(&settings);
    let mut shipped = Vec::new();
    for _ in 0..2000 {
        let receipt = journal.append(forwarded(&journal, call())).await;
        let receipt = match receipt {
            Ok(receipt) => receipt,
            Err(Unrecorded::Refused(Cause::Full, None)) => {
                let after = Cursor(shipped.last().map_or(0, |stored: &journal::Stored| stored.cursor.0));
                let batch = journal.read_after(after, 10_000, 1 << 30).unwrap();
                let last = batch.last().unwrap().cursor;
                shipped.extend(batch);
                journal.acknowledge(last).await.unwrap();
                assert_eq!(journal.reader().acknowledged().unwrap(), last);
                journal.append(forwarded(&journal, call())).await.unwrap()
            }
            Err(other) => panic!("{other}"),
        };
        receipt.into_slot().conclude(Outcome::of(OutcomeKind::Completed));
    }
    let stats = journal.stats();
    assert!(stats.trimmed_early > 0 && stats.used_bytes <= stats.budget_bytes, "{stats:?}");
    journal.close().await.unwrap();
    let last = shipped.last().unwrap().cursor;
    shipped.extend(all(&settings).into_iter().filter(|stored| stored.cursor > last));
    assert_whole(&shipped);
}

#[tokio::test]
async fn without_a_reader_the_oldest_go_and_the_newest_stay() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings { shipped: false, budget_age_s: 0, ..small(dir.path()) };
    let journal = open(&settings);
    for _ in 0..2000 {
        drop(journal.append(forwarded(&journal, call())).await.unwrap());
    }
    journal.close().await.unwrap();
    let kept = all(&settings);
    assert!(kept.first().unwrap().cursor > Cursor(1) && kept.len() > 100, "{}", kept.len());
    assert_whole(&kept);
}

#[tokio::test]
async fn age_refuses_calls_until_the_oldest_is_read_back() {
    static CLOCK: AtomicI64 = AtomicI64::new(1_000_000_000_000);
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings { budget_age_s: 60, ..settings(dir.path()) };
    let journal = Journal::open(&settings, || Micros(CLOCK.load(Ordering::SeqCst)), facts()).unwrap();
    let opened = journal.now().at;
    drop(journal.append(forwarded(&journal, call())).await.unwrap());
    assert_eq!(journal.stats().oldest_unread, Some(opened));
    CLOCK.fetch_add(60_000_001, Ordering::SeqCst);
    assert!(matches!(journal.append(forwarded(&journal, call())).await, Err(Unrecorded::Refused(Cause::TooOld, None))));
    let refused = call();
    drop(journal.append(Entry::of(refused, vec![decision(journal.now().at, refused, Done::Refuse)])).await.unwrap());
    let last = journal.read_after(Cursor(0), 100, 1 << 20).unwrap().last().unwrap().cursor;
    let before = journal.now().at;
    journal.acknowledge(last).await.unwrap();
    assert_eq!(journal.reader().acknowledged_before(before).unwrap(), last);
    assert_eq!(journal.reader().acknowledged_before(Micros(before.0 - 1)).unwrap(), Cursor(0));
    // Held, since its outcome would be a record too.
    let receipt = journal.append(forwarded(&journal, call())).await.unwrap();
    let stats = journal.stats();
    assert_eq!((stats.unread, stats.pending, stats.head.seq), (1, 1, receipt.seq()));
}

#[tokio::test]
async fn read_back_records_go_when_their_time_is_over() {
    static CLOCK: AtomicI64 = AtomicI64::new(1_000_000_000_000);
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings { retain_after_ack_s: 100, ..settings(dir.path()) };
    let start = || Journal::open(&settings, || Micros(CLOCK.load(Ordering::SeqCst)), facts()).unwrap();
    let journal = start();
    for _ in 0..20 {
        drop(journal.append(Entry::of(call(), vec![note(10)])).await.unwrap());
    }
    journal.acknowledge(Cursor(11)).await.unwrap();
    CLOCK.fetch_add(101_000_000, Ordering::SeqCst);
    // The housekeeping of the writer is due at its first group after five seconds.
    let begun = std::time::Instant::now();
    while all(&settings).first().unwrap().cursor == Cursor(1) {
        assert!(begun.elapsed().as_secs() < 30, "nothing went");
        drop(journal.append(Entry::of(call(), vec![note(10)])).await.unwrap());
    }
    journal.close().await.unwrap();
    let kept = all(&settings);
    assert_eq!(kept.first().unwrap().cursor, Cursor(12));
    assert_whole(&kept);
}
