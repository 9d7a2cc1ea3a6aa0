//! Sockets, TLS and HTTP: what comes in through a listener and what goes out to an upstream.
//!
//! Knows framing, limits, certificates in the handshake, connections and drain. Knows no policy, no mode and no protocol above
//! HTTP: a handler gets each request as `Accepted` and gives a reply; `Upstream` sends one request, once.

mod bodies;
mod framing;
mod guarded;
mod head;
mod headers;
mod inbound;
mod listener;
mod peer;
mod reply;
mod secret;
mod server;
mod settings;
mod shares;
mod tally;
pub mod tls;
mod upstream;

pub use head::Unsound;
pub use inbound::{BodyError, Inbound};
pub use listener::{Bound, Listener, Place};
pub use peer::{LocalPeer, Peer, TlsPeer};
pub use reply::{BoxError, ReplyBody};
pub use secret::Credential;
pub use server::{Accepted, Drained, Handler, Load, Stop, serve};
pub use settings::{Limits, UpstreamLimits};
pub use shares::{CountedAs, Seat, Shares};
pub use tally::{Limit, Tally};
pub use upstream::{Address, Answer, Broken, Failed, Failure, HostRule, Reach, Target, Upstream};

/// What goes wrong while something is set up. Whatever goes wrong with one call is in that call's own types.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// A listener could not be opened.
    #[error("listener `{listener}` cannot listen on `{place}`: {cause}; {advice}")]
    Bind {
        /// Its name in the config.
        listener: String,
        /// Address or path.
        place: String,
        /// What the system said.
        cause: std::io::Error,
        /// What to do.
        advice: &'static str,
    },
    /// Plain HTTP beyond loopback.
    #[error("listener `{listener}` would speak plain HTTP on `{address}`: give it a loopback address, a Unix socket or TLS")]
    NotLoopback {
        /// Its name in the config.
        listener: String,
        /// The address.
        address: std::net::SocketAddr,
    },
    /// A certificate, a key or a set of roots is unusable.
    #[error("{what} {why}")]
    Material {
        /// Which text: `the certificate chain`, `the private key`, `the roots`.
        what: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// An upstream's address does not read as one.
    #[error("`{0}` is not an address: write `host:port`")]
    Address(String),
    /// A credential is unusable.
    #[error("the credential for the header `{header}` cannot be used: {why}")]
    Credential {
        /// The header that would carry it.
        header: String,
        /// What is wrong, without the secret.
        why: &'static str,
    },
}

#[cfg(test)]
mod trial;
