//! The end that nobody planned: kill -9 and failing disks under a real load of another process.

use crate::trail::{all, assert_whole, once, outcomes, rows, settings};
use std::io::{BufRead, BufReader, Lines};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

const LOAD: &str = env!("CARGO_BIN_EXE_journal-load");

/// A load on `dir` of at most `seconds` that says what was acknowledged, started by `with`.
fn load(with: &[&str], dir: &Path, seconds: &str) -> (Child, Lines<BufReader<ChildStdout>>) {
    let mut words = with.iter().copied().chain([LOAD]);
    let mut child = Command::new(words.next().unwrap())
        .args(words)
        .arg(dir.join("journal"))
        .args(["16", seconds, "300", "tell"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    (child, lines)
}

/// The call of a whole line; the last one may have been cut.
fn acknowledged(line: &str) -> Option<String> {
    let (call, seq) = line.strip_prefix("ack ")?.split_once(' ')?;
    seq.parse::<u64>().ok()?;
    Some(call.to_owned())
}

/// Everything that was acknowledged is there; every decision of a process that is gone has one outcome.
fn assert_kept(dir: &Path, told: &[String]) -> usize {
    let settings = settings(dir);
    once(&settings);
    let records = all(&settings);
    assert_whole(&records);
    let rows = rows(&settings);
    let decided: Vec<_> = rows.iter().filter(|row| row.kind == "decision").map(|row| row.call.clone().unwrap()).collect();
    let outcomes = outcomes(&rows);
    for call in told {
        assert!(decided.contains(call), "{call} was acknowledged and is gone");
    }
    for call in &decided {
        assert_eq!(outcomes.get(call).map(Vec::len), Some(1), "{call} ended {:?}", outcomes.get(call));
    }
    outcomes.values().filter(|words| words[0] == "unknown").count()
}

#[test]
fn kill_at_any_moment_loses_nothing_that_was_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let (mut told, mut unknown) = (Vec::new(), 0);
    for round in 0..8_usize {
        let (mut child, mut lines) = load(&[], dir.path(), "60");
        told.extend(lines.by_ref().take(40 + round * 37).map_while(Result::ok).filter_map(|line| acknowledged(&line)));
        child.kill().unwrap();
        child.wait().unwrap();
        told.extend(lines.map_while(Result::ok).filter_map(|line| acknowledged(&line)));
        unknown = assert_kept(dir.path(), &told);
    }
    assert!(told.len() > 300 && unknown > 0, "the fault fired: {} told, {unknown} unknown", told.len());
    let recoveries = rows(&settings(dir.path())).into_iter().filter(|row| row.action.as_deref() == Some("recovery"));
    assert_eq!(recoveries.map(|row| row.count.unwrap()).sum::<u64>(), u64::try_from(unknown).unwrap());
}

/// A load whose `when`-th disk call of a kind fails, or kills it; it ends by itself. Everything that it was told must be there afterwards.
fn faulted(fault: &str, when: &str) {
    let dir = tempfile::tempdir().unwrap();
    once(&settings(dir.path()));
    let (child, lines) = load(&["strace", "-f", "-o", "/dev/null", "-e", &format!("inject={fault}:when={when}")], dir.path(), "10");
    let told: Vec<_> = lines.map_while(Result::ok).filter_map(|line| acknowledged(&line)).collect();
    let ended = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&ended.stderr).into_owned();
    let fired = !ended.status.success() && !stderr.contains("appends/s") && !stderr.contains("InUse");
    assert!(fired, "{fault} {when}: {} told, {stderr}", told.len());
    if fault.contains("EIO") && !told.is_empty() {
        assert!(stderr.contains("down until the next start"), "{fault} {when}: {stderr}");
    }
    assert_kept(dir.path(), &told);
}

#[test]
fn a_failed_sync_is_final_and_nothing_acknowledged_is_lost() {
    for when in ["1", "2", "4", "7", "12", "30", "31+"] {
        faulted("fsync,fdatasync:error=EIO", when);
    }
}

#[test]
fn a_failed_write_acknowledges_nothing() {
    for when in ["3", "9", "20", "33", "60", "61+"] {
        faulted("pwrite64:error=EIO", when);
        faulted("pwrite64:error=ENOSPC", when);
    }
}

#[test]
fn a_kill_at_a_chosen_disk_call_loses_nothing_that_was_acknowledged() {
    for when in ["1", "3", "8", "21"] {
        faulted("fsync,fdatasync:signal=SIGKILL", when);
        faulted("pwrite64:signal=SIGKILL", when);
    }
}
