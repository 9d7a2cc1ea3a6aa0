//! `toolgate run`: reads the configuration, serves until told to stop, drains, closes the journal.

use crate::admin::{Admin, Reach};
use crate::service::{House, Service, Started, reload_until, ship_until, start};
use crate::telemetry::{self, LogFormat};
use anyhow::Context as _;
use canon::Digest;
use config::{Config, Surroundings};
use record::{Event, Lifecycle, LifecycleAction};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use wire::{Bound, Listener, Place, Stop};

/// Where the configuration is.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  SOMA_AGENT_MODE=LOCAL toolgate run --config toolgate.yaml")]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) files: Files,
}

/// The files that every command with a configuration takes.
#[derive(clap::Args)]
pub(super) struct Files {
    /// The configuration
    #[arg(long, value_name = "FILE", default_value = "toolgate.yaml")]
    pub(super) config: PathBuf,
    /// The overlay's folder, instead of TOOLGATE_OVERLAY's or the mode's own
    #[arg(long, value_name = "DIR")]
    pub(super) overlay: Option<PathBuf>,
}

impl Files {
    /// Loads the configuration or prints every mistake.
    pub(super) fn load(&self) -> anyhow::Result<Config> {
        anyhow::ensure!(
            self.config.symlink_metadata().is_ok(),
            "the configuration `{}` is not there: name it with `--config FILE`, or write a first one with `toolgate init`",
            self.config.display()
        );
        Config::load(&self.config, self.overlay.as_deref(), &Surroundings::observe()).map_err(|problems| {
            let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
            anyhow::anyhow!("the configuration has {} mistake(s):\n{}", lines.len(), lines.join("\n"))
        })
    }

    /// The digest of the files that were read.
    pub(super) fn digest(&self, config: &Config) -> Digest {
        let read = |path: &Path| std::fs::read(path).unwrap_or_default();
        Digest::of(&[&Digest::of(&[&read(&self.config)]).0, &Digest::of(&[&read(&config.modes)]).0])
    }
}

/// Serves.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let begun = Instant::now();
    let config = args.files.load()?;
    let format = match config.log.format {
        config::LogFormat::Auto => LogFormat::Auto,
        config::LogFormat::Json => LogFormat::Json,
        config::LogFormat::Text => LogFormat::Text,
    };
    telemetry::log(format, config.log.level.name())?;
    let digest = args.files.digest(&config);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start the runtime")?;
    runtime.block_on(async {
        let Started { house, listeners } = start(config, digest).map_err(|error| anyhow::anyhow!("cannot start:\n{error}"))?;
        serve(house, listeners, begun).await
    })
}

async fn serve(house: Arc<House>, listeners: Vec<Listener>, begun: Instant) -> anyhow::Result<ExitCode> {
    let mut signals = Signals::new()?;
    announce(&house);
    house.reload().await;
    lifecycle(&house, LifecycleAction::Start).await;
    let stop = CancellationToken::new();
    let reloading = tokio::spawn(reload_until(Arc::clone(&house), stop.clone()));
    let grace = Duration::from_millis(house.config.drain_timeout_ms);
    let admin_stop = Stop::default();
    let admin = administer(&house, &admin_stop)?;
    let doors: Vec<Bound> = listeners.into_iter().map(Listener::open).collect::<Result<_, _>>()?;
    for line in house.unready() {
        tracing::error!("not ready: {line}");
    }
    let places: Vec<String> = doors
        .iter()
        .map(|door| {
            format!("{} on {}", door.name(), door.address().map_or_else(|| "a Unix socket".to_owned(), |address| address.to_string()))
        })
        .collect();
    tracing::info!(listeners = places.join(", "), admin = house.admin_address(), after_ms = begun.elapsed().as_millis(), "serving");
    let drain = Stop::default();
    let limits = house.config.limits.wire.clone();
    let serving = wire::serve(doors, limits, Arc::new(Service(Arc::clone(&house))), Arc::clone(&house.tally), drain.clone(), grace);
    let shipping = tokio::spawn(ship_until(Arc::clone(&house), stop.clone(), grace));
    let serving = tokio::spawn(serving);
    signals.told_to_stop().await;
    tracing::info!(grace_ms = grace.as_millis(), "stopping: calls in flight are finished");
    house.drain();
    drain.drain();
    let drained = serving.await.context("serving ended abnormally")?;
    lifecycle(&house, LifecycleAction::Stop).await;
    stop.cancel();
    let undelivered = shipping.await.unwrap_or_else(|_| house.journal.stats().unread);
    let _ = reloading.await;
    admin_stop.drain();
    let _ = admin.await;
    let journal = house.journal.clone();
    drop(house);
    journal.close().await.map_err(|why| anyhow::anyhow!("the journal did not close cleanly: {why}"))?;
    tracing::info!(calls_cut = drained.cut, undelivered, "stopped");
    Ok(if drained.cut == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// SIGTERM and SIGINT.
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    fn new() -> anyhow::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn told_to_stop(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Opens the admin listener and, where the configuration names one, the one for health.
fn administer(house: &Arc<House>, stop: &Stop) -> anyhow::Result<tokio::task::JoinHandle<()>> {
    let place = match &house.config.admin.place {
        config::AdminPlace::Loopback(address) => Place::Loopback { address: *address, subject: None },
        config::AdminPlace::Unix { path, mode } => Place::Unix { path: path.clone(), mode: *mode, subject: None },
    };
    let admin = Listener { name: "admin".to_owned(), place }.open()?;
    let mut both = vec![(admin, Reach::Admin)];
    if let Some(address) = house.config.health.address {
        both.push((Listener { name: "health".to_owned(), place: Place::Open { address } }.open()?, Reach::Health));
    }
    let serving: Vec<_> = both
        .into_iter()
        .map(|(bound, reach)| {
            let handler = Arc::new(Admin { house: Arc::clone(house), reach });
            tokio::spawn(wire::serve(
                vec![bound],
                wire::Limits::default(),
                handler,
                Arc::new(wire::Tally::default()),
                stop.clone(),
                Duration::from_secs(1),
            ))
        })
        .collect();
    Ok(tokio::spawn(async move {
        for serving in serving {
            let _ = serving.await;
        }
    }))
}

/// Says the mode, loudly where it is permissive.
fn announce(house: &House) {
    let mode = house.view.load().mode.clone();
    let writer = house.journal.writer().to_string();
    if mode.permissive {
        tracing::warn!(
            mode = mode.name,
            enforcement = mode.enforcement,
            writer,
            "PERMISSIVE: calls that the policy refuses are forwarded with a warning"
        );
    } else {
        tracing::info!(mode = mode.name, enforcement = mode.enforcement, writer, "starting");
    }
    for line in house.config.in_the_clear() {
        tracing::warn!("{line}");
    }
}

async fn lifecycle(house: &House, action: LifecycleAction) {
    let event = Lifecycle { at: house.journal.now().at, action, count: None, reasons: Vec::new(), detail: None };
    house.record(Event::Lifecycle(event)).await;
}
