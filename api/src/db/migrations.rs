//! Postgres' migrations, in the binary.

use sqlx::migrate::Migrator;

/// Postgres' migrations.
pub static POSTGRES: Migrator = sqlx::migrate!("../schemas/migrations/postgres");
