//! A page in a browser of the same machine is not the agent, whatever name it calls by.

use super::TOOL;
use crate::peers::{Recorder, ask};
use crate::sidecar::{ALLOW, Plan, decision};
use hyper::header::HeaderValue;
use serde_json::json;

#[test]
fn a_page_of_another_site_is_refused_on_a_plain_listener() {
    let recorder = Recorder::start();
    let route = |name: &str, more: &str| {
        format!(
            "{{name: {name}, listener: agent, upstream: notes, protocol: http, tools: [{{method: POST, path: {TOOL}, tool: note}}]{more}}}"
        )
    };
    for mode in ["PRODUCTION", "LOCAL"] {
        let (plan, at) = Plan::new("page", ALLOW).upstream("notes", recorder.address()).clickhouse_away().loopback("agent");
        let sidecar = plan.route(route("any", "")).route(route("named", ", host: notes.example")).start(mode);
        for (host, origin, forwarded) in [
            ("localhost", None, true),
            ("localhost", Some("http://127.0.0.1:5173"), true),
            ("notes.example", Some("http://notes.example"), true),
            ("localhost", Some("https://page.example"), false),
            ("localhost", Some("http://notes.example"), false),
            ("notes.example", Some("https://page.example"), false),
            ("localhost", Some("null"), false),
            ("localhost", Some("\u{ff}"), false),
            ("page.example", None, false),
            ("\u{ff}", None, false),
        ] {
            // Not UTF-8.
            let value =
                |text: &str| HeaderValue::from_bytes(&text.chars().map(|byte| u8::try_from(byte).unwrap()).collect::<Vec<_>>()).unwrap();
            let mut request = hyper::Request::post(TOOL).header("host", value(host)).header("content-type", "application/json");
            if let Some(origin) = origin {
                request = request.header("origin", value(origin));
            }
            let answer = ask(&at.into(), request, b"{}".to_vec()).unwrap();
            let told = format!("{mode} {host:?} {origin:?}: {}", answer.text());
            let (status, done) = if forwarded { (200, "forward") } else { (400, "refuse") };
            assert_eq!(answer.status, status, "{told}");
            assert_eq!(sidecar.record(&decision(&answer), "decision")["envelope"]["done"], json!(done), "{told}");
            assert!(forwarded || answer.text().contains("toolgate.http.host"), "{told}");
        }
    }
}
