//! Toolgate's own SVID: what others would refuse is refused before it serves, an expired one is told, and the page's recipe makes good ones.

use super::OWN_PATH;
use crate::peers::{Answer, Authority, Folder, Leaf, Recorder, Toolgate, Wrong, command, free_port, get, run, until};
use crate::sidecar::{ALLOW, Plan, Sidecar};
use serde_json::json;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

const SOON: Duration = Duration::from_secs(60);
/// What a listener's address is in the page, and the admin's in what `init` writes.
const PAGE: &str = include_str!("../../../docs/mtls.md");

fn plan(authority: &Authority, own: &crate::peers::pki::Issued, recorder: &Recorder) -> Plan {
    let (plan, _) = Plan::new("own", ALLOW).upstream("notes", recorder.address()).clickhouse_away().mtls("fleet", own, authority);
    plan.policy("reload_interval_s: 1").mcp("fleet", "notes")
}

fn readyz(sidecar: &Sidecar) -> Answer {
    get(sidecar.admin.clone(), "/readyz").unwrap()
}

#[test]
fn nothing_is_served_with_a_certificate_that_others_refuse() {
    let (authority, recorder) = (Authority::new("example.org"), Recorder::start());
    for (wrong, words) in [
        (Wrong::Expired, "svid.pem`: the certificate expired at 20"),
        (Wrong::NotYet, "svid.pem`: the certificate is not valid before 20"),
        (Wrong::NoName, "svid.pem`: the certificate has no SPIFFE id"),
        (Wrong::ServerOnly, "svid.pem`: the extended key usage of the certificate"),
    ] {
        let own = authority.wrong(wrong, OWN_PATH);
        let folder = plan(&authority, &own, &recorder).written();
        let checked = command(folder.path(), &["check", "--offline"], &[("SOMA_AGENT_MODE", "PRODUCTION")]);
        let told = String::from_utf8_lossy(&checked.stdout).into_owned();
        assert_eq!(checked.status.code(), Some(2), "{told}");
        assert!(told.lines().any(|line| line.starts_with("WRONG ") && line.contains("identity.svid") && line.contains(words)), "{told}");
        let said = plan(&authority, &own, &recorder).refused("LOCAL");
        assert!(said.contains(words), "{wrong:?}: {said}");
    }
}

#[test]
fn an_own_certificate_that_expires_is_told_and_no_expired_one_is_taken() {
    let (authority, recorder) = (Authority::new("example.org"), Recorder::start());
    let last = SystemTime::now() + Duration::from_secs(10);
    let valid = SystemTime::now() - Duration::from_secs(60)..last;
    let own = authority.issue(&Leaf { valid, ..Leaf::svid(authority.id(OWN_PATH)) });
    let sidecar = plan(&authority, &own, &recorder).start_alive("LOCAL");
    let metrics = get(sidecar.admin.clone(), "/metrics").unwrap().text();
    let shown = metrics.lines().find_map(|line| line.strip_prefix("toolgate_svid_not_after_seconds ")).unwrap().parse::<f64>().unwrap();
    let expected = last.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs_f64();
    assert!((shown - expected).abs() < 1.5, "{shown} {expected}");
    let told = until("the certificate to expire", SOON, || Some(readyz(&sidecar)).filter(|answer| answer.status == 503)).text();
    assert!(told.contains("`identity.svid`: the certificate expired at "), "{told}");
    sidecar.toolgate.await_line(0, "`identity.svid`: the certificate expired at ");

    let from = sidecar.records().len();
    authority.wrong(Wrong::Expired, OWN_PATH).write(sidecar.toolgate.folder().path(), "svid");
    let rejected = sidecar.await_record(from, "the expired one", |record| record["envelope"]["action"] == "reject");
    assert_eq!(rejected["envelope"]["material"], "certificate", "{rejected}");
    authority.svid(OWN_PATH).write(sidecar.toolgate.folder().path(), "svid");
    until("the new one to be taken", SOON, || (readyz(&sidecar).status == 200).then_some(()));
}

/// The page's blocks that begin with `start`, one after another.
fn block(start: &str) -> String {
    let lines: Vec<&str> = PAGE.lines().collect();
    let at = lines.iter().position(|line| line.strip_prefix("    ").is_some_and(|line| line.starts_with(start)));
    let rest = &lines[at.unwrap_or_else(|| panic!("no block `{start}`"))..];
    let block = rest.iter().take_while(|line| line.is_empty() || line.starts_with("    "));
    block.map(|line| format!("{}\n", line.get(4..).unwrap_or_default())).collect()
}

#[test]
fn the_pages_recipe_makes_what_its_configuration_takes() {
    let (folder, recorder) = (Folder::new("recipe"), Recorder::start());
    let shell = |line: &str| run(Command::new("bash").args(["-ec", line]).current_dir(folder.path()), SOON);
    assert!(command(folder.path(), &["init"], &[]).status.success());
    let made = shell(&block("mkdir"));
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let (at, admin) = (SocketAddr::from(([0, 0, 0, 0], free_port())), SocketAddr::from(([127, 0, 0, 1], free_port())));
    let text = configuration(folder.path(), at, admin, recorder.address());
    let toolgate = Toolgate::start(folder, &text, "LOCAL", admin);

    let curl = block("curl").replace("localhost:8443", &format!("localhost:{}", at.port())).replace("toolgate audit query", "");
    let call = |line: &str| {
        let output = run(Command::new("bash").args(["-ec", line]).current_dir(toolgate.folder().path()), SOON);
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    };
    let told = call(&curl);
    assert_eq!(recorder.received().len(), 1, "{told}");
    let query = command(toolgate.folder().path(), &["audit", "query", "-o", "json"], &[]);
    let lines: serde_json::Value = serde_json::from_slice(&query.stdout).unwrap();
    assert_eq!(lines[0]["subject"], json!("spiffe://example.org/ns/agents/sa/coder"), "{lines}");
    let nobody = call(&curl.replace("--cert tls/agent.pem --key tls/agent.key", ""));
    assert!(nobody.contains("toolgate.identity.no_certificate"), "{nobody}");
}

/// What `init` wrote, with the page's sections in place of its own, on ports that are free.
fn configuration(folder: &Path, at: SocketAddr, admin: SocketAddr, upstream: SocketAddr) -> String {
    let written = std::fs::read_to_string(folder.join("toolgate.yaml")).unwrap();
    let sections = written.split("\n\n").filter(|section| !section.starts_with("listeners:") && !section.starts_with("identity:"));
    let whole = [sections.collect::<Vec<_>>().join("\n\n"), block("listeners:").replace("0.0.0.0:8443", &at.to_string())].join("\n");
    whole.replace("127.0.0.1:9901", &admin.to_string()).replace("127.0.0.1:3000", &upstream.to_string())
}
