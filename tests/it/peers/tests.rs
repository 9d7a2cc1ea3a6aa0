//! Each peer starts, does what it is for, and is gone afterwards.

use super::pki::Issued;
use super::*;
use ::peers::clickhouse::schema::{Database, tables};
use canon::Micros;
use identity::{Anchors, verify_svid};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

fn is_gone(at: SocketAddr) {
    until(&format!("nobody to listen on {at}"), Duration::from_secs(10), || TcpStream::connect(at).is_err().then_some(()));
}

#[test]
fn clickhouse_keeps_its_data_through_kill_9_and_its_users_apart() {
    let mut server = ClickHouse::start();
    for statement in tables(&Database::new("toolgate").unwrap(), Some(30)) {
        server.query(OWNER, &statement).unwrap();
    }
    server
        .query(WRITER, "INSERT INTO toolgate.audit_events (writer, seq, leaf, raw) VALUES ('w', 0, 'l', 'r'), ('w', 1, 'l', 'r')")
        .unwrap();
    let keys =
        server.query(WRITER, "SELECT seq, trim(TRAILING '\\0' FROM leaf) FROM toolgate.audit_events WHERE writer = 'w' ORDER BY seq");
    assert_eq!(keys.unwrap(), "0\tl\n1\tl\n");
    for (user, statement) in [
        (WRITER, "SELECT raw FROM toolgate.audit_events"),
        (WRITER, "DROP TABLE toolgate.audit_events"),
        (AUDITOR, "INSERT INTO toolgate.audit_events (seq) VALUES (2)"),
        (("default", ""), "SELECT raw FROM toolgate.audit_events"),
    ] {
        let refused = server.query(user, statement).unwrap_err();
        assert!(refused.contains("Code: 497"), "{user:?} {statement}: {refused}");
    }
    assert!(server.query(("writer", "wrong"), "SELECT 1").unwrap_err().contains("Code: 516"));
    server.kill9();
    assert!(server.query(AUDITOR, "SELECT 1").is_err());
    server.restart();
    assert_eq!(server.query(AUDITOR, "SELECT sum(seq), any(raw) FROM toolgate.audit_events").unwrap(), "1\tr\n");
    TcpStream::connect(server.native()).unwrap();
    let http = server.http();
    drop(server);
    is_gone(http);
}

#[test]
fn clickhouse_frozen_takes_a_request_and_answers_it_when_thawed() {
    let server = ClickHouse::start();
    server.stop();
    let mut asking = TcpStream::connect(server.http()).unwrap();
    asking.write_all(b"GET /ping HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
    asking.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    let mut answer = [0; 15];
    let silent = asking.read_exact(&mut answer).unwrap_err();
    assert_eq!(silent.kind(), std::io::ErrorKind::WouldBlock);
    server.cont();
    asking.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    asking.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200 OK");
}

/// What `server/discover` or `initialize` answers at `/mcp`.
fn mcp(at: SocketAddr, revision: &str) -> Answer {
    let (method, params) = if revision == "2026-07-28" {
        let meta = serde_json::json!({"io.modelcontextprotocol/protocolVersion": revision, "io.modelcontextprotocol/clientCapabilities": {},
            "io.modelcontextprotocol/clientInfo": {"name": "probe", "version": "1"}});
        ("server/discover", serde_json::json!({ "_meta": meta }))
    } else {
        let client = serde_json::json!({"name": "probe", "version": "1"});
        ("initialize", serde_json::json!({"protocolVersion": revision, "capabilities": {}, "clientInfo": client}))
    };
    let body = serde_json::json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string();
    let headers = [
        ("content-type", "application/json"),
        ("accept", "application/json, text/event-stream"),
        ("mcp-protocol-version", revision),
        ("mcp-method", method),
    ];
    post(at, "/mcp", &headers, body).unwrap()
}

#[test]
fn the_go_everything_server_speaks_both_eras() {
    for (stateless, revision) in [(false, "2025-11-25"), (true, "2026-07-28")] {
        let server = EverythingServer::start(stateless);
        let answer = mcp(server.address(), revision);
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(answer.text().contains("\"result\""), "{}", answer.text());
        assert_eq!(answer.headers.contains_key("mcp-session-id"), !stateless);
        let at = server.address();
        drop(server);
        is_gone(at);
    }
}

#[test]
fn the_npm_servers_give_sessions() {
    let (everything, files) = (NodeEverything::start(), FilesystemServer::start());
    std::fs::write(files.root().join("note.txt"), "text").unwrap();
    for at in [everything.address(), files.address()] {
        let answer = mcp(at, "2025-11-25");
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(answer.headers.contains_key("mcp-session-id"));
    }
}

#[test]
fn the_conformance_suite_passes_whole_against_its_own_fixture() {
    let server = EverythingServer::start(false);
    let suite = Conformance::of(&format!("http://{}/mcp", server.address()));
    assert_eq!((suite.passed, suite.failed), (40, 0), "{}", suite.output);
}

#[test]
fn the_official_clients_call_a_tool() {
    let server = EverythingServer::start(false);
    let url = format!("http://{}/mcp", server.address());
    let scripts = Folder::new("clients");
    for version in ["sdk", "client"] {
        let (client, transport) = match version {
            "sdk" => ("@modelcontextprotocol/sdk/client/index.js", "@modelcontextprotocol/sdk/client/streamableHttp.js"),
            _ => ("@modelcontextprotocol/client", "@modelcontextprotocol/client"),
        };
        let script = format!(
            "import {{ Client }} from '{client}'; import {{ StreamableHTTPClientTransport }} from '{transport}';
             const client = new Client({{ name: 'probe', version: '1' }});
             await client.connect(new StreamableHTTPClientTransport(new URL(process.argv[1])));
             console.log((await client.callTool({{ name: 'test_simple_text', arguments: {{}} }})).content[0].text); await client.close();"
        );
        said(&node_script(&scripts.write(&format!("{version}.mjs"), script), &[&url]));
    }
    let script = "import asyncio, sys\nfrom mcp import Client\n\nasync def main():\n    async with Client(sys.argv[1]) as client:\n        \
        print((await client.call_tool('test_simple_text', {})).content[0].text)\n\nasyncio.run(main())\n";
    said(&python_script(&scripts.write("probe.py", script), &[&url]));
}

fn said(output: &std::process::Output) {
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("simple text response"), "{text}{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn opa_evaluates_and_tests() {
    let (opa, folder) = (Opa::find(), Folder::new("opa"));
    let policy = folder.write("p.rego", "package p\n\nallow := input.n == 1\n\ntest_one if allow with input as {\"n\": 1}\n");
    let policy = policy.to_str().unwrap();
    let input = folder.write("input.json", "{\"n\": 1}");
    let output = opa.run(&["eval", "--format", "raw", "--data", policy, "--input", input.to_str().unwrap(), "data.p.allow"]);
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "true");
    assert_eq!(opa.run(&["test", policy]).status.code(), Some(0));
}

#[test]
fn the_recorder_lists_what_arrived() {
    let recorder = Recorder::start();
    let answer = post(recorder.address(), "/tools/a?x=1", &[("toolgate-decision-id", "d-1")], "body").unwrap();
    let body = "230d8358dc8e8890b4c58deeb62912ee2f20357ae92a5cc861b98e68fe31acb5";
    assert_eq!(answer.text(), format!("{{\"received\":\"{body}\"}}"));
    let [only] = &recorder.received()[..] else { panic!("{:?}", recorder.received()) };
    assert_eq!(
        (only.decision_id.as_str(), only.method.as_str(), only.target.as_str(), only.body.as_str()),
        ("d-1", "POST", "/tools/a?x=1", body)
    );
    let at = recorder.address();
    drop(recorder);
    is_gone(at);
}

/// OpenSSL's opinion of the certificates: two hops in a row, the second asks for one.
#[test]
fn two_tls_hops_take_a_right_svid_and_refuse_a_stranger_and_the_wrong_ones() {
    let (authority, stranger, recorder) = (Authority::new("prod.example"), Authority::new("prod.example"), Recorder::start());
    let server = Stunnel::server(&authority.svid("/ns/tools/sa/recorder"), authority.bundle(), recorder.address());
    let passes = |own| {
        let client = Stunnel::client(&own, authority.bundle(), server.address());
        post(client.address(), "/", &[], "through").is_ok_and(|answer| answer.status == 200)
    };
    assert!(passes(authority.svid("/ns/agents/sa/agent")));
    assert!(!passes(stranger.svid("/ns/agents/sa/agent")));
    for wrong in Wrong::ALL {
        // What a chain check sees; the names are for SPIFFE's own rules.
        let by_chain = matches!(wrong, Wrong::Expired | Wrong::NotYet | Wrong::ServerOnly);
        assert_eq!(passes(authority.wrong(wrong, "/ns/agents/sa/agent")), !by_chain, "{wrong:?}");
    }
}

#[test]
fn a_process_that_does_not_start_fails_its_test_at_once_with_its_words() {
    let folder = Folder::new("no-start");
    let mut command = std::process::Command::new("sh");
    command.args(["-c", "echo no such luck; exit 3"]);
    let mut process = Process::start("unlucky", command, &folder);
    let failed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| process.await_ready("never", |_| None::<()>))).unwrap_err();
    let words = failed.downcast_ref::<String>().unwrap();
    assert!(words.contains("exit status: 3") && words.contains("no such luck"), "{words}");
}

/// The certificates are what they are called, by SPIFFE's own rules.
#[test]
fn the_right_svid_is_one_and_each_wrong_one_is_none() {
    let authority = Authority::new("example.org");
    let anchors = Anchors::build([("example.org", authority.bundle().as_bytes())]).unwrap();
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros()).unwrap();
    let verified =
        |issued: &Issued| verify_svid(&[CertificateDer::from_pem_slice(issued.chain.as_bytes()).unwrap()], &anchors, Micros(now));
    let id = authority.id("/ns/agents/sa/agent");
    let short =
        Leaf { valid: SystemTime::now() - Duration::from_secs(1)..SystemTime::now() + Duration::from_secs(60), ..Leaf::svid(id.clone()) };
    for right in [authority.svid("/ns/agents/sa/agent"), authority.issue(&short)] {
        assert_eq!(verified(&right).unwrap().workload().id.as_str(), id);
    }
    assert!(verified(&Authority::new("example.org").svid("/ns/agents/sa/agent")).is_err());
    for wrong in Wrong::ALL {
        assert!(verified(&authority.wrong(wrong, "/ns/agents/sa/agent")).is_err(), "{wrong:?}");
    }
}

/// A sidecar in a folder of its own, which lets `recorder` be called at `/tools/note`.
fn sidecar(recorder: &Recorder) -> (Toolgate, SocketAddr) {
    let folder = Folder::new("toolgate");
    folder.write("policies/toolgate.rego", "package toolgate\n\ndecision := true\n");
    folder.write("modes.yaml", include_str!("../../../config/modes.yaml"));
    let at = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let uid = rustix::process::getuid().as_raw();
    let config = format!(
        "listeners: [{{name: agent, kind: loopback, address: '{at}', subject: 'spiffe://example.org/ns/agents/sa/agent', peer_uids: [{uid}]}}]
admin: {{kind: unix, path: admin.sock}}
identity: {{trust_domain: example.org}}
upstreams: [{{name: notes, kind: http, address: '{}'}}]
routes:
  - {{name: notes, listener: agent, upstream: notes, protocol: http, tools: [{{method: POST, path: /tools/note, tool: notes.add}}]}}
policy: {{source: policies}}
journal: {{dir: journal}}
",
        recorder.address()
    );
    let admin = Door::Unix(folder.path().join("admin.sock"));
    (Toolgate::start(folder, &config, "LOCAL", admin), at)
}

#[test]
fn toolgate_forwards_comes_back_after_kill_9_and_ends_when_asked() {
    let recorder = Recorder::start();
    let (mut toolgate, at) = sidecar(&recorder);
    let call = || post(at, "/tools/note", &[("content-type", "application/json")], "{\"text\":\"hello\"}").unwrap();
    let first = call();
    assert_eq!(first.status, 200, "{}", first.text());
    let pid = toolgate.pid();
    toolgate.kill9();
    toolgate.restart();
    assert_ne!(toolgate.pid(), pid);
    let second = call();
    let ids: Vec<_> = recorder.received().into_iter().map(|received| received.decision_id).collect();
    assert_eq!(ids, [&first, &second].map(|answer| answer.headers["toolgate-decision-id"].to_str().unwrap().to_owned()));
    assert!(toolgate.folder().path().join("journal").is_dir());
    let before = toolgate.lines().len();
    toolgate.sigterm();
    toolgate.await_line(before, "stopped");
    assert!(toolgate.wait(Duration::from_secs(30)).success(), "{}", toolgate.lines().join("\n"));
}

#[test]
fn the_binary_answers_a_command() {
    let folder = Folder::new("binary");
    let output = toolgate::command(folder.path(), &["--version"], &[]);
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), concat!("toolgate ", env!("CARGO_PKG_VERSION")));
}
