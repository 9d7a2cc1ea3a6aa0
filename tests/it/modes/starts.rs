//! What keeps it from starting in which mode: a pod, plain HTTP beyond the machine, a minimum; and every mistake of a configuration told at once.

use crate::peers::{Folder, Recorder, command, get};
use crate::sidecar::{Plan, Sidecar, header, post_json};
use serde_json::json;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;

/// What each service of a cluster sees in its environment.
const POD: (&str, &str) = ("KUBERNETES_SERVICE_HOST", "10.0.0.1");
const DENY: &str = "package toolgate\n\ndecision := false\n";
const ROUTE: &str = "{name: notes, listener: agent, upstream: notes, protocol: http, tools: [{method: POST, path: /note, tool: note}]}";

/// A sidecar before `upstream`, in YAML, with further top-level keys.
fn before(upstream: &str, more: &str) -> (Plan, SocketAddr) {
    let (plan, at) = Plan::new("starts", DENY).upstream_as(upstream).route(ROUTE).clickhouse_away().loopback("agent");
    (plan.more(more), at)
}

fn plan(more: &str) -> Plan {
    before("{name: notes, kind: http, address: '127.0.0.1:9'}", more).0
}

/// What it says of itself when it serves: the mode, its level, and whether that is permissive.
fn serves(sidecar: &Sidecar, mode: &str, level: &str, permissive: bool) {
    let metrics = get(sidecar.admin.clone(), "/metrics").unwrap().text();
    let line = format!("toolgate_mode{{mode=\"{mode}\",enforcement=\"{level}\",permissive=\"{permissive}\"}} 1\n");
    let said: Vec<&str> = metrics.lines().filter(|line| line.starts_with("toolgate_mode{")).collect();
    assert!(metrics.contains(&line), "{line}{said:?}");
    assert_eq!(sidecar.toolgate.lines().iter().any(|line| line.contains("PERMISSIVE")), permissive, "{mode} {level}");
}

fn told_once(said: &str, place: &str, words: &str) {
    assert_eq!(said, format!("toolgate: the configuration has 1 mistake(s):\n{place}: {words}\n"));
}

#[test]
fn warn_starts_in_a_pod_only_where_the_configuration_says_so_and_production_knows_no_such_word() {
    let pod = |more: &str| plan(more).env(POD.0, POD.1);
    let words =
        "LOCAL forwards what the policy refuses, and this is a Kubernetes pod: run another mode, or write `permissive_in_pod: true`";
    told_once(&pod("").refused("LOCAL"), "toolgate.yaml:1:1: permissive_in_pod", words);
    serves(&pod("permissive_in_pod: true").start("LOCAL"), "LOCAL", "warn", true);
    serves(&pod("").start("DEVELOPMENT"), "DEVELOPMENT", "observe", true);
    serves(&pod("").start("PRODUCTION"), "PRODUCTION", "fail_closed", false);
    for plan in [pod("permissive_in_pod: true"), plan("permissive_in_pod: true")] {
        let said = plan.refused("PRODUCTION");
        assert!(said.contains("permissive_in_pod: PRODUCTION knows no such exception: leave the key out"), "{said}");
    }
}

#[test]
fn plain_http_leaves_the_machine_in_permissive_modes_alone_and_never_unsaid() {
    for host in ["192.0.2.1", "tools.example.org", "[2001:db8::1]"] {
        let upstream = format!("{{name: notes, kind: http, address: '{host}:3000'}}");
        for (mode, level) in [("TRAINING", "strict"), ("PRODUCTION", "fail_closed")] {
            let words = format!("plain HTTP would leave the machine, which `{level}` refuses: use TLS, loopback or a Unix socket");
            told_once(&before(&upstream, "").0.refused(mode), "toolgate.yaml:7:40: upstreams[0].address", &words);
        }
        for (mode, level) in [("LOCAL", "warn"), ("DEVELOPMENT", "observe")] {
            let sidecar = before(&upstream, "").0.start(mode);
            serves(&sidecar, mode, level, true);
            sidecar.toolgate.await_line(0, "upstream `notes` is reached over plain HTTP beyond this machine");
        }
    }
    let local = plan("").start("PRODUCTION");
    assert!(!local.toolgate.lines().iter().any(|line| line.contains("plain HTTP")), "loopback is no reason to warn");
}

#[test]
fn records_go_over_plain_http_beyond_the_machine_in_permissive_modes_alone_and_never_unsaid() {
    let far = || {
        let (plan, _) = Plan::new("starts", DENY).upstream_as("{name: notes, kind: unix, path: notes.sock}").route(ROUTE).loopback("agent");
        plan.more("audit: {durability: node, clickhouse: {url: 'http://192.0.2.1:8123'}}")
    };
    for mode in ["TRAINING", "PRODUCTION"] {
        let said = far().refused(mode);
        assert!(said.contains(": audit.clickhouse.url: plain HTTP would leave the machine, which `"), "{mode}: {said}");
    }
    let sidecar = far().start("DEVELOPMENT");
    sidecar.toolgate.await_line(0, "ClickHouse is reached over plain HTTP beyond this machine");
    let check = command(sidecar.toolgate.folder().path(), &["check", "--offline"], &[("SOMA_AGENT_MODE", "DEVELOPMENT")]);
    let said = String::from_utf8_lossy(&check.stdout).into_owned();
    assert!(said.contains("WARNING  ClickHouse is reached over plain HTTP beyond this machine"), "{said}");
}

/// A minimum in a file of its own.
fn with_minimum(word: &str) -> (Plan, Recorder, SocketAddr) {
    let recorder = Recorder::start();
    let upstream = format!("{{name: notes, kind: http, address: '{}'}}", recorder.address());
    let (plan, at) = before(&upstream, "minimum_enforcement: minimum");
    plan.folder().write("minimum", word);
    (plan, recorder, at)
}

#[test]
fn no_mode_goes_below_the_minimum_and_none_is_loosened_by_it() {
    for (mode, minimum, level, status) in [
        ("LOCAL", "warn", "warn", 200),
        ("LOCAL", "observe", "observe", 200),
        ("LOCAL", "strict\n", "strict", 403),
        ("DEVELOPMENT", "fail_closed", "fail_closed", 403),
        ("PRODUCTION", "warn", "fail_closed", 403),
    ] {
        let (plan, recorder, at) = with_minimum(minimum);
        let sidecar = plan.start(mode);
        serves(&sidecar, mode, level, status == 200);
        let answer = post_json(at, "/note", &[], &json!({}));
        assert_eq!((answer.status, header(&answer, "toolgate-warning").is_empty()), (status, status == 403), "{mode} above {minimum}");
        assert_eq!(recorder.received().len(), usize::from(status == 200), "{mode} above {minimum}");
    }
    let (plan, _recorder, _) = with_minimum("observe");
    serves(&plan.env(POD.0, POD.1).start("LOCAL"), "LOCAL", "observe", true);
    let far = "{name: notes, kind: http, address: '192.0.2.1:3000'}";
    let (plan, _) = before(far, "minimum_enforcement: minimum");
    plan.folder().write("minimum", "strict");
    let said = plan.refused("LOCAL");
    assert!(
        said.contains("plain HTTP would leave the machine, which `strict` refuses"),
        "what a level refuses, its minimum refuses: {said}"
    );
}

#[test]
fn a_minimum_that_cannot_be_trusted_is_none_to_start_with() {
    let levels = "`warn`, `observe`, `strict`, `fail_closed`";
    for word in ["", "none", "STRICT", "strict\nwarn"] {
        let said = with_minimum(word).0.refused("PRODUCTION");
        assert!(said.contains("\nminimum: ") && said.contains(&format!("is no level: write one of {levels}")), "{word:?}: {said}");
    }
    for bits in [0o620, 0o602] {
        let (plan, ..) = with_minimum("strict");
        std::fs::set_permissions(plan.folder().path().join("minimum"), std::fs::Permissions::from_mode(bits)).unwrap();
        told_once(
            &plan.refused("PRODUCTION"),
            "minimum",
            "its group or everybody may write it: `chmod go-w` it, or an agent could lower the minimum",
        );
    }
    let (plan, ..) = with_minimum("strict");
    std::fs::remove_file(plan.folder().path().join("minimum")).unwrap();
    told_once(&plan.refused("LOCAL"), "minimum", "the minimum of enforcement cannot be read: No such file or directory (os error 2)");
}

/// Mistakes of every kind, in each file that is read.
const MISTAKEN: &str = "minimum_enforcement: minimum
permissive_in_pod: true
listeners:
  - {name: agent, kind: loopback, address: '0.0.0.0:8080', subject: 'spiffe://example.org/agent', peer_uids: [1000]}
  - {name: agent, kind: unix, path: agent.sock, socket_mode: 888, subject: agent, peer_uids: []}
  - name: fleet
    kind: tls
admin: {kind: loopback, adress: '127.0.0.1:9901'}
identity:
  trust_domain: example.org
  issuers: [{issuer: 'https://login.example.org', jwks: login.json, audience: toolgate, algorithms: [HS256]}]
upstreams:
  - {name: far, kind: http, address: 'tools.example.org:3000'}
  - {name: files, kind: mtls, address: 'files.svc:8443', spiffe_id: 'spiffe://other.example/files'}
routes:
  - {name: one, listener: agents, upstream: far, protocol: mcp, filter_lists: yes}
  - {name: two, listener: agent, upstream: files, protocol: http, tools: [{method: FETCH, path: note, tool: note}]}
policy: {source: policies, time_limit_ms: 0, builtin_errors: null}
journal: {budget_bytes: 1e9}
audit: {durability: pod}
limits: {json: {depth_max: 99999999999999999999}}
drain_timeout_ms: soon
";

const EVERY_MISTAKE: &str = "toolgate: the configuration has 25 mistake(s):
minimum: `most` is no level: write one of `warn`, `observe`, `strict`, `fail_closed`
modes.yaml:141:12: PRODUCTION.redis.ttl_s: this is `soon`, wanted is a whole number from 1 to 31536000
overlays/production/modes.yaml:3:5: PRODUCTION.redis.ttl: an overlay adds no key: it is not in the file below it
overlays/production/modes.yaml:4:18: PRODUCTION.training_lock: this is `maybe`, wanted is `true` or `false`
toolgate.yaml:2:20: permissive_in_pod: PRODUCTION knows no such exception: leave the key out
toolgate.yaml:4:44: listeners[0].address: `0.0.0.0:8080` is not a loopback address and port such as `127.0.0.1:8080`: it is reached from outside, and plain HTTP stays on the machine
toolgate.yaml:5:12: listeners: the name `agent` is taken in line 4: choose another
toolgate.yaml:5:62: listeners[1].socket_mode: this is the number `888`, wanted is three octal digits such as `660`
toolgate.yaml:5:76: listeners[1].subject: `agent` is not a SPIFFE id such as `spiffe://example.org/ns/shop/sa/agent`: a SPIFFE id begins with `spiffe://`
toolgate.yaml:5:94: listeners[1].peer_uids: the list has 0 entries, wanted is a list of 1 to 64 entries, each a whole number from 0 to 4294967294
toolgate.yaml:7:11: listeners[2].kind: this is `tls`, wanted is one of `mtls`, `loopback`, `unix`
toolgate.yaml:8:8: admin.address: the key is missing: add it, wanted is a loopback address and port such as `127.0.0.1:8080`
toolgate.yaml:8:25: admin.adress: unknown key; known here: `peer_uids`, `kind`, `address`
toolgate.yaml:11:102: identity.issuers[0].algorithms[0]: this is `HS256`, wanted is one of `RS256`, `PS256`, `ES256`, `ES384`, `EdDSA`
toolgate.yaml:13:38: upstreams[0].address: plain HTTP would leave the machine, which `fail_closed` refuses: use TLS, loopback or a Unix socket
toolgate.yaml:16:27: routes[0].listener: this is `agents`, wanted is a name from `listeners`: `agent`, `agent`, `fleet`
toolgate.yaml:16:79: routes[0].filter_lists: this is `yes`, wanted is `true` or `false`
toolgate.yaml:17:84: routes[1].tools[0].method: this is `FETCH`, wanted is one of `GET`, `POST`, `PUT`, `PATCH`, `DELETE`, `HEAD`, `OPTIONS`
toolgate.yaml:18:43: policy.time_limit_ms: this is the number `0`, wanted is a whole number from 1 to 10000
toolgate.yaml:18:62: policy.builtin_errors: this is empty, wanted is one of `error`, `undefined`
toolgate.yaml:19:25: journal.budget_bytes: this is the number `1e9`, wanted is a whole number from 1048576 to 1099511627776
toolgate.yaml:20:8: audit.clickhouse: the key is missing: add it, wanted is the server that keeps every record where decisions are enforced
toolgate.yaml:20:21: audit.durability: `pod` loses records in this mode: write `node`, or what is true above it
toolgate.yaml:21:28: limits.json.depth_max: this is the number `99999999999999999999`, wanted is a whole number from 1 to 64
toolgate.yaml:22:19: drain_timeout_ms: this is `soon`, wanted is a whole number from 0 to 3600000
";

#[test]
fn every_mistake_of_every_file_is_told_at_once_with_its_place() {
    let folder = Folder::new("mistaken");
    let modes = include_str!("../../../config/modes.yaml");
    folder.write(
        "modes.yaml",
        modes.replace("enforcement: fail_closed", "enforcement: strict").replace("    ttl_s: 3600", "    ttl_s: soon"),
    );
    folder.write("overlays/production/modes.yaml", "PRODUCTION:\n  redis:\n    ttl: 5\n  training_lock: maybe\n");
    folder.write("minimum", "most");
    folder.write("toolgate.yaml", MISTAKEN);
    for verb in ["run", "check"] {
        let output = command(folder.path(), &[verb], &[("SOMA_AGENT_MODE", "PRODUCTION")]);
        assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(2), EVERY_MISTAKE), "{verb}");
    }
}
