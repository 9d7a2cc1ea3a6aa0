//! The worst of each neighbour together: whatever the policy, the journal, ClickHouse and the machine do, and whatever happens meanwhile, `fail_closed`
//! forwards nothing that is not allowed and recorded. Any two faults meet in some case; with `make soak`, any three.

use super::covering::covering;
use super::neighbours::{Disk, Ground, Policy, Room, Store, Trouble};
use crate::peers::{Answer, Received, get, post, until};
use crate::sidecar::{Plan, Sidecar, header};
use crate::soak;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// For what a sidecar does by itself.
const SOON: Duration = Duration::from_secs(60);
/// Calls of each tool in one case, unless the sidecar ends meanwhile.
const CALLS: usize = 3;
/// Cases at once, each on a ground of its own: most of the time one waits for another process.
const WORKERS: usize = 3;
const TOOLS: [&str; 2] = ["denied", "allowed"];
/// Where memory is short, calls of each tool at once, and the text in each: just below a body's limit.
const CROWD: usize = 8;
const LARGE: usize = 1_000_000;

/// One sidecar and all that is wrong around it.
#[derive(Clone, Copy, Debug)]
struct Case {
    policy: Policy,
    store: Store,
    disk: Disk,
    room: Room,
    trouble: Trouble,
}

/// What happened in a case.
struct Seen {
    answers: Vec<(&'static str, Answer)>,
    /// Calls without an answer.
    unanswered: usize,
    reached: Vec<Received>,
}

impl Case {
    /// Any `strength` faults together; and once more under the policy that lets calls through, since that is where one could pass unseen.
    fn all(strength: usize) -> Vec<Case> {
        let rest = [Store::ALL.len(), Disk::ALL.len(), Room::ALL.len(), Trouble::ALL.len()];
        let whole = covering(&[&[Policy::ALL.len()][..], &rest].concat(), strength);
        let good = Policy::ALL.iter().position(|policy| *policy == Policy::Good).unwrap();
        let with_good = covering(&rest, strength).into_iter().map(|row| [&[good][..], &row].concat());
        let rows: BTreeSet<Vec<usize>> = whole.into_iter().chain(with_good).collect();
        let case = |row: Vec<usize>| Case {
            policy: Policy::ALL[row[0]],
            store: Store::ALL[row[1]],
            disk: Disk::ALL[row[2]],
            room: Room::ALL[row[3]],
            trouble: Trouble::ALL[row[4]],
        };
        rows.into_iter().map(case).collect()
    }

    /// The whole case; the faults that were felt.
    fn run(self, ground: &Ground) -> Vec<&'static str> {
        self.store.spoil(&ground.clickhouse);
        let (mut sidecar, at) = self.start(ground);
        if let Some(complaint) = self.store.complaint() {
            sidecar.toolgate.await_line(0, complaint);
        }
        let strace = self.spoil_disk(&sidecar, at, ground);
        let before = ground.recorder.received().len();
        let narrowed = self.room.narrow(sidecar.toolgate.pid());
        let (answers, unanswered) = self.calls(&sidecar, at);
        drop(narrowed);
        // One that is told to end, or lacks memory, may be gone.
        let lost = lost(&sidecar);
        drop(strace);
        if self.trouble != Trouble::End && lost.is_some() {
            sidecar.toolgate.kill9();
        }
        let code = sidecar.toolgate.wait(SOON);
        self.store.mend(&ground.clickhouse);
        let seen = Seen { answers, unanswered, reached: ground.recorder.received().split_off(before) };
        let aborted = code.signal() == Some(6);
        assert!(!aborted || self.room == Room::Memory, "{self:?}: {code}");
        // Without memory for a thread there is none to go on either.
        assert!(aborted || !sidecar.toolgate.lines().iter().any(|line| line.contains("panicked")), "{self:?}");
        assert!(aborted || code.code().is_some() || self.trouble != Trouble::End && lost.is_some(), "{self:?}: it ended by itself: {code}");
        assert!(seen.unanswered == 0 || aborted || self.trouble == Trouble::End, "{self:?}: {} unanswered", seen.unanswered);
        self.judge(&seen);
        self.accounts(&sidecar, &seen, lost);
        let statuses: BTreeSet<u16> = seen.answers.iter().map(|(_, answer)| answer.status).collect();
        let felt = [
            ("no memory", aborted),
            ("no descriptor", seen.answers.iter().any(|(_, answer)| answer.text().contains("system.open_files"))),
            ("no record", lost.is_some_and(|lost| lost > 0)),
            ("forwarded", statuses.contains(&200)),
            ("told to end", self.trouble == Trouble::End && !seen.answers.is_empty()),
        ];
        felt.into_iter().filter_map(|(fault, felt)| felt.then_some(fault)).collect()
    }

    fn start(self, ground: &Ground) -> (Sidecar, SocketAddr) {
        let (plan, at) =
            Plan::new("matrix", self.policy.text().unwrap_or_default()).upstream("notes", ground.recorder.address()).loopback("agent");
        if self.policy.text().is_none() {
            std::fs::remove_file(plan.folder().path().join("policies/toolgate.rego")).unwrap();
        }
        let tools = TOOLS.map(|tool| format!("{{method: POST, path: /tools/{tool}, tool: {tool}}}")).join(", ");
        let (clickhouse, password) = self.store.place(ground);
        plan.folder().write("password", password);
        let clickhouse = format!("{{url: 'http://{clickhouse}', user: toolgate, password_file: password, request_timeout_ms: 500}}");
        let delivery = "{batch_age_ms: 20, retry_ms: 20, retry_ms_max: 200}";
        let plan = plan
            .route(format!("{{name: notes, listener: agent, upstream: notes, protocol: http, tools: [{tools}]}}"))
            .more(format!("journal: {{dir: journal, budget_bytes: {}, commit_deadline_ms: 30000}}", self.disk.budget_bytes()))
            .more("drain_timeout_ms: 500")
            .more(format!("audit: {{durability: node, clickhouse: {clickhouse}, delivery: {delivery}}}"))
            .policy(format!("time_limit_ms: {}", self.policy.time_limit_ms()))
            // The allocator asks the system for what it needs, not for a gigabyte at once.
            .env("MIMALLOC_ARENA_RESERVE", "8MiB");
        (plan.start_alive("PRODUCTION"), at)
    }

    /// Fills the journal, or makes each of its system calls fail from here on.
    fn spoil_disk(self, sidecar: &Sidecar, at: SocketAddr, ground: &Ground) -> Option<crate::peers::Process> {
        let denied = |arguments: &serde_json::Value| call(at, "denied", arguments.to_string()).unwrap();
        if self.disk == Disk::BudgetSpent {
            let large = json!({"list": (0..300).map(|number| format!("{number:040}")).collect::<Vec<_>>()});
            // A ClickHouse that takes records would make room as fast as they come.
            if self.store == Store::Up {
                ground.clickhouse.stop();
            }
            // What is refused uses up its own part; what is allowed, where something is, everything.
            let full = (0..500).any(|_| {
                if self.policy == Policy::Good {
                    return call(at, "allowed", large.to_string()).unwrap().status == 503;
                }
                denied(&large);
                lost(sidecar) > Some(0)
            });
            while self.policy == Policy::Good && call(at, "allowed", "{}".to_owned()).unwrap().status != 503 {}
            if self.store == Store::Up {
                ground.clickhouse.cont();
            }
            assert!(full, "{self:?}: a budget of a megabyte is spent");
            return None;
        }
        let strace = self.disk.inject(sidecar)?;
        until("the journal to take nothing more", SOON, || {
            denied(&json!({}));
            (lost(sidecar) > Some(0)).then_some(())
        });
        Some(strace)
    }

    /// Calls of both tools, while what is to happen happens; and how many of them got no answer.
    fn calls(self, sidecar: &Sidecar, at: SocketAddr) -> (Vec<(&'static str, Answer)>, usize) {
        let body = match self.room {
            Room::Memory => json!({"text": "x".repeat(LARGE)}),
            Room::Ample | Room::Descriptors | Room::Processor | Room::Halted => json!({}),
        };
        let (body, over) = (body.to_string(), AtomicBool::new(false));
        let at_once = if self.room == Room::Memory { CROWD } else { 1 };
        let (mut answers, mut unanswered) = (Vec::new(), 0);
        std::thread::scope(|scope| {
            if self.trouble == Trouble::Storm {
                scope.spawn(|| self.storm(sidecar, &over));
            }
            for round in 0.. {
                if self.trouble == Trouble::End && round == 1 {
                    sidecar.toolgate.sigterm();
                }
                let tools = TOOLS.into_iter().cycle().take(TOOLS.len() * at_once);
                let made = |tool| {
                    let body = body.clone();
                    scope.spawn(move || call(at, tool, body).map(|answer| (tool, answer)))
                };
                let made: Vec<_> = tools.map(made).collect();
                let made: Vec<_> = made.into_iter().map(|call| call.join().unwrap()).collect();
                let enough = self.trouble != Trouble::End && (round + 1) * at_once >= CALLS;
                let more = made.iter().all(Result::is_ok) && !enough;
                unanswered += made.iter().filter(|made| made.is_err()).count();
                answers.extend(made.into_iter().flatten());
                if !more {
                    break;
                }
            }
            over.store(true, Ordering::Relaxed);
        });
        (answers, unanswered)
    }

    /// Rewrites the policy's file as fast as it can, every other time with something that does not load.
    fn storm(self, sidecar: &Sidecar, over: &AtomicBool) {
        let folder = sidecar.toolgate.folder();
        let mut number = 0;
        while !over.load(Ordering::Relaxed) {
            number += 1;
            let torn = format!("package toolgate\n\ndecision := true {{ {number}\n");
            let whole = self.policy.text().map_or_else(|| torn.clone(), |policy| format!("{policy}# {number}\n"));
            // Whole at once, so that what is read is one or the other.
            let fresh = folder.write("fresh.rego", if number % 2 == 0 { whole } else { torn });
            std::fs::rename(fresh, folder.path().join("policies/toolgate.rego")).unwrap();
        }
    }

    /// The statuses that a call of this tool may have.
    fn expected(self, tool: &str) -> Vec<u16> {
        let mut statuses = self.by_the_table(tool);
        if self.room == Room::Descriptors {
            // Who calls from this machine is asked of the kernel through a descriptor, of which there is none either.
            statuses.push(503);
        }
        statuses
    }

    fn by_the_table(self, tool: &str) -> Vec<u16> {
        if tool == "denied" || self.policy != Policy::Good {
            return vec![403];
        }
        let mut statuses = match self.disk {
            Disk::Good => vec![200],
            // What ClickHouse takes makes room.
            Disk::BudgetSpent if self.store.takes() => vec![200, 503],
            Disk::BudgetSpent | Disk::Failing | Disk::NoSpace | Disk::ReadOnly => vec![503],
        };
        if self.room == Room::Descriptors && self.disk == Disk::Good {
            statuses.extend([502, 503]);
        }
        statuses
    }

    /// Every answer is one of the table's, and nothing arrived but what was allowed.
    fn judge(self, seen: &Seen) {
        for (tool, answer) in &seen.answers {
            assert!(self.expected(tool).contains(&answer.status), "{self:?}: {tool}: {}", answer.text());
            assert!(!header(answer, "toolgate-decision-id").is_empty(), "{self:?}: {}", answer.text());
        }
        let may_arrive = |received: &Received| self.policy == Policy::Good && received.target == "/tools/allowed";
        assert!(seen.reached.iter().all(may_arrive), "{self:?}: {:?}", seen.reached);
    }

    /// What arrived was recorded before; what was refused is recorded, or counted as lost where the journal takes nothing.
    fn accounts(self, sidecar: &Sidecar, seen: &Seen, lost: Option<usize>) {
        let records = sidecar.records();
        let decided = |done: &str| -> BTreeSet<String> {
            let of = records
                .iter()
                .map(|record| &record["envelope"])
                .filter(|envelope| envelope["kind"] == "decision" && envelope["done"] == done);
            of.map(|envelope| envelope["call"].as_str().unwrap().to_owned()).collect()
        };
        let (forwarded, refused) = (decided("forward"), decided("refuse"));
        for received in &seen.reached {
            assert!(forwarded.contains(&received.decision_id), "{self:?}: arrived without a record: {received:?}");
        }
        let answered = seen.answers.iter().map(|(_, answer)| header(answer, "toolgate-decision-id"));
        let missing = answered.filter(|id| !forwarded.contains(id) && !refused.contains(id)).count();
        let counted = lost.unwrap_or_else(|| match sidecar.toolgate.lines().iter().any(|line| line.contains("could not be recorded")) {
            true => usize::MAX,
            false => 0,
        });
        assert!(missing <= counted, "{self:?}: {missing} refusals without a record, {counted} of them counted");
        assert!(missing == 0 || self.disk != Disk::Good, "{self:?}: {missing} refusals without a record on a good disk");
    }
}

fn call(at: SocketAddr, tool: &str, arguments: String) -> std::io::Result<Answer> {
    let headers = [("content-type", "application/json"), ("toolgate-permission", "one.two.three")];
    post(at, &format!("/tools/{tool}"), &headers, arguments)
}

/// Records that were lost, as the sidecar counts them, if it is there.
fn lost(sidecar: &Sidecar) -> Option<usize> {
    let metrics = get(sidecar.admin.clone(), "/metrics").ok()?.text();
    Some(metrics.lines().find_map(|line| line.strip_prefix("toolgate_records_lost_total ")).unwrap().parse().unwrap())
}

#[test]
fn whatever_fails_together_fail_closed_forwards_nothing_that_is_not_allowed_and_recorded() {
    let cases = Case::all(if soak::time().is_some() { 3 } else { 2 });
    let (next, felt) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                let ground = Ground::start();
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    for fault in case.run(&ground) {
                        *felt.lock().unwrap().entry(fault).or_insert(0) += 1;
                    }
                }
            });
        }
    });
    let felt = felt.into_inner().unwrap();
    println!("{} cases, of which felt: {felt:?}", cases.len());
    for fault in ["no memory", "no descriptor", "no record", "forwarded", "told to end"] {
        assert!(felt.contains_key(fault), "no case had `{fault}`: {felt:?}");
    }
}
