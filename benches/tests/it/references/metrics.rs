//! `docs/metrics.md`, made of what each service registers: the text of `/metrics` gives names,
//! kinds, help texts and labels with their values.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use sluice_consumer::metrics::PartitionLabels;
use sluice_ingest::edge::Edge;
use sluice_runtime::clock::Clock;
use sluice_runtime::ops::Readiness;
use tokio_util::sync::CancellationToken;

const HEAD: &str = "# Metrics

<!-- Generated from the code. Renew it:
SLUICE_RENEW=1 cargo test -p sluice-bench --test it references -->

Every service shows its metrics at `/metrics` of its port for operators (`ops.listen`), as
OpenMetrics text. They are registered, with these texts, in `ingest/src/metrics.rs`,
`consumer/src/metrics.rs` and `api/src/metrics.rs`. A counter only grows, until the service is
started again. A histogram also has the names with `_bucket`, `_sum` and `_count`.
";

struct Metric {
    name: String,
    kind: String,
    help: String,
    /// The values of each label.
    labels: BTreeMap<String, BTreeSet<String>>,
}

#[test]
fn every_metric_is_described() {
    let mut document = HEAD.to_owned();
    for (title, registry) in [("Edge", edge()), ("Consumer", consumer()), ("API and pages", api())] {
        write!(document, "\n## {title}\n\n| Name | Kind | Unit | Labels | Meaning | When to worry |\n")
            .unwrap();
        document.push_str("|---|---|---|---|---|---|\n");
        for metric in read(&registry) {
            document.push_str(&metric.line());
        }
    }
    super::check("docs/metrics.md", &document);
}

fn edge() -> Registry {
    let folder = tempfile::tempdir().unwrap();
    let mut config = sluice_ingest::config::Config::default();
    config.edge.listen = "127.0.0.1:0".parse().unwrap();
    config.edge.threads = 1;
    config.journal.dir = folder.path().to_owned();
    config.kafka.drain_ms = 0;
    let (mut registry, draining) = (Registry::default(), CancellationToken::new());
    let readiness = Readiness::starting(&["journal"]);
    let edge = Edge::start(&config, &Clock::System, &readiness, &mut registry, &draining).unwrap();
    draining.cancel();
    edge.finish().unwrap();
    registry
}

fn consumer() -> Registry {
    let mut registry = Registry::default();
    let metrics = sluice_consumer::metrics::Metrics::register(&mut registry);
    // The consumer learns its partitions from Kafka.
    for topic in ["events", "changes"] {
        let labels = PartitionLabels { topic, partition: 0 };
        drop(metrics.lag.get_or_create(&labels));
        drop(metrics.stopped.get_or_create(&labels));
    }
    registry
}

fn api() -> Registry {
    let mut registry = Registry::default();
    sluice_api::metrics::Metrics::register(&mut registry);
    registry
}

fn read(registry: &Registry) -> Vec<Metric> {
    let mut text = String::new();
    encode(&mut text, registry).unwrap();
    let mut metrics: Vec<Metric> = Vec::new();
    for line in text.lines() {
        if let Some((name, help)) = line.strip_prefix("# HELP ").and_then(|line| line.split_once(' ')) {
            let [name, help] = [name, help].map(str::to_owned);
            metrics.push(Metric { name, kind: String::new(), help, labels: BTreeMap::new() });
        } else if let Some(kind) = line.strip_prefix("# TYPE ").and_then(|line| line.split(' ').nth(1)) {
            kind.clone_into(&mut metrics.last_mut().unwrap().kind);
        } else if let Some((labels, _)) = line.split_once('{').and_then(|(_, rest)| rest.split_once('}')) {
            let metric = metrics.last_mut().unwrap();
            for (label, value) in labels.split(',').filter_map(|label| label.split_once('=')) {
                metric.labels.entry(label.to_owned()).or_default().insert(value.trim_matches('"').to_owned());
            }
        }
    }
    // The text leaves out a family without a series. The registry itself names it.
    for name in format!("{registry:?}").split("Descriptor { name: \"").skip(1) {
        let name = name.split('"').next().unwrap();
        let is_there = metrics.iter().any(|metric| metric.name.ends_with(name));
        assert!(is_there, "{name} has no series: create one here or when it is registered");
    }
    metrics
}

impl Metric {
    fn line(&self) -> String {
        let suffix = if self.kind == "counter" { "_total" } else { "" };
        let (meaning, worry) = self.help.split_once(" Worry ").unwrap_or((&self.help, "–"));
        let [meaning, worry] = [meaning, worry].map(|text| text.trim_end_matches('.'));
        assert!(meaning.len() > 10, "{} needs a help text", self.name);
        let unit = ["seconds", "minutes", "bytes"].into_iter().find(|unit| self.name.contains(unit));
        format!(
            "| `{}{suffix}` | {} | {} | {} | {meaning} | {worry} |\n",
            self.name,
            self.kind,
            unit.unwrap_or("–"),
            self.labels(),
        )
    }

    fn labels(&self) -> String {
        let of_series = self.labels.iter().filter(|(label, _)| *label != "le");
        let lines: Vec<String> =
            of_series.map(|(label, values)| format!("`{label}`: {}", list(values))).collect();
        if lines.is_empty() { "–".to_owned() } else { lines.join("<br>") }
    }
}

fn list(values: &BTreeSet<String>) -> String {
    if values.iter().all(|value| value.parse::<u32>().is_ok()) {
        return "a number".to_owned();
    }
    let values: Vec<String> = values
        .iter()
        .map(|value| if value.is_empty() { "empty".to_owned() } else { format!("`{value}`") })
        .collect();
    values.join(", ")
}
