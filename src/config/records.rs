//! What is recorded and where it is kept: the mask, the journal, ClickHouse.

use std::path::PathBuf;

use canon::json::Pointer;
use http::Uri;
use journal::Settings as Journal;
use peers::clickhouse::delivery::Settings as Delivery;
use record::{Mask, MaskLimits};

use crate::Context;
use crate::reader::wanted::{Wanted, list, one_of, path, section as map, text, whole, word};
use crate::reader::{Section, all};

/// Where the journal's disk lives: what a record survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Durability {
    /// As long as the pod.
    Pod,
    /// As long as the node.
    Node,
    /// As long as the volume.
    Volume,
    /// As long as a store elsewhere.
    Remote,
}

impl Durability {
    /// The class in the config and in records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pod => "pod",
            Self::Node => "node",
            Self::Volume => "volume",
            Self::Remote => "remote",
        }
    }
}

/// The audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit {
    /// What a record survives before it is delivered.
    pub durability: Durability,
    /// Where records are delivered to; none: the journal alone keeps them.
    pub clickhouse: Option<ClickHouse>,
    /// How records are delivered.
    pub delivery: Delivery,
}

/// The ClickHouse that keeps the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClickHouse {
    /// Whether it is spoken to in TLS.
    pub tls: Transport,
    /// Host name or address.
    pub host: String,
    /// The HTTP port.
    pub port: u16,
    /// The database of the audit tables.
    pub database: String,
    /// Its user.
    pub user: String,
    /// The file with the user's password.
    pub password_file: Option<PathBuf>,
    /// Longest time for one request with its answer.
    pub request_timeout_ms: u64,
    /// Longest answer.
    pub answer_bytes_max: usize,
}

impl ClickHouse {
    /// The one at `url`, with `roots` where that is `https`; everything else is the default.
    ///
    /// # Errors
    /// What is wrong with the URL, or that one does not fit the other.
    pub fn at(url: &str, roots: Option<PathBuf>) -> Result<Self, String> {
        let uri = server(url).map_err(|why| format!("`{url}` is no URL of an HTTP interface: {why}"))?;
        let (tls, port) = match (uri.scheme_str() == Some("https"), roots) {
            (true, Some(roots)) => (Transport::Tls { roots }, TLS_PORT),
            (true, None) => return Err(format!("`{url}` is TLS: name the PEM file of the authorities that its certificate comes from")),
            (false, None) => (Transport::Plain, PLAIN_PORT),
            (false, Some(_)) => return Err(format!("`{url}` is plain HTTP, which asks no authority: write `https://`, or name none")),
        };
        Ok(Self {
            tls,
            host: host(&uri),
            port: uri.port_u16().unwrap_or(port),
            database: DATABASE.to_owned(),
            user: USER.to_owned(),
            password_file: None,
            request_timeout_ms: REQUEST_TIMEOUT_MS,
            answer_bytes_max: ANSWER_BYTES_MAX,
        })
    }
}

/// What holds where the configuration names nothing else.
const DATABASE: &str = "toolgate";
const USER: &str = "default";
const REQUEST_TIMEOUT_MS: u64 = 30_000;
const ANSWER_BYTES_MAX: usize = 64 << 20;
const TLS_PORT: u16 = 8443;
const PLAIN_PORT: u16 = 8123;

/// How ClickHouse is spoken to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transport {
    /// Plain HTTP: on loopback; elsewhere in permissive modes alone.
    Plain,
    /// TLS with the authorities of this PEM file.
    Tls {
        /// The file.
        roots: PathBuf,
    },
}

/// The section `record`: what is not written down of a call.
pub(crate) fn mask(section: &mut Section<'_>) -> Option<Mask> {
    section.section("mask", |section| {
        let of = MaskLimits::default();
        let pointer = Wanted::parsed("a JSON pointer such as `/customer/iban`", Pointer::parse);
        let name = text("a name such as `iban` or `*secret*`", 1..=255);
        let pointers = section.or("pointers", Vec::new(), &list(pointer, 0..=1_000));
        let names = section.or("names", Vec::new(), &list(name, 0..=1_000));
        let limits = all!(MaskLimits {
            text_bytes_max: section.or("text_bytes_max", of.text_bytes_max, &whole(0..=1_048_576)),
            document_bytes_max: section.or("document_bytes_max", of.document_bytes_max, &whole(0..=1_048_576)),
        });
        Some(Mask::new(pointers?, &names?, limits?))
    })
}

/// Where the journal is unless the configuration says otherwise.
pub(crate) fn journal_dir() -> PathBuf {
    Journal::default().dir
}

/// The section `journal`; `shipped` says whether anything delivers its records.
pub(crate) fn journal(section: &mut Section<'_>, shipped: bool) -> Option<Journal> {
    let of = Journal::default();
    let seconds = || whole(1..=31_536_000);
    all!(Journal {
        dir: section.or("dir", of.dir, &path()),
        budget_bytes: section.or("budget_bytes", of.budget_bytes, &whole(1_048_576..=1_099_511_627_776)),
        budget_age_s: section.or("budget_age_s", of.budget_age_s, &seconds()),
        commit_deadline_ms: section.or("commit_deadline_ms", of.commit_deadline_ms, &whole(1..=60_000)),
        retain_after_ack_s: section.or("retain_after_ack_s", of.retain_after_ack_s, &whole(0..=31_536_000)),
        shipped: Some(shipped),
        group_entries_max: section.or("group_entries_max", of.group_entries_max, &whole(1..=100_000)),
        queue_entries_max: section.or("queue_entries_max", of.queue_entries_max, &whole(1..=1_000_000)),
        queue_bytes_max: section.or("queue_bytes_max", of.queue_bytes_max, &whole(65_536..=1_073_741_824)),
        refusal_keep_s: section.or("refusal_keep_s", of.refusal_keep_s, &seconds()),
        refusals_max: section.or("refusals_max", of.refusals_max, &whole(1..=10_000_000)),
        deposits_max: section.or("deposits_max", of.deposits_max, &whole(1..=1_000_000)),
        rollback_max_s: section.or("rollback_max_s", of.rollback_max_s, &seconds()),
        clock_skew_ms: section.or("clock_skew_ms", of.clock_skew_ms, &whole(0..=3_600_000)),
    })
}

/// The section `audit`.
pub(crate) fn audit(section: &mut Section<'_>, context: &Context<'_>) -> Option<Audit> {
    let durability = durability(section, context);
    let server = map("a map that says where it is", |section| clickhouse(section, context));
    let clickhouse = section.optional("clickhouse", &server);
    let delivery = section.section("delivery", delivery);
    let clickhouse = clickhouse?;
    if clickhouse.is_none() && context.rules.is_some_and(|rules| !rules.level.is_permissive()) {
        return section.missing("clickhouse", "the server that keeps every record where decisions are enforced");
    }
    Some(Audit { durability: durability?, clickhouse, delivery: delivery? })
}

fn delivery(section: &mut Section<'_>) -> Option<Delivery> {
    let of = Delivery::default();
    let pause = || whole(1..=3_600_000);
    all!(Delivery {
        batch_records_max: section.or("batch_records_max", of.batch_records_max, &whole(1..=1_000_000)),
        batch_bytes_max: section.or("batch_bytes_max", of.batch_bytes_max, &whole(1_024..=268_435_456)),
        batch_age_ms: section.or("batch_age_ms", of.batch_age_ms, &whole(1..=60_000)),
        retry_ms: section.or("retry_ms", of.retry_ms, &pause()),
        retry_ms_max: section.or("retry_ms_max", of.retry_ms_max, &pause()),
        recheck_s: section.or("recheck_s", of.recheck_s, &whole(0..=86_400)),
    })
}

fn durability(section: &mut Section<'_>, context: &Context<'_>) -> Option<Durability> {
    let classes = [Durability::Pod, Durability::Node, Durability::Volume, Durability::Remote];
    let wanted = one_of(classes.map(|class| (class.name(), class)));
    let Some(least) = context.durability_min else { return section.or("durability", Durability::Pod, &wanted) };
    let durability = section.required("durability", &wanted)?;
    if durability < least {
        let (name, least) = (durability.name(), least.name());
        return section.wrong_at("durability", format!("`{name}` loses records in this mode: write `{least}`, or what is true above it"));
    }
    Some(durability)
}

pub(crate) fn clickhouse(section: &mut Section<'_>, context: &Context<'_>) -> Option<ClickHouse> {
    let uri = section.required("url", &url());
    let identifier = || word("letters, digits and `_`", |c| c.is_ascii_alphanumeric() || c == '_', 1..=63);
    let database = section.or("database", DATABASE.to_owned(), &identifier());
    let user = section.or("user", USER.to_owned(), &text("the name of a user", 1..=255));
    let password_file = section.optional("password_file", &path());
    let roots = section.optional("roots", &path());
    let request_timeout_ms = section.or("request_timeout_ms", REQUEST_TIMEOUT_MS, &whole(100..=600_000));
    let answer_bytes_max = section.or("answer_bytes_max", ANSWER_BYTES_MAX, &whole(65_536..=1_073_741_824));
    let uri = uri?;
    let host = host(&uri);
    let (tls, port) = match (uri.scheme_str() == Some("https"), roots?) {
        (true, Some(roots)) => (Transport::Tls { roots }, TLS_PORT),
        (true, None) => return section.missing("roots", "the PEM file of the authorities that its certificate comes from"),
        (false, None) => {
            context.plain_reach(section, "url", &host)?;
            (Transport::Plain, PLAIN_PORT)
        }
        (false, Some(_)) => return section.wrong_at("roots", "the `url` is plain HTTP: write `https://`, or leave this out"),
    };
    Some(ClickHouse {
        tls,
        host,
        port: uri.port_u16().unwrap_or(port),
        database: database?,
        user: user?,
        password_file: password_file?,
        request_timeout_ms: request_timeout_ms?,
        answer_bytes_max: answer_bytes_max?,
    })
}

fn url() -> Wanted<'static, Uri> {
    Wanted::parsed("the URL of its HTTP interface such as `https://clickhouse.example.org:8443`", server)
}

fn server(text: &str) -> Result<Uri, String> {
    let uri = text.parse::<Uri>().map_err(|error| error.to_string())?;
    let bare = matches!(uri.path_and_query().map(|path| path.as_str()), None | Some("/"));
    match (uri.scheme_str(), uri.authority()) {
        (Some("http" | "https"), Some(authority)) if bare && !authority.as_str().contains('@') && !authority.host().is_empty() => Ok(uri),
        (Some(_), Some(_)) => Err("write scheme, host and port, nothing else".to_owned()),
        (_, _) => Err("write `http://` or `https://` before the host".to_owned()),
    }
}

fn host(uri: &Uri) -> String {
    uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned()
}
