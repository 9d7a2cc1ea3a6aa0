//! What the gate accepts is read alike by Go, Python, Node and serde_json: method, tool and arguments. What it refuses is not always, or the test would
//! show nothing.

use crate::peers::{Folder, node_script, ran, run, tool};
use canon::Build as _;
use canon::json::{Pointer, Tree};
use http::{HeaderMap, HeaderValue, Method, Uri, Version};
use protocol::{Head, Limits, McpRoute, Speaks, recognise};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Generated bodies, and how many of them are read at once.
const GENERATED: usize = 1_000_000;
const BATCH: usize = 25_000;
/// The first state of the generator: the same bodies at each run.
const SEED: u64 = 20_260_102;
/// Batches at once.
const THREADS: usize = 2;
/// For one language.
const LIMIT: Duration = Duration::from_secs(300);

/// A generator of numbers (SplitMix64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % u64::try_from(bound).unwrap()).unwrap()
    }

    fn one<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.below(of.len())]
    }
}

const KEYS: [&str; 22] = [
    "\"path\"",
    "\"Path\"",
    "\"pa\\u0074h\"",
    "\"PATH\"",
    "\"name\"",
    "\"Name\"",
    "\"a\"",
    "\"A\"",
    "\"k\"",
    "\"\u{212a}\"",
    "\"s\"",
    "\"\u{17f}\"",
    "\"\"",
    "\"__proto__\"",
    "\"constructor\"",
    "\"a b\"",
    "\"\\ud800\"",
    "\"\\ud83d\\ude00\"",
    "\"\u{1f600}\"",
    "\"\u{e9}\"",
    "\"e\u{301}\"",
    "\"\\u0000\"",
];
const VALUES: [&str; 52] = [
    "null",
    "true",
    "false",
    "\"x\"",
    "\"\"",
    "\"\\u0061\"",
    "\"\\ud800\"",
    "\"\\udc00\\ud800\"",
    "\"\\ud83d\\ude00\"",
    "\"\u{feff}\"",
    "\"\\/\"",
    "\"\\x41\"",
    "\"\t\"",
    "\"\u{7f}\"",
    "\"\u{2028}\"",
    "'x'",
    "0",
    "-0",
    "-0.0",
    "1",
    "1.0",
    "1e2",
    "1E+2",
    "1e400",
    "-1e400",
    "1e-400",
    "0.1",
    "0.30000000000000004",
    "1.00000000000000001",
    "123456789012345678901234567890",
    "9007199254740991",
    "9007199254740992",
    "9007199254740993",
    "-9007199254740993",
    "18446744073709551615",
    "00",
    "01",
    "+1",
    ".5",
    "1.",
    "1e",
    "0x10",
    "NaN",
    "Infinity",
    "-Infinity",
    "undefined",
    "[]",
    "{}",
    "[1,]",
    "{\"a\":1,}",
    "[1 2]",
    "/* c */1",
];
const TOOLS: [&str; 6] = ["\"read\"", "\"write\"", "\"re\\u0061d\"", "null", "1", "\"READ\""];

fn value(chance: &mut Chance, depth: usize) -> String {
    match chance.below(if depth == 0 { 6 } else { 9 }) {
        0..6 => (*chance.one(&VALUES)).to_owned(),
        6 => {
            let items: Vec<String> = (0..chance.below(4)).map(|_| value(chance, depth - 1)).collect();
            format!("[{}]", items.join(","))
        }
        _ => object(chance, depth - 1),
    }
}

fn object(chance: &mut Chance, depth: usize) -> String {
    let members: Vec<String> = (0..chance.below(4)).map(|_| format!("{}:{}", chance.one(&KEYS), value(chance, depth))).collect();
    format!("{{{}}}", members.join(","))
}

/// A call, most of it as it should be.
fn body(chance: &mut Chance) -> Vec<u8> {
    let rarely =
        |chance: &mut Chance, often: &'static str, rare: &[&'static str]| if chance.below(12) == 0 { chance.one(rare) } else { often };
    let method = rarely(
        chance,
        "\"method\":\"tools/call\"",
        &[
            "\"result\":{},\"Method\":\"tools/call\"",
            "\"result\":{}",
            "\"Method\":\"tools/call\"",
            "\"method\":\"ping\",\"method\":\"tools/call\"",
            "\"m\\u0065thod\":\"tools/call\"",
            "\"method\":\"tools/call\",\"METHOD\":\"ping\"",
        ],
    );
    let name = rarely(chance, "\"name\":", &["\"Name\":", "\"n\\u0061me\":", "\"name\":\"read\",\"name\":", "\"name\":\"read\",\"NAME\":"]);
    let arguments = rarely(
        chance,
        "\"arguments\":",
        &["\"Arguments\":", "\"argument\u{17f}\":", "\"arguments\":{},\"arguments\":", "\"arguments\":{\"a\":2},\"argumentS\":"],
    );
    let params = rarely(chance, "\"params\":", &["\"Params\":", "\"param\u{17f}\":", "\"params\":{},\"params\":"]);
    let (tool, given) = (if chance.below(3) == 0 { chance.one(&TOOLS) } else { "\"read\"" }, object(chance, 3));
    let whole = format!("{{\"jsonrpc\":\"2.0\",\"id\":1,{method},{params}{{{name}{tool},{arguments}{given}}}}}");
    let (before, after) =
        (rarely(chance, "", &["\u{feff}", " \n", "[", "\u{0}"]), rarely(chance, "", &["\n", "{}", "]", "\u{0}", "//", ","]));
    let mut bytes = [before.as_bytes(), whole.as_bytes(), after.as_bytes()].concat();
    if chance.below(20) == 0 {
        let at = chance.below(bytes.len());
        bytes[at] = [0xff, 0xc0, 0x80, b'"', b'\\', b'{', b' ', 0][chance.below(8)];
    }
    bytes
}

/// The bodies of the conversations in `fixtures/wire/`.
fn corpus() -> Vec<Vec<u8>> {
    let files = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/wire")).unwrap();
    let text = files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap()).filter(|text| text.starts_with("POST /mcp"));
    let body = |text: String| Some(text.split_once("\n\n")?.1.split_once("\n===")?.0.as_bytes().to_vec());
    text.filter_map(body).filter(|body| !body.is_empty()).collect()
}

/// What the gate reads: nothing where it refuses.
fn gate(body: &[u8]) -> Option<Value> {
    let mut headers = HeaderMap::new();
    for (name, value) in
        [("host", "tools.example"), ("content-type", "application/json"), ("accept", "application/json, text/event-stream")]
    {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let head = Head { method: Method::POST, uri: Uri::from_static("/mcp"), headers, version: Version::HTTP_11 };
    let speaks = Speaks::Mcp(McpRoute { path: "/mcp".to_owned() });
    let call = recognise::<Tree>(&head, bytes::Bytes::copy_from_slice(body), &speaks, &Limits::default()).ok()?;
    let parsed = canon::json::parse::<Tree>(body, &canon::json::Limits::default()).unwrap();
    // As it was sent: the gate's own reading fills in `{}` where a call gives no arguments.
    let at = |pointer: &str| Pointer::parse(pointer).unwrap().find::<Tree>(&parsed).map_or(Value::Null, plain);
    if call.tool.is_some() {
        assert_eq!(call.tool, at("/params/name").as_str().map(str::to_owned));
        assert!(
            at("/params/arguments") == plain(&call.arguments) || at("/params/arguments").is_null(),
            "{}",
            String::from_utf8_lossy(body)
        );
    }
    if Tree::get(&parsed, "method").is_none() {
        // An answer to the server is no call for anybody.
        return Some(Value::Null);
    }
    Some(json!({"method": call.method, "tool": at("/params/name"), "arguments": at("/params/arguments")}))
}

fn plain(value: &canon::Json) -> Value {
    let mut text = Vec::new();
    canon::json::canonical::<Tree>(value, &mut text);
    serde_json::from_slice(&text).unwrap()
}

/// What serde_json reads.
fn serde(body: &[u8]) -> Value {
    let Ok(message) = serde_json::from_slice::<Value>(body) else { return Value::Null };
    match message["method"].as_str() {
        Some(method) => json!({"method": method, "tool": message["params"]["name"], "arguments": message["params"]["arguments"]}),
        None => Value::Null,
    }
}

/// Every number as the double that a reader makes of it.
fn doubles(value: Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64().map(|double| if double == 0.0 { 0.0 } else { double })),
        Value::Array(items) => items.into_iter().map(doubles).collect(),
        Value::Object(members) => members.into_iter().map(|(name, value)| (name, doubles(value))).collect(),
        other @ (Value::Null | Value::Bool(_) | Value::String(_)) => other,
    }
}

/// What a program reads in each line of the file.
fn readings(name: &str, output: std::process::Output, bodies: usize) -> Vec<Value> {
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<Value> =
        text.lines().map(|line| serde_json::from_str::<Value>(line).map_or(Value::Null, |mut line| doubles(line["read"].take()))).collect();
    assert_eq!(lines.len(), bodies, "{name}: {}", String::from_utf8_lossy(&output.stderr));
    lines
}

fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/bad_input/readers").join(name)
}

/// The reader that is compiled.
fn go(folder: &Folder) -> PathBuf {
    let go = folder.path().join("read");
    let built = run(Command::new("go").env("CGO_ENABLED", "0").args(["build", "-trimpath", "-o"]).arg(&go).arg(source("read.go")), LIMIT);
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let version = run(Command::new("go").arg("version"), LIMIT);
    ran("JSON readers (Go, Python, Node, serde_json)", String::from_utf8_lossy(&version.stdout).split_whitespace().nth(2).unwrap());
    go
}

/// Each language's reading of each body.
fn everybody(bodies: &[Vec<u8>], go: &Path) -> Vec<(&'static str, Vec<Value>)> {
    let folder = Folder::new("bodies");
    let lines: Vec<String> = bodies.iter().map(|body| base64(body)).collect();
    let file = folder.write("bodies", lines.join("\n") + "\n");
    let path = file.to_str().unwrap();
    let python = run(Command::new(tool("python/bin/python")).arg(source("read.py")).arg(path), LIMIT);
    vec![
        ("Go", readings("Go", run(Command::new(go).arg(path), LIMIT), bodies.len())),
        ("Python", readings("Python", python, bodies.len())),
        ("Node", readings("Node", node_script(&source("read.mjs"), &[path]), bodies.len())),
        ("serde_json", bodies.iter().map(|body| doubles(serde(body))).collect()),
    ]
}

/// How many bodies the gate accepts, each read alike by everybody, and how many of the others are read in two ways.
fn compared(bodies: &[Vec<u8>], go: &Path) -> (usize, usize) {
    let readers = everybody(bodies, go);
    let (mut accepted, mut different) = (0, 0);
    for (number, body) in bodies.iter().enumerate() {
        let of = readers.iter().map(|(name, readings)| (*name, &readings[number]));
        match gate(body) {
            Some(ours) => {
                accepted += 1;
                let ours = doubles(ours);
                for (name, theirs) in of {
                    assert_eq!(*theirs, ours, "{name} reads {} otherwise", String::from_utf8_lossy(body));
                }
            }
            None => different += usize::from(of.clone().any(|(_, one)| of.clone().any(|(_, other)| one != other))),
        }
    }
    (accepted, different)
}

fn base64(bytes: &[u8]) -> String {
    let url = identity::jws::encode(bytes).replace('-', "+").replace('_', "/");
    let padding = (4 - url.len() % 4) % 4;
    url + &"=".repeat(padding)
}

#[test]
fn what_the_gate_accepts_everybody_reads_alike() {
    let folder = Folder::new("differential");
    let go = go(&folder);
    let conversations = corpus();
    assert!(conversations.len() > 50, "{} conversations", conversations.len());
    let batches = AtomicUsize::new(0);
    let some = || {
        let mut sum = (0, 0);
        // The batch's number is the first state of its generator: whoever takes it, the bodies are the same at each run.
        while let Some(batch) = Some(batches.fetch_add(1, Ordering::Relaxed)).filter(|batch| batch * BATCH < GENERATED) {
            let mut chance = Chance(SEED + u64::try_from(batch).unwrap());
            let mut bodies = if batch == 0 { conversations.clone() } else { Vec::new() };
            bodies.extend((0..BATCH).map(|_| body(&mut chance)));
            let (accepted, different) = compared(&bodies, &go);
            sum = (sum.0 + accepted, sum.1 + different);
        }
        sum
    };
    let sums: Vec<(usize, usize)> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(some)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let (accepted, different) = sums.iter().fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1));
    assert!(accepted > GENERATED / 20, "{accepted} of {GENERATED} accepted");
    assert!(different > GENERATED / 100, "{different} refused bodies are read in two ways");
}
