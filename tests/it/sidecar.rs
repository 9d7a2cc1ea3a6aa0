//! A sidecar of a story: its configuration put together from pieces, and the records that it wrote. Knows the names of keys and of a record's
//! members, not what a story wants to show.

use crate::peers::pki::Issued;
use crate::peers::{Answer, Authority, Door, Folder, Toolgate, command, free_port, post, until};
use journal::{Cursor, Reader};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

/// The workload that a local listener speaks for.
pub(crate) const AGENT: &str = "spiffe://example.org/ns/agents/sa/agent";
/// A policy that lets everything through.
pub(crate) const ALLOW: &str = "package toolgate\n\ndecision := true\n";
/// Times that a busy machine needs, where a story is not about them.
const EVALUATION_MS: u64 = 5_000;
const COMMIT_MS: u64 = 30_000;
/// How long an end waits for calls, and for a ClickHouse that is away.
const DRAIN_MS: u64 = 20_000;
/// What every record of a test is read with.
const RECORDS_MAX: usize = 1_000_000;
/// For what follows an answer: an outcome, a reload.
const SOON: Duration = Duration::from_secs(60);

/// A configuration that is being written, in a folder of its own.
pub(crate) struct Plan {
    folder: Folder,
    journal: PathBuf,
    admin: String,
    admin_at: Option<SocketAddr>,
    listeners: Vec<String>,
    identity: Vec<String>,
    upstreams: Vec<String>,
    routes: Vec<String>,
    more: Vec<String>,
    policy: Vec<String>,
    envs: Vec<(String, String)>,
}

impl Plan {
    /// Nothing yet but the four modes and `policy` in the file that the stories call `policies/toolgate.rego`.
    pub(crate) fn new(name: &str, policy: &str) -> Plan {
        let folder = Folder::new(name);
        folder.write("modes.yaml", include_str!("../../config/modes.yaml"));
        folder.write("policies/toolgate.rego", policy);
        let journal = folder.path().join("journal");
        let plan = Plan {
            folder,
            journal,
            admin: "{kind: unix, path: admin.sock}".to_owned(),
            admin_at: None,
            listeners: Vec::new(),
            identity: Vec::new(),
            upstreams: Vec::new(),
            routes: Vec::new(),
            more: Vec::new(),
            policy: Vec::new(),
            envs: Vec::new(),
        };
        plan.identity("trust_domain: example.org")
    }

    /// The folder, for further files.
    pub(crate) fn folder(&self) -> &Folder {
        &self.folder
    }

    /// A journal that outlives the folder.
    pub(crate) fn journal(self, dir: &Path) -> Plan {
        Plan { journal: dir.to_owned(), ..self }
    }

    /// The users that may administer, in YAML.
    pub(crate) fn administered_by(self, uids: &str) -> Plan {
        Plan { admin: format!("{{kind: unix, path: admin.sock, peer_uids: {uids}}}"), ..self }
    }

    /// An admin listener on loopback.
    pub(crate) fn administered_at(self, at: SocketAddr) -> Plan {
        Plan { admin: format!("{{kind: loopback, address: '{at}'}}"), admin_at: Some(at), ..self }
    }

    /// A plain listener that speaks for [`AGENT`] to the user of this test.
    pub(crate) fn loopback(self, name: &str) -> (Plan, SocketAddr) {
        let at = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let uid = rustix::process::getuid().as_raw();
        (self.listener(format!("{{name: {name}, kind: loopback, address: '{at}', subject: '{AGENT}', peer_uids: [{uid}]}}")), at)
    }

    /// A listener for certificates of `authority`'s trust domain, which shows `own`.
    pub(crate) fn mtls(self, name: &str, own: &Issued, authority: &Authority) -> (Plan, SocketAddr) {
        let at = SocketAddr::from(([127, 0, 0, 1], free_port()));
        own.write(self.folder.path(), "svid");
        self.folder.write("bundle.pem", authority.bundle());
        let plan = self
            .identity("svid: {certificate: svid.pem, key: svid.key}")
            .identity("trust_bundles: {example.org: bundle.pem}")
            .listener(format!("{{name: {name}, kind: mtls, address: '{at}'}}"));
        (plan, at)
    }

    /// A listener in YAML.
    pub(crate) fn listener(mut self, yaml: impl Into<String>) -> Plan {
        self.listeners.push(yaml.into());
        self
    }

    /// A line of `identity`.
    pub(crate) fn identity(mut self, yaml: impl Into<String>) -> Plan {
        self.identity.push(yaml.into());
        self
    }

    /// A plain upstream.
    pub(crate) fn upstream(self, name: &str, at: SocketAddr) -> Plan {
        self.upstream_as(format!("{{name: {name}, kind: http, address: '{at}'}}"))
    }

    /// An upstream in YAML.
    pub(crate) fn upstream_as(mut self, yaml: impl Into<String>) -> Plan {
        self.upstreams.push(yaml.into());
        self
    }

    /// A route in YAML.
    pub(crate) fn route(mut self, yaml: impl Into<String>) -> Plan {
        self.routes.push(yaml.into());
        self
    }

    /// The route `/mcp` of a listener.
    pub(crate) fn mcp(self, listener: &str, upstream: &str) -> Plan {
        self.route(format!("{{name: mcp-{listener}, listener: {listener}, prefix: /mcp, upstream: {upstream}, protocol: mcp}}"))
    }

    /// Further top-level keys in YAML.
    pub(crate) fn more(mut self, yaml: impl Into<String>) -> Plan {
        self.more.push(yaml.into());
        self
    }

    /// A further key of `policy`.
    pub(crate) fn policy(mut self, yaml: impl Into<String>) -> Plan {
        self.policy.push(yaml.into());
        self
    }

    /// A variable of the environment that it starts in.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Plan {
        self.envs.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Names a ClickHouse where nobody listens: what strict modes ask for, and the journal keeps everything.
    pub(crate) fn clickhouse_away(self) -> Plan {
        let nobody = SocketAddr::from(([127, 0, 0, 1], free_port()));
        self.more(format!("audit: {{durability: node, clickhouse: {{url: 'http://{nobody}'}}}}"))
    }

    fn text(&self) -> String {
        let list = |items: &[String]| items.iter().map(|item| format!("\n  - {item}")).collect::<String>();
        let map = |lines: &[String]| lines.iter().map(|line| format!("\n  {line}")).collect::<String>();
        format!(
            "listeners:{}\nadmin: {}\nidentity:{}\nupstreams:{}\nroutes:{}\npolicy:\n  source: policies{}\n{}\n",
            list(&self.listeners),
            self.admin,
            map(&self.identity),
            list(&self.upstreams),
            list(&self.routes),
            map(&self.policy),
            self.more.join("\n"),
        )
    }

    fn whole_text(&self) -> String {
        let mut text = self.text();
        if !text.contains("time_limit_ms") {
            text = text.replacen("  source: policies", &format!("  source: policies\n  time_limit_ms: {EVALUATION_MS}"), 1);
        }
        if !text.contains("drain_timeout_ms") {
            text += &format!("drain_timeout_ms: {DRAIN_MS}\n");
        }
        let journal = format!("journal: {{dir: '{}', commit_deadline_ms: {COMMIT_MS}}}\n", self.journal.display());
        if text.contains("\njournal:") { text } else { text + &journal }
    }

    /// Writes it and starts nothing.
    pub(crate) fn written(self) -> Folder {
        self.folder.write("toolgate.yaml", self.whole_text());
        self.folder
    }

    /// Starts it and waits until it is ready.
    pub(crate) fn start(self, mode: &str) -> Sidecar {
        self.started(mode, "/readyz")
    }

    /// Starts it and waits until it lives, ready or not.
    pub(crate) fn start_alive(self, mode: &str) -> Sidecar {
        self.started(mode, "/livez")
    }

    /// It does not start; what it says instead.
    pub(crate) fn refused(self, mode: &str) -> String {
        self.folder.write("toolgate.yaml", self.whole_text());
        let envs: Vec<_> =
            self.envs.iter().map(|(name, value)| (name.as_str(), value.as_str())).chain([("SOMA_AGENT_MODE", mode)]).collect();
        let output = command(self.folder.path(), &["run"], &envs);
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert_eq!(output.status.code(), Some(2), "{said}");
        said
    }

    fn started(self, mode: &str, ready: &str) -> Sidecar {
        let (text, journal) = (self.whole_text(), self.journal);
        let envs = [self.envs, vec![("SOMA_AGENT_MODE".to_owned(), mode.to_owned())]].concat();
        let admin = self.admin_at.map_or_else(|| Door::Unix(self.folder.path().join("admin.sock")), Door::from);
        let toolgate = Toolgate::start_until(self.folder, &text, envs, admin.clone(), ready);
        // It is alive a moment before its listeners are open.
        toolgate.await_line(0, "\"serving\"");
        Sidecar { toolgate, admin, journal }
    }
}

/// A running sidecar.
pub(crate) struct Sidecar {
    /// The process.
    pub(crate) toolgate: Toolgate,
    /// Where people administer it.
    pub(crate) admin: Door,
    journal: PathBuf,
}

impl Sidecar {
    /// Every record so far, envelope and body of each in one object under these two names.
    pub(crate) fn records(&self) -> Vec<Value> {
        let stored = Reader::open(&self.journal).unwrap().read_after(Cursor(0), RECORDS_MAX, usize::MAX).unwrap();
        let parsed = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).unwrap();
        stored.iter().map(|stored| json!({"envelope": parsed(&stored.envelope), "body": parsed(&stored.body)})).collect()
    }

    /// The record of this kind of a call, once it is there.
    pub(crate) fn record(&self, call: &str, kind: &str) -> Value {
        until(&format!("the record `{kind}` of {call}"), SOON, || {
            self.records().into_iter().find(|record| record["envelope"]["call"] == call && record["envelope"]["kind"] == kind)
        })
    }

    /// The first record, from number `from` on, that `wanted` takes.
    pub(crate) fn await_record(&self, from: usize, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        until(what, SOON, || self.records().into_iter().skip(from).find(&wanted))
    }

    /// Maria's tool signs an override for a refused call; her key is `maria.pem` in the sidecar's folder.
    pub(crate) fn sign_override(&self, decision: &str, reason: &str) -> Output {
        let who = ["permission", "sign", "--admin", "unix:admin.sock", "--key", "maria.pem", "--kind", "override", "--yes"];
        command(self.toolgate.folder().path(), &[&who[..], &["--decision", decision, "--reason", reason]].concat(), &[])
    }

    /// Ends it as an operator would, and says with which code.
    pub(crate) fn end(&mut self) -> Option<i32> {
        self.toolgate.sigterm();
        self.toolgate.wait(SOON).code()
    }
}

/// The decision id of an answer.
pub(crate) fn decision(answer: &Answer) -> String {
    let id = answer.headers.get("toolgate-decision-id").unwrap_or_else(|| panic!("no decision id: {answer:?} {}", answer.text()));
    id.to_str().unwrap().to_owned()
}

/// A header of an answer as text; empty where it is absent.
pub(crate) fn header(answer: &Answer, name: &str) -> String {
    answer.headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
}

/// A JSON body, POSTed.
pub(crate) fn post_json(at: SocketAddr, path: &str, more: &[(&str, &str)], body: &Value) -> Answer {
    let headers = [&[("content-type", "application/json"), ("accept", "application/json, text/event-stream")], more].concat();
    post(at, path, &headers, body.to_string()).unwrap()
}
