//! MCP through toolgate is MCP: the conformance suite scores as it does without, the official clients notice nothing but a refusal that they can read.

mod sessions;

use crate::peers::{
    Authority, Conformance, EverythingServer, Folder, NodeEverything, Stunnel, get, node_script, python_script, ran, run, rust_client,
};
use crate::sidecar::{ALLOW, Plan, Sidecar, decision, header, post_json};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

/// Denies one tool and hides it from lists.
const HIDES_ONE: &str = r#"package toolgate

hidden := {"test_error_handling"}

decision := {"allow": false, "reasons": [{"code": "tool.hidden", "message": "this tool is not for agents"}]} if input.call.tool in hidden
else := true

visible if not input.call.tool in hidden
"#;
const SESSIONS: &str = "2025-11-25";
const STATELESS: &str = "2026-07-28";
/// For building the Go client.
const BUILD_LIMIT: Duration = Duration::from_secs(600);

/// A sidecar before an MCP server.
fn before(server: SocketAddr, mode: &str, policy: &str) -> (Sidecar, SocketAddr) {
    let (plan, at) = Plan::new("mcp", policy).upstream("tools", server).clickhouse_away().loopback("agent");
    (plan.mcp("agent", "tools").start(mode), at)
}

fn url(at: SocketAddr) -> String {
    format!("http://{at}/mcp")
}

#[test]
fn the_conformance_suite_scores_through_toolgate_as_it_does_direct() {
    let (server, authority) = (EverythingServer::start(false), Authority::new("example.org"));
    let own = authority.svid("/ns/tools/sa/toolgate");
    // The suite asks whether the server sees through a rebound name: it must be told the name that the client used.
    let kept = format!("{{name: kept, kind: http, address: '{}', host: kept}}", server.address());
    let (plan, plain) =
        Plan::new("conformance", ALLOW).upstream("tools", server.address()).upstream_as(kept).clickhouse_away().loopback("agent");
    let (plan, tls) = plan.mtls("fleet", &own, &authority);
    let sidecar = plan.mcp("agent", "tools").mcp("fleet", "kept").start("PRODUCTION");

    let agent = authority.svid("/ns/agents/sa/agent");
    let hop = Stunnel::client(&agent, authority.bundle(), tls);
    let far = Stunnel::server(&own, authority.bundle(), server.address());
    let control = Stunnel::client(&agent, authority.bundle(), far.address());

    for (way, at) in
        [("direct", server.address()), ("the hop alone", control.address()), ("plain", plain), ("behind the hop", hop.address())]
    {
        let suite = Conformance::of(&url(at));
        assert_eq!((suite.passed, suite.failed), (40, 0), "{way}: {}", suite.output);
    }
    let workloads: Vec<Value> = sidecar.records().into_iter().filter(|record| record["envelope"]["kind"] == "decision").collect();
    let of = |id: &str| workloads.iter().filter(|record| record["envelope"]["workload"] == id).count();
    let (near, far) = (of("spiffe://example.org/ns/agents/sa/agent"), workloads.len());
    assert!(near == far && far > 80, "every message of both runs is one decision of the agent: {near} of {far}");
}

/// An official client: its name, and how it is run against a URL in a revision.
type Client = (&'static str, fn(&str, &str) -> Output);

const CLIENTS: [Client; 5] = [
    ("TypeScript v1", |url, _| node_script(&source("typescript_v1.mjs"), &[url])),
    ("TypeScript v2", |url, revision| node_script(&source("typescript_v2.mjs"), &[url, revision])),
    ("Python", |url, revision| python_script(&source("python.py"), &[url, revision])),
    ("Go", |url, revision| run(Command::new(go_client()).args([url, revision]), BUILD_LIMIT)),
    ("Rust", |url, revision| rust_client(&[url, revision])),
];

fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/mcp").join(name)
}

/// Built as the Go servers of the tests are, so that what it shares with them is not built again.
fn go_client() -> PathBuf {
    use std::sync::OnceLock;
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let build = || {
        let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("go-client");
        let flags = ["build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o"];
        let mut command = Command::new("go");
        command.current_dir(source("client")).env("CGO_ENABLED", "0").args(flags).arg(&program).arg(".");
        let built = run(&mut command, BUILD_LIMIT);
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        ran("MCP client SDK (Go)", "v1.8.0");
        program
    };
    BUILT.get_or_init(build).clone()
}

/// What a client saw, or its own words of failure.
fn seen(client: &Client, at: SocketAddr, revision: &str) -> Value {
    let output = client.1(&url(at), revision);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let failed = || panic!("{} {revision}: {text} {}", client.0, String::from_utf8_lossy(&output.stderr));
    text.lines().last().and_then(|line| serde_json::from_str(line).ok()).unwrap_or_else(failed)
}

fn tools(seen: &Value) -> Vec<&str> {
    seen["tools"].as_array().unwrap().iter().map(|tool| tool.as_str().unwrap()).collect()
}

/// Through toolgate a client sees what it sees direct, but for the tool that the policy refuses. Where only a warning is due, not even that.
fn official(revision: &str, clients: &[Client]) {
    let server = EverythingServer::start(revision == STATELESS);
    let (strict, strict_at) = before(server.address(), "PRODUCTION", HIDES_ONE);
    let (_warning, warning_at) = before(server.address(), "LOCAL", HIDES_ONE);
    for client in clients {
        let (name, direct) = (client.0, seen(client, server.address(), revision));
        assert_eq!(seen(client, warning_at, revision), direct, "{name} {revision}: nothing is changed where a warning is due");
        let through = seen(client, strict_at, revision);
        let mut rest = tools(&direct);
        rest.retain(|tool| *tool != "test_error_handling");
        assert_eq!((tools(&through), &through["allowed"]), (rest, &direct["allowed"]), "{name} {revision}");
        let refused = through["refused"].as_str().unwrap();
        assert!(through["error"] == true && refused.contains("this tool is not for agents (tool.hidden)"), "{name} {revision}: {through}");
        let told = refused.split("Decision ").nth(1).and_then(|rest| rest.split('.').next()).unwrap();
        let record = strict.record(told, "decision");
        assert_eq!(
            (&record["envelope"]["done"], &record["envelope"]["reasons"]),
            (&json!("refuse"), &json!(["tool.hidden", "toolgate.denied"]))
        );
    }
}

#[test]
fn the_official_clients_work_unchanged_with_sessions() {
    official(SESSIONS, &CLIENTS);
}

#[test]
fn the_official_clients_work_unchanged_without_sessions() {
    // TypeScript v1 ends at 2025-11-25.
    official(STATELESS, &CLIENTS[1..]);
}

fn initialize(at: SocketAddr, revision: &str) -> crate::peers::Answer {
    let params = json!({"protocolVersion": revision, "capabilities": {}, "clientInfo": {"name": "probe", "version": "1"}});
    post_json(at, "/mcp", &[], &json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}))
}

#[test]
fn older_revisions_are_served_and_what_is_older_still_is_refused() {
    let server = EverythingServer::start(false);
    let (sidecar, at) = before(server.address(), "PRODUCTION", ALLOW);
    for revision in ["2025-03-26", "2025-06-18", SESSIONS] {
        let first = initialize(at, revision);
        assert!(first.status == 200 && first.text().contains(revision), "{revision}: {}", first.text());
        let session = header(&first, "mcp-session-id");
        let headers = [("mcp-session-id", session.as_str()), ("mcp-protocol-version", revision)];
        let ready = post_json(at, "/mcp", &headers, &json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
        assert_eq!(ready.status, 202, "{}", ready.text());
        let call = json!({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "test_simple_text", "arguments": {}}});
        let called = post_json(at, "/mcp", &headers, &call);
        assert!(called.status == 200 && called.text().contains("simple text response"), "{revision}: {}", called.text());
        let batch = post_json(at, "/mcp", &headers, &json!([call]));
        assert_eq!((batch.status, batch.text().contains("toolgate.mcp.batch")), (400, true), "{revision}: {}", batch.text());
    }
    let ping = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"});
    let old = [("mcp-protocol-version", "2024-11-05")];
    for (what, answer, code) in [
        ("its revision", post_json(at, "/mcp", &old, &ping), "toolgate.mcp.version"),
        ("its message path", post_json(at, "/mcp/messages?sessionId=1", &[], &ping), "toolgate.http.path"),
        ("its stream", get(at, "/mcp/sse").unwrap(), "toolgate.http.path"),
    ] {
        assert_eq!((answer.status, answer.text().contains(code)), (400, true), "{what}: {}", answer.text());
        let record = sidecar.record(&decision(&answer), "decision");
        assert_eq!((&record["envelope"]["done"], &record["envelope"]["status"]), (&json!("refuse"), &json!(400)), "{what}");
    }
}

#[test]
fn what_a_server_says_first_arrives_as_it_is_said() {
    let server = NodeEverything::start();
    let (sidecar, at) = before(server.address(), "PRODUCTION", ALLOW);
    let folder = Folder::new("streams");
    let script = folder.write("streams.mjs", include_str!("mcp/streams.mjs"));
    let output = node_script(&script, &[&url(at)]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let seen: Value = serde_json::from_str(text.lines().last().unwrap_or_default())
        .unwrap_or_else(|why| panic!("{why}: {text} {}", String::from_utf8_lossy(&output.stderr)));
    let steps: Vec<Value> = (1..=4).map(|at| json!({"at": at, "finished": false})).collect();
    assert_eq!(seen["progress"], json!(steps));
    assert!(seen["operation"].as_str().unwrap().starts_with("Long running operation completed"), "{seen}");
    assert!(seen["sampled"].as_str().unwrap().contains("asked: Resource trigger-sampling-request context: hello"), "{seen}");
    assert!(seen["cancelled"].as_str().unwrap().contains("no longer wanted"), "{seen}");
    let decisions: Vec<Value> = sidecar.records().into_iter().filter(|record| record["envelope"]["kind"] == "decision").collect();
    for method in ["initialize", "notifications/initialized", "notifications/cancelled", "ping"] {
        assert!(decisions.iter().any(|record| record["envelope"]["method"] == method), "{method} is a decision of its own");
    }
}
