//! The repaired functions against what OPA answers.

use super::glob::Glob;
use super::{ANY_ARITY, FORBIDDEN, OWN, Patterns, capabilities, text, time};
use regorus::Value;
use regorus::unstable::BUILTINS;

#[test]
fn globs_match_as_in_opa() {
    for (pattern, separators, text, expected) in [
        ("*.github.com", ".", "api.github.com", true),
        ("*.github.com", ".", "api.cdn.github.com", false),
        ("*:github:com", ":", "api:github:com", true),
        ("srv:*", ":", "srv:a:b", false),
        ("srv:**", ":", "srv:a:b", true),
        ("api.**.com", ".", "api.github.com", true),
        ("api.**.com", ".", "api.cdn.github.com", true),
        ("srv**", "/", "srv1/a/b", true),
        ("*hub.com", "", "api.cdn.github.com", true),
        ("?at", "", "cat", true),
        ("?at", "", "at", false),
        ("?at", "", "\u{e9}at", true),
        ("a?c", ".", "a.c", false),
        ("[abc]at", "", "bat", true),
        ("[abc]at", "", "lat", false),
        ("[!abc]at", "", "cat", false),
        ("[!abc]at", "", "lat", true),
        ("[a-c]at", "", "cat", true),
        ("[!a-c]at", "", "cat", false),
        ("{cat,bat,[fr]at}", "", "rat", true),
        ("{cat,bat,[fr]at}", "", "at", false),
        ("{a,}b", "", "b", true),
        ("{a{b,c},d}e", "", "ace", true),
        ("a\\*b", "", "a*b", true),
        ("a\\*b", "", "axb", false),
        ("a}b,c]", "", "a}b,c]", true),
        ("", "", "", true),
        ("", "", "a", false),
        ("*", "/", "a/b", false),
        ("**", "/", "a/b", true),
        ("*a*b*c", "/", "xaxbxc", true),
        ("*a*/b**c", "/", "xa/bx/yc", true),
        ("**/x", "/", "x", false),
        ("[.]", ".", ".", true),
    ] {
        let glob = Glob::compile(pattern, &separators.chars().collect::<Vec<_>>()).unwrap();
        assert_eq!(glob.matches(text), Ok(expected), "{pattern} {separators:?} {text}");
    }
    for pattern in ["a{b", "[", "[]", "[a", "[b-a]", "[a-zA-Z]", "a\\", "{{{{{{{{{{a}}}}}}}}}}", "{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}"] {
        assert!(Glob::compile(pattern, &[]).is_err(), "{pattern}");
    }
}

#[test]
fn counts_and_replacements_are_those_of_go() {
    let patterns = Patterns::default();
    let count = |text: &str, part: &str| text::count(&[text.into(), part.into()], &patterns).unwrap();
    assert_eq!((count("aaaa", "aa"), count("abc", ""), count("", "a")), (2.into(), 4.into(), 0.into()));
    let pairs = Value::from_json_str(r#"{"a": "b", "b": "c", "bc": "x"}"#).unwrap();
    assert_eq!(text::replace_n(&[pairs, "abc-bc".into()], &patterns), Ok("bcc-cc".into()));
    let print = |format: &str, value: Value| text::sprintf(&[format.into(), vec![value].into()], &patterns);
    assert_eq!(print("%d", (-5_i64).into()), Ok("-5".into()));
    assert!(print("100%% %d%s", 5.into()).is_err());
    assert_eq!(print("%5d|", 5.into()), Ok("    5|".into()));
    assert_eq!(print("%v", "x".into()), Ok("x".into()));
}

#[test]
fn instants_and_numbers_are_read_strictly() {
    let patterns = Patterns::default();
    for (text, good) in [
        ("2026-01-02T03:04:05Z", true),
        ("2026-01-02T03:04:05.5+01:00", true),
        ("2026-01-02 03:04:05Z", false),
        ("2026-01-02T03:04:60Z", false),
        ("2026-01-02t03:04:05z", false),
    ] {
        assert_eq!(time::parse_rfc3339(&[text.into()], &patterns).is_ok(), good, "{text}");
    }
    let local = Value::from(vec![Value::from(0), "Local".into()]);
    assert!(time::clock(&[local], &patterns).is_err());
    for (text, good) in [("1", true), ("-1.5e3", true), (" 1", false), ("1 ", false), ("0x1", false), ("", false)] {
        assert_eq!(super::fences::to_number(&[text.into()], &patterns).is_ok(), good, "{text}");
    }
}

#[test]
fn what_a_policy_may_call_is_a_known_list() {
    let all = capabilities();
    let find = |name: &str| all.iter().find(|capability| capability.name == name);
    assert!(find("time.now_ns").is_some_and(|clock| clock.own && clock.arity == 0));
    assert!(find("print").is_some_and(|print| print.arity == ANY_ARITY));
    for (name, ..) in FORBIDDEN {
        assert!(find(name).is_none(), "{name}");
    }
    for (name, arity, _) in OWN {
        assert!(find(name).is_some_and(|found| found.own && found.arity == *arity), "{name}");
        assert_eq!(BUILTINS.get(name).map(|(_, arity)| *arity), Some(*arity), "{name} stands in for nothing");
    }
    // A new version of the engine may bring new functions: each is looked at before a policy may call it.
    assert_eq!(all.len(), KNOWN, "{:?}", all.iter().map(|capability| capability.name).collect::<Vec<_>>());
}

/// Functions of the engine in this version, without the forbidden ones, and `print`.
const KNOWN: usize = 113;
