//! The compact form of a JWS (RFC 7515 section 7.1), taken apart strictly. Verifies nothing and believes nothing.
//!
//! Base64url without padding and with zero trailing bits, so that a token has one spelling; header and payload pass the strict JSON
//! parse, so that they have one reading. Errors never hold a byte of the token.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use canon::Json;
use canon::json::{Limits, Reason, Tree};

/// Arrays and objects inside one another in a header or payload.
const DEPTH_MAX: usize = 32;

/// A compact JWS in its parts. It holds a credential: no Debug.
pub struct Jws<'a> {
    /// The bytes of the header, an object in strict JSON.
    pub header: Vec<u8>,
    /// The bytes of the payload, an object in strict JSON.
    pub payload: Vec<u8>,
    /// The payload, parsed.
    pub claims: Json,
    /// What the signature covers: header and payload as they came, with the dot between.
    pub signed: &'a str,
    /// The signature as it came.
    pub signature_text: &'a str,
    /// The signature's bytes.
    pub signature: Vec<u8>,
}

impl<'a> Jws<'a> {
    /// Takes a token apart.
    ///
    /// # Errors
    /// Too long, not three parts, not strict base64url, not strict JSON objects.
    pub fn split(token: &'a str, bytes_max: usize) -> Result<Self, NotJws> {
        if token.len() > bytes_max {
            return Err(NotJws::TooLong { bytes_max });
        }
        let (signed, signature_text) = token.rsplit_once('.').ok_or(NotJws::Form)?;
        let (header, payload) = signed.split_once('.').ok_or(NotJws::Form)?;
        let (header, payload) = (decode(header, "header")?, decode(payload, "payload")?);
        object(&header, "header")?;
        let claims = object(&payload, "payload")?;
        Ok(Self { header, payload, claims, signed, signature_text, signature: decode(signature_text, "signature")? })
    }
}

/// Strict base64url: no padding, no trailing bits, no other alphabet.
///
/// # Errors
/// `NotJws::Base64`, naming `part`.
pub fn decode(text: &str, part: &'static str) -> Result<Vec<u8>, NotJws> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| NotJws::Base64 { part })
}

/// Base64url without padding.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn object(bytes: &[u8], part: &'static str) -> Result<Json, NotJws> {
    let limits = Limits { depth_max: DEPTH_MAX, ..Limits::default() };
    match canon::json::parse::<Tree>(bytes, &limits) {
        Ok(object @ Json::Object(_)) => Ok(object),
        Ok(Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_)) => Err(NotJws::NotAnObject { part }),
        Err(rejected) => Err(NotJws::Json { part, reason: rejected.reason }),
    }
}

/// Why a text is not a compact JWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotJws {
    /// Over the limit.
    #[error("it is longer than {bytes_max} bytes")]
    TooLong {
        /// The limit.
        bytes_max: usize,
    },
    /// Not three parts with dots between.
    #[error("it is not three parts with dots between")]
    Form,
    /// A part with padding, trailing bits, or a foreign character.
    #[error("its {part} is not base64url without padding")]
    Base64 {
        /// Which part.
        part: &'static str,
    },
    /// A part that two parsers could read differently.
    #[error("its {part} is not strict JSON: {reason}")]
    Json {
        /// Which part.
        part: &'static str,
        /// What is wrong with it.
        reason: Reason,
    },
    /// A part that is some other JSON value.
    #[error("its {part} is not a JSON object")]
    NotAnObject {
        /// Which part.
        part: &'static str,
    },
}

#[cfg(test)]
mod tests;
