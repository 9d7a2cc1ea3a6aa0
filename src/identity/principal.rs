//! From what a connection shows to who is calling.

use crate::anchors::Anchors;
use crate::bearer::{Actor, User};
use crate::spiffe::{SpiffeId, Workload};
use crate::svid::{Svid, verify_svid};
use crate::unidentified::Unidentified;
use canon::Micros;
use rustls_pki_types::CertificateDer;
use std::sync::Arc;

/// What a connection shows of its peer. Cheap to clone: every call on the connection carries it.
#[derive(Debug, Clone)]
pub enum Evidence {
    /// TLS. The handshake proved possession of the first certificate's key and nothing more.
    Tls {
        /// What the peer presented, leaf first; empty where it presented nothing.
        chain: Arc<[CertificateDer<'static>]>,
        /// What an earlier `verify_svid` of this chain found, kept by the connection.
        svid: Option<Svid>,
    },
    /// Loopback TCP or a Unix socket.
    Local {
        /// The listener's settings.
        listener: Arc<LocalSubject>,
        /// The peer's user: SO_PEERCRED, or the owner of the loopback connection; `None` where the system did not say.
        peer_uid: Option<u32>,
    },
}

/// Whom a local listener speaks for: a peer that runs as one of `peer_uids` is `subject`, anyone else is nobody.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LocalSubject {
    /// The workload.
    pub subject: SpiffeId,
    /// The users whose processes are that workload.
    pub peer_uids: Vec<u32>,
}

/// Who is calling.
#[derive(Debug, Clone, PartialEq)]
pub struct Principal {
    /// The workload, or why it is not known.
    pub workload: Result<Workload, Unidentified>,
    /// The person, where the route asks for a bearer token and it was good.
    pub user: Option<User>,
    /// Who acts for the user, outermost first.
    pub actors: Vec<Actor>,
}

/// Identifies the workload; the user comes from `verify_bearer`, where the route asks for one.
#[must_use]
pub fn identify(evidence: &Evidence, anchors: &Anchors, at: Micros) -> Principal {
    let workload = match evidence {
        Evidence::Tls { svid: Some(svid), .. } if svid.holds(anchors, at) => Ok(svid.workload().clone()),
        Evidence::Tls { chain, .. } => verify_svid(chain, anchors, at).map(|svid| svid.workload().clone()),
        Evidence::Local { listener, peer_uid } => local(listener, *peer_uid),
    };
    Principal { workload, user: None, actors: Vec::new() }
}

fn local(listener: &LocalSubject, peer_uid: Option<u32>) -> Result<Workload, Unidentified> {
    let uid = peer_uid.ok_or(Unidentified::PeerUnknown)?;
    if listener.peer_uids.contains(&uid) { Ok(listener.subject.clone().into()) } else { Err(Unidentified::PeerUid(uid)) }
}

#[cfg(test)]
mod tests;
