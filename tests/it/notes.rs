//! The notes: two tools of a `Recorder` behind a loopback listener in PRODUCTION, with every record shipped to ClickHouse. One is let through, the other
//! is refused unless a person signs.

use crate::ledger::Ledger;
use crate::peers::{Answer, ClickHouse, Door, OWNER, Recorder, WRITER, ask, command, get};
use crate::sidecar::{Plan, Sidecar};
use ::peers::clickhouse::schema::{Database, tables};
use std::net::SocketAddr;

/// Notes may be written and not deleted.
const POLICY: &str = r#"package toolgate

decision := {"allow": true} if input.call.tool != "notes.delete"

decision := {"allow": false, "reasons": [{"code": "notes.kept", "message": "notes are not deleted"}]} if input.call.tool == "notes.delete"
"#;

/// The tools.
const ROUTE: &str = "{name: notes, listener: pod, upstream: notes, prefix: /notes, protocol: http, tools: [{method: POST, path: '/notes/{id}', tool: notes.put}, \
    {method: DELETE, path: '/notes/{id}', tool: notes.delete}]}";

/// A batch waits for no company, and a failure not long.
const SHIPPING: &str = "delivery: {batch_age_ms: 20, retry_ms: 20, retry_ms_max: 200}";

/// The sidecar with keys, ready; and where its agent calls. The tables are made.
pub(crate) fn begin(recorder: &Recorder, clickhouse: &ClickHouse) -> (Sidecar, SocketAddr) {
    make_tables(clickhouse);
    let (plan, at) = plan(recorder, clickhouse);
    (plan.start("PRODUCTION"), at)
}

/// What `toolgate migrate` makes.
pub(crate) fn make_tables(clickhouse: &ClickHouse) {
    for statement in tables(&Database::new("toolgate").unwrap(), Some(30)) {
        clickhouse.query(OWNER, &statement).unwrap();
    }
}

/// The same, not started: the files that its configuration names are there.
pub(crate) fn plan(recorder: &Recorder, clickhouse: &ClickHouse) -> (Plan, SocketAddr) {
    // A busy machine is no reason to refuse here.
    let plan = Plan::new("notes", POLICY).policy("time_limit_ms: 10000");
    plan.folder().write("writer.password", WRITER.1);
    plan.folder().write("keys.json", r#"{"keys": []}"#);
    let (plan, at) = plan.loopback("pod");
    let server = format!("{{url: 'http://{}', user: writer, password_file: writer.password, request_timeout_ms: 2000}}", clickhouse.http());
    let plan = plan.upstream("notes", recorder.address()).route(ROUTE).more("permissions: {keys: keys.json}");
    (plan.more(format!("audit:\n  durability: node\n  clickhouse: {server}\n  {SHIPPING}")), at)
}

/// As [`begin`], and maria's key signs overrides.
pub(crate) fn begin_with_key(recorder: &Recorder, clickhouse: &ClickHouse) -> (Sidecar, SocketAddr) {
    make_tables(clickhouse);
    let (plan, at) = plan_with_key(recorder, clickhouse);
    (plan.start("PRODUCTION"), at)
}

/// As [`plan`], with maria's key in `maria.pem`.
pub(crate) fn plan_with_key(recorder: &Recorder, clickhouse: &ClickHouse) -> (Plan, SocketAddr) {
    let (plan, at) = plan(recorder, clickhouse);
    let keygen =
        ["permission", "keygen", "--person", "maria@example.org", "--role", "override", "--out", "maria.pem", "--keys", "keys.json"];
    let made = command(plan.folder().path(), &keygen, &[]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    (plan, at)
}

/// Stops it as an operator would. It must have delivered everything by then; what its journal holds.
pub(crate) fn end(sidecar: &mut Sidecar) -> Ledger {
    assert_eq!(sidecar.end(), Some(0));
    let ledger = ledger(sidecar);
    let said = sidecar.toolgate.lines().pop().unwrap();
    assert!(said.contains("\"undelivered\":0"), "{said}");
    ledger
}

/// What its journal holds now.
pub(crate) fn ledger(sidecar: &Sidecar) -> Ledger {
    Ledger::read(&sidecar.toolgate.folder().path().join("journal"))
}

/// Writes a note.
pub(crate) fn put(at: SocketAddr, id: &str) -> Answer {
    let request = hyper::Request::post(format!("/notes/{id}")).header("content-type", "application/json");
    ask(&Door::Tcp(at), request, format!(r#"{{"text":"{id}"}}"#).into()).unwrap()
}

/// Deletes a note, with a permission where there is one.
pub(crate) fn delete(at: SocketAddr, id: &str, permission: Option<&str>) -> std::io::Result<Answer> {
    let request = hyper::Request::delete(format!("/notes/{id}"));
    let request = permission.into_iter().fold(request, |request, token| request.header("toolgate-permission", token));
    ask(&Door::Tcp(at), request, Vec::new())
}

/// The value of a metric without labels.
pub(crate) fn metric(sidecar: &Sidecar, name: &str) -> f64 {
    let text = get(sidecar.admin.clone(), "/metrics").unwrap().text();
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).unwrap_or_else(|| panic!("no `{name}` in {text}"));
    value.parse().unwrap()
}
