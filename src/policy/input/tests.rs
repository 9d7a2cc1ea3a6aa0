//! What a policy sees is exactly what the schema says.

use super::{Actor, Asked, Call, Definition, Http, Input, Mode, Session, Subject, Training, User, Workload};
use crate::schema;
use canon::json::Limits;
use canon::{CallId, Micros};

pub(crate) fn full() -> Input {
    let text = |text: &str| Some(text.into());
    let json = |text: &str| canon::json::parse::<canon::json::Tree>(text.as_bytes(), &Limits::default()).unwrap();
    Input {
        time: Micros(1_767_323_045_678_901),
        mode: Mode::new("PRODUCTION", "fail_closed", &json(r#"{"kafka": {"prefix": "prod."}}"#)),
        subject: Subject {
            workload: Some(Workload {
                spiffe_id: "spiffe://a.example/ns/x/sa/y".into(),
                trust_domain: "a.example".into(),
                namespace: text("x"),
                service_account: text("y"),
            }),
            user: Some(User { issuer: "https://i".into(), subject: "u".into(), claims: json(r#"{"groups": ["a"]}"#) }),
            actors: vec![Actor { issuer: None, subject: "agent".into() }],
            tenant: "acme".into(),
            persona: None,
        },
        session: Session {
            id: text("s"),
            training: Some(Training { id: "t".into(), trainer: "w".into(), expires: Micros(0) }),
            labels: vec!["pii".into()],
        },
        call: Call {
            id: CallId(uuid::Uuid::from_u128(7)),
            protocol: "mcp".into(),
            route: "files".into(),
            upstream: "fs".into(),
            method: "tools/call".into(),
            tool: text("write_file"),
            resource: None,
            arguments: crate::Rego::value(&json(r#"{"path": "/tmp/x", "n": [1, 2.5]}"#)),
            arguments_digest: text("hmac-sha256:00"),
            declared: crate::Value::Null,
            definition: Some(Definition { digest: "d".into(), state: "pinned".into() }),
        },
        http: Http { method: "POST".into(), path: "/mcp".into(), query: None, headers: vec![("x-a".into(), vec!["1".into(), "2".into()])] },
    }
}

#[test]
fn a_full_and_an_empty_input_are_whole() {
    let asked = full().asked();
    assert_eq!(schema::mismatches(&asked.value), Vec::<String>::new());
    let spelled = asked.value.to_json_str().unwrap();
    let again = Asked::parse("input.json", spelled.as_bytes()).unwrap();
    assert_eq!((again.value, again.tool.as_deref(), again.time), (asked.value, Some("write_file"), Micros(1_767_323_045_678_901)));
    assert_eq!(schema::mismatches(&Asked::blank().value), Vec::<String>::new());
    let mut input = full();
    input.subject = Subject { workload: None, user: None, actors: Vec::new(), tenant: "t".into(), persona: None };
    input.session = Session::default();
    assert_eq!(schema::mismatches(&input.asked().value), Vec::<String>::new());
}

#[test]
fn every_field_says_what_it_is_called() {
    let value = full().asked().value;
    for (path, expected) in [
        (&["version"][..], "1"),
        (&["time"], "\"2026-01-02T03:04:05.678901Z\""),
        (&["mode", "name"], "\"PRODUCTION\""),
        (&["mode", "enforcement"], "\"fail_closed\""),
        (&["mode", "settings"], r#"{"kafka":{"prefix":"prod."}}"#),
        (&["subject", "tenant"], "\"acme\""),
        (&["subject", "workload", "spiffe_id"], "\"spiffe://a.example/ns/x/sa/y\""),
        (&["subject", "workload", "trust_domain"], "\"a.example\""),
        (&["subject", "workload", "namespace"], "\"x\""),
        (&["subject", "workload", "service_account"], "\"y\""),
        (&["subject", "user"], r#"{"claims":{"groups":["a"]},"issuer":"https://i","subject":"u"}"#),
        (&["subject", "actors"], r#"[{"issuer":null,"subject":"agent"}]"#),
        (&["session"], r#"{"id":"s","labels":["pii"],"training":{"expires":"1970-01-01T00:00:00.000000Z","id":"t","trainer":"w"}}"#),
        (&["call", "id"], "\"00000000-0000-0000-0000-000000000007\""),
        (&["call", "protocol"], "\"mcp\""),
        (&["call", "route"], "\"files\""),
        (&["call", "upstream"], "\"fs\""),
        (&["call", "method"], "\"tools/call\""),
        (&["call", "tool"], "\"write_file\""),
        (&["call", "resource"], "null"),
        (&["call", "arguments"], r#"{"n":[1,2.5],"path":"/tmp/x"}"#),
        (&["call", "arguments_digest"], "\"hmac-sha256:00\""),
        (&["call", "declared"], "null"),
        (&["call", "definition"], r#"{"digest":"d","state":"pinned"}"#),
        (&["http"], r#"{"headers":{"x-a":["1","2"]},"method":"POST","path":"/mcp","query":null}"#),
        (&["relations"], "{}"),
    ] {
        let found = path.iter().fold(&value, |value, name| &value[*name]);
        assert_eq!(found.to_string(), expected, "{path:?}");
    }
}

#[test]
fn an_input_that_is_not_whole_is_refused_with_every_reason() {
    let mut value = full().asked().value;
    let object = value.as_object_mut().unwrap();
    object.remove(&"http".into());
    object.insert("surplus".into(), crate::Value::Null);
    object.insert("time".into(), 7.into());
    let problems = Asked::parse("f/input.json", value.to_json_str().unwrap().as_bytes()).unwrap_err();
    let messages = problems.iter().map(|problem| problem.message.as_str()).collect::<Vec<_>>();
    assert_eq!(messages.len(), 3, "{messages:?}");
    assert!(messages.iter().any(|message| message.contains("`input.http` is missing")));
    assert!(messages.iter().any(|message| message.contains("`input.surplus` is not in")));
    assert!(messages.iter().any(|message| message.contains("`input.time` is not a string")));
}

#[test]
fn an_instant_has_one_spelling() {
    for (text, good) in [
        ("2026-01-02T03:04:05.678901Z", true),
        ("1970-01-01T00:00:00.000000Z", true),
        ("2024-02-29T23:59:59.999999Z", true),
        ("0000-03-01T00:00:00.000000Z", true),
        ("2025-02-29T00:00:00.000000Z", false),
        ("2026-13-01T00:00:00.000000Z", false),
        ("2026-01-02T24:00:00.000000Z", false),
        ("2026-01-02T03:04:60.000000Z", false),
        ("2026-01-02T03:04:05Z", false),
        ("2026-01-02 03:04:05.678901Z", false),
    ] {
        assert_eq!(super::instant(text).map(|at| at.to_string()).as_deref() == Some(text), good, "{text}");
    }
}
