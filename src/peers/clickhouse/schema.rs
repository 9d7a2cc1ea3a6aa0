//! The audit tables, as statements that may run again at any time, also while writers run.
//!
//! INVARIANT: the four columns `writer`, `seq`, `leaf`, `raw` never change. Typed columns are derived by the server from `raw`, so that no content
//! can make a record unacceptable and none can disagree with it; a later version may add some.

/// How the columns of `audit_events` are derived from the envelope.
const DERIVED: [(&str, &str); 38] = [
    (
        "time",
        "DateTime64(6, 'UTC') MATERIALIZED ifNull(parseDateTime64BestEffortOrNull(JSONExtractString(raw, 'time'), 6, 'UTC'), toDateTime64(0, 6, 'UTC'))",
    ),
    ("kind", "LowCardinality(String) MATERIALIZED JSONExtractString(raw, 'kind')"),
    ("action", "LowCardinality(String) MATERIALIZED JSONExtractString(raw, 'action')"),
    ("call", "String MATERIALIZED JSONExtractString(raw, 'call')"),
    ("mode", "LowCardinality(String) MATERIALIZED JSONExtractString(raw, 'mode')"),
    ("enforcement", "LowCardinality(String) MATERIALIZED JSONExtractString(raw, 'enforcement')"),
    ("protocol", "LowCardinality(String) MATERIALIZED JSONExtractString(raw, 'protocol')"),
    ("route", "LowCardinality(String) MATERIALIZED JSONExtractString(raw, 'route')"),
    ("upstream", "LowCardinality(String) MATERIALIZED JSONExtractString(raw, 'upstream')"),
    ("method", "LowCardinality(String) MATERIALIZED JSONExtractString(raw, 'method')"),
    ("tool", "LowCardinality(String) MATERIALIZED JSONExtractString(raw, 'tool')"),
    ("tenant", "LowCardinality(String) MATERIALIZED JSONExtractString(raw, 'tenant')"),
    ("workload", "LowCardinality(String) MATERIALIZED JSONExtractString(raw, 'workload')"),
    ("user", "String MATERIALIZED JSONExtractString(raw, 'user')"),
    ("session", "String MATERIALIZED JSONExtractString(raw, 'session')"),
    ("arguments_digest", "String MATERIALIZED JSONExtractString(raw, 'arguments_digest')"),
    ("would", "LowCardinality(String) MATERIALIZED JSONExtractString(raw, 'would')"),
    ("done", "LowCardinality(String) MATERIALIZED JSONExtractString(raw, 'done')"),
    ("reasons", "Array(LowCardinality(String)) MATERIALIZED JSONExtract(raw, 'reasons', 'Array(String)')"),
    ("warnings", "Array(LowCardinality(String)) MATERIALIZED JSONExtract(raw, 'warnings', 'Array(String)')"),
    ("risk", "LowCardinality(String) MATERIALIZED JSONExtractString(raw, 'risk')"),
    ("sensitive", "Bool MATERIALIZED JSONExtractBool(raw, 'sensitive')"),
    ("approval", "LowCardinality(String) MATERIALIZED JSONExtractString(raw, 'approval')"),
    ("obligations", "Array(LowCardinality(String)) MATERIALIZED JSONExtract(raw, 'obligations', 'Array(String)')"),
    ("policy_digest", "LowCardinality(String) MATERIALIZED JSONExtractString(raw, 'policy_digest')"),
    ("policy_revision", "LowCardinality(String) MATERIALIZED JSONExtractString(raw, 'policy_revision')"),
    ("permission_kind", "LowCardinality(String) MATERIALIZED JSONExtractString(raw, 'permission_kind')"),
    ("permission_iss", "String MATERIALIZED JSONExtractString(raw, 'permission_iss')"),
    ("permission_jti", "String MATERIALIZED JSONExtractString(raw, 'permission_jti')"),
    ("permission_kid", "LowCardinality(String) MATERIALIZED JSONExtractString(raw, 'permission_kid')"),
    ("decision_id", "String MATERIALIZED JSONExtractString(raw, 'decision_id')"),
    ("outcome", "LowCardinality(String) MATERIALIZED JSONExtractString(raw, 'outcome')"),
    ("status", "UInt16 MATERIALIZED JSONExtractUInt(raw, 'status')"),
    ("tool_error", "Bool MATERIALIZED JSONExtractBool(raw, 'tool_error')"),
    ("rpc_error", "Int64 MATERIALIZED JSONExtractInt(raw, 'rpc_error')"),
    ("duration_us", "UInt64 MATERIALIZED JSONExtractUInt(raw, 'duration_us')"),
    ("request_bytes", "UInt64 MATERIALIZED JSONExtractUInt(raw, 'request_bytes')"),
    ("response_bytes", "UInt64 MATERIALIZED JSONExtractUInt(raw, 'response_bytes')"),
];

/// An acknowledged insert is on ClickHouse's disk (without these an acknowledgement is lost by a power cut), and no token of an earlier insert
/// can make a later one vanish.
const DURABLE: &str = "SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 0";

/// A database's name that is safe to stand in SQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Database(String);

/// A name that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` cannot be a database's name here: use letters, digits and `_`, at most 64, a letter first")]
pub struct NotADatabase(String);

impl Database {
    /// Takes letters, digits and `_`, at most 64 of them, a letter first.
    ///
    /// # Errors
    /// Any other name.
    pub fn new(name: &str) -> Result<Self, NotADatabase> {
        let fits = name.len() <= 64
            && name.starts_with(|first: char| first.is_ascii_alphabetic())
            && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
        if fits { Ok(Self(name.to_owned())) } else { Err(NotADatabase(name.to_owned())) }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The statements that make the schema, or complete it. Rows live for `retention_days` after ClickHouse took them (`None`: for good): the server's own
/// clock counts, so that a record that waited in a journal is not gone at once.
#[must_use]
pub fn tables(database: &Database, retention_days: Option<u32>) -> Vec<String> {
    let database = &database.0;
    let ttl = retention_days.map(|days| format!("toDateTime(ingested_at) + INTERVAL {days} DAY"));
    let derived: Vec<String> = DERIVED.iter().map(|(name, form)| format!("    {name} {form}")).collect();
    let mut statements = vec![
        format!("CREATE DATABASE IF NOT EXISTS {database}"),
        format!(
            "CREATE TABLE IF NOT EXISTS {database}.audit_events (\n    writer LowCardinality(String),\n    seq UInt64,\n    leaf FixedString(32),\n    raw String CODEC(ZSTD(3)),\n    \
             ingested_at DateTime64(6, 'UTC') DEFAULT now64(6, 'UTC'),\n{},\n    INDEX seqs seq TYPE minmax GRANULARITY 1,\n    INDEX calls call TYPE bloom_filter(0.01) GRANULARITY 1\n) \
             ENGINE = ReplacingMergeTree\nPARTITION BY toYYYYMM(ingested_at)\nORDER BY (tenant, time, writer, seq, leaf)\n{DURABLE}",
            derived.join(",\n")
        ),
        format!(
            "CREATE TABLE IF NOT EXISTS {database}.audit_bodies (\n    writer LowCardinality(String),\n    seq UInt64,\n    leaf FixedString(32),\n    salt FixedString(32),\n    \
             body String CODEC(ZSTD(3)),\n    ingested_at DateTime64(6, 'UTC') DEFAULT now64(6, 'UTC')\n) ENGINE = ReplacingMergeTree\nPARTITION BY toYYYYMM(ingested_at)\nORDER BY \
             (writer, seq, leaf)\n{DURABLE}"
        ),
    ];
    for table in ["audit_events", "audit_bodies"] {
        statements.push(ttl.as_ref().map_or_else(
            || format!("ALTER TABLE {database}.{table} REMOVE TTL"),
            |ttl| format!("ALTER TABLE {database}.{table} MODIFY TTL {ttl}"),
        ));
    }
    statements.push(tool_calls(database));
    statements
}

/// Decision and outcome as one row. The reader's own rights hold, so a tenant's auditor sees a tenant's rows.
fn tool_calls(database: &str) -> String {
    format!(
        "CREATE OR REPLACE VIEW {database}.tool_calls SQL SECURITY INVOKER AS\nSELECT decision.time AS time, decision.call AS call, decision.tenant AS tenant, decision.workload AS workload, \
         decision.user AS user, decision.session AS session, decision.mode AS mode, decision.enforcement AS enforcement, decision.protocol AS protocol, decision.route AS route, \
         decision.upstream AS upstream, decision.method AS method, decision.tool AS tool, decision.arguments_digest AS arguments_digest, decision.would AS would, decision.done AS done, \
         decision.reasons AS reasons, decision.warnings AS warnings, decision.risk AS risk, decision.approval AS approval, decision.policy_digest AS policy_digest, \
         decision.policy_revision AS policy_revision, decision.permission_kind AS permission_kind, decision.permission_kid AS permission_kid, decision.permission_jti AS permission_jti, \
         outcome.outcome AS outcome, if(outcome.call = '', decision.status, outcome.status) AS status, outcome.tool_error AS tool_error, outcome.duration_us AS duration_us, \
         decision.writer AS writer, decision.seq AS seq\nFROM (SELECT *, {columns} FROM {database}.audit_events FINAL WHERE kind = 'decision') AS decision\n\
         LEFT ANY JOIN (SELECT call, outcome, status, tool_error, duration_us FROM {database}.audit_events FINAL WHERE kind = 'outcome') AS outcome ON outcome.call = decision.call",
        columns = DERIVED.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", "),
    )
}

/// Roles for a server with SQL access control: a writer that inserts and reads back, and an auditor that only reads. `tenant` filters are the
/// administrator's to add: `CREATE ROW POLICY ... USING tenant = '...' TO ...`.
#[must_use]
pub fn roles(database: &Database) -> Vec<String> {
    let database = &database.0;
    vec![
        "CREATE ROLE IF NOT EXISTS toolgate_writer".to_owned(),
        format!("GRANT INSERT ON {database}.audit_events TO toolgate_writer"),
        format!("GRANT INSERT ON {database}.audit_bodies TO toolgate_writer"),
        format!("GRANT SELECT(writer, seq, leaf) ON {database}.audit_events TO toolgate_writer"),
        format!("GRANT SELECT(writer, seq, leaf) ON {database}.audit_bodies TO toolgate_writer"),
        "CREATE ROLE IF NOT EXISTS toolgate_auditor".to_owned(),
        format!("GRANT SELECT ON {database}.* TO toolgate_auditor"),
    ]
}

#[cfg(test)]
mod tests {
    use super::{DERIVED, Database, roles, tables};

    #[test]
    fn no_name_can_carry_sql() {
        for (name, fits) in
            [("toolgate", true), ("t_1", true), ("", false), ("1t", false), ("a;DROP", false), ("a b", false), ("a`", false)]
        {
            assert_eq!(Database::new(name).is_ok(), fits, "{name}");
        }
        assert!(Database::new(&"a".repeat(65)).is_err());
    }

    /// Every member that an envelope can have is a column, or is named here as one that only `raw` has.
    #[test]
    fn every_envelope_member_is_a_column() {
        let raw_only = [
            "body_commitment",
            "config_digest",
            "count",
            "digest",
            "durability",
            "lifts",
            "material",
            "predecessor_leaf",
            "predecessor_seq",
            "predecessor_writer",
            "v",
            "version",
            "view_digest",
            "seq",
            "writer",
        ];
        let source = include_str!("../../record/row.rs");
        let members: Vec<&str> = source
            .lines()
            .filter_map(|line| line.strip_prefix("    pub ")?.split_once(": ").map(|(name, _)| name))
            .filter(|name| !name.contains('('))
            .collect();
        assert!(members.len() > 40, "the members were found: {members:?}");
        for member in members {
            let column = DERIVED.iter().any(|(name, _)| *name == member);
            assert!(column != raw_only.contains(&member), "`{member}` must be a column or be named as one that only `raw` has");
        }
    }

    #[test]
    fn the_statements_name_the_database_and_the_time_to_live() {
        let database = Database::new("audit1").unwrap();
        let all = [tables(&database, Some(30)), roles(&database)].concat().join("\n");
        assert!(all.contains("audit1.audit_events") && all.contains("INTERVAL 30 DAY") && !all.contains("REMOVE TTL"));
        assert!(tables(&database, None).join("\n").contains("REMOVE TTL"));
    }
}
