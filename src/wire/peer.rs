//! What a connection shows of its peer, as evidence for `identity`.

pub(crate) mod owner;

use crate::shares::CountedAs;
use arc_swap::ArcSwapOption;
use canon::Micros;
use identity::{Anchors, Evidence, LocalSubject, Svid};
use rustls_pki_types::CertificateDer;
use std::net::SocketAddr;
use std::sync::Arc;

/// The other end of a connection.
#[derive(Debug)]
pub enum Peer {
    /// A TLS client.
    Tls(TlsPeer),
    /// A process of the same machine or pod, over loopback TCP or a Unix socket.
    Local(LocalPeer),
}

/// A TLS client: it has the key of the first certificate that it showed.
#[derive(Debug)]
pub struct TlsPeer {
    address: SocketAddr,
    chain: Arc<[CertificateDer<'static>]>,
    verified: ArcSwapOption<Svid>,
}

/// A local process.
#[derive(Debug)]
pub struct LocalPeer {
    address: Option<SocketAddr>,
    uid: Option<u32>,
    subject: Option<Arc<LocalSubject>>,
}

impl Peer {
    pub(crate) fn tls(address: SocketAddr, chain: &[CertificateDer<'_>]) -> Self {
        let chain = chain.iter().map(|certificate| certificate.clone().into_owned()).collect();
        Self::Tls(TlsPeer { address, chain, verified: ArcSwapOption::empty() })
    }

    pub(crate) const fn local(address: Option<SocketAddr>, uid: Option<u32>, subject: Option<Arc<LocalSubject>>) -> Self {
        Self::Local(LocalPeer { address, uid, subject })
    }

    /// The evidence at this moment. A chain is verified once per connection, and again once that no longer holds.
    ///
    /// A listener that names no subject (an admin listener) shows nobody: no certificate.
    #[must_use]
    pub fn evidence(&self, anchors: &Anchors, at: Micros) -> Evidence {
        match self {
            Self::Tls(peer) => peer.evidence(anchors, at),
            Self::Local(LocalPeer { subject: Some(subject), uid, .. }) => Evidence::Local { listener: Arc::clone(subject), peer_uid: *uid },
            Self::Local(LocalPeer { subject: None, .. }) => Evidence::Tls { chain: Arc::new([]), svid: None },
        }
    }

    /// Where it calls from; `None` on a Unix socket.
    #[must_use]
    pub const fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Tls(peer) => Some(peer.address),
            Self::Local(peer) => peer.address,
        }
    }

    /// As whom it is counted as long as nobody knows the workload: all users of a machine have its address in common.
    #[must_use]
    pub fn counted_as(&self) -> CountedAs {
        match (self.uid(), self.address()) {
            (None, Some(address)) => CountedAs::Address(address.ip()),
            (uid, _) => CountedAs::User(uid),
        }
    }

    /// The user of a local process, where the system said.
    #[must_use]
    pub const fn uid(&self) -> Option<u32> {
        match self {
            Self::Tls(_) => None,
            Self::Local(peer) => peer.uid,
        }
    }
}

impl TlsPeer {
    fn evidence(&self, anchors: &Anchors, at: Micros) -> Evidence {
        let kept = self.verified.load();
        let svid = match kept.as_deref() {
            Some(svid) if svid.holds(anchors, at) => Some(svid.clone()),
            _ => identity::verify_svid(&self.chain, anchors, at).ok().inspect(|svid| self.verified.store(Some(Arc::new(svid.clone())))),
        };
        Evidence::Tls { chain: Arc::clone(&self.chain), svid }
    }
}
