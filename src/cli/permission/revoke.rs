//! `toolgate permission revoke`: the list of revoked keys and permissions, written anew and swapped whole.

use crate::cli::say::say;
use crate::service::wall;
use anyhow::{Context as _, bail};
use config::PermissionFiles;
use permission::{Keys, Revocations};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What is revoked.
#[derive(clap::Args)]
pub(in crate::cli) struct Args {
    /// The configuration of the toolgate that is to know: the list is the one that its `permissions.revocations` names
    #[arg(long, value_name = "FILE", required_unless_present = "file")]
    config: Option<PathBuf>,
    /// The list itself; made if it does not exist. With `--config` it must be the one that is named there
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// A permission, by its `jti`
    #[arg(long = "jti", value_name = "JTI")]
    jtis: Vec<String>,
    /// A key, by its `kid`
    #[arg(long = "kid", value_name = "KID")]
    kids: Vec<String>,
    /// How long the list may be trusted before it must be renewed, such as `24h` or `30d`. Not said: as long as before, and at least 24h
    #[arg(long, value_name = "TIME", value_parser = seconds)]
    valid_for: Option<i64>,
}

/// Of a list that is made now, unless it is said.
const VALID_FOR_S: i64 = 24 * 3600;

fn seconds(text: &str) -> Result<i64, String> {
    match text.parse::<audit::Instant>() {
        Ok(audit::Instant::Ago(micros)) if micros > 0 => Ok(micros / 1_000_000),
        Ok(_) | Err(_) => Err(format!("`{text}` is no duration: write `30m`, `24h` or `7d`")),
    }
}

/// Adds to the list; with nothing to add it is renewed.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let files = args.config.as_deref().map(files_of).transpose()?;
    let file = list_file(args, files.as_ref())?;
    let owners = owners(args, files.as_ref())?;
    let mut list = match std::fs::read(&file) {
        Ok(bytes) => serde_json::from_slice(&bytes).with_context(|| format!("`{}` is no list of revocations", file.display()))?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Revocations { issued_at: 0, next_update: 0, kids: Default::default(), jtis: Default::default() }
        }
        Err(error) => return Err(error).with_context(|| format!("cannot read `{}`", file.display())),
    };
    let now = wall().seconds();
    if list.issued_at > now {
        bail!("`{}` was issued in the future: compare the clocks", file.display());
    }
    list.jtis.extend(args.jtis.iter().cloned());
    list.kids.extend(args.kids.iter().cloned());
    list.issued_at = now;
    list.next_update = match args.valid_for {
        Some(valid_for) => now.saturating_add(valid_for),
        None => list.next_update.max(now.saturating_add(VALID_FOR_S)),
    };
    replace(&file, &serde_json::to_string_pretty(&list)?)?;
    say!(
        "{} permission(s) and {} key(s) are revoked; renew the list before {}: from then on `strict` and `fail_closed` refuse every call",
        list.jtis.len(),
        list.kids.len(),
        canon::Micros(list.next_update.saturating_mul(1_000_000))
    );
    for (kid, person) in owners {
        say!("all that `{kid}`, the key of {person}, has signed is taken back");
    }
    match &args.config {
        Some(config) => say!("written to `{}`, which `{}` names: toolgate takes it while it serves", file.display(), config.display()),
        None => say!(
            "written to `{}`: only a toolgate whose `permissions.revocations` names this file takes it (`--config` finds and checks that)",
            file.display()
        ),
    }
    Ok(ExitCode::SUCCESS)
}

fn files_of(config: &Path) -> anyhow::Result<PermissionFiles> {
    config::permission_files(config).map_err(|problems| {
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        anyhow::anyhow!("{}", lines.join("\n"))
    })
}

/// Whose the keys are. One that the configuration's keys do not have is a slip, and would leave the one that is meant valid.
fn owners(args: &Args, files: Option<&PermissionFiles>) -> anyhow::Result<Vec<(String, String)>> {
    let Some(file) = files.and_then(|files| files.keys.as_ref()) else { return Ok(Vec::new()) };
    let jwks = std::fs::read(file).map_err(|error| error.to_string());
    let keys = jwks.and_then(|jwks| Keys::build(&jwks, None, permission::Settings::default()).map_err(|why| format!("{why:?}")));
    let keys = match keys {
        Ok(keys) => keys,
        Err(why) => {
            // What is to be taken back in a hurry is taken back.
            eprintln!("toolgate: the keys in `{}` cannot be read, so it is not known whose they are: {why}", file.display());
            return Ok(Vec::new());
        }
    };
    let owner = |kid: &String| {
        let entry = keys.entries().find(|entry| entry.kid == *kid);
        let known = || {
            let known: Vec<String> = keys.entries().map(|entry| format!("`{}` ({})", entry.kid, entry.person)).collect();
            if known.is_empty() { "none".to_owned() } else { known.join(", ") }
        };
        let entry = entry.with_context(|| format!("`{kid}` is no key in `{}`, which has {}", file.display(), known()))?;
        Ok((kid.clone(), entry.person.clone()))
    };
    args.kids.iter().map(owner).collect()
}

/// The list to write: where a configuration is given, no other than it names.
fn list_file(args: &Args, files: Option<&PermissionFiles>) -> anyhow::Result<PathBuf> {
    let (Some(config), Some(files)) = (&args.config, files) else {
        return args.file.clone().context("name the list: `--config FILE` or `--file FILE`");
    };
    let named = files.revocations.clone();
    let named = named.with_context(|| {
        format!("`{}` names no `permissions.revocations`: toolgate would read no list, add the key and start it again", config.display())
    })?;
    // Two spellings of one file are one file.
    let place = |path: &Path| std::fs::canonicalize(path).or_else(|_| std::path::absolute(path)).unwrap_or_else(|_| path.to_owned());
    match &args.file {
        Some(file) if place(file) != place(&named) => {
            bail!("`{}` names `{}` as its list: toolgate would not read `{}`", config.display(), named.display(), file.display())
        }
        Some(_) | None => Ok(named),
    }
}

/// Writes a file beside the old one and renames it over: a reader sees one or the other, never a part.
pub(super) fn replace(path: &Path, text: &str) -> anyhow::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let name = path.file_name().with_context(|| format!("`{}` names no file", path.display()))?;
    let beside = folder.join(format!(".{}.{}", name.to_string_lossy(), std::process::id()));
    let written = std::fs::write(&beside, format!("{text}\n")).and_then(|()| std::fs::rename(&beside, path));
    written.with_context(|| format!("cannot write `{}`", path.display()))
}
