//! The published schema.

use super::schema;
use crate::codes;
use canon::json::Tree;
use canon::{Build, Json};

#[test]
fn the_schema_is_json_and_names_every_field() {
    let text = schema();
    let json = canon::json::parse::<canon::json::Tree>(text.as_bytes(), &canon::json::Limits::default()).unwrap();
    assert!(matches!(json, canon::Json::Object(_)));
    for field in ["version", "spiffe_id", "claims", "arguments_digest", "headers", "labels", "relations", "definition"] {
        assert!(text.contains(&format!("\"{field}\": {{")), "{field}");
    }
}

/// The page for those who write policies names each field of an answer, each obligation and each code that is told instead of one.
#[test]
fn the_page_names_everything_that_a_policy_may_answer() {
    let page = include_str!("../../../docs/policy.md");
    let json = canon::json::parse::<Tree>(schema().as_bytes(), &canon::json::Limits::default()).unwrap();
    let result = Tree::get(&json, "x-toolgate-result").unwrap();
    let mut names = Vec::new();
    for (list, spelled) in [("fields", "| `"), ("obligations", "{\"type\": \"")] {
        Tree::each_item(Tree::get(result, list).unwrap(), &mut |name| {
            let Json::String(name) = name else { panic!("{name:?}") };
            names.push(format!("{spelled}{name}"));
        });
    }
    assert!(names.len() > 8, "{names:?}");
    names.extend(codes::ALL.map(|code| format!("`{code}`")));
    let missing: Vec<_> = names.iter().filter(|name| !page.contains(name.as_str())).collect();
    assert!(missing.is_empty(), "docs/policy.md does not name {missing:?}");
}
