//! What commands list: a table that fits 100 columns, or JSON, JSON lines, CSV. Nothing printed can drive a terminal or a spreadsheet.

use audit::table::csv;
use canon::text::shown;
use clap::ValueEnum;
use comfy_table::{ContentArrangement, Table, presets};
use serde_json::Value;

/// The widest line of a table.
const TABLE_COLUMNS: u16 = 100;

/// A form of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Form {
    /// For people
    Table,
    /// One JSON array
    Json,
    /// One JSON object a line
    Jsonl,
    /// RFC 4180
    Csv,
}

/// A table's lines.
pub(super) fn table(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic).set_width(TABLE_COLUMNS);
    table.set_header(header.iter().map(|name| name.to_uppercase()));
    for row in rows {
        table.add_row(row);
    }
    table.trim_fmt()
}

/// Prints JSON objects in a form; `columns` are the members that a table and CSV show.
pub(super) fn print(form: Form, columns: &[&str], rows: &[Value]) -> anyhow::Result<()> {
    let cells = |row: &Value| -> Vec<String> { columns.iter().map(|column| cell(row.get(*column))).collect() };
    match form {
        Form::Table if rows.is_empty() => println!("nothing to show"),
        Form::Table => println!("{}", table(columns, rows.iter().map(|row| cells(row).iter().map(|cell| shown(cell, 200)).collect()))),
        Form::Json => println!("{}", serde_json::to_string_pretty(rows)?),
        Form::Jsonl => {
            for row in rows {
                println!("{row}");
            }
        }
        Form::Csv => {
            let header: Vec<String> = columns.iter().map(|name| (*name).to_owned()).collect();
            print!("{}", csv(&header));
            for row in rows {
                print!("{}", csv(&cells(row)));
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
