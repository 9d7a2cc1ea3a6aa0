//! Real servers, clients and checkers for the tests: where they are, how they start, when they are ready, and that nothing of them is left behind.
//! Knows nothing of what the tests want to show. Everything blocks, so that a test with or without an async runtime can use it.
//!
//! `tests/tools/install.sh` brings the programs. A program that is missing fails the test that needs it.

mod clickhouse;
mod clients;
mod folder;
mod http;
mod mcp;
mod opa;
mod patience;
pub(crate) mod pki;
mod process;
mod recorder;
mod stunnel;
mod tests;
mod ticker;
mod toolgate;

pub(crate) use clickhouse::{AUDITOR, ClickHouse, OWNER, WRITER};
pub(crate) use clients::{Conformance, node_script, python_script, rust_client};
pub(crate) use folder::Folder;
pub(crate) use http::{Answer, Door, ask, get, post};
pub(crate) use mcp::{EverythingServer, FilesystemServer, NodeEverything};
pub(crate) use opa::Opa;
pub(crate) use patience::{Pace, until};
pub(crate) use pki::{Authority, Leaf, Wrong};
pub(crate) use process::{Process, free_port, run};
pub(crate) use recorder::{Received, Recorder};
pub(crate) use stunnel::Stunnel;
pub(crate) use ticker::Ticker;
pub(crate) use toolgate::{Toolgate, command};

use std::io::Write;
use std::path::{Path, PathBuf};

/// A path below `.tools/`, which must be there.
pub(crate) fn tool(path: &str) -> PathBuf {
    let found = Path::new(env!("CARGO_MANIFEST_DIR")).join(".tools").join(path);
    assert!(found.exists(), "`{}` is not installed; run `make tools`", found.display());
    found
}

/// Notes that a real peer is up, for the table that `make test` prints at its end.
pub(crate) fn ran(name: &str, version: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(".tools/ran");
    let mut file = std::fs::File::options().create(true).append(true).open(&path).unwrap();
    file.write_all(format!("{name}\t{}\n", version.trim()).as_bytes()).unwrap();
}
