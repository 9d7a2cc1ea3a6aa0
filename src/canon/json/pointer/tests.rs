//! RFC 6901's own examples, and replacing what a pointer names.

use super::super::{Json, Limits, Tree, canonical, parse};
use super::Pointer;

fn json(text: &str) -> Json {
    parse::<Tree>(text.as_bytes(), &Limits::default()).expect(text)
}

fn shown(value: &Json) -> String {
    let mut out = Vec::new();
    canonical::<Tree>(value, &mut out);
    String::from_utf8(out).expect("utf-8")
}

#[test]
fn a_pointer_names_one_place_or_none() {
    let document = json(r#"{"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,"g|h":4,"i\\j":5,"k\"l":6," ":7,"m~n":8,"o":{"0":9}}"#);
    for (pointer, expected) in [
        ("", Some(shown(&document))),
        ("/foo", Some("[\"bar\",\"baz\"]".to_owned())),
        ("/foo/0", Some("\"bar\"".to_owned())),
        ("/", Some("0".to_owned())),
        ("/a~1b", Some("1".to_owned())),
        ("/c%d", Some("2".to_owned())),
        ("/i\\j", Some("5".to_owned())),
        ("/ ", Some("7".to_owned())),
        ("/m~0n", Some("8".to_owned())),
        ("/o/0", Some("9".to_owned())),
        ("/foo/2", None),
        ("/foo/00", None),
        ("/foo/+1", None),
        ("/foo/-", None),
        ("/foo/", None),
        ("/foo/0/0", None),
        ("/bar", None),
    ] {
        let parsed = Pointer::parse(pointer).expect(pointer);
        assert_eq!(parsed.find::<Tree>(&document).map(shown), expected, "{pointer}");
        assert_eq!(parsed.to_string(), pointer);
        let replaced = parsed.replace::<Tree>(&document, &Json::Null);
        assert_eq!(replaced.is_some(), expected.is_some(), "{pointer}");
        assert_eq!(replaced.and_then(|replaced| parsed.find::<Tree>(&replaced).cloned()), expected.map(|_| Json::Null), "{pointer}");
    }
    for bad in ["foo", "~", "/~", "/~2", "/a~", "#/a"] {
        assert!(Pointer::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn replacing_leaves_the_rest() {
    let replaced = Pointer::parse("/a/1").expect("pointer").replace::<Tree>(&json(r#"{"a":[1,2,3],"b":4}"#), &Json::Bool(true));
    assert_eq!(replaced.as_ref().map(shown).as_deref(), Some(r#"{"a":[1,true,3],"b":4}"#));
}
