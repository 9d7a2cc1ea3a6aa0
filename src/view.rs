//! What judges a call, taken once per call and immutable: mode, rules, routes, policy, keys, trust. Its digests are in the record.
//!
//! Knows no file and no socket: `service` builds one whenever something changes, and swaps it whole.

pub(crate) mod browser;

use browser::host;
use canon::Digest;
use enforcement::Rules;
use http::HeaderName;
use identity::{Anchors, Issuers, Tenant, TenantRules};
use permission::Keys;
use policy::Snapshot;
use protocol::{Head, Speaks};
use record::Mask;
use std::collections::BTreeMap;
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

    /// The route of a request: its listener's, of its host, of the longest path. A server may compare paths without case, so one that is a route's
    /// but for its case finds no laxer route; `Route::spells` tells it.
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
    /// Why a page in a browser may have sent this request, where that is so. A route that names its host takes that one alone.
    pub(crate) fn page(&self, peer: &Peer, head: &Head) -> Option<&'static str> {
        browser::page(peer, head, self.host.as_deref())
    }

    /// Whether a path that the route takes is below its prefix as it is written.
    pub(crate) fn spells(&self, path: &str) -> bool {
        below(path, &self.prefix, |one, other| one == other)
    }

    fn takes(&self, listener: &str, host: Option<&str>, path: &str) -> bool {
        self.listener == listener
            && self.host.as_deref().is_none_or(|wanted| host.is_some_and(|found| found.eq_ignore_ascii_case(wanted)))
            && below(path, &self.prefix, canon::json::twins)
    }
}

/// `/mcp` takes `/mcp` and `/mcp/x`, not `/mcpx`; `/%6dcp` is the same path (RFC 3986 section 6.2.2.2) and must not find a laxer route.
fn below(path: &str, prefix: &str, same: fn(&str, &str) -> bool) -> bool {
    let (path, prefix) = (protocol::decoded_path(path), prefix.strip_suffix('/').unwrap_or(prefix));
    let mut segments = path.split('/');
    prefix.split('/').all(|wanted| segments.next().is_some_and(|segment| same(segment, wanted)))
}

#[cfg(test)]
mod tests {
    use super::below;

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
            assert_eq!(below(path, prefix, |one, other| one == other), taken, "{path} below {prefix}");
            assert_eq!(below(path, prefix, canon::json::twins), taken, "{path} below {prefix}, without case");
        }
    }

    #[test]
    fn a_path_of_another_case_is_below_a_prefix_and_does_not_spell_it() {
        for path in ["/Tools/sms", "/tools/SMS/send", "/tool\u{17f}/sms", "/%54ools/sms"] {
            assert!(below(path, "/tools/sms", canon::json::twins) && !below(path, "/tools/sms", |one, other| one == other), "{path}");
        }
        assert!(!below("/TOOLS/smsx", "/tools/sms", canon::json::twins));
    }
}
