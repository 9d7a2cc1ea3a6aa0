//! Every other server that toolgate speaks to, a file each. ClickHouse holds the audit trail.
//!
//! Knows their protocols. Knows no call and no policy, and nothing here stands on the path of a call.

pub mod clickhouse;
