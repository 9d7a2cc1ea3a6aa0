//! Which headers of an answer pass: those of one connection go no further (RFC 9110 section 7.6.1), nor do any that look like
//! toolgate's own. The headers of a request are `protocol`'s.

use http::header::{self, HeaderMap, HeaderName};

const OF_THE_CONNECTION: [HeaderName; 5] = [
    header::TRANSFER_ENCODING,
    header::TRAILER,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

const OURS: &str = "toolgate-";

pub(crate) fn answered(headers: &mut HeaderMap) {
    if headers.contains_key(header::CONNECTION) {
        let values = headers.get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
        let named: Vec<HeaderName> = values.flat_map(|value| value.split(',')).filter_map(|name| name.trim().parse().ok()).collect();
        for name in named {
            headers.remove(name);
        }
        headers.remove(header::CONNECTION);
    }
    for name in &OF_THE_CONNECTION {
        headers.remove(name);
    }
    let ours: Vec<HeaderName> = headers.keys().filter(|name| name.as_str().starts_with(OURS)).cloned().collect();
    for name in ours {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::answered;
    use http::{HeaderMap, HeaderName};

    #[test]
    fn what_passes() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "keep-alive, X-Named"),
            ("connection", "close"),
            ("x-named", "1"),
            ("keep-alive", "timeout=5"),
            ("transfer-encoding", "chunked"),
            ("toolgate-mode", "LOCAL"),
            ("toolgate-decision-id", "forged"),
            ("content-length", "3"),
            ("mcp-session-id", "s"),
        ] {
            headers.append(HeaderName::from_static(name), value.parse().unwrap());
        }
        answered(&mut headers);
        let mut names: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["content-length", "mcp-session-id"]);
    }
}
