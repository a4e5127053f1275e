//! `migrate`: applies the missing migrations of both databases. There are no down migrations.
//! Concurrent runs wait for each other at a lock in Postgres, which also covers ClickHouse. If an
//! applied migration was changed, `migrate` fails, because the actual tables would be unknown.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use clickhouse::{Client, Row};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use sluice_schemas::migrations::{CLICKHOUSE, Migration};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, PgConnection};

use crate::cli::say::say;
use crate::config::{ClickhouseConfig, Config};
use crate::db::clickhouse::admin_client;
use crate::db::migrations::POSTGRES;
use crate::db::users::refold;

/// The longest wait for the servers to start.
const SERVER_PATIENCE: Duration = Duration::from_secs(60);
const RETRY_PAUSE: Duration = Duration::from_millis(500);
/// Key of the advisory lock: "sluice" in ASCII.
const LOCK_KEY: i64 = 0x0000_736c_7569_6365;

#[derive(Row, Deserialize)]
struct AppliedRow {
    name: String,
    checksum: String,
}

/// Applies the missing migrations.
///
/// # Errors
/// Fails if a server does not start in time, or an applied migration was changed.
pub async fn run(config: &Config) -> anyhow::Result<()> {
    let mut lock = connect_postgres(config.postgres.url.expose()).await?;
    sqlx::query("SELECT pg_advisory_lock($1)")
        .bind(LOCK_KEY)
        .execute(&mut lock)
        .await
        .context("the lock of the migrations")?;
    migrate_postgres(config.postgres.url.expose()).await.context("postgres")?;
    migrate_clickhouse(&config.clickhouse).await.context("clickhouse")?;
    lock.close().await.context("postgres")
}

async fn connect_postgres(url: &str) -> anyhow::Result<PgConnection> {
    let options = url.parse::<PgConnectOptions>().context("postgres.url")?;
    let began = Instant::now();
    loop {
        match options.connect().await {
            Ok(connection) => return Ok(connection),
            Err(error) if began.elapsed() < SERVER_PATIENCE && is_starting(&error) => {
                tracing::info!(%error, "waiting for postgres");
                tokio::time::sleep(RETRY_PAUSE).await;
            }
            Err(error) => return Err(error).context("postgres cannot be reached"),
        }
    }
}

/// Returns whether the server may still be starting. Waiting does not help against a wrong
/// password.
fn is_starting(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) => true,
        sqlx::Error::Database(error) => error.code().is_some_and(|code| code == "57P03"),
        _ => false,
    }
}

async fn migrate_postgres(url: &str) -> anyhow::Result<()> {
    let mut connection = connect_postgres(url).await?;
    let before = applied_in_postgres(&mut connection).await;
    POSTGRES.run(&mut connection).await?;
    for migration in POSTGRES.iter().filter(|migration| !before.contains(&migration.version)) {
        say(format!("postgres: applied {:04} {}", migration.version, migration.description));
    }
    if POSTGRES.iter().all(|migration| before.contains(&migration.version)) {
        say("postgres: up to date");
    }
    let mut transaction = connection.begin().await?;
    for username in refold(&mut transaction).await? {
        say(format!("postgres: the username {username} looks like another one; an Owner should change it"));
    }
    transaction.commit().await?;
    connection.close().await?;
    Ok(())
}

async fn applied_in_postgres(connection: &mut PgConnection) -> Vec<i64> {
    // Before the first migration this table does not exist.
    sqlx::query_scalar("SELECT version FROM _sqlx_migrations WHERE success")
        .fetch_all(connection)
        .await
        .unwrap_or_default()
}

async fn migrate_clickhouse(config: &ClickhouseConfig) -> anyhow::Result<()> {
    wait_for_clickhouse(config).await?;
    // ClickHouse accepts no parameter here. The configuration allows only letters, digits and
    // underscores in the name.
    let create = format!("CREATE DATABASE IF NOT EXISTS `{}`", config.database);
    admin_client(config).with_database("default").query(&create).execute().await?;
    let client = admin_client(config);
    client
        .query(
            "CREATE TABLE IF NOT EXISTS schema_migrations
             (name String, checksum String, applied_at DateTime64(3, 'UTC') DEFAULT now64(3))
             ENGINE = MergeTree ORDER BY name",
        )
        .execute()
        .await?;
    let applied =
        client.query("SELECT name, checksum FROM schema_migrations").fetch_all::<AppliedRow>().await?;
    let applied: HashMap<String, String> = applied.into_iter().map(|row| (row.name, row.checksum)).collect();
    let missing = unapplied(&applied)?;
    if missing.is_empty() {
        say("clickhouse: up to date");
    }
    for migration in missing {
        apply(&client, migration).await.with_context(|| format!("migration {}", migration.name))?;
        say(format!("clickhouse: applied {}", migration.name));
    }
    Ok(())
}

async fn wait_for_clickhouse(config: &ClickhouseConfig) -> anyhow::Result<()> {
    let client = admin_client(config).with_database("default");
    let began = Instant::now();
    loop {
        let answered =
            tokio::time::timeout(SERVER_PATIENCE, client.query("SELECT 1").fetch_one::<u8>()).await?;
        match answered {
            Ok(_) => return Ok(()),
            Err(clickhouse::error::Error::Network(error)) if began.elapsed() < SERVER_PATIENCE => {
                tracing::info!(%error, "waiting for clickhouse");
                tokio::time::sleep(RETRY_PAUSE).await;
            }
            Err(error) => return Err(error).context("clickhouse cannot be reached"),
        }
    }
}

/// Returns the migrations that are not applied yet, in order.
fn unapplied(applied: &HashMap<String, String>) -> anyhow::Result<Vec<&'static Migration>> {
    let mut missing = Vec::new();
    for migration in CLICKHOUSE {
        match applied.get(migration.name) {
            None => missing.push(migration),
            Some(known) if *known == checksum(migration.sql) => {}
            Some(_) => {
                bail!("migration {} was changed after it was applied; add a new one instead", migration.name)
            }
        }
    }
    Ok(missing)
}

async fn apply(client: &Client, migration: &Migration) -> anyhow::Result<()> {
    // An interrupted migration is applied again from its start. Every statement can run twice.
    for statement in migration.statements() {
        client.query_raw(&statement).execute().await?;
    }
    client
        .query("INSERT INTO schema_migrations (name, checksum) SELECT {name:String}, {checksum:String}")
        .param("name", migration.name)
        .param("checksum", checksum(migration.sql))
        .execute()
        .await?;
    Ok(())
}

fn checksum(sql: &str) -> String {
    Sha256::digest(sql).iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        write!(text, "{byte:02x}").ok();
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_migration_is_refused_and_a_new_one_is_missing() {
        let names = |applied: &HashMap<String, String>| {
            unapplied(applied)
                .map(|missing| missing.iter().map(|migration| migration.name).collect::<Vec<_>>())
        };
        let mut applied = HashMap::new();
        assert_eq!(names(&applied).unwrap().len(), CLICKHOUSE.len());
        applied.insert(CLICKHOUSE[0].name.to_owned(), checksum(CLICKHOUSE[0].sql));
        assert_eq!(names(&applied).unwrap().len(), CLICKHOUSE.len() - 1);
        applied.insert(CLICKHOUSE[0].name.to_owned(), checksum("DROP TABLE prospects"));
        assert!(names(&applied).unwrap_err().to_string().contains("was changed"));
    }
}
