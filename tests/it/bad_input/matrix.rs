//! The worst of each neighbour together: whatever the policy, the journal and ClickHouse do, and whatever happens meanwhile, `fail_closed` forwards
//! nothing that is not allowed and recorded.

use crate::peers::{ClickHouse, OWNER, Process, Recorder, command, get, until};
use crate::sidecar::{Plan, Sidecar, header, post_json};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// For what a sidecar does by itself.
const SOON: Duration = Duration::from_secs(60);
/// Calls of each tool in one case.
const CALLS: usize = 3;

/// A policy by its fault; only the last one allows anything, and never the tool `denied`.
const POLICIES: [(&str, Option<&str>); 5] = [
    ("missing", None),
    ("broken", Some("package toolgate\n\ndecision := \n")),
    (
        "slow",
        Some(
            "package toolgate\n\ndecision if {\n\tsome i in numbers.range(1, 9000)\n\tsome j in numbers.range(1, 9000)\n\ti * j == -1\n}\n",
        ),
    ),
    ("failing", Some("package toolgate\n\ndecision := to_number(input.call.tool) == 1\n")),
    ("good", Some("package toolgate\n\ndecision := input.call.tool == \"allowed\"\n")),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Disk {
    Good,
    Full,
    Failing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Store {
    Up,
    Frozen,
    Away,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    Calm,
    Storm,
    End,
}

/// One process and what is done to it.
struct Bench<'a> {
    policy: (&'static str, Option<&'static str>),
    disk: Disk,
    sidecar: Sidecar,
    at: SocketAddr,
    recorder: &'a Recorder,
    cases: usize,
}

fn start<'a>(policy: (&'static str, Option<&'static str>), disk: Disk, store: Option<&ClickHouse>, recorder: &'a Recorder) -> Bench<'a> {
    let (plan, at) = Plan::new("matrix", policy.1.unwrap_or_default()).upstream("notes", recorder.address()).loopback("agent");
    if policy.1.is_none() {
        std::fs::remove_file(plan.folder().path().join("policies/toolgate.rego")).unwrap();
    }
    let tools = "tools: [{method: POST, path: /tools/allowed, tool: allowed}, {method: POST, path: /tools/denied, tool: denied}]";
    let plan = plan.route(format!("{{name: notes, listener: agent, upstream: notes, protocol: http, {tools}}}"));
    let plan = plan.more("journal: {dir: journal, budget_bytes: 1048576}\ndrain_timeout_ms: 500");
    let plan = match store {
        None => plan.clickhouse_away(),
        Some(store) => {
            plan.folder().write("password", OWNER.1);
            let clickhouse = format!("{{url: 'http://{}', user: {}, password_file: password}}", store.http(), OWNER.0);
            plan.more(format!("audit: {{durability: node, clickhouse: {clickhouse}}}"))
        }
    };
    let sidecar = plan.policy(if policy.0 == "slow" { "time_limit_ms: 50" } else { "time_limit_ms: 5000" }).start_alive("PRODUCTION");
    Bench { policy, disk, sidecar, at, recorder, cases: 0 }
}

fn call(at: SocketAddr, tool: &str, arguments: &Value) -> crate::peers::Answer {
    post_json(at, &format!("/tools/{tool}"), &[("toolgate-permission", "one.two.three")], arguments)
}

fn lost(sidecar: &Sidecar) -> bool {
    let metrics = get(sidecar.admin.clone(), "/metrics").unwrap().text();
    !metrics.lines().any(|line| line == "toolgate_records_lost_total 0")
}

impl Bench<'_> {
    /// Fills the journal, or makes each sync of it fail from here on.
    fn spoil(&self) -> Option<Process> {
        match self.disk {
            Disk::Good => None,
            Disk::Full => {
                let large = json!({"list": (0..300).map(|number| format!("{number:040}")).collect::<Vec<_>>()});
                let full = (0..500).any(|_| call(self.at, "denied", &large).status == 503 || lost(&self.sidecar));
                assert!(full, "{}: a budget of a megabyte is full", self.policy.0);
                None
            }
            Disk::Failing => {
                let mut strace = Command::new("strace");
                strace.args(["-f", "-qq", "-e", "trace=fsync,fdatasync", "-e", "inject=fsync,fdatasync:error=EIO", "-p"]);
                strace.arg(self.sidecar.toolgate.pid().to_string());
                let strace = Process::start("strace", strace, self.sidecar.toolgate.folder());
                until("the journal to be down", SOON, || {
                    call(self.at, "denied", &json!({}));
                    get(self.sidecar.admin.clone(), "/readyz").ok().filter(|ready| ready.text().contains("journal is down"))
                });
                Some(strace)
            }
        }
    }

    /// Calls of both tools, in trouble or without.
    fn case(&mut self, store: Store, trouble: Trouble) {
        let told = format!("policy {}, {:?} disk, ClickHouse {store:?}, {trouble:?}", self.policy.0, self.disk);
        let ended = AtomicBool::new(false);
        let before = self.recorder.received().len();
        std::thread::scope(|scope| {
            if trouble == Trouble::Storm {
                scope.spawn(|| self.storm(&ended));
            }
            let answers = (0..CALLS).map(|_| (call(self.at, "denied", &json!({})), call(self.at, "allowed", &json!({}))));
            for (denied, allowed) in answers.collect::<Vec<_>>() {
                // In a storm the policy is now this one, now a broken one that is not taken: it stays this one.
                let good = self.policy.0 == "good";
                // Without a policy nothing goes through for now; with one, the call is refused.
                let no = if matches!(self.policy.0, "missing" | "broken") { 503 } else { 403 };
                for (answer, code) in [(&denied, no), (&allowed, if good { 200 } else { no })] {
                    // What ClickHouse takes makes room in a full journal.
                    let stuck = self.disk == Disk::Failing || (self.disk == Disk::Full && answer.status != 200);
                    let expected = if code == 200 && stuck { 503 } else { code };
                    assert_eq!(answer.status, expected, "{told}: {answer:?} {}", answer.text());
                    assert!(!header(answer, "toolgate-decision-id").is_empty(), "{told}");
                }
            }
            ended.store(true, Ordering::Relaxed);
        });
        let reached = self.recorder.received().split_off(before);
        assert!(reached.iter().all(|received| received.target == "/tools/allowed"), "{told}: {reached:?}");
        self.cases += 1;
    }

    /// Rewrites the policy's file as fast as it can, every other time with something that does not load.
    fn storm(&self, ended: &AtomicBool) {
        let folder = self.sidecar.toolgate.folder();
        let mut number = 0;
        while !ended.load(Ordering::Relaxed) {
            number += 1;
            let torn = format!("package toolgate\n\ndecision := true {{ {number}\n");
            let whole = self.policy.1.map_or_else(|| torn.clone(), |policy| format!("{policy}# {number}\n"));
            // Whole at once, so that what is read is one or the other.
            let fresh = folder.write("fresh.rego", if number % 2 == 0 { whole } else { torn });
            std::fs::rename(fresh, folder.path().join("policies/toolgate.rego")).unwrap();
        }
    }

    /// Told to end while calls come in: none of them is forwarded that should not be, and it ends.
    fn end(mut self, store: Store) -> usize {
        let told = format!("policy {}, {:?} disk, ClickHouse {store:?}, {:?}", self.policy.0, self.disk, Trouble::End);
        let at = self.at;
        let calling = std::thread::spawn(move || {
            let head = "POST /tools/denied HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
            while let Ok(mut stream) = TcpStream::connect(at) {
                let mut answer = String::new();
                // What is cut off is no answer, and so no permission to do anything.
                let _ = std::io::Write::write_all(&mut stream, head.as_bytes());
                let _ = std::io::Read::read_to_string(&mut stream, &mut answer);
                assert!(!answer.starts_with("HTTP/1.1 200"), "{answer}");
            }
        });
        let code = self.sidecar.end();
        calling.join().unwrap();
        assert!(code.is_some(), "{told}: it ended by itself: {code:?}");
        let reached: BTreeSet<String> = self.recorder.received().into_iter().map(|received| received.target).collect();
        assert!(!reached.contains("/tools/denied"), "{told}");
        assert!(!self.sidecar.toolgate.lines().iter().any(|line| line.contains("panicked")), "{told}");
        self.cases + 1
    }
}

/// Every policy, store and trouble with one kind of disk.
fn with(disk: Disk) {
    let (recorder, store) = (Recorder::start(), ClickHouse::start());
    let migrated = start(POLICIES[4], Disk::Good, Some(&store), &recorder);
    let output = command(migrated.sidecar.toolgate.folder().path(), &["migrate"], &[("SOMA_AGENT_MODE", "PRODUCTION")]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    drop(migrated);
    let mut cases = 0;
    for policy in POLICIES {
        for near in [true, false] {
            let mut bench = start(policy, disk, near.then_some(&store), &recorder);
            // A ClickHouse that takes records would make room as fast as they come.
            store.stop();
            let strace = bench.spoil();
            store.cont();
            let stores: &[Store] = if near { &[Store::Up, Store::Frozen] } else { &[Store::Away] };
            for state in stores {
                if *state == Store::Frozen {
                    store.stop();
                }
                for trouble in [Trouble::Calm, Trouble::Storm] {
                    bench.case(*state, trouble);
                }
            }
            drop(strace);
            cases += bench.end(stores[stores.len() - 1]);
            store.cont();
        }
    }
    assert_eq!(cases, POLICIES.len() * 8);
}

#[test]
fn nothing_denied_leaves_on_a_good_disk() {
    with(Disk::Good);
}

#[test]
fn nothing_at_all_leaves_with_a_full_journal() {
    with(Disk::Full);
}

#[test]
fn nothing_at_all_leaves_with_a_failing_disk() {
    with(Disk::Failing);
}
