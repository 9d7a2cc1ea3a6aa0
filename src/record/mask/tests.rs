//! What the mask lets through.

use super::{Mask, MaskLimits};
use canon::json::{Limits, Pointer, Tree, parse};

fn check(pointers: &[&str], names: &[&str], arguments: &str, expected: &str) {
    let pointers = pointers.iter().map(|text| Pointer::parse(text).unwrap()).collect();
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    let mask = Mask::new(pointers, &names, MaskLimits { text_bytes_max: 20, document_bytes_max: 160 });
    let value = parse::<Tree>(arguments.as_bytes(), &Limits::default()).unwrap();
    assert_eq!(mask.arguments::<Tree>(&value, &[Pointer::parse("/also").unwrap()]).json(), expected);
}

#[test]
fn secret_names_are_covered_at_any_depth() {
    for name in [
        "password",
        "dbPassword",
        "PASS-PHRASE",
        "client_secret",
        "access_token",
        "tokens",
        "api-key",
        "API_KEY",
        "private.key",
        "ssh keys",
        "Proxy-Authorization",
        "Set-Cookie",
        "aws_credentials",
        "bearer",
        "Mcp-Param-Region",
        "sig",
        "X-Amz-Signature",
        "session",
        "x-auth-request-user",
        "DPoP",
        "pin",
        "otp",
        "jwt",
        "pwd",
        "DB_PWD",
        "passCode",
        "sid",
        "SAMLResponse",
        "id_token_hint",
        "idtokenhint",
        "client_assertion",
        "token_value",
        "accessTokenRaw",
        "IDTokenHint",
        "token2",
        "My Token.Text",
        "private_key_pem",
        "privateKeyData",
        "privatekey-1",
    ] {
        check(&[], &[], &format!(r#"{{"a":[{{"{name}":{{"deep":"canary"}}}}]}}"#), &format!(r#"{{"a":[{{"{name}":"***"}}]}}"#));
    }
    for all in ["*", "**"] {
        check(&[], &[all], r#"{"a":1}"#, r#"{"a":"***"}"#);
    }
}

#[test]
fn names_that_only_resemble_secret_ones_and_counts_stay() {
    for name in [
        "code",
        "signal",
        "assigned",
        "session_count",
        "author",
        "pwdx",
        "side",
        "x_session_id",
        "mcp-name",
        "client_assertions",
        "tokenizer",
        "tokenize_text",
        "detokenized",
        "betokens_x",
        "my_private",
        "privateer_key_x",
        "cwd",
    ] {
        check(&[], &[], &format!(r#"{{"{name}":"a"}}"#), &format!(r#"{{"{name}":"a"}}"#));
        check(&[], &[], &format!(r#"{{"{name}":1}}"#), &format!(r#"{{"{name}":1}}"#));
    }
    for name in ["max_tokens", "maxTokens", "tokens", "token_count", "use_token_cache", "private_key_bits"] {
        for count in ["512", "true", "null"] {
            check(&[], &[], &format!(r#"{{"{name}":{count}}}"#), &format!(r#"{{"{name}":{count}}}"#));
        }
        check(&[], &[], &format!(r#"{{"{name}":["canary",1]}}"#), &format!(r#"{{"{name}":"***"}}"#));
    }
    check(&[], &[], r#"{"token":123456,"pwd":1,"otp":123456}"#, r#"{"token":"***","pwd":"***","otp":"***"}"#);
    check(&[], &["ssn"], r#"{"SSN":1,"path":"/tmp","spin":2}"#, r#"{"SSN":"***","path":"/tmp","spin":2}"#);
}

#[test]
fn pointed_places_are_covered() {
    check(&["/a/1/b"], &[], r#"{"a":[{"b":1},{"b":2,"c":3}],"also":[4]}"#, r#"{"a":[{"b":1},{"b":"***","c":3}],"also":"***"}"#);
    check(&[""], &[], r#"{"a":1}"#, r#""***""#);
    check(&["/a/b"], &[], r#"{"a":"text"}"#, r#"{"a":"text"}"#);
}

#[test]
fn long_texts_and_documents_are_cut() {
    check(
        &[],
        &[],
        r#"["0123456789abcdef0123rest"]"#,
        &format!(r#"["0123456789abcdef0123{}[4 more bytes, sha256 {}]"]"#, '\u{2026}', canon::Digest::of(&[b"rest"])),
    );
    let many = format!("[{}]", vec!["1234567"; 100].join(","));
    check(&[], &[], &many, &format!("[{},\"[omitted]\"]", vec!["1234567"; 20].join(",")));
    let object = (0..100).map(|n| format!("\"member{n:02}\":{n:02}0").replace(":0", ":1")).collect::<Vec<_>>().join(",");
    let mask = Mask::new(vec![], &[], MaskLimits { text_bytes_max: 16, document_bytes_max: 100 });
    let value = parse::<Tree>(format!("{{{object}}}").as_bytes(), &Limits::default()).unwrap();
    assert!(mask.value::<Tree>(&value).json().ends_with(r#","[omitted]":true}"#));
}

#[test]
fn headers_keep_their_order_and_hide_what_is_secret() {
    let headers: [(&str, &[u8]); 4] =
        [("accept", b"a"), ("authorization", b"Bearer canary"), ("mcp-param-region", b"canary"), ("x-odd", b"\xff\"")];
    assert_eq!(
        Mask::default().headers(headers).json(),
        "[[\"accept\",\"a\"],[\"authorization\",\"***\"],[\"mcp-param-region\",\"***\"],[\"x-odd\",\"\u{fffd}\\\"\"]]"
    );
}

#[test]
fn a_uri_hides_its_secrets_wherever_it_stands() {
    let check = |arguments: &str, expected: &str| {
        let value = parse::<Tree>(arguments.as_bytes(), &Limits::default()).unwrap();
        assert_eq!(Mask::default().value::<Tree>(&value).json(), expected);
    };
    check(r#"{"uri":"https://me:canary@h/a"}"#, r#"{"uri":"https://***@h/a"}"#);
    check(r#"["a+b.c-1://h?token=canary&x=1"]"#, r#"["a+b.c-1://h?token=***&x=1"]"#);
    for text in ["a://h x?token=1", "://h?token=1", "a?token=1"] {
        check(&format!("[\"{text}\"]"), &format!("[\"{text}\"]"));
    }
    let headers: [(&str, &[u8]); 2] = [("referer", b"https://h/?code=canary"), ("code", b"canary")];
    assert_eq!(Mask::default().headers(headers).json(), r#"[["referer","https://h/?code=***"],["code","***"]]"#);
}

#[test]
fn headers_that_say_who_or_what_are_covered() {
    for name in
        ["mcp-name", "X-Session-Id", "x-amzn-oidc-data", "x-amzn-oidc-accesstoken", "cf-access-jwt-assertion", "x-token-data", "sid"]
    {
        assert_eq!(Mask::default().headers([(name, &b"notes://ada/canary"[..])]).json(), format!(r#"[["{name}","***"]]"#));
    }
}

#[test]
fn a_resource_is_covered_where_its_argument_is() {
    let uri = "notes://ada/diary?token=canary";
    let check = |pointers: &[&str], names: &[&str], also: &[&str], expected: &str| {
        let [pointers, also] = [pointers, also].map(|texts| texts.iter().map(|text| Pointer::parse(text).unwrap()).collect::<Vec<_>>());
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(Mask::new(pointers, &names, MaskLimits::default()).resource(uri, &also).json(), expected);
    };
    for (pointers, names, also) in
        [(&["/uri"][..], &[][..], &[][..]), (&[""], &[], &[]), (&[], &["uri"], &[]), (&[], &[], &["/a", "/uri"]), (&[], &[], &[""])]
    {
        check(pointers, names, also, r#""***""#);
    }
    check(&["/uri/a", "/a/uri"], &["uris"], &["/other"], r#""notes://ada/diary?token=***""#);
}

#[test]
fn targets_hide_secret_parameters_and_user_information() {
    for (target, expected) in [
        ("/a/b?x=1&access_token=canary&y", "\"/a/b?x=1&access_token=***&y\""),
        ("/a?code=canary&state=1&sig=canary&zip_code=2", "\"/a?code=***&state=1&sig=***&zip_code=2\""),
        ("/a?pass%77ord=canary", "\"/a?pass%77ord=***\""),
        ("https://me:canary@host/x?%=1&%zz=2", "\"https://***@host/x?%=1&%zz=2\""),
        ("file:///etc/passwd", "\"file:///etc/passwd\""),
    ] {
        assert_eq!(Mask::default().target(target).json(), expected);
    }
    assert_eq!(Mask::default().opaque(b"abc").json().len(), r#"{"bytes":3,"sha256":""}"#.len() + 64);
}
