//! What `deploy/` holds is what its tools and toolgate itself take. No container engine runs here: the image is not built, but what it relies on is shown.

use crate::peers::{Folder, command, ran, run, tool};
use config::{Config, PodSigns, Surroundings};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

/// For one command.
const LIMIT: Duration = Duration::from_secs(120);

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

/// Runs `validate` on `file`, then on a copy with a key misspelt: the first must pass, the second must not.
fn strictly(file: &Path, key: &str, validate: impl Fn(&Path) -> Output) {
    let folder = Folder::new("deploy");
    let right = validate(file);
    assert!(right.status.success(), "{}: {}", file.display(), text(&right));
    let source = std::fs::read_to_string(file).unwrap();
    assert!(source.contains(&format!("{key}:")), "`{key}` stands in {}", file.display());
    let wrong = folder.write("wrong.yaml", source.replacen(&format!("{key}:"), &format!("{key}Misspelt:"), 1));
    let refused = validate(&wrong);
    assert!(!refused.status.success() && text(&refused).contains("Misspelt"), "{}", text(&refused));
}

#[test]
fn docker_compose_takes_the_stack() {
    let version = run(Command::new("docker-compose").arg("--version"), LIMIT);
    ran("docker-compose config", String::from_utf8_lossy(&version.stdout).split_whitespace().nth(2).unwrap().trim_end_matches(','));
    strictly(&repository().join("deploy/compose/compose.yaml"), "stop_grace_period", |file| {
        run(Command::new("docker-compose").arg("--file").arg(file).args(["config", "--quiet"]), LIMIT)
    });
}

#[test]
fn kubernetes_validate_takes_every_manifest_strictly() {
    let validator = tool("python/bin/kubernetes-validate");
    let version = run(Command::new(&validator).arg("--version"), LIMIT);
    ran("kubernetes-validate", text(&version).split_whitespace().last().unwrap());
    let keys = [
        ("namespace.yaml", "metadata"),
        ("config.yaml", "data"),
        ("migrate.yaml", "backoffLimit"),
        ("network.yaml", "podSelector"),
        ("agent.yaml", "terminationGracePeriodSeconds"),
    ];
    for (file, key) in keys {
        strictly(&base(file), key, |file| run(Command::new(&validator).arg("--strict").arg(file), LIMIT));
    }
    let kustomization = &yaml(&base("kustomization.yaml"))[0];
    assert_eq!(kustomization["resources"], json!(keys.map(|(file, _)| file)), "each manifest is validated");
    let made = &kustomization["configMapGenerator"];
    assert_eq!(made.as_array().unwrap().len(), 1);
    assert_eq!(made[0]["files"], json!(["permissions.jwks.json", "revocations.json"]));
    let files = std::fs::read_dir(base("")).unwrap().count();
    assert_eq!(files, keys.len() + 3, "each file is named in kustomization.yaml");
}

fn base(file: &str) -> PathBuf {
    repository().join("deploy/kubernetes/base").join(file)
}

/// Every document of a YAML file.
fn yaml(file: &Path) -> Vec<Value> {
    let script = "import sys, json, yaml; print(json.dumps(list(yaml.safe_load_all(open(sys.argv[1])))))";
    let output = run(Command::new(tool("python/bin/python")).args(["-c", script]).arg(file), LIMIT);
    assert!(output.status.success(), "{}", text(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Names under `name` anywhere below `key`s of a manifest.
fn named(value: &Value, key: &str, name: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    match value {
        Value::Object(members) => {
            found.extend(members.get(key).and_then(|member| member[name].as_str()).map(str::to_owned));
            found.extend(members.values().flat_map(|member| named(member, key, name)));
        }
        Value::Array(items) => found.extend(items.iter().flat_map(|item| named(item, key, name))),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    found
}

/// What a pod mounts is made here or named in the pages; who may sign, and by whom the schema is made, are among it.
#[test]
fn what_the_pods_mount_is_there_and_the_keys_are_where_the_configuration_looks() {
    let (agent, migrate) = (yaml(&base("agent.yaml")), yaml(&base("migrate.yaml")));
    let all = json!([agent, migrate]);
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(named(&all, "configMap", "name"), names(&["toolgate", "toolgate-permissions"]));
    let secrets = named(&all, "secret", "secretName");
    assert_eq!(secrets, names(&["toolgate-clickhouse", "toolgate-clickhouse-owner"]));
    let page = std::fs::read_to_string(repository().join("docs/deploying.md")).unwrap();
    for secret in secrets {
        assert!(page.contains(&format!("create secret generic {secret} ")), "docs/deploying.md does not say how `{secret}` is made");
    }
    let configuration = yaml(&base("config.yaml"))[0]["data"]["toolgate.yaml"].as_str().unwrap().to_owned();
    let folder = Folder::new("keys");
    let parsed = &yaml(&folder.write("toolgate.yaml", &configuration))[0];
    let set = agent.iter().find(|document| document["kind"] == "StatefulSet").unwrap();
    let mounts = set["spec"]["template"]["spec"]["initContainers"][0]["volumeMounts"].as_array().unwrap();
    let mount = mounts.iter().find(|mount| mount["name"] == "permissions").unwrap();
    assert_eq!(parsed["permissions"]["keys"], format!("{}/permissions.jwks.json", mount["mountPath"].as_str().unwrap()));
    assert_eq!(parsed["permissions"]["revocations"], format!("{}/revocations.json", mount["mountPath"].as_str().unwrap()));
    std::fs::copy(base("revocations.json"), folder.path().join("revocations.json")).unwrap();
    let revoked = command(folder.path(), &["permission", "revoke", "--file", "revocations.json", "--jti", "1"], &[]);
    assert!(revoked.status.success(), "{}", text(&revoked));
    // The file is one that `keygen` adds to.
    std::fs::copy(base("permissions.jwks.json"), folder.path().join("permissions.jwks.json")).unwrap();
    let keygen = ["--person", "maria@example.org", "--role", "override", "--out", "maria.pem", "--keys", "permissions.jwks.json"];
    let made = command(folder.path(), &[&["permission", "keygen"][..], &keygen].concat(), &[]);
    assert!(made.status.success(), "{}", text(&made));
    let arguments = &migrate[0]["spec"]["template"]["spec"]["containers"][0]["args"];
    let arguments: Vec<&str> = arguments.as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
    let printed = arguments.iter().map(|word| match word.split_once('=') {
        Some(("--config", _)) => "--config=config/toolgate.yaml".to_owned(),
        Some(_) | None => (*word).to_owned(),
    });
    let (image, _) = etc_toolgate(&configuration.replace("/run/clickhouse/ca.crt", "ca.crt"));
    image.write("config/ca.crt", crate::peers::Authority::new("example.org").bundle());
    let printed: Vec<String> = printed.chain(["--print".to_owned()]).collect();
    let printed: Vec<&str> = printed.iter().map(String::as_str).collect();
    let statements = command(image.path(), &printed, &[("SOMA_AGENT_MODE", "PRODUCTION")]);
    assert!(statements.status.success() && text(&statements).contains("CREATE TABLE"), "{}", text(&statements));
    assert!(text(&statements).contains("MODIFY TTL"), "{}", text(&statements));
    // Before anybody has chosen a mode, all but how long rows are kept.
    let early = command(image.path(), &printed, &[]);
    let told = text(&early);
    assert!(early.status.success() && told.contains("CREATE TABLE") && told.contains("CREATE ROLE"), "{told}");
    assert!(!told.contains(" TTL") && told.contains("SOMA_AGENT_MODE"), "{told}");
}

/// The image's `/etc/toolgate` with this configuration in it.
fn etc_toolgate(configuration: &str) -> (Folder, PathBuf) {
    let folder = Folder::new("etc");
    for entry in ["config/modes.yaml", "config/overlays"] {
        let copied = run(Command::new("cp").arg("-r").arg(repository().join(entry)).arg(folder.path()), LIMIT);
        assert!(copied.status.success(), "{}", text(&copied));
    }
    let file = folder.write("config/toolgate.yaml", configuration);
    (folder, file)
}

fn loads(configuration: &str, mode: &str, pod: PodSigns) {
    let (_folder, file) = etc_toolgate(configuration);
    let surroundings = Surroundings { mode: Some(mode.to_owned()), overlay: None, pod };
    if let Err(problems) = Config::load(&file, None, &surroundings) {
        panic!("{mode}: {problems:#?}");
    }
}

#[test]
fn toolgate_takes_the_configurations() {
    let local = std::fs::read_to_string(repository().join("deploy/compose/toolgate.yaml")).unwrap();
    loads(&local, "LOCAL", PodSigns::default());
    let map = &yaml(&base("config.yaml"))[0];
    loads(map["data"]["toolgate.yaml"].as_str().unwrap(), "PRODUCTION", PodSigns { service_host: true, ..PodSigns::default() });
}

/// The image has no name service of its own, only what is linked into the binary: names from `/etc/hosts` and from a real DNS server, with and
/// without a search domain, resolve in a root folder that holds nothing else.
#[test]
fn a_static_binary_resolves_names_in_an_empty_root() {
    let folder = Folder::new("scratch");
    let source = folder.write(
        "probe.rs",
        "fn main() { for name in std::env::args().skip(1) { match std::net::ToSocketAddrs::to_socket_addrs(&(name.as_str(), 80)) {
            Ok(mut found) => println!(\"{name} {:?}\", found.next().map(|address| address.ip())), Err(_) => println!(\"{name} unknown\") } } }",
    );
    let root = folder.path().join("root");
    folder.write("root/etc/hosts", "127.0.0.1 localhost\n192.0.2.9 from-hosts\n");
    folder.write("root/etc/resolv.conf", "nameserver 127.0.0.1\nsearch toolgate.test\n");
    let flags = ["-O", "-C", "target-feature=+crt-static", "--target", "x86_64-unknown-linux-gnu", "-o"];
    let built = run(Command::new("rustc").args(flags).arg(root.join("probe")).arg(source), LIMIT);
    assert!(built.status.success(), "{}", text(&built));
    // A network of its own, in which port 53 is free. The server says when it is up.
    let script = folder.write(
        "in-a-network-of-its-own.sh",
        "set -eu
        ip link set lo up
        mkfifo up
        /usr/sbin/dnsmasq --no-daemon --conf-file=/dev/null --no-resolv --no-hosts --listen-address=127.0.0.1 --bind-interfaces --user=root --group=root \
          --pid-file= --address=/clickhouse.toolgate.test/192.0.2.7 --local=/#/ 2>up & server=$!
        trap 'kill $server' EXIT
        exec 3<up
        while read -r line <&3; do case $line in *started*) break ;; esac; done
        unshare --root=root /probe from-hosts clickhouse.toolgate.test clickhouse nowhere.toolgate.test\n",
    );
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--net", "bash"]).arg(script).current_dir(folder.path());
    let output = run(&mut command, LIMIT);
    let expected =
        "from-hosts Some(192.0.2.9)\nclickhouse.toolgate.test Some(192.0.2.7)\nclickhouse Some(192.0.2.7)\nnowhere.toolgate.test unknown\n";
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "{}", text(&output));
    let version = run(Command::new("/usr/sbin/dnsmasq").arg("--version"), LIMIT);
    ran("dnsmasq", text(&version).split_whitespace().nth(2).unwrap());
}
