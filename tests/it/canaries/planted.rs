//! Strings that must not be found again, where each was put; and an issuer of user tokens.

use rcgen::{KeyPair, PKCS_ED25519, SigningKey};
use serde_json::{Value, json};
use std::hash::{BuildHasher, RandomState};
use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};

/// What must not be found, by where it was put.
#[derive(Default)]
pub(super) struct Canaries {
    planted: Mutex<Vec<(String, String)>>,
    random: RandomState,
}

impl Canaries {
    /// A new string for a place. Letters and digits only: no escaping hides it.
    pub(super) fn plant(&self, place: &str) -> String {
        let number = self.planted.lock().unwrap().len();
        let canary = format!("c4n4ry{number}x{:016x}", self.random.hash_one(number));
        self.watch(place, &canary);
        canary
    }

    /// A string that exists already.
    pub(super) fn watch(&self, place: &str, secret: &str) {
        self.planted.lock().unwrap().push((place.to_owned(), secret.to_owned()));
    }

    /// A string that is no secret: it must be found, or the search finds nothing.
    pub(super) fn marker(&self) -> String {
        format!("m4rk3r{:016x}", self.random.hash_one("marker"))
    }

    /// Fails with every place from which something was found again.
    pub(super) fn must_be_nowhere_in(&self, places: &[(String, Vec<u8>)]) {
        let planted = self.planted.lock().unwrap();
        assert!(planted.len() > 300, "{} canaries", planted.len());
        let mut found = Vec::new();
        for (place, bytes) in places {
            found.extend(planted.iter().filter(|(_, secret)| contains(bytes, secret)).map(|(from, _)| format!("{from} in {place}")));
        }
        assert!(found.is_empty(), "{} of {} canaries were found:\n{}", found.len(), planted.len(), found.join("\n"));
        let marked = places.iter().filter(|(_, bytes)| contains(bytes, &self.marker())).count();
        assert!(marked > 10, "the marker was found in {marked} places only");
    }
}

fn contains(bytes: &[u8], text: &str) -> bool {
    let text = text.as_bytes();
    bytes.windows(text.len()).any(|window| window[0] == text[0] && window == text)
}

/// Signs user tokens with a key of its own.
pub(super) struct Issuer {
    name: String,
    key: KeyPair,
}

impl Issuer {
    pub(super) fn new(name: &str) -> Issuer {
        Issuer { name: name.to_owned(), key: KeyPair::generate_for(&PKCS_ED25519).unwrap() }
    }

    /// Its JWKS.
    pub(super) fn jwks(&self) -> String {
        let x = base64url(self.key.public_key_raw());
        json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": "one", "x": x}]}).to_string()
    }

    /// Seconds since 1970.
    pub(super) fn now(&self) -> i64 {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs().cast_signed()
    }

    /// A token with these claims beside those that each must have.
    pub(super) fn token(&self, claims: &Value) -> String {
        let mut claims = claims.clone();
        for (name, value) in
            [("iss", json!(self.name)), ("sub", json!("ada")), ("aud", json!("toolgate")), ("iat", json!(self.now() - 900))]
        {
            claims[name] = value;
        }
        let [header, payload] =
            [json!({"alg": "EdDSA", "typ": "JWT", "kid": "one"}), claims].map(|part| base64url(part.to_string().as_bytes()));
        let signature = self.key.sign(format!("{header}.{payload}").as_bytes()).unwrap();
        format!("{header}.{payload}.{}", base64url(&signature))
    }
}

/// RFC 4648 section 5, without padding.
fn base64url(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let letters = bytes.chunks(3).flat_map(|chunk| {
        let bits = chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        (0..=chunk.len()).map(move |place| char::from(LETTERS[(bits >> (18 - 6 * place) & 63) as usize]))
    });
    letters.collect()
}
