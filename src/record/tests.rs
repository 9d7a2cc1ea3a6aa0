//! The bytes of records are fixed: `fixtures/records/v1`. `UPDATE=1` rewrites them, and the difference is a change of what outsiders read.

use crate::{
    Concluded, Decision, DecisionBody, Done, Event, Genesis, Head, Key, Lifecycle, LifecycleAction, LoadAction, Mask, Message, Outcome,
    OutcomeBody, OutcomeKind, Permission, PermissionAction, PermissionBody, Person, Policy, SourceBody, Token, TokenKind, Unreadable,
    Would, leaf, read,
};
use canon::json::{Json, Limits, Tree, canonical, parse};
use canon::{CallId, Digest, Epoch, InstanceId, Keyed, Micros, Seq, Writer};
use std::path::PathBuf;
use uuid::Uuid;

const AT: Micros = Micros(1_767_323_045_678_901);

fn writer() -> Writer {
    Writer { instance: InstanceId(Uuid::from_u128(0x1234_5678_9abc_4def_8123_4567_89ab_cdef)), epoch: Epoch(7) }
}

fn call(number: u128) -> CallId {
    CallId(Uuid::from_u128(0x019b_7c1e_5a2e_7000_8000_0000_0000_0000 + number))
}

fn digest(text: &str) -> Digest {
    Digest::of(&[text.as_bytes()])
}

fn json(text: &str) -> Json {
    parse::<Tree>(text.as_bytes(), &Limits::default()).unwrap()
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn token() -> Token {
    Token { kind: TokenKind::Override, iss: "https://permits.example.org".into(), jti: "01J-7".into(), kid: "alice-2026".into() }
}

/// The least that a decision says: a malformed request on a listener without a certificate.
fn sparse() -> Decision {
    Decision {
        at: AT,
        call: call(1),
        mode: "TRAINING".into(),
        enforcement: "strict".into(),
        protocol: "http".into(),
        route: None,
        upstream: None,
        method: None,
        tool: None,
        tenant: None,
        workload: None,
        user: None,
        session: None,
        arguments_digest: None,
        would: None,
        done: Done::Refuse,
        reasons: words(&["toolgate.json.duplicate_key"]),
        warnings: Vec::new(),
        risk: None,
        sensitive: false,
        approval: false,
        obligations: Vec::new(),
        policy_digest: None,
        policy_revision: None,
        config_digest: None,
        view_digest: None,
        permission: None,
        status: Some(400),
        duration_us: None,
        body: DecisionBody::default(),
    }
}

fn full() -> Decision {
    let mask = Mask::default();
    Decision {
        call: call(2),
        mode: "PRODUCTION".into(),
        enforcement: "fail_closed".into(),
        protocol: "mcp".into(),
        route: some("files"),
        upstream: some("files"),
        method: some("tools/call"),
        tool: some("write_file"),
        tenant: some("acme"),
        workload: some("spiffe://example.org/ns/agents/sa/writer"),
        user: Some(Keyed(digest("user").0)),
        session: some("5e55"),
        arguments_digest: Some(Keyed(digest("arguments").0)),
        would: Some(Would::Deny),
        done: Done::Forward,
        reasons: words(&["files.protected", "files.size"]),
        warnings: words(&["toolgate.data.stale"]),
        risk: some("high"),
        sensitive: true,
        approval: true,
        obligations: words(&["mask", "redact_response"]),
        policy_digest: Some(digest("policy")),
        policy_revision: some("2026-01-02.1"),
        config_digest: Some(digest("config")),
        view_digest: Some(digest("view")),
        permission: Some(token()),
        status: None,
        duration_us: Some(184),
        body: DecisionBody {
            messages: vec![Message { code: "files.protected".into(), message: "`/etc/\u{1f512}\u{1}` is \"protected\"\n".into() }],
            user: Some(Person {
                issuer: "https://idp.example.org".into(),
                subject: "alice".into(),
                claims: Some(mask.value::<Tree>(&json(r#"{"email":"alice@example.org","access_token":"canary"}"#))),
            }),
            actors: vec![Person { issuer: "https://idp.example.org".into(), subject: "planner".into(), claims: None }],
            arguments: Some(mask.arguments::<Tree>(&json(r#"{"path":"/etc/motd","password":"canary","size":1.5}"#), &[])),
            headers: Some(mask.headers([("accept", &b"*/*"[..]), ("authorization", b"canary")])),
            target: Some(mask.target("/mcp?key=canary")),
            resource: Some(mask.target("file:///etc/motd")),
            peer: some("10.0.0.7:4711"),
        },
        ..sparse()
    }
}

fn outcome(kind: OutcomeKind, known: bool) -> Event {
    let outcome = if known {
        Outcome {
            status: Some(200),
            duration_us: Some(52_003),
            request_bytes: Some(310),
            response_bytes: Some(1_204),
            tool_error: Some(false),
            rpc_error: Some(-32_602),
            reasons: words(&["toolgate.upstream.status"]),
            body: OutcomeBody {
                response: Some(Mask::default().value::<Tree>(&json(r#"{"content":[{"type":"text","text":"done"}]}"#))),
                headers: Some(Mask::default().headers([("content-type", &b"application/json"[..])])),
                error: some("the upstream said no"),
            },
            ..Outcome::of(kind)
        }
    } else {
        Outcome::of(kind)
    };
    Event::Outcome(Concluded { at: AT, call: call(2), tenant: some("acme"), outcome })
}

fn permission(action: PermissionAction, verified: bool) -> Event {
    Event::Permission(Box::new(Permission {
        at: AT,
        action,
        call: verified.then(|| call(3)),
        token: verified.then(token),
        tenant: some("acme"),
        workload: some("spiffe://example.org/ns/agents/sa/writer"),
        upstream: some("files"),
        tool: some("write_file"),
        arguments_digest: some("*"),
        decision_id: Some(call(2)),
        lifts: words(&["files.protected"]),
        reasons: if verified { Vec::new() } else { words(&["toolgate.permission.signature"]) },
        body: PermissionBody {
            person: verified.then(|| "alice".into()),
            reason: some("release night"),
            ticket: some("OPS-12"),
            claimed: (!verified).then(|| Mask::default().value::<Tree>(&json(r#"{"iss":"nobody","jti":"1"}"#))),
        },
    }))
}

fn genesis(predecessor: Option<Head>) -> Event {
    Event::Genesis(Genesis {
        at: AT,
        version: "0.1.0".into(),
        mode: "PRODUCTION".into(),
        enforcement: "fail_closed".into(),
        durability: "volume".into(),
        predecessor,
    })
}

fn source() -> SourceBody {
    SourceBody { source: some("/etc/toolgate/policy"), problems: words(&["main.rego:3:1: rule conflicts"]) }
}

fn policy(action: LoadAction) -> Event {
    Event::Policy(Policy { at: AT, action, digest: Some(digest("policy")), revision: some("2026-01-02.1"), body: source() })
}

fn key(action: LoadAction) -> Event {
    Event::Key(Key { at: AT, action, material: "revocation".into(), digest: Some(digest("keys")), count: Some(3), body: source() })
}

fn lifecycle(action: LifecycleAction) -> Event {
    Event::Lifecycle(Lifecycle { at: AT, action, count: Some(2), reasons: words(&["toolgate.journal.down"]), detail: some("disk") })
}

/// Every kind, and of each kind every word.
fn cases() -> Vec<(String, Event)> {
    let head = Head { writer: Writer { epoch: Epoch(6), ..writer() }, seq: Seq(41), leaf: digest("head") };
    let mut cases = vec![
        ("genesis-first".to_owned(), genesis(None)),
        ("genesis-successor".to_owned(), genesis(Some(head))),
        ("decision-sparse".to_owned(), Event::Decision(Box::new(sparse()))),
        ("decision-full".to_owned(), Event::Decision(Box::new(full()))),
        ("decision-long-names".to_owned(), Event::Decision(Box::new(Decision { tool: Some("\u{e9}".repeat(500)), ..sparse() }))),
        ("decision-would-allow".to_owned(), Event::Decision(Box::new(Decision { would: Some(Would::Allow), ..sparse() }))),
        ("decision-would-error".to_owned(), Event::Decision(Box::new(Decision { would: Some(Would::Error), ..sparse() }))),
        ("permission-unverified".to_owned(), permission(PermissionAction::Rejected, false)),
    ];
    cases.extend(OutcomeKind::ALL.iter().map(|kind| (format!("outcome-{kind}"), outcome(*kind, *kind == OutcomeKind::Completed))));
    cases.extend(PermissionAction::ALL.iter().map(|action| (format!("permission-{action}"), permission(*action, true))));
    cases.extend(
        LoadAction::ALL.iter().flat_map(|action| [(format!("policy-{action}"), policy(*action)), (format!("key-{action}"), key(*action))]),
    );
    cases.extend(LifecycleAction::ALL.iter().map(|action| (format!("lifecycle-{action}"), lifecycle(*action))));
    cases
}

fn fixtures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/records/v1")
}

/// What the fixture says, or after `UPDATE=1` what it is to say.
#[expect(clippy::disallowed_methods, reason = "the test reads and rewrites fixtures; the room does not")]
fn kept(name: &str, golden: &str) -> String {
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(fixtures().join(name), golden).unwrap();
    }
    std::fs::read_to_string(fixtures().join(name)).unwrap_or_default()
}

/// A golden holds the envelope's exact bytes, a line feed, the body's exact bytes, a line feed, the leaf in hex, a line feed.
fn check(name: &str, event: Event) {
    let mut draft = event.draft([0x5a; 32]);
    let finished = draft.finish(&writer(), Seq(9));
    let envelope = String::from_utf8(finished.envelope.clone()).unwrap();
    let golden = format!("{envelope}\n{}\n{}\n", std::str::from_utf8(finished.body).unwrap(), finished.leaf);
    assert_eq!(golden, kept(&format!("{name}.record"), &golden), "{name}: the bytes of a record changed");
    // RFC 8785: what a canonicaliser makes of the envelope is the envelope.
    let mut canon = Vec::new();
    canonical::<Tree>(&json(&envelope), &mut canon);
    assert_eq!(String::from_utf8(canon).unwrap(), envelope, "{name}");
    json(std::str::from_utf8(finished.body).unwrap());
    assert_eq!(leaf(&finished.envelope), finished.leaf);
    let row = read(&finished.envelope).unwrap();
    assert_eq!(row.body_commitment, Digest::of(&[finished.salt, finished.body]).to_string(), "{name}");
    assert_eq!(serde_json::to_string(&row).unwrap(), envelope, "{name}: what is read is what was written");
    for secret in ["canary", "release night", "OPS-12", "alice@", "idp.example", "rule conflicts", "10.0.0.7", "/etc"] {
        assert!(!envelope.contains(secret), "{name}: `{secret}` stands in the envelope");
    }
    assert!(!golden.contains("canary"), "{name}");
}

#[test]
fn the_bytes_of_every_kind_are_fixed() {
    for (name, event) in cases() {
        check(&name, event);
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the test looks at the fixtures' folder; the room does not")]
fn every_fixture_has_its_case() {
    let names: Vec<_> = cases().into_iter().map(|(name, _)| name + ".record").collect();
    for file in std::fs::read_dir(fixtures()).unwrap() {
        let file = file.unwrap().file_name().into_string().unwrap();
        assert!(file == "README.md" || names.contains(&file), "`{file}` belongs to no case");
    }
}

#[test]
fn a_later_version_s_additions_read() {
    let mut draft = genesis(None).draft([0; 32]);
    let envelope = String::from_utf8(draft.finish(&writer(), Seq(0)).envelope).unwrap();
    let added = envelope.replacen('{', r#"{"a_new":{"member":[1]},"#, 1).replace("\"genesis\"", "\"checkpoint\"");
    assert_eq!(read(added.as_bytes()).unwrap().kind, "checkpoint");
    assert!(matches!(read(envelope.replace("\"v\":1", "\"v\":2").as_bytes()), Err(Unreadable::Version(2))));
    assert!(matches!(read(b"{}"), Err(Unreadable::Shape(_))));
}

#[test]
fn a_place_can_be_taken_again() {
    let mut draft = genesis(None).draft([1; 32]);
    let first = draft.finish(&writer(), Seq(1)).envelope;
    assert_ne!(draft.finish(&writer(), Seq(2)).envelope, first);
    assert_eq!(draft.finish(&writer(), Seq(1)).envelope, first);
}
