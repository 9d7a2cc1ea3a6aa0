//! What a route judges by has one spelling: its path, the headers that its policy sees and the one that names the session.

use super::TOOL;
use crate::peers::{Answer, Recorder, ask};
use crate::sidecar::{ALLOW, Plan, Sidecar, decision};
use hyper::header::HeaderValue;
use serde_json::{Value, json};
use std::net::SocketAddr;

/// Names and values.
type Headers<'a> = &'a [(&'a str, &'a [u8])];

/// A route for all tools, and one for a tool under it.
fn started(recorder: &Recorder, mode: &str) -> (Sidecar, SocketAddr) {
    let (plan, at) = Plan::new("spelling", ALLOW).upstream("notes", recorder.address()).clickhouse_away().loopback("agent");
    let route = |name: &str, prefix: &str, path: &str, more: &str| {
        format!(
            "{{name: {name}, listener: agent, upstream: notes, protocol: http, prefix: {prefix}, tools: [{{method: POST, path: '{path}', tool: {name}}}]{more}}}"
        )
    };
    let plan = plan.route(route("all", "/tools", "/tools/{tool}", ", policy_headers: [x-env], session_header: x-run"));
    // Its table does not say where it lies: the prefix alone does.
    (plan.route(route("sms", "/tools/sms", "/{tools}/{sms}", "")).start(mode), at)
}

fn note(at: SocketAddr, path: &str, headers: Headers<'_>) -> Answer {
    let request = hyper::Request::post(path).header("content-type", "application/json");
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, HeaderValue::from_bytes(value).unwrap()));
    ask(&at.into(), request, b"{}".to_vec()).unwrap()
}

#[test]
fn another_spelling_of_what_is_judged_is_refused_in_every_mode() {
    let recorder = Recorder::start();
    for mode in ["PRODUCTION", "LOCAL"] {
        let (sidecar, at) = started(&recorder, mode);
        let cases: [(&str, Headers<'_>, Option<&str>); 15] = [
            (TOOL, &[], None),
            (TOOL, &[("x-env", b"a b"), ("x-env", b"dev"), ("x-run", b"1"), ("x-envs", b"\xff"), ("x_e", b"1")], None),
            ("/tools/sms", &[("x_env", b"prod")], None),
            ("/tools/smsx", &[], None),
            ("/tools/SMS", &[], Some("toolgate.http.path")),
            ("/tools/sm%53", &[], Some("toolgate.http.path")),
            ("/Tools/note", &[], Some("toolgate.http.path")),
            (TOOL, &[("x_env", b"prod")], Some("toolgate.http.header")),
            (TOOL, &[("x.env", b"prod")], Some("toolgate.http.header")),
            (TOOL, &[("x-env", b"dev"), ("X_Env", b"prod")], Some("toolgate.http.header")),
            (TOOL, &[("x-env", b"prod\xa0")], Some("toolgate.http.header")),
            (TOOL, &[("x-env", b"dev"), ("x-env", b"\xff")], Some("toolgate.http.header")),
            (TOOL, &[("x_run", b"1")], Some("toolgate.http.header")),
            (TOOL, &[("x-run", b"\xff")], Some("toolgate.http.header")),
            (TOOL, &[("x-run", b"1"), ("x-run", b"1")], Some("toolgate.http.header")),
        ];
        for (path, headers, refused) in cases {
            let answer = note(at, path, headers);
            let told = format!("{mode} {path} {headers:?}: {}", answer.text());
            let (status, done) = if refused.is_none() { (200, "forward") } else { (400, "refuse") };
            assert_eq!(answer.status, status, "{told}");
            assert_eq!(sidecar.record(&decision(&answer), "decision")["envelope"]["done"], json!(done), "{told}");
            assert!(refused.is_none_or(|code| answer.text().contains(code)), "{told}");
        }
    }
}

#[test]
fn what_a_permission_would_name_covers_the_headers_that_the_policy_sees() {
    let recorder = Recorder::start();
    let (sidecar, at) = started(&recorder, "PRODUCTION");
    let digest = |headers: Headers<'_>| -> Value {
        sidecar.record(&decision(&note(at, TOOL, headers)), "decision")["envelope"]["arguments_digest"].clone()
    };
    let (none, dev) = (digest(&[]), digest(&[("x-env", b"dev")]));
    assert_eq!((digest(&[("x-other", b"1")]), digest(&[("X-Env", b"dev"), ("x-run", b"1")])), (none.clone(), dev.clone()));
    assert!(none != dev && dev != digest(&[("x-env", b"stage")]));
}
