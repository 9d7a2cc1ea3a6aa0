//! Addresses: an IPv4 address written inside IPv6 (`::ffff:10.0.0.1`) is that address, as for Go and so for OPA; else it would pass a list by.

use super::{Answer, Patterns, engine, string};
use regorus::Value;
use std::net::{IpAddr, Ipv4Addr};

/// Addresses that `net.cidr_expand` lists.
const EXPANDED_MAX_BITS: u8 = 12;

/// `net.cidr_contains(cidr, cidr_or_address)`.
pub(super) fn contains(args: &[Value], _: &Patterns) -> Answer {
    let both = [Value::from(plain(string(args, 0)?)), Value::from(plain(string(args, 1)?))];
    engine::call("net.cidr_contains", &both)
}

/// `net.cidr_expand(cidr)`.
pub(super) fn expand(args: &[Value], _: &Patterns) -> Answer {
    let cidr = plain(string(args, 0)?);
    let (address, prefix) = split(&cidr).ok_or_else(|| format!("`{}` is not a network", canon::text::shown(&cidr, 80)))?;
    let bits = match address {
        IpAddr::V4(_) => 32_u8.saturating_sub(prefix),
        IpAddr::V6(_) => 128_u8.saturating_sub(prefix),
    };
    if bits > EXPANDED_MAX_BITS {
        return Err(format!("`{cidr}` has 2^{bits} addresses, at most 2^{EXPANDED_MAX_BITS} are listed: use `net.cidr_contains`"));
    }
    engine::call("net.cidr_expand", &[Value::from(cidr)])
}

fn split(cidr: &str) -> Option<(IpAddr, u8)> {
    let (address, prefix) = cidr.split_once('/')?;
    Some((address.parse().ok()?, prefix.parse().ok()?))
}

/// The text with an IPv4 address that is written inside IPv6 as itself.
fn plain(text: &str) -> String {
    const MAPPED_BITS: u8 = 96;
    let unmapped =
        |address: IpAddr| -> Option<Ipv4Addr> { if let IpAddr::V6(address) = address { address.to_ipv4_mapped() } else { None } };
    match split(text) {
        Some((address, prefix)) if prefix >= MAPPED_BITS => unmapped(address).map(|address| format!("{address}/{}", prefix - MAPPED_BITS)),
        Some(_) => None,
        None => text.parse().ok().and_then(unmapped).map(|address| address.to_string()),
    }
    .unwrap_or_else(|| text.to_owned())
}
