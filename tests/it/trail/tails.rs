//! `audit tail`: columns, short ids, each call once; and a journal that is read on, not read again.

use crate::notes::put;
use crate::peers::{Folder, Process};
use crate::sidecar::decision;
use audit::table::end;
use journal::{Cursor, Reader};
use serde_json::Value;
use std::net::SocketAddr;
use std::process::Command;

/// Calls that the tail of a journal sees one by one: so many looks at least.
const LOOKS: u64 = 12;
/// Calls before them, so that reading everything is told from reading on.
const CALLS: u64 = 60;

fn tail(name: &str, folder: &Folder, arguments: &[&str]) -> Process {
    let mut command = Command::new(env!("CARGO_BIN_EXE_toolgate"));
    command.current_dir(folder.path()).args(["audit", "tail"]).args(arguments).env_remove("SOMA_AGENT_MODE");
    Process::start(name, command, folder)
}

/// Bytes that a process has read.
fn read_by(process: &Process) -> u64 {
    let io = std::fs::read_to_string(format!("/proc/{}/io", process.pid())).unwrap();
    io.lines().find_map(|line| line.strip_prefix("rchar: ")).unwrap().parse().unwrap()
}

/// From ClickHouse and from the journal: `kept`, which was refused before, then a new call.
pub(super) fn tell_each_call_once(folder: &Folder, config: &str, kept: &str, at: SocketAddr) {
    let short = end(kept, 8);
    let json = tail("tail-json", folder, &["--config", config, "--json", "--since", "1h"]);
    let clickhouse = tail("tail-clickhouse", folder, &["--config", config, "--since", "1h"]);
    let journal = tail("tail-journal", folder, &["--journal", "journal", "--since", "1h"]);
    let from_now = tail("tail-now", folder, &["--journal", "journal", "--tool", "notes.put"]);
    from_now.await_line(0, "TIME");
    json.await_line(0, kept);
    clickhouse.await_line(0, short);
    journal.await_line(0, short);
    let new = decision(&put(at, "four"));
    let line: Value = serde_json::from_str(&json.await_line(0, &new)).unwrap();
    assert_eq!((&line["call"], &line["outcome"]), (&"notes.put".into(), &"completed".into()));
    for tail in [&clickhouse, &journal, &from_now] {
        columns(tail, end(&new, 8));
    }
    assert!(!from_now.lines().iter().any(|line| line.contains(short)), "{:?}", from_now.lines());
    read_on(&journal, folder, at);
    for (tail, id) in [(&json, kept), (&clickhouse, short), (&journal, short)] {
        assert_eq!(tail.lines().iter().filter(|line| line.contains(id)).count(), 1, "{:?}", tail.lines());
    }
}

/// Once a journal has grown, a tail reads what comes and not the rest again.
fn read_on(tail: &Process, folder: &Folder, at: SocketAddr) {
    let note = |name: String| decision(&put(at, &name));
    for call in 1..CALLS {
        note(format!("call-{call}"));
    }
    tail.await_line(0, end(&note("call".to_owned()), 8));
    let before = read_by(tail);
    for look in 0..LOOKS {
        tail.await_line(0, end(&note(format!("look-{look}")), 8));
    }
    let read = read_by(tail) - before;
    let records = Reader::open(&folder.path().join("journal")).unwrap().read_after(Cursor(0), usize::MAX, usize::MAX).unwrap();
    let whole: usize = records.iter().map(|stored| stored.envelope.len() + stored.body.len()).sum();
    assert!(read < whole as u64 * LOOKS / 3, "{LOOKS} looks read {read} bytes, all records have {whole}");
}

/// The line of a call, and below which words of the first line its own stand.
fn columns(tail: &Process, id: &str) {
    let line = tail.await_line(0, id);
    let head = tail.lines().into_iter().find(|line| line.starts_with("TIME")).unwrap();
    for (name, word) in [("ID", id), ("TENANT", "default"), ("CALL", "notes.put"), ("DONE", "forward"), ("OUTCOME", "completed")] {
        assert_eq!(head.find(name).unwrap(), line.replace('\u{a0}', " ").find(word).unwrap(), "{name}\n{head}\n{line}");
    }
    assert!(tail.lines().iter().all(|line| line.chars().count() <= 100), "{:?}", tail.lines());
}
