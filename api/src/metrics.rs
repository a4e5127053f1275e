//! The metrics of the service. Labels come only from enums.

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

/// The part of the service that answered a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum Part {
    Api,
    Pages,
    Assets,
}

/// The class of a status code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum Class {
    Success,
    Redirect,
    ClientError,
    ServerError,
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

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LoginLabels {
    outcome: LoginOutcome,
}

/// The metrics. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Metrics {
    requests: Family<RequestLabels, Counter>,
    seconds: Histogram,
    logins: Family<LoginLabels, Counter>,
}

impl Metrics {
    /// Registers the metrics.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            requests: Family::default(),
            seconds: Histogram::new(exponential_buckets(0.001, 2.0, 14)),
            logins: Family::default(),
        };
        registry.register("sluice_api_requests", "Requests answered", metrics.requests.clone());
        registry.register(
            "sluice_api_request_seconds",
            "Time from the head of a request to the head of its response",
            metrics.seconds.clone(),
        );
        registry.register("sluice_api_logins", "Login attempts", metrics.logins.clone());
        metrics
    }

    /// Counts an answered request.
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

    /// Counts a login.
    pub fn login(&self, outcome: LoginOutcome) {
        self.logins.get_or_create(&LoginLabels { outcome }).inc();
    }
}
