//! A permission's one use: one transaction with the decision, and once for good.

use crate::trail::{call, decision, facts, forwarded, open, rows, settings, wall};
use canon::{Keyed, Micros};
use journal::{Binding, Cause, Claim, Deposit, Entry, Journal, Put, Unrecorded};
use record::Done;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

fn claim(jti: &str) -> Claim {
    Claim { iss: "issuer".into(), jti: jti.into(), exp: wall().plus_millis(60_000) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn thirty_two_spend_one_use_and_one_succeeds() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path());
    let journal = open(&settings);
    for round in 0..10 {
        let barrier = Arc::new(tokio::sync::Barrier::new(32));
        let racers: Vec<_> = (0..32)
            .map(|_| {
                let (journal, barrier) = (journal.clone(), Arc::clone(&barrier));
                tokio::spawn(async move {
                    let call = call();
                    let claims = vec![claim(&format!("other-{call}")), claim(&format!("jti-{round}"))];
                    let entry = Entry { claims, ..forwarded(&journal, call) };
                    barrier.wait().await;
                    (call, journal.append(entry).await)
                })
            })
            .collect();
        let mut won = Vec::new();
        for racer in racers {
            match racer.await.unwrap() {
                (call, Ok(_)) => won.push(call),
                (call, Err(Unrecorded::Refused(Cause::AlreadyUsed, None))) => {
                    assert!(!journal.used("issuer", &format!("other-{call}")).unwrap(), "a refused entry leaves no trace");
                }
                (_, other) => panic!("{other:?}"),
            }
        }
        assert_eq!(won.len(), 1, "round {round}");
    }
    journal.close().await.unwrap();
    assert_eq!(rows(&settings).iter().filter(|row| row.kind == "decision").count(), 10);
}

#[tokio::test]
async fn a_use_is_remembered_past_its_end_and_a_start() {
    static CLOCK: AtomicI64 = AtomicI64::new(1_000_000_000_000);
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path());
    let start = || Journal::open(&settings, || Micros(CLOCK.load(Ordering::SeqCst)), facts()).unwrap();
    let spend = || {
        let claims = vec![Claim { exp: Micros(1_000_060_000_000), ..claim("jti") }];
        Entry { claims, ..Entry::of(call(), Vec::new()) }
    };
    let journal = start();
    drop(journal.append(spend()).await.unwrap());
    // The clock leaps over the end and back: the use stays spent.
    for clock in [1_000_030_000_000, 1_000_100_000_000, 900_000_000_000] {
        CLOCK.store(clock, Ordering::SeqCst);
        assert!(matches!(journal.append(spend()).await, Err(Unrecorded::Refused(Cause::AlreadyUsed, None))), "{clock}");
    }
    journal.close().await.unwrap();
    let journal = start();
    assert!(matches!(journal.append(spend()).await, Err(Unrecorded::Refused(Cause::AlreadyUsed, None))));
}

#[tokio::test]
async fn one_entry_cannot_spend_a_use_twice() {
    let dir = tempfile::tempdir().unwrap();
    let journal = open(&settings(dir.path()));
    let entry = Entry { claims: vec![claim("a"), claim("b"), claim("a")], ..Entry::of(call(), Vec::new()) };
    assert!(matches!(journal.append(entry).await, Err(Unrecorded::Refused(Cause::AlreadyUsed, None))));
    assert!(!journal.used("issuer", "b").unwrap());
}

#[tokio::test]
async fn spending_takes_the_deposit_and_nothing_spent_is_deposited() {
    let dir = tempfile::tempdir().unwrap();
    let settings = journal::Settings { deposits_max: 2, ..settings(dir.path()) };
    let journal = open(&settings);
    let binding = Binding { subject: "s".into(), tenant: "t".into(), upstream: "u".into(), tool: "w".into() };
    let deposit = |jti: &str| {
        let claim = claim(jti);
        let deposit = Deposit {
            iss: claim.iss,
            jti: claim.jti,
            binding: binding.clone(),
            arguments_digest: "*".into(),
            exp: claim.exp,
            token: "t".into(),
        };
        Entry { puts: vec![Put::Deposit(deposit)], ..Entry::of(call(), Vec::new()) }
    };
    drop(journal.append(deposit("a")).await.unwrap());
    drop(journal.append(deposit("b")).await.unwrap());
    assert!(matches!(journal.append(deposit("c")).await, Err(Unrecorded::Refused(Cause::TooManyDeposits, None))));
    let spender = call();
    let entry = Entry { claims: vec![claim("a")], ..Entry::of(spender, vec![decision(wall(), spender, Done::Refuse)]) };
    drop(journal.append(entry).await.unwrap());
    assert_eq!(journal.deposits(&binding, &Keyed([0; 32])).len(), 1);
    assert!(matches!(journal.append(deposit("a")).await, Err(Unrecorded::Refused(Cause::AlreadyUsed, None))));
    drop(journal.append(deposit("c")).await.unwrap());
    journal.close().await.unwrap();
    assert_eq!(open(&settings).all_deposits().len(), 2);
}
