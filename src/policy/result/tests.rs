//! What a result means, and what is none.

use crate::decision::codes::{DENIED, SHAPE, UNDEFINED, UNSUPPORTED};
use crate::snapshot::tests::codes_of;
use crate::{Decision, Rego, Value, Verdict};
use canon::json::Limits;
use proptest::prelude::*;

fn read(json: &str) -> Decision {
    Decision::from_result(&canon::json::parse::<Rego>(json.as_bytes(), &Limits::default()).unwrap())
}

#[test]
fn a_result_is_understood_exactly_or_an_error() {
    let (allow, deny, error) = (Verdict::Allow, Verdict::Deny, Verdict::Error);
    for (json, verdict, codes) in [
        ("true", allow, vec![]),
        ("false", deny, vec![DENIED]),
        (r#"{"allow": true}"#, allow, vec![]),
        (r#"{"allow": false}"#, deny, vec![DENIED]),
        (r#"{"allow": false, "reasons": []}"#, deny, vec![DENIED]),
        (r#"{"allow": false, "reasons": [{"code": "a.b_1", "message": "m"}]}"#, deny, vec!["a.b_1"]),
        (r#"{"allow": true, "risk": "high", "sensitive": true, "approval": "required", "overridable": false}"#, allow, vec![]),
        (r#"{"allow": true, "obligations": [{"type": "mask", "paths": ["/a/0", ""]}]}"#, allow, vec![]),
        ("null", error, vec![SHAPE]),
        ("7", error, vec![SHAPE]),
        ("[true]", error, vec![SHAPE]),
        ("{}", error, vec![SHAPE]),
        (r#"{"allow": "true"}"#, error, vec![SHAPE]),
        (r#"{"allow": null}"#, error, vec![SHAPE]),
        (r#"{"allow": true, "reasons": {"code": "a", "message": "m"}}"#, error, vec![SHAPE]),
        (r#"{"allow": true, "reasons": ["a"]}"#, error, vec![SHAPE]),
        (r#"{"allow": true, "reasons": [{"code": "A", "message": "m"}]}"#, error, vec![SHAPE]),
        (r#"{"allow": true, "reasons": [{"code": "", "message": "m"}]}"#, error, vec![SHAPE]),
        (r#"{"allow": true, "reasons": [{"code": "a"}]}"#, error, vec![SHAPE]),
        (r#"{"allow": false, "reasons": [{"code": "toolgate.denied", "message": "m"}]}"#, error, vec![SHAPE]),
        (r#"{"allow": true, "risk": "extreme"}"#, error, vec![SHAPE]),
        (r#"{"allow": true, "approval": "none"}"#, error, vec![SHAPE]),
        (r#"{"allow": true, "approval": true}"#, error, vec![SHAPE]),
        (r#"{"allow": true, "obligations": [{"type": "mask"}]}"#, error, vec![SHAPE]),
        (r#"{"allow": true, "obligations": [{"type": "mask", "paths": []}]}"#, error, vec![SHAPE]),
        (r#"{"allow": true, "obligations": [{"type": "mask", "paths": ["a"]}]}"#, error, vec![SHAPE]),
        (r#"{"allow": true, "obligations": [{"type": "mask", "paths": ["/a/*"]}]}"#, error, vec![UNSUPPORTED]),
        (r#"{"allow": true, "obligations": [{"type": "limit", "key": "a", "max": 1, "window": "1s"}]}"#, error, vec![UNSUPPORTED]),
        (r#"{"allow": true, "obligations": [{"type": "mask", "paths": ["/a"], "if": 1}]}"#, error, vec![UNSUPPORTED]),
        (r#"{"allow": true, "require": []}"#, error, vec![UNSUPPORTED]),
        (r#"{"allow": true, "labels": []}"#, error, vec![UNSUPPORTED]),
        (r#"{"allow": true, "alow": 1}"#, error, vec![UNSUPPORTED]),
    ] {
        let decision = read(json);
        assert_eq!((decision.verdict, codes_of(&decision)), (verdict, codes), "{json}: {decision:?}");
    }
    assert_eq!(codes_of(&Decision::from_result(&Value::Undefined)), [UNDEFINED]);
    for (json, known) in [
        (r#"{"allow": true, "alow": 1}"#, "known are `allow`, `reasons`, `risk`, `sensitive`, `approval`, `overridable`, `obligations`"),
        (r#"{"allow": true, "obligations": [{"type": "redact"}]}"#, "known are `mask`, `redact_response`"),
        (r#"{"allow": true, "reasons": [{"code": "a", "msg": "m"}]}"#, "known are `code`, `message`"),
    ] {
        assert!(read(json).reasons[0].message.ends_with(known), "{:?}", read(json));
    }
}

#[test]
fn every_limit_of_a_result_has_its_other_side() {
    let reasons = |count: usize| {
        let each = (0..count).map(|n| format!(r#"{{"code": "c{n}", "message": "m"}}"#)).collect::<Vec<_>>().join(",");
        read(&format!(r#"{{"allow": false, "reasons": [{each}]}}"#))
    };
    assert_eq!((reasons(super::REASONS_MAX).verdict, reasons(super::REASONS_MAX + 1).verdict), (Verdict::Deny, Verdict::Error));
    let paths = |count: usize| {
        let each = (0..count).map(|n| format!("\"/{n}\"")).collect::<Vec<_>>().join(",");
        read(&format!(r#"{{"allow": true, "obligations": [{{"type": "mask", "paths": [{each}]}}]}}"#)).verdict
    };
    assert_eq!((paths(super::PATHS_MAX), paths(super::PATHS_MAX + 1)), (Verdict::Allow, Verdict::Error));
    let obligations = |count: usize| {
        let each = vec![r#"{"type": "mask", "paths": ["/a"]}"#; count].join(",");
        read(&format!(r#"{{"allow": true, "obligations": [{each}]}}"#)).verdict
    };
    assert_eq!((obligations(super::OBLIGATIONS_MAX), obligations(super::OBLIGATIONS_MAX + 1)), (Verdict::Allow, Verdict::Error));
    let long = read(&format!(r#"{{"allow": false, "reasons": [{{"code": "c", "message": "\u001b{}"}}]}}"#, "x".repeat(9_000)));
    assert!(long.reasons[0].message.chars().count() < super::MESSAGE_CHARS_MAX + 20 && long.reasons[0].message.starts_with("\\u{1b}x"));
}

fn any_json() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "allow",
        "reasons",
        "code",
        "message",
        "risk",
        "high",
        "obligations",
        "type",
        "mask",
        "paths",
        "/a",
        "x",
        "required",
        "approval",
    ]);
    let leaf = prop_oneof![
        Just("true".to_owned()),
        Just("false".to_owned()),
        Just("null".to_owned()),
        Just("1".to_owned()),
        word.clone().prop_map(|word| format!("\"{word}\""))
    ];
    leaf.prop_recursive(4, 32, 4, move |inner| {
        let members = prop::collection::btree_map(word.clone(), inner.clone(), 0..5);
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(|items| format!("[{}]", items.join(","))),
            members.prop_map(|members| format!(
                "{{{}}}",
                members.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect::<Vec<_>>().join(",")
            )),
        ]
    })
}

proptest! {
    #[test]
    fn only_a_result_that_says_so_allows(json in any_json()) {
        let value = canon::json::parse::<Rego>(json.as_bytes(), &Limits::default()).unwrap();
        let decision = Decision::from_result(&value);
        let says_so = value == Value::from(true) || matches!(&value, Value::Object(object) if object.get(&"allow".into()) == Some(&true.into()));
        prop_assert!(decision.verdict != Verdict::Allow || says_so, "{}", json);
        prop_assert!(decision.verdict == Verdict::Allow || !decision.reasons.is_empty(), "{}", json);
    }
}
