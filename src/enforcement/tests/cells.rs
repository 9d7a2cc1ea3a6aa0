//! The cells of the design's table, written by hand in `fixtures/enforcement/cells.txt`.
//!
//! A line is `dimension=value .. -> ruling`; a dimension that is not named has its first value, a `*` means each of them.

use super::product::{Point, WIDTH, at, dimensions, shown};
use crate::judge;

fn points(given: &str) -> Vec<Point> {
    let mut points = vec![[0; WIDTH]];
    for word in given.split_whitespace() {
        let (name, value) = word.split_once('=').unwrap_or_else(|| panic!("`{word}` is not `dimension=value`"));
        let dimensions = dimensions();
        let column = dimensions.iter().position(|(known, _)| *known == name).unwrap_or_else(|| panic!("no dimension `{name}`"));
        let words = &dimensions[column].1;
        let values: Vec<usize> = match value {
            "*" => (0..words.len()).collect(),
            _ => value
                .split('|')
                .map(|one| words.iter().position(|known| *known == one).unwrap_or_else(|| panic!("no value `{one}`")))
                .collect(),
        };
        points = points
            .iter()
            .flat_map(|point| {
                values.iter().map(|&value| {
                    let mut point = *point;
                    point[column] = value;
                    point
                })
            })
            .collect();
    }
    points
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the cells are a fixture")]
fn each_cell_is_as_written() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/enforcement/cells.txt");
    let text = std::fs::read_to_string(path).unwrap();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
        let (given, expected) = line.split_once(" -> ").unwrap_or_else(|| panic!("line {}: no `->`", number + 1));
        for point in points(given) {
            let (rules, case) = at(point);
            assert_eq!(shown(&judge(&rules, &case)), expected.trim(), "cells.txt:{}: {rules:?} {case:?}", number + 1);
        }
    }
}
