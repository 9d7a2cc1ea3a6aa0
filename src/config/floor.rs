//! `minimum_enforcement`: a level below which no mode goes, from a file that the agent cannot write. Never from the environment.

use std::path::Path;

use enforcement::Level;

use crate::Document;
use crate::files::Writers;
use crate::problem::{Found, Place, quoted};

/// Where the minimum is read from unless the configuration names another file. It need not be there.
pub(crate) const MINIMUM_FILE: &str = "/etc/toolgate/minimum_enforcement";

/// The level in the file; `agents` are the users that agents run as.
pub(crate) fn level(document: &Document, writers: Writers, agents: &[u32], found: &Found) -> Option<Level> {
    let place = Place::whole(&document.name);
    let word = String::from_utf8_lossy(&document.bytes);
    let level = Level::ALL.into_iter().find(|level| level.name() == word.trim_ascii());
    if level.is_none() {
        let names = Level::ALL.map(|level| quoted(level.name())).join(", ");
        found.add(&place, "", format!("{} is no level: write one of {names}", quoted(word.trim_ascii())));
    }
    if writers.others {
        found.add(&place, "", "its group or everybody may write it: `chmod go-w` it, or an agent could lower the minimum");
    }
    if writers.owner_uid != 0 && agents.contains(&writers.owner_uid) {
        let uid = writers.owner_uid;
        found.add(&place, "", format!("it belongs to the user {uid}, who is in a listener's `peer_uids`: give it to root"));
    }
    level
}

/// Whether a file that is not there means that there is no minimum.
pub(crate) fn may_be_absent(file: &Path) -> bool {
    file == Path::new(MINIMUM_FILE)
}

#[cfg(test)]
mod tests {
    use super::level;
    use crate::Document;
    use crate::files::Writers;
    use crate::problem::Found;
    use enforcement::Level;

    #[test]
    fn whoever_an_agent_runs_as_must_not_own_the_file() {
        for (owner_uid, others, problems) in [(0, false, 0), (1000, false, 1), (1001, false, 0), (0, true, 1), (1000, true, 2)] {
            let found = Found::default();
            let document = Document { name: "minimum".into(), bytes: b"strict\n".to_vec() };
            let read = level(&document, Writers { owner_uid, others }, &[0, 1000], &found);
            assert_eq!(read, Some(Level::Strict));
            assert_eq!(found.or_problems(read).err().unwrap_or_default().len(), problems, "{owner_uid} {others}");
        }
    }
}
