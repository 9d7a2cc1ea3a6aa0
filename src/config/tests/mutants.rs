//! Generated mistakes: every value of every shipped file removed, emptied, of another type, huge. Never a panic; each is a valid
//! configuration or a list of problems that all name their file, and their line unless a file as a whole is meant.

use std::collections::BTreeSet;

use super::{Spot, active, at, judge, parse, reference, root, shipped, spots, without};
use crate::problem::Found;
use crate::yaml::{Node, Scalar, Value, tree};
use crate::{Mode, Modes, Problem};

/// What a value is replaced by.
fn strangers(node: &Node) -> Vec<Value> {
    let scalar = |text: &str, plain| Value::Scalar(Scalar { text: text.to_owned(), plain });
    let words = ["null", "true", "no", "-1", "0", "1.5", "0x10", "99999999999999999999999999", ".nan"];
    let texts = ["", " ", "word", "/", "a/../b", "\u{202e}\u{0}", "127.0.0.1:0", "spiffe://x", "https://x"];
    let mut values: Vec<Value> = words.iter().map(|word| scalar(word, true)).chain(texts.iter().map(|text| scalar(text, false))).collect();
    values.push(scalar(&"x".repeat(100_000), false));
    values.push(Value::List(Vec::new()));
    values.push(Value::Map(Vec::new()));
    values.push(Value::List(vec![node.clone(); 2_000]));
    values
}

fn judged(case: &str, problems: &[Problem]) {
    for problem in problems {
        assert!(!problem.message.is_empty() && problem.message.chars().count() < 2_000, "{case}: {problem}");
        assert!(problem.place.line > 0 && !problem.place.file.is_empty(), "{case}: {problem} has no line");
        assert!(!problem.to_string().chars().any(char::is_control), "{case}: {problem:?} would drive a terminal");
    }
}

/// Every mutant of a file, with what was done to it.
fn mutants(text: &str) -> impl Iterator<Item = (String, Node)> {
    let whole = root(text);
    spots(&whole).into_iter().flat_map(move |Spot { steps, path, .. }| {
        let node = at(&mut whole.clone(), &steps).clone();
        let gone = (format!("{path} removed"), without(&whole, &steps));
        let (whole, of) = (whole.clone(), steps);
        let replaced = strangers(&node).into_iter().enumerate().map(move |(index, value)| {
            let mut whole = whole.clone();
            at(&mut whole, &of).value = value;
            (format!("{path} replaced by stranger {index}"), whole)
        });
        std::iter::once(gone).chain(replaced)
    })
}

#[test]
fn of_toolgate_yaml() {
    let (mut count, mut valid, mut keys) = (0, 0, BTreeSet::new());
    for (case, root) in mutants(&reference()) {
        count += 1;
        match judge(&root, Mode::Production) {
            // INVARIANT: no value of this file makes enforcement looser.
            Ok(config) => {
                assert_eq!(config.rules(), active(Mode::Production).settings.rules(), "{case}");
                valid += 1;
            }
            Err(problems) => {
                judged(&case, &problems);
                assert!(!problems.is_empty(), "{case}");
                keys.extend(problems.into_iter().map(|problem| problem.key));
            }
        }
    }
    assert!(count > 2_000 && valid > 100 && keys.len() > 150, "{count} mutants, {valid} valid, {} keys refused", keys.len());
}

#[test]
fn of_modes_yaml() {
    let text = std::fs::read_to_string(shipped("modes.yaml")).expect("the modes");
    let (mut count, mut valid) = (0, 0);
    for (case, root) in mutants(&text) {
        count += 1;
        let found = Found::default();
        let modes = Modes::from_tree(&root, &found);
        match found.or_problems(modes) {
            Ok(modes) => {
                valid += 1;
                for (mode, settings) in modes.iter() {
                    assert!(settings.rules().no_looser_than(&mode.promises()).is_ok(), "{case}");
                }
            }
            Err(problems) => judged(&case, &problems),
        }
    }
    assert!(count > 2_000 && valid > 50, "{count} mutants, {valid} valid");
}

#[test]
fn of_bytes() {
    let text = reference().into_bytes();
    let found = Found::default();
    for cut in (0..text.len()).step_by(37) {
        let _ = tree("a.yaml", &text[..cut], &found);
        let mut flipped = text.clone();
        flipped[cut] ^= 0x15;
        if let Err(problems) = parse(&String::from_utf8_lossy(&flipped), Mode::Local) {
            judged("a flipped byte", &problems);
        }
    }
}
