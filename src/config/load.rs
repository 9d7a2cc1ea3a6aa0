//! From files to a `Config`: which files there are, in what order they are read, and what must fit between their sections.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use enforcement::{Level, Mode, Rules};
use wire::Reach;

use crate::files::{self, Writers};
use crate::modes::{self, Active, MODES_FILE};
use crate::problem::{Found, Problem, quoted};
use crate::reader::wanted::{flag, named, names_of, path, section as map, whole};
use crate::reader::{Field, Section};
use crate::records::Durability;
use crate::surroundings::{PodSigns, Surroundings};
use crate::yaml::{Node, Value, tree};
use crate::{Admin, AdminPlace, Config, Document, Door, Health, Identity, Listener, Upstream, Way, floor};
use crate::{decisions, identities, limits, listeners, records, routes, upstreams};

/// What the readers of one section need to know of the others.
pub(crate) struct Context<'a> {
    pub(crate) listeners: Vec<String>,
    pub(crate) upstreams: Vec<String>,
    pub(crate) issuers: Vec<String>,
    /// None where the mode itself is not known; where its settings cannot be read, what it promises at least.
    pub(crate) rules: Option<Rules>,
    pub(crate) durability_min: Option<Durability>,
    mode: Option<Mode>,
    active: Option<&'a Active>,
}

/// What stands beside `toolgate.yaml`.
struct Beside {
    mode: Option<Mode>,
    active: Option<Active>,
    minimum: Option<(Document, Writers)>,
    pod: PodSigns,
}

impl Config {
    /// Reads `toolgate.yaml` and the files beside it; `overlay` is the folder named on the command line, if one is.
    ///
    /// # Errors
    /// Every mistake of every file at once.
    pub fn load(file: &Path, overlay: Option<&Path>, surroundings: &Surroundings) -> Result<Self, Vec<Problem>> {
        let found = Found::default();
        let config = Self::read(file, overlay, surroundings, &found);
        found.or_problems(config)
    }

    /// The configuration in `document`, without reading a file: for an `active` mode, outside a pod and with no minimum.
    ///
    /// # Errors
    /// Every mistake at once.
    pub fn parse(document: &Document, folder: &Path, active: &Active) -> Result<Self, Vec<Problem>> {
        let found = Found::default();
        let config = tree(&document.name, &document.bytes, &found).and_then(|root| Self::of_tree(&root, folder, active, &found));
        found.or_problems(config)
    }

    pub(crate) fn of_tree(root: &Node, folder: &Path, active: &Active, found: &Found) -> Option<Self> {
        assemble(
            root,
            folder,
            Beside { mode: Some(active.mode), active: Some(active.clone()), minimum: None, pod: PodSigns::default() },
            found,
        )
    }

    fn read(file: &Path, overlay: Option<&Path>, surroundings: &Surroundings, found: &Found) -> Option<Self> {
        let folder = file.parent().unwrap_or(Path::new(""));
        let root = files::read(file, "the configuration", found).and_then(|document| tree(&document.name, &document.bytes, found));
        let beside_of = |key, default| root.as_ref().and_then(|root| file_under(root, key, folder)).unwrap_or_else(|| folder.join(default));
        let mode = modes::named(surroundings.mode.as_deref()).map_err(|problem| found.add(&problem.place, "", problem.message)).ok();
        let overlay = overlay.or(surroundings.overlay.as_deref());
        let active = mode.and_then(|mode| Active::read(&beside_of("modes", MODES_FILE), overlay, mode, found));
        let minimum = beside_of("minimum_enforcement", floor::MINIMUM_FILE);
        let minimum = match floor::may_be_absent(&minimum) && files::is_absent(&minimum) {
            true => None,
            false => files::read_owned(&minimum, "the minimum of enforcement", found),
        };
        assemble(&root?, folder, Beside { mode, active, minimum, pod: surroundings.pod }, found)
    }
}

impl Context<'_> {
    pub(crate) fn of<'a>(root: &Node, mode: Option<Mode>, active: Option<&'a Active>) -> Context<'a> {
        let names = |list: Option<&Node>, key| list.map(|list| names_of(list, key)).unwrap_or_default();
        let words = |found: Vec<(String, _)>| found.into_iter().map(|(name, _)| name).collect();
        Context {
            listeners: words(names(child(root, "listeners"), "name")),
            upstreams: words(names(child(root, "upstreams"), "name")),
            issuers: words(names(child(root, "identity").and_then(|identity| child(identity, "issuers")), "issuer")),
            rules: active.map(|active| active.settings.rules()).or(mode.map(Mode::promises)),
            durability_min: mode.and_then(|mode| modes::demands(mode).durability_min),
            mode,
            active,
        }
    }

    /// How far plain HTTP to `host` may go: it stays on the machine, except in permissive modes.
    pub(crate) fn plain_reach(&self, section: &Section<'_>, key: &str, host: &str) -> Option<Reach> {
        let local = stays_here(host);
        match self.rules {
            Some(rules) if !local && !rules.level.is_permissive() => {
                let level = rules.level;
                section.wrong_at(
                    key,
                    format!("plain HTTP would leave the machine, which `{level}` refuses: use TLS, loopback or a Unix socket"),
                )
            }
            Some(_) | None => Some(if local { Reach::Loopback } else { Reach::Anywhere }),
        }
    }
}

/// Whether `host` is this machine.
pub(crate) fn stays_here(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn child<'a>(node: &'a Node, key: &str) -> Option<&'a Node> {
    match &node.value {
        Value::Map(entries) => entries.iter().find(|entry| entry.key == key).map(|entry| &entry.node),
        Value::List(_) | Value::Scalar(_) => None,
    }
}

/// The file that `key` names, before its section is read; a mistake in it is reported there.
fn file_under(root: &Node, key: &str, folder: &Path) -> Option<PathBuf> {
    let field = Field { node: child(root, key)?, path: key.to_owned(), folder, found: &Found::default() };
    path().read(&field)
}

fn assemble(root: &Node, folder: &Path, beside: Beside, found: &Found) -> Option<Config> {
    Field { node: root, path: String::new(), folder, found }.section(|section| sections(section, root, beside, found))
}

fn sections(section: &mut Section<'_>, root: &Node, mut beside: Beside, found: &Found) -> Option<Config> {
    let listeners = section.required("listeners", &named("name", map("a map that describes a listener", listeners::listener), 1..=64));
    raise(&mut beside, listeners.as_deref().unwrap_or_default(), found);
    let context = Context::of(root, beside.mode, beside.active.as_ref());
    let modes = section.or("modes", section.folder.join(MODES_FILE), &path());
    section.or("minimum_enforcement", PathBuf::from(floor::MINIMUM_FILE), &path());
    permissive_in_pod(section, &context, beside.pod);

    let admin = section.section("admin", listeners::admin);
    let health = section.section("health", listeners::health);
    let identity = section.section("identity", identities::identity);
    let upstreams = named("name", map("a map that describes an upstream", |section| upstreams::upstream(section, &context)), 1..=1_000);
    let upstreams = section.required("upstreams", &upstreams);
    let routes = named("name", map("a map that describes a route", |section| routes::route(section, &context)), 1..=1_000);
    let routes = section.required("routes", &routes);
    let policy = section.section("policy", decisions::policy);
    let permissions = section.section("permissions", |section| decisions::permissions(section, policy.as_ref()));
    let mask = section.section("record", records::mask);
    let audit = section.section("audit", |section| records::audit(section, &context));
    let shipped = audit.as_ref().is_some_and(|audit| audit.clickhouse.is_some());
    let journal = section.section("journal", |section| records::journal(section, shipped));
    let refusals = section.section("refusals", decisions::refusals);
    let limits = section.section("limits", limits::limits);
    let drain_timeout_ms = section.or("drain_timeout_ms", 25_000, &whole(0..=3_600_000));
    let log = section.section("log", limits::log);

    let (listeners, admin, health, identity, upstreams, routes) = (listeners?, admin?, health?, identity?, upstreams?, routes?);
    routes::distinct(&routes, section);
    addresses_distinct(section, &listeners, &admin, &health);
    trusted(section, &identity, &listeners, &upstreams);
    let (policy, permissions, mask, journal, audit) = (policy?, permissions?, mask?, journal?, audit?);
    let (modes, refusals, limits, drain_timeout_ms, log) = (modes?, refusals?, limits?, drain_timeout_ms?, log?);
    Some(Config {
        active: beside.active.clone()?,
        modes,
        listeners,
        admin,
        health,
        identity,
        routes,
        upstreams,
        policy,
        permissions,
        mask,
        journal,
        audit,
        refusals,
        limits,
        drain_timeout_ms,
        log,
    })
}

/// Raises the mode's enforcement to the minimum.
fn raise(beside: &mut Beside, listeners: &[Listener], found: &Found) {
    let Some((document, writers)) = &beside.minimum else { return };
    let agents = listeners.iter().flat_map(|listener| match &listener.door {
        Door::Loopback { local, .. } | Door::Unix { local, .. } => local.peer_uids.clone(),
        Door::Mtls { .. } => Vec::new(),
    });
    let agents: Vec<u32> = agents.collect();
    if let (Some(minimum), Some(active)) = (floor::level(document, *writers, &agents, found), &mut beside.active) {
        active.settings.enforcement = active.settings.enforcement.max(minimum);
    }
}

/// `warn` inside a pod starts only if the configuration says so, and some modes hear no such thing.
fn permissive_in_pod(section: &mut Section<'_>, context: &Context<'_>, pod: PodSigns) {
    let wanted = section.or("permissive_in_pod", false, &flag());
    let (Some(said), Some(mode)) = (wanted, context.mode) else { return };
    let warns = context.active.is_some_and(|active| active.settings.enforcement == Level::Warn);
    if said && !modes::demands(mode).may_be_permissive_in_pod {
        section.wrong_at::<()>("permissive_in_pod", format!("{} knows no such exception: leave the key out", mode.name()));
    } else if !said && pod.is_pod() && warns {
        let mode = mode.name();
        let message = format!(
            "{mode} forwards what the policy refuses, and this is a Kubernetes pod: run another mode, or write `permissive_in_pod: true`"
        );
        section.wrong_at::<()>("permissive_in_pod", message);
    }
}

/// No two sockets at one place. Port 0 is a place of its own each time.
fn addresses_distinct(section: &Section<'_>, listeners: &[Listener], admin: &Admin, health: &Health) {
    let at = |address: &SocketAddr| (address.port() != 0).then(|| address.to_string());
    let socket = |path: &Path| Some(path.display().to_string());
    let admin = match &admin.place {
        AdminPlace::Loopback(address) => at(address),
        AdminPlace::Unix { path, .. } => socket(path),
    };
    let mut sockets = vec![("admin", admin), ("health", health.address.as_ref().and_then(at))];
    sockets.extend(listeners.iter().map(|listener| match &listener.door {
        Door::Mtls { address, .. } | Door::Loopback { address, .. } => (listener.name.as_str(), at(address)),
        Door::Unix { path, .. } => (listener.name.as_str(), socket(path)),
    }));
    let mut taken: BTreeMap<String, &str> = BTreeMap::new();
    for (name, place) in sockets.into_iter().filter_map(|(name, place)| Some((name, place?))) {
        if let Some(other) = taken.insert(place.clone(), name) {
            let (name, other, place) = (quoted(name), quoted(other), quoted(&place));
            section.wrong_at::<()>("listeners", format!("{name} and {other} both listen on {place}: give one another place"));
        }
    }
}

/// Whoever speaks mTLS has a certificate, and knows the authorities of the other side.
fn trusted(section: &Section<'_>, identity: &Identity, listeners: &[Listener], upstreams: &[Upstream]) {
    let mut domains: BTreeMap<&str, &str> = BTreeMap::new();
    for listener in listeners.iter().filter(|listener| matches!(listener.door, Door::Mtls { .. })) {
        domains.insert(identity.trust_domain.as_str(), &listener.name);
    }
    for upstream in upstreams {
        if let Way::Mtls { spiffe_id, .. } = &upstream.way {
            domains.insert(spiffe_id.trust_domain(), &upstream.name);
        }
    }
    for (domain, user) in &domains {
        if !identity.trust_bundles.keys().any(|known| known.as_str() == *domain) {
            let (domain, user) = (quoted(domain), quoted(user));
            section.wrong_at::<()>("identity", format!("{user} needs the authorities of {domain}: name their file in `trust_bundles`"));
        }
    }
    if let (Some(user), None) = (domains.values().next(), &identity.svid) {
        let user = quoted(user);
        section.wrong_at::<()>("identity", format!("{user} speaks mTLS: name toolgate's own certificate and key in `svid`"));
    }
}
