//! The shared state of all handlers: one value, created once, cheap to clone.

use std::ops::Deref;
use std::sync::Arc;

use clickhouse::Client;
use sluice_runtime::clock::Clock;
use sluice_runtime::ops::Readiness;
use sqlx::PgPool;

use crate::config::Config;
use crate::db;
use crate::event_edits::EventEdits;
use crate::http::auth::limits::RateLimit;
use crate::http::auth::password::Passwords;
use crate::http::auth::sealer::Sealer;
use crate::http::auth::token::Tokens;
use crate::http::blocking_pool::BlockingPool;
use crate::http::edge_proxy::Edge;
use crate::http::freshness::Freshness;
use crate::http::request_limit::RequestLimit;
use crate::http::streams::Streams;
use crate::http::turns::Turns;
use crate::live_feed::LiveFeed;
use crate::metrics::Metrics;
use crate::probes::Probes;
use crate::viewer::Credential;

/// An address may send this many times more wrong passwords than it may for one account, because
/// offices share addresses. All strangers together may send as many for one account.
const ADDRESS_FACTOR: u32 = 10;

/// The state of the service.
#[derive(Clone)]
pub struct App(Arc<Inner>);

/// The fields of [`App`].
pub struct Inner {
    pub config: Config,
    pub clock: Clock,
    pub readiness: Readiness,
    pub metrics: Metrics,
    pub postgres: PgPool,
    pub clickhouse: Client,
    pub edge: Edge,
    pub edits: EventEdits,
    pub passwords: Passwords,
    /// Decodes one image at a time: each may need much memory.
    pub images: BlockingPool,
    pub tokens: Tokens,
    /// Encrypts the secrets of second factors.
    pub sealer: Sealer,
    pub limits: Limits,
    /// Turns at searches and reports.
    pub turns: Turns,
    /// Places for open streams.
    pub streams: Streams,
    pub freshness: Freshness,
    /// The last events, for `/live/`.
    pub live: Arc<LiveFeed>,
    pub probes: Probes,
}

/// Limits for anonymous callers.
pub struct Limits {
    /// Wrong passwords of one address or login for one account.
    pub guesses: RateLimit,
    /// Wrong passwords of all strangers, by account.
    pub account: RateLimit,
    /// Wrong passwords of strangers, by address.
    pub address: RateLimit,
    /// Registrations, by address.
    pub registrations: RateLimit,
    /// All requests, by address.
    pub requests_by_address: RequestLimit<String>,
    /// Requests of those that are logged in, by login or API token.
    pub requests_by_token: RequestLimit<Credential>,
}

impl App {
    /// Creates the state. Does not connect yet.
    ///
    /// # Errors
    /// If an address in the configuration is invalid.
    pub fn new(config: Config, clock: Clock, readiness: Readiness, metrics: Metrics) -> anyhow::Result<Self> {
        let wrong = config.auth.wrong_passwords_per_minute;
        Ok(Self(Arc::new(Inner {
            postgres: db::postgres_pool(&config.postgres)?,
            clickhouse: db::clickhouse::client(&config.clickhouse),
            edge: Edge::new(&config.edge)?,
            edits: EventEdits::new(&config.kafka),
            passwords: Passwords::new(),
            images: BlockingPool::new(1, "images"),
            tokens: Tokens::new(&config.auth, clock.clone()),
            sealer: Sealer::new(&config.auth),
            limits: Limits {
                guesses: RateLimit::new(wrong, clock.clone()),
                account: RateLimit::new(wrong.saturating_mul(ADDRESS_FACTOR), clock.clone()),
                address: RateLimit::new(wrong.saturating_mul(ADDRESS_FACTOR), clock.clone()),
                registrations: RateLimit::new(config.auth.registrations_per_minute, clock.clone()),
                requests_by_address: RequestLimit::new(
                    config.http.requests_per_minute_by_address,
                    clock.clone(),
                ),
                requests_by_token: RequestLimit::new(config.http.requests_per_minute_by_token, clock.clone()),
            },
            turns: Turns::default(),
            streams: Streams::new(metrics.open_streams.clone()),
            freshness: Freshness::default(),
            live: Arc::new(LiveFeed::new(&config.kafka)),
            probes: Probes::new(&config.kafka),
            config,
            clock,
            readiness,
            metrics,
        })))
    }
}

impl Deref for App {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}
