//! Liveness and readiness. The service is ready if both databases answer and have the schema that
//! this binary needs. A background task asks them, so a flood of probes does not reach the
//! databases.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use sluice_runtime::lifecycle::Lifecycle;
use sqlx::PgPool;

use crate::db::{pipeline, tokens};
use crate::http::auth::second_factor;
use crate::http::state::App;

const PROBE_EVERY: Duration = Duration::from_secs(2);
const PROBE_PATIENCE: Duration = Duration::from_secs(3);
/// Expired sessions and tokens are forgotten this often, and secrets encrypted with a new key.
const TIDY_EVERY: Duration = Duration::from_secs(3600);
/// The lanes are audited this often.
const AUDIT_EVERY: Duration = Duration::from_secs(60);

/// The parts that must be ready.
pub const PARTS: [&str; 2] = ["postgres", "clickhouse"];

/// Watches the databases until the drain.
pub fn watch(app: &App, lifecycle: &Lifecycle) {
    let (app, draining) = (app.clone(), lifecycle.draining().clone());
    lifecycle.spawn(async move {
        let mut probe = tokio::time::interval(PROBE_EVERY);
        let mut tidy = tokio::time::interval(TIDY_EVERY);
        let mut audit = tokio::time::interval(AUDIT_EVERY);
        loop {
            tokio::select! {
                () = draining.cancelled() => return,
                _ = probe.tick() => probe_all(&app).await,
                _ = tidy.tick() => forget_expired(&app).await,
                _ = audit.tick() => audit_lanes(&app).await,
            }
        }
    });
}

/// Asks both databases once.
pub async fn probe_all(app: &App) {
    let (postgres, clickhouse) = tokio::join!(
        tokio::time::timeout(PROBE_PATIENCE, probe_postgres(&app.postgres)),
        tokio::time::timeout(PROBE_PATIENCE, probe_clickhouse(&app.clickhouse)),
    );
    report(app, "postgres", postgres.unwrap_or_else(|_| Err("does not answer".to_owned())));
    report(app, "clickhouse", clickhouse.unwrap_or_else(|_| Err("does not answer".to_owned())));
}

fn report(app: &App, part: &'static str, found: Result<(), String>) {
    match found {
        Ok(()) => app.readiness.ready(part),
        Err(reason) => app.readiness.not_ready(part, reason),
    }
}

async fn probe_postgres(pool: &PgPool) -> Result<(), String> {
    let newest: Result<Option<i64>, sqlx::Error> =
        sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations WHERE success").fetch_one(pool).await;
    let needed = crate::db::migrations::POSTGRES.iter().map(|migration| migration.version).max();
    match newest {
        Ok(found) if found >= needed => Ok(()),
        Ok(_) => Err("migrations are missing: run sluice-api migrate".to_owned()),
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("42P01") => {
            Err("has no tables yet: run sluice-api migrate".to_owned())
        }
        Err(error) => Err(error.to_string()),
    }
}

async fn probe_clickhouse(client: &clickhouse::Client) -> Result<(), String> {
    let found = client.query("SELECT count() FROM schema_migrations").fetch_one::<u64>().await;
    match found {
        Ok(applied) if applied >= sluice_schemas::migrations::CLICKHOUSE.len() as u64 => Ok(()),
        Ok(_) => Err("migrations are missing: run sluice-api migrate".to_owned()),
        // 60: unknown table; 81: unknown database.
        Err(clickhouse::error::Error::BadResponse(text))
            if text.contains("Code: 60.") || text.contains("Code: 81.") =>
        {
            Err("has no tables yet: run sluice-api migrate".to_owned())
        }
        Err(error) => Err(error.to_string().chars().take(200).collect()),
    }
}

/// Compares the ordinals of every lane with its outcomes. Logs each lane that does not balance when
/// the gap grows.
pub async fn audit_lanes(app: &App) {
    let now_ms = crate::db::time_of(&app.clock).timestamp_millis();
    let found = tokio::time::timeout(PROBE_PATIENCE, pipeline::lanes(&app.clickhouse)).await;
    let Ok(Ok(lanes)) = found else {
        tracing::debug!("the lanes cannot be audited for now");
        return;
    };
    let gaps: Vec<_> =
        lanes.iter().filter(|lane| lane.difference() != 0 && !lane.may_settle(now_ms)).collect();
    let gap = gaps.iter().map(|lane| lane.difference().abs()).sum::<i64>();
    if gap > app.metrics.audit_gap.get() {
        for lane in gaps {
            let (numbered, counted) = (lane.numbered(), lane.counted());
            tracing::error!(lane = lane.lane, numbered, counted, "the outcomes of a lane do not balance");
        }
    }
    app.metrics.audit_gap.set(gap);
}

async fn forget_expired(app: &App) {
    let before = crate::db::time_of(&app.clock) - chrono::TimeDelta::days(1);
    let forgotten = async {
        let mut connection = app.postgres.acquire().await?;
        tokens::forget_expired(&mut connection, before).await
    };
    match forgotten.await {
        Ok(0) => {}
        Ok(n_rows) => tracing::info!(n_rows, "forgot expired sessions and tokens"),
        Err(error) => tracing::debug!(%error, "expired sessions stay for now"),
    }
    if !app.config.auth.previous_secrets.is_empty()
        && let Err(error) = second_factor::reseal(app).await
    {
        tracing::debug!(?error, "second factors stay under their previous key for now");
    }
}

/// `GET /livez`: the process answers.
pub async fn livez() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: for load balancers, without detail; the operators' port has the reasons.
pub async fn readyz(State(app): State<App>) -> Response {
    if app.readiness.is_ready() {
        "ready\n".into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready\n").into_response()
    }
}

/// `GET /robots.txt`: nothing here is for crawlers.
pub async fn robots() -> &'static str {
    "User-agent: *\nDisallow: /\n"
}
