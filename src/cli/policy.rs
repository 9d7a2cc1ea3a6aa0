//! `toolgate policy`: test, check and evaluate a policy as the sidecar would, without one running.

mod eval;

use super::say::say;
use crate::service::wall;
use crate::sources;
use anyhow::Context as _;
use clap::Subcommand;
use evaluator::on_large_stack;
use policy::fixtures::{self, Fixture};
use policy::test::{Ending, Outcome, Wanted};
use policy::{Settings, Snapshot, TestModules};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Longest time for loading a policy.
const LOAD_LIMIT: Duration = Duration::from_secs(10);
/// Longest time for all tests of a policy.
const TESTS_LIMIT: Duration = Duration::from_secs(600);
/// Longest time for one evaluation.
const EVALUATION_LIMIT: Duration = Duration::from_millis(500);

/// Commands about policies.
#[derive(Subcommand)]
pub(super) enum Command {
    /// Run the rules that are tests, and the fixtures; exit codes are those of `opa test`
    #[command(after_help = "Example:\n  toolgate policy test policies/default --fixtures fixtures/policies")]
    Test(TestArgs),
    /// Everything that is wrong with a policy, each with file, line and column
    #[command(after_help = "Example:\n  toolgate policy check policies/default")]
    Check(CheckArgs),
    /// Evaluate a policy for one input; exit 1 where the call is not allowed
    #[command(after_help = "Example:\n  toolgate policy eval policies/default --fixture fixtures/policies/write_protected")]
    Eval(eval::Args),
    /// The JSON Schema of what a policy reads
    #[command(after_help = "Example:\n  toolgate policy schema > input.schema.json")]
    Schema,
}

/// A policy and what to run.
#[derive(clap::Args)]
pub(super) struct TestArgs {
    /// A folder or a .tar.gz
    policy: PathBuf,
    /// A folder of fixtures: each a folder with input.json and expected.json
    #[arg(long, value_name = "DIR")]
    fixtures: Option<PathBuf>,
    /// Only tests and fixtures whose name has a match of this regular expression
    #[arg(short, long, value_name = "REGEX", default_value = "", hide_default_value = true)]
    run: Wanted,
    /// End with 1 where no test was run
    #[arg(long)]
    fail_on_empty: bool,
    /// Name those that passed, too
    #[arg(short, long)]
    verbose: bool,
}

/// A policy.
#[derive(clap::Args)]
pub(super) struct CheckArgs {
    /// A folder or a .tar.gz
    policy: PathBuf,
    /// Say what is supported, too: functions, obligations, members of a result
    #[arg(long)]
    supported: bool,
}

/// Runs a command.
pub(super) fn run(command: &Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Test(args) => test(args),
        Command::Check(args) => check(args),
        Command::Eval(args) => eval::run(args),
        Command::Schema => {
            say!("{}", policy::schema());
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Loads a policy, or prints every problem and gives none.
fn load(path: &Path, tests: TestModules) -> anyhow::Result<Option<Snapshot>> {
    let source = sources::policy(path)?;
    let settings = Settings { tests, ..Settings::default() };
    match on_large_stack(LOAD_LIMIT, move || Snapshot::load(&source, &settings))? {
        Ok(snapshot) => Ok(Some(snapshot)),
        Err(problems) => {
            for problem in &problems {
                eprintln!("{}", in_folder(path, &problem.to_string()));
            }
            eprintln!("{} problem(s)", problems.len());
            Ok(None)
        }
    }
}

/// A place inside the bundle as a path that an editor opens; what is said of the bundle is said of its path.
pub(super) fn in_folder(path: &Path, place: &str) -> String {
    match place.strip_prefix("bundle: ") {
        Some(whole) => format!("{}: {whole}", path.display()),
        None if path.is_dir() => format!("{}/{place}", path.display()),
        None => place.to_owned(),
    }
}

fn check(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    if args.supported {
        supported();
    }
    let Some(snapshot) = load(&args.policy, TestModules::Load)? else { return Ok(ExitCode::from(1)) };
    for warning in snapshot.warnings() {
        eprintln!("warning: {}", in_folder(&args.policy, &warning.to_string()));
    }
    let tools = snapshot.tools();
    say!("good: digest {}, revision {}", snapshot.digest(), snapshot.revision().unwrap_or("none"));
    say!("tools with rules of their own: {}", if tools.is_empty() { "none".to_owned() } else { tools.join(", ") });
    Ok(ExitCode::SUCCESS)
}

fn supported() {
    say!("members of a result: {}", policy::FIELDS.join(", "));
    say!("obligations: {} (constant JSON pointers)", policy::OBLIGATIONS.join(", "));
    say!("not built yet, an error decision: require, labels, limit");
    let functions: Vec<String> = policy::capabilities().iter().map(|capability| capability.name.to_owned()).collect();
    say!("functions: {}", functions.join(" "));
}

fn test(args: &TestArgs) -> anyhow::Result<ExitCode> {
    let Some(snapshot) = load(&args.policy, TestModules::Load)? else { return Ok(ExitCode::from(1)) };
    let fixtures = args.fixtures.as_deref().map(read_fixtures).transpose()?.unwrap_or_default();
    let (filter, at) = (args.run.clone(), wall());
    let (outcomes, stories) = on_large_stack(TESTS_LIMIT, move || {
        let begun = Instant::now();
        let outcomes = policy::test::run(&snapshot, &filter, at, &|| begun.elapsed());
        let stories: Vec<_> =
            fixtures.iter().filter(|fixture| filter.takes(&fixture.story)).map(|fixture| story(fixture, &snapshot)).collect();
        (outcomes, stories)
    })?;
    for outcome in &outcomes {
        tell(&args.policy, outcome, args.verbose);
    }
    let mut bad = 0;
    for (name, differences) in &stories {
        if !differences.is_empty() {
            bad += 1;
            say!("FAIL   fixture {name}");
            differences.iter().for_each(|difference| say!("         {difference}"));
        } else if args.verbose {
            say!("PASS   fixture {name}");
        }
    }
    if outcomes.is_empty() && stories.is_empty() {
        return Ok(none_run(args));
    }
    let count = |wanted: fn(&Ending) -> bool| outcomes.iter().filter(|outcome| wanted(&outcome.ending)).count();
    let (passed, skipped) = (count(|ending| *ending == Ending::Pass), count(|ending| *ending == Ending::Skipped));
    say!(
        "PASS: {}/{}{}",
        passed + stories.len() - bad,
        outcomes.len() + stories.len() - skipped,
        if skipped > 0 { format!(", SKIPPED: {skipped}") } else { String::new() }
    );
    let code = if bad > 0 { 2 } else { policy::test::exit_code(&outcomes) };
    Ok(ExitCode::from(code))
}

/// As `opa test` does: that nothing was run is no failure, unless it is to be one.
fn none_run(args: &TestArgs) -> ExitCode {
    match args.run.to_string().as_str() {
        "" => eprintln!("no test was run: a test is a rule `test_...` in a file `..._test.rego`, or a folder of `--fixtures`"),
        regex => eprintln!("no test was run: no name matches `{regex}` (`--run`); without it `--verbose` names them all"),
    }
    if args.fail_on_empty { ExitCode::from(1) } else { ExitCode::SUCCESS }
}

fn tell(policy: &Path, outcome: &Outcome, verbose: bool) {
    let (word, why) = match &outcome.ending {
        Ending::Pass => ("PASS", None),
        Ending::Skipped => ("SKIP", None),
        Ending::Fail => ("FAIL", None),
        Ending::Error(why) => ("ERROR", Some(why)),
    };
    if !verbose && matches!(outcome.ending, Ending::Pass | Ending::Skipped) {
        return;
    }
    let place = in_folder(policy, &format!("{}:{}", outcome.file, outcome.line));
    say!("{word:<6} {} ({place}, {:.1} ms)", outcome.name, outcome.took.as_secs_f64() * 1000.0);
    for line in why.into_iter().flat_map(|why| why.lines()).chain(outcome.prints.iter().map(String::as_str)) {
        say!("         {line}");
    }
}

fn story(fixture: &Fixture, snapshot: &Snapshot) -> (String, Vec<String>) {
    let differences = fixtures::check(fixture, snapshot, &|| EVALUATION_LIMIT);
    (fixture.story.clone(), differences.unwrap_or_else(|problems| problems.iter().map(ToString::to_string).collect()))
}

/// Every folder below `folder` that has an `input.json`, in the order of their names.
fn read_fixtures(folder: &Path) -> anyhow::Result<Vec<Fixture>> {
    let mut folders: Vec<PathBuf> = std::fs::read_dir(folder)
        .with_context(|| format!("cannot read `{}`", folder.display()))?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    folders.retain(|path| path.join("input.json").is_file());
    folders.sort();
    folders.iter().map(|folder| fixture(folder)).collect()
}

fn fixture(folder: &Path) -> anyhow::Result<Fixture> {
    let read = |name: &str| sources::file(&folder.join(name));
    let story = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(Fixture { story, input: read("input.json")?, expected: read("expected.json")? })
}
