//! Loading, dispatch and visibility.

use super::{BuiltinErrors, Settings, Snapshot, TestModules};
use crate::{Asked, Decision, Problem, Rego, Source, Verdict, Visibility, codes};
use canon::Build;
use canon::json::Limits;
use std::time::Duration;

/// A bundle of these files, loaded as `policy test` does.
pub(crate) fn load(files: &[(&str, &str)]) -> Result<Snapshot, Vec<Problem>> {
    let source = Source::of_files(files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())))?;
    Snapshot::load(&source, &Settings { tests: TestModules::Load, ..Settings::default() })
}

/// An input of which only the tool and its arguments are known.
pub(crate) fn asked(tool: &str, arguments: &str) -> Asked {
    let mut asked = Asked::blank();
    let arguments = canon::json::parse::<Rego>(
        arguments.as_bytes(),
        &Limits { string_bytes_max: 8 << 20, body_bytes_max: 8 << 20, ..Limits::default() },
    )
    .unwrap();
    let call = asked.value.as_object_mut().unwrap().get_mut(&"call".into()).unwrap().as_object_mut().unwrap();
    call.insert("tool".into(), tool.into());
    call.insert("arguments".into(), arguments);
    asked.tool = Some(tool.into());
    asked
}

pub(crate) fn soon() -> Duration {
    Duration::from_secs(2)
}

/// What a one-file policy decides.
pub(crate) fn decide(policy: &str, arguments: &str) -> Decision {
    load(&[("p.rego", policy)]).unwrap().evaluate(&asked("t", arguments), &soon)
}

pub(crate) fn codes_of(decision: &Decision) -> Vec<&str> {
    decision.reasons.iter().map(|reason| reason.code.as_str()).collect()
}

const DISPATCH: &str = r#"
package toolgate
decision := {"allow": input.call.tool != "forbidden", "reasons": [{"code": "base", "message": "m"}], "risk": "low", "overridable": input.call.arguments.base != "hard"}
visible if input.call.tool != "hidden"
"#;

const TOOL: &str = r#"
package toolgate.tools["write file"]
reasons contains {"code": "path.protected", "message": "m"} if startswith(input.call.arguments.path, "/etc/")
decision := {"allow": count(reasons) == 0, "reasons": reasons, "risk": "high", "sensitive": true, "approval": "required",
    "obligations": [{"type": "mask", "paths": ["/content"]}]}
"#;

#[test]
fn the_package_of_a_tool_is_asked_for_its_calls_alone_and_the_stricter_wins() {
    let snapshot = load(&[("a.rego", DISPATCH), ("b.rego", TOOL)]).unwrap();
    assert_eq!(snapshot.tools(), ["write file"]);
    let case = |tool: &str, arguments: &str| snapshot.evaluate(&asked(tool, arguments), &soon);

    let other = case("read", r#"{"base": "x"}"#);
    assert_eq!((other.verdict, other.risk.map(crate::Risk::name), other.sensitive), (Verdict::Allow, Some("low"), false));

    let written = case("write file", r#"{"base": "x", "path": "/tmp/x"}"#);
    assert_eq!((written.verdict, written.risk.map(crate::Risk::name), written.sensitive), (Verdict::Allow, Some("high"), true));
    assert_eq!((written.approval, written.obligations.len()), (crate::Approval::Required, 1));

    let protected = case("write file", r#"{"base": "x", "path": "/etc/passwd"}"#);
    assert_eq!((protected.verdict, codes_of(&protected)), (Verdict::Deny, vec!["path.protected"]));
    assert!(protected.overridable);
    assert!(!case("write file", r#"{"base": "hard", "path": "/etc/passwd"}"#).overridable);

    // An error in the tool's own package is an error, whatever the base says.
    assert_eq!(case("write file", r#"{"base": "x", "path": 7}"#).verdict, Verdict::Error);
}

#[test]
fn an_error_of_the_base_hides_no_deny_of_the_tool() {
    let base = "package toolgate\ndecision if startswith(input.call.arguments.path, 7)\n";
    let tool = "package toolgate.tools.t\ndecision := false\n";
    let decision = load(&[("a.rego", base), ("b.rego", tool)]).unwrap().evaluate(&asked("t", r#"{"path": "x"}"#), &soon);
    assert_eq!((decision.verdict, codes_of(&decision)), (Verdict::Error, vec![codes::ERROR, codes::DENIED]));
}

#[test]
fn a_list_shows_what_the_policy_does_not_hide() {
    let with = load(&[("a.rego", DISPATCH)]).unwrap();
    assert_eq!(with.visible(&asked("shown", "null"), &soon), Visibility::Shown);
    assert_eq!(with.visible(&asked("hidden", "null"), &soon), Visibility::Hidden);
    let without = load(&[("a.rego", "package toolgate\ndecision := false")]).unwrap();
    assert_eq!(without.visible(&asked("any", "null"), &soon), Visibility::Shown);
    let broken = load(&[("a.rego", "package toolgate\ndecision := false\nvisible := 7")]).unwrap();
    assert!(matches!(broken.visible(&asked("any", "null"), &soon), Visibility::Error(reason) if reason.code == codes::SHAPE));
}

#[test]
fn data_lies_by_folder_and_the_digest_covers_every_file() {
    let policy = ("toolgate/p.rego", "package toolgate\ndecision := data.roles.admin.tools == [1, \"two\"]");
    let json = load(&[policy, ("roles/data.json", r#"{"admin": {"tools": [1, "two"]}}"#)]).unwrap();
    let yaml = load(&[policy, ("roles/admin/data.yaml", "# roles\ntools:\n  - 1\n  - two\n")]).unwrap();
    for snapshot in [&json, &yaml] {
        assert_eq!(snapshot.evaluate(&asked("t", "{}"), &soon).verdict, Verdict::Allow);
    }
    assert_ne!(json.digest(), yaml.digest());
}

#[test]
fn a_failing_builtin_is_an_error_or_undefined_as_the_settings_say() {
    let policy = "package toolgate\ndefault decision := false\ndecision if not startswith(input.call.arguments.n, \"x\")\n";
    let source = Source::of_files([("p.rego".to_owned(), policy.as_bytes().to_vec())]).unwrap();
    for (errors, verdict) in [(BuiltinErrors::Error, Verdict::Error), (BuiltinErrors::Undefined, Verdict::Allow)] {
        let snapshot = Snapshot::load(&source, &Settings { builtin_errors: errors, ..Settings::default() }).unwrap();
        assert_eq!(snapshot.evaluate(&asked("t", r#"{"n": 7}"#), &soon).verdict, verdict, "{errors:?}");
    }
}

#[test]
fn a_result_that_is_wrong_for_every_call_does_not_load() {
    let problems = load(&[("p.rego", "package toolgate\ndecision := {\"allow\": true, \"labels\": [\"x\"]}")]).unwrap_err();
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_eq!(problems[0].code, "policy.result");
}

#[test]
fn the_engine_value_and_the_plain_value_are_walked_alike() {
    let text = br#"{"a": [1, -2.5, null, true, "x"], "b": {}}"#;
    let plain = canon::json::parse::<canon::json::Tree>(text, &Limits::default()).unwrap();
    let engine = canon::json::parse::<Rego>(text, &Limits::default()).unwrap();
    assert_eq!(Rego::value(&plain), engine);
    let mut outs = (Vec::new(), Vec::new());
    canon::json::canonical::<canon::json::Tree>(&plain, &mut outs.0);
    canon::json::canonical::<Rego>(&engine, &mut outs.1);
    assert_eq!(outs.0, outs.1);
    assert_eq!(Rego::get(&engine, "b"), Some(&crate::Value::new_object()));
}

#[test]
fn an_engine_knows_every_package_that_its_rules_can_reach() {
    let libraries = [
        ("l1.rego", "package lib.one\nr := 1\nf(x) := x + data.lib.two.r\n"),
        ("l2.rego", "package lib.two\nr := 2\n"),
        ("l3.rego", "package lib[\"th ree\"]\nr := data.lib.one.r + 2\n"),
        ("other.rego", "package other\nr := 4\n"),
    ];
    for (body, sum) in [
        ("import data.lib.one\nn := one.r", 1),
        ("import data.lib.one.r\nn := r", 1),
        ("import data.lib.one as o\nn := o.f(1)", 3),
        ("import data.lib.one.f as g\nn := g(1)", 3),
        ("n := data.lib.two.r", 2),
        ("n := data.lib[\"th ree\"].r", 3),
        ("n := sum([data.lib[k].r | some k in [\"one\", \"two\", \"th ree\"]])", 6),
        ("n := sum([x | some y in data.lib; x := y.r])", 6),
        ("n := count([1 | walk(data.other, [_, 4])])", 1),
        ("n := m if m := data.lib.one.r with data.lib.one.r as 9", 9),
        ("n if every x in [1] { x == data.lib.one.r }", 0),
        ("import data.lib.one\nn := one.r if { [two | two := [7]]; true }", 1),
        ("n := data.lib.one.f(data.lib.two.r)", 4),
        ("n := {k: v | some k, v in object.union({}, data.lib.two)}.r", 2),
        ("n := 5 if data.missing.x\nelse := data.lib.two.r", 2),
    ] {
        let (imports, rest) = body.rsplit_once("\nn ").map_or(("", body), |(imports, _)| (imports, body.strip_prefix(imports).unwrap()));
        let arguments = r#"{"package": "other"}"#;
        let decision = format!("{rest}\ndecision if n == {}\n", if sum == 0 { "true".to_owned() } else { sum.to_string() });
        let base = format!("package toolgate\n{imports}\n{decision}");
        let tool = format!("package toolgate.tools.t\n{imports}\n{decision}");
        let always = "package toolgate\ndecision := true\n";
        for files in [vec![("p.rego", base.as_str())], vec![("p.rego", always), ("t.rego", tool.as_str())]] {
            let files = files.into_iter().chain(libraries).collect::<Vec<_>>();
            let snapshot = load(&files).unwrap_or_else(|problems| panic!("{body}: {problems:#?}"));
            let found = snapshot.evaluate(&asked("t", arguments), &soon);
            assert_eq!(found.verdict, Verdict::Allow, "{body}: {found:?}");
        }
    }
}
