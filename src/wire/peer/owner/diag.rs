//! One TCP socket asked for by its two ends, over `NETLINK_SOCK_DIAG` (sock_diag(7)): the kernel looks it up in its table, however many there are.

use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink, recv, send, socket_with};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};

const SOCK_DIAG_BY_FAMILY: u16 = 20;
const NLMSG_ERROR: u16 = 2;
const NLM_F_REQUEST: u16 = 1;
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;
const IPPROTO_TCP: u8 = 6;
const TCP_ESTABLISHED: u8 = 1;
/// `struct nlmsghdr`, then `struct inet_diag_req_v2`.
const QUESTION_BYTES: u32 = 16 + 56;
/// Room for an answer and what may be attached to it.
const ANSWER_BYTES: usize = 1024;
/// Of the answer, behind its head: `idiag_state`, the two ports, `idiag_uid`, `idiag_inode`.
const HEAD_BYTES: usize = 16;
const STATE_AT: usize = 1;
const PORTS_AT: usize = 4;
const UID_AT: usize = 64;
const INODE_AT: usize = 68;

/// What the kernel says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// Who owns the socket.
    Owner(u32),
    /// There is no such socket, or its process has closed it.
    Nobody,
    /// It does not answer such questions, for all that is known.
    Nothing,
}

/// Whether it ever answered. Without the module it says the same as of a socket that is not there (`ENOENT`).
static ANSWERS: AtomicBool = AtomicBool::new(false);

/// Whose is the established socket at `peer` that is connected to `own`.
pub(super) fn ask(peer: SocketAddr, own: SocketAddr) -> Said {
    let Some(answer) = exchange(&question(peer, own)) else { return Said::Nothing };
    match field(&answer, 4).map(u16::from_ne_bytes) {
        Some(SOCK_DIAG_BY_FAMILY) => {
            ANSWERS.store(true, Ordering::Relaxed);
            read(answer.get(HEAD_BYTES..).unwrap_or_default(), peer, own).map_or(Said::Nobody, Said::Owner)
        }
        Some(NLMSG_ERROR) if ANSWERS.load(Ordering::Relaxed) => Said::Nobody,
        _ => Said::Nothing,
    }
}

fn exchange(question: &[u8]) -> Option<Vec<u8>> {
    let socket = socket_with(AddressFamily::NETLINK, SocketType::DGRAM, SocketFlags::CLOEXEC, Some(netlink::SOCK_DIAG)).ok()?;
    send(&socket, question, SendFlags::empty()).ok()?;
    let mut answer = vec![0; ANSWER_BYTES];
    // The answer was made while the question was sent.
    let (length, _) = recv(&socket, answer.as_mut_slice(), RecvFlags::DONTWAIT).ok()?;
    answer.truncate(length);
    Some(answer)
}

fn question(peer: SocketAddr, own: SocketAddr) -> Vec<u8> {
    let family = if peer.is_ipv4() { AF_INET } else { AF_INET6 };
    let mut bytes = QUESTION_BYTES.to_ne_bytes().to_vec();
    bytes.extend(SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    bytes.extend(NLM_F_REQUEST.to_ne_bytes());
    // Sequence and sender, of which there is one each.
    bytes.extend([0; 8]);
    bytes.extend([family, IPPROTO_TCP, 0, 0]);
    bytes.extend((1_u32 << TCP_ESTABLISHED).to_ne_bytes());
    bytes.extend(ports(peer, own));
    for end in [peer, own] {
        let octets = match end.ip() {
            IpAddr::V4(ip) => [ip.octets().as_slice(), &[0; 12]].concat(),
            IpAddr::V6(ip) => ip.octets().to_vec(),
        };
        bytes.extend(octets);
    }
    // Any interface, any cookie.
    bytes.extend([0; 4]);
    bytes.extend([0xff; 8]);
    bytes
}

/// The owner, if it is the socket that was asked for: the kernel would name a listener where there is no connection.
fn read(answer: &[u8], peer: SocketAddr, own: SocketAddr) -> Option<u32> {
    let state = field::<1>(answer, STATE_AT)?;
    let (uid, inode) = (field(answer, UID_AT).map(u32::from_ne_bytes)?, field(answer, INODE_AT).map(u32::from_ne_bytes)?);
    let is_it = state == [TCP_ESTABLISHED] && field(answer, PORTS_AT) == Some(ports(peer, own)) && inode != 0;
    is_it.then_some(uid)
}

fn ports(peer: SocketAddr, own: SocketAddr) -> [u8; 4] {
    let ([a, b], [c, d]) = (peer.port().to_be_bytes(), own.port().to_be_bytes());
    [a, b, c, d]
}

fn field<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

#[cfg(test)]
mod tests {
    use super::{Said, ask};
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn a_live_connection_has_an_owner_and_a_closed_one_or_a_listener_has_none() {
        for (bind, connect) in [("127.0.0.1:0", "127.0.0.1"), ("[::1]:0", "::1"), ("127.0.0.1:0", "::ffff:127.0.0.1")] {
            let listener = TcpListener::bind(bind).unwrap();
            let at = listener.local_addr().unwrap();
            let client = TcpStream::connect((connect, at.port())).unwrap();
            let (served, peer) = listener.accept().unwrap();
            let own = served.local_addr().unwrap();
            assert_eq!(ask(peer, own), Said::Owner(rustix::process::getuid().as_raw()), "{connect}");
            drop(client);
            assert_eq!(ask(peer, own), Said::Nobody, "{connect} closed");
            assert_eq!(ask(at, peer), Said::Nobody, "{connect} listening");
            drop(served);
        }
    }
}
