//! A file of the corpus: a merge patch (RFC 7396) over `base.json`, and the token that it makes.

use crate::bearer::{Actor, User};
use crate::{IssuerSettings, Issuers, jws};
use canon::{Json, Micros};
use jsonwebtoken::{Algorithm, EncodingKey};
use rcgen::{KeyPair, RsaKeySize, SigningKey as _};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::LazyLock;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/tokens/bearer");

/// One file; see `fixtures/tokens/README.md`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Story {
    pub(super) why: String,
    at: i64,
    signed_by: String,
    header: Value,
    header_text: Option<String>,
    claims: Value,
    payload_text: Option<String>,
    spell: Option<String>,
    issuer: IssuerSettings,
    expect: Expected,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    subject: String,
    tenant: Option<String>,
    claims: Value,
    actors: Vec<(String, String)>,
}

/// The issuer's keys, by `kid`: made anew for each run.
static KEYS: LazyLock<[(&str, KeyPair); 6]> = LazyLock::new(|| {
    let rsa = || KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
    [
        ("p256", KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap()),
        ("p384", KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap()),
        ("ed25519", KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap()),
        ("rsa", rsa()),
        ("rsa_only", rsa()),
        ("enc", KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap()),
    ]
});

fn key(kid: &str) -> &'static KeyPair {
    KEYS.iter().find_map(|(name, key)| (*name == kid).then_some(key)).unwrap()
}

/// The public key as a JWK.
fn jwk(kid: &str) -> Value {
    let raw = key(kid).public_key_raw();
    let half = |from: usize, to: usize| jws::encode(&raw[from..to]);
    let mut jwk = match kid {
        "p384" => json!({"kty": "EC", "crv": "P-384", "x": half(1, 49), "y": half(49, 97)}),
        "ed25519" => json!({"kty": "OKP", "crv": "Ed25519", "x": jws::encode(raw)}),
        // RSAPublicKey in DER (RFC 8017 appendix A.1.1): the modulus after 9 bytes of headers, one of them its leading zero.
        "rsa" | "rsa_only" => json!({"kty": "RSA", "n": half(9, 265), "e": half(267, raw.len())}),
        _ => json!({"kty": "EC", "crv": "P-256", "x": half(1, 33), "y": half(33, 65)}),
    };
    jwk["kid"] = json!(kid);
    match kid {
        "rsa_only" => jwk["alg"] = json!("RS256"),
        "enc" => jwk["use"] = json!("enc"),
        _ => jwk["use"] = json!("sig"),
    }
    jwk
}

/// Signs as `alg` says; for what cannot be signed so, ES256.
fn sign(alg: &str, kid: &str, signed: &str) -> String {
    let der = key(kid).serialized_der();
    let (key, algorithm) = match (kid, alg) {
        ("p384", _) => (EncodingKey::from_ec_der(der), Algorithm::ES384),
        ("ed25519", _) => (EncodingKey::from_ed_der(der), Algorithm::EdDSA),
        // RSAPrivateKey stands at the end of PKCS#8, behind 26 bytes.
        ("rsa" | "rsa_only", "PS256") => (EncodingKey::from_rsa_der(&der[26..]), Algorithm::PS256),
        ("rsa" | "rsa_only", _) => (EncodingKey::from_rsa_der(&der[26..]), Algorithm::RS256),
        _ => (EncodingKey::from_ec_der(der), Algorithm::ES256),
    };
    jsonwebtoken::crypto::sign(signed.as_bytes(), &key, algorithm).unwrap()
}

/// The names of all files but the base.
#[expect(clippy::disallowed_methods, reason = "the corpus is files")]
pub(super) fn names() -> Vec<String> {
    let files = std::fs::read_dir(FOLDER).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = files.map(|name| name.strip_suffix(".json").unwrap().to_owned()).filter(|name| name != "base").collect();
    names.sort();
    names
}

#[expect(clippy::disallowed_methods, reason = "the corpus is files")]
fn file(name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(format!("{FOLDER}/{name}.json")).unwrap()).unwrap()
}

/// RFC 7396.
fn merge(target: &mut Value, patch: Value) {
    match (target, patch) {
        (Value::Object(target), Value::Object(patch)) => {
            for (name, value) in patch {
                if value.is_null() {
                    target.remove(&name);
                } else {
                    merge(target.entry(name).or_insert(Value::Null), value);
                }
            }
        }
        (target, patch) => *target = patch,
    }
}

impl Story {
    pub(super) fn read(name: &str) -> Self {
        let mut whole = file("base");
        merge(&mut whole, file(name));
        serde_json::from_value(whole).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub(super) const fn at(&self) -> Micros {
        Micros(self.at * 1_000_000)
    }

    pub(super) fn issuers(&self) -> Issuers {
        let mut keys: Vec<Value> = KEYS.iter().map(|(kid, _)| jwk(kid)).collect();
        // Kinds that we do not verify with are passed over (RFC 7517 section 5).
        keys.push(json!({"kty": "EC", "crv": "secp256k1", "kid": "k1", "x": "AA", "y": "AA"}));
        keys.push(json!({"kty": "AKP", "alg": "ML-DSA-44", "kid": "pq", "pub": "AA"}));
        let jwks = json!({ "keys": keys }).to_string();
        Issuers::build([(&self.issuer, jwks.as_bytes())]).unwrap()
    }

    pub(super) fn expect(&self, name: &str, user: &User, actors: &[Actor]) {
        assert_eq!((&user.issuer, &user.subject), (&self.issuer.issuer, &self.expect.subject), "{name}");
        assert_eq!(user.tenant, self.expect.tenant, "{name}");
        let expected = canon::json::parse::<canon::json::Tree>(self.expect.claims.to_string().as_bytes(), &canon::json::Limits::default());
        assert_eq!(Ok::<&Json, _>(&user.claims), expected.as_ref(), "{name}");
        let actors: Vec<(String, String)> = actors.iter().map(|actor| (actor.issuer.clone(), actor.subject.clone())).collect();
        assert_eq!(actors, self.expect.actors, "{name}");
    }

    pub(super) fn token(&self) -> String {
        let header = self.header_text.clone().unwrap_or_else(|| self.header.to_string());
        let payload = self.payload_text.clone().unwrap_or_else(|| self.claims.to_string());
        let signed = format!("{}.{}", jws::encode(header.as_bytes()), jws::encode(payload.as_bytes()));
        let signature = sign(self.header["alg"].as_str().unwrap_or_default(), &self.signed_by, &signed);
        match self.spell.as_deref() {
            None => format!("{signed}.{signature}"),
            Some("no_signature") => format!("{signed}."),
            Some("two_parts") => signed,
            Some("padding") => format!("{signed}.{signature}=="),
            Some("zero_signature") => format!("{signed}.{}", jws::encode(&[0; 64])),
            Some("der_signature") => format!("{signed}.{}", jws::encode(&key(&self.signed_by).sign(signed.as_bytes()).unwrap())),
            Some("json_form") => {
                let (protected, payload) = signed.split_once('.').unwrap();
                json!({"protected": protected, "payload": payload, "signature": signature}).to_string()
            }
            Some("changed_payload") => {
                let claims = self.claims.to_string().replace("u-bob", "u-eve");
                format!("{}.{}.{signature}", jws::encode(header.as_bytes()), jws::encode(claims.as_bytes()))
            }
            // The public key is public: whoever takes it for a shared secret believes everybody.
            Some("hmac_with_public_key") => {
                let secret = EncodingKey::from_secret(key("p256").public_key_raw());
                format!("{signed}.{}", jsonwebtoken::crypto::sign(signed.as_bytes(), &secret, Algorithm::HS256).unwrap())
            }
            Some(other) => panic!("no spelling is called `{other}`"),
        }
    }
}
