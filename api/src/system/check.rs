//! `GET /api/system/`: asks every part at the same time. A part that does not answer within a
//! second is in the answer nevertheless. Errors go to the log: they may name addresses.

use std::fmt::Display;
use std::future::Future;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use sluice_runtime::ops;

use crate::db::system::{self as db, ServerRow};
use crate::http::json_values::time;
use crate::http::openapi::DetailErrors;
use crate::http::state::App;
use crate::probes::kafka::Partition;
use crate::probes::ops::Service;
use crate::system::model::{
    DataSetResponse, DiskResponse, JournalResponse, PartKind, PartResponse, PartState, PartitionResponse,
    SystemResponse,
};
use crate::time_zone;

const PATIENCE: Duration = Duration::from_secs(1);
/// The longest reason that is shown.
const MAX_REASON_CHARS: usize = 300;

/// Get the state of the system
///
/// For Owners. Every part is asked, for a second at most.
#[utoipa::path(
    get, path = "/api/system/", tag = "system",
    responses((status = 200, description = "The parts", body = SystemResponse), DetailErrors),
    security(("bearer" = [])),
)]
pub async fn get_system(State(app): State<App>) -> Json<SystemResponse> {
    Json(check(&app).await)
}

/// Asks every part.
pub async fn check(app: &App) -> SystemResponse {
    let (edges, kafka, consumers, clickhouse, postgres) = tokio::join!(
        services(app, PartKind::Edge, &app.config.system.edges),
        kafka(app),
        services(app, PartKind::Consumer, &app.config.system.consumers),
        clickhouse(app),
        postgres(app),
    );
    let mut parts = edges;
    parts.push(kafka);
    parts.extend(consumers);
    parts.extend([clickhouse, postgres, itself(app)]);
    for part in &mut parts {
        let now_ms = app.clock.now_ms();
        let since_ms =
            app.probes.seen.since_ms((part.part.as_str(), part.number), part.state.as_str(), now_ms);
        if part.since.is_none() && part.state != PartState::NotConfigured {
            part.since = Some(time(since_ms));
        }
    }
    SystemResponse { checked_at: time(app.clock.now_ms()), parts }
}

/// Waits for an answer, for a second at most.
async fn answer<T, E: Display>(part: PartKind, asked: impl Future<Output = Result<T, E>>) -> Option<T> {
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok(Ok(found)) => Some(found),
        Ok(Err(error)) => {
            tracing::warn!(part = part.as_str(), %error, "a part of the system does not answer");
            None
        }
        Err(_) => {
            tracing::warn!(part = part.as_str(), "a part of the system does not answer in time");
            None
        }
    }
}

async fn services(app: &App, kind: PartKind, urls: &[String]) -> Vec<PartResponse> {
    if urls.is_empty() {
        return vec![PartResponse::new(kind, 1, PartState::NotConfigured)];
    }
    let asked = (1..).zip(urls).map(|(number, url)| async move {
        match answer(kind, app.probes.ops.ask(url)).await {
            Some(found) => service(kind, number, &found),
            None => PartResponse::new(kind, number, PartState::NotAnswering),
        }
    });
    futures::future::join_all(asked).await
}

fn service(kind: PartKind, number: u32, found: &Service) -> PartResponse {
    let metric = |name: &str| found.metrics.get(name).copied();
    let mut part = with_status(PartResponse::new(kind, number, PartState::Ready), &found.status);
    match kind {
        PartKind::Edge => {
            part.journal = metric("sluice_edge_journal_minutes_left").map(|minutes_left| JournalResponse {
                minutes_left,
                used_bytes: metric("sluice_edge_journal_bytes").unwrap_or_default(),
                waiting_events: metric("sluice_edge_waiting_events").unwrap_or_default(),
                waiting_seconds: metric("sluice_edge_waiting_age_seconds").unwrap_or_default(),
                damaged_places: metric("sluice_edge_journal_damaged_total").unwrap_or_default(),
            });
        }
        PartKind::Consumer => {
            for (name, built) in [
                ("countries", "sluice_consumer_countries_built_seconds"),
                ("browsers", "sluice_consumer_agents_built_seconds"),
                ("bots", "sluice_consumer_crawlers_built_seconds"),
            ] {
                let built_s = metric(built).filter(|built_s| *built_s > 0.0);
                #[expect(clippy::cast_possible_truncation, reason = "a time in seconds")]
                let made_at = built_s.map(|built_s| time(built_s as i64 * 1000));
                if made_at.is_some() {
                    part.data_sets.push(DataSetResponse { name, version: None, made_at });
                }
            }
        }
        _ => {}
    }
    part
}

fn with_status(part: PartResponse, status: &ops::Status) -> PartResponse {
    let reason = |(part, reason): (&String, &String)| {
        format!("{part}: {reason}").chars().take(MAX_REASON_CHARS).collect()
    };
    PartResponse {
        state: match status.state {
            ops::State::Ready => PartState::Ready,
            ops::State::NotReady => PartState::NotReady,
            ops::State::Draining => PartState::Draining,
        },
        since: Some(time(status.since_ms)),
        started_at: Some(time(status.started_ms)),
        version: Some(status.version.clone()),
        reasons: status.reasons.iter().map(reason).collect(),
        ..part
    }
}

async fn kafka(app: &App) -> PartResponse {
    let app_of_thread = app.clone();
    let asked =
        async { tokio::task::spawn_blocking(move || app_of_thread.probes.kafka.ask(PATIENCE)).await? };
    let Some(found) = answer(PartKind::Kafka, asked).await else {
        return PartResponse::new(PartKind::Kafka, 1, PartState::NotAnswering);
    };
    let state = if found.faults.is_empty() { PartState::Ready } else { PartState::NotReady };
    let partition =
        |Partition { topic, partition, end, lag }| PartitionResponse { topic, partition, end, lag };
    PartResponse {
        reasons: found.faults,
        partitions: found.partitions.into_iter().map(partition).collect(),
        ..PartResponse::new(PartKind::Kafka, 1, state)
    }
}

async fn clickhouse(app: &App) -> PartResponse {
    let kind = PartKind::Clickhouse;
    let Some((server, disks)) = answer(kind, db::clickhouse(&app.clickhouse)).await else {
        return PartResponse::new(kind, 1, PartState::NotAnswering);
    };
    let disks = disks.into_iter().map(|disk| DiskResponse {
        name: disk.name,
        free_bytes: disk.free_bytes,
        total_bytes: disk.total_bytes,
    });
    PartResponse { disks: disks.collect(), ..database(kind, server) }
}

async fn postgres(app: &App) -> PartResponse {
    let kind = PartKind::Postgres;
    let found = answer(kind, db::postgres(&app.postgres)).await;
    found.map_or_else(|| PartResponse::new(kind, 1, PartState::NotAnswering), |server| database(kind, server))
}

fn database(kind: PartKind, server: ServerRow) -> PartResponse {
    PartResponse {
        started_at: Some(time(server.started_ms)),
        version: Some(server.version),
        size_bytes: Some(server.size_bytes),
        ..PartResponse::new(kind, 1, PartState::Ready)
    }
}

fn itself(app: &App) -> PartResponse {
    let part = with_status(PartResponse::new(PartKind::Api, 1, PartState::Ready), &app.readiness.status());
    let version = Some(time_zone::DATABASE_VERSION.to_owned());
    let zones = DataSetResponse { name: "time zones", version, made_at: None };
    PartResponse { data_sets: vec![zones], ..part }
}
