//! `toolgate check` asks the servers: each that is not there, or is not who it must be, is told with the place where it was looked for.

use super::OWN_PATH;
use crate::peers::{Authority, Recorder, Stunnel, command, free_port};
use crate::sidecar::{ALLOW, Plan};
use std::net::SocketAddr;

#[test]
fn check_says_where_it_looked_for_a_server_and_whom_it_expected() {
    let (authority, recorder) = (Authority::new("example.org"), Recorder::start());
    let nobody = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let another = Stunnel::server(&authority.svid("/ns/tools/sa/another"), authority.bundle(), recorder.address()).address();
    let wanted = authority.id("/ns/tools/sa/files");
    let plan = Plan::new("reach", ALLOW)
        .upstream("there", recorder.address())
        .upstream("away", nobody)
        .upstream_as("{name: socket, kind: unix, path: nowhere.sock}".to_owned())
        .upstream_as(format!("{{name: files, kind: mtls, address: 'localhost:{}', spiffe_id: '{wanted}'}}", another.port()));
    let (plan, _) = plan.clickhouse_away().mtls("fleet", &authority.svid(OWN_PATH), &authority);
    let plan = plan.route("{name: there, listener: fleet, upstream: there, protocol: mcp, prefix: /mcp}");
    let folder = plan.more("permissions: {keys: keys.json}").written();
    folder.write("keys.json", "{\"keys\": []}");
    let output = command(folder.path(), &["check"], &[("SOMA_AGENT_MODE", "PRODUCTION")]);
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(2), "{told}");
    let line = |start: &str| told.lines().find(|line| line.contains(start)).unwrap_or_else(|| panic!("no `{start}` in\n{told}"));
    assert!(line("upstream `there`").starts_with("ok "), "{told}");
    assert!(line("keys.json` holds no key").starts_with("WARNING "), "{told}");
    for (start, words) in [
        (format!("upstream `away` at `{nobody}`: "), vec!["refused", "`upstreams[away].address`"]),
        ("upstream `socket` at `".to_owned(), vec!["nowhere.sock", "`upstreams[socket].path`"]),
        (format!("upstream `files` at `localhost:{}`: ", another.port()), vec![wanted.as_str(), "`identity.trust_bundles`"]),
        ("`audit.clickhouse`: cannot reach ClickHouse at `127.0.0.1:".to_owned(), vec!["check the address"]),
    ] {
        let line = line(&start);
        assert!(line.starts_with("WRONG ") && words.iter().all(|word| line.contains(word)), "{words:?}: {line}");
        assert!(!line.contains("toolgate migrate"), "no schema is missing: {line}");
    }
}
