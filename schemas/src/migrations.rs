//! The migrations as text, in order. `sluice-api migrate` applies them. It reads those of Postgres
//! through sqlx, from the same folder.

/// One migration: file name and text.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    pub name: &'static str,
    pub sql: &'static str,
}

/// All ClickHouse migrations, oldest first. There is no way back, and a released migration never
/// changes.
pub const CLICKHOUSE: &[Migration] = &[
    Migration { name: "0001_events", sql: include_str!("../migrations/clickhouse/0001_events.sql") },
    Migration { name: "0002_changes", sql: include_str!("../migrations/clickhouse/0002_changes.sql") },
    Migration { name: "0003_lists", sql: include_str!("../migrations/clickhouse/0003_lists.sql") },
    Migration {
        name: "0004_order_dimensions",
        sql: include_str!("../migrations/clickhouse/0004_order_dimensions.sql"),
    },
    Migration {
        name: "0005_origin_edits",
        sql: include_str!("../migrations/clickhouse/0005_origin_edits.sql"),
    },
    Migration {
        name: "0006_kept_tokens",
        sql: include_str!("../migrations/clickhouse/0006_kept_tokens.sql"),
    },
    Migration { name: "0007_text", sql: include_str!("../migrations/clickhouse/0007_text.sql") },
    Migration { name: "0008_markers", sql: include_str!("../migrations/clickhouse/0008_markers.sql") },
    Migration {
        name: "0009_parked_decisions",
        sql: include_str!("../migrations/clickhouse/0009_parked_decisions.sql"),
    },
    Migration { name: "0010_writers", sql: include_str!("../migrations/clickhouse/0010_writers.sql") },
    Migration { name: "0011_rules", sql: include_str!("../migrations/clickhouse/0011_rules.sql") },
];

/// All Postgres migrations, oldest first, for tests and measurements that need the tables but not
/// the service.
pub const POSTGRES: &[Migration] = include!(concat!(env!("OUT_DIR"), "/postgres_migrations.rs"));

impl Migration {
    /// Returns the statements of the file, without comments. A semicolon at the end of a line
    /// separates them.
    pub fn statements(&self) -> impl Iterator<Item = String> {
        self.sql.split(";\n").filter_map(|statement| {
            let lines = statement.lines().filter(|line| !line.trim_start().starts_with("--"));
            let text = lines.collect::<Vec<_>>().join("\n").trim().to_owned();
            (!text.is_empty()).then_some(text)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_statement_can_be_run_twice_and_takes_nothing_away() {
        // A table that only one migration uses.
        const HELPER: &str = "dimensions_of_orders";
        for statement in CLICKHOUSE.iter().flat_map(Migration::statements) {
            let adds = ["CREATE", "ADD COLUMN", "ADD INDEX"].iter().any(|word| statement.contains(word));
            let is_known = adds && statement.contains("IF NOT EXISTS")
                || ["MODIFY SETTING", "MODIFY TTL"].iter().any(|word| statement.contains(word));
            assert!(
                is_known || statement.contains("MATERIALIZE INDEX") || statement.contains(HELPER),
                "{statement}"
            );
        }
    }
}
