//! Where calls go: how an upstream is reached, who it must be, what it is given.

use std::path::PathBuf;

use http::{HeaderName, uri::Authority};
use identity::SpiffeId;
use wire::{Address, HostRule, Reach, UpstreamLimits};

use crate::Context;
use crate::listeners::spiffe_id;
use crate::reader::wanted::{Wanted, name, one_of, path, section as map, text, whole};
use crate::reader::{Section, all};

/// A server that tool calls go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    /// Its name in routes, permissions and records.
    pub name: String,
    /// How it is reached.
    pub way: Way,
    /// What it is given beside the call.
    pub credential: Option<CredentialFile>,
    /// The `host` that it is sent.
    pub host: HostRule,
    /// Its limits.
    pub limits: UpstreamLimits,
}

/// How an upstream is reached and who it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// TLS with toolgate's own SVID; the server must be exactly this workload.
    Mtls {
        /// Where.
        address: Address,
        /// Who it must be.
        spiffe_id: SpiffeId,
    },
    /// TLS with named roots.
    Https {
        /// Where.
        address: Address,
        /// The name that its certificate must hold.
        server_name: String,
        /// The PEM file of the authorities.
        roots: PathBuf,
    },
    /// Plain HTTP: on loopback; elsewhere in permissive modes alone.
    Http {
        /// Where.
        address: Address,
        /// How far.
        reach: Reach,
    },
    /// Plain HTTP on a Unix socket.
    Unix {
        /// The socket file.
        path: PathBuf,
    },
}

/// A secret that is sent in a header of every request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialFile {
    /// The file that holds it.
    pub file: PathBuf,
    /// The header.
    pub header: HeaderName,
    /// What stands before it, such as `Bearer ` with the space.
    pub prefix: String,
}

#[derive(Clone, Copy)]
enum Kind {
    Mtls,
    Https,
    Http,
    Unix,
}

/// An upstream.
pub(crate) fn upstream(section: &mut Section<'_>, context: &Context<'_>) -> Option<Upstream> {
    let name = section.required("name", &name());
    let way = way(section, context);
    let credential = section.optional("credential", &map("a map with the `file` of a secret", credential));
    let host = section.optional("host", &host()).and_then(|asked| host_rule(section, asked, way.as_ref()?, credential.as_ref()?.is_some()));
    let limits = section.section("limits", limits);
    Some(Upstream { name: name?, way: way?, credential: credential?, host: host?, limits: limits? })
}

/// The host that a server is told: behind one address many may answer, and the policy judged a call to this upstream. The caller chooses
/// among them only where the configuration says so, and never where it would choose who gets a credential or sees our certificate.
fn host_rule(section: &Section<'_>, asked: Option<Host>, way: &Way, credential: bool) -> Option<HostRule> {
    match asked {
        Some(Host::Named(authority)) => Some(HostRule::Fixed(authority)),
        Some(Host::Kept) if credential || matches!(way, Way::Mtls { .. } | Way::Https { .. }) => section.wrong_at(
            "host",
            "`kept` would let a caller choose which server gets the credential: leave `host` out, or write `kept` for plain HTTP without a `credential`",
        ),
        Some(Host::Kept) => Some(HostRule::Kept),
        None => match own_host(way) {
            Some(authority) => Some(HostRule::Fixed(authority)),
            None => section.wrong("what the server calls itself cannot be told from its address: write its `host`"),
        },
    }
}

/// The upstream's own name.
fn own_host(way: &Way) -> Option<Authority> {
    match way {
        Way::Mtls { address, .. } => address.to_string().parse().ok(),
        Way::Https { address, server_name, .. } => {
            let bare = server_name.trim_matches(['[', ']']);
            let name = if bare.contains(':') { format!("[{bare}]") } else { bare.to_owned() };
            match address.port() {
                443 => name.parse().ok(),
                port => format!("{name}:{port}").parse().ok(),
            }
        }
        Way::Http { address, .. } => {
            let whole = address.to_string();
            whole.strip_suffix(":80").unwrap_or(&whole).parse().ok()
        }
        Way::Unix { .. } => Some(Authority::from_static("localhost")),
    }
}

fn way(section: &mut Section<'_>, context: &Context<'_>) -> Option<Way> {
    let kinds = one_of([("mtls", Kind::Mtls), ("https", Kind::Https), ("http", Kind::Http), ("unix", Kind::Unix)]);
    match section.required("kind", &kinds) {
        Some(Kind::Mtls) => {
            let (address, spiffe_id) = (section.required("address", &address()), section.required("spiffe_id", &spiffe_id()));
            Some(Way::Mtls { address: address?.0, spiffe_id: spiffe_id? })
        }
        Some(Kind::Https) => {
            let address = section.required("address", &address());
            let server_name = section.optional("server_name", &text("the name in the server's certificate", 1..=253));
            let roots = section.required("roots", &path());
            let (address, host) = address?;
            Some(Way::Https { address, server_name: server_name?.unwrap_or(host), roots: roots? })
        }
        Some(Kind::Http) => {
            let (address, host) = section.required("address", &address())?;
            let reach = context.plain_reach(section, "address", &host)?;
            Some(Way::Http { address, reach })
        }
        Some(Kind::Unix) => section.required("path", &path()).map(|path| Way::Unix { path }),
        None => section.ignored(),
    }
}

fn credential(section: &mut Section<'_>) -> Option<CredentialFile> {
    all!(CredentialFile {
        file: section.required("file", &path()),
        header: section.or("header", http::header::AUTHORIZATION, &credential_header()),
        prefix: section.or("prefix", "Bearer ".to_owned(), &text("what stands before the secret", 0..=64)),
    })
}

fn limits(section: &mut Section<'_>) -> Option<UpstreamLimits> {
    let of = UpstreamLimits::default();
    let time = || whole(1..=86_400_000);
    let (all_calls, calls_of_one) = super::limits::calls(section, of.calls_max, 100_000);
    all!(UpstreamLimits {
        calls_max: all_calls,
        calls_per_caller_max: calls_of_one,
        connect_timeout_ms: section.or("connect_timeout_ms", of.connect_timeout_ms, &time()),
        response_header_timeout_ms: section.or("response_header_timeout_ms", of.response_header_timeout_ms, &time()),
        total_timeout_ms: section.or("total_timeout_ms", of.total_timeout_ms, &time()),
        stream_idle_timeout_ms: section.optional("stream_idle_timeout_ms", &time()),
        headers_max: section.or("headers_max", of.headers_max, &whole(1..=1_000)),
        header_bytes_max: section.or("header_bytes_max", of.header_bytes_max, &whole(1024..=1_048_576)),
        idle_timeout_ms: section.or("idle_timeout_ms", of.idle_timeout_ms, &time()),
        connection_age_max_ms: section.or("connection_age_max_ms", of.connection_age_max_ms, &time()),
        h2_ping_interval_ms: section.or("h2_ping_interval_ms", of.h2_ping_interval_ms, &time()),
        h2_ping_timeout_ms: section.or("h2_ping_timeout_ms", of.h2_ping_timeout_ms, &time()),
    })
}

/// The name of a header that toolgate does not use itself.
pub(crate) fn header() -> Wanted<'static, HeaderName> {
    Wanted::parsed("the name of a header", |text| match text.parse::<HeaderName>() {
        Ok(name) if name.as_str().starts_with("toolgate-") => Err("`toolgate-` headers are its own".to_owned()),
        Ok(name) => Ok(name),
        Err(error) => Err(error.to_string()),
    })
}

fn credential_header() -> Wanted<'static, HeaderName> {
    Wanted::parsed("the name of a header for a secret", |text| match text.parse::<HeaderName>() {
        Ok(name) if protocol::may_carry_credential(&name) => Ok(name),
        Ok(_) => Err("it has another meaning on the way, or a `_`: write one such as `authorization` or `x-api-key`".to_owned()),
        Err(error) => Err(error.to_string()),
    })
}

/// What the configuration says of the host.
enum Host {
    Kept,
    Named(Authority),
}

fn host() -> Wanted<'static, Host> {
    let wanted = "a host, with a port if need be, such as `tools.example.org`, or `kept`";
    Wanted::parsed(wanted, |text| match text.parse::<Authority>() {
        _ if text == "kept" => Ok(Host::Kept),
        Ok(authority) if authority.as_str().contains('@') => Err("it has a user in it".to_owned()),
        Ok(authority) if authority.host().is_empty() => Err("the host is missing".to_owned()),
        Ok(authority) => Ok(Host::Named(authority)),
        Err(error) => Err(error.to_string()),
    })
}

/// An address and the host in it, an IPv6 address without its brackets.
fn address() -> Wanted<'static, (Address, String)> {
    Wanted::parsed("a host and port such as `tools.example.org:8443`", |text| {
        let authority = text.parse::<Authority>().map_err(|error| error.to_string())?;
        let address = text.parse::<Address>().map_err(|_| "write `host:port`")?;
        match authority.port_u16() {
            Some(1..) if !text.contains('@') => Ok((address, authority.host().trim_matches(['[', ']']).to_owned())),
            Some(_) | None => Err("write `host:port`".to_owned()),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::{Reach, Way, own_host};
    use identity::SpiffeId;

    #[test]
    fn a_server_is_told_its_own_name() {
        let https = |address: &str, name: &str| Way::Https {
            address: address.parse().unwrap(),
            server_name: name.to_owned(),
            roots: "roots.pem".into(),
        };
        let mtls =
            Way::Mtls { address: "files.svc:8443".parse().unwrap(), spiffe_id: SpiffeId::parse("spiffe://example.org/files").unwrap() };
        let http = |address: &str| Way::Http { address: address.parse().unwrap(), reach: Reach::Loopback };
        for (way, host) in [
            (https("192.0.2.1:443", "crm.example.org"), Some("crm.example.org")),
            (https("crm.example.org:8443", "crm.example.org"), Some("crm.example.org:8443")),
            (https("[::1]:8443", "::1"), Some("[::1]:8443")),
            (mtls, Some("files.svc:8443")),
            (http("127.0.0.1:3000"), Some("127.0.0.1:3000")),
            (http("[::1]:80"), Some("[::1]")),
            (Way::Unix { path: "/run/notes".into() }, Some("localhost")),
        ] {
            assert_eq!(own_host(&way).as_ref().map(|host| host.as_str()), host, "{way:?}");
        }
    }
}
