//! What judges a call, taken once per call and immutable: mode, rules, routes, policy, keys, trust. Its digests are in the record.
//!
//! Knows no file and no socket: `service` builds one whenever something changes, and swaps it whole.

use canon::Digest;
use enforcement::Rules;
use http::header::{HOST, ORIGIN};
use http::{HeaderName, HeaderValue, Uri};
use identity::{Anchors, Issuers, Tenant, TenantRules};
use permission::Keys;
use policy::Snapshot;
use protocol::{Head, Speaks};
use record::Mask;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use wire::Peer;

/// One immutable view.
#[derive(Clone)]
pub(crate) struct View {
    pub(crate) mode: Mode,
    /// Routes, those of the longest path first.
    pub(crate) routes: Arc<Vec<Route>>,
    pub(crate) tenants: Arc<TenantRules>,
    pub(crate) mask: Arc<Mask>,
    pub(crate) limits: protocol::Limits,
    pub(crate) detail: protocol::Detail,
    /// The policy by entry point; empty until one was loaded.
    pub(crate) policies: Arc<BTreeMap<String, Arc<Snapshot>>>,
    pub(crate) keys: Arc<Keys>,
    pub(crate) anchors: Arc<Anchors>,
    pub(crate) issuers: Arc<Issuers>,
    /// Of the configuration's files.
    pub(crate) config_digest: Digest,
    /// Of everything here.
    pub(crate) digest: Digest,
}

/// The mode as calls see it.
#[derive(Clone)]
pub(crate) struct Mode {
    pub(crate) name: &'static str,
    pub(crate) enforcement: &'static str,
    pub(crate) permissive: bool,
    /// The same for the policy.
    pub(crate) input: policy::Mode,
}

/// A route: which requests it takes and where they go.
pub(crate) struct Route {
    pub(crate) name: Arc<str>,
    pub(crate) listener: String,
    pub(crate) host: Option<String>,
    pub(crate) prefix: String,
    pub(crate) speaks: Speaks,
    pub(crate) rules: Rules,
    pub(crate) tenant: Option<Tenant>,
    pub(crate) bearer_issuer: Option<String>,
    pub(crate) filter_lists: bool,
    pub(crate) session_header: Option<HeaderName>,
    pub(crate) policy_headers: Vec<HeaderName>,
    pub(crate) entry_point: String,
    pub(crate) upstream_name: Arc<str>,
    pub(crate) upstream: Arc<wire::Upstream>,
}

impl View {
    /// The same view with the digest of what it holds.
    pub(crate) fn with_digest(self) -> Self {
        let policies = self.policies.values().map(|policy| policy.digest());
        let parts: Vec<[u8; 32]> = [self.config_digest, self.keys.digest(), self.anchors.generation()]
            .into_iter()
            .chain(policies)
            .map(|digest| digest.0)
            .collect();
        Self { digest: Digest::of(&[parts.as_flattened()]), ..self }
    }

    /// The route of a request: its listener's, of its host, of the longest path.
    pub(crate) fn route(&self, listener: &str, head: &Head) -> Option<&Route> {
        let host = host(head);
        self.routes.iter().find(|route| route.takes(listener, host, head.uri.path()))
    }

    /// Whether a header's value is itself what lets a request through: the raw id of a session, or a permission. It is never recorded.
    pub(crate) fn is_bearer_of_rights(&self, name: &HeaderName) -> bool {
        name == protocol::MCP_SESSION_ID
            || name == protocol::PERMISSION
            || self.routes.iter().any(|route| route.session_header.as_ref() == Some(name))
    }

    /// Whether lists are filtered on `route`. A permissive mode never changes a body.
    pub(crate) fn filters(&self, route: &Route) -> bool {
        route.filter_lists && !self.mode.permissive
    }

    /// The policy that decides on `route`.
    pub(crate) fn policy(&self, route: &Route) -> Option<Arc<Snapshot>> {
        self.policies.get(&route.entry_point).cloned()
    }
}

impl Route {
    /// Whether a request may be meant for this route.
    pub(crate) fn is_meant(&self, peer: &Peer, head: &Head) -> bool {
        is_meant(peer, head, self.host.as_deref())
    }

    fn takes(&self, listener: &str, host: Option<&str>, path: &str) -> bool {
        self.listener == listener
            && self.host.as_deref().is_none_or(|wanted| host.is_some_and(|found| found.eq_ignore_ascii_case(wanted)))
            && below(path, &self.prefix)
    }
}

/// Whether a request may be meant for this machine, or for the host that a route names. A page in a browser of the agent's own user could have
/// its name resolved to loopback (DNS rebinding), or send what needs no leave to be sent, and would be taken for the agent; an upstream that
/// is told its own host would not notice. A browser says whose page it was (Fetch Standard, section 3.2, `Origin` header).
pub(crate) fn is_meant(peer: &Peer, head: &Head, named: Option<&str>) -> bool {
    let is_browsable = matches!(peer, Peer::Local(_)) && peer.address().is_some();
    let ours = |host: &str| is_this_machine(host) || named.is_some_and(|named| named.eq_ignore_ascii_case(host));
    let mut origins = head.headers.get_all(ORIGIN).iter();
    !is_browsable || host(head).is_none_or(ours) && origins.all(|origin| origin_host(origin).is_some_and(|host| ours(&host)))
}

/// The host of a page's origin; `null`, which a page may have as well, is none of ours.
fn origin_host(origin: &HeaderValue) -> Option<String> {
    origin.to_str().ok()?.parse::<Uri>().ok()?.host().map(str::to_owned)
}

/// `/mcp` takes `/mcp` and `/mcp/x`, not `/mcpx`; `/%6dcp` is the same path (RFC 3986 section 6.2.2.2) and must not find a laxer route.
fn below(path: &str, prefix: &str) -> bool {
    let (path, prefix) = (protocol::decoded_path(path), prefix.strip_suffix('/').unwrap_or(prefix));
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Names that no name server is asked for (RFC 6761 section 6.3), and addresses of loopback.
fn is_this_machine(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let name = bare.strip_suffix('.').unwrap_or(bare).to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost") || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The host without its port. One that is no text is nobody's.
fn host(head: &Head) -> Option<&str> {
    let named = head.headers.get(HOST).map(|host| host.to_str().unwrap_or_default()).or_else(|| head.uri.host())?;
    match named.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => Some(host),
        Some(_) | None => Some(named),
    }
}

#[cfg(test)]
mod tests {
    use super::{below, is_this_machine, origin_host};
    use http::HeaderValue;

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
    fn a_page_of_another_site_is_not_this_machine() {
        for (origin, expected) in [
            ("http://localhost:3000", Some("localhost")),
            ("http://[::1]:3000", Some("[::1]")),
            ("https://evil.example", Some("evil.example")),
            ("null", Some("null")),
            ("", None),
            ("\u{e9}", None),
            ("http://", None),
        ] {
            let origin = HeaderValue::from_bytes(origin.as_bytes()).unwrap();
            assert_eq!(origin_host(&origin).as_deref(), expected, "{origin:?}");
        }
    }

    #[test]
    fn a_prefix_ends_at_a_segment() {
        for (path, prefix, taken) in [
            ("/mcp", "/mcp", true),
            ("/mcp/", "/mcp", true),
            ("/mcp/a", "/mcp/", true),
            ("/mcpx", "/mcp", false),
            ("/", "/", true),
            ("/a", "/", true),
            ("/m", "/mcp", false),
            ("/%6dcp/a", "/mcp", true),
            ("/mcp%2Fa", "/mcp", true),
            ("/%6dcpx", "/mcp", false),
            ("/%6dcp/%", "/mcp", false),
        ] {
            assert_eq!(below(path, prefix), taken, "{path} below {prefix}");
        }
    }
}
