//! Generated mistakes in what PRODUCTION is configured with, one in each file that the binary is given: it does not start and says where, or what starts
//! is no more permissive. Some of them in every run, all with `make soak`.

use crate::peers::{Authority, Folder, command};
use crate::soak;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::process::Output;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Every so many mutants one is tried, but for a soak, and each that is [`LOOSE`]. It shares no factor with what is done to one key, so that everything
/// is done to some key.
const EVERY: usize = 3;
/// Processes at once.
const WORKERS: usize = 2;

/// What would loosen most where it were taken.
const LOOSE: &str = "the loosest level";

/// A file with one value changed.
struct Mutant {
    what: String,
    text: String,
}

/// A line of block YAML that has a key.
struct Key<'a> {
    index: usize,
    /// Spaces, and the dash of an item that it begins.
    head: &'a str,
    name: &'a str,
    /// The lines below that belong to it.
    below: usize,
}

fn keys<'a>(lines: &[&'a str]) -> Vec<Key<'a>> {
    let is_remark = |line: &str| line.trim_start().is_empty() || line.trim_start().starts_with('#');
    let key = |(index, line): (usize, &&'a str)| {
        let text = line.split(" #").next()?.trim_end();
        let depth = depth(text);
        let (head, rest) = text.split_at(depth);
        let (name, value) = rest.split_once(": ").or_else(|| Some((rest.strip_suffix(':')?, "")))?;
        let deeper = |line: &&&str| is_remark(line) || self::depth(line) > depth;
        let below = if value.is_empty() { lines[index + 1..].iter().take_while(deeper).count() } else { 0 };
        (!name.starts_with('#')).then_some(Key { index, head, name, below })
    };
    lines.iter().enumerate().filter_map(key).collect()
}

/// How far in the first key of a line stands.
fn depth(line: &str) -> usize {
    line.len() - line.trim_start_matches([' ', '-']).len()
}

/// What a value is replaced by: null, another type, empty, huge, loose.
fn strangers() -> Vec<(&'static str, String)> {
    let many = vec!["x"; 2_000].join(", ");
    [
        ("null", "null"),
        ("a list", "[one, two]"),
        ("a map", "{one: two}"),
        ("true", "true"),
        ("false", "false"),
        (LOOSE, "warn"),
        ("a word", "word"),
        ("below zero", "-1"),
        ("a fraction", "1.5"),
        ("an empty text", "\"\""),
        ("an empty list", "[]"),
        ("an empty map", "{}"),
        ("a huge number", "99999999999999999999999999"),
    ]
    .map(|(what, text)| (what, text.to_owned()))
    .into_iter()
    .chain([("a huge text", "x".repeat(100_000)), ("a huge list", format!("[{many}]"))])
    .collect()
}

/// Every value of the lines `range` removed or replaced.
fn mutants(text: &str, range: std::ops::Range<usize>) -> Vec<Mutant> {
    let lines: Vec<&str> = text.lines().collect();
    let without = |key: &Key<'_>, instead: Option<String>| {
        let rest = lines[key.index + key.below + 1..].iter().map(|line| (*line).to_owned());
        let lines = lines[..key.index].iter().map(|line| (*line).to_owned()).chain(instead).chain(rest);
        lines.collect::<Vec<_>>().join("\n") + "\n"
    };
    let of_key = |key: Key<'_>| {
        let at = format!("line {}, `{}`", key.index + 1, key.name);
        // The item that it begins goes on without it.
        let dash = key.head.contains('-').then(|| key.head.trim_end().to_owned());
        let gone = Mutant { what: format!("{at} removed"), text: without(&key, dash) };
        let of = |(what, value): (&str, String)| {
            let line = format!("{}{}: {value}", key.head, key.name);
            Mutant { what: format!("{at} is {what}"), text: without(&key, Some(line)) }
        };
        let replaced: Vec<Mutant> = strangers().into_iter().map(of).collect();
        std::iter::once(gone).chain(replaced).collect::<Vec<_>>()
    };
    keys(&lines).into_iter().filter(|key| range.contains(&key.index)).flat_map(of_key).collect()
}

/// Runs `judge` on each mutant, or on some of them; gives how many ended in which way.
fn each(all: &[Mutant], judge: impl Fn(usize, &Mutant) -> &'static str + Sync) -> BTreeMap<&'static str, usize> {
    let step = if soak::time().is_some() { 1 } else { EVERY };
    let tried: Vec<_> = all.iter().enumerate().filter(|(number, mutant)| number % step == 0 || mutant.what.ends_with(LOOSE)).collect();
    let (next, ways) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let Some((number, mutant)) = tried.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let way = judge(*number, mutant);
                    *ways.lock().unwrap().entry(way).or_insert(0) += 1;
                }
            });
        }
    });
    let ways = ways.into_inner().unwrap();
    println!("{} of {} mutants: {ways:?}", tried.len(), all.len());
    ways
}

/// The reference configuration with every file that it names.
fn production() -> Folder {
    let (folder, authority) = (Folder::new("mutants"), Authority::new("example.org"));
    folder.write("toolgate.yaml", include_str!("../../../config/toolgate.yaml"));
    folder.write("modes.yaml", include_str!("../../../config/modes.yaml"));
    // As a minimum it is a loose one; as anything else it is nothing.
    folder.write("word", "warn\n");
    folder.write("policies/toolgate.rego", "package toolgate\n\ndecision := false\n");
    let own = authority.svid("/ns/shop/sa/toolgate");
    folder.write("tls/svid.pem", &own.chain);
    folder.write("tls/svid.key", &own.key);
    for roots in ["bundle", "public-roots", "clickhouse-roots"] {
        folder.write(&format!("tls/{roots}.pem"), authority.bundle());
    }
    folder.write("tls/partner.pem", Authority::new("partner.example").bundle());
    let key = json!({"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": "login-1", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
    folder.write("tls/login.jwks.json", json!({ "keys": [key] }).to_string());
    folder.write("permissions.jwks.json", "{\"keys\": []}");
    folder.write("secrets/files.token", "secret");
    folder.write("secrets/clickhouse", "secret");
    let revoked = command(folder.path(), &["permission", "revoke", "--file", "revocations.json"], &[]);
    assert!(revoked.status.success(), "{}", String::from_utf8_lossy(&revoked.stderr));
    folder
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// How it was refused: every line of it says where.
fn refused(what: &str, output: &Output) -> &'static str {
    let (said, told) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(2), "{what}: {} {said} {told}", output.status);
    let wrong: Vec<&str> = said.lines().filter_map(|line| line.strip_prefix("WRONG    ")).collect();
    if !wrong.is_empty() {
        // By the name of its key, or by its own.
        assert!(wrong.iter().all(|line| line.contains('`') || line.starts_with("word: ")), "{what}: {said}");
        return "a file beside it";
    }
    let (head, problems) = told.split_once(":\n").unwrap_or_else(|| panic!("{what}: {told}"));
    assert!(head.starts_with("toolgate: the "), "{what}: {told}");
    let place = |line: &str| {
        let mut parts = line.split(':');
        // The file `word` too, where it is named as the one of modes.
        let file = parts.next().is_some_and(|file| file.ends_with(".yaml") || file == "word");
        file && [parts.next(), parts.next()]
            .iter()
            .all(|part| part.is_some_and(|number| number.parse::<usize>().is_ok_and(|number| number > 0)))
    };
    let whole = |line: &str| line.contains("cannot be read: ");
    assert!(problems.lines().count() > 0 && problems.lines().all(|line| place(line) || whole(line)), "{what}: {told}");
    if problems.lines().any(place) { "a line of it" } else { "a file that it names" }
}

#[test]
fn no_value_of_the_configuration_makes_production_more_permissive() {
    let folder = production();
    let check = |name: &str| command(folder.path(), &["check", "--offline", "--config", name], &[("SOMA_AGENT_MODE", "PRODUCTION")]);
    let enforced = "ok       mode PRODUCTION: enforcement fail_closed, overlay none\n";
    let good = check("toolgate.yaml");
    assert!(good.status.success() && text(&good.stdout).contains(enforced), "{} {}", text(&good.stdout), text(&good.stderr));
    let reference = include_str!("../../../config/toolgate.yaml");
    let ways = each(&mutants(reference, 0..usize::MAX), |number, mutant| {
        let name = format!("mutant-{number}.yaml");
        let file = folder.write(&name, &mutant.text);
        let output = check(&name);
        std::fs::remove_file(file).unwrap();
        if output.status.success() {
            assert!(text(&output.stdout).contains(enforced), "{}: {}", mutant.what, text(&output.stdout));
            return "starts";
        }
        refused(&mutant.what, &output)
    });
    assert!(["starts", "a line of it", "a file beside it"].iter().all(|way| ways.contains_key(way)), "{ways:?}");
}

/// Enforcement, what follows when the policy calls a tool sensitive, and the training lock: from loose to strict.
fn strictness(settings: &Value) -> [usize; 3] {
    let rank = |words: &[&str], word: &Value| {
        words.iter().position(|known| word == known).unwrap_or_else(|| panic!("{word} is none of {words:?}"))
    };
    [
        rank(&["warn", "observe", "strict", "fail_closed"], &settings["enforcement"]),
        rank(&["recorded", "needs_approval"], &settings["sensitive_tools"]),
        usize::from(settings["training_lock"].as_bool().unwrap()),
    ]
}

/// `mode render` on each mutant of a file that is written as `name`; `more` names the file.
fn render(folder: &Folder, mutants: &[Mutant], more: impl Fn(usize, &str) -> Vec<String> + Sync) -> BTreeMap<&'static str, usize> {
    let shipped = command(folder.path(), &["mode", "render", "PRODUCTION", "-o", "json"], &[]);
    let least = strictness(&serde_json::from_slice(&shipped.stdout).unwrap());
    each(mutants, |number, mutant| {
        let files = more(number, &mutant.text);
        let arguments: Vec<&str> =
            ["mode", "render", "PRODUCTION", "-o", "json"].into_iter().chain(files.iter().map(String::as_str)).collect();
        let output = command(folder.path(), &arguments, &[]);
        if output.status.success() {
            let rendered = strictness(&serde_json::from_slice(&output.stdout).unwrap());
            assert!(rendered.iter().zip(&least).all(|(is, least)| is >= least), "{}: {}", mutant.what, text(&output.stdout));
            return "starts";
        }
        refused(&mutant.what, &output)
    })
}

#[test]
fn no_value_of_the_modes_or_of_an_overlay_makes_production_more_permissive() {
    let folder = production();
    let (modes, overlay) = (include_str!("../../../config/modes.yaml"), include_str!("../../../config/overlays/production/modes.yaml"));
    let first = modes.lines().position(|line| line == "PRODUCTION:").unwrap();
    let ways = render(&folder, &mutants(modes, first..usize::MAX), |number, text| {
        let name = format!("modes-{number}.yaml");
        folder.write(&name, text);
        vec!["--modes".to_owned(), name]
    });
    assert!(ways.contains_key("starts") && ways.contains_key("a line of it"), "{ways:?}");
    let ways = render(&folder, &mutants(overlay, 0..usize::MAX), |number, text| {
        let name = format!("overlay-{number}");
        folder.write(&format!("{name}/modes.yaml"), text);
        vec!["--overlay".to_owned(), name]
    });
    assert!(ways.contains_key("a line of it"), "{ways:?}");
}
