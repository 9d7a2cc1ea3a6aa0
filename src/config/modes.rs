//! The four modes: `modes.yaml`, the overlay over it, and what each mode promises at least.
//!
//! With `enforcement/rules.rs` the only file that knows a mode by its name. Code elsewhere asks a mode's settings.

mod overlay;
mod render;
mod settings;

use enforcement::Mode;
use serde::Serialize;

pub use settings::{
    Alert, Alerts, Audit, Budgets, Credentials, Days, Escalation, Failover, Kafka, Learning, LearningScope, ModeSettings, Models, Postgres,
    Profile, Profiles, Redis, SecretSource, Secrets, Slm, Somabrain,
};

use std::path::{Path, PathBuf};

use crate::Document;
use crate::files;
use crate::problem::{Found, Place, Problem, quoted};
use crate::reader::{Field, Section};
use crate::records::Durability;
use crate::yaml::{Node, tree};

/// The environment variable that names the mode.
pub const MODE_VARIABLE: &str = "SOMA_AGENT_MODE";
/// The environment variable that names the overlay's folder.
pub const OVERLAY_VARIABLE: &str = "TOOLGATE_OVERLAY";

/// The file of the modes, and its name in an overlay's folder.
pub const MODES_FILE: &str = "modes.yaml";

/// The mode of one developer's workstation, which a first configuration is made for.
pub const WORKSTATION: Mode = Mode::Local;

/// The mode that is run, and what it sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Active {
    /// The mode.
    pub mode: Mode,
    /// What it sets.
    pub settings: ModeSettings,
    /// The overlay's file; none where the mode has no overlay of its own and none is named.
    pub overlay: Option<String>,
}

/// The settings of all four modes, overlay applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Modes([(Mode, ModeSettings); 4]);

/// One mode's settings under its name, as `mode render` gives them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ModeView<'a> {
    /// The mode's name.
    pub agent_mode: &'static str,
    /// What it sets.
    #[serde(flatten)]
    pub settings: &'a ModeSettings,
}

impl Active {
    /// From `modes.yaml` in `file` and the overlay in the folder `overlay`, else in `overlays/<mode in lower case>` beside the file.
    ///
    /// # Errors
    /// Every mistake of both files at once.
    pub fn load(file: &Path, overlay: Option<&Path>, mode: Mode) -> Result<Self, Vec<Problem>> {
        let found = Found::default();
        let active = Self::read(file, overlay, mode, &found);
        found.or_problems(active)
    }

    pub(crate) fn read(file: &Path, overlay: Option<&Path>, mode: Mode, found: &Found) -> Option<Self> {
        let over = match overlay {
            Some(folder) => Some(files::read(&folder.join(MODES_FILE), "the overlay", found)?),
            None => Some(own_overlay(file, mode))
                .filter(|file| !files::is_absent(file))
                .and_then(|file| files::read(&file, "the overlay", found)),
        };
        let modes = Modes::read(&files::read(file, "the file of the modes", found)?, over.as_ref(), found)?;
        Some(Self { mode, settings: modes.of(mode).clone(), overlay: over.map(|over| over.name) })
    }

    /// The settings under the mode's name.
    #[must_use]
    pub fn view(&self) -> ModeView<'_> {
        ModeView { agent_mode: self.mode.name(), settings: &self.settings }
    }
}

fn own_overlay(file: &Path, mode: Mode) -> PathBuf {
    file.with_file_name("overlays").join(mode.name().to_ascii_lowercase()).join(MODES_FILE)
}

impl Modes {
    /// From `modes.yaml` and an overlay of it.
    ///
    /// # Errors
    /// Every mistake of both files at once.
    pub fn parse(modes: &Document, overlay: Option<&Document>) -> Result<Self, Vec<Problem>> {
        let found = Found::default();
        let parsed = Self::read(modes, overlay, &found);
        found.or_problems(parsed)
    }

    /// The settings of `mode`.
    #[must_use]
    pub fn of(&self, mode: Mode) -> &ModeSettings {
        let [local, development, training, production] = &self.0;
        match mode {
            Mode::Local => &local.1,
            Mode::Development => &development.1,
            Mode::Training => &training.1,
            Mode::Production => &production.1,
        }
    }

    /// Every mode with its settings, in the order of the file's documentation.
    pub fn iter(&self) -> impl Iterator<Item = (Mode, &ModeSettings)> {
        self.0.iter().map(|(mode, settings)| (*mode, settings))
    }

    pub(crate) fn read(modes: &Document, overlay: Option<&Document>, found: &Found) -> Option<Self> {
        let mut base = tree(&modes.name, &modes.bytes, found);
        if let Some(overlay) = overlay
            && let Some(over) = tree(&overlay.name, &overlay.bytes, found)
            && let Some(base) = &mut base
        {
            overlay::apply(base, over, found);
        }
        Self::from_tree(&base?, found)
    }

    pub(crate) fn from_tree(root: &Node, found: &Found) -> Option<Self> {
        let field = Field { node: root, path: String::new(), folder: Path::new(""), found };
        field.section(|section| {
            let read = Mode::ALL.map(|mode| Some((mode, mode_settings(section, mode)?)));
            let [Some(local), Some(development), Some(training), Some(production)] = read else { return None };
            Some(Self([local, development, training, production]))
        })
    }
}

/// What a mode asks for beside its rules.
pub(crate) struct Demands {
    /// Its topics' names begin so.
    topic_prefix: &'static str,
    /// Its events are kept so long at least.
    retention_min: Days,
    /// What a record survives at least; none: nothing is asked, and the key may be left out.
    pub(crate) durability_min: Option<Durability>,
    /// Whether the configuration may let it forward refused calls inside a pod.
    pub(crate) may_be_permissive_in_pod: bool,
}

/// What `mode` asks for.
pub(crate) const fn demands(mode: Mode) -> Demands {
    let least = Demands { topic_prefix: "", retention_min: Days::Count(1), durability_min: None, may_be_permissive_in_pod: true };
    match mode {
        Mode::Local => Demands { retention_min: Days::Forever, ..least },
        Mode::Development => Demands { retention_min: Days::Count(7), ..least },
        Mode::Training => Demands { topic_prefix: "training.", ..least },
        Mode::Production => Demands { durability_min: Some(Durability::Node), may_be_permissive_in_pod: false, ..least },
    }
}

fn mode_settings(section: &mut Section<'_>, mode: Mode) -> Option<ModeSettings> {
    let name = mode.name();
    let Some(field) = section.field(name) else { return section.missing(name, "a map with the settings of this mode") };
    field.section(|section| {
        let settings = ModeSettings::read(section)?;
        let Demands { topic_prefix: prefix, retention_min, .. } = demands(mode);
        let rules = settings.rules().no_looser_than(&mode.promises());
        if let Err(problem) = &rules {
            let key = match problem {
                enforcement::Problem::LooserSensitive => "sensitive_tools",
                enforcement::Problem::LooserLevel { .. } | enforcement::Problem::UnknownMode(_) => "enforcement",
            };
            section.wrong_at::<()>(key, format!("{name} asks for more: {problem}"));
        }
        let kafka = &settings.kafka;
        let topics = section.field("kafka")?;
        if !kafka.topic_prefix.starts_with(prefix) {
            topics.wrong::<()>(format!("the topics of {name} begin with `{prefix}`: write it into `topic_prefix`"));
        }
        if kafka.retention_days < retention_min {
            let least = match retention_min {
                Days::Forever => "`forever`".to_owned(),
                Days::Count(days) => format!("{days}"),
            };
            topics.wrong::<()>(format!("{name} keeps events longer: write {least} into `retention_days`, or more"));
        }
        Some(settings)
    })
}

/// The mode of that name, as `SOMA_AGENT_MODE` gives it.
///
/// # Errors
/// The name is missing or no mode's; the message lists the four.
pub fn named(name: Option<&str>) -> Result<Mode, Problem> {
    let names = Mode::ALL.map(|mode| quoted(mode.name())).join(", ");
    let message = match name.map(|name| (name, name.parse())) {
        Some((_, Ok(mode))) => return Ok(mode),
        Some((name, Err(_))) => format!("{} is not a mode: set it to one of {names}", quoted(name)),
        None => format!("the environment variable is not set: set it to one of {names}"),
    };
    Err(Problem { place: Place::whole(MODE_VARIABLE), key: String::new(), message })
}

#[cfg(test)]
mod tests;
