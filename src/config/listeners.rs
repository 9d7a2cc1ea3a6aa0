//! Where calls come in, and where people administer: sockets, and for whom a local one speaks.

use std::net::SocketAddr;
use std::path::PathBuf;

use identity::{LocalSubject, SpiffeId};
use wire::tls::Oldest;

use crate::reader::wanted::{Wanted, flag, list, name, one_of, path, whole};
use crate::reader::{Section, all};

/// A socket that calls come in through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// Its name in routes and records.
    pub name: String,
    /// Where it listens and how a caller shows who it is.
    pub door: Door,
}

/// How calls come in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Door {
    /// TLS with a client certificate; toolgate shows `identity.svid`.
    Mtls {
        /// Where.
        address: SocketAddr,
        /// The oldest version of TLS that is spoken.
        oldest: Oldest,
    },
    /// Plain HTTP on a loopback address.
    Loopback {
        /// Where.
        address: SocketAddr,
        /// For whom it speaks.
        local: LocalSubject,
    },
    /// Plain HTTP on a Unix socket.
    Unix {
        /// The socket file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
        /// For whom it speaks.
        local: LocalSubject,
    },
}

/// The admin API: permissions are deposited there, and metrics and health are read. Never beyond the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admin {
    /// Where it listens.
    pub place: AdminPlace,
    /// The users that may look at refusals and deposit permissions; none are root and toolgate's own.
    pub peer_uids: Option<Vec<u32>>,
}

/// Where the admin API listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AdminPlace {
    /// A loopback address.
    Loopback(SocketAddr),
    /// A Unix socket.
    Unix {
        /// The socket file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
}

/// Where `/livez`, `/readyz` and `/metrics` are served to the machine's outside, if anywhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// The address; nothing else is served there.
    pub address: Option<SocketAddr>,
}

#[derive(Clone, Copy)]
enum Kind {
    Mtls,
    Loopback,
    Unix,
}

/// A listener.
pub(crate) fn listener(section: &mut Section<'_>) -> Option<Listener> {
    let kinds = one_of([("mtls", Kind::Mtls), ("loopback", Kind::Loopback), ("unix", Kind::Unix)]);
    let name = section.required("name", &name());
    let door = match section.required("kind", &kinds) {
        Some(Kind::Mtls) => mtls(section),
        Some(Kind::Loopback) => {
            let (address, local) = (section.required("address", &loopback()), local(section));
            address.zip(local).map(|(address, local)| Door::Loopback { address, local })
        }
        Some(Kind::Unix) => {
            let (socket, local) = (socket(section, 0o660), local(section));
            socket.zip(local).map(|((path, mode), local)| Door::Unix { path, mode, local })
        }
        // Without its kind, the other keys cannot be told right from wrong.
        None => section.ignored(),
    };
    Some(Listener { name: name?, door: door? })
}

fn mtls(section: &mut Section<'_>) -> Option<Door> {
    let address = section.required("address", &address());
    let allow_tls12 = section.or("allow_tls12", false, &flag());
    Some(Door::Mtls { address: address?, oldest: if allow_tls12? { Oldest::Tls12 } else { Oldest::Tls13 } })
}

fn local(section: &mut Section<'_>) -> Option<LocalSubject> {
    let subject = section.required("subject", &spiffe_id());
    let peer_uids = section.required("peer_uids", &uids());
    Some(LocalSubject { subject: subject?, peer_uids: peer_uids? })
}

/// A Unix socket and its permission bits.
fn socket(section: &mut Section<'_>, default: u32) -> Option<(PathBuf, u32)> {
    let bits = Wanted::of("three octal digits such as `660`", |field| {
        let digits = field.scalar().map(|scalar| scalar.text.as_str()).filter(|digits| digits.len() == 3);
        match digits.and_then(|digits| u32::from_str_radix(digits, 8).ok()) {
            Some(bits) => Some(bits),
            None => field.unlike("three octal digits such as `660`"),
        }
    });
    let (path, mode) = (section.required("path", &path()), section.or("socket_mode", default, &bits));
    path.zip(mode)
}

/// The admin API's place.
pub(crate) fn admin(section: &mut Section<'_>) -> Option<Admin> {
    let peer_uids = section.optional("peer_uids", &uids());
    let place = match section.required("kind", &one_of([("loopback", Kind::Loopback), ("unix", Kind::Unix)]))? {
        Kind::Unix => socket(section, 0o600).map(|(path, mode)| AdminPlace::Unix { path, mode }),
        Kind::Loopback | Kind::Mtls => section.required("address", &loopback()).map(AdminPlace::Loopback),
    };
    Some(Admin { place: place?, peer_uids: peer_uids? })
}

/// The place of health and metrics.
pub(crate) fn health(section: &mut Section<'_>) -> Option<Health> {
    all!(Health { address: section.optional("address", &address()) })
}

/// An exact SPIFFE id.
pub(crate) fn spiffe_id() -> Wanted<'static, SpiffeId> {
    Wanted::parsed("a SPIFFE id such as `spiffe://example.org/ns/shop/sa/agent`", SpiffeId::parse)
}

/// Users of the machine.
fn uids() -> Wanted<'static, Vec<u32>> {
    list(whole(0..=u64::from(u32::MAX - 1)), 1..=64)
}

fn address() -> Wanted<'static, SocketAddr> {
    Wanted::parsed("an IP address and port such as `0.0.0.0:8443`", str::parse::<SocketAddr>)
}

fn loopback() -> Wanted<'static, SocketAddr> {
    Wanted::parsed("a loopback address and port such as `127.0.0.1:8080`", |text| match text.parse::<SocketAddr>() {
        Ok(address) if address.ip().is_loopback() => Ok(address),
        Ok(_) => Err("it is reached from outside, and plain HTTP stays on the machine".to_owned()),
        Err(error) => Err(error.to_string()),
    })
}
