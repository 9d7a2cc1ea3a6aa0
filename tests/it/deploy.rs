//! What `deploy/` holds is what its tools and toolgate itself take. No container engine runs here: the image is not built, but what it relies on is shown.

use crate::peers::{Folder, ran, run, tool};
use config::{Config, PodSigns, Surroundings};
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
    for (file, key) in [("agent.yaml", "terminationGracePeriodSeconds"), ("config.yaml", "data"), ("network.yaml", "podSelector")] {
        strictly(&repository().join("deploy/kubernetes/base").join(file), key, |file| {
            run(Command::new(&validator).arg("--strict").arg(file), LIMIT)
        });
    }
    let files = std::fs::read_dir(repository().join("deploy/kubernetes/base")).unwrap().count();
    assert_eq!(files, 3, "each manifest is validated");
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
    let script = "import sys, yaml; print(yaml.safe_load(open(sys.argv[1]))['data']['toolgate.yaml'])";
    let map = repository().join("deploy/kubernetes/base/config.yaml");
    let output = run(Command::new(tool("python/bin/python")).args(["-c", script]).arg(map), LIMIT);
    assert!(output.status.success(), "{}", text(&output));
    loads(&String::from_utf8(output.stdout).unwrap(), "PRODUCTION", PodSigns { service_host: true, ..PodSigns::default() });
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
