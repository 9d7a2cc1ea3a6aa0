//! A call's two records, whichever way it ends.

use crate::trail::{all, assert_whole, call, decision, facts, forwarded, open, outcome, rows, settings, wall};
use canon::{CallId, Keyed, Micros};
use journal::{Binding, Blocked, Cause, Clock, Cursor, Deposit, Entry, Journal, Put, Redaction, Refusal, Standing, Unrecorded};
use record::{Done, Outcome, OutcomeKind};
use std::sync::atomic::{AtomicI64, Ordering};
use uuid::Uuid;

#[tokio::test]
async fn each_end_of_a_call_is_recorded_once() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path());
    let journal = open(&settings);
    let [concluded, dropped, lost, refused, held] = [call(), call(), call(), call(), call()];

    let receipt = journal.append(forwarded(&journal, concluded)).await.unwrap();
    assert_eq!((receipt.key(), receipt.forwards(), receipt.seq().0), (concluded, Some(concluded), 1));
    receipt.into_slot().conclude(Outcome { status: Some(200), ..Outcome::of(OutcomeKind::Completed) });
    drop(journal.append(forwarded(&journal, dropped)).await.unwrap().into_slot());
    drop(journal.append(forwarded(&journal, lost)).await.unwrap());
    let entry = Entry::of(refused, vec![decision(journal.now().at, refused, Done::Refuse)]);
    let receipt = journal.append(entry).await.unwrap();
    assert_eq!(receipt.forwards(), None, "what is refused clears nothing");
    receipt.into_slot().conclude(Outcome::of(OutcomeKind::Completed));
    let late = journal.append(forwarded(&journal, held)).await.unwrap().into_slot();

    journal.clone().close().await.unwrap();
    // The decision had got `unknown` when the journal ended: one outcome, not two.
    late.conclude(Outcome::of(OutcomeKind::Completed));
    for (call, word) in
        [(concluded, Some("completed")), (dropped, Some("abandoned")), (lost, Some("abandoned")), (refused, None), (held, Some("unknown"))]
    {
        assert_eq!(outcome(&settings, call).as_deref(), word);
    }
    assert!(matches!(journal.append(forwarded(&journal, call())).await, Err(Unrecorded::Down(_))));
    assert!(matches!(journal.standing(), Standing::Down(_)));
    open(&settings).close().await.unwrap();
    assert_whole(&all(&settings));
    assert!(rows(&settings).iter().all(|row| row.action.as_deref() != Some("recovery")), "a clean end needs no recovery");
}

#[tokio::test]
async fn an_entry_cannot_bear_another_call_s_decision() {
    let dir = tempfile::tempdir().unwrap();
    let journal = open(&settings(dir.path()));
    let entry = Entry::of(call(), vec![decision(wall(), call(), Done::Forward)]);
    assert!(matches!(journal.append(entry).await, Err(Unrecorded::Refused(Cause::Foreign, None))));
}

#[tokio::test]
async fn a_refusal_is_found_until_it_is_too_old() {
    static CLOCK: AtomicI64 = AtomicI64::new(1_000_000_000_000);
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::open(&settings(dir.path()), || Micros(CLOCK.load(Ordering::SeqCst)), facts()).unwrap();
    let call = call();
    let at = journal.now().at;
    let refusal = Refusal {
        call,
        at,
        subject: "spiffe://a/b".into(),
        user: Some(("https://idp".into(), "alice".into())),
        tenant: "acme".into(),
        upstream: "files".into(),
        tool: "write".into(),
        arguments_digest: Keyed([7; 32]),
        blocked: Blocked::NeedsApproval,
        reasons: vec!["a.b".into(), "c".into()],
    };
    let puts = vec![Put::Refusal(refusal.clone())];
    let entry = Entry { puts, ..Entry::of(call, vec![decision(at, call, Done::Refuse)]) };
    drop(journal.append(entry).await.unwrap());
    assert_eq!(journal.refusal(call).unwrap(), Some(refusal.clone()));
    assert_eq!(journal.refusal(crate::trail::call()).unwrap(), None);
    // Another whose id ends in the same eight characters: the end of one finds both, the newest first.
    let twin = CallId(Uuid::from_u128(call.0.as_u128() + (1 << 40)));
    let entry =
        Entry { puts: vec![Put::Refusal(Refusal { call: twin, ..refusal })], ..Entry::of(twin, vec![decision(at, twin, Done::Refuse)]) };
    drop(journal.append(entry).await.unwrap());
    let found = |end: &str, most| journal.reader().refusals_ending(end, journal.refusals_since(), most).unwrap();
    let ending = |id: CallId, chars: usize, most| found(id.to_string().get(36 - chars..).unwrap(), most);
    assert_eq!((ending(call, 8, 9), ending(call, 8, 1)), (vec![twin, call], vec![twin]));
    assert_eq!((ending(call, 20, 9), ending(twin, 36, 9)), (vec![call], vec![twin]), "hyphens do not count");
    assert!(found("ffff", 9).is_empty());
    let newest = |end: &str, wanted: bool| journal.reader().newest_holding(end.as_bytes(), 9, |_| wanted).unwrap();
    assert!(newest(&twin.to_string(), true).is_some_and(|envelope| record::read(&envelope).unwrap().call == Some(twin.to_string())));
    assert_eq!((newest(&twin.to_string(), false), newest("ffff", true)), (None, None));
    CLOCK.fetch_add(24 * 3_600_000_000 + 1, Ordering::SeqCst);
    assert_eq!((journal.refusal(call).unwrap(), ending(call, 8, 9)), (None, Vec::new()));
}

#[tokio::test]
async fn a_clock_set_back_is_seen_and_time_goes_on() {
    static CLOCK: AtomicI64 = AtomicI64::new(5_000_000_000);
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path());
    let clock = || Micros(CLOCK.load(Ordering::SeqCst));
    let journal = Journal::open(&settings, clock, facts()).unwrap();
    CLOCK.store(9_000_000_000, Ordering::SeqCst);
    drop(journal.append(forwarded(&journal, call())).await.unwrap());
    journal.close().await.unwrap();
    CLOCK.store(8_000_000_000, Ordering::SeqCst);
    let journal = Journal::open(&settings, clock, facts()).unwrap();
    assert_eq!((journal.now().at, journal.now().clock), (Micros(9_000_000_000), Clock::Behind(1_000_000)));
    CLOCK.store(9_000_000_001, Ordering::SeqCst);
    assert_eq!((journal.now().at, journal.now().clock), (Micros(9_000_000_001), Clock::Steady));
    journal.close().await.unwrap();
}

#[tokio::test]
async fn a_deposit_waits_for_its_call_over_a_start() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path());
    let journal = open(&settings);
    let digest = Keyed([1; 32]);
    let binding = Binding { subject: "spiffe://a/b".into(), tenant: "acme".into(), upstream: "files".into(), tool: "write".into() };
    let deposit = |jti: &str, digest: String, exp| Deposit {
        iss: "i".into(),
        jti: jti.into(),
        binding: binding.clone(),
        arguments_digest: digest,
        exp,
        token: "t".into(),
    };
    let far = wall().plus_millis(60_000);
    for (jti, digest, exp) in [("any", "*".to_owned(), far), ("exact", digest.to_string(), far), ("over", "*".to_owned(), wall())] {
        let entry = Entry { puts: vec![Put::Deposit(deposit(jti, digest, exp))], ..Entry::of(call(), Vec::new()) };
        drop(journal.append(entry).await.unwrap());
    }
    let found = |journal: &Journal| -> Vec<_> { journal.deposits(&binding, &digest).into_iter().map(|deposit| deposit.jti).collect() };
    assert_eq!(found(&journal), ["exact", "any"]);
    assert!(journal.deposits(&Binding { tenant: "other".into(), ..binding.clone() }, &digest).is_empty());
    journal.close().await.unwrap();
    let journal = open(&settings);
    assert_eq!(found(&journal), ["exact", "any"]);
    assert_eq!(journal.deposits(&binding, &Keyed([2; 32])).len(), 1);
    assert!(journal.read_after(Cursor(0), 10, 1 << 20).unwrap().len() == 2);
}

#[tokio::test]
async fn a_redacted_place_is_kept_over_a_start_also_in_a_journal_from_before_there_were_any() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path());
    open(&settings).close().await.unwrap();
    rusqlite::Connection::open(settings.dir.join("journal.db")).unwrap().execute_batch("DROP TABLE redactions").unwrap();
    let journal = open(&settings);
    let put = |upstream: &str, place: &str| Put::Redaction(Redaction { upstream: upstream.into(), place: place.into() });
    for puts in [vec![put("files", "/a"), put("files", "/b")], vec![put("files", "/a"), put("crm", "/a")]] {
        drop(journal.append(Entry { puts, ..Entry::of(call(), Vec::new()) }).await.unwrap());
    }
    journal.close().await.unwrap();
    let kept = open(&settings).redactions().unwrap();
    let kept: Vec<_> = kept.iter().map(|row| (row.upstream.as_str(), row.place.as_str())).collect();
    assert_eq!(kept, [("crm", "/a"), ("files", "/a"), ("files", "/b")]);
}
