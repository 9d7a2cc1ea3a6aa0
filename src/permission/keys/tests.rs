//! What is refused when keys are loaded, all of it at once.

use super::Keys;
use crate::{Login, Published, Revocations, Role, Settings, SigningKey, published};
use identity::jws;
use serde_json::{Value, json};
use zeroize::Zeroizing;

fn entry(seed: u8) -> Value {
    let key = SigningKey::from_seed(&Zeroizing::new([seed; 32]));
    let of = Published {
        person: "alice@example.org".to_owned(),
        roles: vec![Role::Approver],
        tenants: vec!["*".to_owned()],
        tools: vec!["*".to_owned()],
        lifetime_seconds_max: 600,
    };
    serde_json::to_value(published(&key, of)).unwrap()
}

fn problems(entries: &[Value]) -> Vec<String> {
    let jwks = json!({ "keys": entries }).to_string();
    match Keys::build(jwks.as_bytes(), None, Settings::default()) {
        Ok(_) => Vec::new(),
        Err(problems) => problems.iter().map(ToString::to_string).collect(),
    }
}

/// One member changed; the problem must hold `expected`.
fn check(member: &str, value: Value, expected: &str) {
    let mut key = entry(1);
    key[member] = value;
    let found = problems(&[key]);
    assert!(found.len() == 1 && found[0].starts_with("permission key 1 ") && found[0].contains(expected), "`{member}`: {found:?}");
}

#[test]
fn each_member_is_checked() {
    assert_eq!(problems(&[entry(1)]), [""; 0]);
    assert_eq!(problems(&[json!([])]), ["permission key 1 is not an object"]);
    check("kty", json!("EC"), "`OKP`");
    check("crv", json!("X25519"), "`Ed25519`");
    check("alg", json!("ES256"), "`alg`");
    check("use", json!("enc"), "`use`");
    check("kid", json!(""), "`kid`");
    check("kid", json!("k".repeat(129)), "`kid`");
    let mut longest = entry(1);
    longest["kid"] = json!("k".repeat(128));
    assert_eq!(problems(&[longest]), [""; 0]);
    check("person", json!(" "), "`person`");
    check("roles", json!([]), "`roles`");
    check("roles", json!(["admin"]), "unknown variant `admin`");
    check("tenants", json!([]), "`tenants`");
    check("tools", json!([]), "`tools`");
    check("lifetime_seconds_max", json!(0), "`lifetime_seconds_max`");
    check("d", json!("AAAA"), "private key");
    check("jku", json!("https://evil.example"), "unknown field `jku`");
    check("x", json!("AA"), "32 bytes");
    check("x", json!("AA=="), "base64url");
    check("spiffe_ids", json!(["spiffe://Example.org/a"]), "trust domain");
}

/// The points of small order, those with a part of small order, and other spellings of the same: others can sign for them.
#[test]
fn weak_keys_are_refused() {
    let hex = |text: &str| (0..32).map(|at| u8::from_str_radix(text.get(2 * at..2 * at + 2).unwrap(), 16).unwrap()).collect::<Vec<u8>>();
    for x in [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        // The neutral element, not canonical: its sign bit set, and y + p.
        "0100000000000000000000000000000000000000000000000000000000000080",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        // A key plus a point of order 8, from the ed25519-speccheck vectors.
        "cdb267ce40c5cd45306fa5d2f29731459387dbf9eb933b7bd5aed9a765b88d4d",
        // y = p + 3: not canonical.
        "f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ] {
        check("x", json!(jws::encode(&hex(x))), "");
        let mut key = entry(1);
        key["x"] = json!(jws::encode(&hex(x)));
        let found = problems(&[key]);
        assert!(found[0].contains("weak key"), "{x}: {found:?}");
    }
}

#[test]
fn every_mistake_at_once_and_no_key_under_two_names() {
    let (mut renamed, mut broken) = (entry(1), entry(2));
    renamed["kid"] = json!("other");
    broken["person"] = json!("");
    let found = problems(&[entry(1), entry(1), renamed, broken]);
    assert_eq!(
        found,
        [
            "permission key 2 has the same `kid` as one before it",
            "permission key 3 has the same `x` as one before it",
            "permission key 4 has no `person`"
        ]
    );
}

#[test]
fn files_are_read_strictly() {
    let list = r#"{"issued_at": 1, "next_update": 2, "kids": [], "kids": []}"#;
    let wrong = Keys::build(br#"{"keys": [], "keys": []}"#, Some(list.as_bytes()), Settings::default()).unwrap_err();
    let wrong: Vec<String> = wrong.iter().map(ToString::to_string).collect();
    assert!(wrong.len() == 2 && wrong[0].starts_with("the permission keys") && wrong[1].starts_with("the revocation list"), "{wrong:?}");
    let wrong = Keys::build(b"[[]]", Some(b"7"), Settings::default()).unwrap_err();
    assert!(wrong.iter().all(|problem| problem.to_string().contains("not an object")), "{wrong:?}");
    assert!(Keys::build(br#"{"keys": []} "#, None, Settings::default()).is_ok());
}

#[test]
fn entries_round_trip() {
    let mut key = entry(1);
    key["users"] = json!([{"issuer": "i", "subject": "s"}]);
    key["arguments"] = json!("any");
    let keys = Keys::build(json!({ "keys": [key] }).to_string().as_bytes(), None, Settings::default()).unwrap();
    let read = keys.entries().next().unwrap();
    assert_eq!(read.users, [Login { issuer: "i".to_owned(), subject: "s".to_owned() }]);
    assert_eq!(serde_json::to_value(read).unwrap(), key);
    let list = Revocations { issued_at: 1, next_update: 2, kids: ["k".to_owned()].into(), jtis: ["j".to_owned()].into() };
    let text = serde_json::to_vec(&list).unwrap();
    let keys = Keys::build(br#"{"keys": []}"#, Some(&text), Settings::default()).unwrap();
    assert_eq!(keys.revocations(), Some(&list));
}
