//! What is read as YAML here, and where the first thing is that is not.

use super::{Core, FILE_BYTES_MAX, NESTING_MAX, Node, Scalar, Value, tree};
use crate::problem::Found;

fn problems(text: &str) -> Vec<String> {
    let found = Found::default();
    let tree = tree("a.yaml", text.as_bytes(), &found);
    found.or_problems(tree).err().unwrap_or_default().iter().map(ToString::to_string).collect()
}

fn check(text: &str, expected: &[&str]) {
    let problems = problems(text);
    assert_eq!(problems.len(), expected.len(), "{text:?}: {problems:#?}");
    for (problem, expected) in problems.iter().zip(expected) {
        assert!(problem.starts_with(expected), "{text:?}: {problem:?} does not start with {expected:?}");
    }
}

#[test]
fn places_are_lines_and_columns_from_one() {
    let found = Found::default();
    let root = tree("a.yaml", b"a: 1\nbc:\n  - x\n  - {d: 'y'}\n", &found).expect("yaml");
    let Value::Map(entries) = &root.value else { panic!("a map") };
    assert_eq!((entries[1].key.as_str(), entries[1].key_at.to_string().as_str()), ("bc", "a.yaml:2:1"));
    let Value::List(items) = &entries[1].node.value else { panic!("a list") };
    assert_eq!(items[0].at.to_string(), "a.yaml:3:5");
    let Value::Map(inner) = &items[1].value else { panic!("a map") };
    assert_eq!(inner[0].node.at.to_string(), "a.yaml:4:9");
    assert_eq!(inner[0].node.value, Value::Scalar(Scalar { text: "y".into(), plain: false }));
}

#[test]
fn one_spelling_only() {
    check("", &[]);
    check("# nothing\n", &[]);
    check("a: 1\na: 2\nb: {c: 1, c: 2}\n", &["a.yaml:2:1: `a` is given twice, first in line 1", "a.yaml:3:11: `c` is given twice"]);
    check("a: &x 1\nb: *x\n", &["a.yaml:1:7: an anchor"]);
    check("a: *x\n", &["a.yaml:1:4: not YAML"]);
    check("a: !!str 1\n", &["a.yaml:1:"]);
    check("a: 1\n---\nb: 2\n", &["a.yaml:2:1: a second document"]);
    check("%YAML 1.1\n---\na: 1\n", &["a.yaml:1:1: not YAML"]);
    check("? [a]\n: 1\n", &["a.yaml:1:3: a map or a list is used as a key"]);
    check("a: [1, 2\n", &["a.yaml:1:4: not YAML"]);
    check("a:\n\tb: 1\n", &["a.yaml:2:"]);
    check(&"[".repeat(NESTING_MAX + 1), &["a.yaml:1:33: not YAML"]);
    check(&format!("a: {}", "x".repeat(FILE_BYTES_MAX)), &["a.yaml:1:1: the file has"]);
}

#[test]
fn not_utf8_is_said_so() {
    let found = Found::default();
    assert_eq!(tree("a.yaml", b"a: 1\nb: \xff", &found), None::<Node>);
    assert_eq!(found.or_problems(Some(())).unwrap_err()[0].to_string(), "a.yaml:2:1: this line is not UTF-8: save the file as UTF-8");
}

#[test]
fn the_core_schema_types_plain_scalars_only() {
    for (text, expected) in [
        ("no", Core::Text),
        ("yes", Core::Text),
        ("on", Core::Text),
        ("true", Core::Flag),
        ("False", Core::Flag),
        ("", Core::Null),
        ("~", Core::Null),
        ("12", Core::Number),
        ("-0", Core::Number),
        ("010", Core::Number),
        ("0x1f", Core::Number),
        ("1e3", Core::Number),
        (".5", Core::Number),
        (".inf", Core::Number),
        ("1.2.3", Core::Text),
        ("12:30", Core::Text),
        ("1_000", Core::Text),
        ("-", Core::Text),
        ("infinity", Core::Text),
    ] {
        assert_eq!(Scalar { text: text.into(), plain: true }.core(), expected, "{text}");
        assert_eq!(Scalar { text: text.into(), plain: false }.core(), Core::Text, "{text}");
    }
}
