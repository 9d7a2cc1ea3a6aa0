//! What is read from files while the process serves: policy, keys, revocations, trust, certificates, credentials.
//!
//! Each is swapped whole, or the last good one stays and that is said loudly, recorded and counted. A file that did not change is not built again.

mod policy;

use super::House;
use super::start::svid;
use crate::sources::{self, Unreadable};
use crate::telemetry::ReloadLabels;
use crate::view::View;
use arc_swap::ArcSwap;
use canon::Digest;
use config::Config;
use evaluator::Loading;
use identity::{Anchors, Issuers};
use journal::Entry;
use notify::{RecursiveMode, Watcher as _};
use permission::Keys;
use record::{Event, Key, LoadAction, SourceBody};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use wire::Credential;
use wire::tls::{Own, Roots};

/// Quiet time after a change: a swap of a mounted folder is several events.
const SETTLE: Duration = Duration::from_millis(100);

/// What the sockets hold and a reload changes in place.
pub(crate) struct Materials {
    pub(super) own: Option<Own>,
    pub(super) anchors: Arc<ArcSwap<Anchors>>,
    pub(super) roots: Vec<(PathBuf, Roots)>,
    pub(super) credentials: Vec<(PathBuf, Arc<Credential>)>,
    /// The digest of what was last read, by name: good or bad, it is not built a second time.
    pub(super) seen: Mutex<BTreeMap<&'static str, Digest>>,
    /// Whether what was last read of keys and revocations was not taken.
    pub(super) keys_rejected: AtomicBool,
    /// A policy whose load did not end in time, by its digest.
    pub(super) loading: Mutex<Option<(Digest, Loading)>>,
}

impl Materials {
    /// Nothing is read yet.
    pub(super) fn new(own: Option<Own>, anchors: Arc<ArcSwap<Anchors>>) -> Self {
        Self {
            own,
            anchors,
            roots: Vec::new(),
            credentials: Vec::new(),
            seen: Mutex::default(),
            keys_rejected: AtomicBool::new(false),
            loading: Mutex::default(),
        }
    }
}

/// What a reload of one thing came to.
enum Outcome {
    /// It is as it was.
    Same,
    /// It was swapped; so many keys or anchors.
    Swapped(Option<u64>),
    /// The last good one stays.
    Rejected(Vec<String>),
}

/// Reads everything again whenever a file changes, and every `reload_interval_s`.
pub(crate) async fn reload_until(house: Arc<House>, stop: CancellationToken) {
    let (changed, mut changes) = mpsc::channel(1);
    // Held for as long as the loop runs; without it the timer alone finds changes.
    let _watcher = watch(&house.config, changed)
        .inspect_err(|error| tracing::warn!(%error, "files are not watched: changes are found by the timer alone"))
        .ok();
    let interval = Duration::from_secs(house.config.policy.reload_interval_s);
    loop {
        tokio::select! {
            () = stop.cancelled() => return house.record_losses().await,
            () = tokio::time::sleep(interval) => {}
            Some(()) = changes.recv() => {
                tokio::time::sleep(SETTLE).await;
                while changes.try_recv().is_ok() {}
            }
        }
        house.reload().await;
        house.record_losses().await;
    }
}

/// Watches folders, never files: a mounted ConfigMap is swapped by a rename beside them.
fn watch(config: &Config, changed: mpsc::Sender<()>) -> notify::Result<notify::RecommendedWatcher> {
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        if event.is_ok_and(|event| !event.kind.is_access()) {
            // One waiting signal is enough.
            let _ = changed.try_send(());
        }
    })?;
    if config.policy.source.is_dir() {
        watcher.watch(&config.policy.source, RecursiveMode::Recursive)?;
    }
    let mut folders: Vec<PathBuf> = files(config).iter().filter_map(|file| file.parent().map(Path::to_owned)).collect();
    folders.sort();
    folders.dedup();
    for folder in folders.iter().filter(|folder| folder.is_dir()) {
        watcher.watch(folder, RecursiveMode::NonRecursive)?;
    }
    Ok(watcher)
}

fn files(config: &Config) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = vec![config.policy.source.clone()];
    files.extend(config.permissions.keys.iter().chain(&config.permissions.revocations).cloned());
    files.extend(config.identity.trust_bundles.values().cloned());
    files.extend(config.identity.issuers.iter().map(|issuer| PathBuf::from(&issuer.jwks)));
    files.extend(config.identity.svid.iter().flat_map(|svid| [svid.certificate.clone(), svid.key.clone()]));
    files.extend(config.upstreams.iter().filter_map(|upstream| upstream.credential.as_ref().map(|credential| credential.file.clone())));
    files
}

impl House {
    /// Reads every source again and swaps what changed.
    pub(crate) async fn reload(&self) {
        self.reload_policy().await;
        let keys = self.reload_keys();
        self.reloaded("keys", "permission", self.config.permissions.keys.as_deref(), keys).await;
        let trust = self.reload_trust();
        self.reloaded("trust", "trust", None, trust).await;
        let issuers = self.reload_issuers();
        self.reloaded("issuers", "issuer", None, issuers).await;
        let certificate = self.reload_certificate();
        self.reloaded(
            "certificates",
            "certificate",
            self.config.identity.svid.as_ref().map(|svid| svid.certificate.as_path()),
            certificate,
        )
        .await;
        if let Some(wrong) = self.svid_wrong()
            && self.changed("svid", Digest::of(&[wrong.as_bytes()]))
        {
            tracing::error!("{wrong}");
        }
        self.reload_credentials();
    }

    fn reload_keys(&self) -> Outcome {
        let permissions = &self.config.permissions;
        let Some(path) = &permissions.keys else { return Outcome::Same };
        let list = permissions.revocations.as_deref().map(sources::file).transpose();
        let read = sources::file(path).and_then(|keys| Ok((keys, list?)));
        let outcome = self.built(
            "keys",
            read,
            |(keys, revocations)| vec![keys.clone(), revocations.clone().unwrap_or_default()],
            |(keys, revocations)| {
                let keys = Keys::build(&keys, revocations.as_deref(), permissions.settings.clone()).map_err(|problems| said(&problems))?;
                let count = keys.entries().count();
                let keys = Arc::new(keys);
                self.swap(|view| View { keys: Arc::clone(&keys), ..view.clone() });
                Ok(count)
            },
        );
        // What is read and not taken revokes nothing: it grows old.
        let rejected = &self.materials.keys_rejected;
        match outcome {
            Outcome::Same => {}
            Outcome::Swapped(_) => rejected.store(false, Ordering::Relaxed),
            Outcome::Rejected(_) => rejected.store(true, Ordering::Relaxed),
        }
        if !rejected.load(Ordering::Relaxed) {
            self.revocations_read.store(Arc::new(Instant::now()));
        }
        outcome
    }

    fn reload_trust(&self) -> Outcome {
        let bundles = &self.config.identity.trust_bundles;
        let read: Result<Vec<(String, Vec<u8>)>, Unreadable> =
            bundles.iter().map(|(domain, path)| Ok((domain.as_str().to_owned(), sources::file(path)?))).collect();
        self.built(
            "trust",
            read,
            |read| read.iter().map(|(_, pem)| pem.clone()).collect(),
            |read| {
                let anchors = Anchors::build(read.iter().map(|(domain, pem)| (domain.as_str(), pem.as_slice())))
                    .map_err(|problems| said(&problems))?;
                let anchors = Arc::new(anchors);
                self.materials.anchors.store(Arc::clone(&anchors));
                self.swap(|view| View { anchors: Arc::clone(&anchors), ..view.clone() });
                self.renew_upstreams();
                Ok(read.len())
            },
        )
    }

    fn reload_issuers(&self) -> Outcome {
        let issuers = &self.config.identity.issuers;
        let read: Result<Vec<Vec<u8>>, Unreadable> = issuers.iter().map(|issuer| sources::file(Path::new(&issuer.jwks))).collect();
        self.built("issuers", read, Clone::clone, |read| {
            let issuers = Issuers::build(issuers.iter().zip(read.iter().map(Vec::as_slice))).map_err(|problems| said(&problems))?;
            let issuers = Arc::new(issuers);
            self.swap(|view| View { issuers: Arc::clone(&issuers), ..view.clone() });
            Ok(read.len())
        })
    }

    fn reload_certificate(&self) -> Outcome {
        let (Some(files), Some(own)) = (&self.config.identity.svid, &self.materials.own) else { return Outcome::Same };
        let read = sources::file(&files.certificate).and_then(|certificate| Ok((certificate, sources::file(&files.key)?)));
        self.built(
            "certificate",
            read,
            |(certificate, key)| vec![certificate.clone(), key.clone()],
            |(certificate, key)| {
                own.replace(svid(&files.certificate, &certificate, &key, self.journal.now().at).map_err(|problem| vec![problem])?);
                self.renew_upstreams();
                Ok(1)
            },
        )
    }

    /// Connections that were made under older certificates or trust are not used again.
    fn renew_upstreams(&self) {
        self.view.load().routes.iter().for_each(|route| route.upstream.renew());
    }

    fn reload_credentials(&self) {
        let said = |path: &Path, error: &dyn std::fmt::Display| tracing::error!(file = %path.display(), %error, "a file is not taken: the last good one stays");
        for (path, credential) in &self.materials.credentials {
            if let Err(error) = sources::file(path)
                .map_err(|error| error.to_string())
                .and_then(|secret| credential.replace(&secret).map_err(|error| error.to_string()))
            {
                said(path, &error);
            }
        }
        for (path, roots) in &self.materials.roots {
            if let Err(error) = sources::file(path)
                .map_err(|error| error.to_string())
                .and_then(|pem| roots.replace(&pem).map_err(|error| error.to_string()))
            {
                said(path, &error);
            }
        }
    }

    /// Builds what was read, unless it is what was read before.
    fn built<T>(
        &self,
        what: &'static str,
        read: Result<T, Unreadable>,
        parts: impl Fn(&T) -> Vec<Vec<u8>>,
        build: impl FnOnce(T) -> Result<usize, Vec<String>>,
    ) -> Outcome {
        let read = match read {
            Ok(read) => read,
            Err(error) if self.changed(what, Digest::of(&[error.to_string().as_bytes()])) => {
                return Outcome::Rejected(vec![error.to_string()]);
            }
            Err(_) => return Outcome::Same,
        };
        let digests: Vec<[u8; 32]> = parts(&read).iter().map(|part| Digest::of(&[part]).0).collect();
        if !self.changed(what, Digest::of(&[digests.as_flattened()])) {
            return Outcome::Same;
        }
        match build(read) {
            Ok(count) => Outcome::Swapped(u64::try_from(count).ok()),
            Err(problems) => Outcome::Rejected(problems),
        }
    }

    fn changed(&self, what: &'static str, digest: Digest) -> bool {
        self.materials.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(what, digest) != Some(digest)
    }

    fn forget(&self, what: &'static str) {
        self.materials.seen.lock().unwrap_or_else(PoisonError::into_inner).remove(what);
    }

    async fn reloaded(&self, what: &'static str, material: &str, path: Option<&Path>, outcome: Outcome) {
        let (action, count, problems) = match outcome {
            Outcome::Same => return,
            Outcome::Swapped(count) => (LoadAction::Reload, count, Vec::new()),
            Outcome::Rejected(problems) => (LoadAction::Reject, None, problems),
        };
        let result = if problems.is_empty() { "loaded" } else { "rejected" };
        self.metrics.reloads.get_or_create(&ReloadLabels { what, result }).inc();
        if problems.is_empty() {
            tracing::info!(what, count, "loaded anew");
        } else {
            tracing::error!(what, problems = problems.join("; "), "not loaded: the last good one stays");
        }
        let digest = self.materials.seen.lock().unwrap_or_else(PoisonError::into_inner).get(what).copied();
        let body = SourceBody { source: path.map(|path| path.display().to_string()), problems };
        self.record(Event::Key(Key { at: self.journal.now().at, action, material: material.to_owned(), digest, count, body })).await;
    }

    /// A new view from the one before, with its own digest.
    fn swap(&self, change: impl Fn(&View) -> View) {
        self.view.rcu(|view| change(view).with_digest());
    }

    /// Records something that belongs to no call.
    pub(crate) async fn record(&self, event: Event) {
        if let Err(why) = self.journal.append(Entry::of(Self::call_id(), vec![event])).await {
            tracing::error!(%why, "an event is not recorded");
        }
    }

    /// Once records are taken again, how many were lost is recorded itself.
    async fn record_losses(&self) {
        let count = self.losses.unsaid();
        if count == 0 {
            return;
        }
        let loss = record::Lifecycle {
            at: self.journal.now().at,
            action: record::LifecycleAction::Loss,
            count: Some(count),
            reasons: Vec::new(),
            detail: None,
        };
        if self.journal.append(Entry::of(Self::call_id(), vec![Event::Lifecycle(loss)])).await.is_ok() {
            self.losses.said(count);
        }
    }
}

fn said<P: ToString>(problems: &[P]) -> Vec<String> {
    problems.iter().map(ToString::to_string).collect()
}
