//! The two databases about themselves.

use clickhouse::{Client, Row};
use serde::Deserialize;
use sqlx::PgPool;

use crate::db::clickhouse::{fetch_all, fetch_optional};

/// Space on a disk from which ClickHouse's word cannot be true: object storage has no end.
const MAX_DISK_BYTES: u64 = 1 << 60;

/// A server of a database.
#[derive(Debug, Clone, Row, Deserialize)]
pub struct ServerRow {
    pub version: String,
    /// Unix milliseconds.
    pub started_ms: i64,
    /// Bytes of Sluice's database.
    pub size_bytes: i64,
}

/// A disk that ClickHouse writes to.
#[derive(Debug, Clone, Row, Deserialize)]
pub struct DiskRow {
    pub name: String,
    pub free_bytes: u64,
    pub total_bytes: u64,
}

/// Asks Postgres about itself.
pub async fn postgres(pool: &PgPool) -> sqlx::Result<ServerRow> {
    let (version, started_ms, size_bytes) = sqlx::query_as::<_, (String, i64, i64)>(
        "SELECT current_setting('server_version'),
                (extract(epoch FROM pg_postmaster_start_time()) * 1000)::bigint,
                pg_database_size(current_database())",
    )
    .fetch_one(pool)
    .await?;
    Ok(ServerRow { version, started_ms, size_bytes })
}

/// Asks ClickHouse about itself and its disks.
pub async fn clickhouse(client: &Client) -> clickhouse::error::Result<(ServerRow, Vec<DiskRow>)> {
    let server =
        "SELECT version() AS version, toInt64(toUnixTimestamp(now()) - uptime()) * 1000 AS started_ms,
                         toInt64((SELECT sum(bytes_on_disk) FROM system.parts
                                  WHERE database = currentDatabase() AND active)) AS size_bytes";
    let disks = "SELECT name, toUInt64(free_space) AS free_bytes, toUInt64(total_space) AS total_bytes
                 FROM system.disks WHERE total_space > 0 AND free_space < {max:UInt64} ORDER BY name";
    let (server, disks) = futures::try_join!(
        fetch_optional::<ServerRow>(client.query(server)),
        fetch_all::<DiskRow>(client.query(disks).param("max", MAX_DISK_BYTES)),
    )?;
    Ok((server.ok_or(clickhouse::error::Error::RowNotFound)?, disks))
}
