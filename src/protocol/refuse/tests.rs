//! Each class of refusal in each protocol, and how much is said.

use super::{Class, Detail, Reason, Refusal, refuse};
use crate::{Asked, Era, Flaw, RequestId, Speech};
use http::StatusCode;

fn refusal(class: Class, detail: Detail) -> Refusal {
    Refusal {
        decision: "0198c0de-0000-7000-8000-000000000001".parse().expect("uuid"),
        class,
        reasons: vec![Reason { code: "files.protected".to_owned(), message: "the file is protected".to_owned() }],
        mode: "PRODUCTION".to_owned(),
        detail,
        ask: Some("toolgate permission sign".to_owned()),
        arguments_digest: Some("hmac-sha256:00".to_owned()),
    }
}

fn mcp(era: Era, asked: Asked) -> Speech {
    Speech::Mcp { era, asked }
}

fn body(speech: &Speech, refusal: &Refusal) -> (StatusCode, http::HeaderMap, serde_json::Value) {
    let reply = refuse(speech, refusal);
    (reply.status, reply.headers, serde_json::from_slice(&reply.body).expect("json"))
}

#[test]
fn each_class_is_said_in_the_callers_protocol() {
    let (tool, request) = (|| Asked::ToolCall(RequestId::Int(7)), || Asked::Request(RequestId::Text("a".to_owned())));
    let unavailable = Class::Unavailable { retry_after_seconds: 3 };
    for (speech, class, status, code, id) in [
        (mcp(Era::Sessions, tool()), Class::Policy, 200, None, "7"),
        (mcp(Era::Sessions, tool()), Class::Unidentified, 401, Some(1403), "7"),
        (mcp(Era::Sessions, tool()), unavailable, 503, Some(1503), "7"),
        (mcp(Era::Sessions, tool()), Class::Malformed(Flaw::Params), 400, Some(-32602), "7"),
        (mcp(Era::Sessions, tool()), Class::Upstream(StatusCode::GATEWAY_TIMEOUT), 504, Some(1503), "7"),
        (mcp(Era::Sessions, request()), Class::Policy, 200, Some(1403), "\"a\""),
        (mcp(Era::Stateless, request()), unavailable, 503, Some(1503), "\"a\""),
        (mcp(Era::Sessions, Asked::Nothing), Class::Policy, 403, Some(1403), "null"),
        (mcp(Era::Stateless, Asked::Nothing), Class::Policy, 403, Some(1403), "absent"),
        (Speech::Http, Class::Policy, 403, None, "absent"),
        (Speech::Http, unavailable, 503, None, "absent"),
        (Speech::Http, Class::Unidentified, 401, None, "absent"),
        (Speech::Http, Class::Malformed(Flaw::ContentType), 415, None, "absent"),
    ] {
        let (found, headers, body) = body(&speech, &refusal(class, Detail::Full));
        let what = format!("{speech:?} {class:?}: {body}");
        assert_eq!(found.as_u16(), status, "{what}");
        assert_eq!(body.pointer("/error/code").and_then(serde_json::Value::as_i64), code, "{what}");
        assert_eq!(body.get("id").map_or("absent".to_owned(), serde_json::Value::to_string), id, "{what}");
        assert_eq!(headers["toolgate-decision-id"], "0198c0de-0000-7000-8000-000000000001");
        assert_eq!(headers.get("retry-after").map(|value| value.to_str().expect("ascii")), (status == 503).then_some("3"), "{what}");
        assert_eq!(headers.contains_key("www-authenticate"), status == 401, "{what}");
        let media = if speech == Speech::Http { "application/problem+json" } else { "application/json" };
        assert_eq!(headers["content-type"], media, "{what}");
    }
}

#[test]
fn a_refused_tool_call_is_a_result_that_the_model_can_read() {
    for (era, result_type) in [(Era::Sessions, None), (Era::Stateless, Some("complete"))] {
        let (_, _, body) = body(&mcp(era, Asked::ToolCall(RequestId::Int(1))), &refusal(Class::Policy, Detail::Full));
        assert_eq!(body["result"]["isError"], true);
        assert_eq!(body["result"].get("resultType").and_then(serde_json::Value::as_str), result_type);
        let text = "toolgate refused this call: the file is protected (files.protected). \
                    Decision 0198c0de-0000-7000-8000-000000000001. A person may let it through once: toolgate permission sign";
        assert_eq!(body["result"]["content"], serde_json::json!([{"type": "text", "text": text}]));
        assert_eq!(
            body["result"]["_meta"]["dev.toolgate/decision"],
            serde_json::json!({
                "decision_id": "0198c0de-0000-7000-8000-000000000001", "mode": "PRODUCTION", "arguments_digest": "hmac-sha256:00",
                "ask": "toolgate permission sign", "reasons": [{"code": "files.protected", "message": "the file is protected"}],
            })
        );
    }
}

#[test]
fn detail_says_how_much_is_said() {
    for (detail, said, unsaid) in [
        (Detail::Full, &["files.protected", "the file is protected", "PRODUCTION", "hmac-sha256:00", "A person"][..], &[][..]),
        (Detail::Code, &["files.protected", "PRODUCTION", "hmac-sha256:00", "A person"], &["the file is protected"]),
        (Detail::None, &["0198c0de"], &["files.protected", "the file is protected", "PRODUCTION", "hmac-sha256:00", "A person"]),
    ] {
        for speech in [Speech::Http, mcp(Era::Sessions, Asked::ToolCall(RequestId::Int(1))), mcp(Era::Sessions, Asked::Nothing)] {
            let reply = refuse(&speech, &refusal(Class::Policy, detail));
            let body = String::from_utf8(reply.body.to_vec()).expect("utf-8");
            assert!(said.iter().all(|text| body.contains(text)), "{detail:?} {body}");
            assert!(unsaid.iter().all(|text| !body.contains(text)), "{detail:?} {body}");
        }
    }
}

#[test]
fn a_method_that_is_not_served_names_those_that_are() {
    for (era, allowed) in [(Era::Sessions, "GET, POST, DELETE"), (Era::Stateless, "POST")] {
        let (_, headers, _) = body(&mcp(era, Asked::Nothing), &refusal(Class::Malformed(Flaw::Method), Detail::Full));
        assert_eq!(headers["allow"], allowed);
    }
}
