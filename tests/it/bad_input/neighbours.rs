//! What can be wrong around a sidecar: each fault by its name, how it is made, how it is undone. Knows no order of faults and no answer.

use crate::notes;
use crate::peers::{ClickHouse, OWNER, Process, Recorder, free_port};
use crate::sidecar::Sidecar;
use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};
use std::net::SocketAddr;
use std::process::Command;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// A halt of the whole process.
const HALT: Duration = Duration::from_millis(500);
/// A tenth of a processor: so long it stands still, so long it runs.
const TENTH: [Duration; 2] = [Duration::from_millis(45), Duration::from_millis(5)];

/// A policy by its fault; only the good one allows anything, and that one tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Policy {
    Missing,
    Broken,
    Slow,
    Failing,
    Misshapen,
    Greedy,
    Good,
}

/// ClickHouse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Store {
    Up,
    Away,
    Frozen,
    Slow,
    Refusing,
    Full,
}

/// The journal's disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Disk {
    Good,
    BudgetSpent,
    Failing,
    NoSpace,
    ReadOnly,
}

/// What the process may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    Ample,
    Memory,
    Descriptors,
    Processor,
    Halted,
}

/// What happens while calls come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    Calm,
    Storm,
    End,
}

impl Policy {
    pub(super) const ALL: [Policy; 7] =
        [Policy::Missing, Policy::Broken, Policy::Slow, Policy::Failing, Policy::Misshapen, Policy::Greedy, Policy::Good];

    /// Its file, if there is one.
    pub(super) fn text(self) -> Option<&'static str> {
        let body = match self {
            Policy::Missing => return None,
            Policy::Broken => "package toolgate\n\ndecision := \n",
            Policy::Slow => {
                "package toolgate\n\ndecision if {\n\tsome i in numbers.range(1, 9000)\n\tsome j in numbers.range(1, 9000)\n\ti * j == -1\n}\n"
            }
            Policy::Failing => "package toolgate\n\ndecision := to_number(input.call.tool) == 1\n",
            Policy::Misshapen => {
                "package toolgate\n\ndecision := object.get({\"denied\": [true], \"allowed\": \"yes\"}, input.call.tool, false)\n"
            }
            Policy::Greedy => {
                "package toolgate\n\ndecision if {\n\tall := [sprintf(\"%064d\", [i * j]) | some i in numbers.range(1, 9000); some j in numbers.range(1, 9000)]\n\tcount(all) > 0\n}\n"
            }
            Policy::Good => "package toolgate\n\ndecision := input.call.tool == \"allowed\"\n",
        };
        Some(body)
    }

    /// How long one evaluation may take.
    pub(super) fn time_limit_ms(self) -> u64 {
        match self {
            Policy::Slow => 50,
            Policy::Greedy => 300,
            Policy::Missing | Policy::Broken | Policy::Failing | Policy::Misshapen | Policy::Good => 5_000,
        }
    }
}

/// Where calls go and where records go, for one case after the other.
pub(super) struct Ground {
    pub(super) recorder: Recorder,
    pub(super) clickhouse: ClickHouse,
}

impl Ground {
    pub(super) fn start() -> Ground {
        let ground = Ground { recorder: Recorder::start(), clickhouse: ClickHouse::start() };
        notes::make_tables(&ground.clickhouse);
        ground
    }
}

impl Store {
    pub(super) const ALL: [Store; 6] = [Store::Up, Store::Away, Store::Frozen, Store::Slow, Store::Refusing, Store::Full];

    /// Whether records reach it, sooner or later.
    pub(super) fn takes(self) -> bool {
        matches!(self, Store::Up | Store::Slow)
    }

    /// Where a sidecar looks for it, and the password that it has.
    pub(super) fn place(self, ground: &Ground) -> (SocketAddr, &'static str) {
        match self {
            Store::Away => (SocketAddr::from(([127, 0, 0, 1], free_port())), OWNER.1),
            Store::Refusing => (ground.clickhouse.http(), "wrong"),
            Store::Up | Store::Frozen | Store::Slow | Store::Full => (ground.clickhouse.http(), OWNER.1),
        }
    }

    /// Makes it so.
    pub(super) fn spoil(self, clickhouse: &ClickHouse) {
        match self {
            Store::Up | Store::Away | Store::Refusing => {}
            Store::Frozen => clickhouse.stop(),
            Store::Slow => {
                ask(clickhouse, "CREATE TABLE IF NOT EXISTS toolgate.slow (one UInt8) ENGINE = ReplacingMergeTree ORDER BY one");
                ask(
                    clickhouse,
                    "CREATE MATERIALIZED VIEW toolgate.slowly TO toolgate.slow AS SELECT sleep(1) AS one FROM toolgate.audit_events",
                );
            }
            Store::Full => {
                ask(
                    clickhouse,
                    "ALTER TABLE toolgate.audit_events MODIFY SETTING min_free_disk_bytes_to_perform_insert = 1000000000000000000",
                );
            }
        }
    }

    /// Undoes it.
    pub(super) fn mend(self, clickhouse: &ClickHouse) {
        match self {
            Store::Up | Store::Away | Store::Refusing => {}
            Store::Frozen => clickhouse.cont(),
            Store::Slow => ask(clickhouse, "DROP VIEW toolgate.slowly SYNC"),
            Store::Full => ask(clickhouse, "ALTER TABLE toolgate.audit_events RESET SETTING min_free_disk_bytes_to_perform_insert"),
        }
    }

    /// What the sidecar says of it in its log.
    pub(super) fn complaint(self) -> Option<&'static str> {
        match self {
            Store::Up => None,
            Store::Away => Some("cannot reach ClickHouse"),
            Store::Frozen | Store::Slow => Some("no whole answer from ClickHouse"),
            Store::Refusing => Some("ClickHouse refused with code 516"),
            Store::Full => Some("ClickHouse refused with code 243"),
        }
    }
}

fn ask(clickhouse: &ClickHouse, statement: &str) {
    clickhouse.query(OWNER, statement).unwrap_or_else(|why| panic!("{statement}: {why}"));
}

impl Disk {
    pub(super) const ALL: [Disk; 5] = [Disk::Good, Disk::BudgetSpent, Disk::Failing, Disk::NoSpace, Disk::ReadOnly];

    /// What the journal may use: as little as there is where it is to be spent, elsewhere more than any case needs for what it refuses.
    pub(super) fn budget_bytes(self) -> u64 {
        match self {
            Disk::BudgetSpent => 1 << 20,
            Disk::Good | Disk::Failing | Disk::NoSpace | Disk::ReadOnly => 64 << 20,
        }
    }

    /// From here on the system calls of the journal's files fail, for as long as what is returned lives.
    pub(super) fn inject(self, sidecar: &Sidecar) -> Option<Process> {
        let (calls, error) = match self {
            Disk::Good | Disk::BudgetSpent => return None,
            Disk::Failing => ("fsync,fdatasync", "EIO"),
            Disk::NoSpace => ("write,pwrite64", "ENOSPC"),
            Disk::ReadOnly => ("write,pwrite64", "EROFS"),
        };
        let folder = sidecar.toolgate.folder();
        let mut strace = Command::new("strace");
        strace.args(["-f", "-qq", "-e", &format!("trace={calls}"), "-e", &format!("inject={calls}:error={error}")]);
        for file in ["journal.db", "journal.db-wal"] {
            strace.arg("-P").arg(folder.path().canonicalize().unwrap().join("journal").join(file));
        }
        strace.args(["-p", &sidecar.toolgate.pid().to_string()]);
        Some(Process::start("strace", strace, folder))
    }
}

impl Room {
    pub(super) const ALL: [Room; 5] = [Room::Ample, Room::Memory, Room::Descriptors, Room::Processor, Room::Halted];

    /// The sidecar has so little of it until what is returned is dropped.
    pub(super) fn narrow(self, pid: u32) -> Narrowed {
        let process = Pid::from_raw(pid.cast_signed()).unwrap();
        let limited = |resource, name, current| {
            let old = limit(pid, name);
            prlimit(Some(process), resource, Rlimit { current: Some(current), ..old }).unwrap();
            Narrowed { process, limit: Some((resource, old)), pulse: None }
        };
        let pulsed = |pauses: fn(u32) -> [Duration; 2]| Narrowed { process, limit: None, pulse: Some(pulse(process, pauses)) };
        match self {
            Room::Ample => Narrowed { process, limit: None, pulse: None },
            // What it has reserved, and a fifth of what it really uses at rest.
            Room::Memory => limited(Resource::As, "Max address space", (kib(pid, "VmSize:") + kib(pid, "VmRSS:") / 5) << 10),
            // Room for a call, and none for its way on.
            Room::Descriptors => {
                limited(Resource::Nofile, "Max open files", std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count() as u64 + 1)
            }
            Room::Processor => pulsed(|_| TENTH),
            Room::Halted => pulsed(|turn| [if turn == 0 { HALT } else { Duration::ZERO }, Duration::from_secs(3600)]),
        }
    }
}

fn kib(pid: u32, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let value = status.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next()?.parse().ok());
    value.unwrap_or_else(|| panic!("no {name} in {status}"))
}

/// The limit that `/proc` calls so.
fn limit(pid: u32, name: &str) -> Rlimit {
    let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let line = limits.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("no {name} in {limits}"));
    let mut values = line.split_whitespace().map(|value| value.parse().ok());
    Rlimit { current: values.next().unwrap(), maximum: values.next().unwrap() }
}

/// Undone on drop.
pub(super) struct Narrowed {
    process: Pid,
    limit: Option<(Resource, Rlimit)>,
    pulse: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Drop for Narrowed {
    fn drop(&mut self) {
        // It may be gone, and has no limit then.
        if let Some((resource, old)) = self.limit.take() {
            let _ = prlimit(Some(self.process), resource, old);
        }
        if let Some((stop, thread)) = self.pulse.take() {
            drop(stop);
            thread.join().unwrap();
        }
    }
}

/// Stops and continues the process in turn, for so long each, until the sender is dropped: it runs then.
fn pulse(process: Pid, pauses: fn(u32) -> [Duration; 2]) -> (Sender<()>, JoinHandle<()>) {
    let (stop, stopped) = channel::<()>();
    let (began, begun) = channel();
    let thread = std::thread::spawn(move || {
        // A process that is gone needs no signal.
        let send = |signal| {
            let _ = kill_process(process, signal);
        };
        for turn in 0.. {
            let [still, running] = pauses(turn);
            send(Signal::STOP);
            // Whoever waits for the first halt waits once.
            let _ = began.send(());
            let over = stopped.recv_timeout(still);
            send(Signal::CONT);
            if over == Err(RecvTimeoutError::Disconnected) || stopped.recv_timeout(running) == Err(RecvTimeoutError::Disconnected) {
                return;
            }
        }
    });
    begun.recv().unwrap();
    (stop, thread)
}

impl Trouble {
    pub(super) const ALL: [Trouble; 3] = [Trouble::Calm, Trouble::Storm, Trouble::End];
}
