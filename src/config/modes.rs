//! The four modes: `modes.yaml`, the overlay over it, and what each mode promises at least.
//!
//! With `enforcement/rules.rs` the only file that knows a mode by its name. Code elsewhere asks a mode's settings.

mod overlay;
mod settings;

use enforcement::Mode;
use serde::Serialize;

pub use settings::{
    Alert, Alerts, Audit, Budgets, Credentials, Days, Escalation, Failover, Kafka, Learning, LearningScope, ModeSettings, Models, Postgres,
    Profile, Profiles, Redis, SecretSource, Secrets, Slm, Somabrain,
};

pub(crate) use settings::level;

use crate::Document;
use crate::problem::{Found, Place, Problem};
use crate::reader::{Field, Section};
use crate::yaml::{Node, tree};

/// The environment variable that names the mode.
pub const MODE_VARIABLE: &str = "SOMA_AGENT_MODE";
/// The environment variable that names the overlay's folder.
pub const OVERLAY_VARIABLE: &str = "TOOLGATE_OVERLAY";

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

    /// `mode`'s settings under its name.
    #[must_use]
    pub fn view(&self, mode: Mode) -> ModeView<'_> {
        ModeView { agent_mode: mode.name(), settings: self.of(mode) }
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

    fn from_tree(root: &Node, found: &Found) -> Option<Self> {
        let field = Field { node: root, path: String::new(), folder: std::path::Path::new(""), found };
        field.section(|section| {
            let read = Mode::ALL.map(|mode| Some((mode, mode_settings(section, mode)?)));
            let [Some(local), Some(development), Some(training), Some(production)] = read else { return None };
            Some(Self([local, development, training, production]))
        })
    }
}

/// What a mode asks for beside its rules: its topics' names begin with this, and its events are kept so long.
const fn promised_topics(mode: Mode) -> (&'static str, Days) {
    match mode {
        Mode::Local => ("", Days::Forever),
        Mode::Development => ("", Days::Count(7)),
        Mode::Training => ("training.", Days::Count(1)),
        Mode::Production => ("", Days::Count(1)),
    }
}

fn mode_settings(section: &mut Section<'_>, mode: Mode) -> Option<ModeSettings> {
    let name = mode.name();
    let Some(field) = section.field(name) else { return section.missing(name, "a map with the settings of this mode") };
    field.section(|section| {
        let settings = ModeSettings::read(section)?;
        let (prefix, retention) = promised_topics(mode);
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
        if kafka.retention_days < retention {
            let least = match retention {
                Days::Forever => "`forever`".to_owned(),
                Days::Count(days) => format!("{days}"),
            };
            topics.wrong::<()>(format!("{name} keeps events longer: write {least} into `retention_days`, or more"));
        }
        Some(settings)
    })
}

/// The mode named by the environment.
pub(crate) fn named(mode: Option<&str>, found: &Found) -> Option<Mode> {
    let place = Place::whole(MODE_VARIABLE);
    let names = Mode::ALL.map(|mode| format!("`{}`", mode.name())).join(", ");
    let Some(mode) = mode else {
        found.add(&place, "", format!("the environment variable is not set: set it to one of {names}"));
        return None;
    };
    match mode.parse() {
        Ok(mode) => Some(mode),
        Err(_) => {
            found.add(&place, "", format!("{} is not a mode: set it to one of {names}", crate::problem::quoted(mode)));
            None
        }
    }
}

#[cfg(test)]
mod tests;
