//! `toolgate migrate`: makes or completes the ClickHouse schema. May run again at any time, also while writers run.

use super::clickhouse;
use super::run::Files;
use super::say::say;
use config::modes::{Days, MODE_VARIABLE};
use config::{Surroundings, Trail};
use peers::clickhouse::Error;
use peers::clickhouse::schema::{Database, roles, tables};
use std::path::PathBuf;
use std::process::ExitCode;

/// Which ClickHouse.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  toolgate migrate --user toolgate_owner --password-file owner.password\n  toolgate migrate --print    # the statements, for an administrator to run"
)]
pub(super) struct Args {
    #[command(flatten)]
    files: Files,
    /// The user of ClickHouse, instead of the configuration's: one that may make the database
    #[arg(long, value_name = "NAME", requires = "password_file")]
    user: Option<String>,
    /// The file with that user's password
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Print the statements, those of the roles too, and run none. Without a mode all but how long rows are kept, which the mode says
    #[arg(long)]
    print: bool,
}

/// What an administrator can be given before a mode is known.
fn print_without_mode(args: &Args) -> anyhow::Result<ExitCode> {
    let trail = Trail::read(&args.files.config).map_err(|problems| {
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        anyhow::anyhow!("where ClickHouse is cannot be read:\n{}", lines.join("\n"))
    })?;
    let server = trail.clickhouse.ok_or_else(|| anyhow::anyhow!("the configuration names no `audit.clickhouse`"))?;
    let database = Database::new(&server.database)?;
    for statement in tables(&database, None).iter().filter(|statement| !statement.ends_with(" TTL")).chain(&roles(&database)) {
        say!("{statement};\n");
    }
    say!("-- How long rows are kept is the mode's: {MODE_VARIABLE} names it, and its statements are printed, too.");
    Ok(ExitCode::SUCCESS)
}

/// Runs every statement in turn.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    if args.print && Surroundings::observe().mode.is_none() {
        return print_without_mode(args);
    }
    let mut config = args.files.load()?;
    if let Some(clickhouse) = &mut config.audit.clickhouse {
        clickhouse.user = args.user.clone().unwrap_or_else(|| clickhouse.user.clone());
        clickhouse.password_file = args.password_file.clone().or_else(|| clickhouse.password_file.clone());
    }
    let client = clickhouse::of(&config)?;
    let database = Database::new(client.database())?;
    let days = match config.active.settings.audit.retention_days {
        Days::Forever => None,
        Days::Count(days) => Some(days),
    };
    let statements = tables(&database, days);
    if args.print {
        for statement in statements.iter().chain(&roles(&database)) {
            say!("{statement};\n");
        }
        return Ok(ExitCode::SUCCESS);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        for statement in &statements {
            match client.query(statement, &[]).await {
                Ok(_) => {}
                // "No TTL to remove": rows are kept for good already.
                Err(Error::Refused { code: 36, .. }) if statement.ends_with("REMOVE TTL") => {}
                Err(error) => return Err(error.into()),
            }
        }
        anyhow::Ok(())
    })?;
    say!(
        "the schema is in place in `{}` at {}; rows are kept {}",
        database.as_str(),
        client.at(),
        days.map_or_else(|| "for good".to_owned(), |days| format!("{days} days"))
    );
    Ok(ExitCode::SUCCESS)
}
