//! The sidecar that is flooded: a listener for the good client, one for the crowd, each with its own principal, and what can be measured from outside.

use crate::peers::{Recorder, Ticker, get, until};
use crate::sidecar::{AGENT, Plan, Sidecar};
use std::io::Read;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Allowed to everybody, and answered at once.
pub(super) const TOOL: &str = "/tools/note";
/// Allowed to nobody.
pub(super) const REFUSED: &str = "/tools/refused";
/// Allowed to everybody; its answer has no end.
pub(super) const ENDLESS: &str = "/tools/endless";
/// The same by MCP.
pub(super) const MCP: &str = "/mcp";
const POLICY: &str = "package toolgate\n\ndecision := input.call.tool != \"refused\"\n";
const CROWD: &str = "spiffe://example.org/ns/agents/sa/crowd";
/// A socket of ours that waits longer than this has found what it was looking for: nobody answers.
const SILENCE: Duration = Duration::from_secs(60);

/// One sidecar.
pub(super) struct Target {
    sidecar: Sidecar,
    recorder: Recorder,
    pub(super) ticker: Ticker,
    pub(super) good: SocketAddr,
    pub(super) crowd: SocketAddr,
}

impl Target {
    /// With these limits, in YAML, where they are not the default.
    pub(super) fn start(limits: &str) -> Target {
        let (recorder, ticker) = (Recorder::start(), Ticker::start());
        let plan = Plan::new("floods", POLICY).upstream("notes", recorder.address()).upstream("ticker", ticker.address()).clickhouse_away();
        let (plan, good) = plan.loopback("good");
        let crowd = SocketAddr::from(([127, 0, 0, 1], crate::peers::free_port()));
        let uid = rustix::process::getuid().as_raw();
        let plan = plan
            .listener(format!("{{name: crowd, kind: loopback, address: '{crowd}', subject: '{CROWD}', peer_uids: [{uid}]}}"))
            .identity(format!("tenants: {{'{AGENT}': good, '{CROWD}': crowd}}"))
            .route(format!("{{name: good, listener: good, upstream: notes, protocol: http, tools: [{}]}}", tool(TOOL, "note")))
            .route(format!(
                "{{name: notes, listener: crowd, prefix: /tools, upstream: notes, protocol: http, tools: [{}, {}]}}",
                tool(TOOL, "note"),
                tool(REFUSED, "refused")
            ))
            .route(format!(
                "{{name: endless, listener: crowd, prefix: {ENDLESS}, upstream: ticker, protocol: http, tools: [{}]}}",
                tool(ENDLESS, "endless")
            ))
            .route(format!("{{name: mcp, listener: crowd, prefix: {MCP}, upstream: ticker, protocol: mcp}}"))
            .more(format!("limits: {{{limits}}}"));
        Target { sidecar: plan.start("PRODUCTION"), recorder, ticker, good, crowd }
    }

    /// The most memory that it ever had resident, in kilobytes.
    pub(super) fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.sidecar.toolgate.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.split_whitespace().next().unwrap().parse().unwrap()
    }

    /// A line of its log that tells of a panic.
    pub(super) fn panicked(&self) -> Option<String> {
        self.sidecar.toolgate.lines().into_iter().find(|line| line.contains("panicked"))
    }

    /// How many requests reached the tool that answers at once.
    pub(super) fn forwarded(&self) -> usize {
        self.recorder.received().len()
    }

    /// A connection of the crowd.
    pub(super) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.crowd).unwrap();
        stream.set_read_timeout(Some(SILENCE)).unwrap();
        stream.set_write_timeout(Some(SILENCE)).unwrap();
        stream
    }

    /// Each connection ends by itself, with or without a word.
    pub(super) fn sees_the_end_of(&self, connections: Vec<TcpStream>) {
        for mut stream in connections {
            let ended = stream.read_to_end(&mut Vec::new());
            assert!(ended.as_ref().map_or_else(|why| why.kind() == std::io::ErrorKind::ConnectionReset, |_| true), "{ended:?}");
        }
        self.await_places(|taken| taken == 1);
    }

    /// Until it has so many connections, the good client's among them.
    pub(super) fn await_places(&self, wanted: impl Fn(usize) -> bool) {
        until("the right number of places to be taken", SILENCE, || {
            let metrics = get(self.sidecar.admin.clone(), "/metrics").unwrap().text();
            let taken = metrics.lines().find_map(|line| line.strip_prefix("toolgate_connections ")).unwrap();
            wanted(taken.parse().unwrap()).then_some(())
        });
    }
}

fn tool(path: &str, name: &str) -> String {
    format!("{{method: POST, path: {path}, tool: {name}}}")
}
