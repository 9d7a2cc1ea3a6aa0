//! A permission that is not honoured is recorded with its reason, in every mode, and changes nothing of what the table says.

use super::signer::{Signer, claims, jwks, now};
use super::{DENIED, MODES, Then, Upstreams, Way, call_with, check, plan, routes};
use crate::peers::Folder;
use crate::sidecar::{AGENT, Plan, Sidecar, decision};
use permission::{Claims, Kind, Role};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::net::SocketAddr;

/// Everybody whose key is in the file, each wrong in one way but the first.
struct Signers {
    maria: Signer,
    revoked: Signer,
    retired: Signer,
    approver: Signer,
    other_tenant: Signer,
    other_tool: Signer,
    the_agent: Signer,
    /// In no file.
    stranger: Signer,
}

impl Signers {
    fn new() -> Signers {
        let maria = || Signer::new("maria@example.org", &[Role::Override]);
        Signers {
            maria: maria(),
            revoked: maria(),
            retired: maria().with("exp", json!(now() - 60)),
            approver: Signer::new("maria@example.org", &[Role::Approver]),
            other_tenant: maria().with("tenants", json!(["elsewhere"])),
            other_tool: maria().with("tools", json!(["elsewhere"])),
            the_agent: maria().with("spiffe_ids", json!([AGENT])),
            stranger: maria(),
        }
    }

    fn jwks(&self) -> String {
        jwks(&[&self.maria, &self.revoked, &self.retired, &self.approver, &self.other_tenant, &self.other_tool, &self.the_agent])
    }

    fn revocations(&self, next_update: i64) -> String {
        json!({"issued_at": now() - 60, "next_update": next_update, "kids": [self.revoked.kid()], "jtis": ["revoked"]}).to_string()
    }
}

/// What is refused in the beginning: two calls of one tool.
struct Refused {
    /// Claims that lift the first.
    claims: Claims,
    /// The second decision.
    other: Claims,
}

/// What was signed with a change of its claims, and the code that rejects it.
type Changed = (&'static str, fn(&mut Claims, &Refused));

const CHANGED: [Changed; 20] = [
    ("toolgate.permission.revoked", |claims, _| claims.jti = "revoked".to_owned()),
    ("toolgate.permission.issuer", |claims, _| claims.iss = "eve@example.org".to_owned()),
    ("toolgate.permission.uses", |claims, _| claims.uses = 2),
    ("toolgate.permission.break_glass", |claims, _| claims.lifts.push("error".to_owned())),
    ("toolgate.permission.any_arguments", |claims, _| claims.arguments_digest = "*".to_owned()),
    ("toolgate.permission.lifetime", |claims, _| claims.exp += 7200),
    ("toolgate.permission.not_yet_valid", |claims, _| (claims.iat, claims.nbf, claims.exp) = (now() + 3000, now() + 3000, now() + 3600)),
    ("toolgate.permission.expired", |claims, _| (claims.iat, claims.nbf, claims.exp) = (now() - 600, now() - 600, now() - 1)),
    ("toolgate.permission.audience", |claims, _| claims.aud = "elsewhere.example".to_owned()),
    ("toolgate.permission.instance", |claims, _| claims.instance = canon::InstanceId(uuid::Uuid::new_v4())),
    ("toolgate.permission.subject", |claims, _| claims.sub = "spiffe://example.org/ns/agents/sa/other".to_owned()),
    ("toolgate.permission.tenant", |claims, _| claims.tenant = "elsewhere".to_owned()),
    ("toolgate.permission.upstream", |claims, _| claims.upstream = "elsewhere".to_owned()),
    ("toolgate.permission.tool", |claims, _| claims.tool = "elsewhere".to_owned()),
    ("toolgate.permission.arguments", |claims, refused| claims.arguments_digest.clone_from(&refused.other.arguments_digest)),
    ("toolgate.permission.decision_unknown", |claims, _| claims.decision_id = canon::CallId(uuid::Uuid::now_v7())),
    ("toolgate.permission.decision_mismatch", |claims, refused| claims.decision_id = refused.other.decision_id),
    ("toolgate.permission.lifts", |claims, _| claims.lifts = vec!["another.reason".to_owned()]),
    ("toolgate.permission.ticket", |claims, _| claims.ticket = None),
    ("toolgate.permission.signature", |_, _| {}),
];

/// Every permission that is rejected, with its code.
fn rejected(signers: &Signers, refused: &Refused) -> Vec<(&'static str, String)> {
    let fresh = || Claims { jti: uuid::Uuid::now_v7().to_string(), ..refused.claims.clone() };
    let header = json!({"alg": "Ed25519", "typ": Kind::Override.typ(), "kid": signers.maria.kid()});
    let with = |name: &str, value: Value| {
        let mut header = header.clone();
        header[name] = value;
        signers.maria.sign_as_is(&header, &json!(fresh()))
    };
    let mut more = json!(fresh());
    more["more"] = json!(1);
    let mut all = vec![
        ("toolgate.permission.malformed", "one.two".to_owned()),
        ("toolgate.permission.too_long", "a".repeat(3000)),
        ("toolgate.permission.header", with("jwk", json!({}))),
        ("toolgate.permission.algorithm", with("alg", json!("HS256"))),
        ("toolgate.permission.type", with("typ", json!("JWT"))),
        ("toolgate.permission.claims", signers.maria.sign_as_is(&header, &more)),
        ("toolgate.permission.unknown_key", signers.stranger.sign(Kind::Override, &fresh())),
        ("toolgate.permission.revoked_key", signers.revoked.sign(Kind::Override, &fresh())),
        ("toolgate.permission.key_validity", signers.retired.sign(Kind::Override, &fresh())),
        ("toolgate.permission.role", signers.approver.sign(Kind::Override, &fresh())),
        ("toolgate.permission.key_tenant", signers.other_tenant.sign(Kind::Override, &fresh())),
        ("toolgate.permission.key_tool", signers.other_tool.sign(Kind::Override, &fresh())),
        ("toolgate.permission.self_signed", signers.the_agent.sign(Kind::Override, &fresh())),
    ];
    for (code, change) in CHANGED {
        let mut claims = fresh();
        change(&mut claims, refused);
        // Under maria's name, by another key.
        let signer = if code == "toolgate.permission.signature" { &signers.stranger } else { &signers.maria };
        all.push((code, signer.sign_as_is(&header, &json!(claims))));
    }
    all
}

fn start(upstreams: &Upstreams, signers: &Signers, journal: &Folder, mode: &str, more: &str) -> (Sidecar, SocketAddr) {
    let (plan, at) = plan("rejected", upstreams).loopback("agent");
    let plan: Plan = routes(plan, "agent", "").journal(journal.path());
    plan.folder().write("keys.json", signers.jwks());
    plan.folder().write("revocations.json", signers.revocations(now() + 3600));
    let permissions = format!("keys: keys.json, revocations: revocations.json, ticket: required, token_bytes_max: 2048{more}");
    (plan.more(format!("permissions: {{{permissions}}}")).start(mode), at)
}

fn present(sidecar: &Sidecar, at: SocketAddr, arguments: &Value, token: &str) -> (crate::peers::Answer, Value) {
    let answer = call_with(at, Way::Http, DENIED, arguments, &[("toolgate-permission", token)]);
    let record = sidecar.record(&decision(&answer), "permission");
    (answer, record)
}

fn is_rejected(record: &Value, code: &str) {
    let envelope = &record["envelope"];
    assert_eq!((&envelope["action"], &envelope["reasons"]), (&json!("rejected"), &json!([code])), "{record}");
    assert!(record["body"]["reason"].as_str().is_some_and(|why| !why.is_empty()), "{record}");
}

#[test]
fn every_rejected_permission_is_recorded_in_every_mode_and_lifts_nothing() {
    let (upstreams, signers, journal) = (Upstreams::start(), Signers::new(), Folder::new("rejected-journal"));
    let (one, two) = (json!({"number": 1}), json!({"number": 2}));
    let (mut sidecar, at) = start(&upstreams, &signers, &journal, "PRODUCTION", "");
    let sign = |arguments: &Value| {
        let refused = decision(&call_with(at, Way::Http, DENIED, arguments, &[]));
        Claims { ticket: Some("INC-42".to_owned()), ..claims(&sidecar, &refused, "maria@example.org") }
    };
    let refused = Refused { claims: sign(&one), other: sign(&two) };
    assert_eq!(sidecar.end(), Some(0));

    let mut seen = BTreeSet::from(["toolgate.permission.stale_revocations", "toolgate.permission.decision_age"]);
    for mode in MODES {
        let (mut sidecar, at) = start(&upstreams, &signers, &journal, mode, "");
        let then = if mode == "LOCAL" || mode == "DEVELOPMENT" { Then::Warn("toolgate.denied") } else { Then::Refuse("toolgate.denied") };
        for (code, token) in rejected(&signers, &refused) {
            let (answer, record) = present(&sidecar, at, &one, &token);
            is_rejected(&record, code);
            check(&sidecar, &answer, (mode, Way::Http, code), then);
            seen.insert(code);
        }
        assert_eq!(sidecar.end(), Some(0));
    }
    let all: BTreeSet<&str> =
        include_str!("../../../src/permission/rejected.rs").split('"').filter(|word| word.starts_with("toolgate.permission.")).collect();
    assert_eq!(seen, all, "each code is shown here");

    // Long after the first refusal.
    let (sidecar, at) = start(&upstreams, &signers, &journal, "PRODUCTION", ", decision_age_max_s: 1");
    let good = signers.maria.sign(Kind::Override, &refused.claims);
    is_rejected(&present(&sidecar, at, &one, &good).1, "toolgate.permission.decision_age");
    let before = sidecar.records().len();
    sidecar.toolgate.folder().write("revocations.json", signers.revocations(now() - 1));
    sidecar.await_record(before, "the old list", |record| record["envelope"]["kind"] == "key" && record["envelope"]["action"] == "reload");
    let (answer, record) = present(&sidecar, at, &one, &good);
    is_rejected(&record, "toolgate.permission.stale_revocations");
    check(&sidecar, &answer, ("PRODUCTION", Way::Http, "old list"), Then::Unavailable("toolgate.revocations_stale"));
}
