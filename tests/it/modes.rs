//! The modes as people, scripts and agents in Python see them: the same settings everywhere, and nothing starts without a mode.

mod starts;

use crate::peers::{Folder, run};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

/// For one command.
const LIMIT: Duration = Duration::from_secs(30);
const MODES: [&str; 4] = ["LOCAL", "DEVELOPMENT", "TRAINING", "PRODUCTION"];
const ENVIRONMENTS: [&str; 4] = ["local", "development", "training", "production"];

fn shipped(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config").join(path)
}

/// `command` without the variables that name a mode or an overlay.
fn plain(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).env_remove("SOMA_AGENT_MODE").env_remove("TOOLGATE_OVERLAY").env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

fn toolgate(arguments: &[&str]) -> Output {
    run(&mut plain(env!("CARGO_BIN_EXE_toolgate"), arguments), LIMIT)
}

/// `modes.py` of the folder, as a script.
fn python(folder: &Path, arguments: &[&str]) -> Output {
    let script = shipped("modes.py");
    let call =
        "import sys; sys.path.insert(0, sys.argv[1]); import modes; modes.__file__ = sys.argv[2]; sys.exit(modes.main(sys.argv[3:]))";
    let within = folder.join("modes.py");
    let mut all = vec!["-c", call, script.parent().unwrap().to_str().unwrap(), within.to_str().unwrap()];
    all.extend(arguments);
    run(&mut plain("python3", &all), LIMIT)
}

/// What a statement in Python prints, with the modules `modes` and `json` there.
fn python_says(statement: &str, arguments: &[&str]) -> String {
    let call = format!("import sys, json; sys.path.insert(0, sys.argv[1]); import modes\n{statement}");
    let folder = shipped("");
    let mut all = vec!["-c", call.as_str(), folder.to_str().unwrap()];
    all.extend(arguments);
    good(&run(&mut plain("python3", &all), LIMIT))
}

fn good(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

/// The error of a command that ends with 2.
fn refused(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stderr.clone()).expect("UTF-8")
}

#[test]
fn python_and_render_give_the_same_settings_in_every_mode_and_overlay() {
    let modes = shipped("modes.yaml");
    let modes = modes.to_str().unwrap();
    let rendered = Folder::new("modes");
    for mode in MODES {
        for environment in [None, Some("local"), Some("development"), Some("training"), Some("production")] {
            let folder = environment.map(|environment| shipped("overlays").join(environment).to_str().unwrap().to_owned());
            let overlay: Vec<&str> = folder.iter().flat_map(|folder| ["--overlay", folder]).collect();
            let render = |form| good(&toolgate(&[&["mode", "render", mode, "-o", form, "--modes", modes], &overlay[..]].concat()));
            let json = render("json");
            assert_eq!(good(&python(&shipped(""), &[&[mode], &overlay[..]].concat())), json, "{mode} {environment:?}");

            let env =
                python_says("for name, value in modes.environment(json.loads(sys.argv[2])).items(): print(f'{name}={value}')", &[&json]);
            assert_eq!(env, render("env"), "{mode} {environment:?}");
            let yaml = rendered.write("rendered.yaml", render("yaml"));
            let read = python_says("print(json.dumps(modes.read(sys.argv[2]), indent=2, sort_keys=True))", &[yaml.to_str().unwrap()]);
            assert_eq!(read, json, "{mode} {environment:?}");
        }
    }
}

#[test]
fn an_overlay_of_one_environment_changes_its_mode_alone() {
    let modes = shipped("modes.yaml");
    for (mode, own) in MODES.iter().zip(ENVIRONMENTS) {
        let of = |environment: &str| {
            let overlay = shipped("overlays").join(environment);
            good(&toolgate(&[
                "mode",
                "render",
                mode,
                "-o",
                "json",
                "--modes",
                modes.to_str().unwrap(),
                "--overlay",
                overlay.to_str().unwrap(),
            ]))
        };
        let others: Vec<String> =
            ENVIRONMENTS.iter().filter(|environment| **environment != own).map(|environment| of(environment)).collect();
        assert!(others.windows(2).all(|pair| pair[0] == pair[1]), "{mode}");
        assert!(others.iter().all(|other| *other != of(own)), "{mode}");
    }
}

/// Both readers refuse the overlay, each with its own words.
fn check(overlay: &str, rust: &str, python_words: &str) {
    let folder = Folder::new("modes");
    folder.write("modes.yaml", std::fs::read_to_string(shipped("modes.yaml")).unwrap());
    std::fs::create_dir(folder.path().join("over")).unwrap();
    folder.write("over/modes.yaml", overlay);
    let (modes, over) = (folder.path().join("modes.yaml"), folder.path().join("over"));
    let over = over.to_str().unwrap();
    let told = refused(&toolgate(&["mode", "show", "LOCAL", "--modes", modes.to_str().unwrap(), "--overlay", over]));
    assert!(told.contains("over/modes.yaml") && told.contains(rust), "{overlay}: {told}");
    let told = refused(&python(folder.path(), &["LOCAL", "--overlay", over]));
    assert!(told.contains("over/modes.yaml") && told.contains(python_words), "{overlay}: {told}");
}

#[test]
fn what_one_reader_refuses_the_other_refuses() {
    check("LOCAL:\n  redis:\n    ttl: 5\n", "LOCAL.redis.ttl: an overlay adds no key", "LOCAL.redis.ttl: an overlay adds no key");
    check("PRODUCTION:\n  enforcement: warn\n", "an overlay does not loosen", "an overlay does not loosen");
    check("TRAINING:\n  sensitive_tools: recorded\n", "an overlay does not loosen", "an overlay does not loosen");
    check("LOCAL:\n  redis: 5\n", "the file below has a map here", "one file has a map here");
    check("LOCAL:\n  redis:\n    ttl_s: 5\n    ttl_s: 6\n", "`ttl_s` is given twice", ":4: `ttl_s` is given twice");
    check("LOCAL:\n  redis:\n    ttl_s: 010\n", "this is the number `010`", ":3: not a plain word or whole number");
    check("LOCAL:\n  training_lock: TRUE\n", "this is the truth value `TRUE`", ":2: not a plain word or whole number");
    check("LOCAL:\n  slm:\n    base_url: &a https://x\n", "an anchor (`&name`) is not read here", ":3: not a plain word");
    check("LOCAL:\n  slm:\n    base_url:\n", "this is empty", ":3: `base_url` is empty");
    check("LOCAL: [\n", "not YAML 1.2 as it is read here", ":1: a list in brackets ends on its line");
}

#[test]
fn nothing_starts_without_a_mode() {
    let four = MODES.map(|mode| format!("`{mode}`")).join(", ");
    let config = shipped("toolgate.yaml");
    let start = |mode: Option<&str>| {
        let mut command = plain(env!("CARGO_BIN_EXE_toolgate"), &["run", "--config", config.to_str().unwrap()]);
        mode.map(|mode| command.env("SOMA_AGENT_MODE", mode));
        refused(&run(&mut command, LIMIT))
    };
    assert!(start(None).contains(&format!("SOMA_AGENT_MODE: the environment variable is not set: set it to one of {four}")));
    for unknown in ["", "local", "PRODUCTION ", "prod"] {
        assert!(start(Some(unknown)).contains(&format!("`{unknown}` is not a mode: set it to one of {four}")), "{unknown}");
    }
    assert!(
        refused(&python(&shipped(""), &[]))
            .contains("SOMA_AGENT_MODE is not set: set it to one of LOCAL, DEVELOPMENT, TRAINING, PRODUCTION")
    );
}

#[test]
fn tables_fit_and_permissive_modes_are_announced() {
    let modes = shipped("modes.yaml");
    let modes = modes.to_str().unwrap();
    let narrow = |text: &str| text.lines().all(|line| line.chars().count() <= 100);
    let list = toolgate(&["mode", "list", "--modes", modes]);
    let (table, warnings) = (good(&list), String::from_utf8_lossy(&list.stderr).into_owned());
    assert!(narrow(&table) && MODES.iter().all(|mode| table.contains(mode)), "{table}");
    assert_eq!(warnings.lines().count(), 2, "{warnings}");
    for (mode, permissive) in MODES.into_iter().zip([true, true, false, false]) {
        let show = toolgate(&["mode", "show", mode, "--modes", modes]);
        assert!(narrow(&good(&show)), "{mode}");
        let warned = String::from_utf8_lossy(&show.stderr).contains(&format!("warning: {mode} is permissive"));
        assert_eq!((warned, warnings.contains(mode)), (permissive, permissive), "{mode}");
    }
}

#[test]
fn the_list_has_every_form() {
    let modes = shipped("modes.yaml");
    let list = |form| good(&toolgate(&["mode", "list", "--modes", modes.to_str().unwrap(), "-o", form]));
    let json: Vec<serde_json::Value> = serde_json::from_str(&list("json")).unwrap();
    let lines: Vec<serde_json::Value> = list("jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(json, lines);
    assert_eq!(
        json.iter().map(|line| line["enforcement"].as_str().unwrap()).collect::<Vec<_>>(),
        ["warn", "observe", "strict", "fail_closed"]
    );
    assert_eq!(list("csv").lines().count(), 5);
}
