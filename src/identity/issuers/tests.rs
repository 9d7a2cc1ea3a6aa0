//! What is refused when issuers are loaded.

use super::{Algorithm, IssuerSettings, Issuers};
use crate::jws;

fn settings(algorithms: Vec<Algorithm>) -> IssuerSettings {
    IssuerSettings {
        issuer: "https://login.example.org".to_owned(),
        jwks: "keys.json".to_owned(),
        audience: "toolgate".to_owned(),
        algorithms,
        clock_skew_seconds: 0,
        claims: Vec::new(),
        tenant_claim: None,
    }
}

fn check(jwks: &str, expected: &[&str]) {
    let settings = settings(vec![Algorithm::ES256]);
    let found = Issuers::build([(&settings, jwks.as_bytes())])
        .map(|_| ())
        .map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>());
    let problems = found.err().unwrap_or_default();
    assert_eq!(problems.len(), expected.len(), "{jwks}: {problems:?}");
    for (problem, expected) in problems.iter().zip(expected) {
        assert!(problem.starts_with("issuer `https://login.example.org`: ") && problem.contains(expected), "{jwks}: {problem}");
    }
}

#[test]
fn key_sets() {
    let x = jws::encode(&[7; 32]);
    let good = format!(r#"{{"kty": "OKP", "crv": "Ed25519", "kid": "good", "x": "{x}"}}"#);
    let with = |other: &str| format!(r#"{{"keys": [{good}, {other}]}}"#);
    check(&format!(r#"{{"keys": [{good}]}}"#), &[]);
    check(&with(r#"{"kty": "RSA", "use": "enc", "n": "AA"}"#), &[]);
    check(&with(r#"{"kty": "RSA", "alg": "RSA-OAEP", "n": "AA"}"#), &[]);
    check(&with(r#"{"kty": "unheard of"}"#), &[]);
    check("[]", &["its JWKS cannot be read: it is not an object"]);
    check(r#"{"keys": []}"#, &["no key that can verify"]);
    check(r#"{"keys": [], "keys": []}"#, &["a key stands twice"]);
    check(&with(&good), &["two keys of its JWKS have the `kid` `good`"]);
    check(&with(r#"{"kty": "oct", "k": "AA", "kid": "s"}"#), &["key 2 of its JWKS is symmetric"]);
    check(&with(&good.replace(r#""kid": "good", "#, "")), &["key 2 of its JWKS has no `kid`"]);
    check(&with(r#"{"kty": "OKP", "crv": "Ed25519", "kid": "b", "x": "AA"}"#), &["key 2 of its JWKS has an `x` that is not 32 bytes"]);
    check(
        &with(&format!(r#"{{"kty": "EC", "crv": "P-256", "kid": "b", "x": "{x}", "y": "AA"}}"#)),
        &["key 2 of its JWKS has an `x` or `y`"],
    );
    let weak = jws::encode(&[0xff; 128]);
    check(
        &with(&format!(r#"{{"kty": "RSA", "kid": "b", "n": "{weak}", "e": "AQAB"}}"#)),
        &["key 2 of its JWKS is an RSA key of less than 2048 bits"],
    );
    check(&with(r#"{"kty": "RSA", "kid": "b", "n": "A+A", "e": "AQAB"}"#), &["key 2 of its JWKS has no `n` in base64url"]);
}

#[test]
fn settings_that_believe_nobody() {
    let (one, mut two) = (settings(Vec::new()), settings(vec![Algorithm::RS256]));
    two.audience.clear();
    let problems = Issuers::build([(&one, &b"{}"[..]), (&two, b"{}")]).unwrap_err();
    let text: Vec<String> = problems.iter().map(ToString::to_string).collect();
    for expected in ["`algorithms` is empty", "must not be empty", "named twice"] {
        assert_eq!(text.iter().filter(|line| line.contains(expected)).count(), 1, "{text:?}");
    }
}
