//! From a configuration to a house that can serve. Everything that is wrong is said at once, before a socket is open.

use super::reload::Materials;
use super::{Declared, House, Losses, Redacted, STALE_REVOCATIONS, Sessions, wall};
use crate::sources;
use crate::telemetry::{Metrics, ModeLabels};
use crate::view::{Mode, Route, View};
use arc_swap::{ArcSwap, ArcSwapOption};
use canon::json::Tree;
use canon::{Digest, Json, Micros};
use config::{Config, CredentialFile, Door, Way};
use evaluator::Evaluator;
use identity::{Anchors, Issuers};
use journal::{Facts, Journal};
use permission::Keys;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;
use wire::tls::{Material, Own, Roots};
use wire::{Credential, Limit, Listener, Place, Shares, Tally, Target, Upstream};

/// A house, and the listeners that lead into it, not opened yet.
pub(crate) struct Started {
    pub(crate) house: Arc<House>,
    pub(crate) listeners: Vec<Listener>,
}

/// Everything that keeps it from starting.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub(crate) struct CannotStart(pub(crate) Vec<String>);

/// Puts the house together and opens the journal. `config_digest` is that of the files that the configuration was read from.
pub(crate) fn start(config: Config, config_digest: Digest) -> Result<Started, CannotStart> {
    let tally = Arc::new(Tally::default());
    let mut wrong = Vec::new();
    let anchors = noted(anchors(&config), &mut wrong).or_else(|| Anchors::build([]).ok());
    let Some(anchors) = anchors else { return Err(CannotStart(wrong)) };
    let anchors = Arc::new(ArcSwap::from_pointee(anchors));
    let issuers = noted(issuers(&config), &mut wrong).unwrap_or_default();
    let own = noted(own(&config), &mut wrong).flatten();
    let mut materials = Materials::new(own, Arc::clone(&anchors));
    let upstreams = upstreams(&config, &mut materials, &tally, &mut wrong);
    let routes = routes(&config, &upstreams, &mut wrong);
    let keys = noted(keys(&config), &mut wrong);
    let tenants = config.identity.tenants.clone();
    let listeners = listeners(&config, materials.own.as_ref(), &mut wrong);
    let evaluator = noted(evaluator(&config), &mut wrong);
    let (Some(keys), Some(evaluator), true) = (keys, evaluator, wrong.is_empty()) else { return Err(CannotStart(wrong)) };
    // The journal last: a start that fails for another reason leaves no genesis behind.
    let journal = Journal::open(&config.journal, wall, facts(&config)).map_err(|error| CannotStart(vec![error.to_string()]))?;
    let redacted = Redacted::kept(&journal.redactions().map_err(|error| CannotStart(vec![error.to_string()]))?);
    let mode = mode(&config);
    let view = View {
        routes: Arc::new(routes),
        tenants: Arc::new(tenants),
        mask: Arc::new(config.mask.clone()),
        limits: config.limits.protocol,
        detail: config.refusals,
        policies: Arc::new(BTreeMap::new()),
        keys: Arc::new(keys),
        anchors: anchors.load_full(),
        issuers: Arc::new(issuers),
        config_digest,
        digest: config_digest,
        mode,
    };
    let metrics = Arc::new(Metrics::default());
    let labels = ModeLabels {
        mode: view.mode.name.to_owned(),
        enforcement: view.mode.enforcement.to_owned(),
        permissive: view.mode.permissive.to_string(),
    };
    metrics.mode.get_or_create(&labels).set(1);
    let house = House {
        view: ArcSwap::from_pointee(view.with_digest()),
        registry: metrics.registry(),
        losses: Arc::new(Losses::new(Arc::clone(&metrics))),
        metrics,
        declared: Arc::new(Declared::default()),
        redacted: Arc::new(redacted),
        sessions: Sessions::default(),
        policy_checked: ArcSwapOption::empty(),
        revocations_read: ArcSwap::from_pointee(Instant::now()),
        policy_rejected: ArcSwapOption::empty(),
        draining: AtomicBool::new(false),
        calls: Shares::new(config.limits.wire.calls_per_caller_max, Limit::CallsPerCaller, Arc::clone(&tally)),
        config,
        journal,
        evaluator,
        tally,
        materials,
    };
    Ok(Started { house: Arc::new(house), listeners })
}

/// Reads and builds everything that a start needs but the journal and the evaluator, and gives the upstreams: for `toolgate check`.
pub(crate) fn rehearse(config: &Config) -> Result<Vec<(String, Arc<Upstream>)>, CannotStart> {
    let mut wrong = Vec::new();
    let anchors = noted(anchors(config), &mut wrong).or_else(|| Anchors::build([]).ok());
    let Some(anchors) = anchors else { return Err(CannotStart(wrong)) };
    noted(issuers(config), &mut wrong);
    if noted(keys(config), &mut wrong).is_some_and(|keys| !keys.has_current_revocations(wall())) {
        wrong.push(STALE_REVOCATIONS.to_owned());
    }
    let own = noted(own(config), &mut wrong).flatten();
    let mut materials = Materials::new(own, Arc::new(ArcSwap::from_pointee(anchors)));
    let upstreams = upstreams(config, &mut materials, &Arc::new(Tally::default()), &mut wrong);
    routes(config, &upstreams, &mut wrong);
    listeners(config, materials.own.as_ref(), &mut wrong);
    if wrong.is_empty() { Ok(upstreams.into_iter().collect()) } else { Err(CannotStart(wrong)) }
}

fn noted<T>(result: Result<T, Vec<String>>, wrong: &mut Vec<String>) -> Option<T> {
    result.map_err(|mut problems| wrong.append(&mut problems)).ok()
}

/// Problems with what a key names.
fn said<P: std::fmt::Display>(key: &str, problems: &[P]) -> Vec<String> {
    problems.iter().map(|problem| format!("`{key}`: {problem}")).collect()
}

/// A file's bytes; `key` is where the configuration names the file.
fn read(key: &str, path: &Path) -> Result<Vec<u8>, Vec<String>> {
    sources::file(path).map_err(|error| vec![format!("`{key}`: {error}")])
}

/// Both, or the problems of both.
fn both<A, B>(one: Result<A, Vec<String>>, other: Result<B, Vec<String>>) -> Result<(A, B), Vec<String>> {
    match (one, other) {
        (Ok(one), Ok(other)) => Ok((one, other)),
        (Err(one), Err(other)) => Err([one, other].concat()),
        (Err(problems), Ok(_)) | (Ok(_), Err(problems)) => Err(problems),
    }
}

/// All, or the problems of all.
fn every<T>(results: impl Iterator<Item = Result<T, Vec<String>>>) -> Result<Vec<T>, Vec<String>> {
    let (mut all, mut problems) = (Vec::new(), Vec::new());
    for result in results {
        match result {
            Ok(one) => all.push(one),
            Err(mut more) => problems.append(&mut more),
        }
    }
    if problems.is_empty() { Ok(all) } else { Err(problems) }
}

fn facts(config: &Config) -> Facts {
    Facts {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        mode: config.active.mode.name().to_owned(),
        enforcement: config.rules().level.name().to_owned(),
        durability: config.audit.durability.name().to_owned(),
    }
}

fn mode(config: &Config) -> Mode {
    let (name, level) = (config.active.mode.name(), config.rules().level);
    let settings = serde_json::to_vec(&config.active.settings).unwrap_or_default();
    let settings = canon::json::parse::<Tree>(&settings, &canon::json::Limits::default()).unwrap_or(Json::Null);
    Mode { name, enforcement: level.name(), permissive: level.is_permissive(), input: policy::Mode::new(name, level.name(), &settings) }
}

fn anchors(config: &Config) -> Result<Anchors, Vec<String>> {
    let bundles = &config.identity.trust_bundles;
    let bundles = every(bundles.iter().map(|(domain, path)| Ok((domain.as_str(), read("identity.trust_bundles", path)?))))?;
    Anchors::build(bundles.iter().map(|(domain, pem)| (*domain, pem.as_slice())))
        .map_err(|problems| said("identity.trust_bundles", &problems))
}

fn issuers(config: &Config) -> Result<Issuers, Vec<String>> {
    let all = every(config.identity.issuers.iter().map(|issuer| Ok((issuer, read("identity.issuers", Path::new(&issuer.jwks))?))))?;
    Issuers::build(all.iter().map(|(issuer, jwks)| (*issuer, jwks.as_slice()))).map_err(|problems| said("identity.issuers", &problems))
}

fn keys(config: &Config) -> Result<Keys, Vec<String>> {
    let permissions = &config.permissions;
    let Some(path) = &permissions.keys else { return Ok(Keys::none(permissions.settings.clone())) };
    let revocations = permissions.revocations.as_deref().map(|path| read("permissions.revocations", path));
    let (keys, revocations) = both(read("permissions.keys", path), revocations.transpose())?;
    Keys::build(&keys, revocations.as_deref(), permissions.settings.clone()).map_err(|problems| said("permissions", &problems))
}

fn own(config: &Config) -> Result<Option<Own>, Vec<String>> {
    let Some(files) = &config.identity.svid else { return Ok(None) };
    let (certificate, key) = both(read("identity.svid.certificate", &files.certificate), read("identity.svid.key", &files.key))?;
    Ok(Some(Own::new(svid(&files.certificate, &certificate, &key, wall()).map_err(|problem| said("identity.svid", &[problem]))?)))
}

/// A certificate of our own that others can take us by: what they would refuse is refused here.
pub(super) fn svid(path: &Path, certificate: &[u8], key: &[u8], at: Micros) -> Result<Material, String> {
    let material = Material::from_pem(certificate, key).map_err(|error| error.to_string())?;
    let leaf = material.leaf().and_then(|leaf| leaf.current(at));
    leaf.map(|_| material).map_err(|wrong| format!("`{}`: {wrong}; `docs/mtls.md` says what an SVID must be", path.display()))
}

fn evaluator(config: &Config) -> Result<Evaluator, Vec<String>> {
    Evaluator::start(config.policy.evaluator).map_err(|error| vec![error.to_string()])
}

fn listeners(config: &Config, own: Option<&Own>, wrong: &mut Vec<String>) -> Vec<Listener> {
    let place = |door: &Door| match door {
        Door::Mtls { address, oldest } => own.map(|own| Place::Mtls { address: *address, own: own.clone(), oldest: *oldest }),
        Door::Loopback { address, local } => Some(Place::Loopback { address: *address, subject: Some(Arc::new(local.clone())) }),
        Door::Unix { path, local, mode } => Some(Place::Unix { path: path.clone(), mode: *mode, subject: Some(Arc::new(local.clone())) }),
    };
    let mut listeners = Vec::new();
    for listener in &config.listeners {
        match place(&listener.door) {
            Some(place) => listeners.push(Listener { name: listener.name.clone(), place }),
            None => wrong.push(format!("listener `{}` speaks TLS and `identity.svid` is not usable", listener.name)),
        }
    }
    listeners
}

fn upstreams(config: &Config, materials: &mut Materials, tally: &Arc<Tally>, wrong: &mut Vec<String>) -> BTreeMap<String, Arc<Upstream>> {
    let mut upstreams = BTreeMap::new();
    for upstream in &config.upstreams {
        match one_upstream(upstream, materials, tally) {
            Ok(built) => drop(upstreams.insert(upstream.name.clone(), Arc::new(built))),
            Err(problems) => wrong.extend(problems.into_iter().map(|problem| format!("upstream `{}`: {problem}", upstream.name))),
        }
    }
    upstreams
}

fn one_upstream(upstream: &config::Upstream, materials: &mut Materials, tally: &Arc<Tally>) -> Result<Upstream, Vec<String>> {
    let plain = |error: wire::WireError| vec![error.to_string()];
    let target = match &upstream.way {
        Way::Mtls { address, spiffe_id } => {
            let own = materials.own.clone().ok_or_else(|| vec!["it is reached by mTLS and `identity.svid` is not usable".to_owned()])?;
            Target::Mtls { address: address.clone(), id: spiffe_id.clone(), anchors: Arc::clone(&materials.anchors), own }
        }
        Way::Https { address, server_name, roots } => {
            let built = Roots::from_pem(&read("roots", roots)?).map_err(plain)?;
            materials.roots.push((roots.clone(), built.clone()));
            Target::Https { address: address.clone(), name: server_name.clone(), roots: built }
        }
        Way::Http { address, reach } => Target::Plain { address: address.clone(), reach: *reach },
        Way::Unix { path } => Target::Unix { path: path.clone() },
    };
    let credential = upstream.credential.as_ref().map(|file| credential(file, materials)).transpose()?;
    Upstream::new(target, upstream.limits.clone(), upstream.host.clone(), credential, Arc::clone(tally)).map_err(plain)
}

fn credential(file: &CredentialFile, materials: &mut Materials) -> Result<Arc<Credential>, Vec<String>> {
    let secret = read("credential.file", &file.file)?;
    let credential = Credential::new(file.header.clone(), &file.prefix, &secret)
        .map_err(|error| vec![format!("{error} (`{}`)", file.file.display())])?;
    let credential = Arc::new(credential);
    materials.credentials.push((file.file.clone(), Arc::clone(&credential)));
    Ok(credential)
}

fn routes(config: &Config, upstreams: &BTreeMap<String, Arc<Upstream>>, wrong: &mut Vec<String>) -> Vec<Route> {
    let mut routes = Vec::new();
    for route in &config.routes {
        let rules = match route.sensitive_tools.map(|sensitive| config.rules().on_route(sensitive)) {
            Some(Ok(rules)) => rules,
            Some(Err(problem)) => {
                wrong.push(format!("route `{}`: {problem}", route.name));
                continue;
            }
            None => config.rules(),
        };
        // Where it is missing, its own mistake is already noted.
        let Some(upstream) = upstreams.get(&route.upstream) else { continue };
        routes.push(Route {
            name: Arc::from(route.name.as_str()),
            listener: route.listener.clone(),
            host: route.host.clone(),
            prefix: route.prefix.clone(),
            speaks: route.speaks.clone(),
            rules,
            tenant: route.tenant.clone(),
            bearer_issuer: route.bearer_issuer.clone(),
            filter_lists: route.filter_lists,
            session_header: route.session_header.clone(),
            policy_headers: route.policy_headers.clone(),
            entry_point: route.entry_point.clone(),
            upstream_name: Arc::from(route.upstream.as_str()),
            upstream: Arc::clone(upstream),
        });
    }
    // The longest path first, one with a host before one without.
    routes.sort_by_key(|route| std::cmp::Reverse((route.prefix.len(), route.host.is_some())));
    routes
}
