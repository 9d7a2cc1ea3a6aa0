//! Tests of tests.

use super::{Ending, Wanted, exit_code, run};
use crate::snapshot::tests::load;
use canon::Micros;
use std::time::Duration;

const POLICY: (&str, &str) = ("p.rego", "package toolgate\ndecision := input.call.tool == \"a\"\nf(x) := x\nlate if time.now_ns() > 5\n");

#[test]
fn tests_end_as_in_opa() {
    let tests = "package toolgate_test
import data.toolgate

test_pass if toolgate.decision with input.call.tool as \"a\"
test_fail if toolgate.decision with input.call.tool as \"b\"
test_false := false
test_error if to_number(\"a\") == 1
test_data if data.roles.a == 1 with data.roles as {\"a\": 1}
test_rule if toolgate.late with data.toolgate.late as true
test_clock if toolgate.late with time.now_ns as 6
test_print if { print(\"here\"); true }
test_every if every x in [1, 2] { x > 0 }
todo_test_later if false
helper if true
";
    let snapshot = load(&[POLICY, ("p_test.rego", tests)]).unwrap();
    let outcomes = run(&snapshot, &Wanted::default(), Micros(0), &|| Duration::ZERO);
    let endings = outcomes
        .iter()
        .map(|outcome| (outcome.name.trim_start_matches("data.toolgate_test."), outcome.line, kind(&outcome.ending)))
        .collect::<Vec<_>>();
    assert_eq!(
        endings,
        [
            ("test_clock", 10, "pass"),
            ("test_data", 8, "pass"),
            ("test_error", 7, "error"),
            ("test_every", 12, "pass"),
            ("test_fail", 5, "fail"),
            ("test_false", 6, "fail"),
            ("test_pass", 4, "pass"),
            ("test_print", 11, "pass"),
            ("test_rule", 9, "pass"),
            ("todo_test_later", 13, "skipped"),
        ]
    );
    assert_eq!(outcomes[7].prints, ["p_test.rego:11: here"]);
    assert_eq!(exit_code(&outcomes), 2);
    let passing = run(&snapshot, &"^data.*test_pas{2}".parse().unwrap(), Micros(0), &|| Duration::ZERO);
    assert_eq!((passing.len(), exit_code(&passing)), (1, 0));
}

fn kind(ending: &Ending) -> &'static str {
    match ending {
        Ending::Pass => "pass",
        Ending::Fail => "fail",
        Ending::Error(_) => "error",
        Ending::Skipped => "skipped",
    }
}

#[test]
fn a_tool_package_is_tested_in_place() {
    let tool = ("t.rego", "package toolgate.tools[\"a b\"]\ndecision if input.call.arguments.n == 1\n");
    let tests = ("t_test.rego", "package toolgate.tools[\"a b\"]\ntest_one if decision with input.call.arguments as {\"n\": 1}\n");
    let snapshot = load(&[POLICY, tool, tests]).unwrap();
    let outcomes = run(&snapshot, &Wanted::default(), Micros(0), &|| Duration::ZERO);
    assert_eq!((outcomes[0].name.as_str(), &outcomes[0].ending), ("data.toolgate.tools[\"a b\"].test_one", &Ending::Pass));
}
