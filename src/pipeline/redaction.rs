//! Which places of a call's answer the agent does not get: the policy's of this call, and where an answer may be an earlier call's, those of
//! all. It also says what the journal keeps of them.

use crate::service::Redacted;
use canon::json::Pointer;
use journal::Put;
use policy::{Decision, Obligation, Value};
use protocol::{Kind, ToolCall};
use std::sync::Arc;

/// The places of the result that the policy wants redacted. A stream may replay the answer of an earlier call, and what asks for a task gets
/// it: neither says which call that was, so the places of every earlier one hold.
pub(super) fn of(redacted: &Redacted, upstream: &Arc<str>, call: &ToolCall<Value>, decision: &Decision) -> (Vec<Pointer>, Vec<Put>) {
    let places = decision.obligations.iter().flat_map(|obligation| match obligation {
        Obligation::RedactResponse(paths) => paths.as_slice(),
        Obligation::Mask(_) => &[],
    });
    let places: Vec<Pointer> = places.cloned().collect();
    let puts = redacted.put(upstream, &places);
    let of_all = call.kind == Kind::Stream || call.method.starts_with("tasks/");
    (if of_all { redacted.all(upstream) } else { places }, puts)
}

#[cfg(test)]
mod tests {
    use super::of;
    use crate::service::Redacted;
    use canon::json::Pointer;
    use http::{HeaderMap, Method, Version};
    use policy::{Approval, Decision, Obligation, Rego, Value, Verdict};
    use protocol::{Head, Limits, McpRoute, Speaks, ToolCall, recognise};
    use std::sync::Arc;

    fn call(method: Method, body: &str) -> ToolCall<Value> {
        let headers = [("host", "tools"), ("content-type", "application/json"), ("accept", "text/event-stream")];
        let headers: HeaderMap = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        let head = Head { method, uri: "/mcp".parse().unwrap(), headers, version: Version::HTTP_11 };
        let speaks = Speaks::Mcp(McpRoute { path: "/mcp".to_owned() });
        recognise::<Rego>(&head, body.to_owned().into(), &speaks, &Limits::default()).unwrap()
    }

    fn decision(places: &[&str]) -> Decision {
        let places = places.iter().map(|place| Pointer::parse(place).unwrap()).collect();
        Decision {
            verdict: Verdict::Allow,
            reasons: Vec::new(),
            risk: None,
            sensitive: false,
            approval: Approval::NotRequired,
            overridable: true,
            obligations: vec![Obligation::RedactResponse(places)],
        }
    }

    #[test]
    fn what_may_be_the_answer_of_an_earlier_call_is_redacted_like_it() {
        let (redacted, upstream) = (Redacted::default(), Arc::from("files"));
        let asked = |method: &str, places: &[&str]| {
            let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{{"name":"t","taskId":"1"}}}}"#);
            let (places, puts) = of(&redacted, &upstream, &call(Method::POST, &body), &decision(places));
            assert_eq!(puts.len(), usize::from(method == "tools/call"), "what the journal keeps is the call's own");
            places.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(asked("tools/call", &["/a"]), ["/a"]);
        assert_eq!(asked("tools/call", &["/b"]), ["/b"], "its own places alone");
        assert_eq!(asked("ping", &[]), [""; 0]);
        for method in ["tasks/get", "tasks/result", "tasks/update"] {
            assert_eq!(asked(method, &[]), ["/a", "/b"], "{method}");
        }
        let (stream, _) = of(&redacted, &upstream, &call(Method::GET, ""), &decision(&["/c"]));
        assert_eq!(stream.iter().map(ToString::to_string).collect::<Vec<_>>(), ["/a", "/b", "/c"]);
        assert_eq!(of(&redacted, &Arc::from("other"), &call(Method::GET, ""), &decision(&[])), (Vec::new(), Vec::new()));
    }
}
