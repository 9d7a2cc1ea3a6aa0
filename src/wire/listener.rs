//! Where calls come in: TLS over TCP, plain HTTP on loopback, or a Unix socket. A listener that names neither TLS nor a local
//! place does not open.

mod stream;
mod unix;

use crate::WireError;
use crate::peer::owner::NoDescriptor;
use crate::peer::{Peer, owner};
use crate::shares::CountedAs;
use crate::tally::Limit;
use crate::tls::{self, Oldest, Own};
use identity::LocalSubject;
use rustls::ServerConfig;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpSocket, TcpStream, UnixListener, UnixStream};
use tokio::sync::Semaphore;

pub(crate) use stream::Stream;

/// Connections that the system holds until they are accepted.
const BACKLOG: u32 = 1024;

/// One listener of the config.
#[derive(Debug, Clone)]
pub struct Listener {
    /// Its name there.
    pub name: String,
    /// Where it listens.
    pub place: Place,
}

/// Where a listener listens, and for whom.
#[derive(Debug, Clone)]
pub enum Place {
    /// TLS with client certificates over TCP; HTTP/2 and HTTP/1.1 by ALPN.
    Mtls {
        /// The address; port 0 lets the system choose.
        address: SocketAddr,
        /// The certificate shown to callers.
        own: Own,
        /// The oldest TLS.
        oldest: Oldest,
    },
    /// Plain HTTP/1.1, or HTTP/2 with prior knowledge, on a loopback address.
    Loopback {
        /// The address; port 0 lets the system choose.
        address: SocketAddr,
        /// Who calls here; `None` for a listener whose handler asks for nobody.
        subject: Option<Arc<LocalSubject>>,
    },
    /// Plain HTTP on any address, for a handler that answers with nothing worth hiding and changes nothing: health and metrics.
    Open {
        /// The address; port 0 lets the system choose.
        address: SocketAddr,
    },
    /// The same on a Unix socket.
    Unix {
        /// The socket's path; its folder must exist. A socket that nobody listens on any more is replaced.
        path: PathBuf,
        /// Its permission bits, such as `0o660`.
        mode: u32,
        /// Who calls here; `None` for a listener whose handler asks for nobody.
        subject: Option<Arc<LocalSubject>>,
    },
}

/// An open listener: the system queues connections for it from now on.
#[derive(Debug)]
pub struct Bound {
    name: Arc<str>,
    door: Door,
}

#[derive(Debug)]
enum Door {
    Mtls { socket: TcpListener, config: Arc<ServerConfig> },
    Loopback { socket: TcpListener, subject: Option<Arc<LocalSubject>> },
    Unix { socket: UnixListener, subject: Option<Arc<LocalSubject>>, _path: unix::Path },
}

impl Listener {
    /// Opens it. Must run inside a tokio runtime.
    ///
    /// # Errors
    /// The place is taken, not allowed or not local.
    pub fn open(self) -> Result<Bound, WireError> {
        let Self { name, place } = self;
        let door = match place {
            Place::Mtls { address, own, oldest } => {
                Door::Mtls { socket: tcp(&name, address)?, config: Arc::new(tls::server_config(&own, oldest)?) }
            }
            Place::Loopback { address, .. } if !address.ip().is_loopback() => {
                return Err(WireError::NotLoopback { listener: name, address });
            }
            Place::Open { address } => Door::Loopback { socket: tcp(&name, address)?, subject: None },
            Place::Loopback { address, subject } => Door::Loopback { socket: tcp(&name, address)?, subject },
            Place::Unix { path, mode, subject } => {
                let (socket, path) = unix::bind(&path, mode).map_err(|(cause, advice)| WireError::Bind {
                    listener: name.clone(),
                    place: path.display().to_string(),
                    cause,
                    advice,
                })?;
                Door::Unix { socket, subject, _path: path }
            }
        };
        Ok(Bound { name: name.into(), door })
    }
}

fn tcp(name: &str, address: SocketAddr) -> Result<TcpListener, WireError> {
    let open = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    open().map_err(|cause| WireError::Bind {
        listener: name.to_owned(),
        place: address.to_string(),
        cause,
        advice: "choose another port, or end the process that has it",
    })
}

/// Where the kernel must be asked for its whole list, that is as long as there are sockets: a flood of connections reads it no faster than two threads can.
static LOOK_UPS: Semaphore = Semaphore::const_new(2);

async fn owner(peer: SocketAddr, own: SocketAddr) -> Result<Option<u32>, NoDescriptor> {
    let Ok(_turn) = LOOK_UPS.acquire().await else { return Ok(None) };
    tokio::task::spawn_blocking(move || owner::of(peer, own)).await.unwrap_or(Ok(None))
}

/// A connection that was accepted, before a byte of it was read.
pub(crate) struct Knock {
    /// As whom it is counted; on loopback that is known once it has entered.
    pub(crate) counted_as: Option<CountedAs>,
    kind: Kind,
}

enum Kind {
    Tls(TcpStream, SocketAddr, Arc<ServerConfig>),
    Loopback(TcpStream, SocketAddr, Option<Arc<LocalSubject>>),
    Unix(UnixStream, Option<u32>, Option<Arc<LocalSubject>>),
}

impl Bound {
    /// Its name in the config.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The address it has, where it has one; port 0 has been replaced by the system's choice.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        match &self.door {
            Door::Mtls { socket, .. } | Door::Loopback { socket, .. } => socket.local_addr().ok(),
            Door::Unix { .. } => None,
        }
    }

    pub(crate) fn shared_name(&self) -> Arc<str> {
        Arc::clone(&self.name)
    }

    pub(crate) async fn accept(&self) -> io::Result<Knock> {
        Ok(match &self.door {
            Door::Mtls { socket, config } => {
                let (stream, address) = socket.accept().await?;
                Knock { counted_as: Some(CountedAs::Address(address.ip())), kind: Kind::Tls(stream, address, Arc::clone(config)) }
            }
            Door::Loopback { socket, subject } => {
                let (stream, address) = socket.accept().await?;
                Knock { counted_as: None, kind: Kind::Loopback(stream, address, subject.clone()) }
            }
            Door::Unix { socket, subject, .. } => {
                let (stream, _) = socket.accept().await?;
                let uid = stream.peer_cred().ok().map(|peer| peer.uid());
                Knock { counted_as: Some(CountedAs::User(uid)), kind: Kind::Unix(stream, uid, subject.clone()) }
            }
        })
    }
}

impl Knock {
    /// Learns who is there: the TLS handshake, or the owner of the socket. Where there is no room to ask, the limit that was met.
    pub(crate) async fn enter(self) -> io::Result<(Stream, Peer, Option<Limit>)> {
        match self.kind {
            Kind::Tls(stream, address, config) => {
                stream.set_nodelay(true)?;
                let stream = tokio_rustls::TlsAcceptor::from(config).accept(stream).await?;
                let peer = Peer::tls(address, stream.get_ref().1.peer_certificates().unwrap_or_default());
                Ok((Stream::Tls(Box::new(stream.into())), peer, None))
            }
            Kind::Loopback(stream, address, subject) => {
                stream.set_nodelay(true)?;
                let own = stream.local_addr()?;
                // Whoever calls from elsewhere has no user here.
                let uid = if address.ip().is_loopback() { owner(address, own).await } else { Ok(None) };
                let met = uid.is_err().then_some(Limit::OpenFiles);
                Ok((Stream::Tcp(stream), Peer::local(Some(address), uid.ok().flatten(), subject), met))
            }
            Kind::Unix(stream, uid, subject) => Ok((Stream::Unix(stream), Peer::local(None, uid, subject), None)),
        }
    }
}
