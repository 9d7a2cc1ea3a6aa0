//! stunnel as a TLS hop of its own (OpenSSL, not rustls): in front of a plain server, or in front of a plain client.

use super::pki::Issued;
use super::{Folder, Process, free_port, ran, run};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::Duration;

/// Lines of a client's configuration.
const CLIENT: &str = "client = yes\nverifyChain = yes\nsslVersionMin = TLSv1.3";

/// A running hop.
pub(crate) struct Stunnel {
    _process: Process,
    _folder: Folder,
    at: SocketAddr,
}

impl Stunnel {
    /// Takes TLS from clients with a certificate of `authority` (PEM), and passes the bytes to `plain`.
    pub(crate) fn server(own: &Issued, authority: &str, plain: SocketAddr) -> Stunnel {
        Stunnel::start("client = no\nrequireCert = yes\nverifyChain = yes", Some(own), authority, plain)
    }

    /// Takes plain bytes and passes them over TLS 1.3 to `tls`, showing `own` and requiring a chain to `authority` (PEM) and, where one is asked for, these lines.
    pub(crate) fn client(own: &Issued, authority: &str, tls: SocketAddr) -> Stunnel {
        Stunnel::start(CLIENT, Some(own), authority, tls)
    }

    /// The same without a certificate to show.
    pub(crate) fn anonymous(authority: &str, tls: SocketAddr) -> Stunnel {
        Stunnel::start(CLIENT, None, authority, tls)
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.at
    }

    fn start(lines: &str, own: Option<&Issued>, authority: &str, to: SocketAddr) -> Stunnel {
        let folder = Folder::new("stunnel");
        let at = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let own = own.map(|own| own.write(folder.path(), "own"));
        let own = own.map(|paths| format!("cert = {}\nkey = {}", paths.chain.display(), paths.key.display())).unwrap_or_default();
        let authority = folder.write("authority.pem", authority);
        let config = format!(
            "foreground = yes\npid =\nsyslog = no\n[hop]\naccept = {at}\nconnect = {to}\n{lines}\n{own}\nCAfile = {}\n",
            authority.display()
        );
        let mut command = Command::new("stunnel");
        command.arg(folder.write("stunnel.conf", config));
        let mut process = Process::start("stunnel", command, &folder);
        process.await_ready("it listens", |_| TcpStream::connect(at).ok());
        let version = run(Command::new("stunnel").arg("-version"), Duration::from_secs(10));
        let version = String::from_utf8_lossy(&version.stderr).into_owned();
        ran("stunnel", version.split_whitespace().skip_while(|word| *word != "stunnel").nth(1).unwrap());
        Stunnel { _process: process, _folder: folder, at }
    }
}
