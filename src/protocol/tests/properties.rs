//! What holds for every request and every answer.

use super::{Answer, Limits, Reading, Speaks, Step, Tree, drain};
use crate::{Earlier, Head, McpRoute, ToolCall, recognise};
use bytes::Bytes;
use canon::json::{Json, Pointer};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header};
use proptest::prelude::*;

fn route() -> Speaks {
    Speaks::Mcp(McpRoute { path: "/mcp".to_owned() })
}

fn head(method: Method, extra: &[(HeaderName, String)]) -> Head {
    let mut headers = HeaderMap::new();
    headers.insert(header::HOST, HeaderValue::from_static("tools.example"));
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::ACCEPT, HeaderValue::from_static("text/event-stream"));
    for (name, value) in extra {
        headers.append(name, HeaderValue::from_str(value).expect("value"));
    }
    Head { method, uri: "/mcp".parse().expect("uri"), headers, version: Version::HTTP_11 }
}

fn call(body: &str) -> ToolCall<Json> {
    recognise::<Tree>(&head(Method::POST, &[]), Bytes::copy_from_slice(body.as_bytes()), &route(), &Limits::default()).expect(body)
}

fn stream() -> ToolCall<Json> {
    recognise::<Tree>(&head(Method::GET, &[]), Bytes::new(), &route(), &Limits::default()).expect("stream")
}

/// JSON in which toolgate's own names stand in many spellings.
fn json() -> impl Strategy<Value = String> {
    let key = prop_oneof![
        Just("\"dev.toolgate/x\"".to_owned()),
        Just("\"\\u0064ev.toolgate\\/y\"".to_owned()),
        Just("\"DEV.Toolgate/z\"".to_owned()),
        Just("\"_meta\"".to_owned()),
        Just("\"result\"".to_owned()),
        Just("\"tools\" ".to_owned()),
        Just("\"a\\\\\"".to_owned()),
        "\"[b-z]{1,3}\"",
    ];
    let leaf = prop_oneof![
        Just("\"dev.toolgate/x\"".to_owned()),
        Just("\"\\ud800 \\\"dev.toolgate/x\\\":1\"".to_owned()),
        Just("9007199254740993".to_owned()),
        Just("1.0".to_owned()),
        Just("null".to_owned()),
    ];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(", "))),
            prop::collection::btree_map(key.clone(), inner, 0..4).prop_map(|members| {
                let members: Vec<_> = members.iter().map(|(key, member)| format!("{key}: {member}")).collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    })
}

fn reserved(value: &serde_json::Value) -> bool {
    match value {
        serde_json::Value::Array(items) => items.iter().any(reserved),
        serde_json::Value::Object(members) => {
            members.iter().any(|(key, member)| key.to_lowercase().starts_with("dev.toolgate/") || reserved(member))
        }
        serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::Number(_) | serde_json::Value::String(_) => false,
    }
}

/// Lone surrogates, which serde_json does not read, stand only inside values here.
fn read(text: &str) -> serde_json::Value {
    serde_json::from_str(&text.replace("\\ud800", "?")).expect(text)
}

fn passed(reading: Reading, content_type: &'static str, body: &[u8], cuts: &[usize]) -> Result<Vec<u8>, crate::Broken> {
    let mut headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(content_type))]);
    let mut answer = Answer::begin(reading, StatusCode::OK, &mut headers)?;
    let (mut sent, mut rest) = (Vec::new(), body);
    for cut in cuts {
        let (chunk, tail) = rest.split_at(*cut % (rest.len() + 1));
        answer.push(Bytes::copy_from_slice(chunk))?;
        drain(&mut answer, "hidden", &mut sent)?;
        rest = tail;
    }
    answer.push(Bytes::copy_from_slice(rest))?;
    answer.finish();
    drain(&mut answer, "hidden", &mut sent)?;
    assert_eq!(answer.step()?, Step::Done);
    assert_eq!(answer.seen().bytes, u64::try_from(body.len()).expect("small"));
    Ok(sent)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn what_is_accepted_is_forwarded_byte_for_byte(
        space in "[ \t\r\n]{0,3}",
        name in "[a-z\u{e4}]{1,5}",
        arguments in json(),
        names in prop::collection::vec("(toolgate|x-forwarded|mcp-param|x)-[a-z]{1,8}", 0..4),
    ) {
        let body = format!("{space}{{\"jsonrpc\":\"2.0\",{space}\"id\":1,\"method\":\"tools/call\",\"params\":{{\"name\":\"{name}\",\"arguments\":{{\"a\":{arguments}}}}}}}{space}");
        let extra: Vec<_> = names.iter().map(|name| (name.parse().expect("name"), "v".to_owned())).collect();
        let body = Bytes::from(body);
        let Ok(call) = recognise::<Tree>(&head(Method::POST, &extra), body.clone(), &route(), &Limits::default()) else { return Ok(()) };
        prop_assert_eq!(call.tool.as_deref(), Some(name.as_str()));
        let sealed = call.into_sealed();
        prop_assert_eq!(sealed.body, body);
        prop_assert_eq!(sealed.path_and_query.as_str(), "/mcp");
        prop_assert!(sealed.headers.keys().all(|name| !name.as_str().starts_with("toolgate-") && !name.as_str().starts_with("x-forwarded-")));
        let kept = names.iter().filter(|name| name.starts_with("mcp-param-") || name.starts_with("x-") && !name.starts_with("x-forwarded-"));
        prop_assert!(kept.into_iter().all(|name| sealed.headers.contains_key(name.as_str())));
    }

    #[test]
    fn no_request_makes_it_panic(body in prop::collection::vec(any::<u8>(), 0..200), text in ".{0,60}", path in "/[!-~]{0,20}") {
        let limits = Limits::default();
        for body in [body, format!("{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"{text}\",\"params\":{text}}}").into_bytes()] {
            let _ = recognise::<Tree>(&head(Method::POST, &[]), body.into(), &route(), &limits);
        }
        if let Ok(uri) = path.parse() {
            let routes = crate::HttpRoutes::parse([("GET", "/{a}/{b}", "t")]).expect("routes");
            let head = Head { uri, ..head(Method::GET, &[]) };
            if let Ok(call) = recognise::<Tree>(&head, Bytes::new(), &Speaks::Http(routes), &limits) {
                prop_assert_eq!(call.tool.is_some(), call.path.split('/').filter(|segment| !segment.is_empty()).count() == 2);
            }
        }
    }

    #[test]
    fn toolgates_own_names_come_from_nobody_else(
        messages in prop::collection::vec(json(), 1..4),
        end in prop_oneof![Just("\n"), Just("\r\n")],
        cuts in prop::collection::vec(0..50_usize, 0..6),
    ) {
        let reading = || Reading::of(&call("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}"), Vec::new(), true, 100_000);
        let message = &messages[0];
        let sent = String::from_utf8(passed(reading(), "application/json", message.as_bytes(), &cuts).expect("readable")).expect("utf-8");
        prop_assert!(!reserved(&read(&sent)), "{}", sent);
        if !reserved(&read(message)) {
            prop_assert_eq!(&sent, message);
        }
        let events: String = messages.iter().enumerate().map(|(id, message)| format!("data: {message}{end}id: {id}{end}{end}")).collect();
        let sent = String::from_utf8(passed(reading(), "text/event-stream", events.as_bytes(), &cuts).expect("readable")).expect("utf-8");
        prop_assert_eq!(&sent, &String::from_utf8(passed(reading(), "text/event-stream", events.as_bytes(), &[]).expect("readable")).expect("utf-8"));
        let data: Vec<&str> = sent.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
        prop_assert_eq!(data.len(), messages.len());
        for (data, message) in data.iter().zip(&messages) {
            prop_assert!(!reserved(&read(data)));
            if !reserved(&read(message)) {
                prop_assert_eq!(data, message);
            }
        }
    }

    #[test]
    fn a_stream_passes_however_it_is_cut_and_no_line_ends_in_a_carriage_return_alone(
        pieces in prop::collection::vec(prop_oneof![
            Just("\n"), Just("\r"), Just("\r\n"), Just("data: {\"a\":1}"), Just("data"), Just("data:x"), Just(": ping"), Just("id: 1"),
            Just("event: message"), Just("\u{feff}"), Just("retry: 5"), Just("\n\n"),
            Just("\u{2028}"), Just("\u{85}"), Just("\u{b}"),
        ], 0..30),
        cuts in prop::collection::vec(0..40_usize, 0..10),
    ) {
        let body = pieces.concat();
        let sent = passed(Reading::of(&stream(), Vec::new(), true, 10_000), "text/event-stream", body.as_bytes(), &cuts).expect("passes");
        let expected = body.replace("\r\n", "\0").replace('\r', "\n").replace('\0', "\r\n");
        prop_assert_eq!(String::from_utf8_lossy(&sent), expected);
    }
}

#[test]
fn every_client_reads_the_lines_that_were_read() {
    let redacted = |body: &str, cuts: &[usize]| {
        let reading = Reading::of(&stream(), vec![Pointer::parse("/a").expect("pointer")], true, 10_000);
        String::from_utf8(passed(reading, "text/event-stream", body.as_bytes(), cuts).expect("passes")).expect("utf-8")
    };
    for cuts in [&[][..], &[1; 99], &[36, 1, 1]] {
        // A reader that knows no carriage return takes all of this for one message.
        let hidden = "data: {\"id\":1,\"result\"\r\r:{\"a\":\"secret\"}}\n\n";
        assert_eq!(redacted(hidden, cuts), hidden.replace('\r', "\n"));
        let parted = "data: {\"id\":1,\rdata: \"result\":{\"a\":\"secret\"}}\r\r";
        assert_eq!(redacted(parted, cuts), "data: {\"id\":1,\"result\":{\"a\":\"[redacted]\"}}\n\n");
        // What Unicode calls the end of a line is none here: it is inside the message.
        let inside = "data: {\"id\":1,\"result\":{\"a\":\"x\u{2028}\u{2028}data: y\",\"b\":\"\u{85}\"}}\n\n";
        assert_eq!(redacted(inside, cuts), "data: {\"id\":1,\"result\":{\"a\":\"[redacted]\",\"b\":\"\u{85}\"}}\n\n");
    }
}

#[test]
fn what_is_redacted_meanwhile_is_so_on_an_open_stream() {
    let mut headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"))]);
    let mut answer = Answer::begin(Reading::of(&stream(), Vec::new(), false, 1000), StatusCode::OK, &mut headers).expect("begun");
    for (places, passes) in [(vec![], "1"), (vec![Pointer::parse("/a").expect("pointer")], "\"[redacted]\"")] {
        answer.earlier(Earlier { places: places.into(), ..Earlier::default() });
        answer.push(Bytes::from_static(b"data: {\"id\":1,\"result\":{\"a\":1}}\n\n")).expect("short");
        let expected = format!("data: {{\"id\":1,\"result\":{{\"a\":{passes}}}}}\n\n");
        assert_eq!(answer.step(), Ok(Step::Send(expected.into())));
    }
}

#[test]
fn the_limit_is_of_what_must_be_read() {
    let redact = || vec![Pointer::parse("/a").expect("pointer")];
    let ping = call("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}");
    let reading = || Reading::of(&ping, redact(), false, 20);
    let body = |length: usize| format!("{{\"b\":\"{}\"}}", "x".repeat(length - 8));
    assert!(passed(reading(), "application/json", body(20).as_bytes(), &[]).is_ok());
    let long = crate::Broken::TooLong { bytes_max: 20 };
    assert_eq!(passed(reading(), "application/json", body(21).as_bytes(), &[]), Err(long.clone()));
    let event = format!("data: {}\n\n", body(10)).repeat(9);
    assert!(passed(reading(), "text/event-stream", event.as_bytes(), &[7, 7, 7]).is_ok());
    assert_eq!(passed(reading(), "text/event-stream", format!("data: {}", body(30)).as_bytes(), &[30, 30]), Err(long));
    assert!(passed(reading(), "text/html", &[b'x'; 100], &[]).is_err_and(|why| matches!(why, crate::Broken::Opaque(_))));
}

#[test]
fn each_tool_must_be_told() {
    let list = call("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}");
    for (keep, told) in [(vec![true], false), (vec![true, false, true], false), (vec![], false), (vec![true, false], true)] {
        let mut headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
        let mut answer = Answer::begin(Reading::of(&list, Vec::new(), true, 1000), StatusCode::OK, &mut headers).expect("begun");
        answer.push(Bytes::from_static(b"{\"result\":{\"tools\":[{\"name\":\"a\",\"n\":1e400},{}]}}")).expect("short");
        answer.finish();
        let Step::Visible(tools) = answer.step().expect("asks") else { panic!("asks") };
        assert_eq!(tools.iter().map(crate::Offered::name).collect::<Vec<_>>(), [Some("a".to_owned()), None]);
        assert_eq!(super::plain(&tools[0].definition::<Tree>()), serde_json::json!({"name": "a", "n": f64::MAX}));
        assert_eq!(answer.keep(&keep).is_ok(), told, "{keep:?}");
    }
}
