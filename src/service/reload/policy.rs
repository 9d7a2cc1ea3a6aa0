//! The policy: read, parsed and checked beside the calls; the last good one stays until another is.

use super::House;
use crate::sources::{self, Unreadable};
use crate::telemetry::ReloadLabels;
use crate::view::View;
use canon::Digest;
use evaluator::{LoadError, Loading};
use policy::Snapshot;
use record::{Event, LoadAction, Policy, SourceBody};
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

/// Longest time for parsing and checking a policy.
const POLICY_LOAD_LIMIT: Duration = Duration::from_secs(10);
impl House {
    pub(super) async fn reload_policy(&self) {
        let path = self.config.policy.source.clone();
        let read = tokio::task::spawn_blocking(move || sources::policy(&path))
            .await
            .unwrap_or_else(|error| Err(Unreadable::Bundle(error.to_string())));
        let source = match read {
            Ok(source) => source,
            Err(error) => return self.policy_rejected(None, vec![error.of_policy(&self.config.policy)]).await,
        };
        let digest = source.digest();
        let view = self.view.load_full();
        // Before it is seen: a call that sees it must not take it for an old one.
        self.policy_checked.store(Some(Arc::new(Instant::now())));
        if view.policies.values().next().is_some_and(|loaded| loaded.digest() == digest) {
            if self.policy_rejected.swap(None).is_some() {
                self.changed("policy", digest);
                tracing::info!(%digest, "the policy on disk is the loaded one again");
            }
            return;
        }
        let begun = self.materials.loading.lock().unwrap_or_else(PoisonError::into_inner).take().filter(|(of, _)| *of == digest);
        let loaded = match begun {
            // Said to be late already: it is looked at, not waited for.
            Some((_, loading)) => self.loaded(digest, loading, Duration::ZERO).await,
            None if self.changed("policy", digest) => match Loading::begin(source, self.policy_settings()) {
                Ok(loading) => self.loaded(digest, loading, POLICY_LOAD_LIMIT).await,
                Err(error) => Err(error),
            },
            None => return,
        };
        let snapshots = match loaded {
            Ok(snapshots) => snapshots,
            Err(LoadError::Problems(problems)) => {
                return self.policy_rejected(Some(digest), problems.iter().map(ToString::to_string).collect()).await;
            }
            Err(LoadError::Timeout(limit)) if limit.is_zero() => return,
            Err(error @ LoadError::Timeout(_)) => return self.policy_rejected(Some(digest), vec![error.to_string()]).await,
            Err(error @ LoadError::Broken(_)) => {
                // It may be the machine's fault and not the policy's: the next check tries again, and says the same no second time.
                self.forget("policy");
                if self.policy_rejected.load().as_deref() != Some(&error.to_string()) {
                    self.policy_rejected(Some(digest), vec![error.to_string()]).await;
                }
                return;
            }
        };
        let policies: BTreeMap<String, Arc<Snapshot>> = self.entry_points().into_iter().zip(snapshots.into_iter().map(Arc::new)).collect();
        let first = self.view.load().policies.is_empty();
        let revision = policies.values().next().and_then(|snapshot: &Arc<Snapshot>| snapshot.revision().map(str::to_owned));
        self.policy_rejected.store(None);
        self.swap(|view| View { policies: Arc::new(policies.clone()), ..view.clone() });
        tracing::info!(%digest, revision, "the policy is loaded");
        self.metrics.reloads.get_or_create(&ReloadLabels { what: "policy", result: "loaded" }).inc();
        let action = if first { LoadAction::Load } else { LoadAction::Reload };
        self.record(Event::Policy(Policy {
            at: self.journal.now().at,
            action,
            digest: Some(digest),
            revision,
            body: self.policy_body(Vec::new()),
        }))
        .await;
    }

    /// What a load comes to in this time; one that takes longer is kept, and looked at by the next check.
    async fn loaded(&self, digest: Digest, mut loading: Loading, limit: Duration) -> Result<Vec<Snapshot>, LoadError> {
        let loaded = loading.within(limit).await;
        if let Err(LoadError::Timeout(_)) = loaded {
            *self.materials.loading.lock().unwrap_or_else(PoisonError::into_inner) = Some((digest, loading));
        }
        loaded
    }

    /// For each entry point, in their order.
    fn policy_settings(&self) -> Vec<policy::Settings> {
        let of = |entry_point| policy::Settings { entry_point, ..self.config.policy.settings.clone() };
        self.entry_points().into_iter().map(of).collect()
    }

    fn entry_points(&self) -> Vec<String> {
        let mut entry_points: Vec<String> = self.config.routes.iter().map(|route| route.entry_point.clone()).collect();
        entry_points.sort();
        entry_points.dedup();
        entry_points
    }

    async fn policy_rejected(&self, digest: Option<Digest>, problems: Vec<String>) {
        if digest.is_none() && !self.changed("policy", Digest::of(&[problems.concat().as_bytes()])) {
            return;
        }
        self.policy_rejected.store(Some(Arc::new(problems.first().cloned().unwrap_or_default())));
        tracing::error!(source = %self.config.policy.source.display(), problems = problems.join("; "), "the policy is not loaded: the last good one stays, if there is one");
        self.metrics.reloads.get_or_create(&ReloadLabels { what: "policy", result: "rejected" }).inc();
        self.record(Event::Policy(Policy {
            at: self.journal.now().at,
            action: LoadAction::Reject,
            digest,
            revision: None,
            body: self.policy_body(problems),
        }))
        .await;
    }

    fn policy_body(&self, problems: Vec<String>) -> SourceBody {
        SourceBody { source: Some(self.config.policy.source.display().to_string()), problems }
    }
}
