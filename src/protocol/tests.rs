//! The conversations in `fixtures/wire`: each file is a request and what becomes of it, some with the upstream's answer and what the
//! agent gets. `UPDATE=1` rewrites what is expected; the difference is for review.
#![expect(clippy::disallowed_methods, reason = "the cases are files, and a variable asks to rewrite them")]

mod conversation;
mod properties;

use crate::{Answer, Flaw, HttpRoutes, Kind, Limits, Malformed, McpRoute, Reading, RequestId, Speaks, Step, ToolCall};
use crate::{Asked, Class, Detail, Earlier, Era, Id, Reason, Refusal, Speech, refuse};
use canon::json::{Json, Pointer, Tree, canonical};
use conversation::Conversation;
use http::HeaderMap;
use std::path::Path;

fn speaks(name: &str, request: &str) -> Speaks {
    let is_http = name.starts_with("http_") || name.starts_with("answer_") && !request.contains(" /mcp");
    if !is_http {
        return Speaks::Mcp(McpRoute { path: "/mcp".to_owned() });
    }
    let table = [
        ("GET", "/repos/{owner}/{repo}", "get_repo"),
        ("DELETE", "/repos/{owner}/{repo}", "delete_repo"),
        ("PATCH", "/repos/{owner}/{repo}", "change_repo"),
        ("GET", "/repos/{owner}/settings", "get_settings"),
        ("POST", "/repos/{owner}/{repo}/issues", "create_issue"),
        ("GET", "/search", "search"),
        ("GET", "/items/", "list_items"),
    ];
    Speaks::Http(HttpRoutes::parse(table).expect("table"))
}

fn recognised(name: &str, conversation: &Conversation) -> Result<ToolCall<Json>, Malformed> {
    let speaks = speaks(name, &conversation.request);
    let (head, body) = conversation.head_and_body();
    crate::recognise::<Tree>(&head, body, &speaks, &Limits::default())
}

fn optional(value: Option<&String>) -> serde_json::Value {
    value.map_or(serde_json::Value::Null, |value| value.as_str().into())
}

fn plain(value: &Json) -> serde_json::Value {
    let mut out = Vec::new();
    canonical::<Tree>(value, &mut out);
    serde_json::from_slice(&out).expect("canonical")
}

fn headers(map: &HeaderMap) -> serde_json::Value {
    let mut lines: Vec<_> = map.iter().map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value.as_bytes()))).collect();
    lines.sort();
    lines.into()
}

fn asked(speech: &Speech) -> String {
    match speech {
        Speech::Http => "http".to_owned(),
        Speech::Mcp { era, asked } => {
            let era = match era {
                Era::Sessions => "sessions",
                Era::Stateless => "stateless",
            };
            let asked = match asked {
                Asked::ToolCall(RequestId::Int(id)) => format!("tool call {id}"),
                Asked::ToolCall(RequestId::Text(id)) => format!("tool call `{id}`"),
                Asked::Request(RequestId::Int(id)) => format!("request {id}"),
                Asked::Request(RequestId::Text(id)) => format!("request `{id}`"),
                Asked::Nothing => "nothing".to_owned(),
            };
            format!("mcp {era}, {asked}")
        }
    }
}

fn call(call: &ToolCall<Json>) -> serde_json::Value {
    let kind = match call.kind {
        Kind::Request => "request",
        Kind::Notification => "notification",
        Kind::Response => "response",
        Kind::Stream => "stream",
        Kind::End => "end",
    };
    let mut seen = serde_json::json!({
        "speech": asked(&call.speech), "kind": kind, "method": call.method, "tool": optional(call.tool.as_ref()),
        "resource": optional(call.resource.as_ref()), "arguments": plain(&call.arguments), "meta": call.meta.as_ref().map(plain),
        "session": optional(call.session.as_ref()), "permission": optional(call.permission.as_ref()), "path": call.path,
        "query": optional(call.query.as_ref()), "argument_headers": call.argument_headers.iter().map(|name| name.as_str()).collect::<Vec<_>>(),
        "forwarded": headers(call.headers()),
    });
    if let Some(beside) = &call.beside {
        seen["beside"] = plain(beside);
    }
    seen
}

fn refusal(malformed: &Malformed) -> Refusal {
    Refusal {
        decision: "0198c0de-0000-7000-8000-000000000001".parse().expect("uuid"),
        class: Class::Malformed(malformed.flaw),
        reasons: vec![Reason { code: malformed.flaw.code().to_owned(), message: malformed.message.clone() }],
        mode: "PRODUCTION".to_owned(),
        detail: Detail::Full,
        ask: None,
        arguments_digest: None,
    }
}

fn pretty(value: &serde_json::Value) -> String {
    serde_json::to_string_pretty(value).expect("json")
}

/// What becomes of the request, as the fixture says it.
fn expected_of_request(name: &str, conversation: &Conversation) -> (String, String) {
    match recognised(name, conversation) {
        Ok(recognised) => {
            let (_, body) = conversation.head_and_body();
            assert_eq!(recognised.sealed.body, body, "{name}: the body is forwarded as it was judged");
            ("call".to_owned(), pretty(&call(&recognised)))
        }
        Err(malformed) => {
            let reply = refuse(&malformed.speech, &refusal(&malformed));
            let body: serde_json::Value = serde_json::from_slice(&reply.body).expect("json");
            (format!("refused {} {}", reply.status.as_u16(), malformed.flaw.code()), pretty(&body))
        }
    }
}

/// What the agent gets of the upstream's answer: pushed whole, and byte by byte, which must be the same.
fn expected_of_answer(name: &str, conversation: &Conversation) -> (String, String) {
    let whole = answered(name, conversation, usize::MAX);
    assert_eq!(answered(name, conversation, 1), whole, "{name}: byte by byte");
    whole
}

fn answered(name: &str, conversation: &Conversation, chunk: usize) -> (String, String) {
    let call = recognised(name, conversation).expect("a call");
    let pointers = |directive| -> Vec<Pointer> {
        conversation.directive(directive).split_whitespace().map(|pointer| Pointer::parse(pointer).expect("pointer")).collect()
    };
    let redact = pointers("redact");
    let hidden = conversation.directive("hide");
    let (status, mut map, body) = conversation.upstream();
    let mut reading = Reading::of(&call, redact, !hidden.is_empty(), 10_000);
    let id = if conversation.directive("id") == "shared" { Id::Shared } else { Id::Own };
    reading.earlier(Earlier { places: pointers("earlier").into(), id });
    let broken = |broken: crate::Broken| (format!("broken {}", broken.code()), broken.to_string());
    let mut answer = match Answer::begin(reading, status, &mut map) {
        Ok(answer) => answer,
        Err(why) => return broken(why),
    };
    let mut sent = Vec::new();
    for chunk in body.chunks(chunk.min(body.len()).max(1)) {
        if let Err(why) = answer.push(bytes::Bytes::copy_from_slice(chunk)).and_then(|()| drain(&mut answer, hidden, &mut sent)) {
            return broken(why);
        }
    }
    answer.finish();
    if let Err(why) = drain(&mut answer, hidden, &mut sent) {
        return broken(why);
    }
    assert_eq!(answer.seen().changed, sent != body, "{name}: what is not changed is passed as it came");
    let learnt = serde_json::json!({"status": status.as_u16(), "headers": headers(&map), "seen": format!("{:?}", answer.seen())});
    ("agent".to_owned(), format!("{}\n\n{}", pretty(&learnt), String::from_utf8(sent).expect("utf-8")))
}

fn drain(answer: &mut Answer, hidden: &str, sent: &mut Vec<u8>) -> Result<(), crate::Broken> {
    loop {
        match answer.step()? {
            Step::Send(bytes) => sent.extend_from_slice(&bytes),
            Step::Visible(tools) => answer.keep(&tools.iter().map(|tool| tool.name().as_deref() != Some(hidden)).collect::<Vec<_>>())?,
            Step::More | Step::Done => return Ok(()),
        }
    }
}

#[test]
fn every_conversation_goes_as_it_is_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/wire");
    let mut paths: Vec<_> = std::fs::read_dir(&folder).expect("fixtures").map(|entry| entry.expect("entry").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "txt"));
    paths.sort();
    let (mut codes, mut wrong) = (String::new(), Vec::new());
    for path in &paths {
        let name = path.file_stem().and_then(|name| name.to_str()).expect("name");
        let text = std::fs::read_to_string(path).expect("fixture");
        let conversation = Conversation::parse(&text);
        let expected = if conversation.has_upstream() {
            let (title, body) = expected_of_answer(name, &conversation);
            assert_eq!(name.ends_with("_broken"), title.starts_with("broken"), "{name}: {title}");
            (title, body)
        } else {
            let (title, body) = expected_of_request(name, &conversation);
            assert_eq!(name.contains("refused"), title.starts_with("refused"), "{name}: {title} {body}");
            (title, body)
        };
        codes.push_str(&expected.0);
        codes.push('\n');
        let written = conversation.with_expected(&expected);
        if written != text && std::env::var_os("UPDATE").is_some() {
            std::fs::write(path, &written).expect("written");
        } else if written != text {
            wrong.push(format!("{name}: expected\n{text}\nfound\n{written}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert!(paths.len() > 150, "{} fixtures", paths.len());
    for flaw in Flaw::ALL {
        assert!(codes.contains(&format!(" {}\n", flaw.code())), "no fixture is refused for {}", flaw.code());
    }
    for broken in ["unreadable", "opaque", "old_transport"] {
        assert!(codes.contains(&format!("broken toolgate.answer.{broken}\n")), "no fixture breaks as {broken}");
    }
}
