//! The figures, each as a ratio or a difference of what was measured side by side in this run.

use crate::Failure;
use crate::load::Call;
use crate::process::MEASURED;
use crate::sample::{Load, Round, Subject, alternate, median, middle, paired};
use crate::table::Asked::{AtLeast, AtMost, Nothing};
use crate::table::Table;
use crate::toolgate::{Setting, Toolgate};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(2);
const STARTS: usize = 9;
const KIB: usize = 1024;

/// What is measured so far.
pub(crate) struct Figures<'a> {
    pub(crate) table: Table,
    bare: &'a Subject<'a>,
}

/// What `journal-load` said: appends a second, and the median of one in microseconds.
struct Commits {
    rate: f64,
    p50_us: f64,
}

impl<'a> Figures<'a> {
    /// Against this proxy.
    pub(crate) fn new(bare: &'a Subject<'a>) -> Self {
        Self { table: Table::default(), bare }
    }

    /// The policy alone, on stories of the default policy.
    pub(crate) fn evaluation(&mut self, programs: &Path, root: &Path) -> Result<(), Failure> {
        let mut command = Command::new("taskset");
        command.args(["-c", MEASURED]).arg(programs.join("evaluation")).arg(root).env("RUST_LIB_BACKTRACE", "0");
        let done = command.output()?;
        let said = String::from_utf8(done.stdout)?;
        for line in said.lines() {
            let (story, micros) = line.split_once(' ').ok_or("a line of `evaluation` does not read")?;
            self.table.add(&format!("evaluation of {story}"), AtMost(60.0), micros.trim().parse()?, "us", "median of short batches", None);
        }
        if said.is_empty() { Err(String::from_utf8_lossy(&done.stderr).into_owned().into()) } else { Ok(()) }
    }

    /// From the start of the process until it may be called.
    pub(crate) fn readiness(&mut self, setting: &Setting<'_>) -> Result<(), Failure> {
        let (mut wall, mut ran, mut waited) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..STARTS {
            let started = setting.start("start", "LOCAL", &setting.folder.join("start"))?;
            let spent = started.process.spent()?;
            wall.push(started.ready_after.as_secs_f64() * 1e3);
            ran.push(spent.ran * 1e3);
            waited.push(spent.waited / started.ready_after.as_secs_f64());
        }
        let waited = median(waited);
        self.table.add("ready after start", AtMost(150.0), median(wall), "ms", "one core, new journal", Some(waited));
        self.table.add("ready after start, processor time", Nothing, median(ran), "ms", "what it would be on an idle core", None);
        Ok(())
    }

    /// Resident memory before the first call.
    pub(crate) fn idle(&mut self, toolgate: &Toolgate) -> Result<(), Failure> {
        self.table.add("resident memory, idle", AtMost(25.0), toolgate.process.mebibytes("VmRSS")?, "MiB", "VmRSS", None);
        Ok(())
    }

    /// The most resident memory since the start.
    pub(crate) fn loaded(&mut self, level: &str, toolgate: &Toolgate) -> Result<(), Failure> {
        let name = format!("resident memory under load, {level}");
        self.table.add(&name, AtMost(60.0), toolgate.process.mebibytes("VmHWM")?, "MiB", "VmHWM", None);
        Ok(())
    }

    /// The level `warn`: throughput, and latency at half of saturation.
    pub(crate) async fn warn(&mut self, disk: &Subject<'_>, ram: &Subject<'_>) -> Result<(), Failure> {
        let (call, all) = (Call::new(KIB), [self.bare, disk, ram]);
        let rounds = alternate(&all, Load::FlatOut(32), ROUND, ROUNDS, &call).await?;
        let [bare, on_disk, in_ram] = rounds.as_slice() else { return Err("three subjects give three results".into()) };
        let rates = |left: &Round, right: &Round| left.times.rate() / right.times.rate();
        let cpu = |left: &Round, right: &Round| left.cpu_us / right.cpu_us;
        let how = format!(
            "{:.0} of {:.0} calls/s, 32 clients",
            middle(on_disk, |round| round.times.rate()),
            middle(bare, |round| round.times.rate())
        );
        self.table.add("warn: throughput to bare proxy", AtLeast(0.5), paired(on_disk, bare, rates), "ratio", &how, waited(on_disk));
        let how = format!("{:.0} calls/s", middle(in_ram, |round| round.times.rate()));
        self.table.add("warn: the same, journal in memory", Nothing, paired(in_ram, bare, rates), "ratio", &how, waited(in_ram));
        let how = format!("{:.0} and {:.0} us a call", middle(bare, |round| round.cpu_us), middle(on_disk, |round| round.cpu_us));
        self.table.add("warn: calls per processor second to bare", AtLeast(0.5), paired(bare, on_disk, cpu), "ratio", &how, waited(bare));

        let rate = middle(on_disk, |round| round.times.rate()) / 2.0;
        let rounds = alternate(&all, Load::Steady(rate), ROUND, ROUNDS, &call).await?;
        let [bare, on_disk, in_ram] = rounds.as_slice() else { return Err("three subjects give three results".into()) };
        for (name, part, limit) in [("p50", 0.5, 0.3), ("p99", 0.99, 1.0)] {
            let added = |left: &Round, right: &Round| (left.times.at(part) - right.times.at(part)) / 1e3;
            let how = |rounds| {
                format!(
                    "{:.2} ms, bare {:.2} ms, at {rate:.0} calls/s",
                    middle(rounds, |round| round.times.at(part)) / 1e3,
                    middle(bare, |round| round.times.at(part)) / 1e3
                )
            };
            self.table.add(
                &format!("warn: added {name} at half load"),
                AtMost(limit),
                paired(on_disk, bare, added),
                "ms",
                &how(on_disk),
                waited(on_disk),
            );
            self.table.add(
                &format!("warn: added {name}, journal in memory"),
                Nothing,
                paired(in_ram, bare, added),
                "ms",
                &how(in_ram),
                waited(in_ram),
            );
        }
        Ok(())
    }

    /// What longer arguments cost.
    pub(crate) async fn sizes(&mut self, toolgate: &Subject<'_>) -> Result<(), Failure> {
        let (mut small, mut large) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            small.push(toolgate.round(Load::FlatOut(16), ROUND, &Call::new(KIB)).await?);
            large.push(toolgate.round(Load::FlatOut(16), ROUND, &Call::new(10 * KIB)).await?);
        }
        let how = format!("{:.0} and {:.0} us a call", middle(&small, |round| round.cpu_us), middle(&large, |round| round.cpu_us));
        let cpu = paired(&large, &small, |large, small| large.cpu_us / small.cpu_us);
        self.table.add("10 KB to 1 KB of arguments, processor time", AtMost(2.0), cpu, "ratio", &how, waited(&large));
        let rate = paired(&small, &large, |small, large| small.times.rate() / large.times.rate());
        self.table.add("10 KB to 1 KB of arguments, time a call", AtMost(2.0), rate, "ratio", "16 clients flat out", waited(&large));
        Ok(())
    }

    /// The level `fail_closed`: against one commit of the journal, and against what groups of commits allow.
    pub(crate) async fn fail_closed(&mut self, toolgate: &Subject<'_>, programs: &Path, folder: &Path) -> Result<(), Failure> {
        let call = Call::new(KIB);
        for clients in [1, 64] {
            let (mut bare, mut closed, mut commits) = (Vec::new(), Vec::new(), Vec::new());
            for _ in 0..ROUNDS {
                bare.push(self.bare.round(Load::FlatOut(clients), ROUND, &call).await?);
                closed.push(toolgate.round(Load::FlatOut(clients), ROUND, &call).await?);
                commits.push(journal(programs, folder, clients)?);
            }
            let commit = median(commits.iter().map(|commits| commits.p50_us)) / 1e3;
            let added = paired(&closed, &bare, |closed, bare| (closed.times.at(0.5) - bare.times.at(0.5)) / 1e3);
            if clients == 1 {
                let how = format!(
                    "added {added:.2} ms, a commit {commit:.2} ms, bare {:.2} ms",
                    middle(&bare, |round| round.times.at(0.5)) / 1e3
                );
                self.table.add("fail_closed: added p50 beyond one commit", AtMost(0.3), added - commit, "ms", &how, waited(&closed));
                continue;
            }
            let (rate, alone) = (middle(&closed, |round| round.times.rate()), median(commits.iter().map(|commits| commits.rate)));
            let how = format!("{rate:.0} calls/s, the journal alone {alone:.0} appends/s, 64 clients");
            let asked = if rate >= 5000.0 { Nothing } else { AtLeast(0.8) };
            self.table.add("fail_closed: calls to commits of the journal", asked, rate / alone, "ratio", &how, waited(&closed));
            let cpu = middle(&closed, |round| round.cpu_us);
            self.table.add(
                "fail_closed: calls per processor second",
                AtLeast(5000.0),
                1e6 / cpu,
                "calls/s",
                &format!("{cpu:.0} us a call"),
                waited(&closed),
            );
        }
        Ok(())
    }
}

fn waited(rounds: &[Round]) -> Option<f64> {
    Some(middle(rounds, |round| round.waited))
}

/// The journal alone, on the same core and the same disk.
fn journal(programs: &Path, folder: &Path, clients: usize) -> Result<Commits, Failure> {
    let place = folder.join("journal-load");
    let _ = std::fs::remove_dir_all(&place);
    let mut command = Command::new("taskset");
    command.args(["-c", MEASURED]).arg(programs.join("journal-load")).arg(&place).args([
        &clients.to_string(),
        &ROUND.as_secs().to_string(),
        "1024",
    ]);
    let said = String::from_utf8(command.output()?.stderr)?;
    let between =
        |before: &str, after: &str| said.split_once(before).and_then(|(_, rest)| rest.split_once(after)).map(|(found, _)| found.trim());
    let (Some(rate), Some(p50)) = (between("clients:", "appends/s"), between("p50", ",")) else { return Err(said.into()) };
    Ok(Commits { rate: rate.parse()?, p50_us: in_micros(p50)? })
}

/// Reads `1.5ms` or `870.1µs`.
fn in_micros(text: &str) -> Result<f64, Failure> {
    let (number, scale) = match text.strip_suffix("ms") {
        Some(number) => (number, 1e3),
        None => match text.strip_suffix("\u{b5}s") {
            Some(number) => (number, 1.0),
            None => (text.trim_end_matches('s'), 1e6),
        },
    };
    Ok(number.parse::<f64>()? * scale)
}
