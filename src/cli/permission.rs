//! `toolgate permission`: keys, signed overrides and approvals, and the list of what is revoked.

mod keygen;
mod revoke;
mod sign;

use super::admin_client::Place;
use super::say::say;
use super::table;
use anyhow::Context as _;
use clap::Subcommand;
use http::Method;
use serde_json::Value;
use std::path::PathBuf;
use std::process::ExitCode;

/// Commands about signed permissions.
#[derive(Subcommand)]
pub(super) enum Command {
    /// Make a key and its entry for the file of keys
    #[command(
        after_help = "Example:\n  toolgate permission keygen --person maria@example.org --role override \\\n    --out maria.pem --keys permissions.jwks.json"
    )]
    Keygen(keygen::Args),
    /// Print what was refused, for a person who signs elsewhere
    #[command(after_help = "Example:\n  toolgate permission refusal --admin unix:/run/toolgate/admin.sock --decision ID > refusal.json")]
    Refusal(RefusalArgs),
    /// Sign an override or approval of one refused call
    #[command(
        after_help = "Examples:\n  toolgate permission sign --admin http://127.0.0.1:9901 --decision ID --kind override \\\n    --key maria.pem --reason \"incident 42\" --deposit\n  toolgate permission sign --refusal refusal.json --kind override --key maria.pem \\\n    --reason \"incident 42\" > override.jwt"
    )]
    Sign(sign::Args),
    /// Leave a signed permission for the call that it is for
    #[command(
        after_help = "Example:\n  toolgate permission deposit --admin http://127.0.0.1:9901 override.jwt    # `-` for standard input"
    )]
    Deposit(DepositArgs),
    /// List the permissions that wait for their call
    #[command(after_help = "Example:\n  toolgate permission list --admin http://127.0.0.1:9901")]
    List(ListArgs),
    /// Add a key or a permission to the list of revocations
    #[command(after_help = "Example:\n  toolgate permission revoke --config toolgate.yaml --jti 018f...")]
    Revoke(revoke::Args),
}

/// Which refusal.
#[derive(clap::Args)]
pub(super) struct RefusalArgs {
    /// The admin listener of the toolgate that refused
    #[arg(long, value_name = "ADDRESS")]
    admin: Place,
    /// The refused decision's id, or the end of it, as the audit's tables show it
    #[arg(long, value_name = "ID")]
    decision: String,
}

/// A permission to deposit.
#[derive(clap::Args)]
pub(super) struct DepositArgs {
    /// The admin listener
    #[arg(long, value_name = "ADDRESS")]
    admin: Place,
    /// The file that holds the permission; `-` for standard input
    file: PathBuf,
}

/// Where to look.
#[derive(clap::Args)]
pub(super) struct ListArgs {
    /// The admin listener
    #[arg(long, value_name = "ADDRESS")]
    admin: Place,
    /// The form
    #[arg(short, long, value_name = "FORM", value_enum, default_value = "table")]
    output: table::Form,
}

/// Runs a command.
pub(super) fn run(command: &Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Keygen(args) => keygen::run(args),
        Command::Refusal(args) => {
            say!("{}", serde_json::to_string_pretty(&refusal(&args.admin, &args.decision)?)?);
            Ok(ExitCode::SUCCESS)
        }
        Command::Sign(args) => sign::run(args),
        Command::Deposit(args) => {
            let token = match args.file.to_str() {
                Some("-") => std::io::read_to_string(std::io::stdin()),
                Some(_) | None => std::fs::read_to_string(&args.file),
            };
            let token = token.with_context(|| format!("cannot read `{}`", args.file.display()))?;
            deposit(&args.admin, token.trim())
        }
        Command::List(args) => list(args),
        Command::Revoke(args) => revoke::run(args),
    }
}

/// What toolgate says of a refused call.
fn refusal(admin: &Place, decision: &str) -> anyhow::Result<Value> {
    admin.ask(Method::GET, &format!("/v1/refusals/{decision}"), bytes::Bytes::new())
}

/// Leaves a token with a running toolgate and says what it is good for.
fn deposit(admin: &Place, token: &str) -> anyhow::Result<ExitCode> {
    let answer = admin.ask(Method::POST, "/v1/permissions", token.to_owned().into())?;
    let word = |name: &str| answer.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    say!("deposited: the next call of `{}` with the same arguments goes through once, until {}", word("tool"), word("expires"));
    Ok(ExitCode::SUCCESS)
}

fn list(args: &ListArgs) -> anyhow::Result<ExitCode> {
    let answer = args.admin.ask(Method::GET, "/v1/permissions", bytes::Bytes::new())?;
    let mut rows = answer.get("permissions").and_then(Value::as_array).cloned().unwrap_or_default();
    if args.output == table::Form::Table {
        rows.iter_mut().for_each(shorten);
    }
    table::print(args.output, &["tool", "subject", "tenant", "iss", "jti", "expires"], &rows)?;
    Ok(ExitCode::SUCCESS)
}

/// A table has room for the end of a SPIFFE id, and for an instant as the audit's tables show it.
fn shorten(row: &mut Value) {
    let mut short = |name: &str, shorter: fn(&str) -> String| {
        if let Some(value) = row.get_mut(name) {
            *value = value.as_str().map(shorter).into();
        }
    };
    short("subject", |id| id.rsplit('/').next().unwrap_or_default().to_owned());
    short("expires", |time| time.get(5..19).unwrap_or(time).replace('T', "\u{a0}"));
}
