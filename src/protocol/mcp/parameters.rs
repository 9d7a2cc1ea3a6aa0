//! Headers that repeat arguments (MCP 2026-07-28, streamable HTTP, "Custom Headers from Tool Parameters"): `Mcp-Param-*` must not contradict the body.
//!
//! Which argument a header repeats stands in the tool's own definition, so this asks for one. Knows no cache of definitions.

use super::mirror;
use super::{Era, Fault, Flaw, Malformed};
use crate::call::{Speech, ToolCall};
use canon::{Build, Kind, Number};
use http::HeaderName;

/// Properties in one another that are looked at.
const DEPTH_MAX: usize = 16;

/// Whether every `Mcp-Param-*` header that `definition` knows says what the arguments say. A header that it does not know is passed on
/// and means nothing here; a missing one is the server's to refuse, since a definition may be out of date.
///
/// # Errors
/// A known header whose value differs from its argument's, or whose argument is absent.
pub fn mirrored<B: Build>(call: &ToolCall<B::Value>, definition: &B::Value) -> Result<(), Malformed> {
    let Speech::Mcp { era: Era::Stateless, .. } = call.speech else { return Ok(()) };
    if call.argument_headers.is_empty() {
        return Ok(());
    }
    let Some(schema) = B::get(definition, "inputSchema") else { return Ok(()) };
    let mut fault = Ok(());
    properties::<B>(schema, Some(&call.arguments), DEPTH_MAX, &mut |name, argument| {
        if fault.is_ok() {
            fault = check::<B>(call, name, argument);
        }
    });
    fault.map_err(|fault| fault.to(call.speech.clone()))
}

/// Every annotated property that a chain of `properties` reaches, with its argument.
fn properties<'a, B: Build>(
    schema: &'a B::Value,
    arguments: Option<&'a B::Value>,
    left: usize,
    visit: &mut dyn FnMut(&str, Option<&'a B::Value>),
) {
    let (Some(members), Some(left)) = (B::get(schema, "properties"), left.checked_sub(1)) else { return };
    B::each_member(members, &mut |name, property| {
        let argument = arguments.and_then(|arguments| B::get(arguments, name));
        if let Some(Kind::String(header)) = B::get(property, "x-mcp-header").map(B::kind) {
            visit(header, argument);
        }
        properties::<B>(property, argument, left, visit);
    });
}

fn check<B: Build>(call: &ToolCall<B::Value>, name: &str, argument: Option<&B::Value>) -> Result<(), Fault> {
    let Ok(header) = format!("mcp-param-{name}").to_ascii_lowercase().parse::<HeaderName>() else { return Ok(()) };
    if call.headers().get_all(&header).iter().nth(1).is_some() {
        return Err(Flaw::HeaderMismatch.because(format!("header `{header}` stands twice: send it once")));
    }
    let Some(said) = mirror::value(call.headers(), &header)? else { return Ok(()) };
    let same = match argument.map(B::kind) {
        Some(Kind::String(text)) => said == text,
        Some(Kind::Bool(value)) => said == if value { "true" } else { "false" },
        Some(Kind::Number(Number::Int(value))) => integer(&said) == Some(value),
        Some(Kind::Null | Kind::Number(Number::Float(_)) | Kind::Array | Kind::Object) | None => false,
    };
    if same { Ok(()) } else { Err(Flaw::HeaderMismatch.because(format!("header `{header}` is not what the arguments say"))) }
}

/// The specification compares integers as numbers: `42.0` is 42.
fn integer(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    (!fraction.is_empty() && fraction.bytes().all(|digit| digit == b'0')).then(|| whole.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::{integer, mirrored};
    use crate::{Head, Limits, McpRoute, Speaks, recognise};
    use canon::json::{Json, Tree, parse};

    const DEFINITION: &str = r#"{"name":"q","inputSchema":{"properties":{"region":{"type":"string","x-mcp-header":"Region"},
        "deep":{"properties":{"limit":{"type":"integer","x-mcp-header":"Limit"}}},"sure":{"x-mcp-header":"Sure"}}}}"#;

    fn check(arguments: &str, headers: &[(&str, &str)], expected: bool) {
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"q","arguments":{arguments},
            "_meta":{{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}}}}"#
        );
        let mut request = http::Request::post("http://h/mcp").header("content-type", "application/json");
        let known = [("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/call"), ("mcp-name", "q")];
        for (name, value) in known.iter().chain(headers) {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let head = Head { method: parts.method, uri: parts.uri, headers: parts.headers, version: parts.version };
        let route = Speaks::Mcp(McpRoute { path: "/mcp".to_owned() });
        let call = recognise::<Tree>(&head, body.into_bytes().into(), &route, &Limits::default()).unwrap();
        let definition: Json = parse::<Tree>(DEFINITION.as_bytes(), &canon::json::Limits::default()).unwrap();
        assert_eq!(mirrored::<Tree>(&call, &definition).is_ok(), expected, "{arguments} {headers:?}");
    }

    #[test]
    fn a_header_never_contradicts_its_argument() {
        check(r#"{"region":"eu"}"#, &[("mcp-param-region", "eu")], true);
        check(r#"{"region":"eu"}"#, &[("mcp-param-region", "us")], false);
        check(r#"{"region":"eu"}"#, &[], true);
        check("{}", &[("mcp-param-region", "eu")], false);
        check(r#"{"region":null}"#, &[("mcp-param-region", "null")], false);
        check(r#"{"region":"世"}"#, &[("mcp-param-region", "=?base64?5LiW?=")], true);
        check(r#"{"region":"eu"}"#, &[("mcp-param-region", "=?base64?!?=")], false);
        check(r#"{"region":"eu"}"#, &[("mcp-param-region", "eu"), ("mcp-param-region", "us")], false);
        check(r#"{"deep":{"limit":42}}"#, &[("mcp-param-limit", "42.0")], true);
        check(r#"{"deep":{"limit":42}}"#, &[("mcp-param-limit", "43")], false);
        check(r#"{"sure":true}"#, &[("mcp-param-sure", "true")], true);
        check(r#"{"sure":true}"#, &[("mcp-param-sure", "True")], false);
        check("{}", &[("mcp-param-unknown", "x")], true);
    }

    #[test]
    fn integers_are_compared_as_numbers() {
        for (text, expected) in [("42", Some(42)), ("-7.00", Some(-7)), ("4.5", None), ("4.", None), ("x", None)] {
            assert_eq!(integer(text), expected, "{text}");
        }
    }
}
