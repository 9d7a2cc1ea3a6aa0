//! What commands list: a table that fits 100 columns, or JSON, JSON lines, CSV. Nothing printed can drive a terminal or a spreadsheet.

use super::say::{put, say};
use audit::table::csv;
use canon::text::shown;
use clap::ValueEnum;
use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width, presets};
use serde_json::Value;

/// The widest line of a table.
const TABLE_COLUMNS: u16 = 100;

/// A form of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Form {
    Table,
    // One array.
    Json,
    // One object a line.
    Jsonl,
    // RFC 4180.
    Csv,
}

/// A table's lines. A column that is empty in every row is left out; where not all words fit, the longest are broken, at their dots if that is enough.
pub(super) fn table(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let rows: Vec<Vec<String>> = rows.into_iter().collect();
    let columns: Vec<Vec<String>> = header
        .iter()
        .enumerate()
        .map(|(at, name)| (name.to_uppercase(), rows.iter().map(move |row| row.get(at).cloned().unwrap_or_default()).collect::<Vec<_>>()))
        .filter(|(_, cells)| cells.iter().any(|cell| !cell.is_empty()))
        .map(|(name, cells)| [vec![name], cells].concat())
        .collect();
    let mut words: Vec<u16> = columns.iter().map(|cells| longest(cells, &[' '])).collect();
    let parts: Vec<u16> = columns.iter().map(|cells| longest(cells, &[' ', '.'])).collect();
    for least in [parts, vec![1; words.len()]] {
        while width(&words, 1) > TABLE_COLUMNS {
            let widest = words.iter_mut().zip(&least).filter(|(word, least)| **word > **least).max();
            let Some((word, _)) = widest else { break };
            *word = word.saturating_sub(1);
        }
    }
    let columns: Vec<Vec<String>> =
        columns.iter().zip(&words).map(|(cells, word)| cells.iter().map(|cell| parted(cell, *word)).collect()).collect();
    let gap = if width(&words, 2) <= TABLE_COLUMNS { 2 } else { 1 };
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic).set_width(TABLE_COLUMNS);
    for line in 0..=rows.len() {
        let cells: Vec<&String> = columns.iter().filter_map(|cells| cells.get(line)).collect();
        if line == 0 {
            table.set_header(cells)
        } else {
            table.add_row(cells)
        };
    }
    for (at, (column, word)) in table.column_iter_mut().zip(&words).enumerate() {
        let right = if at + 1 < words.len() { gap } else { 0 };
        column.set_padding((0, right));
        // A boundary is that of the column with its padding.
        column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(word.saturating_add(right))));
    }
    table.trim_fmt()
}

/// Lines of columns that are so wide, for what is printed as it comes: cells that are longer are broken.
pub(super) fn line(widths: &[u16], cells: &[String]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic).set_width(TABLE_COLUMNS);
    table.add_row(cells.iter().zip(widths).map(|(cell, width)| parted(cell, *width)));
    for (at, (column, width)) in table.column_iter_mut().zip(widths).enumerate() {
        let right = u16::from(at + 1 < widths.len());
        column.set_padding((0, right));
        column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(width.saturating_add(right))));
    }
    table.trim_fmt()
}

/// Of a line with such columns and a gap between them.
fn width(columns: &[u16], gap: u16) -> u16 {
    columns.iter().fold(0_u16, |width, column| width.saturating_add(*column).saturating_add(gap)).saturating_sub(gap)
}

/// The longest part between these marks, in characters; all but a space stay with what they end.
fn longest(cells: &[String], marks: &[char]) -> u16 {
    let parts = cells.iter().flat_map(|cell| cell.split_inclusive(marks)).map(|part| part.trim_end_matches(' '));
    let longest = parts.map(|part| part.chars().count()).max();
    longest.and_then(|longest| u16::try_from(longest).ok()).unwrap_or(TABLE_COLUMNS).min(TABLE_COLUMNS)
}

/// The same cell with its words in lines of at most `most` characters, each as long as it can be: broken after a dot, else after `_`.
fn parted(cell: &str, most: u16) -> String {
    let most = usize::from(most);
    let is_long = |text: &str| text.chars().count() > most;
    let mut lines = Vec::new();
    for word in cell.split(' ') {
        let parts =
            word.split_inclusive('.').flat_map(|part| if is_long(part) { part.split_inclusive('_') } else { part.split_inclusive('\n') });
        let mut line = String::new();
        for part in parts {
            if !line.is_empty() && is_long(&format!("{line}{part}")) {
                lines.push(std::mem::take(&mut line) + "\n");
            }
            line.push_str(part);
        }
        lines.push(line + " ");
    }
    lines.concat().trim_end().to_owned()
}

/// Prints JSON objects in a form; `columns` are the members that a table and CSV show.
pub(super) fn print(form: Form, columns: &[&str], rows: &[Value]) -> anyhow::Result<()> {
    let cells = |row: &Value| -> Vec<String> { columns.iter().map(|column| cell(row.get(*column))).collect() };
    match form {
        Form::Table if rows.is_empty() => say!("nothing to show"),
        Form::Table => say!("{}", table(columns, rows.iter().map(|row| cells(row).iter().map(|cell| shown(cell, 200)).collect()))),
        Form::Json => say!("{}", serde_json::to_string_pretty(rows)?),
        Form::Jsonl => {
            for row in rows {
                say!("{row}");
            }
        }
        Form::Csv => {
            let header: Vec<String> = columns.iter().map(|name| (*name).to_owned()).collect();
            put!("{}", csv(&header));
            for row in rows {
                put!("{}", csv(&cells(row)));
            }
        }
    }
    Ok(())
}

fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) => items.iter().map(|item| cell(Some(item))).collect::<Vec<_>>().join(" "),
        Some(other @ (Value::Bool(_) | Value::Number(_) | Value::Object(_))) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::{TABLE_COLUMNS, line, table};

    #[test]
    fn words_stay_whole_within_the_width() {
        let header = ["time", "id", "tenant", "subject", "call", "would", "done", "reasons", "outcome", "nothing"];
        let row = |call: &str, reasons: &str, outcome: &str| {
            ["11-25\u{a0}00:43:06", "e2d1fd5a", "default", "agent", call, "deny", "forward", reasons, outcome, ""]
                .map(str::to_owned)
                .to_vec()
        };
        let rows = [
            row("notifications/i…", "toolgate.no_route", "completed, tool error"),
            row("write_file", "path.protected signed\u{a0}5Hmc3bFL…", ""),
        ];
        let text = table(&header, rows);
        for word in
            ["TIME", "11-25\u{a0}00:43:06", "notifications/i…", "toolgate.no_route", "signed\u{a0}5Hmc3bFL…", "completed,", "e2d1fd5a"]
        {
            assert!(text.contains(word), "`{word}` is broken in\n{text}");
        }
        assert!(text.lines().all(|line| line.chars().count() <= usize::from(TABLE_COLUMNS)), "too wide:\n{text}");
        assert!(!text.contains("NOTHING"), "an empty column in\n{text}");
    }

    #[test]
    fn lines_that_come_one_by_one_stand_below_each_other() {
        let cells = |reason: &str, end: &str| ["11-25\u{a0}00:43:06", reason, end].map(str::to_owned);
        for (reason, end, lines) in [("a.b", "completed", 1), ("", "", 1), ("a.b.c.d.e.f.g.h", "completed, tool error", 2)] {
            let text = line(&[14, 8, 10], &cells(reason, end));
            assert_eq!(text.lines().count(), lines, "{text}");
            assert!(text.lines().all(|line| line.chars().count() <= 34), "{text}");
            assert!(end.is_empty() || text.lines().next().unwrap().find("completed") == Some("11-25\u{a0}00:43:06".len() + 10), "{text}");
        }
    }

    #[test]
    fn a_code_is_broken_at_its_dots() {
        let code = "toolgate.permission.stale_revocations";
        let header = ["time", "id", "tenant", "subject", "call", "would", "done", "reasons", "outcome"];
        let row = [
            "11-25\u{a0}00:43:06",
            "e2d1fd5a",
            "billing-eu",
            "coder-agent1",
            "customers.creat",
            "allow",
            "forward",
            code,
            "completed, tool error",
        ];
        let whole = table(&header, [row.map(str::to_owned).to_vec()]);
        let narrow = line(&[14, 8, 7, 8, 16, 5, 7, 17, 10], &row.map(str::to_owned));
        for text in [whole, narrow] {
            for part in ["toolgate.", "permission.", "stale_", "revocations", "customers.", "completed,"] {
                assert!(text.split([' ', '\n', '\u{a0}']).any(|word| word.contains(part)), "`{part}` is broken in\n{text}");
            }
            assert!(text.lines().all(|line| line.chars().count() <= usize::from(TABLE_COLUMNS)), "too wide:\n{text}");
        }
        assert_eq!(super::parted(code, 12), "toolgate.\npermission.\nstale_\nrevocations");
        assert_eq!(super::parted("a.b cc", 2), "a.\nb cc");
    }

    #[test]
    fn what_cannot_fit_is_broken() {
        let text = table(&["first", "second"], [vec!["x".repeat(90), "y".repeat(90)]]);
        assert!(text.lines().all(|line| line.chars().count() <= usize::from(TABLE_COLUMNS)), "too wide:\n{text}");
    }
}
