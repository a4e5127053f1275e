//! What the operators see of this service. Labels come from enums only.

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

/// Which part of the service a request was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum Part {
    Api,
    Pages,
    Assets,
}

/// How it was answered.
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

/// What a login ended as.
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

/// The counters. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Metrics {
    requests: Family<RequestLabels, Counter>,
    seconds: Histogram,
    logins: Family<LoginLabels, Counter>,
}

impl Metrics {
    /// Registers them.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            requests: Family::default(),
            seconds: Histogram::new(exponential_buckets(0.001, 2.0, 14)),
            logins: Family::default(),
        };
        registry.register("sluice_api_requests", "Requests answered", metrics.requests.clone());
        registry.register(
            "sluice_api_request_seconds",
            "Time from a request's head to its answer's",
            metrics.seconds.clone(),
        );
        registry.register("sluice_api_logins", "Logins tried", metrics.logins.clone());
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
