//! Secrets go through and stay nowhere: a string of its own in each place that must not be written down, calls of every end, then a search through every
//! byte of the journal's folder, the output, the metrics and ClickHouse.

mod planted;

use crate::notes;
use crate::peers::{Answer, ClickHouse, Door, EverythingServer, Recorder, ask, command, free_port, get, post};
use crate::sidecar::{Plan, Sidecar, decision};
use planted::{Canaries, Issuer};
use serde_json::{Value, json};
use std::net::SocketAddr;

/// Deletions are refused. One argument is masked by the policy's own obligation.
const POLICY: &str = r#"package toolgate

masked := ["/masked_by_policy", "/body/masked_by_policy", "/path/id", "/query/masked_by_policy"]
hidden := ["/uri"] if input.call.arguments.hide == true
else := []
decision := {"allow": input.call.tool != "notes.delete", "obligations": [{"type": "mask", "paths": array.concat(masked, hidden)}]}
"#;

/// The tools of every plain route.
fn tools(prefix: &str) -> String {
    format!(
        "tools: [{{method: POST, path: '{prefix}/{{id}}', tool: notes.put}}, {{method: DELETE, path: '{prefix}/{{id}}', tool: notes.delete}}, {{method: POST, path: '{prefix}/reset/{{token}}', tool: reset}}]"
    )
}

struct House {
    sidecar: Sidecar,
    at: SocketAddr,
    canaries: Canaries,
    issuer: Issuer,
}

/// Every route, with a canary as credential and as ClickHouse's password; log level trace.
fn begin(recorder: &Recorder, clickhouse: &ClickHouse, everything: &EverythingServer, mode: &str) -> House {
    notes::make_tables(clickhouse);
    let (canaries, issuer) = (Canaries::default(), Issuer::new("https://login.example.org"));
    let (plan, at) = Plan::new("canaries", POLICY).policy("time_limit_ms: 10000").loopback("pod");
    plan.folder().write("writer.password", crate::peers::WRITER.1);
    canaries.watch("ClickHouse password", crate::peers::WRITER.1);
    plan.folder().write("upstream.credential", canaries.plant("credential file"));
    plan.folder().write("login.jwks.json", issuer.jwks());
    plan.folder().write("keys.json", r#"{"keys": []}"#);
    let keygen =
        ["permission", "keygen", "--person", "maria@example.org", "--role", "override", "--out", "maria.pem", "--keys", "keys.json"];
    assert!(command(plan.folder().path(), &keygen, &[]).status.success());
    let route = |name: &str, upstream: &str, more: &str| {
        format!(
            "{{name: {name}, listener: pod, prefix: /{name}, upstream: {upstream}, protocol: http, {}{more}}}",
            tools(&format!("/{name}"))
        )
    };
    let nobody = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let credential = "credential: {file: upstream.credential}";
    let plan = plan
        .identity("issuers: [{issuer: 'https://login.example.org', jwks: login.jwks.json, audience: toolgate, algorithms: [EdDSA], claims: [groups, api_key, blood_group]}]")
        .upstream_as(format!("{{name: notes, kind: http, address: '{}', {credential}}}", recorder.address()))
        .upstream_as(format!("{{name: dead, kind: http, address: '{nobody}', {credential}}}"))
        .upstream("everything", everything.address())
        .route(route("notes", "notes", ", session_header: x-session"))
        .route(route("dead", "dead", ""))
        .route(route("user", "notes", ", bearer_issuer: 'https://login.example.org'"))
        .mcp("pod", "everything")
        .more("permissions: {keys: keys.json}")
        .more("record: {mask: {pointers: [/customer/iban, /body/customer/iban, /query/iban], names: ['blood*']}}")
        .more("log: {level: trace}")
        .more(format!(
            "audit:\n  durability: node\n  clickhouse: {{url: 'http://{}', user: writer, password_file: writer.password}}\n  delivery: {{batch_age_ms: 20}}",
            clickhouse.http()
        ));
    House { sidecar: plan.start(mode), at, canaries, issuer }
}

#[test]
fn what_must_not_be_written_down_is_nowhere() {
    for mode in ["PRODUCTION", "LOCAL"] {
        let (recorder, clickhouse, everything) = (Recorder::start(), ClickHouse::start(), EverythingServer::start(false));
        let mut house = begin(&recorder, &clickhouse, &everything, mode);
        for (prefix, method) in [("/notes", "POST"), ("/notes", "DELETE"), ("/dead", "POST"), ("/user", "POST")] {
            house.plain(prefix, method);
        }
        house.nowhere();
        house.malformed();
        house.users();
        house.permissions();
        house.mcp();
        house.is_nowhere(&clickhouse);
    }
}

impl House {
    fn send(&self, method: &str, target: &str, headers: &[(&str, String)], body: &str) -> Answer {
        let request = hyper::Request::builder().method(method).uri(target).header("content-type", "application/json");
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, value));
        ask(&Door::Tcp(self.at), request, body.as_bytes().to_vec()).unwrap()
    }

    /// A secret in each header that is known for secrets.
    fn headers(&self, of: &str) -> Vec<(&'static str, String)> {
        let names = [
            "authorization",
            "proxy-authorization",
            "cookie",
            "x-api-key",
            "x-auth-token",
            "mcp-param-region",
            "mcp-session-id",
            "x-session",
            "toolgate-permission",
            "x-client-secret",
            "x-session-id",
            "x-amzn-oidc-data",
            "cf-access-jwt-assertion",
        ];
        names.map(|name| (name, self.canaries.plant(&format!("{of} header {name}")))).to_vec()
    }

    /// A secret in each argument that must be masked.
    fn arguments(&self, of: &str) -> Value {
        let plant = |place: &str| self.canaries.plant(&format!("{of} argument {place}"));
        json!({
            "password": plant("password"), "list": [{"Api-Key": plant("Api-Key")}, {"deep": {"refresh_token": {"inside": plant("refresh_token")}}}],
            "customer": {"iban": plant("iban")}, "blood type": plant("blood"), "masked_by_policy": plant("masked_by_policy"), "plain": self.canaries.marker(),
        })
    }

    fn plain(&self, prefix: &str, method: &str) {
        let of = format!("{method} {prefix}");
        let plant = |place: &str| self.canaries.plant(&format!("{of} {place}"));
        let query = format!(
            "token={}&pass%77ord={}&iban={}&masked_by_policy={}",
            plant("query"),
            plant("escaped query"),
            plant("query iban"),
            plant("query masked_by_policy")
        );
        let target = format!("{prefix}/{}?{query}", plant("path masked_by_policy"));
        self.send(method, &target, &self.headers(&of), &self.arguments(&of).to_string());
        self.send("POST", &format!("{prefix}/reset/{}", plant("path token")), &self.headers(&of), &self.arguments(&of).to_string());
    }

    /// No route: nobody knows what its path means, and names are all that there is.
    fn nowhere(&self) {
        let target = format!("/nowhere?token={}", self.canaries.plant("nowhere query"));
        assert_eq!(self.send("POST", &target, &self.headers("nowhere"), &self.arguments("nowhere").to_string()).status, 404);
    }

    /// What cannot be read, and what goes wrong while it is.
    fn malformed(&self) {
        let secret = |of: &str| self.canaries.plant(&format!("malformed {of}"));
        let headers = |of: &str| self.headers(&format!("malformed {of}"));
        for (of, body) in [
            ("twice", format!(r#"{{"password":"{}","password":"{}"}}"#, secret("twice"), secret("twice"))),
            ("cut", format!(r#"{{"password":"{}"#, secret("cut"))),
            ("trailing", format!(r#"{{"password":"{}"}}{}"#, secret("before"), secret("trailing"))),
            ("escape", format!(r#"{{"password":"{}\ud800"}}"#, secret("escape"))),
            ("bare", secret("bare")),
            ("number", format!(r#"{{"password":"{}","n":12345678901234567890}}"#, secret("number"))),
            ("long", format!(r#"{{"password":"{}","n":"{}"}}"#, secret("long"), "x".repeat(2 << 20))),
        ] {
            for path in [format!("/notes/reset/{}", secret(&format!("{of} path"))), "/notes/1".to_owned()] {
                let target = format!("{path}?iban={}", secret(&format!("{of} query")));
                let answer = self.send("POST", &target, &headers(of), &body);
                assert!((400..500).contains(&answer.status), "{of} {path}: {}", answer.text());
            }
            let answer = self.send("POST", "/mcp", &headers(of), &body);
            assert!((400..500).contains(&answer.status), "{of} /mcp: {}", answer.text());
        }
        self.send("POST", "/notes/1", &[("content-encoding", "gzip".to_owned()), ("authorization", secret("gzip"))], &secret("gzip"));
        self.send("POST", "/notes/1", &[("authorization", secret("authorization")), ("authorization", secret("authorization"))], "{}");
    }

    /// Users' tokens: good, of another time, of nobody, and no tokens at all.
    fn users(&self) {
        let claims = |valid: i64| json!({"groups": ["a"], "api_key": self.canaries.plant("claim api_key"), "blood_group": self.canaries.plant("claim blood_group"), "phone": self.canaries.plant("claim that is not listed"), "exp": self.issuer.now() + valid});
        let good = self.issuer.token(&claims(600));
        let answer = self.send("POST", "/user/1", &[("authorization", format!("Bearer {good}"))], "{}");
        assert_eq!(answer.status, 200, "{}", answer.text());
        let expired = self.issuer.token(&claims(-600));
        let stranger = Issuer::new("https://login.example.org").token(&claims(600));
        for token in [&good, &expired, &stranger] {
            self.canaries.watch("a bearer token's payload", token.split('.').nth(1).unwrap());
            self.canaries.watch("a bearer token's signature", token.split('.').nth(2).unwrap());
            self.send("POST", "/user/1", &[("authorization", format!("Bearer {token}"))], "{}");
        }
        for scheme in ["Bearer", "Basic", ""] {
            self.send(
                "POST",
                "/user/1",
                &[("authorization", format!("{scheme} {}", self.canaries.plant("authorization of nobody")))],
                "{}",
            );
        }
    }

    /// A permission in a header, good, used, changed; and a deposit of nonsense.
    fn permissions(&self) {
        let refused = self.send("DELETE", "/notes/signed", &[], "");
        let id = decision(&refused);
        let signed = self.sidecar.sign_override(&id, "canary");
        // A permissive mode refused nothing that a person could lift.
        if let Some(token) = signed.status.success().then(|| String::from_utf8(signed.stdout).unwrap().trim().to_owned()) {
            for part in token.split('.').skip(1) {
                self.canaries.watch("a permission", part);
            }
            for (token, status) in [(token.clone(), 200), (token.clone(), 403), (token.replace('.', ".A"), 403)] {
                assert_eq!(self.send("DELETE", "/notes/signed", &[("toolgate-permission", token)], "").status, status);
            }
        }
        for body in [self.canaries.plant("deposit"), format!("{0}.{0}.{0}", self.canaries.plant("deposit"))] {
            assert!(post(self.sidecar.admin.clone(), "/v1/permissions", &[], body).unwrap().status >= 400);
        }
        get(self.sidecar.admin.clone(), &format!("/v1/refusals/{}", self.canaries.plant("a refusal's id"))).unwrap();
    }

    /// A session of a real MCP server, and calls inside and outside of it.
    fn mcp(&self) {
        let speak = |session: &str, body: &Value| {
            let mut headers = self.headers("mcp");
            headers.retain(|(name, _)| *name != "mcp-session-id");
            headers.push(("accept", "application/json, text/event-stream".to_owned()));
            headers.push(("mcp-protocol-version", "2025-11-25".to_owned()));
            if !session.is_empty() {
                headers.push(("mcp-session-id", session.to_owned()));
            }
            self.send("POST", "/mcp", &headers, &body.to_string())
        };
        let client = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "probe", "version": "1"}});
        let answer = speak("", &json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": client}));
        let session = answer.headers.get("mcp-session-id").unwrap_or_else(|| panic!("{}", answer.text())).to_str().unwrap();
        self.canaries.watch("Mcp-Session-Id", session);
        speak(session, &json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
        for tool in ["echo", "no such tool", "notes.delete"] {
            speak(
                session,
                &json!({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": tool, "arguments": self.arguments("mcp")}}),
            );
        }
        let uri =
            format!("https://ada:{}@example.org/?token={}", self.canaries.plant("resource user"), self.canaries.plant("resource query"));
        speak(session, &json!({"jsonrpc": "2.0", "id": 3, "method": "resources/read", "params": {"uri": uri}}));
        let hidden = json!({"uri": format!("notes://{}", self.canaries.plant("resource masked_by_policy")), "hide": true});
        speak(session, &json!({"jsonrpc": "2.0", "id": 3, "method": "resources/read", "params": hidden}));
        let uri = format!("notes://{}", self.canaries.plant("mirrored resource masked_by_policy"));
        let meta = json!({"io.modelcontextprotocol/protocolVersion": "2026-07-28"});
        let body = json!({"jsonrpc": "2.0", "id": 5, "method": "resources/read", "params": {"uri": uri, "hide": true, "_meta": meta}});
        let mirrored = [("mcp-protocol-version", "2026-07-28".to_owned()), ("mcp-method", "resources/read".to_owned()), ("mcp-name", uri)];
        let answer = self.send("POST", "/mcp", &mirrored, &body.to_string());
        assert_eq!(self.sidecar.record(&decision(&answer), "decision")["envelope"]["done"], "forward", "{}", answer.text());
        speak(&self.canaries.plant("a session that is none"), &json!({"jsonrpc": "2.0", "id": 4, "method": "ping"}));
    }

    fn is_nowhere(&mut self, clickhouse: &ClickHouse) {
        let metrics = get(self.sidecar.admin.clone(), "/metrics").unwrap().body;
        let ledger = notes::end(&mut self.sidecar);
        ledger.is_in(clickhouse);
        let folder = self.sidecar.toolgate.folder().path();
        let mut places = vec![("metrics".to_owned(), metrics), ("output".to_owned(), std::fs::read(folder.join("toolgate.log")).unwrap())];
        for file in std::fs::read_dir(folder.join("journal")).unwrap() {
            let path = file.unwrap().path();
            places.push((path.display().to_string(), std::fs::read(path).unwrap()));
        }
        for stored in ledger.stored() {
            places.push((format!("record {}", stored.seq), [&stored.envelope[..], &stored.body].concat()));
        }
        for column in ["raw FROM toolgate.audit_events", "body FROM toolgate.audit_bodies"] {
            places.push((column.to_owned(), clickhouse.query(crate::peers::AUDITOR, &format!("SELECT {column}")).unwrap().into_bytes()));
        }
        self.canaries.must_be_nowhere_in(&places);
    }
}
