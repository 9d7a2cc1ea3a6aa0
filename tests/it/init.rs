//! `toolgate init`: from nothing to a first refused call, by the commands that it prints.

use crate::peers::{Folder, run};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// For one command.
const LIMIT: Duration = Duration::from_secs(60);

#[test]
fn the_last_line_that_it_prints_shows_a_refusal_with_its_reason() {
    let folder = Folder::new("init");
    let binary = Path::new(env!("CARGO_BIN_EXE_toolgate"));
    let path = format!("{}:{}", binary.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let shell = |line: &str| run(Command::new("sh").args(["-c", line]).current_dir(folder.path()).env("PATH", &path), LIMIT);
    let init = shell("toolgate init demo");
    let printed = String::from_utf8_lossy(&init.stdout).into_owned();
    assert!(init.status.success(), "{}", String::from_utf8_lossy(&init.stderr));
    let last = printed.lines().last().unwrap();
    let refusal = shell(last);
    let shown = String::from_utf8_lossy(&refusal.stdout).into_owned();
    assert!(shown.contains("DENY") && shown.contains("path.protected"), "{last}: {shown} {}", String::from_utf8_lossy(&refusal.stderr));
    let check = shell("cd demo && SOMA_AGENT_MODE=LOCAL toolgate check --offline");
    let told = String::from_utf8_lossy(&check.stdout).into_owned();
    assert!(check.status.success() && told.contains("journal journal: not there yet, a start makes it"), "{told}");
    let wrong = shell(
        "cd demo && sed 's/source: policies/source: policiez/' toolgate.yaml > wrong.yaml && SOMA_AGENT_MODE=LOCAL toolgate check --config wrong.yaml --offline",
    );
    let told = String::from_utf8_lossy(&wrong.stdout).into_owned();
    let line =
        std::fs::read_to_string(folder.path().join("demo/wrong.yaml")).unwrap().lines().position(|line| line.contains("policiez")).unwrap()
            + 1;
    assert!(told.contains(&format!("WRONG    wrong.yaml:{line}:")) && told.contains("`policy.source`: cannot read `policiez`"), "{told}");
    let revoke = |more: &str| shell(&format!("toolgate permission revoke {more}"));
    let revoked = revoke("--config demo/toolgate.yaml --jti 4711");
    let told = String::from_utf8_lossy(&revoked.stdout).into_owned();
    assert!(revoked.status.success() && told.contains("written to `demo/revocations.json`, which `demo/toolgate.yaml` names"), "{told}");
    assert!(std::fs::read_to_string(folder.path().join("demo/revocations.json")).unwrap().contains("4711"));
    assert!(revoke("--config demo/toolgate.yaml --file demo/../demo/revocations.json --jti 4712").status.success());
    folder.write("without.yaml", "permissions: {keys: keys.json}\n");
    for (more, words) in [
        ("--config demo/toolgate.yaml --file other.json --jti 4711", "toolgate would not read `other.json`"),
        ("--config without.yaml --jti 4711", "names no `permissions.revocations`"),
        ("--config demo/toolgate.yaml --kid mistaken", "`mistaken` is no key in `demo/permissions.jwks.json`, which has none"),
        ("--jti 4711", "--config"),
    ] {
        let refused = revoke(more);
        let told = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(refused.status.code() == Some(2) && told.contains(words), "{more}: {told}");
    }
    assert!(!folder.path().join("other.json").exists(), "nothing is written that nobody reads");
    let alone = String::from_utf8_lossy(&revoke("--file other.json --jti 4711").stdout).into_owned();
    assert!(alone.contains("only a toolgate whose `permissions.revocations` names this file takes it"), "{alone}");
    let end = || {
        let list = std::fs::read(folder.path().join("demo/revocations.json")).unwrap();
        serde_json::from_slice::<serde_json::Value>(&list).unwrap()["next_update"].as_i64().unwrap()
    };
    let init_end = end();
    assert!(revoke("--config demo/toolgate.yaml").status.success() && end() == init_end, "a list is not shortened unless that is said");
    assert!(revoke("--config demo/toolgate.yaml --valid-for 1h").status.success() && end() < init_end);
    let keygen = "--person maria@example.org --role override --out demo/maria.pem --keys demo/permissions.jwks.json";
    assert!(shell(&format!("toolgate permission keygen {keygen}")).status.success());
    let keys: serde_json::Value =
        serde_json::from_slice(&std::fs::read(folder.path().join("demo/permissions.jwks.json")).unwrap()).unwrap();
    let kid = keys["keys"][0]["kid"].as_str().unwrap();
    let whose = String::from_utf8_lossy(&revoke(&format!("--config demo/toolgate.yaml --kid={kid}")).stdout).into_owned();
    assert!(whose.contains(&format!("`{kid}`, the key of maria@example.org")), "{whose}");
    let mistaken = String::from_utf8_lossy(&revoke("--config demo/toolgate.yaml --kid mistaken").stderr).into_owned();
    assert!(mistaken.contains(&format!("which has `{kid}` (maria@example.org)")), "{mistaken}");
    let again = shell("toolgate init demo");
    assert_eq!(again.status.code(), Some(2), "nothing is overwritten");
}
