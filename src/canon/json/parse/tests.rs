//! Which documents are accepted, as what, and why the others are not.

use super::super::{Json, Limits, Number, Reason, Tree};
use super::parse;
use proptest::prelude::*;

const SMALL: Limits = Limits { body_bytes_max: 200, depth_max: 3, string_bytes_max: 90, members_max: 40, values_max: 50 };

fn read(body: &[u8]) -> Result<Json, super::Rejected> {
    parse::<Tree>(body, &SMALL)
}

fn refused(body: &[u8], reason: Reason, offset: usize, place: &str) {
    let rejected = read(body).expect_err(&String::from_utf8_lossy(body));
    assert_eq!((rejected.reason, rejected.offset, rejected.place.as_str()), (reason, offset, place), "{}", String::from_utf8_lossy(body));
}

fn long(open: &str, item: impl Fn(usize) -> String, count: usize, close: &str) -> Vec<u8> {
    format!("{open}{}{close}", (0..count).map(item).collect::<Vec<_>>().join(",")).into_bytes()
}

#[test]
fn what_two_parsers_could_read_differently_is_refused() {
    for (body, reason, offset, place) in [
        (&br#"{"a":1,"a":2}"#[..], Reason::DuplicateKey, 12, "/a"),
        (br#"{"x":[0,{"a":1,"\u0061":2}]}"#, Reason::DuplicateKey, 25, "/x/1/a"),
        (br#"{"name":1,"Name":2}"#, Reason::CaseTwinKeys, 18, "/Name"),
        ("{\"k\":1,\"\u{212a}\":2}".as_bytes(), Reason::CaseTwinKeys, 14, "/\u{212a}"),
        ("{\"\u{17f}\":1,\"s\":2}".as_bytes(), Reason::CaseTwinKeys, 13, "/s"),
        ("{\"stra\u{df}e\":1,\"STRA\u{1e9e}E\":2}".as_bytes(), Reason::CaseTwinKeys, 25, "/STRA\u{1e9e}E"),
        (br#"{"$serde_json::private::RawValue":"[1]"}"#, Reason::ReservedKey, 1, ""),
        (br#"{"a":{"$serde_json::private::Number":"12"}}"#, Reason::ReservedKey, 6, "/a"),
        (b"\xef\xbb\xbf{}", Reason::ByteOrderMark, 0, ""),
        (b"\xff\xfe{\0}\0", Reason::NotUtf8, 0, ""),
        (b"[\"\xc0\xaf\"]", Reason::NotUtf8, 2, ""),
        (b"[\"\xed\xa0\x80\"]", Reason::NotUtf8, 2, ""),
        (br#"["\ud800"]"#, Reason::LoneSurrogate, 2, "/0"),
        (br#"["\udc00\ud800"]"#, Reason::LoneSurrogate, 2, "/0"),
        (br#"["\ud800\u0041"]"#, Reason::LoneSurrogate, 2, "/0"),
        (br#"{"\udfff":1}"#, Reason::LoneSurrogate, 2, ""),
        (b"{} {}", Reason::TrailingBytes, 3, ""),
        (b"{}\0", Reason::TrailingBytes, 2, ""),
        (b"1 //", Reason::TrailingBytes, 2, ""),
        (b"[0.1000000000000000055511151231257827]", Reason::InexactNumber, 1, "/0"),
        (b"[1e400]", Reason::InexactNumber, 1, "/0"),
        (b"[-1e400]", Reason::InexactNumber, 1, "/0"),
        (b"[4.9e-324]", Reason::InexactNumber, 1, "/0"),
        (b"[1e-400]", Reason::InexactNumber, 1, "/0"),
        (b"[1e99999999999999999999]", Reason::InexactNumber, 1, "/0"),
        (b"[9007199254740993.5]", Reason::InexactNumber, 1, "/0"),
        (b"[9007199254740993]", Reason::UnsafeInteger, 1, "/0"),
        (b"[9007199254740992]", Reason::UnsafeInteger, 1, "/0"),
        (b"[-9007199254740992]", Reason::UnsafeInteger, 1, "/0"),
        (b"[9007199254740992.0]", Reason::UnsafeInteger, 1, "/0"),
        (b"[1e20]", Reason::UnsafeInteger, 1, "/0"),
        (b"[1000000000000000000000]", Reason::UnsafeInteger, 1, "/0"),
    ] {
        refused(body, reason, offset, place);
    }
}

#[test]
fn what_is_not_json_is_refused() {
    for (body, offset) in [
        ("", 0),
        (" ", 1),
        ("{", 1),
        ("[", 1),
        ("[1,]", 3),
        ("[1 2]", 3),
        ("[,1]", 1),
        ("{\"a\"}", 4),
        ("{\"a\":}", 5),
        ("{\"a\":1,}", 7),
        ("{\"a\":1 \"b\":2}", 7),
        ("{a:1}", 1),
        ("{'a':1}", 1),
        ("[1}", 2),
        ("{\"a\":1]", 6),
        ("]", 0),
        ("tru", 0),
        ("nul", 0),
        ("NaN", 0),
        ("Infinity", 0),
        ("-", 1),
        ("-Infinity", 1),
        ("+1", 0),
        (".5", 0),
        ("1.", 2),
        ("1.e5", 2),
        ("1e", 2),
        ("1e+", 3),
        ("\"", 1),
        ("\"\u{1}\"", 1),
        ("\"a\nb\"", 2),
        ("\"\\x\"", 2),
        ("\"\\u12\"", 3),
        ("\"\\u12g4\"", 3),
        ("\"\\u+123\"", 3),
        ("\"\\", 2),
        ("// c\n1", 0),
        ("\u{a0}1", 0),
    ] {
        let rejected = read(body.as_bytes()).expect_err(body);
        assert_eq!((rejected.reason, rejected.offset), (Reason::Syntax, offset), "{body}");
    }
    for body in ["01", "-01", "1x", "0x10", "truefalse"] {
        assert_eq!(read(body.as_bytes()).expect_err(body).reason, Reason::TrailingBytes, "{body}");
    }
}

#[test]
fn every_limit_is_inclusive() {
    for (over, reason) in [(0, None), (1, Some(Reason::BodyTooLong))] {
        let body = " ".repeat(SMALL.body_bytes_max - 1 + over) + "1";
        assert_eq!(read(body.as_bytes()).err().map(|rejected| rejected.reason), reason);
    }
    for (body, reason) in [
        (b"[[[1]]]".to_vec(), None),
        (b"[[[[]]]]".to_vec(), Some(Reason::TooDeep)),
        (b"[[[{}]]]".to_vec(), Some(Reason::TooDeep)),
        (long("[\"", |_| "a".repeat(90), 1, "\"]"), None),
        (long("[\"", |_| "a".repeat(91), 1, "\"]"), Some(Reason::StringTooLong)),
        (long("[\"", |_| "a".repeat(89) + "\\n", 1, "\"]"), None),
        (long("[\"", |_| "\\n".to_owned() + &"a".repeat(90), 1, "\"]"), Some(Reason::StringTooLong)),
        (long("{\"", |_| "a".repeat(91), 1, "\":1}"), Some(Reason::StringTooLong)),
        (long("[", |_| "1".to_owned(), 40, "]"), None),
        (long("[", |_| "1".to_owned(), 41, "]"), Some(Reason::TooManyValues)),
        (long("[", |_| "[1,1]".to_owned(), 16, "]"), None),
        (long("[", |_| "[1,1]".to_owned(), 17, "]"), Some(Reason::TooManyValues)),
    ] {
        assert_eq!(read(&body).err().map(|rejected| rejected.reason), reason, "{}", String::from_utf8_lossy(&body));
    }
    let deep = "[".repeat(1_000_000);
    let limits = Limits { body_bytes_max: usize::MAX, depth_max: usize::MAX, values_max: usize::MAX, ..SMALL };
    assert_eq!(parse::<Tree>(deep.as_bytes(), &limits).expect_err("open").reason, Reason::Syntax);
}

#[test]
fn twins_are_found_among_many_keys() {
    for count in [2, 15, 16, 17, 18, 30] {
        let key = |at: usize| {
            format!(
                "\"{}\":0",
                char::from_u32(0x61 + u32::try_from(at % 26).expect("small")).expect("letter").to_string().repeat(1 + at / 26)
            )
        };
        let plain = long("{", key, count, "}");
        assert!(read(&plain).is_ok(), "{count}");
        for (last, reason) in [("\"a\":0", Reason::DuplicateKey), ("\"A\":0", Reason::CaseTwinKeys)] {
            let body = long("{", |at| if at == count { last.to_owned() } else { key(at) }, count + 1, "}");
            assert_eq!(read(&body).expect_err("twin").reason, reason, "{count}");
        }
    }
}

#[test]
fn numbers_are_read_by_value() {
    for (token, expected) in [
        ("0", Number::Int(0)),
        ("-0", Number::Int(0)),
        ("-0.0", Number::Int(0)),
        ("0e400", Number::Int(0)),
        ("1.0", Number::Int(1)),
        ("1e2", Number::Int(100)),
        ("120e-1", Number::Int(12)),
        ("-1.5E+1", Number::Int(-15)),
        ("9007199254740991", Number::Int(9_007_199_254_740_991)),
        ("-9007199254740991", Number::Int(-9_007_199_254_740_991)),
        ("0.1", Number::Float(0.1)),
        ("-0.10", Number::Float(-0.1)),
        ("100e-3", Number::Float(0.1)),
        ("1e-7", Number::Float(1e-7)),
        ("5e-324", Number::Float(5e-324)),
        ("6.02214076e23", Number::Float(6.022_140_76e23)),
        ("1e21", Number::Float(1e21)),
        ("1.7976931348623157e308", Number::Float(f64::MAX)),
        ("2.2250738585072014e-308", Number::Float(f64::MIN_POSITIVE)),
    ] {
        assert_eq!(read(token.as_bytes()), Ok(Json::Number(expected)), "{token}");
    }
}

#[test]
fn strings_are_unescaped() {
    for (token, expected) in [
        (r#""""#, ""),
        (r#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{c}\n\r\t"),
        (r#""a\u00e4\ud83d\ude00z""#, "a\u{e4}\u{1f600}z"),
        (r#""\u0000\uD83D\uDE00""#, "\0\u{1f600}"),
        (r#""\ud800\udc00\udbff\udfff\ud7ff\ue000""#, "\u{10000}\u{10ffff}\u{d7ff}\u{e000}"),
        ("\"\u{7f}\u{2028}\"", "\u{7f}\u{2028}"),
    ] {
        assert_eq!(read(token.as_bytes()), Ok(Json::String(expected.to_owned())), "{token}");
    }
}

/// A value of ours as serde_json's; numbers by value.
fn theirs(value: &Json) -> serde_json::Value {
    match value {
        Json::Null => serde_json::Value::Null,
        Json::Bool(value) => (*value).into(),
        Json::Number(Number::Int(value)) => (*value).into(),
        Json::Number(Number::Float(value)) => (*value).into(),
        Json::String(value) => value.as_str().into(),
        Json::Array(items) => items.iter().map(theirs).collect(),
        Json::Object(members) => serde_json::Value::Object(members.iter().map(|(key, member)| (key.clone(), theirs(member))).collect()),
    }
}

/// Whole numbers in one form, as JSON knows no other difference.
fn plain(value: serde_json::Value) -> serde_json::Value {
    match value {
        serde_json::Value::Number(number) => match number.as_f64() {
            #[expect(clippy::cast_possible_truncation, reason = "the value is an integer below 2^53")]
            Some(whole) if whole.fract() == 0.0 && whole.abs() < 9_007_199_254_740_992.0 => (whole as i64).into(),
            Some(_) | None => serde_json::Value::Number(number),
        },
        serde_json::Value::Array(items) => items.into_iter().map(plain).collect(),
        serde_json::Value::Object(members) => {
            serde_json::Value::Object(members.into_iter().map(|(key, member)| (key, plain(member))).collect())
        }
        value @ (serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::String(_)) => value,
    }
}

/// JSON-like text: mostly near the edge of what is accepted.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[\\[\\]{},: ]{1,3}",
        "\"[a-cA-C\\\\u0-9/]{0,6}\"",
        "-?[0-9]{1,17}(\\.[0-9]{1,4})?([eE][+-]?[0-9]{1,3})?",
        Just("\"a\":".to_owned()),
        Just("{\"a\":[1,".to_owned()),
        Just("null".to_owned()),
        Just("true".to_owned()),
        "\\PC{0,2}",
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

fn value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        (-9_007_199_254_740_991..=9_007_199_254_740_991_i64).prop_map(Into::into),
        prop::num::f64::NORMAL.prop_map(Into::into),
        ".{0,8}".prop_map(serde_json::Value::from),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
            prop::collection::btree_map("[a-z\u{e000}-\u{ffff}\u{10000}-\u{10ffff}]{0,3}", inner, 0..5)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn what_is_accepted_is_what_serde_json_reads(text in text()) {
        if let Ok(ours) = parse::<Tree>(text.as_bytes(), &Limits::default()) {
            let read: serde_json::Value = serde_json::from_str(&text).expect("accepted");
            prop_assert_eq!(plain(theirs(&ours)), plain(read));
        }
    }

    #[test]
    fn what_serde_json_writes_is_read_and_canonical_as_serde_jcs_says(value in value()) {
        let written = serde_json::to_vec(&value).expect("written");
        match parse::<Tree>(&written, &Limits::default()) {
            Err(rejected) => prop_assert!(matches!(rejected.reason, Reason::CaseTwinKeys | Reason::UnsafeInteger), "{}", rejected),
            Ok(ours) => {
                let mut canonical = Vec::new();
                super::super::canonical::<Tree>(&ours, &mut canonical);
                prop_assert_eq!(String::from_utf8(canonical.clone()).ok(), serde_jcs::to_string(&value).ok());
                let again = parse::<Tree>(&canonical, &Limits::default()).expect("canonical is accepted");
                let mut twice = Vec::new();
                super::super::canonical::<Tree>(&again, &mut twice);
                prop_assert_eq!(canonical, twice);
            }
        }
    }

    #[test]
    fn what_has_few_digits_is_exact_and_its_neighbours_are_not(digits in 1..1_000_000_000_000_000_i64, exponent in -314..293_i32) {
        let token = format!("{digits}e{exponent}");
        let canonical = |token: &str| parse::<Tree>(token.as_bytes(), &Limits::default()).map(|value| {
            let mut out = Vec::new();
            super::super::canonical::<Tree>(&value, &mut out);
            String::from_utf8(out).expect("utf-8")
        });
        match canonical(&token) {
            Ok(text) => prop_assert_eq!(text, serde_jcs::to_string(&token.parse::<f64>().expect("a number")).expect("finite")),
            Err(rejected) => prop_assert_eq!(rejected.reason, Reason::UnsafeInteger),
        }
        let longer = format!("{digits}.00000000000000000001e{exponent}");
        prop_assert_eq!(canonical(&longer).expect_err("inexact").reason, Reason::InexactNumber);
    }

    #[test]
    fn a_double_is_spelled_as_serde_jcs_spells_it(bits in any::<u64>()) {
        let value = f64::from_bits(bits);
        prop_assume!(value.is_finite());
        let mut ours = Vec::new();
        super::super::number::write(Number::Float(value), &mut ours);
        prop_assert_eq!(String::from_utf8(ours).ok(), serde_jcs::to_string(&value).ok());
    }
}
