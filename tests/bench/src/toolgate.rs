//! toolgate as it is measured: its configuration, its start, its readiness.

use crate::Failure;
use crate::process::{MEASURED, Process, free_address};
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A running toolgate.
pub(crate) struct Toolgate {
    pub(crate) process: Process,
    /// Where its mTLS listener is.
    pub(crate) address: String,
    /// From the start of the process to the first 200 of `/readyz`.
    pub(crate) ready_after: Duration,
}

/// What every start has in common.
pub(crate) struct Setting<'a> {
    /// The repository.
    pub(crate) root: &'a Path,
    /// The release binary.
    pub(crate) binary: PathBuf,
    /// Where certificates are and configurations go.
    pub(crate) folder: &'a Path,
    pub(crate) upstream: &'a str,
}

impl Setting<'_> {
    /// Starts it in `mode`, with a new journal at `journal`.
    pub(crate) fn start(&self, name: &str, mode: &str, journal: &Path) -> Result<Toolgate, Failure> {
        let (address, admin) = (free_address()?, free_address()?);
        let _ = fs::remove_dir_all(journal);
        fs::copy(self.root.join("config/modes.yaml"), self.folder.join("modes.yaml"))?;
        let config = self.folder.join(name).with_extension("yaml");
        fs::write(&config, self.config(&address, &admin, mode, journal)?)?;
        let begun = Instant::now();
        let arguments = ["run".as_ref(), "--config".as_ref(), config.as_os_str()];
        let mut process = Process::start(name, MEASURED, &self.binary, &arguments, &[("SOMA_AGENT_MODE", mode)], self.folder)?;
        process.until(|| is_ready(&admin), Duration::from_millis(1))?;
        Ok(Toolgate { process, address, ready_after: begun.elapsed() })
    }

    fn config(&self, address: &str, admin: &str, mode: &str, journal: &Path) -> Result<String, Failure> {
        // The stricter modes want ClickHouse. Nothing listens there: the journal buffers, and delivery tries ever more seldom.
        let audit = if mode == "LOCAL" { String::new() } else { format!(", clickhouse: {{url: \"http://{}\"}}", free_address()?) };
        Ok(format!(
            r#"
listeners: [{{name: agents, kind: mtls, address: "{address}"}}]
admin: {{kind: loopback, address: "{admin}"}}
identity:
  trust_domain: example.org
  svid: {{certificate: server.pem, key: server.key}}
  trust_bundles: {{example.org: bundle.pem}}
upstreams: [{{name: files, kind: http, address: "{upstream}"}}]
routes: [{{name: files, listener: agents, prefix: /mcp, upstream: files, protocol: mcp}}]
policy: {{source: "{policies}", time_limit_ms: 1000}}
journal: {{dir: "{journal}"}}
audit: {{durability: node{audit}}}
log: {{format: json}}
"#,
            upstream = self.upstream,
            policies = self.root.join("policies/default").display(),
            journal = journal.display(),
        ))
    }
}

fn is_ready(admin: &str) -> bool {
    let asked = || -> std::io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect(admin)?;
        stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
        let mut answer = vec![0; 12];
        stream.read_exact(&mut answer)?;
        Ok(answer)
    };
    asked().is_ok_and(|answer| answer == b"HTTP/1.1 200")
}
