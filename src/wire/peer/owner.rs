//! Whose process is at the other end of a loopback TCP connection: the owner of its socket, asked for over netlink, or else found in `/proc/net/tcp` and
//! `tcp6`. Those list every socket, so that ten thousand connections would cost ten thousand readings of ten thousand lines.

mod diag;

use diag::Said;
use rustix::io::Errno;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

const ESTABLISHED: &str = "01";

/// The system has no descriptor left to ask with: who it is may be known a moment later.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NoDescriptor;

/// The user who owns the socket at `peer` that is connected to `own`. May read two files: not for an async thread.
/// `None` where the kernel knows no such socket any more, or it is closed already.
pub(crate) fn of(peer: SocketAddr, own: SocketAddr) -> Result<Option<u32>, NoDescriptor> {
    match diag::ask(peer, own) {
        Said::Owner(uid) => Ok(Some(uid)),
        Said::Nobody => Ok(None),
        Said::Nothing => listed(peer, own),
    }
}

fn listed(peer: SocketAddr, own: SocketAddr) -> Result<Option<u32>, NoDescriptor> {
    // An IPv6 socket may speak IPv4 (RFC 4291 section 2.5.5.2), and is listed under tcp6 then.
    let listings: &[(&str, bool)] =
        if peer.is_ipv4() { &[("/proc/net/tcp", false), ("/proc/net/tcp6", true)] } else { &[("/proc/net/tcp6", true)] };
    // Line by line: many connections at once must not each hold a list of all of them.
    for (path, wide) in listings {
        let found = match File::open(path) {
            Ok(listing) => find(BufReader::new(listing), &place(peer, *wide), &place(own, *wide)),
            Err(error) if matches!(Errno::from_io_error(&error), Some(Errno::MFILE | Errno::NFILE)) => return Err(NoDescriptor),
            Err(_) => None,
        };
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// One line is `sl local remote st tx:rx tr:when retrnsmt uid timeout inode ...`.
///
/// A socket that its process has closed is listed with uid 0 and inode 0: only an established one with an inode counts.
fn find(listing: impl BufRead, local: &str, remote: &str) -> Option<u32> {
    listing.lines().map_while(Result::ok).skip(1).find_map(|line| {
        let mut fields = line.split_ascii_whitespace().skip(1);
        if fields.next()? != local || fields.next()? != remote || fields.next()? != ESTABLISHED {
            return None;
        }
        let uid = fields.nth(3)?.parse().ok()?;
        (fields.nth(1)? != "0").then_some(uid)
    })
}

/// The kernel's spelling: each 32-bit word of the address as the machine holds it, the port as a number, all in hexadecimal.
fn place(address: SocketAddr, wide: bool) -> String {
    let octets = match address.ip() {
        IpAddr::V4(ip) if wide => ip.to_ipv6_mapped().octets().to_vec(),
        IpAddr::V4(ip) => Ipv4Addr::octets(&ip).to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    };
    let mut text = String::with_capacity(37);
    for word in octets.as_chunks::<4>().0 {
        // Writing into a string cannot fail.
        let _ = write!(text, "{:08X}", u32::from_ne_bytes(*word));
    }
    let _ = write!(text, ":{:04X}", address.port());
    text
}

#[cfg(test)]
mod tests {
    use super::{find, listed, of, place};
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn spelled_as_the_kernel_does() {
        for (address, wide, expected) in [
            ("127.0.0.1:8080", false, "0100007F:1F90"),
            ("127.0.0.1:8080", true, "0000000000000000FFFF00000100007F:1F90"),
            ("[::1]:1", true, "00000000000000000000000001000000:0001"),
        ] {
            assert_eq!(place(address.parse().unwrap(), wide), expected);
        }
    }

    #[test]
    fn a_closed_socket_has_no_owner() {
        let line = |state: &str, inode: &str| {
            format!("head\n   0: 0100007F:0001 0100007F:0002 {state} 00000000:00000000 00:00000000 00000000  1000        0 {inode} 1 0")
        };
        for (state, inode, expected) in [("01", "77", Some(1000)), ("01", "0", None), ("06", "77", None), ("05", "0", None)] {
            assert_eq!(find(line(state, inode).as_bytes(), "0100007F:0001", "0100007F:0002"), expected, "{state} {inode}");
        }
    }

    #[test]
    fn the_owner_of_a_live_connection() {
        for (bind, connect) in [("127.0.0.1:0", "127.0.0.1"), ("[::1]:0", "::1"), ("127.0.0.1:0", "::ffff:127.0.0.1")] {
            let listener = TcpListener::bind(bind).unwrap();
            let port = listener.local_addr().unwrap().port();
            let client = TcpStream::connect((connect, port)).unwrap();
            let (served, peer) = listener.accept().unwrap();
            let (own, uid) = (served.local_addr().unwrap(), rustix::process::getuid().as_raw());
            assert_eq!([of(peer, own), listed(peer, own)], [Ok(Some(uid)), Ok(Some(uid))], "{connect}");
            drop(client);
            assert_eq!([of(peer, own), listed(peer, own)], [Ok(None), Ok(None)], "{connect} closed");
        }
    }
}
