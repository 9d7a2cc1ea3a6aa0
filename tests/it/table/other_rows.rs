//! The rows that the policy does not choose: what is no call, who is not known, what is stale, full, down or too much.

use super::{ALLOWED, DENIED, MODES, Then, Upstreams, WAYS, Way, call, call_with, check, form, plan, routes, sidecar};
use crate::notes::metric;
use crate::peers::{Answer, Door, Process, free_port, get, post, until};
use crate::sidecar::{AGENT, Sidecar, decision, header};
use serde_json::json;
use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

/// For what a sidecar notices by itself.
const SOON: Duration = Duration::from_secs(60);

fn strict(mode: &str) -> bool {
    mode == "TRAINING" || mode == "PRODUCTION"
}

/// A row that permissive modes warn of and strict ones answer with 503.
fn unavailable(mode: &str, code: &'static str) -> Then {
    if strict(mode) { Then::Unavailable(code) } else { Then::Warn(code) }
}

/// Names and values.
type Headers = Vec<(&'static str, &'static str)>;

/// What is no call, in each way: path, headers, body; the status and the code.
fn unfit() -> Vec<(Way, Headers, Vec<u8>, u16, &'static str)> {
    let json = ("content-type", "application/json");
    let mcp = vec![json, ("accept", "application/json, text/event-stream"), ("mcp-protocol-version", "2026-07-28"), ("mcp-method", "ping")];
    let long = vec![b' '; 5000];
    vec![
        (Way::Http, vec![json], b"{\"a\":1,\"a\":2}".to_vec(), 400, "toolgate.malformed"),
        (Way::Http, vec![json], b"{\"a\":1".to_vec(), 400, "toolgate.malformed"),
        (Way::Http, vec![("content-type", "text/plain")], b"{}".to_vec(), 415, "toolgate.unsupported_type"),
        (Way::Http, vec![json, ("content-encoding", "gzip")], b"{}".to_vec(), 415, "toolgate.unsupported_type"),
        (Way::Http, vec![json], long.clone(), 413, "toolgate.body_over_limit"),
        (Way::Http, vec![json, ("origin", "https://page.example")], b"{}".to_vec(), 400, "toolgate.http.host"),
        (Way::Http, vec![json, ("sec-fetch-site", "cross-site")], b"{}".to_vec(), 400, "toolgate.http.host"),
        (Way::Mcp, [&mcp[..], &[("origin", "null")]].concat(), b"{}".to_vec(), 400, "toolgate.http.host"),
        (Way::Mcp, mcp.clone(), b"[]".to_vec(), 400, "toolgate.malformed"),
        (Way::Mcp, mcp.clone(), b"{\"jsonrpc\":\"2.0\",\"JSONRPC\":\"2.0\"}".to_vec(), 400, "toolgate.malformed"),
        (Way::Mcp, vec![("content-type", "text/json")], b"{}".to_vec(), 415, "toolgate.unsupported_type"),
        (Way::Mcp, mcp, long, 413, "toolgate.body_over_limit"),
    ]
}

#[test]
fn what_is_no_call_is_refused_in_every_level() {
    let upstreams = Upstreams::start();
    for mode in MODES {
        let (sidecar, at) = sidecar(&upstreams, mode, |plan| plan.more("limits: {body_bytes_max: 4096}"));
        for (way, headers, body, status, code) in unfit() {
            let path = if way == Way::Http { format!("/tools/{ALLOWED}") } else { "/mcp".to_owned() };
            let answer = post(at, &path, &headers, body.clone()).unwrap();
            let told = format!("{mode} {way:?} {}: {answer:?} {}", String::from_utf8_lossy(&body), answer.text());
            assert_eq!((answer.status, answer.text().contains(&decision(&answer))), (status, true), "{told}");
            let form = if way == Way::Http { "application/problem+json" } else { "application/json" };
            assert_eq!((header(&answer, "content-type").as_str(), answer.text().contains(code)), (form, true), "{told}");
            let record = sidecar.record(&decision(&answer), "decision");
            assert_eq!((&record["envelope"]["done"], &record["envelope"]["status"]), (&json!("refuse"), &json!(status)), "{told}");
        }
    }
    assert!(upstreams.recorder.received().is_empty());
}

#[test]
fn nobody_known_and_no_clear_tenant() {
    let upstreams = Upstreams::start();
    for mode in MODES {
        let elsewhere = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let other = rustix::process::getuid().as_raw() + 1;
        let listener = format!("{{name: other, kind: loopback, address: '{elsewhere}', subject: '{AGENT}', peer_uids: [{other}]}}");
        let (plan, at) = plan("caller", &upstreams).identity(format!("tenants: {{'{AGENT}': one}}")).listener(listener).loopback("agent");
        let sidecar = routes(routes(plan, "other", ""), "agent", ", tenant: two").start(mode);
        for way in WAYS {
            let unknown = if strict(mode) { Then::Unknown("toolgate.unidentified") } else { Then::Warn("toolgate.unidentified") };
            let answer = call(elsewhere, way, ALLOWED);
            let record = check(&sidecar, &answer, (mode, way, "another user"), unknown);
            assert!(record["envelope"]["workload"].is_null(), "{record}");
            // What a refused stranger sends in his headers takes up no room.
            assert_eq!(record["body"]["headers"].is_null(), strict(mode), "{record}");
            assert!(record["envelope"]["reasons"].as_array().unwrap().contains(&json!("toolgate.identity.peer_uid")), "{record}");
            assert_eq!(header(&answer, "www-authenticate").is_empty(), !strict(mode), "{answer:?}");
            let disagreement = "toolgate.tenant_disagreement";
            let answer = call(at, way, ALLOWED);
            if strict(mode) {
                let record = check(&sidecar, &answer, (mode, way, "two tenants"), Then::Refuse(disagreement));
                assert!(record["envelope"]["tenant"].is_null(), "{record}");
            } else {
                // Two rows at once: nobody was asked, and why.
                assert!(header(&answer, "toolgate-warning").contains(disagreement) && answer.status == 200, "{answer:?}");
                assert_eq!(sidecar.record(&decision(&answer), "decision")["envelope"]["would"], "error");
            }
        }
    }
}

#[test]
fn what_is_older_than_its_maximum_age_is_not_trusted() {
    let upstreams = Upstreams::start();
    let list = |next_update: i64| json!({"issued_at": 1, "next_update": next_update, "kids": [], "jtis": []}).to_string();
    for mode in MODES {
        let (plan, at) = plan("old", &upstreams).loopback("agent");
        plan.folder().write("keys.json", "{\"keys\": []}");
        plan.folder().write("revocations.json", list(2));
        let sidecar = routes(plan, "agent", "")
            .more("permissions: {keys: keys.json, revocations: revocations.json, revocations_age_max_s: 31536000}")
            .policy("reload_interval_s: 1")
            .policy("age_max_s: 2")
            .start_alive(mode);
        let ready = || get(sidecar.admin.clone(), "/readyz").unwrap();
        until("the policy to be there", SOON, || (!ready().text().contains("no policy")).then_some(()));
        assert!(ready().status == 503 && ready().text().contains("past its `next_update`"), "{}", ready().text());
        for way in WAYS {
            let stale = unavailable(mode, "toolgate.revocations_stale");
            check(&sidecar, &call(at, way, ALLOWED), (mode, way, "old revocations"), stale);
        }
        let folder = sidecar.toolgate.folder().path();
        let from = sidecar.records().len();
        crate::peers::command(folder, &["permission", "revoke", "--file", "revocations.json"], &[]);
        sidecar.await_record(from, "the renewed list", |record| {
            record["envelope"]["kind"] == "key"
                && record["envelope"]["material"] == "permission"
                && record["envelope"]["action"] == "reload"
        });
        check(&sidecar, &call(at, Way::Http, ALLOWED), (mode, Way::Http, "renewed revocations"), Then::Forward);

        std::fs::remove_dir_all(folder.join("policies")).unwrap();
        until("the policy to be too old", SOON, || get(sidecar.admin.clone(), "/readyz").ok().filter(|ready| ready.status == 503));
        for way in WAYS {
            check(&sidecar, &call(at, way, ALLOWED), (mode, way, "old policy"), unavailable(mode, "toolgate.policy_stale"));
        }
    }
}

#[test]
fn a_list_of_revocations_that_is_not_read_and_taken_any_more_is_not_trusted() {
    let upstreams = Upstreams::start();
    let (plan, at) = plan("unread", &upstreams).loopback("agent");
    let good =
        [("keys.json", "{\"keys\": []}"), ("revocations.json", r#"{"issued_at": 1, "next_update": 4102444800, "kids": [], "jtis": []}"#)];
    good.iter().for_each(|(file, text)| drop(plan.folder().write(file, *text)));
    let sidecar = routes(plan, "agent", "")
        .more("permissions: {keys: keys.json, revocations: revocations.json, revocations_age_max_s: 2}")
        .policy("reload_interval_s: 1")
        .start("PRODUCTION");
    let folder = sidecar.toolgate.folder();
    let ready =
        |status| until("readiness to change", SOON, || get(sidecar.admin.clone(), "/readyz").ok().filter(|ready| ready.status == status));
    // Gone, not a list, and a good list beside keys that are none: in each case what it says is not what holds.
    let gone = || std::fs::remove_file(folder.path().join("revocations.json")).unwrap();
    let torn = || drop(folder.write("revocations.json", "{\"issued_at\": 1,"));
    let keys = || drop(folder.write("keys.json", "{"));
    let spoilings: [(&str, &dyn Fn()); 3] = [("a list that is gone", &gone), ("a torn list", &torn), ("keys that are none", &keys)];
    for (name, spoil) in spoilings {
        ready(200);
        check(&sidecar, &call(at, Way::Http, ALLOWED), ("PRODUCTION", Way::Http, "a list that is taken"), Then::Forward);
        spoil();
        let told = ready(503);
        assert!(told.text().contains("was not read and taken for `permissions.revocations_age_max_s`"), "{name}: {}", told.text());
        let stale = unavailable("PRODUCTION", "toolgate.revocations_stale");
        check(&sidecar, &call(at, Way::Http, ALLOWED), ("PRODUCTION", Way::Http, name), stale);
        good.iter().for_each(|(file, text)| drop(folder.write(file, *text)));
    }
}

#[test]
fn beyond_its_room_a_sidecar_refuses_in_every_level() {
    let upstreams = Upstreams::start();
    for mode in MODES {
        // The kernel accepts for it, and nobody ever answers.
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let (sidecar, at) = sidecar(&upstreams, mode, |plan| {
            plan.upstream("silent", silent.local_addr().unwrap())
                .route("{name: silent, listener: agent, prefix: /silent, upstream: silent, protocol: http, tools: [{method: POST, path: /silent, tool: wait}]}")
                .more("limits: {calls_max: 1}\ndrain_timeout_ms: 1")
        });
        let waiting = std::thread::spawn(move || post(at, "/silent", &[("content-type", "application/json")], "{}"));
        let (held, _) = silent.accept().unwrap();
        for way in WAYS {
            check(&sidecar, &call(at, way, ALLOWED), (mode, way, "one call too many"), Then::Unavailable("toolgate.overload"));
        }
        drop(held);
        // It was sent and there is no answer: never again, and its outcome is not known.
        let unanswered = waiting.join().unwrap().unwrap();
        assert_eq!(unanswered.status, 502, "{}", unanswered.text());
        assert_eq!(sidecar.record(&decision(&unanswered), "outcome")["envelope"]["outcome"], "unknown");
    }
}

#[test]
fn beyond_its_room_for_bodies_a_sidecar_refuses_in_every_level() {
    let upstreams = Upstreams::start();
    for mode in MODES {
        let (sidecar, at) =
            sidecar(&upstreams, mode, |plan| plan.more("limits: {body_bytes_max: 4096, bodies_bytes_max: 4096}\ndrain_timeout_ms: 1"));
        let mut held = TcpStream::connect(at).unwrap();
        let head = format!("POST /tools/{ALLOWED} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 4096");
        held.write_all(format!("{head}\r\n\r\n{}", " ".repeat(4095)).as_bytes()).unwrap();
        until("a body that stops to take its room", SOON, || (metric(&sidecar, "toolgate_calls_in_flight") == 1.0).then_some(()));
        for way in WAYS {
            let answer = call(at, way, ALLOWED);
            check(&sidecar, &answer, (mode, way, "no room for its body"), Then::Unavailable("toolgate.overload"));
            assert!(answer.text().contains("`bodies_bytes_max`"), "{}", answer.text());
        }
        drop(held);
        until("its room to be free", SOON, || (call(at, Way::Http, ALLOWED).status == 200).then_some(()));
    }
}

#[test]
fn a_caller_that_takes_all_its_room_leaves_that_of_others() {
    let upstreams = Upstreams::start();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let other = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let uid = rustix::process::getuid().as_raw();
    let (sidecar, at) = sidecar(&upstreams, "PRODUCTION", |plan| {
        let subject = "spiffe://example.org/ns/agents/sa/neighbour";
        let plan = plan.listener(format!("{{name: other, kind: loopback, address: '{other}', subject: '{subject}', peer_uids: [{uid}]}}"));
        routes(plan, "other", "")
            .upstream("silent", silent.local_addr().unwrap())
            .route("{name: silent, listener: agent, prefix: /silent, upstream: silent, protocol: http, tools: [{method: POST, path: /silent, tool: wait}]}")
            .more("limits: {calls_per_caller_max: 1}\ndrain_timeout_ms: 1")
    });
    let waiting = std::thread::spawn(move || post(at, "/silent", &[("content-type", "application/json")], "{}"));
    let (held, _) = silent.accept().unwrap();
    let what = ("PRODUCTION", Way::Http, "its caller has no room left");
    let refused = call(at, Way::Http, ALLOWED);
    check(&sidecar, &refused, what, Then::Unavailable("toolgate.overload"));
    assert!(refused.text().contains("`calls_per_caller_max`"), "{}", refused.text());
    check(&sidecar, &call(other, Way::Http, ALLOWED), ("PRODUCTION", Way::Http, "another caller"), Then::Forward);
    drop(held);
    waiting.join().unwrap().unwrap();
    check(&sidecar, &call(at, Way::Http, ALLOWED), ("PRODUCTION", Way::Http, "there is room again"), Then::Forward);
}

fn lost(sidecar: &Sidecar) -> u64 {
    let metrics = get(sidecar.admin.clone(), "/metrics").unwrap().text();
    let line = metrics.lines().find_map(|line| line.strip_prefix("toolgate_records_lost_total ")).unwrap_or_else(|| panic!("{metrics}"));
    line.parse().unwrap()
}

#[test]
fn a_full_journal_refuses_or_counts_what_it_loses() {
    let upstreams = Upstreams::start();
    let large: Vec<String> = (0..300).map(|number| format!("{number:040}")).collect();
    let large = json!({ "list": large });
    for mode in MODES {
        let (sidecar, at) = sidecar(&upstreams, mode, |plan| plan.more("journal: {dir: journal, budget_bytes: 1048576}"));
        let full = |answer: &Answer| answer.status == 503 || header(answer, "toolgate-warning").contains("toolgate.journal_refused");
        let calls = (1..500).find(|_| full(&call_with(at, Way::Http, ALLOWED, &large, &[])));
        assert!(calls.is_some_and(|calls| calls > 10), "{mode}: the budget is that of some dozens of calls: {calls:?}");
        let before = (lost(&sidecar), upstreams.recorder.received().len());
        let what = (mode, Way::Http, "a full journal");
        form(&call_with(at, Way::Http, ALLOWED, &large, &[]), what, unavailable(mode, "toolgate.journal_refused"));
        assert!(lost(&sidecar) > before.0 || strict(mode), "{mode}: what is lost is counted");
        assert_eq!(upstreams.recorder.received().len() > before.1, !strict(mode), "{mode}");
    }
}

#[test]
fn a_failed_sync_takes_the_journal_down_until_a_restart() {
    let upstreams = Upstreams::start();
    for mode in MODES {
        let (mut sidecar, at) = sidecar(&upstreams, mode, |plan| plan);
        check(&sidecar, &call(at, Way::Http, ALLOWED), (mode, Way::Http, "a good disk"), Then::Forward);
        let strace = Process::spoil("fsync,fdatasync", "EIO", sidecar.toolgate.pid(), sidecar.toolgate.folder());
        if !strict(mode) {
            // Nobody waits for its record: it goes as if nothing were wrong, and is counted when its loss is known.
            check_gone(&sidecar, &call(at, Way::Http, ALLOWED), mode);
        }
        let sent = upstreams.recorder.received().len();
        for way in WAYS {
            let down = unavailable(mode, "toolgate.journal_down");
            for tool in [ALLOWED, DENIED] {
                let answer = call(at, way, tool);
                if tool == ALLOWED || !strict(mode) {
                    assert!(answer.status == 503 || header(&answer, "toolgate-warning").contains("toolgate.journal_down"), "{answer:?}");
                }
                if tool == ALLOWED {
                    form(&answer, (mode, way, "a failing disk"), down);
                }
            }
        }
        assert_eq!(upstreams.recorder.received().len() - sent, if strict(mode) { 0 } else { 2 }, "{mode}");
        let ready = get(sidecar.admin.clone(), "/readyz").unwrap();
        assert!(ready.status == 503 && ready.text().contains("journal is down"), "{}", ready.text());
        drop(strace);
        sidecar.toolgate.kill9();
        sidecar.toolgate.restart();
        check(&sidecar, &call(at, Way::Http, ALLOWED), (mode, Way::Http, "after a restart"), Then::Forward);
    }
}

/// A call went on, and its record is known to be lost soon after.
fn check_gone(sidecar: &Sidecar, answer: &Answer, mode: &str) {
    assert_eq!(answer.status, 200, "{mode}: {}", answer.text());
    until("the loss to be counted", SOON, || (lost(sidecar) == 1).then_some(()));
    until("the journal to be down", SOON, || {
        get(sidecar.admin.clone(), "/readyz").unwrap().text().contains("journal is down").then_some(())
    });
}

/// A Unix socket is a listener like any other.
#[test]
fn a_unix_socket_speaks_for_its_users_alone() {
    let upstreams = Upstreams::start();
    let uid = rustix::process::getuid().as_raw();
    let socket = |name: &str, uid: u32| format!("{{name: {name}, kind: unix, path: {name}.sock, subject: '{AGENT}', peer_uids: [{uid}]}}");
    let plan = plan("socket", &upstreams).listener(socket("ours", uid)).listener(socket("theirs", uid + 1));
    let sidecar = routes(routes(plan, "ours", ""), "theirs", "").start("PRODUCTION");
    let call = |name: &str| {
        let door = Door::Unix(sidecar.toolgate.folder().path().join(format!("{name}.sock")));
        post(door, &format!("/tools/{ALLOWED}"), &[("content-type", "application/json")], "{}").unwrap()
    };
    let story = |name| ("PRODUCTION", Way::Http, name);
    let record = check(&sidecar, &call("ours"), story("ours"), Then::Forward);
    assert_eq!((&record["envelope"]["workload"], &record["body"]["peer"]), (&json!(AGENT), &json!(format!("uid {uid}"))), "{record}");
    check(&sidecar, &call("theirs"), story("theirs"), Then::Unknown("toolgate.unidentified"));
}
