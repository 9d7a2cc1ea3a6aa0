//! `toolgate policy eval`: what the policy says of one input, for people and for scripts.

use super::{EVALUATION_LIMIT, LOAD_LIMIT, load};
use crate::cli::say::say;
use crate::sources;
use anyhow::bail;
use canon::json::{Tree, canonical};
use evaluator::on_large_stack;
use policy::{Asked, Decision, Reason, TestModules, Verdict};
use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;

/// A policy and an input.
#[derive(clap::Args)]
pub(in crate::cli) struct Args {
    /// A folder or a .tar.gz
    #[arg(default_value = "policies")]
    policy: PathBuf,
    /// A fixture's folder: its input.json is evaluated
    #[arg(long, value_name = "DIR", conflicts_with = "input")]
    fixture: Option<PathBuf>,
    /// A whole input, as `policy schema` describes it
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// Any rule instead of the decision, such as data.toolgate.risk
    #[arg(long)]
    rule: Option<String>,
    /// JSON instead of words
    #[arg(long)]
    json: bool,
}

/// Evaluates; exit 1 where the call is not allowed.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let file = match (&args.fixture, &args.input) {
        (Some(folder), _) => folder.join("input.json"),
        (None, Some(file)) => file.clone(),
        (None, None) => bail!("say what to evaluate: `--fixture DIR` or `--input FILE`"),
    };
    let asked = match Asked::parse(&file.display().to_string(), &sources::file(&file)?) {
        Ok(asked) => asked,
        Err(problems) => bail!("{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")),
    };
    let Some(snapshot) = load(&args.policy, TestModules::Leave)? else { return Ok(ExitCode::from(2)) };
    if let Some(rule) = args.rule.clone() {
        let value = on_large_stack(LOAD_LIMIT, move || snapshot.rule(&rule, &asked, &|| EVALUATION_LIMIT))?;
        match value {
            Ok(value) => say!("{value}"),
            Err(Reason { code, message }) => {
                bail!("`{}`: {message} ({code}); a rule is named like `data.toolgate.decision`", args.rule.as_deref().unwrap_or_default())
            }
        }
        return Ok(ExitCode::SUCCESS);
    }
    let decision = on_large_stack(LOAD_LIMIT, move || snapshot.evaluate(&asked, &|| EVALUATION_LIMIT))?;
    if args.json {
        let mut text = Vec::new();
        canonical::<Tree>(&decision.json(), &mut text);
        say!("{}", String::from_utf8_lossy(&text));
    } else {
        tell(&decision);
    }
    Ok(if decision.verdict == Verdict::Allow { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn tell(decision: &Decision) {
    let (word, colour) = match decision.verdict {
        Verdict::Allow => ("ALLOW", "32"),
        Verdict::Deny => ("DENY", "31"),
        Verdict::Error => ("ERROR", "33"),
    };
    if std::io::stdout().is_terminal() {
        say!("\u{1b}[{colour};1m{word}\u{1b}[0m");
    } else {
        say!("{word}");
    }
    for reason in &decision.reasons {
        say!("  {}: {}", reason.code, reason.message);
    }
    if let Some(risk) = decision.risk {
        say!("  risk {}", risk.name());
    }
    if decision.approval == policy::Approval::Required {
        say!("  a person must approve the call");
    }
    for obligation in &decision.obligations {
        say!("  obligation {}: {} place(s)", obligation.name(), obligation.paths().len());
    }
}
