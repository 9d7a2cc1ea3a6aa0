//! The real OPA beside toolgate: the same decisions on every fixture, the same ends of a test run.

use crate::peers::{Folder, Opa, command};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A result as a decision with every member, or why it is none. Only what `policies/` returns is read.
fn spelled(result: &Value) -> Value {
    if let Some(allow) = result.as_bool() {
        return spelled(&json!({ "allow": allow }));
    }
    let list = |name: &str| result.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let mut reasons: Vec<Value> = list("reasons");
    let allow = result["allow"].as_bool().unwrap();
    if !allow && reasons.is_empty() {
        reasons = vec![json!({"code": "toolgate.denied"})];
    }
    json!({
        "allow": allow, "reasons": reasons, "risk": result["risk"], "sensitive": result["sensitive"] == true,
        "approval": result["approval"], "overridable": result["overridable"] != false, "obligations": list("obligations"),
    })
}

/// The stricter of the parts, as the documentation of policies says it.
fn joined(parts: &[Value]) -> Value {
    const RISKS: [&str; 4] = ["low", "medium", "high", "critical"];
    let allow = parts.iter().all(|part| part["allow"] == true);
    let speaking = parts.iter().filter(|part| allow || part["allow"] == false);
    let codes: BTreeSet<String> =
        speaking.flat_map(|part| part["reasons"].as_array().unwrap()).map(|reason| reason["code"].to_string()).collect();
    let obligations: BTreeSet<String> =
        parts.iter().flat_map(|part| part["obligations"].as_array().unwrap()).map(Value::to_string).collect();
    let risk = parts.iter().filter_map(|part| part["risk"].as_str()).max_by_key(|risk| RISKS.iter().position(|known| known == risk));
    json!({
        "verdict": if allow { "allow" } else { "deny" }, "codes": codes, "risk": risk, "sensitive": parts.iter().any(|part| part["sensitive"] == true),
        "approval": parts.iter().any(|part| part["approval"] == "required"), "overridable": parts.iter().all(|part| part["overridable"] == true),
        "obligations": obligations,
    })
}

/// What toolgate decides, in the same form.
fn decided(policy: &Path, input: &Path) -> Value {
    let arguments = ["policy", "eval", policy.to_str().unwrap(), "--json", "--input", input.to_str().unwrap()];
    let output = command(&repository(""), &arguments, &[]);
    let decision: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|why| panic!("{why}: {}", String::from_utf8_lossy(&output.stderr)));
    let strings = |name: &str, of: fn(&Value) -> String| decision[name].as_array().unwrap().iter().map(of).collect::<BTreeSet<_>>();
    json!({
        "verdict": decision["verdict"], "codes": strings("reasons", |reason| reason["code"].to_string()), "risk": decision["risk"],
        "sensitive": decision["sensitive"], "approval": decision["approval"] == "required", "overridable": decision["overridable"],
        "obligations": strings("obligations", Value::to_string),
    })
}

#[test]
fn opa_gives_the_same_decision_on_every_fixture() {
    let (opa, policy) = (Opa::find(), repository("policies/default"));
    let query = "{\"parts\": array.concat([x | x := data.toolgate.decision], [x | x := data.toolgate.tools[input.call.tool].decision])}";
    let mut verdicts = BTreeSet::new();
    for story in std::fs::read_dir(repository("fixtures/policies")).unwrap() {
        let input = story.unwrap().path().join("input.json");
        let output = opa.run(&["eval", "--format", "json", "--data", policy.to_str().unwrap(), "--input", input.to_str().unwrap(), query]);
        let answer: Value =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|why| panic!("{why}: {}", String::from_utf8_lossy(&output.stderr)));
        let parts =
            answer["result"][0]["expressions"][0]["value"]["parts"].as_array().unwrap_or_else(|| panic!("{}: {answer}", input.display()));
        let (theirs, ours) = (joined(&parts.iter().map(spelled).collect::<Vec<_>>()), decided(&policy, &input));
        assert_eq!(ours, theirs, "{}", input.display());
        verdicts.insert((ours["verdict"].to_string(), parts.len()));
    }
    assert_eq!(verdicts.len(), 4, "allowed and denied, with and without a package of the tool: {verdicts:?}");
}

/// Both end with this code.
fn ends(opa: &Opa, story: &str, files: &[(&str, &str)], code: i32) {
    let folder = Folder::new("opa");
    for (name, content) in files {
        folder.write(name, content);
    }
    let path = folder.path().to_str().unwrap();
    let ours = command(folder.path(), &["policy", "test", path], &[]);
    let theirs = opa.run(&["test", path]);
    let told = format!(
        "{story}: {} {} / {}",
        String::from_utf8_lossy(&ours.stdout),
        String::from_utf8_lossy(&ours.stderr),
        String::from_utf8_lossy(&theirs.stdout)
    );
    assert_eq!((ours.status.code(), theirs.status.code()), (Some(code), Some(code)), "{told}");
}

#[test]
fn a_test_run_ends_as_that_of_opa() {
    let opa = Opa::find();
    let policy = ("toolgate.rego", "package toolgate\n\ndefault decision := false\n\ndecision if input.call.tool == \"read\"\n");
    let test = |body: &str| format!("package toolgate_test\n\nimport data.toolgate\n\n{body}\n");
    let good = test("test_reads if toolgate.decision with input.call.tool as \"read\"");
    let failed = test("test_writes if toolgate.decision with input.call.tool as \"write\"");
    let broken = test("test_writes if toolgate.decision with input.call.tool as");
    let later = test("todo_test_writes if toolgate.decision with input.call.tool as \"write\"");
    let breaks = test("test_errors if to_number(\"x\") == 1");
    ends(&opa, "it passes", &[policy, ("toolgate_test.rego", &good)], 0);
    ends(&opa, "one fails", &[policy, ("toolgate_test.rego", &failed)], 2);
    ends(&opa, "it does not load", &[policy, ("toolgate_test.rego", &broken)], 1);
    ends(&opa, "one is for later", &[policy, ("toolgate_test.rego", &later)], 2);
    ends(&opa, "a function fails", &[policy, ("toolgate_test.rego", &breaks)], 2);
    for (story, run, code) in [("none matches", &["-r", "nowhere"][..], 0), ("none may match", &["-r", "nowhere", "--fail-on-empty"], 1)] {
        let folder = Folder::new("opa");
        folder.write("toolgate.rego", policy.1);
        folder.write("toolgate_test.rego", &good);
        let path = folder.path().to_str().unwrap();
        let (ours, theirs) =
            (command(folder.path(), &[&["policy", "test", path], run].concat(), &[]), opa.run(&[&["test", path], run].concat()));
        let told = String::from_utf8_lossy(&ours.stderr).into_owned();
        assert_eq!((ours.status.code(), theirs.status.code()), (Some(code), Some(code)), "{story}: {told}");
        assert!(told.contains("no test was run: no name matches `nowhere`") && ours.stdout.is_empty(), "{story}: {told}");
    }
    // A part of a name, and an expression that is none.
    for (run, lines) in [("reads", 1), ("^data.*_(reads|none)$", 1), ("READS", 0)] {
        let folder = Folder::new("opa");
        folder.write("toolgate.rego", policy.1);
        folder.write("toolgate_test.rego", &good);
        let path = folder.path().to_str().unwrap();
        let (ours, theirs) =
            (command(folder.path(), &["policy", "test", path, "-v", "-r", run], &[]), opa.run(&["test", path, "-v", "-r", run]));
        let passed = |output: &[u8]| String::from_utf8_lossy(output).lines().filter(|line| line.contains("test_reads")).count();
        assert_eq!((passed(&ours.stdout), passed(&theirs.stdout)), (lines, lines), "{run}: {}", String::from_utf8_lossy(&theirs.stdout));
    }
    let default = repository("policies/default");
    let (ours, theirs) = (command(&default, &["policy", "test", "."], &[]), opa.run(&["test", default.to_str().unwrap()]));
    assert_eq!((ours.status.code(), theirs.status.code()), (Some(0), Some(0)), "{}", String::from_utf8_lossy(&theirs.stdout));
}
