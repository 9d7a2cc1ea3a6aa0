//! The digest that a permission names: of everything that says what a call asks for, under a key of the tenant.

use super::input;
use canon::{HmacKey, Keyed};
use http::HeaderName;
use policy::{Rego, Value};
use protocol::{Speech, ToolCall};

/// Of the arguments; of MCP also of what stands beside them in `params`, and of the query, which is no argument and which servers take
/// settings from; of plain HTTP also of method and path: what was signed for one is not for another; of both of the headers that
/// the policy sees. The marks between the parts are in no canonical JSON, no query and no header.
pub(super) fn of(key: &HmacKey, call: &ToolCall<Value>, policy_headers: &[HeaderName]) -> Keyed {
    let mut canonical = Vec::new();
    canon::json::canonical::<Rego>(&call.arguments, &mut canonical);
    if let Some(beside) = &call.beside {
        canonical.push(1);
        canon::json::canonical::<Rego>(beside, &mut canonical);
    }
    if let Some(query) = call.query.as_deref().filter(|_| call.speech != Speech::Http) {
        canonical.push(0);
        canonical.extend_from_slice(query.as_bytes());
    }
    if call.speech == Speech::Http {
        // One tool may stand on several methods and paths, and beside a tool of MCP with the same name.
        for part in [call.method.as_str(), &protocol::decoded_path(&call.path)] {
            canonical.push(2);
            canonical.extend_from_slice(part.as_bytes());
        }
    }
    for (name, values) in input::headers(policy_headers, call) {
        canonical.push(3);
        canonical.extend_from_slice(name.as_bytes());
        for value in values {
            canonical.push(4);
            canonical.extend_from_slice(value.as_bytes());
        }
    }
    key.sign(&[&canonical])
}

#[cfg(test)]
mod tests {
    use super::of;
    use canon::{HmacKey, Keyed};
    use http::{HeaderMap, HeaderName, Method, Version};
    use policy::Rego;
    use protocol::{Head, HttpRoutes, Limits, McpRoute, Speaks, recognise};

    const KEY: [u8; 32] = [7; 32];

    fn digest(uri: &'static str, params: &str) -> Keyed {
        let headers = [("host", "tools"), ("content-type", "application/json")];
        let headers: HeaderMap = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        let head = Head { method: Method::POST, uri: uri.parse().unwrap(), headers, version: Version::HTTP_11 };
        let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"t",{params}}}}}"#);
        let speaks = Speaks::Mcp(McpRoute { path: "/mcp".to_owned() });
        of(&HmacKey::new(KEY), &recognise::<Rego>(&head, body.into(), &speaks, &Limits::default()).unwrap(), &[])
    }

    #[test]
    fn a_digest_is_of_arguments_and_query() {
        let of = |uri: &'static str, arguments: &str| digest(uri, &format!(r#""arguments":{arguments}"#));
        assert_eq!(of("/mcp", r#"{"a":1,"b":2}"#), of("/mcp", r#"{"b":2, "a":1.0}"#));
        assert_ne!(of("/mcp", "{}"), of("/mcp?project=prod", "{}"));
        assert_ne!(of("/mcp?project=test", "{}"), of("/mcp?project=prod", "{}"));
    }

    #[test]
    fn of_plain_http_a_digest_is_of_method_and_path_too() {
        let routes = [("GET", "/h/{id}", "rec"), ("DELETE", "/h/{id}", "rec"), ("GET", "/old/{id}", "rec")];
        let speaks = Speaks::Http(HttpRoutes::parse(routes).unwrap());
        let asked = |method: Method, uri: &'static str| {
            let headers = [("host".parse().unwrap(), "tools".parse().unwrap())].into_iter().collect();
            let head = Head { method, uri: uri.parse().unwrap(), headers, version: Version::HTTP_11 };
            of(&HmacKey::new(KEY), &recognise::<Rego>(&head, bytes::Bytes::new(), &speaks, &Limits::default()).unwrap(), &[])
        };
        let get = asked(Method::GET, "/h/7");
        assert_eq!(get, asked(Method::GET, "/h/%37"), "however it is written");
        assert_ne!(get, asked(Method::DELETE, "/h/7"));
        assert_ne!(get, asked(Method::GET, "/old/7"));
        assert_ne!(get, digest("/mcp", r#""arguments":{"path":{"id":"7"},"query":{},"body":null}"#));
    }

    #[test]
    fn a_digest_is_of_the_headers_that_the_policy_sees() {
        let plain = Speaks::Http(HttpRoutes::parse([("POST", "/mcp", "t")]).unwrap());
        let body = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t"}}"#;
        for speaks in [Speaks::Mcp(McpRoute { path: "/mcp".to_owned() }), plain] {
            let digest = |sent: &[(&str, &str)], seen: &[&str]| {
                let sent = [("host", "tools"), ("content-type", "application/json")].iter().chain(sent);
                let headers: HeaderMap = sent.map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
                let head = Head { method: Method::POST, uri: "/mcp".parse().unwrap(), headers, version: Version::HTTP_11 };
                let seen: Vec<HeaderName> = seen.iter().map(|name| name.parse().unwrap()).collect();
                of(&HmacKey::new(KEY), &recognise::<Rego>(&head, body.into(), &speaks, &Limits::default()).unwrap(), &seen)
            };
            let (dev, both) = ([("x-env", "dev")], ["x-env", "x-team"]);
            assert_eq!(digest(&dev, &[]), digest(&[], &both), "no header that the policy sees: what it was without");
            assert_eq!(digest(&dev, &both), digest(&[("x-other", "1"), ("x-env", "dev")], &["x-team", "x-env"]));
            let others: [&[(&str, &str)]; 6] = [
                &[],
                &dev,
                &[("x-env", "stage")],
                &[("x-team", "dev")],
                &[("x-env", "dev"), ("x-env", "stage")],
                &[("x-env", "dev, stage")],
            ];
            let mut all: Vec<Keyed> = others.iter().map(|sent| digest(sent, &both)).collect();
            all.sort_unstable();
            all.dedup();
            assert_eq!(all.len(), others.len(), "no two are one");
        }
    }

    #[test]
    fn a_digest_is_of_what_stands_beside_the_arguments() {
        let of = |beside: &str| digest("/mcp", &format!(r#""arguments":{{"a":1}}{beside}"#));
        let bare = of("");
        assert_eq!(bare, HmacKey::new(KEY).sign(&[br#"{"a":1}"#]), "alone the arguments are the whole");
        let exchange = r#","_meta":{"progressToken":1,"traceparent":"00-1","tracestate":"a","io.modelcontextprotocol/clientInfo":{"name":"c"},
            "io.modelcontextprotocol/clientCapabilities":{}}"#;
        assert_eq!(bare, of(exchange));
        assert_eq!(bare, of(r#","_meta":{}"#));
        let others = [r#","task":{"ttl":1}"#, r#","task":{"ttl":2}"#, r#","task":{}"#, r#","_meta":{"a/b":1}"#, r#","requestState":"s""#];
        let mut all: Vec<Keyed> = others.iter().map(|beside| of(beside)).chain([bare]).collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), others.len() + 1, "no two are one");
        assert_eq!(of(r#","b":1,"task":{"ttl":1}"#), of(r#","task":{"ttl":1.0}, "b":1,"_meta":{"progressToken":"x"}"#));
    }
}
