//! The person behind a call: a bearer token where the route asks for it, believed only when everything about it is right, and passed on to nobody.

use super::{TOOL, is_unknown};
use crate::sidecar::{AGENT, ALLOW, Plan, Sidecar, decision, post_json};
use rcgen::{KeyPair, PKCS_ED25519, SigningKey as _};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const ISSUER: &str = "https://login.example.org";
/// How long a head may take to arrive.
const SOON: Duration = Duration::from_secs(30);

/// Takes requests one by one and gives their heads, as they came.
fn heads() -> (SocketAddr, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    let (seen, heads) = channel();
    std::thread::spawn(move || listener.incoming().flatten().all(|stream| seen.send(head(stream)).is_ok()));
    (at, heads)
}

fn head(stream: TcpStream) -> String {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).unwrap() > 0 {}
    let length =
        head.to_ascii_lowercase().lines().find_map(|line| line.strip_prefix("content-length:").and_then(|n| n.trim().parse().ok()));
    std::io::copy(&mut (&mut reader).take(length.unwrap_or(0)), &mut std::io::sink()).unwrap();
    reader
        .into_inner()
        .write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}")
        .unwrap();
    head
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn encoded(bytes: &[u8]) -> String {
    identity::jws::encode(bytes)
}

fn token(key: &KeyPair, header: &Value, claims: &Value) -> String {
    let signed = format!("{}.{}", encoded(header.to_string().as_bytes()), encoded(claims.to_string().as_bytes()));
    format!("{signed}.{}", encoded(&key.sign(signed.as_bytes()).unwrap()))
}

fn jwks(key: &KeyPair, kid: &str) -> String {
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": kid, "x": encoded(key.public_key_raw())});
    json!({ "keys": [jwk] }).to_string()
}

fn header() -> Value {
    json!({"alg": "EdDSA", "typ": "JWT", "kid": "login-1"})
}

fn claims() -> Value {
    json!({"iss": ISSUER, "sub": "ada", "aud": "toolgate", "iat": now(), "exp": now() + 600, "groups": ["clerks"], "tenant": "acme", "secret": "x",
        "act": {"sub": "planner", "act": {"sub": "crawler", "iss": "https://agents.example.org"}}})
}

fn with(mut object: Value, name: &str, value: Value) -> Value {
    object[name] = value;
    object
}

/// A sidecar whose one route asks for a user token.
fn sidecar(key: &KeyPair, upstream: SocketAddr) -> (Sidecar, SocketAddr) {
    let issuer = format!(
        "issuers: [{{issuer: '{ISSUER}', jwks: login.json, audience: toolgate, algorithms: [EdDSA], claims: [groups], tenant_claim: tenant, clock_skew_s: 0}}]"
    );
    let (plan, at) = Plan::new("person", ALLOW).upstream("notes", upstream).clickhouse_away().loopback("agent");
    plan.folder().write("login.json", jwks(key, "login-1"));
    let route = format!(
        "{{name: notes, listener: agent, upstream: notes, protocol: http, bearer_issuer: '{ISSUER}', tools: [{{method: POST, path: {TOOL}, tool: note}}]}}"
    );
    (plan.identity(issuer).identity(format!("tenants: {{'{AGENT}': acme}}")).route(route).start("PRODUCTION"), at)
}

fn ask(at: SocketAddr, token: &str) -> crate::peers::Answer {
    post_json(at, TOOL, &[("authorization", &format!("Bearer {token}"))], &json!({}))
}

#[test]
fn a_good_token_names_the_person_and_who_acts_and_goes_no_further() {
    let key = KeyPair::generate_for(&PKCS_ED25519).unwrap();
    let (upstream, heads) = heads();
    let (sidecar, at) = sidecar(&key, upstream);
    let good = token(&key, &header(), &claims());
    let answer = ask(at, &good);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let head = heads.recv_timeout(SOON).unwrap();
    assert!(!head.to_ascii_lowercase().contains("authorization") && !head.contains(&good), "{head}");
    assert!(head.contains(&decision(&answer)), "{head}");

    let record = sidecar.record(&decision(&answer), "decision");
    let (envelope, body) = (&record["envelope"], &record["body"]);
    assert_eq!((&envelope["tenant"], &envelope["workload"]), (&json!("acme"), &json!(AGENT)), "{record}");
    assert!(envelope["user"].as_str().unwrap().starts_with("hmac-sha256:"), "{record}");
    assert_eq!(body["user"], json!({"claims": {"groups": ["clerks"]}, "issuer": ISSUER, "subject": "ada"}), "{record}");
    let actors = json!([{"issuer": ISSUER, "subject": "planner"}, {"issuer": "https://agents.example.org", "subject": "crawler"}]);
    assert_eq!(body["actors"], actors, "{record}");
    assert!(!record.to_string().contains(good.rsplit('.').next().unwrap()), "the token is in no record: {record}");
    assert!(!sidecar.toolgate.lines().join("\n").contains(&good), "nor in the log");
}

#[test]
fn every_other_token_is_refused_with_its_reason() {
    let (key, stranger) = (KeyPair::generate_for(&PKCS_ED25519).unwrap(), KeyPair::generate_for(&PKCS_ED25519).unwrap());
    let (upstream, heads) = heads();
    let (sidecar, at) = sidecar(&key, upstream);
    let signed = |header: Value, claims: Value| token(&key, &header, &claims);
    let none = format!(
        "{}.{}.",
        encoded(json!({"alg": "none", "kid": "login-1"}).to_string().as_bytes()),
        encoded(claims().to_string().as_bytes())
    );
    for (code, token) in [
        ("token_audience", signed(header(), with(claims(), "aud", json!("elsewhere")))),
        ("token_expired", signed(header(), with(claims(), "exp", json!(now() - 1)))),
        ("token_not_yet_valid", signed(header(), with(claims(), "nbf", json!(now() + 300)))),
        ("token_algorithm", signed(with(header(), "alg", json!("HS256")), claims())),
        ("token_issuer", signed(header(), with(claims(), "iss", json!("https://elsewhere.example")))),
        ("token_key", signed(with(header(), "kid", json!("login-2")), claims())),
        ("token_header", signed(with(header(), "jku", json!("https://elsewhere.example")), claims())),
        ("token_type", signed(with(header(), "typ", json!("toolgate-override+jwt")), claims())),
        ("token_claim", signed(header(), with(claims(), "sub", json!(7)))),
        ("token_tenant", signed(header(), with(claims(), "tenant", json!(7)))),
        ("token_signature", self::token(&stranger, &header(), &claims())),
        ("token_algorithm", none),
        ("token_malformed", "one.two".to_owned()),
    ] {
        is_unknown(&sidecar, &ask(at, &token), &format!("toolgate.identity.{code}"));
    }
    is_unknown(&sidecar, &post_json(at, TOOL, &[], &json!({})), "toolgate.identity.token_missing");
    is_unknown(&sidecar, &post_json(at, TOOL, &[("authorization", "Basic YTpi")], &json!({})), "toolgate.identity.token_missing");

    let answer = ask(at, &signed(header(), with(claims(), "tenant", json!("other"))));
    let record = sidecar.record(&decision(&answer), "decision");
    assert!(answer.status == 403 && answer.text().contains("toolgate.tenant_disagreement"), "{}", answer.text());
    assert_eq!((&record["envelope"]["would"], &record["envelope"]["tenant"]), (&json!("error"), &Value::Null), "{record}");
    assert!(heads.try_recv().is_err(), "nothing was forwarded");
}

#[test]
fn an_issuers_keys_rotate_while_it_serves() {
    let (old, new) = (KeyPair::generate_for(&PKCS_ED25519).unwrap(), KeyPair::generate_for(&PKCS_ED25519).unwrap());
    let (upstream, _heads) = heads();
    let (sidecar, at) = sidecar(&old, upstream);
    assert_eq!(ask(at, &token(&old, &header(), &claims())).status, 200);
    let before = sidecar.records().len();
    sidecar.toolgate.folder().write("login.json", jwks(&new, "login-2"));
    sidecar.await_record(before, "the new keys", |record| {
        record["envelope"]["material"] == "issuer" && record["envelope"]["action"] == "reload"
    });
    is_unknown(&sidecar, &ask(at, &token(&old, &header(), &claims())), "toolgate.identity.token_key");
    let renewed = token(&new, &with(header(), "kid", json!("login-2")), &claims());
    assert_eq!(ask(at, &renewed).status, 200);
}
