//! Which headers of an answer pass: those of one connection go no further (RFC 9110 section 7.6.1), nor do any that look like
//! toolgate's own, lead round it or ask for what it has. The headers of a request are `protocol`'s.

use http::header::{self, HeaderMap, HeaderName};

const OF_THE_CONNECTION: [HeaderName; 5] = [
    header::TRANSFER_ENCODING,
    header::TRAILER,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

/// Another place where the same server is (RFC 7838): a client that took it would go round toolgate.
const ALTERNATIVES: HeaderName = HeaderName::from_static("alt-svc");

/// What an upstream says of the credential that toolgate sends (RFC 9110 section 11): the agent would take it for a question about its own,
/// and answer it.
const OF_THE_CREDENTIAL: [HeaderName; 2] = [header::WWW_AUTHENTICATE, HeaderName::from_static("authentication-info")];

const OURS: &str = "toolgate-";

/// Whether toolgate sends the upstream a credential of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Authenticated {
    /// It does: what the upstream asks of it is not for the agent.
    ByUs,
    /// It does not: the agent's own `authorization`, if there is one, goes through.
    ByTheAgent,
}

pub(crate) fn answered(headers: &mut HeaderMap, authenticated: Authenticated) {
    if headers.contains_key(header::CONNECTION) {
        let values = headers.get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
        let named: Vec<HeaderName> = values.flat_map(|value| value.split(',')).filter_map(|name| name.trim().parse().ok()).collect();
        for name in named {
            headers.remove(name);
        }
        headers.remove(header::CONNECTION);
    }
    for name in OF_THE_CONNECTION.iter().chain([&ALTERNATIVES]) {
        headers.remove(name);
    }
    if authenticated == Authenticated::ByUs {
        OF_THE_CREDENTIAL.iter().for_each(|name| drop(headers.remove(name)));
    }
    let ours: Vec<HeaderName> = headers.keys().filter(|name| name.as_str().starts_with(OURS)).cloned().collect();
    for name in ours {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::{Authenticated, answered};
    use http::{HeaderMap, HeaderName};

    fn passing(authenticated: Authenticated) -> Vec<String> {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "keep-alive, X-Named"),
            ("connection", "close"),
            ("x-named", "1"),
            ("keep-alive", "timeout=5"),
            ("transfer-encoding", "chunked"),
            ("toolgate-mode", "LOCAL"),
            ("toolgate-decision-id", "forged"),
            ("content-length", "3"),
            ("mcp-session-id", "s"),
            ("alt-svc", "h3=\":443\""),
            ("www-authenticate", "Bearer resource_metadata=\"https://tools.example/\""),
            ("www-authenticate", "Basic"),
            ("authentication-info", "nextnonce=\"1\""),
        ] {
            headers.append(HeaderName::from_static(name), value.parse().unwrap());
        }
        answered(&mut headers, authenticated);
        let mut names: Vec<String> = headers.keys().map(HeaderName::to_string).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn what_passes() {
        assert_eq!(passing(Authenticated::ByUs), ["content-length", "mcp-session-id"]);
        let asked = ["authentication-info", "content-length", "mcp-session-id", "www-authenticate"];
        assert_eq!(passing(Authenticated::ByTheAgent), asked);
    }
}
