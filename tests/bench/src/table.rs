//! What was asked and what was reached: a table to read, and the same as CSV.

use crate::Failure;
use std::fmt::Write as _;
use std::path::Path;

/// Which side of the limit is good.
#[derive(Clone, Copy)]
pub(crate) enum Asked {
    /// So much or less.
    AtMost(f64),
    /// So much or more.
    AtLeast(f64),
    /// Nothing: said for context.
    Nothing,
}

struct Line {
    name: String,
    asked: Asked,
    reached: f64,
    unit: &'static str,
    how: String,
    machine: String,
}

/// The figures of one run.
#[derive(Default)]
pub(crate) struct Table {
    lines: Vec<Line>,
}

impl Table {
    /// Adds a figure; the machine's load is noted beside it, with the share of time that the measured process waited for its core.
    pub(crate) fn add(&mut self, name: &str, asked: Asked, reached: f64, unit: &'static str, how: &str, waited: Option<f64>) {
        let average = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let average = average.split_whitespace().next().unwrap_or("?");
        let waited = waited.map_or(String::new(), |waited| format!(", waited {:.0} %", waited * 100.0));
        let line = Line { name: name.to_owned(), asked, reached, unit, how: how.to_owned(), machine: format!("load {average}{waited}") };
        eprintln!("  {}", line.told());
        self.lines.push(line);
    }

    /// Whether everything that was asked was reached.
    pub(crate) fn is_reached(&self) -> bool {
        self.lines.iter().all(|line| line.verdict() != "MISSED")
    }

    /// Prints it and writes it to `csv`.
    pub(crate) fn tell(&self, csv: &Path) -> Result<(), Failure> {
        let mut rows = String::from("figure,asked,reached,unit,verdict,how,machine\n");
        println!("{:<46} {:>10} {:>10} {:<8} {:<7} machine", "figure", "asked", "reached", "unit", "");
        for line in &self.lines {
            println!("{}", line.told());
            let Line { name, reached, unit, how, machine, .. } = line;
            writeln!(rows, "\"{name}\",\"{}\",{reached:.3},{unit},{},\"{how}\",\"{machine}\"", line.asked(), line.verdict())?;
        }
        Ok(std::fs::write(csv, rows)?)
    }
}

impl Line {
    fn asked(&self) -> String {
        match self.asked {
            Asked::AtMost(limit) => format!("<= {limit}"),
            Asked::AtLeast(limit) => format!(">= {limit}"),
            Asked::Nothing => String::new(),
        }
    }

    fn verdict(&self) -> &'static str {
        match self.asked {
            Asked::AtMost(limit) if self.reached <= limit => "reached",
            Asked::AtLeast(limit) if self.reached >= limit => "reached",
            Asked::AtMost(_) | Asked::AtLeast(_) => "MISSED",
            Asked::Nothing => "",
        }
    }

    fn told(&self) -> String {
        let Self { name, reached, unit, machine, how, .. } = self;
        format!("{name:<46} {:>10} {reached:>10.2} {unit:<8} {:<7} {machine}; {how}", self.asked(), self.verdict())
    }
}
