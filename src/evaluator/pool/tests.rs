//! What happens when evaluating goes wrong: the asker is answered in time, the others are not hit.

use super::{Evaluator, Settings};
use crate::{LoadError, Loading};
use canon::{CallId, Json, Micros};
use policy::{Call, Http, Input, Mode, Session, Snapshot, Source, Subject, TestModules, Value, Verdict, Visibility, codes};
use std::num::NonZeroUsize;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_millis(50);

fn snapshot(policy: &str) -> Arc<Snapshot> {
    Arc::new(Snapshot::load(&source(policy), &policy::Settings::default()).unwrap())
}

fn source(policy: &str) -> Source {
    Source::of_files([("p.rego".to_owned(), policy.as_bytes().to_vec())]).unwrap()
}

fn input(tool: &str) -> Input {
    Input {
        time: Micros(0),
        mode: Mode::new("LOCAL", "warn", &Json::Object(Vec::new())),
        subject: Subject { workload: None, user: None, actors: Vec::new(), tenant: "default".into(), persona: None },
        session: Session::default(),
        call: Call {
            id: CallId(uuid::Uuid::nil()),
            protocol: "mcp".into(),
            route: "r".into(),
            upstream: "u".into(),
            method: "tools/call".into(),
            tool: Some(tool.into()),
            resource: None,
            arguments: Value::new_object(),
            arguments_digest: None,
            declared: Value::Null,
            definition: None,
        },
        http: Http { method: "POST".into(), path: "/".into(), query: None, headers: Vec::new() },
    }
}

fn pool(threads: usize, waiting_max: usize, lost_max: usize) -> Evaluator {
    let threads = NonZeroUsize::new(threads).unwrap();
    Evaluator::start(Settings { threads, waiting_max, limit: LIMIT, lost_max, ..Settings::default() }).unwrap()
}

/// A policy that one builtin holds up for about a second when the tool is `stuck`: text of a value whose parts are shared 2^22 times.
fn stuck() -> Arc<Snapshot> {
    let doubles = (1..=22).map(|n| format!("x{n} := [x{}, x{}]\n", n - 1, n - 1)).collect::<String>();
    snapshot(&format!(
        "package toolgate\ndefault decision := true\ndecision := false if {{ input.call.tool == \"stuck\"; count(json.marshal(x22)) > 0 }}\nx0 := \"x\"\n{doubles}"
    ))
}

const LOOP: &str = "package toolgate
default decision := true
decision := false if { input.call.tool == \"slow\"; some i in numbers.range(1, 9000); some j in numbers.range(1, 9000); i + j < 0 }
";

fn code(decision: &policy::Decision) -> &str {
    decision.reasons.first().map_or("", |reason| reason.code.as_str())
}

#[tokio::test]
async fn calls_are_answered_and_lists_in_their_order() {
    let pool = pool(2, 16, 1);
    let policy = snapshot("package toolgate\ndecision := input.call.tool == \"a\"\nvisible if input.call.tool != \"b\"\n");
    assert_eq!(pool.decide(Arc::clone(&policy), input("a")).await.verdict, Verdict::Allow);
    assert_eq!(code(&pool.decide(Arc::clone(&policy), input("b")).await), codes::DENIED);
    let shown = pool.visible(policy, ["a", "b", "c"].map(input).to_vec()).await;
    assert_eq!(shown, [Visibility::Shown, Visibility::Hidden, Visibility::Shown]);
}

#[tokio::test]
async fn a_policy_that_was_never_loaded_is_an_error() {
    let pool = pool(1, 16, 1);
    assert_eq!(code(&pool.decide(None, input("a")).await), codes::NONE);
    assert!(matches!(&pool.visible(None, vec![input("a")]).await[..], [Visibility::Error(reason)] if reason.code == codes::NONE));
}

#[tokio::test]
async fn a_builtin_that_does_not_end_costs_its_own_call_and_a_thread() {
    let pool = pool(1, 16, 2);
    let policy = stuck();
    let begun = Instant::now();
    let decision = pool.decide(Arc::clone(&policy), input("stuck")).await;
    assert_eq!((decision.verdict, code(&decision)), (Verdict::Error, codes::TIMEOUT));
    assert!(begun.elapsed() < LIMIT * 4, "{:?}", begun.elapsed());
    let health = pool.health();
    assert_eq!((health.ready, health.lost, health.lost_ever), (true, 1, 1));
    // Another thread stands in at once.
    assert_eq!(pool.decide(Arc::clone(&policy), input("quick")).await.verdict, Verdict::Allow);
    // The lost one comes back by itself, and the pool does not grow.
    while pool.health().lost > 0 {
        assert!(begun.elapsed() < Duration::from_secs(60), "it never came back");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(pool.decide(policy, input("quick")).await.verdict, Verdict::Allow);
}

#[tokio::test]
async fn too_many_lost_threads_make_the_pool_unready() {
    let pool = pool(1, 16, 0);
    let policy = stuck();
    pool.decide(Arc::clone(&policy), input("stuck")).await;
    assert!(!pool.health().ready);
    assert_eq!(code(&pool.decide(policy, input("quick")).await), codes::OVERLOADED);
}

#[tokio::test]
async fn an_asker_that_goes_away_blocks_nobody() {
    let pool = pool(1, 16, 2);
    let policy = stuck();
    let gone = tokio::time::timeout(Duration::from_millis(10), pool.decide(Arc::clone(&policy), input("stuck"))).await;
    assert!(gone.is_err());
    tokio::time::sleep(LIMIT * 2).await;
    assert_eq!(pool.decide(policy, input("quick")).await.verdict, Verdict::Allow);
}

#[tokio::test]
async fn one_more_than_may_wait_is_overload() {
    let pool = pool(1, 1, 1);
    let policy = snapshot(LOOP);
    // Two have a place, one at work and one that waits; none of these ends while the rest are put in.
    let asked: Vec<_> = (0..64)
        .map(|_| {
            let (pool, policy) = (pool.clone(), Arc::clone(&policy));
            tokio::spawn(async move { pool.decide(policy, input("slow")).await })
        })
        .collect();
    let mut overloaded = 0;
    for asked in asked {
        overloaded += usize::from(code(&asked.await.unwrap()) == codes::OVERLOADED);
    }
    assert!(overloaded > 0, "nobody was told of overload");
}

#[tokio::test]
async fn a_loop_ends_by_the_limit_and_loses_no_thread() {
    let pool = pool(1, 16, 1);
    let policy = snapshot(LOOP);
    let decision = pool.decide(Arc::clone(&policy), input("slow")).await;
    assert_eq!((decision.verdict, code(&decision)), (Verdict::Error, codes::TIMEOUT));
    assert_eq!(pool.decide(policy, input("quick")).await.verdict, Verdict::Allow);
    assert_eq!(pool.health().lost_ever, 0);
}

#[tokio::test]
async fn trap_02_the_longest_chain_that_loads_fits_the_stack() {
    let chain = (1..480).map(|n| format!("r{n} := r{} + 1\n", n - 1)).collect::<String>();
    let policy = source(&format!("package toolgate\ndecision if r479 > 1\nr0 := 1\n{chain}"));
    let mut loaded = Loading::begin(policy, vec![policy::Settings::default()]).unwrap().within(Duration::from_secs(20)).await.unwrap();
    let policy = loaded.remove(0);
    let pool = Evaluator::start(Settings { limit: Duration::from_secs(2), ..Settings::default() }).unwrap();
    assert_eq!(pool.decide(Arc::new(policy), input("a")).await.verdict, Verdict::Allow);
}

#[tokio::test]
async fn trap_05_a_policy_that_takes_too_long_to_parse_is_given_up() {
    let nested = format!("{}1{}", "[".repeat(11), "]".repeat(11));
    let policy = format!("package toolgate\ndecision := false\n{}", (0..15_000).map(|n| format!("x{n} := {nested}\n")).collect::<String>());
    let begun = Instant::now();
    let settings = policy::Settings { tests: TestModules::Leave, ..policy::Settings::default() };
    let mut loading = Loading::begin(source(&policy), vec![settings]).unwrap();
    let loaded = loading.within(Duration::from_millis(100)).await;
    assert!(matches!(loaded, Err(LoadError::Timeout(_))), "{loaded:?}");
    assert!(begun.elapsed() < Duration::from_secs(1));
}

#[tokio::test]
async fn what_loads_late_may_still_be_had() {
    let large = format!("package toolgate\ndecision := false\n{}", (0..2_000).map(|n| format!("x{n} := [[{n}]]\n")).collect::<String>());
    let settings = policy::Settings::default();
    let mut loading = Loading::begin(source(&large), vec![settings.clone(), settings]).unwrap();
    assert_eq!(loading.within(Duration::ZERO).await.unwrap_err(), LoadError::Timeout(Duration::ZERO));
    assert_eq!(loading.within(Duration::from_secs(60)).await.unwrap().len(), 2);
}

#[tokio::test]
async fn what_is_wrong_with_a_policy_comes_back_whole() {
    let wrong = source("package toolgate\nx := a(1)\ny := b(1)\n");
    let loaded = Loading::begin(wrong, vec![policy::Settings::default()]).unwrap().within(Duration::from_secs(20)).await;
    assert!(matches!(loaded, Err(LoadError::Problems(problems)) if problems.len() == 3));
}

/// Run by the next test in processes of their own.
#[test]
fn says_whether_backtraces_are_on() {
    println!("backtraces={}", crate::backtraces());
}

#[test]
fn trap_09_a_process_with_backtraces_says_so() {
    for (lib, expected) in [(None, "backtraces=true"), (Some("0"), "backtraces=false")] {
        let mut test = Command::new(std::env::current_exe().unwrap());
        test.args(["--exact", "--nocapture", "pool::tests::says_whether_backtraces_are_on"])
            .env("RUST_BACKTRACE", "1")
            .env_remove("RUST_LIB_BACKTRACE");
        if let Some(lib) = lib {
            test.env("RUST_LIB_BACKTRACE", lib);
        }
        let output = String::from_utf8(test.output().unwrap().stdout).unwrap();
        assert!(output.contains(expected), "{output}");
    }
}
