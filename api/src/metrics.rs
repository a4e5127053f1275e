//! The metrics of the API and the pages. Labels have values from enums.
//!
//! `docs/metrics.md` is generated from the names and help texts here. A help text says what is
//! counted; its last sentence, if it begins with "Worry", says when to act.

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use crate::time_zone;

/// The part of the service that a request was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum Part {
    Api,
    Pages,
    Assets,
}

impl Part {
    const ALL: [Self; 3] = [Self::Api, Self::Pages, Self::Assets];
}

/// The class of a response's status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum Class {
    Success,
    Redirect,
    ClientError,
    ServerError,
}

impl Class {
    const ALL: [Self; 4] = [Self::Success, Self::Redirect, Self::ClientError, Self::ServerError];
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    part: Part,
    class: Class,
}

/// The outcome of a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum LoginOutcome {
    Success,
    Wrong,
    Limited,
}

impl LoginOutcome {
    const ALL: [Self; 3] = [Self::Success, Self::Wrong, Self::Limited];
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LoginLabels {
    outcome: LoginOutcome,
}

/// The reason why a request was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum Refusal {
    NotAuthenticated,
    Forbidden,
    Throttled,
}

impl Refusal {
    const ALL: [Self; 3] = [Self::NotAuthenticated, Self::Forbidden, Self::Throttled];

    /// Returns the word in the security log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotAuthenticated => "not-authenticated",
            Self::Forbidden => "forbidden",
            Self::Throttled => "throttled",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RefusalLabels {
    reason: Refusal,
}

/// Handles of all metrics. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Metrics {
    requests: Family<RequestLabels, Counter>,
    seconds: Histogram,
    logins: Family<LoginLabels, Counter>,
    refusals: Family<RefusalLabels, Counter>,
    refused_connections: Counter,
    /// Numbered events without an outcome, and outcomes without a number, of all lanes.
    pub audit_gap: Gauge,
    /// Open streams of `/live/`.
    pub open_streams: Gauge,
}

impl Metrics {
    /// Creates the metrics, registers them, and starts every series at 0.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            requests: Family::default(),
            seconds: Histogram::new(exponential_buckets(0.001, 2.0, 14)),
            logins: Family::default(),
            refusals: Family::default(),
            refused_connections: Counter::default(),
            audit_gap: Gauge::default(),
            open_streams: Gauge::default(),
        };
        registry.register(
            "sluice_api_requests",
            "Requests answered, by part of the service and class of the status. Worry if `ServerError` grows",
            metrics.requests.clone(),
        );
        registry.register(
            "sluice_api_request_seconds",
            "Time from the head of a request to the head of its response. Worry if most take over a second",
            metrics.seconds.clone(),
        );
        registry.register(
            "sluice_api_logins",
            "Logins by outcome; `Limited` were refused for too many wrong passwords. Worry if `Wrong` or \
             `Limited` jumps: somebody is guessing",
            metrics.logins.clone(),
        );
        registry.register(
            "sluice_api_refusals",
            "Requests answered with 401 (`NotAuthenticated`), 403 (`Forbidden`) or 429 (`Throttled`). Each \
             has a line in the security log. Worry if it jumps: somebody is trying what they may not do",
            metrics.refusals.clone(),
        );
        registry.register(
            "sluice_api_refused_connections",
            "Connections closed as they came, because their address or all clients together had too many. \
             Worry if it grows: somebody floods the service, or `http.trusted_proxies` lacks a proxy",
            metrics.refused_connections.clone(),
        );
        registry.register(
            "sluice_api_audit_gap_events",
            "Events that edges numbered and that have no outcome, or more outcomes than numbers, in all \
             lanes. Worry if it is not 0: `/pipeline/` and the log name the lane",
            metrics.audit_gap.clone(),
        );
        registry.register(
            "sluice_api_live_streams",
            "Open streams of `/live/`. Worry if it stays near 500: further viewers only have the list",
            metrics.open_streams.clone(),
        );
        registry.register(
            "sluice_api_time_zones",
            "Version of the database of time zones in this binary. Worry if it is over a year old: \
             days begin at the wrong hour where rules changed since",
            Info::new([("version", time_zone::DATABASE_VERSION)]),
        );
        for (part, class) in Part::ALL.into_iter().flat_map(|part| Class::ALL.map(|class| (part, class))) {
            drop(metrics.requests.get_or_create(&RequestLabels { part, class }));
        }
        for reason in Refusal::ALL {
            drop(metrics.refusals.get_or_create(&RefusalLabels { reason }));
        }
        for outcome in LoginOutcome::ALL {
            drop(metrics.logins.get_or_create(&LoginLabels { outcome }));
        }
        metrics
    }

    /// Counts a request and how long its response took.
    pub fn answered(&self, part: Part, status: u16, seconds: f64) {
        let class = match status {
            ..300 => Class::Success,
            300..400 => Class::Redirect,
            400..500 => Class::ClientError,
            _ => Class::ServerError,
        };
        self.requests.get_or_create(&RequestLabels { part, class }).inc();
        self.seconds.observe(seconds);
    }

    /// Counts a request that was refused.
    pub fn refused(&self, reason: Refusal) {
        self.refusals.get_or_create(&RefusalLabels { reason }).inc();
    }

    /// Counts a connection above the bound.
    pub fn refused_connection(&self) {
        self.refused_connections.inc();
    }

    /// Counts a login.
    pub fn login(&self, outcome: LoginOutcome) {
        self.logins.get_or_create(&LoginLabels { outcome }).inc();
    }
}
