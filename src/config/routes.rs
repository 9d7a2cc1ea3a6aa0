//! Which call goes where: (listener, host, path prefix) to an upstream, and how a call is read on the way.

use enforcement::Sensitive;
use http::HeaderName;
use identity::Tenant;
use protocol::{BadRoutes, HttpRoutes, McpRoute, Speaks};

use crate::Context;
use crate::problem::quoted;
use crate::reader::wanted::{Wanted, flag, list, name, one_of, reference, section as map, text, word};
use crate::reader::{Section, all};
use crate::upstreams::header;

/// A route.
#[derive(Debug, Clone)]
pub struct Route {
    /// Its name in the policy's input, records and metrics.
    pub name: String,
    /// The listener that it belongs to.
    pub listener: String,
    /// The host that it takes, in lower case without port; none: any.
    pub host: Option<String>,
    /// The path that it takes, with all below it.
    pub prefix: String,
    /// The upstream that it leads to.
    pub upstream: String,
    /// How a call is read.
    pub speaks: Speaks,
    /// The rule of the policy that decides.
    pub entry_point: String,
    /// Whose calls these are, whoever makes them.
    pub tenant: Option<Tenant>,
    /// The issuer whose bearer token a call must carry.
    pub bearer_issuer: Option<String>,
    /// What follows from a sensitive tool here; none: as the mode says.
    pub sensitive_tools: Option<Sensitive>,
    /// Whether tools that the policy does not show are taken out of lists.
    pub filter_lists: bool,
    /// The header that carries a session's id.
    pub session_header: Option<HeaderName>,
    /// The headers that the policy sees.
    pub policy_headers: Vec<HeaderName>,
}

struct HttpTool {
    method: &'static str,
    path: String,
    tool: String,
}

#[derive(Clone, Copy)]
enum Kind {
    Mcp,
    Http,
}

/// A route.
pub(crate) fn route(section: &mut Section<'_>, context: &Context<'_>) -> Option<Route> {
    let path = section.or("prefix", "/".to_owned(), &prefix());
    all!(Route {
        name: section.required("name", &name()),
        listener: section.required("listener", &reference("listeners", &context.listeners)),
        host: section.optional("host", &host()),
        prefix: path.clone(),
        upstream: section.required("upstream", &reference("upstreams", &context.upstreams)),
        speaks: speaks(section, path),
        entry_point: section.or("entry_point", "data.toolgate.decision".to_owned(), &entry_point()),
        tenant: section.optional("tenant", &Wanted::parsed("a tenant's name", Tenant::parse)),
        bearer_issuer: section.optional("bearer_issuer", &reference("identity.issuers", &context.issuers)),
        sensitive_tools: section.optional("sensitive_tools", &sensitive(context)),
        filter_lists: section.or("filter_lists", true, &flag()),
        session_header: section.optional("session_header", &header()),
        policy_headers: section.or("policy_headers", Vec::new(), &list(policy_header(), 0..=64)),
    })
}

/// Two routes that take the same calls; a path in another case than its route's is refused, so that prefixes which differ in case only are one.
pub(crate) fn distinct(routes: &[Route], section: &Section<'_>) -> Option<()> {
    for (index, route) in routes.iter().enumerate() {
        let takes = |other: &&Route| {
            (&other.listener, &other.host) == (&route.listener, &route.host) && other.prefix.eq_ignore_ascii_case(&route.prefix)
        };
        if let Some(other) = routes.iter().take(index).find(takes) {
            let (one, other) = (quoted(&other.name), quoted(&route.name));
            return section.wrong_at("routes", format!("{one} and {other} take the same calls: give one another host or prefix"));
        }
    }
    Some(())
}

fn speaks(section: &mut Section<'_>, path: Option<String>) -> Option<Speaks> {
    match section.required("protocol", &one_of([("mcp", Kind::Mcp), ("http", Kind::Http)]))? {
        Kind::Mcp => Some(Speaks::Mcp(McpRoute { path: path? })),
        Kind::Http => section.required("tools", &http_routes()).map(Speaks::Http),
    }
}

/// The table of tools; each entry that cannot stand is reported at its line.
fn http_routes() -> Wanted<'static, HttpRoutes> {
    let tools = list(map("a map with `method`, `path` and `tool`", http_tool), 1..=10_000);
    Wanted::of(tools.what.clone(), move |field| {
        let tools = tools.read(field)?;
        match HttpRoutes::parse(tools.iter().map(|tool| (tool.method, tool.path.as_str(), tool.tool.as_str()))) {
            Ok(routes) => Some(routes),
            Err(BadRoutes(wrong)) => {
                for (index, why) in wrong {
                    field.wrong_item(index, why);
                }
                None
            }
        }
    })
}

fn http_tool(section: &mut Section<'_>) -> Option<HttpTool> {
    let method = one_of(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"].map(|method| (method, method)));
    all!(HttpTool {
        method: section.required("method", &method),
        path: section.required("path", &text("a path such as `/customers/{id}`", 1..=1_024)),
        tool: section.required("tool", &word("a tool's name of 1 to 128 letters, digits, `-`, `_`, `.` or `/`", in_tool, 1..=128)),
    })
}

const fn in_tool(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.' | '/')
}

/// A route may ask for more than the mode, never for less.
fn sensitive<'w>(context: &'w Context<'_>) -> Wanted<'w, Sensitive> {
    let words = one_of([("recorded", Sensitive::Recorded), ("needs_approval", Sensitive::NeedsApproval)]);
    Wanted::of(words.what.clone(), move |field| {
        let sensitive = words.read(field)?;
        match context.rules.map(|rules| rules.on_route(sensitive)) {
            Some(Err(problem)) => field.wrong(problem.to_string()),
            Some(Ok(_)) | None => Some(sensitive),
        }
    })
}

fn host() -> Wanted<'static, String> {
    let wanted =
        word("a host name in lower case without port", |c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.:[]".contains(c), 1..=253);
    Wanted::of(wanted.what.clone(), move |field| match wanted.read(field)? {
        host if host.contains(':') && !host.starts_with('[') => field.unlike("a host name in lower case without port"),
        host => Some(host),
    })
}

/// What both sides read alike: segments of unreserved characters, none of them empty, a dot or two (RFC 3986 section 3.3).
fn prefix() -> Wanted<'static, String> {
    Wanted::parsed("the path that calls begin with, such as `/mcp`", |path| {
        let inner = path.strip_prefix('/').ok_or("it does not begin with `/`")?;
        if let Some(other) = path.chars().find(|c| !(c.is_ascii_alphanumeric() || "-._~/".contains(*c))) {
            return Err(format!("{other:?} may not stand in it"));
        }
        let inner = inner.strip_suffix('/').unwrap_or(inner);
        match inner.split('/').find(|segment| matches!(*segment, "" | "." | "..")) {
            Some(_) if !inner.is_empty() => Err("a segment is empty, `.` or `..`".to_owned()),
            Some(_) | None => Ok(path.to_owned()),
        }
    })
}

fn entry_point() -> Wanted<'static, String> {
    Wanted::parsed("the path of a rule such as `data.toolgate.decision`", |path| {
        let named = |part: &str| {
            part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        };
        let rest = path.strip_prefix("data.").ok_or("it begins with `data.`")?;
        if rest.split('.').all(named) && rest.len() <= 255 { Ok(path.to_owned()) } else { Err("each part is a name of Rego") }
    })
}

/// Never one that carries a secret: the policy's input is recorded.
fn policy_header() -> Wanted<'static, HeaderName> {
    let secret = [http::header::AUTHORIZATION, http::header::PROXY_AUTHORIZATION, http::header::COOKIE];
    let header = header();
    Wanted::of(header.what.clone(), move |field| match header.read(field)? {
        name if secret.contains(&name) => field.wrong(format!("{} carries a secret: the policy does not see it", quoted(name.as_str()))),
        name => Some(name),
    })
}
