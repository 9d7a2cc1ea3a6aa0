//! Whoever hangs up is in the records all the same: each call has one decision, whether or not anybody waits for its answer.

use crate::notes::metric;
use crate::peers::{Recorder, get, until};
use crate::sidecar::{AGENT, Plan, Sidecar};
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Of each tool as many that are answered, and as many that nobody waits for.
const CALLS: usize = 20;
/// For the last record, on a busy machine.
const SOON: Duration = Duration::from_secs(60);
/// To refuse takes a while: whoever hangs up is gone before it is decided.
const POLICY: &str = r#"package toolgate

decision := true if input.call.tool == "note"

decision := false if {
	input.call.tool == "refused"
	count([a | some a in numbers.range(1, 150); some b in numbers.range(1, 150); a + b > 0]) == 22500
}
"#;
const NOTE: &str = "/tools/note";
const REFUSED: &str = "/tools/refused";
const ABANDONED: &str = "toolgate.abandoned";

/// A call whose answer is read, so that it is known who is there; then the same again, and gone. The decision id of the first.
fn call_and_hang_up(at: SocketAddr, path: &str, status: &str) -> String {
    let call = format!("POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{{}}");
    let mut stream = TcpStream::connect(at).unwrap();
    stream.write_all(call.as_bytes()).unwrap();
    let (mut reader, mut lines) = (BufReader::new(&stream), Vec::new());
    while lines.last().is_none_or(|line: &String| line != "\r\n") {
        let mut line = String::new();
        assert_ne!(reader.read_line(&mut line).unwrap(), 0, "{lines:?}");
        lines.push(line);
    }
    let header = |name: &str| lines.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).map(str::trim).unwrap();
    assert!(lines[0].contains(status), "{lines:?}");
    reader.read_exact(&mut vec![0; header("content-length").parse().unwrap()]).unwrap();
    stream.write_all(call.as_bytes()).unwrap();
    header("toolgate-decision-id").to_owned()
}

fn decisions(sidecar: &Sidecar) -> Vec<Value> {
    sidecar.records().into_iter().map(|mut record| record["envelope"].take()).filter(|envelope| envelope["kind"] == "decision").collect()
}

fn has(record: &Value, code: &str) -> bool {
    record["reasons"].as_array().is_some_and(|reasons| reasons.iter().any(|reason| reason == code))
}

#[test]
fn a_call_is_recorded_once_whether_or_not_its_client_waits() {
    let recorder = Recorder::start();
    let (plan, at) = Plan::new("hang-up", POLICY).upstream("notes", recorder.address()).clickhouse_away().loopback("agent");
    let tools = [(NOTE, "note"), (REFUSED, "refused")].map(|(path, tool)| format!("{{method: POST, path: {path}, tool: {tool}}}"));
    let route = format!("{{name: notes, listener: agent, upstream: notes, protocol: http, tools: [{}]}}", tools.join(", "));
    let mut sidecar = plan.route(route).start("PRODUCTION");
    let answered: BTreeSet<_> =
        (0..CALLS).flat_map(|_| [call_and_hang_up(at, NOTE, " 200 "), call_and_hang_up(at, REFUSED, " 403 ")]).collect();
    until("a decision of each call", SOON, || (decisions(&sidecar).len() >= 4 * CALLS).then_some(()));
    let metrics = get(sidecar.admin.clone(), "/metrics").unwrap().text();
    assert_eq!(metric(&sidecar, "toolgate_records_lost_total"), 0.0);
    assert_eq!(sidecar.end(), Some(0));

    let decisions = decisions(&sidecar);
    let calls: BTreeSet<_> = decisions.iter().map(|decision| decision["call"].as_str().unwrap()).collect();
    assert_eq!((decisions.len(), calls.len()), (4 * CALLS, 4 * CALLS), "one of each call");
    let (abandoned, others): (Vec<_>, Vec<_>) = decisions.iter().partition(|decision| has(decision, ABANDONED));
    let undecided = abandoned.iter().filter(|record| record["tool"] == "refused" && record["would"].is_null()).count();
    assert!(undecided > CALLS / 2, "few were gone before the decision: {undecided}");
    for record in &abandoned {
        let told = [&record["done"], &record["workload"], &record["route"], &record["tenant"]];
        assert_eq!(told, ["refuse", AGENT, "notes", "default"], "{record}");
        assert!(record["status"].is_null() && !answered.contains(record["call"].as_str().unwrap()), "{record}");
    }
    for record in others {
        assert_eq!(record["done"] == "refuse", has(record, "toolgate.denied"), "{record}");
    }
    let line = format!("toolgate_refusals_total{{code=\"{ABANDONED}\"}} {}\n", abandoned.len());
    assert!(metrics.contains(&line), "{line} in {metrics}");
}
