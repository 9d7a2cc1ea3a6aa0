//! `toolgate permission sign`: a person lets one refused call through. The person sees what is signed, and signs with a key from a file. What was
//! refused is asked of toolgate, or read from a file where the key is and no toolgate.

use super::{Place, deposit, refusal};
use crate::cli::say::say;
use crate::service::wall;
use anyhow::{Context as _, bail};
use canon::text::shown;
use clap::ValueEnum;
use clap::builder::NonEmptyStringValueParser;
use permission::{Claims, Kind, SigningKey, sign};
use serde_json::Value;
use std::fs::File;
use std::io::{IsTerminal as _, Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Bytes of a refusal that are read.
const REFUSAL_BYTES_MAX: u64 = 1 << 20;

/// Which call, what for, and with which key.
#[derive(clap::Args)]
pub(in crate::cli) struct Args {
    /// The admin listener of the toolgate that refused
    #[arg(long, value_name = "ADDRESS", required_unless_present = "refusal")]
    admin: Option<Place>,
    /// The refused decision's id, or the end of it, as the audit's tables show it
    #[arg(long, value_name = "ID", required_unless_present = "refusal", requires = "admin")]
    decision: Option<String>,
    /// What `permission refusal` printed, instead of asking; `-` for standard input. Then nothing goes over a network
    #[arg(long, value_name = "FILE", conflicts_with = "decision")]
    refusal: Option<PathBuf>,
    /// What to sign
    #[arg(long, value_enum)]
    kind: Wanted,
    /// Lift an error decision; the key needs the role `break_glass`
    #[arg(long)]
    break_glass: bool,
    /// The private key
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Who signs; without it whoever toolgate knows the key by
    #[arg(long)]
    person: Option<String>,
    /// Why
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    reason: String,
    /// The ticket, where the configuration asks for one
    #[arg(long)]
    ticket: Option<String>,
    /// How long it holds, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "900")]
    lifetime_s: u32,
    /// Leave it with toolgate, so that the agent's next try goes through; without it the permission is printed
    #[arg(long, requires = "admin")]
    deposit: bool,
    /// Do not ask: for automation
    #[arg(long)]
    yes: bool,
}

/// What a person signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Wanted {
    Override,
    Approval,
}

/// Shows, asks, signs.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let refused = refused(args)?;
    let pem = std::fs::read_to_string(&args.key).with_context(|| format!("cannot read the key `{}`", args.key.display()))?;
    let key = SigningKey::from_pem(&pem).with_context(|| format!("cannot use the key `{}`", args.key.display()))?;
    let person = person(args, &refused, &key)?;
    let claims = claims(args, &refused, person)?;
    show(&refused, &claims);
    if !args.yes && !agreed()? {
        eprintln!("not signed");
        return Ok(ExitCode::from(1));
    }
    let kind = match args.kind {
        Wanted::Override => Kind::Override,
        Wanted::Approval => Kind::Approval,
    };
    let token = sign(kind, &claims, &key)?;
    match &args.admin {
        Some(admin) if args.deposit => deposit(admin, &token),
        Some(_) | None => {
            say!("{token}");
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// What was refused, as toolgate says it.
fn refused(args: &Args) -> anyhow::Result<Value> {
    let (text, name) = match (&args.refusal, &args.admin, &args.decision) {
        (Some(file), _, _) if file == Path::new("-") => (text_of(std::io::stdin().lock()), "standard input".to_owned()),
        (Some(file), _, _) => (File::open(file).and_then(text_of), format!("`{}`", file.display())),
        (None, Some(admin), Some(decision)) => return refusal(admin, decision),
        (None, _, _) => bail!("say what was refused: `--admin ADDRESS --decision ID`, or `--refusal FILE`"),
    };
    let text = text.with_context(|| format!("cannot read the refusal from {name}"))?;
    let wanted = "`toolgate permission refusal --admin ADDRESS --decision ID` prints a refusal";
    let refused: Value = serde_json::from_str(&text).with_context(|| format!("{name} is not JSON: {wanted}"))?;
    anyhow::ensure!(refused.get("decision_id").is_some(), "{name} is no refusal, it has no `decision_id`: {wanted}");
    Ok(refused)
}

/// A refusal's text, no more than one has.
fn text_of(from: impl Read) -> std::io::Result<String> {
    let mut text = String::new();
    from.take(REFUSAL_BYTES_MAX).read_to_string(&mut text).map(|_| text)
}

/// The name under which toolgate knows the key: the issuer of what it signs.
fn person(args: &Args, refused: &Value, key: &SigningKey) -> anyhow::Result<String> {
    let known = refused.get("signers").and_then(|signers| signers.get(key.kid())).and_then(Value::as_str).map(str::to_owned);
    match args.person.clone().or(known) {
        Some(person) => Ok(person),
        None => bail!("toolgate knows no key `{}`: is its entry in the file that `permissions.keys` names?", key.kid()),
    }
}

fn claims(args: &Args, refused: &Value, person: String) -> anyhow::Result<Claims> {
    let word = |name: &str| {
        refused
            .get(name)
            .and_then(Value::as_str)
            .map(str::to_owned)
            .with_context(|| format!("the refusal does not say `{name}`: is it whole, as `permission refusal` printed it?"))
    };
    let reasons: Vec<String> = serde_json::from_value(refused.get("reasons").cloned().unwrap_or_default())?;
    let lifts = match (word("blocked")?.as_str(), args.break_glass) {
        ("error", true) => vec!["error".to_owned()],
        ("error", false) => {
            bail!("the policy had no answer for this call: only a key with the role `break_glass` lifts that, with `--break-glass`")
        }
        // `error` is no reason of a policy: a file that names it was made to have more signed than it shows.
        (_, _) if reasons.iter().any(|reason| reason == "error") => {
            bail!("the refusal names `error` as a reason and says that the policy denied the call: take it anew with `permission refusal`")
        }
        (_, _) => reasons,
    };
    let now = wall().seconds();
    Ok(Claims {
        iss: person,
        sub: word("subject")?,
        aud: word("audience")?,
        tenant: word("tenant")?,
        iat: now,
        nbf: now,
        exp: now.saturating_add(i64::from(args.lifetime_s)),
        jti: uuid::Uuid::now_v7().to_string(),
        reason: args.reason.clone(),
        upstream: word("upstream")?,
        tool: word("tool")?,
        arguments_digest: word("arguments_digest")?,
        decision_id: word("decision_id")?.parse()?,
        instance: word("instance")?.parse()?,
        lifts,
        ticket: args.ticket.clone(),
        uses: 1,
    })
}

fn show(refused: &Value, claims: &Claims) {
    eprintln!("You are about to let one call through:");
    for (name, value) in told(refused, claims) {
        eprintln!("  {name:<10} {value}");
    }
}

/// What is signed, for a terminal: a refusal is a file from elsewhere, and what is in it an agent may have chosen.
fn told(refused: &Value, claims: &Claims) -> [(&'static str, String); 10] {
    let word = |name: &str| shown(refused.get(name).and_then(Value::as_str).unwrap_or("-"), 200);
    let lifts: Vec<String> = claims.lifts.iter().map(|code| shown(code, 200)).collect();
    [
        ("workload", shown(&claims.sub, 200)),
        ("tenant", shown(&claims.tenant, 200)),
        ("tool", format!("{} of {}", shown(&claims.tool, 200), shown(&claims.upstream, 200))),
        ("arguments", shown(&claims.arguments_digest, 200)),
        ("see them", format!("toolgate audit show {}", word("decision_id"))),
        ("refused", format!("at {}, {}", word("at"), word("blocked"))),
        ("lifts", lifts.join(", ")),
        ("because", shown(&claims.reason, 500)),
        ("signed by", shown(&claims.iss, 200)),
        ("until", canon::Micros(claims.exp.saturating_mul(1_000_000)).to_string()),
    ]
}

fn agreed() -> anyhow::Result<bool> {
    if !std::io::stdin().is_terminal() {
        bail!("nobody can be asked here, since standard input is no terminal: add `--yes` to sign without a question");
    }
    eprint!("Sign? [y/N] ");
    std::io::stderr().flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

#[cfg(test)]
mod tests {
    use super::told;
    use permission::Claims;
    use serde_json::json;

    #[test]
    fn nothing_that_is_signed_drives_the_terminal() {
        let evil = || "a\u{1b}[2K\r\u{202e}".to_owned();
        let claims = Claims {
            iss: evil(),
            sub: evil(),
            aud: evil(),
            tenant: evil(),
            iat: 0,
            nbf: 0,
            exp: 0,
            jti: evil(),
            reason: evil(),
            upstream: evil(),
            tool: evil(),
            arguments_digest: evil(),
            decision_id: "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap(),
            instance: "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap(),
            lifts: vec![evil(), evil()],
            ticket: Some(evil()),
            uses: 1,
        };
        for (name, value) in told(&json!({"at": evil(), "blocked": evil()}), &claims) {
            assert!(!value.contains(['\u{1b}', '\r', '\u{202e}']), "{name}: {value:?}");
        }
    }
}
