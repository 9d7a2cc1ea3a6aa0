//! The ClickHouse client that a configuration describes, and the schema's time to live.

use crate::sources;
use config::{ClickHouse, Transport};
use peers::clickhouse::{Client, Credentials, Settings};

/// The client.
pub(crate) fn client(clickhouse: &ClickHouse) -> anyhow::Result<Client> {
    let transport = match &clickhouse.tls {
        Transport::Plain => peers::clickhouse::Transport::Plain,
        Transport::Tls { roots } => peers::clickhouse::Transport::tls(&clickhouse.host, &sources::file(roots)?)?,
    };
    Ok(Client::new(Settings {
        host: clickhouse.host.clone(),
        port: clickhouse.port,
        transport,
        credentials: Credentials { user: clickhouse.user.clone(), password_file: clickhouse.password_file.clone() },
        database: peers::clickhouse::schema::Database::new(&clickhouse.database)?.as_str().to_owned(),
        request_timeout_ms: clickhouse.request_timeout_ms,
        answer_bytes_max: clickhouse.answer_bytes_max,
    }))
}

/// The client of a whole configuration.
pub(crate) fn of(config: &config::Config) -> anyhow::Result<Client> {
    match &config.audit.clickhouse {
        Some(clickhouse) => client(clickhouse),
        None => anyhow::bail!("the configuration names no `audit.clickhouse`"),
    }
}
