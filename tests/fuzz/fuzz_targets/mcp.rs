//! MCP: a message that is recognised is forwarded as it was judged, and an answer never carries toolgate's own names.
#![no_main]

use bytes::Bytes;
use canon::json::{Json, Tree};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Version, header};
use libfuzzer_sys::fuzz_target;
use protocol::{Answer, Head, Limits, McpRoute, Reading, Speaks, Step, ToolCall, recognise};

fn call(body: &[u8]) -> Option<ToolCall<Json>> {
    let mut headers = HeaderMap::new();
    headers.insert(header::HOST, HeaderValue::from_static("tools.example"));
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let head = Head { method: Method::POST, uri: "/mcp".parse().expect("a path"), headers, version: Version::HTTP_11 };
    let speaks = Speaks::Mcp(McpRoute { path: "/mcp".to_owned() });
    recognise::<Tree>(&head, Bytes::copy_from_slice(body), &speaks, &Limits::default()).ok()
}

/// What the agent gets, or none if the answer was cut.
fn answered(call: &ToolCall<Json>, media: &'static str, body: &[u8], chunk: usize) -> Option<Vec<u8>> {
    let mut headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(media))]);
    let mut answer = Answer::begin(Reading::of(call, Vec::new(), true, 1 << 20), StatusCode::OK, &mut headers).ok()?;
    let (mut sent, mut chunks) = (Vec::new(), body.chunks(chunk.max(1)));
    loop {
        match answer.step().ok()? {
            Step::Send(bytes) => sent.extend_from_slice(&bytes),
            Step::Visible(tools) => answer.keep(&vec![true; tools.len()]).ok()?,
            Step::More => match chunks.next() {
                Some(chunk) => answer.push(Bytes::copy_from_slice(chunk)).ok()?,
                None => answer.finish(),
            },
            Step::Done => return Some(sent),
        }
    }
}

fn reserved(value: &serde_json::Value) -> bool {
    match value {
        serde_json::Value::Array(items) => items.iter().any(reserved),
        serde_json::Value::Object(members) => {
            members.iter().any(|(key, member)| key.to_ascii_lowercase().starts_with(protocol::META_PREFIX) || reserved(member))
        }
        _ => false,
    }
}

fuzz_target!(|body: &[u8]| {
    if let Some(call) = call(body) {
        assert_eq!(call.tool.is_some(), call.method == "tools/call");
        assert_eq!(call.into_sealed().body, body);
    }
    let list = call(br#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#).expect("a call");
    if let Some(sent) = answered(&list, "application/json", body, body.len())
        && let Ok(value) = serde_json::from_slice(&sent)
    {
        assert!(!reserved(&value));
    }
    let sent = answered(&list, "text/event-stream", body, body.len());
    if let (Some(whole), Some(cut)) = (&sent, answered(&list, "text/event-stream", body, 1)) {
        assert_eq!(*whole, cut);
    }
});
