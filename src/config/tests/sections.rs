//! What must fit between sections, and what a mode asks of them: one mistake each, with its line and what to do.

use std::path::Path;

use super::{changed, lines, parse, reference, shipped};
use crate::{Active, Config, Level, Mode, PodSigns, Surroundings};

/// The problems of the reference in `mode` with one text replaced: as many as expected, each holding its text.
fn check(mode: Mode, from: &str, to: &str, expected: &[&str]) {
    told(&lines(&parse(&changed(from, to), mode).err().unwrap_or_default()), to, expected);
}

fn told(problems: &[String], case: &str, expected: &[&str]) {
    assert_eq!(problems.len(), expected.len(), "{case}: {problems:#?}");
    for (problem, expected) in problems.iter().zip(expected) {
        assert!(problem.contains(expected), "{case}: {problem:?} lacks {expected:?}");
    }
}

#[test]
fn references_lead_somewhere() {
    use Mode::Local;
    check(
        Local,
        "listener: pod\n",
        "listener: agent\n",
        &["routes[1].listener: this is `agent`, wanted is a name from `listeners`: `agents`, `pod`, `socket`"],
    );
    check(
        Local,
        "upstream: crm\n",
        "upstream: cmr\n",
        &["toolgate.yaml:127:15: routes[1].upstream: this is `cmr`, wanted is a name from `upstreams`"],
    );
    check(
        Local,
        "bearer_issuer: https://login.example.org\n",
        "bearer_issuer: https://log.in\n",
        &["a name from `identity.issuers`: `https://login.example.org`"],
    );
}

#[test]
fn no_share_is_more_than_the_whole_and_nothing_is_stale_before_it_is_read() {
    use Mode::Local;
    check(
        Local,
        "  calls_per_caller_max: 512 ",
        "  calls_per_caller_max: 1025 ",
        &["limits.calls_per_caller_max: one caller would have more than the 1024"],
    );
    let upstream = "upstreams[0].limits.calls_per_caller_max: one caller would have more than the 256";
    check(Local, "calls_per_caller_max: 128 ", "calls_per_caller_max: 257 ", &[upstream]);
    let stale = "permissions.revocations_age_max_s: the list would be stale before it is read again: write more than 10";
    check(Local, "revocations_age_max_s: 3600 ", "revocations_age_max_s: 10 ", &[stale]);
    let halved = parse(&changed("  calls_max: 1024 ", "  calls_max: 63 ").replacen("  calls_per_caller_max: 512 ", "# ", 1), Local);
    assert_eq!(halved.expect("starts").limits.wire.calls_per_caller_max, 32, "half, unless it is said");
}

#[test]
fn all_bodies_together_have_room_for_one() {
    check(
        Mode::Local,
        "  bodies_bytes_max: 33554432 ",
        "  bodies_bytes_max: 1048575 ",
        &["limits.bodies_bytes_max: this is 1048575, wanted is at least `body_bytes_max` (1048576)"],
    );
}

#[test]
fn names_and_places_are_taken_once() {
    use Mode::Local;
    check(Local, "  - name: notes\n", "  - name: crm\n", &["upstreams: the name `crm` is taken in line 94: choose another"]);
    let issuer = "    - issuer: https://login.example.org ";
    let twice = format!("    - {{issuer: https://login.example.org, jwks: a, audience: b, algorithms: [ES256]}}\n{issuer}");
    check(Local, issuer, &twice, &["identity.issuers: the name `https://login.example.org` is taken in line 55"]);
    check(Local, "address: 127.0.0.1:9901", "address: 127.0.0.1:8080", &["`pod` and `admin` both listen on `127.0.0.1:8080`"]);
    check(Local, "    prefix: /crm\n", "    prefix: /files\n    listener: agents\n", &["`listener` is given twice"]);
    check(
        Local,
        "    listener: pod\n    prefix: /crm\n",
        "    listener: agents\n    prefix: /files\n",
        &["routes: `files` and `crm` take the same calls"],
    );
    check(
        Local,
        "    listener: pod\n    prefix: /crm\n",
        "    listener: agents\n    prefix: /Files\n",
        &["routes: `files` and `crm` take the same calls"],
    );
}

#[test]
fn a_kind_has_its_own_keys() {
    use Mode::Local;
    check(
        Local,
        "    kind: loopback\n",
        "    kind: tcp\n",
        &["listeners[1].kind: this is `tcp`, wanted is one of `mtls`, `loopback`, `unix`"],
    );
    check(
        Local,
        "    allow_tls12: false ",
        "    peer_uids: [1] ",
        &["listeners[0].peer_uids: unknown key; known here: `name`, `kind`, `address`, `allow_tls12`"],
    );
    check(
        Local,
        "    address: 127.0.0.1:8080 ",
        "    address: 0.0.0.0:8080 ",
        &["it is reached from outside, and plain HTTP stays on the machine"],
    );
    check(
        Local,
        "    peer_uids: [1000]                      #",
        "    peer_uids: []  #",
        &["listeners[1].peer_uids: the list has 0 entries"],
    );
    check(
        Local,
        "    peer_uids: [1000]                      #",
        "    x: []  #",
        &["listeners[1].peer_uids: the key is missing", "listeners[1].x: unknown key"],
    );
    check(Local, "socket_mode: 660", "socket_mode: 888", &["wanted is three octal digits"]);
}

#[test]
fn types_are_those_of_yaml_1_2() {
    use Mode::Local;
    check(Local, "allow_tls12: false", "allow_tls12: no", &["this is `no`, wanted is `true` or `false`"]);
    check(Local, "allow_tls12: false", "allow_tls12: \"false\"", &["this is `false`, wanted is `true` or `false`"]);
    check(Local, "headers_max: 64 ", "headers_max: 0x40 ", &["this is the number `0x40`, wanted is a whole number from 8 to 1000"]);
    check(Local, "headers_max: 64 ", "headers_max: 064 ", &["this is the number `064`"]);
    check(Local, "headers_max: 64 ", "headers_max: 1e2 ", &["this is the number `1e2`"]);
    check(Local, "headers_max: 64 ", "headers_max: -1 ", &["this is the number `-1`"]);
    check(Local, "headers_max: 64 ", "headers_max: ", &["this is empty"]);
    check(Local, "headers_max: 64 ", "headers_max: 18446744073709551616 ", &["wanted is a whole number from 8 to 1000"]);
    check(Local, "database: toolgate ", "database: 7 ", &["this is the number `7`, wanted is letters, digits"]);
    check(
        Local,
        "\npolicy:\n",
        "\npolicy: policies\npolicies:\n",
        &["policy: this is `policies`, wanted is a map", "policies: unknown key"],
    );
}

#[test]
fn mtls_needs_a_certificate_and_authorities() {
    use Mode::Local;
    check(
        Local,
        "    certificate: tls/svid.pem ",
        "    cert: tls/svid.pem ",
        &["identity.svid.cert: unknown key", "identity.svid.certificate: the key is missing"],
    );
    check(
        Local,
        "    example.org: tls/bundle.pem\n",
        "",
        &["identity: `files` needs the authorities of `example.org`: name their file in `trust_bundles`"],
    );
    check(
        Local,
        "spiffe_id: spiffe://example.org/ns/tools",
        "spiffe_id: spiffe://other.example/ns/tools",
        &["`files` needs the authorities of `other.example`"],
    );
    check(Local, "spiffe://example.org/ns/shop/*: shop", "spiffe://example.org/*/x: shop", &["identity.tenants.spiffe://example.org/*/x"]);
    check(Local, "spiffe://example.org/ns/shop/*: shop", "spiffe://example.org/ns/shop/*: \"a b\"", &["`a b` is not a tenant"]);
}

#[test]
fn http_tools_are_a_table_that_stands() {
    use Mode::Local;
    check(
        Local,
        "path: /crm/customers/{id} ",
        "path: /crm/customers/{id}x ",
        &["routes[1].tools[0]: `/crm/customers/{id}x` has a segment"],
    );
    check(Local, "path: /crm/customers\n", "path: crm\n", &["routes[1].tools[1]: `crm` does not begin with a slash"]);
    check(Local, "method: GET ", "method: get ", &["routes[1].tools[0].method: this is `get`, wanted is one of `GET`"]);
    check(Local, "prefix: /files ", "prefix: /a/../b ", &["a segment is empty, `.` or `..`"]);
    check(Local, "policy_headers: [user-agent]", "policy_headers: [cookie]", &["`cookie` carries a secret"]);
    check(Local, "policy_headers: [user-agent]", "policy_headers: [toolgate-mode]", &["`toolgate-` headers are its own"]);
}

#[test]
fn a_credential_goes_in_a_header_that_means_nothing_else() {
    let header = |name: &str, wrong: &[&str]| check(Mode::Local, "      header: authorization ", &format!("      header: {name} "), wrong);
    for name in ["connection", "te", "host", "content-length", "content-type", "toolgate-mode", "mcp-method", "forwarded", "x_api_key"] {
        header(name, &[&format!("upstreams[0].credential.header: `{name}` is not the name of a header for a secret")]);
    }
    for name in ["Authorization", "x-api-key", "cookie"] {
        header(name, &[]);
    }
}

#[test]
fn plain_http_leaves_the_machine_in_permissive_modes_alone() {
    let (from, to) = ("    address: 127.0.0.1:3000", "    address: search.svc:3000");
    check(Mode::Local, from, to, &[]);
    check(Mode::Development, from, to, &[]);
    let refused = "upstreams[2].address: plain HTTP would leave the machine, which `";
    check(Mode::Training, from, to, &[refused]);
    check(Mode::Production, from, to, &[refused]);
    check(Mode::Production, from, "    address: \"[::1]:3000\"", &[]);
    check(Mode::Production, from, "    address: localhost:3000", &[]);
    let clickhouse = "    url: https://clickhouse.example.org:8443\n";
    check(
        Mode::Production,
        clickhouse,
        "    url: http://clickhouse.example.org:8123\n",
        &["audit.clickhouse.roots: the `url` is plain HTTP"],
    );
}

#[test]
fn a_caller_does_not_choose_the_server_behind_an_address() {
    use Mode::Local;
    let host = |of: &str| match parse(&reference(), Local).expect("the reference").upstreams.iter().find(|upstream| upstream.name == of) {
        Some(upstream) => format!("{:?}", upstream.host),
        None => panic!("no upstream {of}"),
    };
    let told = [host("files"), host("crm"), host("search"), host("notes")];
    assert_eq!(told, ["Fixed(files.tools.svc:8443)", "Fixed(crm.example.org)", "Fixed(127.0.0.1:3000)", "Fixed(localhost)"]);

    let refused = "host: `kept` would let a caller choose which server gets the credential";
    let (search, notes) = ("    address: 127.0.0.1:3000\n", "    path: /run/notes/mcp.sock ");
    check(Local, search, &format!("{search}    host: kept\n"), &[]);
    check(Local, notes, &format!("    host: kept\n{notes}"), &[]);
    check(
        Local,
        "    host: null                             # optional; the host that",
        "    host: kept  # the host that",
        &[&format!("upstreams[0].{refused}")],
    );
    check(
        Local,
        "    server_name: crm.example.org ",
        "    host: kept\n    server_name: crm.example.org ",
        &[&format!("upstreams[1].{refused}")],
    );
    let beside = format!("{search}    host: kept\n    credential: {{file: secret}}\n");
    check(Local, search, &beside, &[&format!("upstreams[2].{refused}")]);
    let named = format!("{search}    host: tools.test\n    credential: {{file: secret}}\n");
    check(Local, search, &named, &[]);
    check(Local, search, &format!("{search}    host: me@tools.test\n"), &["upstreams[2].host: `me@tools.test` is not a host"]);
}

#[test]
fn a_mode_asks_for_what_its_audit_needs() {
    let durability = "  durability: volume ";
    check(Mode::Production, durability, "  durability: pod ", &["audit.durability: `pod` loses records in this mode: write `node`"]);
    check(Mode::Production, durability, "  #", &["audit.durability: the key is missing"]);
    check(Mode::Training, durability, "  #", &[]);
    check(Mode::Production, "sensitive_tools: null ", "sensitive_tools: recorded ", &[]);
    check(
        Mode::Training,
        "sensitive_tools: null ",
        "sensitive_tools: recorded ",
        &["routes[0].sensitive_tools: sensitive tools need an approval here"],
    );
    let text = reference();
    let (before, rest) = text.split_once("  clickhouse:").expect("there");
    let (_, after) = rest.split_once("  delivery:").expect("there");
    let without = format!("{before}  delivery:{after}");
    for (mode, expected) in [
        (Mode::Local, &[][..]),
        (Mode::Development, &[]),
        (Mode::Training, &["audit.clickhouse: the key is missing"]),
        (Mode::Production, &["audit.clickhouse: the key is missing"]),
    ] {
        told(&lines(&parse(&without, mode).err().unwrap_or_default()), mode.name(), expected);
    }
}

/// Loads the shipped folder as a process with these surroundings would, from a copy with one text replaced.
fn load(surroundings: &Surroundings, from: &str, to: &str, minimum: Option<(&str, u32)>) -> Result<Config, Vec<String>> {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    std::fs::copy(shipped("modes.yaml"), at("modes.yaml")).expect("a copy");
    let mut text = changed(from, to);
    if let Some((word, mode)) = minimum {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::write(at("minimum"), word).expect("written");
        std::fs::set_permissions(at("minimum"), std::fs::Permissions::from_mode(mode)).expect("set");
        text = text.replace("minimum_enforcement: /etc/toolgate/minimum_enforcement", "minimum_enforcement: minimum");
    }
    std::fs::write(at("toolgate.yaml"), text).expect("written");
    let shown = |problems: Vec<crate::Problem>| {
        lines(&problems).iter().map(|line| line.replace(&format!("{}/", folder.path().display()), "")).collect()
    };
    Config::load(&at("toolgate.yaml"), None, surroundings).map_err(shown)
}

fn surroundings(mode: &str) -> Surroundings {
    Surroundings { mode: Some(mode.into()), ..Surroundings::default() }
}

#[test]
fn without_a_mode_nothing_starts() {
    let four = "set it to one of `LOCAL`, `DEVELOPMENT`, `TRAINING`, `PRODUCTION`";
    let unset =
        load(&Surroundings::default(), "kind: unix\n    path: /run/toolgate", "kind: x\n    path: /run/toolgate", None).unwrap_err();
    told(
        &unset,
        "unset, and every other mistake beside it",
        &[&format!("SOMA_AGENT_MODE: the environment variable is not set: {four}"), "toolgate.yaml:30:11: listeners[2].kind"],
    );
    let unknown = load(&surroundings("prod"), "detail: full", "detail: full", None).unwrap_err();
    told(&unknown, "unknown", &[&format!("SOMA_AGENT_MODE: `prod` is not a mode: {four}")]);
    assert_eq!(load(&surroundings("PRODUCTION"), "detail: full", "detail: full", None).expect("starts").rules().level, Level::FailClosed);
}

#[test]
fn a_permissive_mode_in_a_pod_needs_a_word() {
    let word = ("permissive_in_pod: false", "permissive_in_pod: true");
    for bits in 0..8 {
        let pod = PodSigns { service_host: bits & 1 != 0, service_account: bits & 2 != 0, kernel: bits & 4 != 0 };
        for (mode, without, with) in
            [("LOCAL", bits == 0, true), ("DEVELOPMENT", true, true), ("TRAINING", true, true), ("PRODUCTION", true, false)]
        {
            let around = Surroundings { pod, ..surroundings(mode) };
            assert_eq!(load(&around, word.0, word.0, None).is_ok(), without, "{mode} {pod:?}");
            assert_eq!(load(&around, word.0, word.1, None).is_ok(), with, "{mode} {pod:?} {}", word.1);
        }
    }
}

#[test]
fn the_minimum_raises_and_never_lowers() {
    let level = |mode, word| load(&surroundings(mode), "detail: full", "detail: full", Some((word, 0o644))).expect("starts").rules().level;
    assert_eq!(level("LOCAL", "strict\n"), Level::Strict);
    assert_eq!(level("PRODUCTION", "warn"), Level::FailClosed);
    let refused = |word, mode| load(&surroundings("LOCAL"), "detail: full", "detail: full", Some((word, mode))).unwrap_err();
    told(&refused("strict", 0o664), "writable", &["minimum: its group or everybody may write it"]);
    told(
        &refused("strickt", 0o644),
        "misspelt",
        &["minimum: `strickt` is no level: write one of `warn`, `observe`, `strict`, `fail_closed`"],
    );
    told(&refused("", 0o644), "empty", &["minimum: `` is no level"]);
    let named = load(&surroundings("LOCAL"), "minimum_enforcement: /etc/toolgate/minimum_enforcement", "minimum_enforcement: none", None);
    told(&named.unwrap_err(), "named and not there", &["none: the minimum of enforcement cannot be read"]);
    // A raised level is judged as such: in `strict` plain HTTP stays on the machine.
    let raised = load(&surroundings("LOCAL"), "    address: 127.0.0.1:3000", "    address: search.svc:3000", Some(("strict", 0o644)));
    told(&raised.unwrap_err(), "raised", &["plain HTTP would leave the machine, which `strict` refuses"]);
}

#[test]
fn an_overlay_that_cannot_be_followed_is_not_absent() {
    let folder = tempfile::tempdir().expect("a folder");
    let (modes, overlays) = (folder.path().join("modes.yaml"), folder.path().join("overlays"));
    let problem = || Active::load(&modes, None, Mode::Local).expect_err("it leads nowhere").remove(0).message;
    std::fs::copy(shipped("modes.yaml"), &modes).expect("a copy");
    assert!(Active::load(&modes, None, Mode::Local).expect("starts").overlay.is_none());
    std::fs::write(&overlays, "not a folder").expect("written");
    assert!(problem().starts_with("the overlay cannot be read"));
    std::fs::remove_file(&overlays).expect("removed");
    std::fs::create_dir_all(overlays.join("local")).expect("made");
    std::os::unix::fs::symlink("/nowhere", overlays.join("local/modes.yaml")).expect("linked");
    assert!(problem().starts_with("the overlay cannot be read"));
}

#[test]
fn an_overlay_that_is_named_must_be_there() {
    let around = Surroundings { overlay: Some("/nowhere".into()), ..surroundings("LOCAL") };
    told(
        &load(&around, "detail: full", "detail: full", None).unwrap_err(),
        "nowhere",
        &["/nowhere/modes.yaml: the overlay cannot be read"],
    );
    let folder = shipped("overlays/local");
    let config = Config::load(&shipped("toolgate.yaml"), Some(&folder), &surroundings("LOCAL")).expect("starts");
    assert_eq!(config.active.overlay, Some(folder.join("modes.yaml").display().to_string()));
    assert_eq!(
        Config::load(Path::new("/nowhere.yaml"), None, &surroundings("LOCAL")).map(|_| ()).map_err(|problems| problems.len()),
        Err(2)
    );
}
