//! `toolgate init`: a folder to begin with. It holds a configuration, the modes, empty lists of keys and revocations, a policy of two rules with tests, and two fixtures.

use super::say::say;
use crate::service::wall;
use anyhow::Context as _;
use config::modes::{MODE_VARIABLE, WORKSTATION};
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What stands for the user's id in a template.
const UID: &str = "@UID@";
/// What stands for the time, and for the time when the first list of revocations is due to be renewed, in seconds since the epoch.
const NOW: &str = "@NOW@";
const DUE: &str = "@DUE@";
/// A list that nobody renews yet must not stop a first try.
const FIRST_LIST_S: i64 = 365 * 86_400;
/// The story that shows a first refusal.
const REFUSED: &str = "fixtures/write_refused";

/// Every file with its content.
const FILES: [(&str, &str); 12] = [
    ("toolgate.yaml", include_str!("init/toolgate.yaml")),
    ("modes.yaml", include_str!("../../config/modes.yaml")),
    ("permissions.jwks.json", include_str!("init/permissions.jwks.json")),
    ("revocations.json", include_str!("init/revocations.json")),
    ("policies/toolgate.rego", include_str!("init/policies/toolgate.rego")),
    ("policies/toolgate_test.rego", include_str!("init/policies/toolgate_test.rego")),
    ("fixtures/read_allowed/input.json", include_str!("init/fixtures/read_allowed/input.json")),
    ("fixtures/read_allowed/expected.json", include_str!("init/fixtures/read_allowed/expected.json")),
    ("fixtures/read_allowed/README.md", include_str!("init/fixtures/read_allowed/README.md")),
    ("fixtures/write_refused/input.json", include_str!("init/fixtures/write_refused/input.json")),
    ("fixtures/write_refused/expected.json", include_str!("init/fixtures/write_refused/expected.json")),
    ("fixtures/write_refused/README.md", include_str!("init/fixtures/write_refused/README.md")),
];

/// Where to write.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  toolgate init demo")]
pub(super) struct Args {
    /// The folder; made if it is not there. Nothing in it is overwritten
    #[arg(value_name = "DIR", default_value = ".")]
    dir: PathBuf,
}

/// Writes the files and says what to do next.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    write(&args.dir)?;
    for (name, _) in FILES {
        say!("wrote {}", canon::text::shown(&args.dir.join(name).display().to_string(), 4096));
    }
    say!("\n{}", next(&args.dir));
    Ok(ExitCode::SUCCESS)
}

/// What to do next; its last line shows a refusal without a server.
fn next(dir: &Path) -> String {
    let enter = if dir == Path::new(".") { String::new() } else { format!("cd {} && ", word(&dir.display().to_string())) };
    let mode = WORKSTATION.name();
    format!(
        "Once an MCP server listens at http://127.0.0.1:3000/mcp, serve it to agents at http://127.0.0.1:8080/mcp:\n  \
         {enter}{MODE_VARIABLE}={mode} toolgate run\n\
         See a first call refused, with its reason and without a server:\n  \
         {enter}toolgate policy eval policies --fixture {REFUSED}"
    )
}

/// One word for a shell.
fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    if text.starts_with('-') || !text.chars().all(plain) { format!("./'{}'", text.replace('\'', r"'\''")) } else { text.to_owned() }
}

/// Writes all files, or none if one of them is there already.
fn write(dir: &Path) -> anyhow::Result<()> {
    let there: Vec<&str> = FILES.iter().map(|(name, _)| *name).filter(|name| dir.join(name).symlink_metadata().is_ok()).collect();
    anyhow::ensure!(there.is_empty(), "`{}` already has {}: choose another folder", dir.display(), there.join(", "));
    fs::create_dir_all(dir).with_context(|| format!("the folder `{}` cannot be made", dir.display()))?;
    for (name, content) in FILES {
        let file = dir.join(name);
        write_one(&file, content).with_context(|| format!("`{}` cannot be written", file.display()))?;
    }
    Ok(())
}

fn write_one(file: &Path, content: &str) -> std::io::Result<()> {
    file.parent().map_or(Ok(()), fs::create_dir_all)?;
    let mut open = OpenOptions::new().write(true).create_new(true).open(file)?;
    // A new file belongs to the user that runs this command, who is taken for the agent's.
    let uid = open.metadata()?.uid().to_string();
    let now = wall().seconds();
    let due = now.saturating_add(FIRST_LIST_S).to_string();
    open.write_all(content.replace(UID, &uid).replace(NOW, &now.to_string()).replace(DUE, &due).as_bytes())
}

#[cfg(test)]
mod tests;
