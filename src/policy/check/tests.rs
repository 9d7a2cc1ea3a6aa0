//! What does not load, with its place; and what does.

use crate::snapshot::tests::{decide, load};

/// Problems of a policy as `line:col code`, in order.
fn check(policy: &str, expected: &[&str]) {
    check_files(&[("p.rego", policy)], expected);
}

fn check_files(files: &[(&str, &str)], expected: &[&str]) {
    let problems = load(files).err().unwrap_or_default();
    let found = problems.iter().map(|problem| format!("{}:{} {}", problem.line, problem.col, problem.code)).collect::<Vec<_>>();
    assert_eq!(found, expected, "{files:?}: {problems:#?}");
}

fn with_head(body: &str) -> String {
    format!("package toolgate\ndecision := false\n{body}\n")
}

#[test]
fn what_is_called_exists_and_takes_that_many() {
    for (body, expected) in [
        ("x := nothing(1)", vec!["3:6 policy.unknown_function"]),
        ("x if { false; lib.f(1) }", vec!["3:15 policy.unknown_function"]),
        ("x := io.jwt.decode(\"a\")", vec!["3:6 policy.unknown_function"]),
        ("x := http.send({})", vec!["3:6 policy.forbidden_function"]),
        ("x := rand.intn(\"a\", 3)", vec!["3:6 policy.forbidden_function"]),
        ("x := uuid.rfc4122(\"a\")", vec!["3:6 policy.forbidden_function"]),
        ("x := opa.runtime()", vec!["3:6 policy.forbidden_function"]),
        ("x := net.lookup_ip_addr(\"a\")", vec!["3:6 policy.forbidden_function"]),
        ("x := count(1, 2, 3)", vec!["3:6 policy.arity"]),
        ("x if glob.match(\"a\", [], \"a\", true)", vec!["3:6 policy.arity"]),
        ("f(a, b) := a + b\nx := f(1)", vec!["4:6 policy.arity"]),
        ("x := decision(1)", vec!["3:6 policy.not_a_function"]),
        ("x if walk(input.call.arguments, [_, value])", vec![]),
        ("f(a) := a\nx := f(1)\ny := data.toolgate.f(2)", vec![]),
        ("x if print(1, 2, 3)", vec![]),
        ("default f(_) := 1\nx := f(2)", vec![]),
        ("x := {f | some t in input.call.arguments; f := missing(t)}", vec!["3:48 policy.unknown_function"]),
        ("x if every t in input.call.arguments { missing(t) }", vec!["3:40 policy.unknown_function"]),
    ] {
        check(&with_head(body), &expected);
    }
}

#[test]
fn what_is_read_of_the_input_is_in_the_schema() {
    for (body, expected) in [
        ("x := input.subject.roles", vec!["3:6 policy.unknown_input"]),
        ("x := input.call.tool.name", vec!["3:6 policy.unknown_input"]),
        ("x := input[\"subjekt\"]", vec!["3:6 policy.unknown_input"]),
        ("x if input.subject.user.claims.groups[_] == \"a\"", vec![]),
        ("x := input.call.arguments.any.thing", vec![]),
        ("x := input.http.headers[\"x-a\"][0]", vec![]),
        ("x := input.session.labels.a", vec!["3:6 policy.unknown_input"]),
        ("x := input.subject.actors[0].subject", vec![]),
        ("x := input.subject.actors[0].name", vec!["3:6 policy.unknown_input"]),
        ("x := input.mode.settings.budget.tokens", vec![]),
        ("x if decision with input.calls.tool as \"a\"", vec!["3:20 policy.unknown_input"]),
        ("x := input[k] if some k in [\"call\"]", vec![]),
    ] {
        check(&with_head(body), &expected);
    }
    check("package toolgate\nimport input.cal as c\ndecision := c.tool", &["2:8 policy.unknown_input", "3:13 policy.unknown_input"]);
    check("package toolgate\nimport input.call as c\ndecision if c.tool.x", &["3:13 policy.unknown_input"]);
}

#[test]
fn a_rule_does_not_read_itself() {
    for (body, expected) in [
        ("a if b\nb if c\nc if a", vec!["3:1 policy.recursion"]),
        ("f(x) := f(x - 1)", vec!["3:1 policy.recursion"]),
        ("a := data.toolgate", vec!["3:1 policy.recursion"]),
        ("reasons contains r if { some r in [1] }\na if { reasons := {2}; count(reasons) > 0 }", vec![]),
        ("a := 1 if { x := 2; x > 1 }\nx if a", vec![]),
    ] {
        check(&with_head(body), &expected);
    }
}

#[test]
fn patterns_in_the_text_compile() {
    for (body, expected) in [
        ("x if regex.match(`(`, \"a\")", vec!["3:19 policy.pattern"]),
        ("x := regex.replace(\"a\", `[`, \"b\")", vec!["3:26 policy.pattern"]),
        ("x if glob.match(\"a{b\", [], \"a\")", vec!["3:18 policy.pattern"]),
        ("x if glob.match(\"[b-a]\", null, \"a\")", vec!["3:18 policy.pattern"]),
        ("x if regex.match(`[\\d-x]+\\Q..`, \"a\")", vec!["3:19 policy.pattern"]),
        ("x if regex.match(`^[\\w.-]+@[[:alpha:]]+$`, \"a\")", vec![]),
    ] {
        check(&with_head(body), &expected);
    }
}

#[test]
fn tests_that_would_pass_whatever_they_say_are_refused() {
    let policy = ("p.rego", "package toolgate\ndecision := f(1)\nf(x) := x == 1\n");
    let case = |body: &str, expected: &[&str]| {
        check_files(&[policy, ("p_test.rego", &format!("package toolgate_test\n{body}\n"))], expected);
    };
    case("test_table[note] if { some note in [1, 2]; note == 1 }", &["2:1 policy.table_test"]);
    case("test_set contains note if { some note in [1, 2] }", &["2:1 policy.table_test"]);
    case("test_mock if data.toolgate.decision with data.toolgate.f as true", &["2:42 policy.mock"]);
    case("test_value if data.toolgate.decision with data.toolgate.decision as true", &[]);
    case("test_clock if time.now_ns() == 5 with time.now_ns as 5", &[]);
    case("test_builtin if count(\"a\") == 5 with count as 5", &[]);
    case("test_by_builtin if count(\"a\") == 5 with count as sum", &["2:50 policy.mock"]);
    case("test_http if true with http.send as 5", &["2:24 policy.forbidden_function"]);
    case("test_unknown if true with nothing.at as 5", &["2:27 policy.unknown_function"]);
    check_files(&[("p.rego", "package toolgate\ndecision := false\ntest_here if true\n")], &["3:1 policy.test_place"]);
}

#[test]
fn everything_is_told_at_once() {
    let first = "package toolgate\ndecision := input.x\ny := upper(1, 2, 3)\n";
    let second = "package other\nz := http.send({})\n";
    check_files(
        &[("a.rego", first), ("b.rego", second), ("c.rego", "package c\nx := [\n"), ("data.json", "{\"a\": 1, \"a\": 2}")],
        &["2:13 policy.unknown_input", "3:6 policy.arity", "2:6 policy.forbidden_function", "3:1 policy.syntax", "0:0 policy.data"],
    );
}

#[test]
fn what_may_stand_in_a_file_that_cannot_be_read_is_not_missed() {
    check("package toolgate\ndecision := \n", &["3:1 policy.syntax"]);
    let tool = ("t.rego", "package toolgate.tools.t\nx := data.lib.f(1)\ny := g(1)\n");
    check_files(&[("lib.rego", "package lib\nf(x) := [\n"), tool], &["3:1 policy.syntax"]);
    check_files(
        &[tool],
        &["0:0 policy.entry_point", "1:1 policy.entry_point", "2:6 policy.unknown_function", "3:6 policy.unknown_function"],
    );
}

#[test]
fn a_result_that_is_no_decision_names_its_rule() {
    check(&with_head("").replace("false", "\"yes\""), &["2:1 policy.result"]);
    check_files(
        &[("p.rego", "package toolgate\n\n\ndecision := {\"allowed\": true}\n"), ("t.rego", "package toolgate.tools.t\n\ndecision := 1\n")],
        &["4:1 policy.result", "3:1 policy.result"],
    );
    // What only some calls show is said when they come.
    let policy = "package toolgate\n\ndecision := x if x := input.call.arguments.x\n";
    for (arguments, told) in
        [("{\"x\": {}}", "p.rego:3: the result has no `allow`"), ("{}", "p.rego:3: the policy has no value for this call")]
    {
        let decision = decide(policy, arguments);
        assert!(decision.reasons[0].message.starts_with(told), "{decision:?}");
    }
}

#[test]
fn a_code_that_is_none_is_found_where_it_is_written() {
    let reason = |code: &str| format!("reasons contains {{\"code\": {code}, \"message\": \"m\"}} if input.call.tool == \"x\"");
    for (code, expected) in [
        ("\"path.protected\"", vec![]),
        ("\"Path\"", vec!["3:28 policy.reason_code"]),
        ("\"a-b\"", vec!["3:28 policy.reason_code"]),
        ("`a b`", vec!["3:28 policy.reason_code"]),
        ("\"\"", vec!["3:28 policy.reason_code"]),
        ("\"toolgate.mine\"", vec!["3:28 policy.reason_code"]),
        ("sprintf(\"A%v\", [1])", vec![]),
        ("403", vec![]),
    ] {
        check(&with_head(&reason(code)), &expected);
    }
    check(&with_head("x := {\"code\": \"A\", \"message\": \"m\", \"more\": 1}"), &[]);
    let test = "package t\ntest_a if {\"code\": \"A\", \"message\": \"m\"}\n";
    check_files(&[("p.rego", "package toolgate\ndecision := false\n"), ("p_test.rego", test)], &[]);
}

#[test]
fn a_decision_that_may_have_no_value_is_warned_of() {
    let warned = |decision: &str, tool: &str| {
        let files = [("p.rego", format!("package toolgate\n{decision}\n")), ("t.rego", format!("package toolgate.tools.t\n{tool}\n"))];
        let snapshot = load(&files.each_ref().map(|(path, text)| (*path, text.as_str()))).unwrap();
        snapshot.warnings().iter().map(|one| format!("{}:{} {}", one.file, one.line, one.code)).collect::<Vec<_>>()
    };
    let some = "decision := false if input.call.tool == \"x\"";
    assert_eq!(warned(some, "decision := true"), ["p.rego:2 policy.no_default"]);
    assert_eq!(warned("decision := true", some), ["t.rego:2 policy.no_default"]);
    assert!(warned(&format!("default decision := false\n{some}"), "decision := true").is_empty());
}

#[test]
fn the_folder_above_a_bundle_is_not_taken_for_it() {
    let policy = |reads: &str| format!("package toolgate\ndecision if {reads}\n");
    let (lost, found, whole) = (policy("data.roles.a"), policy("data.rules.roles.a"), policy("data[\"rules\"]"));
    let data = ("rules/roles/data.json", "{\"a\": true}");
    for (files, refused) in [
        (vec![("rules/p.rego", lost.as_str()), data], true),
        (vec![("rules/p.rego", &lost), data, ("rules/p_test.rego", "package t\ntest_a if data.roles.a with data.roles.a as true\n")], true),
        (vec![("rules/p.rego", &found), data], false),
        (vec![("rules/p.rego", &whole), data], false),
        (vec![("rules/p.rego", &lost)], false),
        (vec![("rules/p.rego", &lost), data, (".manifest", "{}")], false),
        (vec![("rules/p.rego", &lost), data, ("data.json", "{}")], false),
        (vec![("rules/p.rego", &lost), data, ("other.rego", "package other\n")], false),
        (vec![("p.rego", &lost), data], false),
        (vec![("rules/p.rego", &lost), ("roles/data.json", "{\"a\": true}")], false),
    ] {
        check_files(&files, if refused { &["0:0 policy.above_bundle"] } else { &[] });
    }
    let told = load(&[("rules/p.rego", lost.as_str()), data]).unwrap_err()[0].to_string();
    assert!(told.contains("the folder `rules`") && told.contains("`data.rules`"), "{told}");
}

#[test]
fn a_bundle_stays_under_its_roots() {
    let policy = ("p.rego", "package toolgate\ndecision := false\n");
    let manifest = (".manifest", r#"{"revision": "7", "roots": ["toolgate", "roles"]}"#);
    assert_eq!(load(&[policy, manifest]).unwrap().revision(), Some("7"));
    check_files(&[policy, manifest, ("roles/data.json", "{}"), ("data.json", r#"{"roles": {"a": 1}}"#)], &[]);
    check_files(
        &[policy, manifest, ("other/data.json", "{\"x\": 1}"), ("q.rego", "package q\nx := 1")],
        &["0:0 policy.roots", "1:1 policy.roots"],
    );
}

#[test]
fn an_unsafe_variable_is_found_at_load_even_where_no_call_reaches() {
    let problems = load(&[("p.rego", "package toolgate\ndecision := false\n"), ("q.rego", "package q\nx if y > 1\n")]).unwrap_err();
    assert_eq!((problems[0].file.as_str(), problems[0].line, problems[0].code), ("q.rego", 2, "policy.analysis"), "{problems:?}");
}
