//! What an outline leaves as it was, what it changes, and what it refuses.

use super::super::{Limits, Pointer, Reason, Tree, canonical};
use super::Outline;

fn outline(document: &str) -> Outline {
    Outline::of(document.as_bytes(), &Limits::default()).expect(document)
}

fn written(outline: &Outline, document: &str) -> String {
    let mut out = Vec::new();
    outline.write(document.as_bytes(), &mut out);
    String::from_utf8(out).expect("utf-8")
}

#[test]
fn scalars_stay_as_they_were_written() {
    for (document, expected) in [
        (" [ 1.0 , -0e5,9007199254740993 ,1e400 ] ", "[1.0,-0e5,9007199254740993,1e400]"),
        ("{ \"a\\u0062\" : \"\\ud800\\/\" , \"c\":{ } ,\"d\":[ ]}", "{\"ab\":\"\\ud800\\/\",\"c\":{},\"d\":[]}"),
        ("true", "true"),
    ] {
        assert_eq!(written(&outline(document), document), expected);
    }
}

#[test]
fn structure_and_keys_are_as_strict_as_in_the_parse() {
    for (document, reason) in [
        ("{\"a\":1,\"a\":2}", Reason::DuplicateKey),
        ("{\"a\":1,\"A\":2}", Reason::CaseTwinKeys),
        ("{\"\\ud800\":1}", Reason::LoneSurrogate),
        ("[1,]", Reason::Syntax),
        ("[\"\\x\"]", Reason::Syntax),
        ("[\"a\nb\"]", Reason::Syntax),
        ("[01]", Reason::Syntax),
        ("1 2", Reason::TrailingBytes),
    ] {
        assert_eq!(Outline::of(document.as_bytes(), &Limits::default()).expect_err(document).reason, reason, "{document}");
    }
}

#[test]
fn what_is_changed_is_changed_alone() {
    let document = r#"{"x/1":1,"b":[{"x/2":2,"c":3.0},4],"d":"x/"}"#;
    let mut cut = outline(document);
    assert!(cut.cut(&|key| key.starts_with("x/")));
    assert_eq!(written(&cut, document), r#"{"b":[{"c":3.0},4],"d":"x/"}"#);
    assert!(!cut.cut(&|key| key.starts_with("x/")));
    let mut replaced = outline(document);
    for (pointer, found) in [("/b/0/c", true), ("/b/1", true), ("/b/2", false), ("/b/01", false), ("/b/c", false), ("/d/0", false)] {
        let place = replaced.find_mut(&Pointer::parse(pointer).expect(pointer));
        assert_eq!(place.is_some(), found, "{pointer}");
        place.into_iter().for_each(|place| *place = Outline::Instead("null".to_owned()));
    }
    assert_eq!(written(&replaced, document), r#"{"x/1":1,"b":[{"x/2":2,"c":null},null],"d":"x/"}"#);
}

#[test]
fn values_are_the_nearest() {
    let document = r#"{"a":[1.0,9223372036854775807,1e400,-1e400,"\ud800","\u00e4"],"b":null}"#;
    let mut out = Vec::new();
    canonical::<Tree>(&outline(document).value::<Tree>(document.as_bytes()), &mut out);
    let expected = "{\"a\":[1,9223372036854776000,1.7976931348623157e+308,-1.7976931348623157e+308,null,\"\u{e4}\"],\"b\":null}";
    assert_eq!(String::from_utf8_lossy(&out), expected);
    assert_eq!(outline("\"a\\n\"").text(b"\"a\\n\"").as_deref(), Some("a\n"));
    assert_eq!(outline("1").text(b"1"), None);
}
