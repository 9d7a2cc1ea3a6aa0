//! A session of MCP is its opener's, and what was redacted in it stays so when the server says it again.

use super::{SESSIONS, before, initialize};
use crate::peers::{Answer, EverythingServer, NodeEverything, ask, free_port};
use crate::sidecar::{ALLOW, Plan, decision, header, post_json};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

const PING: &str = r#"{"jsonrpc": "2.0", "id": 2, "method": "ping"}"#;
/// For a line of a stream.
const LINE_LIMIT: Duration = Duration::from_secs(60);

/// Another agent of the same machine.
fn neighbour(plan: Plan, tenant: &str) -> (Plan, SocketAddr) {
    let at = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let uid = rustix::process::getuid().as_raw();
    let subject = "spiffe://example.org/ns/agents/sa/neighbour";
    let plan = plan.listener(format!("{{name: {tenant}, kind: loopback, address: '{at}', subject: '{subject}', peer_uids: [{uid}]}}"));
    let route = format!("{{name: mcp-{tenant}, listener: {tenant}, prefix: /mcp, upstream: tools, protocol: mcp, tenant: {tenant}}}");
    (plan.route(route), at)
}

/// A request with a session's id: the method of HTTP, what revision it says that it is of, a body.
fn within(at: SocketAddr, session: &str, method: &str, revision: &str, body: &str) -> Answer {
    let request = hyper::Request::builder().method(method).uri("/mcp").header("accept", "application/json, text/event-stream");
    let request = request.header("mcp-session-id", session).header("mcp-protocol-version", revision);
    let request = if body.is_empty() { request } else { request.header("content-type", "application/json") };
    let request = if revision == SESSIONS { request } else { request.header("mcp-method", "ping") };
    ask(&at.into(), request, body.as_bytes().to_vec()).unwrap()
}

#[test]
fn a_session_is_for_the_principal_that_opened_it() {
    let server = EverythingServer::start(false);
    let stateless =
        r#"{"jsonrpc": "2.0", "id": 2, "method": "ping", "params": {"_meta": {"io.modelcontextprotocol/protocolVersion": "2026-07-28"}}}"#;
    for (mode, refused) in [("PRODUCTION", true), ("LOCAL", false)] {
        let plan = Plan::new("sessions", ALLOW).upstream("tools", server.address()).clickhouse_away();
        let (plan, own) = plan.mcp("agent", "tools").loopback("agent");
        let (plan, other) = neighbour(plan, "one");
        let (plan, other_tenant) = neighbour(plan, "two");
        let sidecar = plan.start(mode);
        let session = header(&initialize(other, SESSIONS), "mcp-session-id");
        assert_eq!(within(other, &session, "POST", SESSIONS, PING).status, 200, "{mode}: its own");
        let foreign = [
            (own, "POST", SESSIONS, PING),
            (own, "POST", "2026-07-28", stateless),
            (own, "DELETE", SESSIONS, ""),
            (other_tenant, "POST", SESSIONS, PING),
        ];
        for (at, method, revision, body) in foreign.into_iter().filter(|(_, method, ..)| refused || *method != "DELETE") {
            let answer = within(at, &session, method, revision, body);
            let (envelope, told) =
                (&sidecar.record(&decision(&answer), "decision")["envelope"], format!("{mode} {method} {revision} {answer:?}"));
            assert_eq!(envelope["would"], "error", "{told}");
            assert!(envelope["reasons"].as_array().unwrap().contains(&json!("toolgate.session.foreign")), "{told} {envelope}");
            let done = if refused { "refuse" } else { "forward" };
            assert_eq!((&envelope["done"], header(&answer, "toolgate-warning") == "toolgate.error"), (&json!(done), !refused), "{told}");
            assert_eq!(answer.text().contains("toolgate.session.foreign"), refused, "{told} {}", answer.text());
        }
        assert_eq!(within(other, &session, "POST", SESSIONS, PING).status, 200, "{mode}: it is open still");
        // One that nobody was seen to open is the server's to judge.
        let unknown = within(own, "of-another-life", "POST", SESSIONS, PING);
        assert_eq!(sidecar.record(&decision(&unknown), "decision")["envelope"]["done"], "forward", "{mode}: {unknown:?}");
    }
}

/// Asks for all that came after `event`, and gives the lines of the stream up to one that has `mark`.
fn resumed(at: SocketAddr, session: &str, event: &str, mark: &str) -> String {
    let mut stream = TcpStream::connect(at).unwrap();
    stream.set_read_timeout(Some(LINE_LIMIT)).unwrap();
    let head = format!(
        "GET /mcp HTTP/1.1\r\nhost: localhost\r\naccept: text/event-stream\r\nmcp-protocol-version: {SESSIONS}\r\nmcp-session-id: {session}\r\nlast-event-id: {event}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut seen = String::new();
    for line in BufReader::new(stream).lines() {
        let line = line.unwrap_or_else(|why| panic!("{why} after {seen}"));
        seen += &format!("{line}\n");
        if seen.contains(mark) {
            return seen;
        }
    }
    panic!("the stream ended: {seen}");
}

#[test]
fn what_was_redacted_stays_so_when_it_is_said_again_after_a_restart() {
    const POLICY: &str = r#"package toolgate

decision := {"allow": true, "obligations": [{"type": "redact_response", "paths": ["/content/0/text"]}]} if input.call.tool == "echo"
else := true
"#;
    let server = NodeEverything::start();
    let (mut sidecar, at) = before(server.address(), "PRODUCTION", POLICY);
    let first = initialize(at, SESSIONS);
    let session = header(&first, "mcp-session-id");
    let event = first.text().lines().rev().find_map(|line| line.strip_prefix("id: ").map(str::to_owned)).unwrap();
    let headers = [("mcp-session-id", session.as_str()), ("mcp-protocol-version", SESSIONS)];
    post_json(at, "/mcp", &headers, &json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
    let call = |id: u32, tool: &str, arguments: Value| {
        let body = json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": {"name": tool, "arguments": arguments}});
        post_json(at, "/mcp", &headers, &body).text()
    };
    let echoed = call(2, "echo", json!({"message": "a secret"}));
    assert!(echoed.contains("[redacted]") && !echoed.contains("a secret"), "{echoed}");
    let sum = call(3, "get-sum", json!({"a": 40, "b": 2}));
    assert!(sum.contains("42"), "{sum}");

    for what in ["in the same life", "after a restart"] {
        // The sum is redacted as well: a stream does not say of which tool a result is.
        let again = resumed(at, &session, &event, "\"id\":3");
        assert_eq!((again.matches("[redacted]").count(), again.contains("a secret")), (2, false), "{what}: {again}");
        if what == "in the same life" {
            sidecar.toolgate.kill9();
            sidecar.toolgate.restart();
            sidecar.toolgate.await_line(0, "\"serving\"");
        }
    }
}

/// A server that says, before each result, what it answered to another call.
fn talkative() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let mut lines = std::iter::from_fn(|| stream.by_ref().lines().next()).map(Result::unwrap).take_while(|line| !line.is_empty());
            let length = lines.find_map(|line| line.to_lowercase().strip_prefix("content-length: ").map(str::to_owned)).unwrap();
            lines.for_each(drop);
            let mut body = vec![0; length.parse().unwrap()];
            stream.read_exact(&mut body).unwrap();
            let id = serde_json::from_slice::<Value>(&body).unwrap()["id"].clone();
            let result =
                |id: Value, text: &str| json!({"jsonrpc": "2.0", "id": id, "result": {"content": [{"type": "text", "text": text}]}});
            let events =
                [result(json!("another"), "said again"), result(id, "its own")].map(|message| format!("data: {message}\n\n")).concat();
            let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
            stream.get_mut().write_all((head.to_owned() + &events).as_bytes()).unwrap();
        }
    });
    at
}

#[test]
fn what_was_redacted_stays_so_beside_another_answer_and_a_refused_call_redacts_nothing() {
    const POLICY: &str = r#"package toolgate

decision := {"allow": input.call.tool == "secret", "obligations": [{"type": "redact_response", "paths": ["/content/0/text"]}]} if {
	input.call.tool in {"secret", "refused"}
} else := true
"#;
    let (sidecar, at) = before(talkative(), "PRODUCTION", POLICY);
    let call = |tool: &str| {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": {}}});
        post_json(at, "/mcp", &[("mcp-protocol-version", SESSIONS)], &body)
    };
    let refused = call("refused");
    assert_eq!(sidecar.record(&decision(&refused), "decision")["envelope"]["done"], "refuse", "{}", refused.text());
    let (before, secret, after) = (call("plain").text(), call("secret").text(), call("plain").text());
    let said = |answer: &str| ["said again", "its own", "[redacted]"].map(|text| answer.matches(text).count());
    assert_eq!(said(&before), [1, 1, 0], "nothing was redacted yet: {before}");
    assert_eq!(said(&secret), [0, 0, 2], "{secret}");
    assert_eq!(said(&after), [0, 1, 1], "{after}");
}

#[test]
fn the_id_of_a_redacted_call_gives_no_other_call_its_answer() {
    const POLICY: &str = r#"package toolgate

decision := {"allow": true, "obligations": [{"type": "redact_response", "paths": ["/content/0/text"]}]} if input.call.tool == "secret"
else := true
"#;
    let (_sidecar, at) = before(talkative(), "PRODUCTION", POLICY);
    let call = |session: &str, id: Value, tool: &str| {
        let body = json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": {"name": tool, "arguments": {}}});
        let answer = post_json(at, "/mcp", &[("mcp-session-id", session), ("mcp-protocol-version", SESSIONS)], &body).text();
        assert!(answer.contains("[redacted]"), "whatever stands beside the answer: {answer}");
        answer.contains("its own")
    };
    assert!(!call("one", json!(7), "secret"));
    for (session, id, passes) in [("one", json!(8), true), ("two", json!(7), true), ("one", json!(7), false), ("one", json!("7"), false)] {
        assert_eq!(call(session, id.clone(), "slow"), passes, "{session} {id}");
    }
}
