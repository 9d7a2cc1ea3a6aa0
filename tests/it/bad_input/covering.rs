//! Few rows in which many choices meet: for any so many columns, each combination of their values stands in some row. Pure; knows no fault.

use std::collections::BTreeSet;

/// Some columns, in order, and a value of each.
type Tuple = Vec<(usize, usize)>;

/// Rows, a value below `sizes[column]` in each column, in which any `strength` columns show every combination of their values.
pub(super) fn covering(sizes: &[usize], strength: usize) -> Vec<Vec<usize>> {
    let mut missing = tuples(sizes, strength);
    let mut rows = Vec::new();
    while let Some(seed) = missing.first().cloned() {
        let mut row = vec![None; sizes.len()];
        for (column, value) in seed {
            row[column] = Some(value);
        }
        for (column, size) in sizes.iter().enumerate() {
            if row[column].is_none() {
                row[column] = (0..*size).max_by_key(|value| (gain(&missing, &row, column, *value), std::cmp::Reverse(*value)));
            }
        }
        let row: Vec<usize> = row.into_iter().map(Option::unwrap).collect();
        missing.retain(|tuple| !tuple.iter().all(|(column, value)| row[*column] == *value));
        rows.push(row);
    }
    rows
}

/// How much closer `value` in `column` brings a row to what is missing: what it completes first, what it leaves possible after that.
fn gain(missing: &BTreeSet<Tuple>, row: &[Option<usize>], column: usize, value: usize) -> (usize, usize) {
    let fits = |tuple: &&Tuple| {
        let fit = |(at, wanted): &(usize, usize)| if *at == column { value == *wanted } else { row[*at].is_none_or(|is| is == *wanted) };
        tuple.iter().any(|(at, _)| *at == column) && tuple.iter().all(fit)
    };
    let complete = |tuple: &&Tuple| tuple.iter().all(|(at, _)| *at == column || row[*at].is_some());
    let fitting = || missing.iter().filter(fits);
    (fitting().filter(complete).count(), fitting().count())
}

/// Every combination of values of every `strength` columns.
fn tuples(sizes: &[usize], strength: usize) -> BTreeSet<Tuple> {
    let mut all = BTreeSet::from([Tuple::new()]);
    for (column, size) in sizes.iter().enumerate() {
        let longer = all
            .iter()
            .filter(|tuple| tuple.len() < strength)
            .flat_map(|tuple| (0..*size).map(|value| [tuple.as_slice(), &[(column, value)]].concat()).collect::<Vec<_>>());
        let longer: Vec<Tuple> = longer.collect();
        all.extend(longer);
    }
    all.retain(|tuple| tuple.len() == strength);
    all
}

/// Every combination stands in a row, the rows are as few as can be expected, and they are the same each time.
fn check(sizes: &[usize], strength: usize, tuples: usize, rows_max: usize) {
    let rows = covering(sizes, strength);
    assert!(rows.iter().all(|row| row.len() == sizes.len() && row.iter().zip(sizes).all(|(value, size)| value < size)));
    let mut seen = BTreeSet::new();
    for row in &rows {
        // All subsets of the columns, counted in binary.
        for chosen in (0..1_u32 << sizes.len()).filter(|chosen| chosen.count_ones() as usize == strength) {
            let columns = (0..sizes.len()).filter(|column| chosen & (1 << column) != 0);
            seen.insert(columns.map(|column| (column, row[column])).collect::<Vec<_>>());
        }
    }
    assert_eq!(seen.len(), tuples, "{sizes:?} by {strength}");
    assert!(rows.len() <= rows_max, "{sizes:?} by {strength}: {} rows", rows.len());
    assert_eq!(rows, covering(sizes, strength));
}

#[test]
fn every_pair_and_every_triple_stands_in_a_row() {
    check(&[2, 2], 2, 4, 4);
    check(&[3, 1, 2], 2, 3 + 6 + 2, 6);
    check(&[2, 2, 2, 2], 2, 24, 6);
    check(&[7, 6, 5, 5, 3], 2, 42 + 35 + 35 + 21 + 30 + 30 + 18 + 25 + 15 + 15, 49);
    check(&[7, 6, 5, 5, 3], 3, 210 + 210 + 126 + 175 + 105 + 105 + 150 + 90 + 90 + 75, 280);
}
