//! What a page in a browser of the agent's own user could send to a plain listener, where it would be taken for the agent.
//!
//! Knows what a browser says of itself: `Host` where a name was rebound to loopback, `Origin` (MCP, "Security Warning": servers must validate it),
//! and where that is left out, as for images, `Sec-Fetch-Site` (Fetch Metadata).

use http::header::{HOST, ORIGIN};
use protocol::Head;
use std::net::IpAddr;
use wire::Peer;

const REBOUND: &str = "the host of this request is not this machine: call `localhost`, or name the host in the route (`host`)";
const FOREIGN: &str = "a page of another origin sends this request (`origin`, `sec-fetch-site`): only pages of this machine may";

/// Why a request may come from a page that the agent's user only looks at, where that is so. `own` is the host that a route names: whoever calls
/// it means it. An upstream that is told its own host would not notice.
pub(crate) fn page(peer: &Peer, head: &Head, own: Option<&str>) -> Option<&'static str> {
    let is_browsable = matches!(peer, Peer::Local(_)) && peer.address().is_some();
    if !is_browsable {
        return None;
    }
    if own.is_none() && host(head).is_some_and(|host| !is_this_machine(host)) {
        return Some(REBOUND);
    }
    is_foreign(head, own).then_some(FOREIGN)
}

fn is_foreign(head: &Head, own: Option<&str>) -> bool {
    let mut origins = head.headers.get_all(ORIGIN).iter().peekable();
    if origins.peek().is_none() {
        return head.headers.get_all("sec-fetch-site").iter().any(|site| site.as_bytes().eq_ignore_ascii_case(b"cross-site"));
    }
    let is_ours = |host: &str| is_this_machine(host) || own.is_some_and(|own| own.eq_ignore_ascii_case(host));
    !origins.all(|origin| origin.to_str().ok().and_then(|origin| origin.split_once("://")).is_some_and(|(_, host)| is_ours(bare(host))))
}

/// Names that no name server is asked for (RFC 6761 section 6.3), and addresses of loopback.
fn is_this_machine(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let name = bare.strip_suffix('.').unwrap_or(bare).to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost") || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The host that a request names, without its port. One that is no text is nobody's.
pub(super) fn host(head: &Head) -> Option<&str> {
    let named = head.headers.get(HOST).map(|host| host.to_str().unwrap_or_default()).or_else(|| head.uri.host())?;
    Some(bare(named))
}

fn bare(named: &str) -> &str {
    match named.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        Some(_) | None => named,
    }
}

#[cfg(test)]
mod tests {
    use super::{is_foreign, is_this_machine};
    use http::{HeaderMap, Method, Version};
    use protocol::Head;

    #[test]
    fn what_a_browser_may_call_this_machine() {
        for (host, expected) in [
            ("localhost", true),
            ("LocalHost.", true),
            ("agent.localhost", true),
            ("127.0.0.1", true),
            ("127.9.9.9", true),
            ("[::1]", true),
            ("::1", true),
            ("localhost.evil.example", false),
            ("evillocalhost", false),
            ("evil.example", false),
            ("127.0.0.1.evil.example", false),
            ("192.0.2.1", false),
            ("[::]", false),
            ("0.0.0.0", false),
            ("", false),
        ] {
            assert_eq!(is_this_machine(host), expected, "{host}");
        }
    }

    #[test]
    fn pages_of_this_machine_alone_may_call() {
        for (headers, own, expected) in [
            (&[][..], None, false),
            (&[("origin", "http://localhost:6274")], None, false),
            (&[("origin", "https://[::1]:8443")], None, false),
            (&[("origin", "https://evil.example")], None, true),
            (&[("origin", "http://localhost.evil.example")], None, true),
            (&[("origin", "null")], None, true),
            (&[("origin", "")], None, true),
            (&[("origin", "http://localhost"), ("origin", "http://evil.example")], None, true),
            (&[("origin", "https://tools.example:8443")], None, true),
            (&[("origin", "https://tools.example:8443")], Some("Tools.Example"), false),
            (&[("sec-fetch-site", "cross-site")], None, true),
            (&[("sec-fetch-site", "cross-site")], Some("tools.example"), true),
            (&[("sec-fetch-site", "same-site")], None, false),
            (&[("sec-fetch-site", "none")], None, false),
            (&[("sec-fetch-site", "cross-site"), ("origin", "http://localhost:6274")], None, false),
        ] {
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.append(*name, value.parse().unwrap());
            }
            let head = Head { method: Method::GET, uri: "/".parse().unwrap(), headers: map, version: Version::HTTP_11 };
            assert_eq!(is_foreign(&head, own), expected, "{headers:?} {own:?}");
        }
    }
}
