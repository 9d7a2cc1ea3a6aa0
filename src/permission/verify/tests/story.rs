//! A file of the corpus: a merge patch (RFC 7396) over `base.json`, and the token that it makes.

use crate::verify::{Binding, Blocked, RefusedDecision};
use crate::{KeyEntry, Keys, Login, Settings, SigningKey};
use canon::{CallId, Digest, InstanceId, Keyed, Micros};
use identity::{Actor, SpiffeId, jws};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/tokens/permission");

/// A test's own story; see `fixtures/tokens/README.md`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Story {
    #[serde(rename = "why")]
    _why: String,
    at: i64,
    signed_by: String,
    header: Value,
    header_text: Option<String>,
    claims: Value,
    payload_text: Option<String>,
    spell: Option<String>,
    call: Call,
    decision: Option<Decision>,
    keys: Map<String, Value>,
    revocations: Option<Value>,
    settings: Settings,
    #[serde(skip)]
    user: Option<Actor>,
    #[serde(skip)]
    actors: Vec<Actor>,
    #[serde(skip)]
    refused: Option<RefusedDecision>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Call {
    audience: String,
    instance: InstanceId,
    subject: SpiffeId,
    user: Option<Login>,
    actors: Vec<Login>,
    tenant: String,
    upstream: String,
    tool: String,
    arguments: u8,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Decision {
    id: CallId,
    at: i64,
    subject: SpiffeId,
    user: Option<Login>,
    tenant: String,
    upstream: String,
    tool: String,
    arguments: u8,
    blocked: String,
    reasons: Vec<String>,
}

fn actor(login: &Login) -> Actor {
    Actor { issuer: login.issuer.clone(), subject: login.subject.clone() }
}

impl Decision {
    fn refused(&self) -> RefusedDecision {
        RefusedDecision {
            id: self.id,
            at: Micros(self.at * 1_000_000),
            subject: self.subject.clone(),
            user: self.user.as_ref().map(actor),
            tenant: self.tenant.clone(),
            upstream: self.upstream.clone(),
            tool: self.tool.clone(),
            arguments_digest: Keyed([self.arguments; 32]),
            blocked: match self.blocked.as_str() {
                "needs_approval" => Blocked::NeedsApproval,
                "denied" => Blocked::Denied,
                "error" => Blocked::Error,
                other => panic!("no block is called `{other}`"),
            },
            reasons: self.reasons.clone(),
        }
    }
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

/// The key of a name: its seed is the digest of the name.
fn key(name: &str) -> SigningKey {
    SigningKey::from_seed(&Zeroizing::new(Digest::of(&[name.as_bytes()]).0))
}

impl Story {
    pub(super) fn read(name: &str) -> Self {
        let mut whole = file("base");
        merge(&mut whole, file(name));
        let mut story: Self = serde_json::from_value(whole).unwrap_or_else(|error| panic!("{name}: {error}"));
        story.user = story.call.user.as_ref().map(actor);
        story.actors = story.call.actors.iter().map(actor).collect();
        story.refused = story.decision.as_ref().map(Decision::refused);
        story
    }

    pub(super) const fn at(&self) -> Micros {
        Micros(self.at * 1_000_000)
    }

    pub(super) fn settings(&self) -> Settings {
        self.settings.clone()
    }

    pub(super) const fn refused(&self) -> Option<&RefusedDecision> {
        self.refused.as_ref()
    }

    pub(super) fn binding(&self) -> Binding<'_> {
        Binding {
            audience: &self.call.audience,
            instance: self.call.instance,
            subject: &self.call.subject,
            user: self.user.as_ref(),
            actors: &self.actors,
            tenant: &self.call.tenant,
            upstream: &self.call.upstream,
            tool: &self.call.tool,
            arguments_digest: Keyed([self.call.arguments; 32]),
            refused: self.refused.as_ref(),
        }
    }

    /// The JWKS, each key under its own name.
    pub(super) fn keys(&self) -> Keys {
        let entries: Vec<KeyEntry> = self
            .keys
            .iter()
            .map(|(name, members)| {
                let mut entry = json!({"kty": "OKP", "crv": "Ed25519", "kid": name, "x": key(name).x()});
                merge(&mut entry, members.clone());
                serde_json::from_value(entry).unwrap()
            })
            .collect();
        let revocations = self.revocations.as_ref().map(Value::to_string);
        let jwks = json!({ "keys": entries }).to_string();
        Keys::build(jwks.as_bytes(), revocations.as_deref().map(str::as_bytes), self.settings()).unwrap()
    }

    pub(super) fn token(&self) -> String {
        let header = self.header_text.clone().unwrap_or_else(|| self.header.to_string());
        let payload = self.payload_text.clone().unwrap_or_else(|| self.claims.to_string());
        let signed = format!("{}.{}", jws::encode(header.as_bytes()), jws::encode(payload.as_bytes()));
        let signature = key(&self.signed_by).sign_bytes(signed.as_bytes());
        match &self.spell {
            None => format!("{signed}.{}", jws::encode(&signature)),
            Some(how) => self.spelled(how, &header, &signed, signature),
        }
    }

    /// The same token, spelled as no signer would.
    fn spelled(&self, how: &str, header: &str, signed: &str, signature: [u8; 64]) -> String {
        let text = jws::encode(&signature);
        let with = |signature: &[u8]| format!("{signed}.{}", jws::encode(signature));
        match how {
            "padding" => format!("{signed}.{text}=="),
            "trailing_bits" => format!("{signed}.{}", next_last(&text)),
            "standard_alphabet" => format!("{signed}.+{}", text.strip_prefix(|_: char| true).unwrap()),
            "white_space" => format!("{signed}.{text}\n"),
            "two_parts" => signed.to_owned(),
            "four_parts" => format!("{signed}.{text}.{text}"),
            "json_form" => {
                let (protected, payload) = signed.split_once('.').unwrap();
                json!({"protected": protected, "header": {"kid": "alice"}, "payload": payload, "signature": text}).to_string()
            }
            "no_signature" => format!("{signed}."),
            "zero_signature" => with(&[0; 64]),
            "short_signature" => with(&signature[..63]),
            "long_signature" => with(&[&signature[..], &[0]].concat()),
            "non_canonical_s" => with(&plus_order(signature)),
            "small_order_r" => with(&[&[1][..], &[0; 31], &signature[32..]].concat()),
            "changed_payload" => {
                let claims = self.claims.to_string().replace("fs_write", "fs_purge");
                format!("{}.{}.{text}", jws::encode(header.as_bytes()), jws::encode(claims.as_bytes()))
            }
            "changed_header" => {
                let payload = self.claims.to_string();
                format!("{}.{}.{text}", jws::encode(format!("{header} ").as_bytes()), jws::encode(payload.as_bytes()))
            }
            // The public key is public: whoever takes it for a shared secret believes everybody.
            "hmac_with_public_key" => {
                let mac = canon::HmacKey::new(jws::decode(&key("alice").x(), "x").unwrap().try_into().unwrap()).sign(&[signed.as_bytes()]);
                with(&mac.0)
            }
            other => panic!("no spelling is called `{other}`"),
        }
    }
}

/// The last character replaced by the next of the alphabet: 64 bytes leave its lower four bits zero.
fn next_last(text: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (last, rest) = text.as_bytes().split_last().unwrap();
    let place = ALPHABET.iter().position(|character| character == last).unwrap();
    String::from_utf8([rest, &[ALPHABET[place + 1]]].concat()).unwrap()
}

/// S + L (RFC 8032 section 5.1.7 refuses it): L = 2^252 + 27742317777372353535851937790883648493.
fn plus_order(mut signature: [u8; 64]) -> [u8; 64] {
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 0x10,
    ];
    let mut carry = 0;
    for (byte, order) in signature[32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        *byte = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
    signature
}
