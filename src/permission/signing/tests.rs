//! Keys that are written are read again, here and elsewhere; what is signed here verifies here.

use super::{SigningKey, sign};
use crate::{Claims, Kind, Rejected, Settings, peek};
use zeroize::Zeroizing;

fn key() -> SigningKey {
    // RFC 8037 appendix A.1.
    let seed = [
        0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec, 0x2c, 0xc4, 0x44, 0x49, 0xc5, 0x69, 0x7b, 0x32,
        0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60,
    ];
    SigningKey::from_seed(&Zeroizing::new(seed))
}

fn claims() -> Claims {
    serde_json::from_str(
        r#"{"iss": "a", "sub": "spiffe://example.org/a", "aud": "example.org", "tenant": "t", "iat": 1, "nbf": 1, "exp": 2, "jti": "j", "reason": "r",
            "upstream": "u", "tool": "t", "arguments_digest": "*", "decision_id": "019b7b00-0000-7000-8000-000000000001",
            "instance": "5b0ff3c8-26fd-4ae5-b2c5-8f4d26d15d10", "lifts": [], "uses": 1}"#,
    )
    .unwrap()
}

#[test]
fn the_vectors_of_rfc_8037() {
    assert_eq!(key().x(), "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
    assert_eq!(key().kid(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    let signed = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
    let signature = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    assert_eq!(identity::jws::encode(&key().sign_bytes(signed.as_bytes())), signature);
}

#[test]
fn a_key_survives_pem() {
    let pem = key().to_pem().unwrap();
    assert!(pem.starts_with("-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEI"), "not PKCS#8 version 1");
    assert_eq!(SigningKey::from_pem(&pem).unwrap().kid(), key().kid());
    assert!(SigningKey::from_pem("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n").is_err());
    assert_eq!(format!("{:?}", key()), r#"SigningKey("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k")"#);
}

#[test]
fn what_is_signed_can_be_looked_up() {
    for kind in [Kind::Override, Kind::Approval] {
        let token = sign(kind, &claims(), &key()).unwrap();
        let claimed = peek(&token, &Settings::default()).unwrap();
        assert_eq!((claimed.kind, claimed.kid, claimed.iss, claimed.jti), (kind, key().kid(), "a".to_owned(), "j".to_owned()));
        assert_eq!((claimed.decision_id, claimed.instance), (claims().decision_id, claims().instance));
    }
}

#[test]
fn nothing_is_signed_that_no_verifier_accepts() {
    let bad = Claims { reason: String::new(), ..claims() };
    assert_eq!(sign(Kind::Override, &bad, &key()), Err(Rejected::Claims("`reason` is not in its form".to_owned())));
}
