//! A person with a key, who signs permissions for refused calls. Knows the claims, not the table.

use crate::peers::get;
use crate::sidecar::Sidecar;
use permission::{Claims, Kind, Published, Role, SigningKey, published, sign};
use rcgen::{KeyPair, SigningKey as _};
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

/// How long what is signed here holds, in seconds.
const LIFETIME_S: i64 = 600;

/// A person and the person's key.
pub(super) struct Signer {
    key: SigningKey,
    /// The entry for the file of keys.
    pub(super) entry: Value,
}

impl Signer {
    /// For every tenant and tool, with these roles.
    pub(super) fn new(person: &str, roles: &[Role]) -> Signer {
        let key = SigningKey::from_seed(&zeroize::Zeroizing::new(rand_seed()));
        let of = Published {
            person: person.to_owned(),
            roles: roles.to_vec(),
            tenants: vec!["*".to_owned()],
            tools: vec!["*".to_owned()],
            lifetime_seconds_max: 3600,
        };
        let entry = serde_json::to_value(published(&key, of)).unwrap();
        Signer { key, entry }
    }

    /// The same with another member in its entry.
    pub(super) fn with(mut self, member: &str, value: Value) -> Signer {
        self.entry[member] = value;
        self
    }

    /// The key's name.
    pub(super) fn kid(&self) -> String {
        self.key.kid()
    }

    /// Who signs.
    pub(super) fn person(&self) -> String {
        self.entry["person"].as_str().unwrap().to_owned()
    }

    /// A permission of these claims.
    pub(super) fn sign(&self, kind: Kind, claims: &Claims) -> String {
        sign(kind, claims, &self.key).unwrap()
    }

    /// Any header and any payload under a good signature.
    pub(super) fn sign_as_is(&self, header: &Value, payload: &Value) -> String {
        let signed = format!("{}.{}", encoded(header), encoded(payload));
        let pair = KeyPair::from_pem(&self.key.to_pem().unwrap()).unwrap();
        format!("{signed}.{}", identity::jws::encode(&pair.sign(signed.as_bytes()).unwrap()))
    }
}

fn encoded(part: &Value) -> String {
    identity::jws::encode(part.to_string().as_bytes())
}

fn rand_seed() -> [u8; 32] {
    let (one, two) = (uuid::Uuid::new_v4(), uuid::Uuid::new_v4());
    [one.into_bytes(), two.into_bytes()].concat().try_into().unwrap()
}

/// A file of keys.
pub(super) fn jwks(signers: &[&Signer]) -> String {
    json!({"keys": signers.iter().map(|signer| signer.entry.clone()).collect::<Vec<_>>()}).to_string()
}

/// Now, in seconds since the epoch.
pub(super) fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap()
}

/// What a person signs to let the refused decision `id` through, lifting every reason of it.
pub(super) fn claims(sidecar: &Sidecar, id: &str, person: &str) -> Claims {
    let answer = get(sidecar.admin.clone(), &format!("/v1/refusals/{id}")).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    let refused: Value = serde_json::from_slice(&answer.body).unwrap();
    let word = |name: &str| refused[name].as_str().unwrap().to_owned();
    Claims {
        iss: person.to_owned(),
        sub: word("subject"),
        aud: word("audience"),
        tenant: word("tenant"),
        iat: now(),
        nbf: now(),
        exp: now() + LIFETIME_S,
        jti: uuid::Uuid::now_v7().to_string(),
        reason: "incident 42".to_owned(),
        upstream: word("upstream"),
        tool: word("tool"),
        arguments_digest: word("arguments_digest"),
        decision_id: word("decision_id").parse().unwrap(),
        instance: word("instance").parse().unwrap(),
        lifts: serde_json::from_value(refused["reasons"].clone()).unwrap(),
        ticket: None,
        uses: 1,
    }
}
