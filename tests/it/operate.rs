//! What an operator relies on: health and metrics say what is so, an end loses nothing, a bad policy changes nothing.

mod opa;

use crate::peers::{Answer, Process, ask, command, free_port, get, post, until};
use crate::sidecar::{ALLOW, Plan, Sidecar, decision, header, post_json};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

/// For an end that waits for a call.
const SOON: Duration = Duration::from_secs(60);
const TOOL: &str = "/tools/note";
/// The answer of an upstream that a test writes by hand.
const DONE: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";

/// An upstream that answers when the test says so.
struct Upstream(TcpListener);

impl Upstream {
    fn start() -> Upstream {
        Upstream(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    /// Takes the next call, its body whole, without answering it.
    fn take(&self) -> TcpStream {
        let (mut stream, _) = self.0.accept().unwrap();
        let mut seen = Vec::new();
        let mut byte = [0];
        while !seen.ends_with(b"{}") {
            stream.read_exact(&mut byte).unwrap();
            seen.push(byte[0]);
        }
        stream
    }
}

fn plan(policy: &str, upstream: SocketAddr) -> (Plan, SocketAddr) {
    let (plan, at) = Plan::new("operate", policy).upstream("notes", upstream).clickhouse_away().loopback("agent");
    let route =
        format!("{{name: notes, listener: agent, upstream: notes, protocol: http, tools: [{{method: POST, path: {TOOL}, tool: note}}]}}");
    (plan.route(route).policy("reload_interval_s: 1"), at)
}

fn note(at: SocketAddr) -> Answer {
    post_json(at, TOOL, &[], &json!({}))
}

/// A call that the upstream answers at once.
fn answered(at: SocketAddr, upstream: &Upstream) -> Answer {
    std::thread::scope(|scope| {
        let call = scope.spawn(|| note(at));
        upstream.take().write_all(DONE).unwrap();
        call.join().unwrap()
    })
}

fn readyz(sidecar: &Sidecar) -> Answer {
    get(sidecar.admin.clone(), "/readyz").unwrap()
}

fn policy_record(sidecar: &Sidecar, from: usize, action: &str) -> Value {
    sidecar.await_record(from, action, |record| record["envelope"]["kind"] == "policy" && record["envelope"]["action"] == action)
}

#[test]
fn without_a_policy_every_decision_is_an_error_and_it_is_not_ready() {
    let upstream = Upstream::start();
    let (plan, at) = plan("package toolgate\n\ndecision := \n", upstream.0.local_addr().unwrap());
    let plan = plan.more("permissions: {keys: keys.json}");
    let keygen =
        ["--person", "maria@example.org", "--role", "override", "--role", "break_glass", "--out", "maria.pem", "--keys", "keys.json"];
    let made = command(plan.folder().path(), &[&["permission", "keygen"][..], &keygen].concat(), &[]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let sidecar = plan.start_alive("PRODUCTION");
    let ready = readyz(&sidecar);
    assert_eq!(ready.status, 503);
    assert!(ready.text().starts_with("not ready\n") && ready.text().contains("no policy is loaded from"), "{}", ready.text());
    let rejected = policy_record(&sidecar, 0, "reject");
    assert!(rejected["body"]["problems"].to_string().contains("toolgate.rego:"), "{rejected}");
    assert!(!rejected["body"]["problems"].to_string().contains("no rule"), "the cause alone: {rejected}");
    // No loaded policy is an error decision, told apart from a policy that is old; a person may lift it like any other.
    let answer = note(at);
    assert!(answer.status == 403 && answer.text().contains("toolgate.policy.none"), "{} {}", answer.status, answer.text());
    let record = sidecar.record(&decision(&answer), "decision");
    assert_eq!(
        (&record["envelope"]["would"], &record["envelope"]["reasons"]),
        (&json!("error"), &json!(["toolgate.policy.none", "toolgate.error"])),
        "{record}"
    );
    let folder = sidecar.toolgate.folder().path();
    let glass = ["--kind", "override", "--break-glass", "--key", "maria.pem", "--reason", "no policy", "--yes", "--deposit"];
    let signed = command(
        folder,
        &[&["permission", "sign", "--admin", "unix:admin.sock", "--decision", &decision(&answer)][..], &glass].concat(),
        &[],
    );
    assert!(signed.status.success(), "{}", String::from_utf8_lossy(&signed.stderr));
    assert_eq!(answered(at, &upstream).status, 200, "glass was broken");

    sidecar.toolgate.folder().write("policies/toolgate.rego", ALLOW);
    policy_record(&sidecar, 0, "load");
    assert_eq!((readyz(&sidecar).text().lines().next().unwrap().to_owned(), answered(at, &upstream).status), ("ready".to_owned(), 200));
}

#[test]
fn a_policy_that_could_not_be_tried_is_tried_again() {
    let upstream = Upstream::start();
    let (plan, at) = plan(ALLOW, upstream.0.local_addr().unwrap());
    let sidecar = plan.start("PRODUCTION");
    // No thread can be started, as on a machine that has too many.
    let strace = Process::spoil("clone,clone3", "EAGAIN", sidecar.toolgate.pid(), sidecar.toolgate.folder());
    sidecar.toolgate.folder().write("policies/toolgate.rego", "package toolgate\n\ndecision := false\n");
    let rejected = policy_record(&sidecar, 0, "reject");
    assert!(rejected["body"]["problems"].to_string().contains("no thread could be started"), "{rejected}");
    drop(strace);
    policy_record(&sidecar, 0, "reload");
    assert_eq!(note(at).status, 403);
    let rejections = sidecar.records().iter().filter(|record| record["envelope"]["action"] == "reject").count();
    assert_eq!(rejections, 1, "it is said once");
}

#[test]
fn who_may_not_administer_sees_health_and_metrics_alone() {
    let upstream = Upstream::start();
    let uid = rustix::process::getuid().as_raw();
    let stranger = plan(ALLOW, upstream.0.local_addr().unwrap()).0.administered_by(&format!("[{}]", uid + 1)).start("LOCAL");
    let asked = |path: &str| get(stranger.admin.clone(), path).unwrap();
    for path in ["/v1/permissions", "/v1/refusals/01890a5d-ac96-774b-bcce-b302099a8057", "/v1/none"] {
        let refused = asked(path);
        assert!(refused.status == 403 && refused.text().contains("toolgate.admin.peer"), "{path}: {}", refused.text());
        assert!(refused.text().contains(&format!("user {uid} may not administer here: `admin.peer_uids` names who may")));
    }
    let deposit = post(stranger.admin.clone(), "/v1/permissions", &[], "a.b.c").unwrap();
    assert_eq!((deposit.status, asked("/readyz").status, asked("/metrics").status), (403, 200, 200));
    // Whoever runs it may, if nobody is named.
    let at = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let own = plan(ALLOW, upstream.0.local_addr().unwrap()).0.administered_at(at).start("LOCAL");
    assert_eq!(get(own.admin.clone(), "/v1/permissions").unwrap().status, 200);
    // A page that had its own name resolved to this machine is no user of it.
    let page = ask(&own.admin, hyper::Request::get("/v1/permissions").header("host", "page.example"), Vec::new()).unwrap();
    assert!(page.status == 400 && page.text().contains("toolgate.http.host"), "{}", page.text());
}

#[test]
fn a_policy_is_swapped_whole_or_the_last_good_one_stays() {
    let upstream = Upstream::start();
    let (plan, at) = plan(ALLOW, upstream.0.local_addr().unwrap());
    let sidecar = plan.start("PRODUCTION");
    let first = answered(at, &upstream);
    let digest = |answer: &Answer| sidecar.record(&decision(answer), "decision")["envelope"]["policy_digest"].clone();
    let allowing = digest(&first);

    let from = sidecar.records().len();
    sidecar.toolgate.folder().write("policies/toolgate.rego", "package toolgate\n\ndecision := input.call.tol == \"note\"\n");
    let rejected = policy_record(&sidecar, from, "reject");
    assert!(rejected["body"]["problems"][0].as_str().unwrap().contains("toolgate.rego:3:"), "{rejected}");
    sidecar.toolgate.await_line(0, "the last good one stays");
    let second = answered(at, &upstream);
    assert_eq!((second.status, digest(&second), readyz(&sidecar).status), (200, allowing.clone(), 200));
    let told = readyz(&sidecar).text();
    assert!(told.contains("the policy on disk is rejected, the last good one stays: ") && told.contains("toolgate.rego:3:"), "{told}");
    // It stays for longer than its source may go unread: that one was read.
    let age = |metrics: &str| -> f64 {
        metrics.lines().find_map(|line| line.strip_prefix("toolgate_policy_age_seconds ")).unwrap().parse().unwrap()
    };
    let asked = || age(&get(sidecar.admin.clone(), "/metrics").unwrap().text());
    let grown = until("the age to grow", SOON, || Some(asked()).filter(|age| *age > 0.2));
    until("the rejected source to be read again", SOON, || (asked() < grown).then_some(()));

    let from = sidecar.records().len();
    sidecar.toolgate.folder().write("policies/toolgate.rego", "package toolgate\n\ndecision := false\n");
    let loaded = policy_record(&sidecar, from, "reload");
    let third = note(at);
    assert_eq!((third.status, digest(&third)), (403, loaded["envelope"]["digest"].clone()));
    assert_ne!(digest(&third), allowing);
}

#[test]
fn the_metrics_are_those_of_the_documentation() {
    let upstream = Upstream::start();
    let (plan, at) = plan(ALLOW, upstream.0.local_addr().unwrap());
    let sidecar = plan.start("LOCAL");
    answered(at, &upstream);
    // A refusal and a warning: a family without a member is not shown.
    assert_eq!(post(at, TOOL, &[("content-type", "text/plain")], "{}").unwrap().status, 415);
    let from = sidecar.records().len();
    sidecar.toolgate.folder().write("policies/toolgate.rego", "package toolgate\n\ndecision := false\n");
    policy_record(&sidecar, from, "reload");
    assert_eq!(header(&answered(at, &upstream), "toolgate-warning"), "toolgate.denied");
    let answer = get(sidecar.admin.clone(), "/metrics").unwrap();
    assert!(header(&answer, "content-type").starts_with("application/openmetrics-text"), "{answer:?}");
    let text = answer.text();
    let described = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")).map(|line| match line.split_once(' ').unwrap() {
        (name, "counter") => format!("{name}_total"),
        (name, _) => name.to_owned(),
    });
    let documented = include_str!("../../docs/metrics.md").lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    assert_eq!(described.collect::<BTreeSet<_>>(), documented.map(str::to_owned).collect(), "{text}");
    assert!(text.contains("toolgate_calls_total{route=\"notes\",would=\"allow\",done=\"forward\"} 1\n"), "{text}");
    assert!(text.contains("toolgate_mode{mode=\"LOCAL\",enforcement=\"warn\",permissive=\"true\"} 1\n"), "{text}");
    let ready = readyz(&sidecar).text();
    assert!(ready.contains("PERMISSIVE") && sidecar.toolgate.lines().iter().any(|line| line.contains("PERMISSIVE")), "{ready}");
}

#[test]
fn without_a_free_descriptor_a_caller_is_told_to_come_again_and_not_that_nobody_knows_it() {
    let upstream = Upstream::start();
    let (plan, at) = plan(ALLOW, upstream.0.local_addr().unwrap());
    let sidecar = plan.start("PRODUCTION");
    let pid = sidecar.toolgate.pid();
    let limit = |most: usize| {
        let most = format!("--nofile={most}:");
        let set = crate::peers::run(std::process::Command::new("prlimit").args(["--pid", &pid.to_string(), &most]), SOON);
        assert!(set.status.success(), "{}", String::from_utf8_lossy(&set.stderr));
    };
    let open = || -> BTreeSet<usize> {
        let files = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
        files.map(|file| file.unwrap().file_name().to_str().unwrap().parse().unwrap()).collect()
    };
    let lowest = || {
        let open = open();
        (0..).find(|number| !open.contains(number)).unwrap()
    };
    // What is open for a moment only is not open each time. The connection takes the last one.
    let free = (0..100).map(|_| lowest()).min().unwrap();
    limit(free + 1);
    let answer = note(at);
    assert!(answer.status == 503 && answer.text().contains("toolgate.overload"), "{} {}", answer.status, answer.text());
    limit(1024);
    assert_eq!(answered(at, &upstream).status, 200);
    let metrics = get(sidecar.admin.clone(), "/metrics").unwrap().text();
    assert!(metrics.contains("toolgate_limits_met_total{limit=\"system.open_files\"} 1\n"), "{metrics}");
}

#[test]
fn a_policys_message_may_hold_arguments_and_is_not_in_the_log() {
    let policy = r#"package toolgate

decision := {"allow": false, "reasons": [{"code": "note.wrong", "message": sprintf("not %v", [input.call.arguments.body])}]}
"#;
    let upstream = Upstream::start();
    for mode in ["LOCAL", "PRODUCTION"] {
        let (plan, at) = plan(policy, upstream.0.local_addr().unwrap());
        let sidecar = plan.start(mode);
        let id = std::thread::scope(|scope| {
            let call =
                scope.spawn(|| post(at, TOOL, &[("content-type", "application/json")], "{\"text\":\"p3rs0nal\",\"more\":{}}").unwrap());
            if mode == "LOCAL" {
                upstream.take().write_all(DONE).unwrap();
            }
            decision(&call.join().unwrap())
        });
        assert!(sidecar.record(&id, "decision")["body"]["messages"].to_string().contains("p3rs0nal"), "the record has it");
        sidecar.toolgate.await_line(0, "note.wrong");
        assert!(!sidecar.toolgate.lines().iter().any(|line| line.contains("p3rs0nal")), "{:?}", sidecar.toolgate.lines());
    }
}

#[test]
fn told_to_end_it_finishes_what_is_in_flight_and_takes_nothing_more() {
    let upstream = Upstream::start();
    let (plan, at) = plan(ALLOW, upstream.0.local_addr().unwrap());
    let mut sidecar = plan.start("PRODUCTION");
    let call = std::thread::spawn(move || note(at));
    let mut held = upstream.take();
    sidecar.toolgate.sigterm();
    sidecar.toolgate.await_line(0, "stopping");
    let ready = readyz(&sidecar);
    assert!(ready.status == 503 && ready.text().contains("it is stopping"), "{}", ready.text());
    assert!(TcpStream::connect(at).is_err(), "nothing more is taken");
    held.write_all(DONE).unwrap();
    let answer = call.join().unwrap();
    assert_eq!((answer.status, sidecar.toolgate.wait(SOON).code()), (200, Some(0)), "{}", answer.text());
    assert_eq!(sidecar.record(&decision(&answer), "outcome")["envelope"]["outcome"], "completed");
    let records = sidecar.records();
    let last = &records.last().unwrap()["envelope"];
    assert_eq!((&last["kind"], &last["action"]), (&json!("lifecycle"), &json!("stop")), "{last}");
}

#[test]
fn what_is_still_in_flight_when_the_grace_is_over_is_cut_and_counted() {
    let upstream = Upstream::start();
    let (plan, at) = plan(ALLOW, upstream.0.local_addr().unwrap());
    let mut sidecar = plan.more("drain_timeout_ms: 200").start("PRODUCTION");
    let call = std::thread::spawn(move || post(at, TOOL, &[("content-type", "application/json")], "{}"));
    let _held = upstream.take();
    assert_eq!(sidecar.end(), Some(1), "it says that not all went well");
    assert!(call.join().unwrap().is_err(), "the caller sees the connection end");
    let records = sidecar.records();
    let forwarded = records.iter().find(|record| record["envelope"]["kind"] == "decision").unwrap();
    let outcome = sidecar.record(forwarded["envelope"]["call"].as_str().unwrap(), "outcome");
    assert_eq!(outcome["envelope"]["outcome"], "abandoned", "{outcome}");
}
