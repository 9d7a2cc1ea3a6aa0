//! The published schema.

use super::schema;
use crate::snapshot::tests::{asked, codes_of, decide, load, soon};
use crate::{Verdict, codes};
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

/// The example of the page: its lines up to the next text, without the four spaces.
fn example() -> String {
    let page = include_str!("../../../docs/policy.md");
    let lines =
        page.lines().skip_while(|line| *line != "    package toolgate").take_while(|line| line.is_empty() || line.starts_with("    "));
    lines.map(|line| format!("{}\n", line.get(4..).unwrap_or_default())).collect()
}

#[test]
fn the_pages_example_decides_as_the_page_says() {
    let snapshot = load(&[("p.rego", &example())]).unwrap();
    assert!(snapshot.warnings().is_empty());
    let codes = |tool: &str, arguments: &str| {
        let decision = snapshot.evaluate(&asked(tool, arguments), &soon);
        codes_of(&decision).into_iter().map(str::to_owned).collect::<Vec<_>>().join(" ")
    };
    for (tool, arguments, expected) in [
        ("format_disk", "{}", "tool.unlisted"),
        ("read_text_file", "{}", ""),
        ("write_file", "{}", "caller.no_writer path.missing"),
        ("write_file", "{\"path\": 7}", "caller.no_writer path.missing"),
        ("write_file", "{\"path\": \"/srv/Secrets/plan\"}", "caller.no_writer path.protected"),
        ("write_file", "{\"path\": \"/srv/plan\"}", "caller.no_writer"),
    ] {
        assert_eq!(codes(tool, arguments), expected, "{tool} {arguments}");
    }
    // And the trap that the page warns of.
    let trap = "package toolgate\ndecision := {\"allow\": count(r) == 0}\nr contains 1 if input.call.arguments.x != \"safe\"\n";
    assert_eq!(decide(trap, "{}").verdict, Verdict::Allow);
    assert_eq!(decide(&trap.replace("input.call.arguments.x != ", "not input.call.arguments.x == "), "{}").verdict, Verdict::Deny);
    let absent = trap.replace("input.call.arguments.x != \"safe\"", "not \"x\" in object.keys(input.call.arguments)");
    assert_eq!((decide(&absent, "{}").verdict, decide(&absent, "{\"x\": false}").verdict), (Verdict::Deny, Verdict::Allow));
}
