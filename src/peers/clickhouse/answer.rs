//! What an HTTP answer of ClickHouse means. An exception can follow a 200: header, status and body are all looked at.

use super::Error;
use bytes::Bytes;
use canon::text::shown;
use http::response::Parts;

/// A whole, good answer.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Its bytes.
    pub(crate) body: Bytes,
    /// `written_rows` of `X-ClickHouse-Summary`, where it says.
    pub(crate) written_rows: Option<u64>,
}

/// Longest part of an exception's words that is kept, in characters.
const MESSAGE_CHARS_MAX: usize = 600;

/// Reads head and body together.
pub(crate) fn understood(head: &Parts, body: Bytes) -> Result<Answer, Error> {
    let text = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
    let code = text("x-clickhouse-exception-code").and_then(|code| code.parse::<u32>().ok());
    // ClickHouse's marker for an exception that came after the head was sent.
    let late = contains(&body, b"__exception__");
    if head.status.is_success() && code.is_none() && !late {
        return Ok(Answer { body, written_rows: text("x-clickhouse-summary").and_then(written_rows) });
    }
    let message = shown(String::from_utf8_lossy(&body).trim(), MESSAGE_CHARS_MAX);
    Err(Error::Refused { code: code.unwrap_or_default(), message: format!("{message} (HTTP {})", head.status.as_u16()) })
}

fn contains(body: &[u8], marker: &[u8]) -> bool {
    body.windows(marker.len()).any(|window| window == marker)
}

fn written_rows(summary: &str) -> Option<u64> {
    let summary: serde_json::Value = serde_json::from_str(summary).ok()?;
    summary.get("written_rows")?.as_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{Error, understood};
    use bytes::Bytes;
    use http::Response;

    fn check(status: u16, headers: &[(&str, &str)], body: &'static str, expected: Result<Option<u64>, u32>) {
        let mut response = Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        let (head, ()) = response.body(()).unwrap().into_parts();
        let answered = match understood(&head, Bytes::from_static(body.as_bytes())) {
            Ok(answer) => Ok(answer.written_rows),
            Err(Error::Refused { code, .. }) => Err(code),
            Err(other) => panic!("{other}"),
        };
        assert_eq!(answered, expected, "{status} {headers:?} {body}");
    }

    #[test]
    fn an_exception_is_seen_wherever_it_stands() {
        check(200, &[], "Ok", Ok(None));
        check(200, &[("x-clickhouse-summary", r#"{"written_rows":"7"}"#)], "", Ok(Some(7)));
        check(404, &[("x-clickhouse-exception-code", "60")], "no such table", Err(60));
        check(200, &[("x-clickhouse-exception-code", "241")], "memory", Err(241));
        check(200, &[], "1\n__exception__\nCode: 395", Err(0));
        check(503, &[], "", Err(0));
    }
}
