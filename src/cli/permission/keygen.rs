//! `toolgate permission keygen`: a private key for a person, and the entry by which toolgate knows it.

use crate::cli::say::say;
use anyhow::{Context as _, bail};
use permission::{KeyEntry, Published, Role, SigningKey, published};
use serde_json::{Value, json};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use zeroize::Zeroizing;

/// Whose key it is and what it may do.
#[derive(clap::Args)]
pub(in crate::cli) struct Args {
    /// Who holds the key; the issuer of what it signs
    #[arg(long)]
    person: String,
    /// What it may sign: approver, override, break_glass (may be given more than once, as the next two)
    #[arg(long = "role", value_name = "ROLE", required = true, value_parser = role)]
    roles: Vec<Role>,
    /// For which tenants
    #[arg(long = "tenant", value_name = "TENANT", default_value = "*")]
    tenants: Vec<String>,
    /// For which tools; a `*` at the end takes all that begin so
    #[arg(long = "tool", value_name = "TOOL", default_value = "*")]
    tools: Vec<String>,
    /// The longest life of what it signs, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "3600")]
    lifetime_s_max: u32,
    /// The file for the private key (mode 0400); it must not exist
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// The file of keys to add the entry to; without it the entry is printed
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
}

fn role(text: &str) -> Result<Role, String> {
    serde_json::from_value(Value::String(text.to_owned()))
        .map_err(|_| format!("`{text}` is no role: write `approver`, `override` or `break_glass`"))
}

/// Makes the key.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let mut seed = Zeroizing::new([0_u8; 32]);
    getrandom::fill(seed.as_mut()).context("the system gives no random bytes")?;
    let key = SigningKey::from_seed(&seed);
    let entry = published(
        &key,
        Published {
            person: args.person.clone(),
            roles: args.roles.clone(),
            tenants: args.tenants.clone(),
            tools: args.tools.clone(),
            lifetime_seconds_max: args.lifetime_s_max,
        },
    );
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o400)
        .open(&args.out)
        .with_context(|| format!("cannot make `{}`: a key is never written over another", args.out.display()))?;
    file.write_all(key.to_pem()?.as_bytes()).with_context(|| format!("cannot write `{}`", args.out.display()))?;
    eprintln!("the private key `{}` is in {}: keep it where no agent can read it", entry.kid, args.out.display());
    match &args.keys {
        Some(path) => add(path, &entry)?,
        None => say!("{}", serde_json::to_string_pretty(&json!({"keys": [entry]}))?),
    }
    Ok(ExitCode::SUCCESS)
}

fn add(path: &Path, entry: &KeyEntry) -> anyhow::Result<()> {
    let mut keys = match std::fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).with_context(|| format!("`{}` is not JSON", path.display()))?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => json!({"keys": []}),
        Err(error) => return Err(error).with_context(|| format!("cannot read `{}`", path.display())),
    };
    let Some(list) = keys.get_mut("keys").and_then(Value::as_array_mut) else {
        bail!("`{}` is no file of keys: it has no list `keys`", path.display())
    };
    list.push(serde_json::to_value(entry)?);
    super::revoke::replace(path, &serde_json::to_string_pretty(&keys)?)?;
    eprintln!("its entry is in {}: toolgate takes it when it reads that file again", path.display());
    Ok(())
}
