//! The table of enforcement through the whole way of a call: each row in each level, over HTTP and over MCP, the answer, its headers and the record.

mod lifts;
mod other_rows;
mod rejected;
mod signer;

use crate::peers::{Answer, EverythingServer, Recorder};
use crate::sidecar::{AGENT, Plan, Sidecar, decision, header, post_json};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::Path;

/// Each level by the mode that has it.
const MODES: [&str; 4] = ["LOCAL", "DEVELOPMENT", "TRAINING", "PRODUCTION"];
/// The strict ones among them.
const STRICT_MODES: [&str; 2] = ["TRAINING", "PRODUCTION"];
/// TRAINING's lock is on until training sessions exist.
const LOCK_OFF: &str = "TRAINING:\n  training_lock: false\n";

/// What the policy says of each tool: the table's rows that it chooses.
const POLICY: &str = "package toolgate\n\ndecision := data.cases[input.call.tool] if data.cases[input.call.tool]\nelse := true\n";
const ALLOWED: &str = "test_simple_text";
const NEEDS_APPROVAL: &str = "test_image_content";
const SENSITIVE: &str = "test_audio_content";
const DENIED: &str = "test_embedded_resource";
const DENIED_FOR_GOOD: &str = "test_multiple_content_types";
const BROKEN: &str = "test_error_handling";
const TOOLS: [&str; 6] = [ALLOWED, NEEDS_APPROVAL, SENSITIVE, DENIED, DENIED_FOR_GOOD, BROKEN];

fn cases() -> String {
    let reason = json!([{"code": "case.reason", "message": "the case says no"}]);
    json!({
        NEEDS_APPROVAL: {"allow": true, "approval": "required"},
        SENSITIVE: {"allow": true, "sensitive": true},
        DENIED: {"allow": false, "reasons": reason},
        DENIED_FOR_GOOD: {"allow": false, "reasons": reason, "overridable": false},
        BROKEN: {"allow": "yes"},
    })
    .to_string()
}

/// The upstreams of every sidecar here: they are called, or they are not.
struct Upstreams {
    recorder: Recorder,
    everything: EverythingServer,
}

impl Upstreams {
    fn start() -> Upstreams {
        Upstreams { recorder: Recorder::start(), everything: EverythingServer::start(true) }
    }
}

/// How a call is put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Http,
    Mcp,
}

const WAYS: [Way; 2] = [Way::Http, Way::Mcp];

/// A plan with the policy, the cases, both upstreams and TRAINING unlocked; a listener with its two routes is added by `doors`.
fn plan(name: &str, upstreams: &Upstreams) -> Plan {
    let plan = Plan::new(name, POLICY);
    plan.folder().write("policies/cases/data.json", cases());
    plan.folder().write("overlays/training/modes.yaml", LOCK_OFF);
    plan.upstream("recorder", upstreams.recorder.address()).upstream("everything", upstreams.everything.address()).clickhouse_away()
}

/// The routes of a listener: `/tools/<tool>` and `/mcp`, with these further keys.
fn routes(mut plan: Plan, listener: &str, more: &str) -> Plan {
    let tools: String = TOOLS.iter().map(|tool| format!("{{method: POST, path: /tools/{tool}, tool: {tool}}}, ")).collect();
    let http = format!(
        "{{name: http-{listener}, listener: {listener}, prefix: /tools, upstream: recorder, protocol: http, tools: [{tools}]{more}}}"
    );
    let mcp = format!("{{name: mcp-{listener}, listener: {listener}, prefix: /mcp, upstream: everything, protocol: mcp{more}}}");
    plan = plan.route(http);
    plan.route(mcp)
}

/// A sidecar with the one listener that most stories need.
fn sidecar(upstreams: &Upstreams, mode: &str, change: impl FnOnce(Plan) -> Plan) -> (Sidecar, SocketAddr) {
    let (plan, at) = plan("table", upstreams).loopback("agent");
    (change(routes(plan, "agent", "")).start(mode), at)
}

/// A message of 2026-07-28, which needs no session.
fn mcp(at: SocketAddr, more: &[(&str, &str)], id: Option<u32>, method: &str, params: Value) -> Answer {
    const REVISION: &str = "2026-07-28";
    let mut body = json!({"jsonrpc": "2.0", "method": method, "params": params});
    if let Some(id) = id {
        body["id"] = json!(id);
        body["params"]["_meta"] = json!({"io.modelcontextprotocol/protocolVersion": REVISION,
            "io.modelcontextprotocol/clientInfo": {"name": "probe", "version": "1"}, "io.modelcontextprotocol/clientCapabilities": {}});
    }
    let name = body["params"].get("name").or(body["params"].get("uri")).and_then(Value::as_str).map(str::to_owned);
    let mut headers = vec![("mcp-protocol-version", REVISION), ("mcp-method", method)];
    headers.extend(name.as_deref().map(|name| ("mcp-name", name)));
    headers.extend(more);
    post_json(at, "/mcp", &headers, &body)
}

fn call_with(at: SocketAddr, way: Way, tool: &str, arguments: &Value, more: &[(&str, &str)]) -> Answer {
    match way {
        Way::Http => post_json(at, &format!("/tools/{tool}"), more, arguments),
        Way::Mcp => mcp(at, more, Some(7), "tools/call", json!({"name": tool, "arguments": arguments})),
    }
}

fn call(at: SocketAddr, way: Way, tool: &str) -> Answer {
    call_with(at, way, tool, &json!({}), &[])
}

/// What the table makes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    /// It goes on, and nothing is said.
    Forward,
    /// It goes on with this code.
    Warn(&'static str),
    /// It ends by what the policy or the table says of a well-formed call.
    Refuse(&'static str),
    /// It ends for now.
    Unavailable(&'static str),
    /// It ends because nobody is known to call.
    Unknown(&'static str),
}

/// The answer of a call has the form that DESIGN section 4 gives it, and its record says the same.
fn check(sidecar: &Sidecar, answer: &Answer, story: (&str, Way, &str), then: Then) -> Value {
    let id = form(answer, story, then);
    let record = sidecar.record(&id, "decision");
    let (envelope, told) = (&record["envelope"], format!("{story:?} {then:?} {answer:?}"));
    assert_eq!(envelope["mode"], story.0, "{told}");
    match then {
        Then::Forward | Then::Warn(_) => {
            let warnings = if let Then::Warn(code) = then { json!([code]) } else { Value::Null };
            assert_eq!((&envelope["done"], &envelope["warnings"]), (&json!("forward"), &warnings), "{told} {record}");
            assert_eq!(sidecar.record(&id, "outcome")["envelope"]["outcome"], "completed", "{told}");
        }
        Then::Refuse(code) | Then::Unavailable(code) | Then::Unknown(code) => {
            assert_eq!((&envelope["done"], &envelope["status"]), (&json!("refuse"), &json!(answer.status)), "{told} {record}");
            assert!(envelope["reasons"].as_array().unwrap().iter().any(|reason| reason == code), "{told} {record}");
        }
    }
    record
}

/// The form alone; gives the decision id.
fn form(answer: &Answer, (mode, way, what): (&str, Way, &str), then: Then) -> String {
    let (id, told) = (decision(answer), format!("{mode} {way:?} {what}: {then:?} {answer:?} {}", answer.text()));
    let permissive = mode == "LOCAL" || mode == "DEVELOPMENT";
    assert_eq!(header(answer, "toolgate-mode"), if permissive { mode } else { "" }, "{told}");
    assert_eq!(header(answer, "toolgate-warning"), if let Then::Warn(code) = then { code } else { "" }, "{told}");
    let (status, rpc, code) = match then {
        Then::Forward | Then::Warn(_) => {
            assert_eq!((answer.status, answer.text().contains("toolgate")), (200, false), "nothing of a body is changed: {told}");
            return id;
        }
        Then::Refuse(code) => (if way == Way::Http { 403 } else { 200 }, 1403, code),
        Then::Unavailable(code) => (503, 1503, code),
        Then::Unknown(code) => (401, 1403, code),
    };
    assert_eq!((answer.status, header(answer, "retry-after") == "1"), (status, matches!(then, Then::Unavailable(_))), "{told}");
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_else(|why| panic!("{why}: {told}"));
    let data = match (way, then) {
        (Way::Http, _) => {
            assert_eq!((header(answer, "content-type").as_str(), &body["status"]), ("application/problem+json", &json!(status)), "{told}");
            &body
        }
        (Way::Mcp, Then::Refuse(_)) if body.get("result").is_some() => {
            let result = &body["result"];
            assert!(result["isError"] == true && result["content"][0]["text"].as_str().unwrap().contains(&id), "{told}");
            &result["_meta"]["dev.toolgate/decision"]
        }
        (Way::Mcp, _) => {
            assert_eq!(body["error"]["code"], rpc, "{told}");
            &body["error"]["data"]
        }
    };
    assert_eq!((&data["decision_id"], &data["mode"]), (&json!(id), &json!(mode)), "{told}");
    assert!(data["reasons"].as_array().unwrap().iter().any(|reason| reason["code"] == code), "{told}");
    id
}

/// What the policy decides: a tool, what is recorded of it, and what each level makes of it.
const ROWS: [(&str, &str, [Then; 4]); 6] = {
    use Then::{Forward, Refuse, Warn};
    const fn blocked(code: &'static str) -> [Then; 4] {
        [Warn(code), Warn(code), Refuse(code), Refuse(code)]
    }
    [
        (ALLOWED, "allow", [Forward; 4]),
        (NEEDS_APPROVAL, "allow", blocked("toolgate.approval_required")),
        // TRAINING alone asks for a person's approval of every sensitive tool.
        (SENSITIVE, "allow", [Forward, Forward, Refuse("toolgate.sensitive"), Forward]),
        (DENIED, "deny", blocked("toolgate.denied")),
        (DENIED_FOR_GOOD, "deny", blocked("toolgate.denied")),
        (BROKEN, "error", blocked("toolgate.error")),
    ]
};

#[test]
fn what_the_policy_decides_is_enforced_as_each_level_says() {
    let upstreams = Upstreams::start();
    for (number, mode) in MODES.into_iter().enumerate() {
        let (plan, asking) = plan("policy", &upstreams).loopback("asking");
        let (plan, at) = routes(plan, "asking", ", sensitive_tools: needs_approval").loopback("agent");
        let sidecar = routes(plan, "agent", "").start(mode);
        for way in WAYS {
            for (tool, would, then) in ROWS {
                let record = check(&sidecar, &call(at, way, tool), (mode, way, tool), then[number]);
                let envelope = &record["envelope"];
                assert_eq!((&envelope["would"], &envelope["tool"]), (&json!(would), &json!(tool)), "{record}");
                assert_eq!((&envelope["workload"], &envelope["sensitive"]), (&json!(AGENT), &json!(tool == SENSITIVE)), "{record}");
                assert_eq!(envelope["approval"] == "required", tool == NEEDS_APPROVAL, "{record}");
            }
            // A route may ask for more than its mode.
            let sensitive = Then::Refuse("toolgate.sensitive");
            let then = if number < 2 { Then::Warn("toolgate.sensitive") } else { sensitive };
            check(&sidecar, &call(asking, way, SENSITIVE), (mode, way, "sensitive on its route"), then);
        }
        refused_in_other_forms(&sidecar, at, mode);
    }
    let forwarded: Vec<String> = upstreams.recorder.received().into_iter().map(|received| received.target).collect();
    let count = |tool: &str| forwarded.iter().filter(|target| target.ends_with(tool)).count();
    assert_eq!(TOOLS.map(count), [4, 2, 3 + 2, 2, 2, 2], "{forwarded:?}");
}

/// An MCP request that calls no tool is refused by a JSON-RPC error, a notification by 403.
fn refused_in_other_forms(sidecar: &Sidecar, at: SocketAddr, mode: &str) {
    let from = sidecar.records().len();
    sidecar.toolgate.folder().write("policies/toolgate.rego", "package toolgate\n\ndecision := false\n");
    sidecar
        .await_record(from, "the new policy", |record| record["envelope"]["kind"] == "policy" && record["envelope"]["action"] == "reload");
    let then = match mode {
        "LOCAL" | "DEVELOPMENT" => Then::Warn("toolgate.denied"),
        _ => Then::Refuse("toolgate.denied"),
    };
    let read = mcp(at, &[], Some(3), "resources/read", json!({"uri": "test://static-text"}));
    let record = check(sidecar, &read, (mode, Way::Mcp, "resources/read"), then);
    assert!(record["envelope"]["method"] == "resources/read" && read.text().contains("error") == matches!(then, Then::Refuse(_)));
    let notified = mcp(at, &[], None, "notifications/cancelled", json!({"requestId": 1}));
    let refused = sidecar.record(&decision(&notified), "decision")["envelope"]["done"] == "refuse";
    assert_eq!((refused, notified.status == 403), (matches!(then, Then::Refuse(_)), refused), "{mode}: {notified:?}");
}

#[test]
fn the_lock_of_training_refuses_everything_and_check_says_so() {
    let upstreams = Upstreams::start();
    let (plan, at) = plan("lock", &upstreams).loopback("agent");
    let plan = routes(plan, "agent", "");
    std::fs::remove_dir_all(plan.folder().path().join("overlays")).unwrap();
    let sidecar = plan.start("TRAINING");
    for way in WAYS {
        for tool in TOOLS {
            check(&sidecar, &call(at, way, tool), ("TRAINING", way, tool), Then::Refuse("toolgate.training_lock"));
        }
    }
    assert!(upstreams.recorder.received().is_empty());
    let told = checked(sidecar.toolgate.folder().path(), "TRAINING");
    assert!(told.contains("WARNING  the training lock is on: every call is refused"), "{told}");
}

/// What `toolgate check --offline` prints.
fn checked(folder: &Path, mode: &str) -> String {
    let output = crate::peers::command(folder, &["check", "--offline"], &[("SOMA_AGENT_MODE", mode)]);
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}
