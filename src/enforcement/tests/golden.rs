//! The golden file: the ruling on every case there is, in as few lines as say the same. `UPDATE=1` rewrites it.
//!
//! Each case matches exactly one line: a column holds the words that it covers, `*` all of them.

use super::product::{Point, WIDTH, at, dimensions, shown};
use crate::{Level, Lock, Rules, Sensitive, Unfit, Unrecorded, admit, judge, unrecorded};
use std::path::PathBuf;

type Line = ([String; WIDTH], String);

/// The lines below `point`, whose first `depth` values are chosen: values that mean the same become one line.
fn lines(point: Point, depth: usize) -> Vec<Line> {
    let Some((_, words)) = dimensions().into_iter().nth(depth) else {
        let (rules, case) = at(point);
        return vec![(std::array::from_fn(|_| String::new()), shown(&judge(&rules, &case)))];
    };
    let mut groups: Vec<(Vec<&str>, Vec<Line>)> = Vec::new();
    for (index, word) in words.iter().enumerate() {
        let mut below = point;
        below[depth] = index;
        let below = lines(below, depth + 1);
        match groups.iter_mut().find(|(_, known)| *known == below) {
            Some((covered, _)) => covered.push(word),
            None => groups.push((vec![word], below)),
        }
    }
    let mut out = Vec::new();
    for (covered, below) in groups {
        let cell = if covered.len() == words.len() { "*".to_owned() } else { covered.join("|") };
        out.extend(below.into_iter().map(|(mut cells, ruling)| {
            cells[depth].clone_from(&cell);
            (cells, ruling)
        }));
    }
    out
}

fn table() -> String {
    let names = dimensions().map(|(name, _)| name.to_owned());
    let mut rows = vec![(names, "ruling".to_owned())];
    rows.extend(lines([0; WIDTH], 0));
    let widths: [usize; WIDTH] = std::array::from_fn(|column| rows.iter().map(|(cells, _)| cells[column].len()).max().unwrap_or(0));
    let mut text =
        "# The ruling on every call that can be judged. The first column is the level; each case matches exactly one line.\n".to_owned();
    for (cells, ruling) in rows {
        for (cell, width) in cells.iter().zip(widths) {
            text.push_str(&format!("{cell:width$}  "));
        }
        text.push_str(&ruling);
        text.push('\n');
    }
    text.push_str("\n# Requests that cannot be judged, and calls whose decision the journal did not take.\n");
    for level in Level::ALL {
        let rules = Rules { level, sensitive: Sensitive::Recorded, lock: Lock::Off };
        for unfit in [Unfit::Malformed, Unfit::UnsupportedType, Unfit::BodyOverLimit, Unfit::Overload] {
            text.push_str(&format!("{:11}  {:15}  {}\n", level.name(), format!("{unfit:?}"), shown(&admit(&rules, unfit))));
        }
        for why in [Unrecorded::Refused, Unrecorded::Down] {
            text.push_str(&format!("{:11}  journal {:7}  {}\n", level.name(), format!("{why:?}"), shown(&unrecorded(&rules, why))));
        }
    }
    text
}

#[test]
#[expect(clippy::disallowed_methods, reason = "`UPDATE=1` is how a person asks for the file to be rewritten")]
fn the_golden_table_is_the_code() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/enforcement/table.txt");
    let table = table();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &table).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap();
    let differs = golden.lines().zip(table.lines()).position(|(old, new)| old != new);
    assert!(
        golden == table,
        "{} differs from the code, first at line {:?}: review with UPDATE=1",
        path.display(),
        differs.map(|line| line + 1)
    );
}
