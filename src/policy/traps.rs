//! The engine's known traps, each as a test of what toolgate does about it. A new version of the engine is taken when all of them hold.

use crate::snapshot::tests::{asked, codes_of, decide, load, soon};
use crate::{Asked, Verdict, codes};
use canon::Micros;
use std::time::{Duration, Instant};

#[expect(clippy::disallowed_methods, reason = "these tests measure")]
fn now() -> Instant {
    Instant::now()
}

fn refused(files: &[(&str, &str)], code: &str) -> String {
    let problems = load(files).expect_err("it loaded");
    let found = problems.iter().find(|problem| problem.code == code);
    found.unwrap_or_else(|| panic!("no {code} in {problems:?}")).to_string()
}

/// A policy that decides by one expression over `a`, the arguments.
fn by(expression: &str, arguments: &str) -> Verdict {
    let policy = format!("package toolgate\ndefault decision := false\ndecision if {{ a := input.call.arguments; {expression} }}\n");
    decide(&policy, arguments).verdict
}

#[test]
fn trap_01_data_overrides_rules() {
    let policy = ("p.rego", "package toolgate\ndefault decision := false\n");
    for data in [r#"{"toolgate": {"decision": true}}"#, r#"{"toolgate": {"decision": {"allow": true}}}"#, r#"{"toolgate": 7}"#] {
        let message = refused(&[policy, ("data.json", data)], "policy.data_over_rule");
        assert!(message.starts_with("p.rego:2:"), "{message}");
    }
    assert!(load(&[policy, ("data.json", r#"{"toolgate": {"roles": []}}"#)]).is_ok());
}

#[test]
fn trap_02_a_recursion_that_would_overflow_the_stack_does_not_load() {
    let direct = "package toolgate\nf(x) := f(x - 1)\ndecision if f(1)\n";
    assert!(refused(&[("p.rego", direct)], "policy.recursion").contains("`data.toolgate.f` -> `data.toolgate.f`"));
    let mutual = "package toolgate\nf(x) := g(x)\ng(x) := data.toolgate.f(x)\ndecision if f(1)\n";
    refused(&[("p.rego", mutual)], "policy.recursion");
    let rules = "package toolgate\ndecision if b\nb if decision\n";
    refused(&[("p.rego", rules)], "policy.recursion");
    let chain = (1..600).map(|n| format!("r{n} := r{} + 1\n", n - 1)).collect::<String>();
    refused(&[("p.rego", &format!("package toolgate\nr0 := 1\n{chain}decision if r599 > 1\n"))], "policy.chain");
}

#[test]
fn trap_03_a_call_leaves_nothing_in_the_engine_of_the_next() {
    let policy = "package toolgate\ndefault decision := false\ndecision if strings.count(input.call.arguments.text, input.call.arguments.part) == 3\n";
    let snapshot = load(&[("p.rego", policy)]).unwrap();
    let verdict = |arguments: &str| snapshot.evaluate(&asked("t", arguments), &soon).verdict;
    // The engine's own function panics on an empty part, and poisons the engine.
    assert_eq!(verdict(r#"{"text": "ab", "part": ""}"#), Verdict::Allow);
    assert_eq!(verdict(r#"{"text": "ab", "part": 7}"#), Verdict::Error);
    assert_eq!(verdict(r#"{"text": "abab", "part": "ab"}"#), Verdict::Deny);
}

#[test]
fn trap_03_a_panic_is_an_error_of_that_call_alone() {
    let policy = "package toolgate\nimport rego.v1\ndecision := object.get(input.call.arguments, \"x\", true)\n";
    let snapshot = load(&[("p.rego", policy)]).unwrap();
    let mut engine = snapshot.whole().clone();
    engine.add_extension("toolgate_panics".to_owned(), 0, Box::new(|_| panic!("as a builtin would"))).unwrap();
    engine.add_policy("q.rego".to_owned(), "package q\nr := toolgate_panics()".to_owned()).unwrap();
    engine.eval_query("true".to_owned(), false).unwrap();
    let fault = crate::run::Run::start(&engine, &Asked::blank()).rule("data.q.r", &soon).unwrap_err();
    assert_eq!(fault.code, codes::PANIC);
    assert_eq!(snapshot.evaluate(&asked("t", "{}"), &soon).verdict, Verdict::Allow);
}

#[test]
fn trap_04_no_builtin_runs_longer_than_it_may() {
    let expensive = [
        "count(numbers.range(1, 30000000)) > 0",
        "count(numbers.range_step(1, 30000000, 1)) > 0",
        "count(sprintf(\"%999999999d\", [1])) > 0",
        "count(sprintf(a.format, [1])) > 0",
        "count(replace(a.long, \"x\", a.long)) > 0",
        "count(net.cidr_expand(\"10.0.0.0/8\")) > 0",
        "bits.lsh(1, 100000000) > 0",
        "glob.match(\"*a*b*c*d*e*f*g*h*\", [], a.longer)",
    ];
    let arguments = format!(r#"{{"format": "%\u00b2d", "long": "{}", "longer": "{}"}}"#, "x".repeat(20_000), "a".repeat(1 << 20));
    for expression in expensive {
        let begun = now();
        assert_eq!(by(expression, &arguments), Verdict::Error, "{expression}");
        assert!(begun.elapsed() < Duration::from_secs(1), "{expression}");
    }
    let graph = "package toolgate\ndecision if count(graph.reachable_paths({}, [])) > 0\n";
    refused(&[("p.rego", graph)], "policy.forbidden_function");
}

#[test]
fn trap_04_the_time_limit_ends_what_the_engine_itself_does() {
    let policy = "package toolgate\ndecision if { some i in numbers.range(1, 5000); some j in numbers.range(1, 5000); i + j < 0 }\n";
    let decision = load(&[("p.rego", policy)]).unwrap().evaluate(&asked("t", "{}"), &|| Duration::from_millis(20));
    assert_eq!((decision.verdict, codes_of(&decision)), (Verdict::Error, vec![codes::TIMEOUT]));
}

#[test]
fn trap_05_literals_that_nest_deep_never_reach_the_parser() {
    let deep = |depth: usize| format!("package toolgate\ndecision := false\nx := {}1{}\n", "[".repeat(depth), "]".repeat(depth));
    let begun = now();
    assert!(refused(&[("p.rego", &deep(40))], "policy.nesting").starts_with("p.rego:3:17"));
    assert!(begun.elapsed() < Duration::from_millis(500));
    assert!(load(&[("p.rego", &deep(10))]).is_ok());
    assert!(load(&[("p.rego", "package toolgate\ndecision := false\ny := \"[[[[[[[[[[[[[[\" # [[[[[[[[[[[[[[\n")]).is_ok());
}

#[test]
fn trap_06_a_glob_stops_at_every_separator() {
    assert_eq!(by(r#"glob.match("srv:*", [":"], "srv:a:b")"#, "{}"), Verdict::Deny);
    assert_eq!(by(r#"glob.match("srv**", ["/"], "srv1/a/b")"#, "{}"), Verdict::Allow);
}

#[test]
fn trap_07_an_address_inside_ipv6_is_the_address() {
    assert_eq!(by(r#"net.cidr_contains("10.0.0.0/8", a.ip)"#, r#"{"ip": "::ffff:10.0.0.1"}"#), Verdict::Allow);
    assert_eq!(by(r#"net.cidr_contains("10.0.0.0/8", a.ip)"#, r#"{"ip": "::ffff:11.0.0.1"}"#), Verdict::Deny);
    assert_eq!(by(r#"net.cidr_contains("10.0.0.0/8", a.ip)"#, r#"{"ip": "::ffff:10.1.0.0/112"}"#), Verdict::Allow);
    assert_eq!(by(r#"net.cidr_contains("::/0", a.ip)"#, r#"{"ip": "2001:db8::1"}"#), Verdict::Allow);
}

#[test]
fn trap_08_digits_and_words_are_ascii() {
    assert_eq!(by(r"regex.match(`^\d+$`, a.n)", r#"{"n": "\u0663"}"#), Verdict::Deny);
    assert_eq!(by(r"regex.match(`^\w+$`, a.n)", r#"{"n": "\u00e9"}"#), Verdict::Deny);
    assert_eq!(by(r"regex.match(`^\d+$`, a.n)", r#"{"n": "42"}"#), Verdict::Allow);
    assert_eq!(by(r#"regex.replace(a.n, `\d`, "x") == a.n"#, r#"{"n": "\u0663"}"#), Verdict::Allow);
}

// Trap 9, backtraces, is a matter of the process: see the evaluator's tests.

#[test]
fn trap_10_a_failing_builtin_does_not_grant() {
    assert_eq!(by("not to_number(a.n)", r#"{"n": "a"}"#), Verdict::Error);
}

#[test]
fn trap_11_prints_are_gathered_for_one_call_and_go_with_it() {
    let policy = "package toolgate\ndecision if print(\"seen\", input.call.tool)\n";
    let snapshot = load(&[("p.rego", policy)]).unwrap();
    for _ in 0..3 {
        let mut run = crate::run::Run::start(snapshot.whole(), &asked("t", "{}"));
        run.rule("data.toolgate.decision", &soon).unwrap();
        assert_eq!(run.prints(), ["p.rego:2: seen t"]);
    }
}

#[test]
fn trap_12_an_entry_point_that_is_a_package_or_missing_does_not_load() {
    refused(&[("p.rego", "package toolgate.decision\nx := 1\n")], "policy.entry_point");
    refused(&[("p.rego", "package other\nx := 1\n")], "policy.entry_point");
    refused(&[("p.rego", "package toolgate\ndecision(x) := x\n")], "policy.entry_point");
    refused(
        &[("p.rego", "package toolgate\ndecision := false\n"), ("t.rego", "package toolgate.tools[\"t\"]\ndecison := true\n")],
        "policy.entry_point",
    );
}

#[test]
fn trap_13_a_line_that_is_too_long_is_a_problem_with_a_place() {
    let long = format!("package toolgate\ndecision := \"{}\" != \"\"\n", "x".repeat(1100));
    let message = refused(&[("p.rego", &long)], "policy.syntax");
    assert!(message.starts_with("p.rego"), "{message}");
}

#[test]
fn trap_14_a_decision_does_not_cost_more_with_more_tools() {
    let tool = |n: usize| format!("package toolgate.tools.t{n}\ndecision if not startswith(input.call.arguments.path, \"/etc/\")\n");
    let base = "package toolgate\ndecision if input.call.tool in data.tools\n";
    let cost = |tools: usize| {
        let names = (0..tools).map(|n| format!("\"t{n}\"")).collect::<Vec<_>>().join(",");
        let mut files = vec![("p.rego".to_owned(), base.to_owned()), ("data.json".to_owned(), format!(r#"{{"tools": [{names}]}}"#))];
        files.extend((0..tools).map(|n| (format!("t{n}.rego"), tool(n))));
        let files = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect::<Vec<_>>();
        let snapshot = load(&files).unwrap();
        let asked = asked("t0", r#"{"path": "/tmp/x"}"#);
        let mut times = (0..200)
            .map(|_| {
                let begun = now();
                assert_eq!(snapshot.evaluate(&asked, &soon).verdict, Verdict::Allow);
                begun.elapsed()
            })
            .collect::<Vec<_>>();
        times.sort();
        times[100]
    };
    let (few, many) = (cost(2), cost(400));
    assert!(many < few * 3, "{few:?} with 2 tools, {many:?} with 400");
}

#[test]
fn trap_15_what_an_extension_refuses_is_undefined_where_the_settings_say_so() {
    let policy = "package toolgate\ndefault decision := false\ndecision if not glob.match(\"[\", [], \"x\")\n";
    refused(&[("p.rego", policy)], "policy.pattern");
    let policy = "package toolgate\ndefault decision := false\ndecision if not glob.match(input.call.arguments.p, [], \"x\")\n";
    let source = crate::Source::of_files([("p.rego".to_owned(), policy.as_bytes().to_vec())]).unwrap();
    for (builtin_errors, verdict) in [(crate::BuiltinErrors::Error, Verdict::Error), (crate::BuiltinErrors::Undefined, Verdict::Allow)] {
        let snapshot = crate::Snapshot::load(&source, &crate::Settings { builtin_errors, ..crate::Settings::default() }).unwrap();
        assert_eq!(snapshot.evaluate(&asked("t", r#"{"p": "["}"#), &soon).verdict, verdict);
    }
}

#[test]
fn trap_16_a_loop_of_more_than_25_000_steps_ends_by_time_alone() {
    assert_eq!(by("count([x | some x in numbers.range(1, 9000); x % 7 != 1]) > 7000", "{}"), Verdict::Allow);
}

#[test]
fn trap_17_newer_syntax_is_a_problem_with_a_place() {
    let policy = "package toolgate\ndecision := false\nx := $\"a {1}\"\n";
    let message = refused(&[("p.rego", policy)], "policy.syntax");
    assert!(message.starts_with("p.rego:3:"), "{message}");
}

#[test]
fn trap_18_a_package_beneath_another_is_evaluated_however_it_is_named() {
    let rules = "package lib.rules\nrefuse if big\nbig if input.call.arguments.a > 1000\nfine if not big\nlimits contains 7 if big\nover(x) if { big; x }\n";
    for (import, refused) in [
        ("data.lib", "lib.rules.refuse"),
        ("data.lib as l", "l.rules.refuse"),
        ("data.lib as l", "l[\"rules\"].refuse"),
        ("data.lib", "not lib.rules.fine"),
        ("data.lib", "count(lib.rules.limits) > 0"),
        ("data.lib", "lib.rules.over(true)"),
        ("data.lib", "lib.rules.refuse; lib.known"),
        ("data.lib", "lib.known; lib.rules.refuse"),
        ("data.lib.rules", "rules.refuse"),
        ("data.lib.rules.refuse", "refuse"),
        ("data.lib.rules.refuse as x", "{x | x} == {true}"),
        ("data.lib", "lib.sub.too; lib.known"),
        ("rego.v1", "data.lib.rules.refuse"),
        ("data.toolgate.deep", "deep.er.refuse"),
    ] {
        let decision = format!("package toolgate\nimport {import}\ndefault decision := true\ndecision := false if {{ {refused} }}\n");
        // One of them reads what lies above itself.
        let above = "package lib.sub\nimport data.lib\ntoo if { lib.known; lib.rules.refuse; own }\nown if lib.rules.big\n";
        let deeper = "package toolgate.deep.er\nimport data.toolgate\nrefuse if { toolgate.deep.on; toolgate.deep.er.big }\nbig if input.call.arguments.a > 1000\n";
        let files = [
            ("a.rego", decision.as_str()),
            ("b.rego", "package lib\nknown := true\nf(x) := x\n"),
            ("c.rego", rules),
            ("d.rego", above),
            ("e.rego", "package toolgate.deep\non := true\n"),
            ("f.rego", deeper),
        ];
        for files in [files.to_vec(), files.iter().rev().copied().collect()] {
            let snapshot = load(&files).unwrap_or_else(|problems| panic!("{import}: {refused}: {problems:#?}"));
            for (arguments, verdict) in [(r#"{"a": 1001}"#, Verdict::Deny), (r#"{"a": 1}"#, Verdict::Allow)] {
                assert_eq!(snapshot.evaluate(&asked("t", arguments), &soon).verdict, verdict, "{import}: {refused}: {arguments}");
            }
        }
    }
}

#[test]
fn trap_18_a_package_with_others_beneath_it_is_not_read_whole() {
    let others = [("b.rego", "package lib\nknown := true\n"), ("c.rego", "package lib.rules\nrefuse := true\n")];
    for (line, text) in [
        (2, "decision if data.lib[input.call.tool].refuse"),
        (2, "decision if data.lib == {}"),
        (3, "import data.lib\ndecision if lib[input.call.tool].refuse"),
        (3, "import data.lib\ndecision if walk(lib, [_, true])"),
    ] {
        let text = format!("package toolgate\n{text}\n");
        let message = refused(&[[("a.rego", text.as_str())].as_slice(), &others].concat(), "policy.nested_package");
        assert!(
            message.starts_with(&format!("a.rego:{line}:")) && message.contains("`data.lib.rules` lies beneath `data.lib`"),
            "{message}"
        );
    }
    let shadowed = "package toolgate\nimport data.lib\ndecision if { [1 | some lib in [1]]; lib.rules.refuse }\n";
    refused(&[[("a.rego", shadowed)].as_slice(), &others].concat(), "policy.shadowed_import");
}

#[test]
fn the_clock_is_the_calls_own_and_tests_may_set_it() {
    let policy = "package toolgate\ndecision := time.now_ns() == 5000\n";
    let mut at = asked("t", "{}");
    let snapshot = load(&[("p.rego", policy)]).unwrap();
    for (micros, verdict) in [(5, Verdict::Allow), (6, Verdict::Deny)] {
        at.time = Micros(micros);
        assert_eq!(snapshot.evaluate(&at, &soon).verdict, verdict);
    }
}
