//! `toolgate check`: everything that can be checked without serving: configuration, mode, policy, keys, servers. Every problem in one go.

use super::clickhouse;
use super::policy::in_folder;
use super::run::Files;
use super::say::say;
use crate::service::rehearse;
use crate::sources::{self, Unreadable};
use config::{Config, Way};
use enforcement::{Level, Lock};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;
use wire::Failure;

/// Longest time for parsing and checking a policy.
const POLICY_LOAD_LIMIT: Duration = Duration::from_secs(10);

/// Which configuration.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  SOMA_AGENT_MODE=PRODUCTION toolgate check --config toolgate.yaml")]
pub(super) struct Args {
    #[command(flatten)]
    files: Files,
    /// Do not ask upstreams and ClickHouse whether they are there
    #[arg(long)]
    offline: bool,
}

/// What was looked at, and what is wrong.
#[derive(Default)]
struct Findings {
    good: Vec<String>,
    warnings: Vec<String>,
    wrong: Vec<String>,
}

/// Prints what was found; exit 2 where something is wrong.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let config = args.files.load()?;
    let mut findings = Findings::default();
    findings.good.push(format!("configuration {}", args.files.config.display()));
    mode(&config, &mut findings);
    policy(&config, &mut findings);
    let dir = &config.journal.dir;
    findings.good.push(format!("journal {}{}", dir.display(), if dir.exists() { "" } else { ": not there yet, a start makes it" }));
    let rehearsed = rehearse(&config);
    match &rehearsed {
        Ok(_) => findings.good.push("keys, certificates, trust bundles, issuers, listeners, routes".to_owned()),
        Err(problems) => findings.wrong.extend(problems.0.iter().cloned()),
    }
    if !args.offline {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(servers(&config, rehearsed.ok(), &mut findings));
    }
    for good in &findings.good {
        say!("ok       {good}");
    }
    for warning in &findings.warnings {
        say!("WARNING  {warning}");
    }
    for wrong in &findings.wrong {
        say!("WRONG    {wrong}");
    }
    Ok(if findings.wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(2) })
}

fn mode(config: &Config, findings: &mut Findings) {
    let (name, rules) = (config.active.mode.name(), config.rules());
    let overlay = config.active.overlay.as_deref().unwrap_or("none");
    findings.good.push(format!("mode {name}: enforcement {}, overlay {overlay}", rules.level));
    if rules.level.is_permissive() {
        findings.warnings.push(format!("{name} is permissive: calls that the policy refuses are forwarded with a warning"));
    }
    findings.warnings.extend(config.in_the_clear());
    if rules.level >= Level::Strict && rules.lock == Lock::On {
        findings.warnings.push(
            "the training lock is on: every call is refused, since training sessions are not built yet; an overlay may switch it off"
                .to_owned(),
        );
    }
    if !rules.level.is_permissive() {
        findings.warnings.extend(unsigned(config.permissions.keys.as_deref()));
        if config.permissions.keys.is_some() && config.permissions.revocations.is_none() {
            findings.warnings.push("`permissions.revocations` names no file: neither a permission nor a key can be revoked".to_owned());
        }
    }
}

/// Why nobody can lift a refusal, if nobody can. A file that does not read is told with the other keys.
fn unsigned(keys: Option<&Path>) -> Option<String> {
    let Some(path) = keys else { return Some("`permissions.keys` names no file: nobody can lift a refusal".to_owned()) };
    let read: serde_json::Value = serde_json::from_slice(&sources::file(path).ok()?).ok()?;
    let none = read.get("keys")?.as_array()?.is_empty();
    none.then(|| format!("`{}` holds no key: nobody can lift a refusal until `toolgate permission keygen` adds one", path.display()))
}

fn policy(config: &Config, findings: &mut Findings) {
    let path = config.policy.source.display().to_string();
    let source = match sources::policy(&config.policy.source) {
        Ok(source) => source,
        Err(error @ Unreadable::Bundle(_)) => return findings.wrong.push(in_folder(&config.policy.source, &error.to_string())),
        Err(error) => return findings.wrong.push(error.of_policy(&config.policy)),
    };
    let settings = config.policy.settings.clone();
    match evaluator::on_large_stack(POLICY_LOAD_LIMIT, move || policy::Snapshot::load(&source, &settings)) {
        Ok(Ok(snapshot)) => {
            let tools = snapshot.tools().len();
            findings.good.push(format!("policy {path}: digest {}, {tools} tool(s) with rules of their own", snapshot.digest()));
            let warnings = snapshot.warnings().iter().map(|warning| in_folder(&config.policy.source, &warning.to_string()));
            findings.warnings.extend(warnings);
        }
        Ok(Err(problems)) => findings.wrong.extend(problems.iter().map(|problem| in_folder(&config.policy.source, &problem.to_string()))),
        Err(error) => findings.wrong.push(format!("policy {path}: {error}")),
    }
}

/// Where it was looked for, why it was not found there, and what to look at.
fn unreached(config: &Config, name: &str, failure: &Failure) -> String {
    let Some(upstream) = config.upstreams.iter().find(|upstream| upstream.name == name) else {
        return format!("upstream `{name}`: {failure}");
    };
    let (place, key, more) = match &upstream.way {
        Way::Http { address, .. } => (address.to_string(), "address", String::new()),
        Way::Unix { path } => (path.display().to_string(), "path", String::new()),
        Way::Https { address, server_name, roots } => (
            address.to_string(),
            "address",
            format!("; its certificate must be for `{server_name}`, from an authority in `{}` (`server_name`, `roots`)", roots.display()),
        ),
        Way::Mtls { address, spiffe_id } => (
            address.to_string(),
            "address",
            format!(
                "; it must be `{}`, by `identity.trust_bundles`, and take toolgate's own certificate (`identity.svid`)",
                spiffe_id.as_str()
            ),
        ),
    };
    format!(
        "upstream `{name}` at `{place}`: {failure}; does it run there, and may this machine reach it? `upstreams[{name}].{key}` says where it is{more}"
    )
}

async fn servers(config: &Config, upstreams: Option<Vec<(String, std::sync::Arc<wire::Upstream>)>>, findings: &mut Findings) {
    for (name, upstream) in upstreams.unwrap_or_default() {
        match upstream.reach().await {
            Ok(()) => findings.good.push(format!("upstream `{name}` answers")),
            Err(failure) => findings.wrong.push(unreached(config, &name, &failure)),
        }
    }
    if config.audit.clickhouse.is_none() {
        return findings.warnings.push("no `audit.clickhouse`: records stay in the journal alone".to_owned());
    }
    let schema = async {
        let client = clickhouse::of(config)?;
        let sql = format!("SELECT count() FROM {}.audit_events WHERE writer = '' FORMAT TSV", client.database());
        client.query(&sql, &[]).await?;
        anyhow::Ok(client.at())
    };
    match schema.await {
        Ok(at) => findings.good.push(format!("ClickHouse at {at} has the schema")),
        Err(error) => {
            let refused = matches!(error.downcast_ref(), Some(peers::clickhouse::Error::Refused { .. }));
            let advice = if refused {
                "; `toolgate migrate` makes the schema, its user needs the rights that `toolgate migrate --print` says"
            } else {
                ""
            };
            findings.wrong.push(format!("`audit.clickhouse`: {error:#}{advice}"));
        }
    }
}
