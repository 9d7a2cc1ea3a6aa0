//! Which places of a call's answer the agent does not get: the policy's of this call, and where an answer may be an earlier call's, those of
//! all.

use crate::service::Redacted;
use canon::json::Pointer;
use policy::{Decision, Obligation, Value};
use protocol::{Kind, ToolCall};
use std::sync::Arc;

/// The places of the result that the policy wants redacted.
pub(super) fn own(decision: &Decision) -> Vec<Pointer> {
    let places = decision.obligations.iter().flat_map(|obligation| match obligation {
        Obligation::RedactResponse(paths) => paths.as_slice(),
        Obligation::Mask(_) => &[],
    });
    places.cloned().collect()
}

/// The places that are redacted in the answer to `call`, with its own. A stream may replay the answer of an earlier call, and what asks for a
/// task gets it: neither says which call that was, so the places of every earlier one hold.
pub(super) fn of(redacted: &Redacted, upstream: &Arc<str>, call: &ToolCall<Value>, own: &[Pointer]) -> Vec<Pointer> {
    let of_all = call.kind == Kind::Stream || call.method.starts_with("tasks/");
    let mut places = if of_all { redacted.all(upstream) } else { Vec::new() };
    places.extend(own.iter().filter(|place| !places.contains(place)).cloned().collect::<Vec<_>>());
    places
}

#[cfg(test)]
mod tests {
    use super::{of, own};
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
            let own = own(&decision(places));
            let places = of(&redacted, &upstream, &call(Method::POST, &body), &own);
            redacted.put(&upstream, &own);
            places.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(asked("tools/call", &["/a"]), ["/a"]);
        assert_eq!(asked("tools/call", &["/b"]), ["/b"], "its own places alone");
        assert_eq!(asked("ping", &[]), [""; 0]);
        for method in ["tasks/get", "tasks/result", "tasks/update"] {
            assert_eq!(asked(method, &[]), ["/a", "/b"], "{method}");
        }
        let stream = of(&redacted, &upstream, &call(Method::GET, ""), &own(&decision(&["/a", "/c"])));
        assert_eq!(stream.iter().map(ToString::to_string).collect::<Vec<_>>(), ["/a", "/b", "/c"]);
        assert_eq!(redacted.all(&upstream).len(), 2, "what is asked is not yet remembered");
        assert_eq!(of(&redacted, &Arc::from("other"), &call(Method::GET, ""), &[]), []);
    }
}
