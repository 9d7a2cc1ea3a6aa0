//! A value that is sent and never shown: its `Debug` prints no byte of it, and it has no `Display`.

use crate::WireError;
use arc_swap::ArcSwapOption;
use http::{HeaderMap, HeaderName, HeaderValue};
use std::fmt;
use std::sync::Arc;

/// A header that is added to every request to one upstream. Its value comes from a file and changes with it.
pub struct Credential {
    name: HeaderName,
    prefix: String,
    value: ArcSwapOption<HeaderValue>,
}

impl Credential {
    /// A header `name` whose value is `prefix` (such as `Bearer `) followed by the secret.
    ///
    /// # Errors
    /// The secret is empty or cannot stand in a header; the error does not show it.
    pub fn new(name: HeaderName, prefix: &str, secret: &[u8]) -> Result<Self, WireError> {
        let credential = Self { name, prefix: prefix.to_owned(), value: ArcSwapOption::empty() };
        credential.replace(secret)?;
        Ok(credential)
    }

    /// Takes the file's new content; a bad one keeps the last good value.
    ///
    /// # Errors
    /// As `new`.
    pub fn replace(&self, secret: &[u8]) -> Result<(), WireError> {
        let secret = secret.trim_ascii();
        if secret.is_empty() {
            return Err(WireError::Credential { header: self.name.to_string(), why: "the secret is empty" });
        }
        let whole = [self.prefix.as_bytes(), secret].concat();
        let mut value = HeaderValue::from_bytes(&whole)
            .map_err(|_| WireError::Credential { header: self.name.to_string(), why: "the secret has bytes that a header cannot carry" })?;
        value.set_sensitive(true);
        self.value.store(Some(Arc::new(value)));
        Ok(())
    }

    /// Puts the header in, in place of any that the client sent, also under a name that some servers take for the same (RFC 3875 section 4.1.18).
    pub(crate) fn put(&self, headers: &mut HeaderMap) {
        let others: Vec<HeaderName> = headers.keys().filter(|name| is_alike(name, &self.name)).cloned().collect();
        for other in others {
            headers.remove(other);
        }
        if let Some(value) = self.value.load().as_deref() {
            headers.insert(self.name.clone(), value.clone());
        }
    }
}

/// Whether two names differ in their marks alone.
fn is_alike(one: &HeaderName, other: &HeaderName) -> bool {
    let same = |(one, other): (u8, u8)| one == other || !one.is_ascii_alphanumeric() && !other.is_ascii_alphanumeric();
    let (one, other) = (one.as_str(), other.as_str());
    one.len() == other.len() && one.bytes().zip(other.bytes()).all(same)
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credential({}: not shown)", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::Credential;
    use http::{HeaderMap, HeaderName, header};

    #[test]
    fn is_sent_and_never_shown() {
        let credential = Credential::new(header::AUTHORIZATION, "Bearer ", b"canary-1\n").unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, "Bearer of-the-client".parse().unwrap());
        credential.put(&mut headers);
        assert_eq!(headers[header::AUTHORIZATION].as_bytes(), b"Bearer canary-1");
        assert!(!format!("{credential:?} {headers:?}").contains("canary"));
        let credential = Credential::new("x-api-key".parse().unwrap(), "", b"canary").unwrap();
        for name in ["x_api_key", "x.api-key", "X-Api-Key", "x-api-keys"] {
            headers.insert::<HeaderName>(name.parse().unwrap(), "of-the-client".parse().unwrap());
        }
        credential.put(&mut headers);
        let sent: Vec<_> = headers.iter().filter(|(name, _)| name.as_str().starts_with('x')).map(|(name, _)| name.as_str()).collect();
        assert_eq!((sent, headers["x-api-key"].as_bytes()), (vec!["x-api-keys", "x-api-key"], &b"canary"[..]));
        let credential = Credential::new(header::AUTHORIZATION, "Bearer ", b"canary-1").unwrap();
        let bad = credential.replace(b"canary\x002").unwrap_err();
        assert!(!format!("{bad} {bad:?}").contains("canary"));
        credential.put(&mut headers);
        assert_eq!(headers[header::AUTHORIZATION].as_bytes(), b"Bearer canary-1", "the last good value stays");
    }
}
