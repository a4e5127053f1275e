//! `docs/openapi.json`: the document that the API serves.

use std::time::Duration;

use prometheus_client::registry::Registry;
use serde_json::Value;
use sluice_api::config::Config;
use sluice_api::http::connections::ConnectionLimits;
use sluice_api::http::serve::serve;
use sluice_api::http::state::App;
use sluice_api::metrics::Metrics;
use sluice_api::routes;
use sluice_runtime::clock::Clock;
use sluice_runtime::config::Secret;
use sluice_runtime::lifecycle::Lifecycle;
use sluice_runtime::ops::Readiness;

#[tokio::test]
async fn the_document_of_the_api_is_committed() {
    // The document needs no database, so nothing listens at these addresses.
    let mut config = Config::default();
    config.postgres.url = Secret::new("postgres://nobody@127.0.0.1:1/none");
    config.clickhouse.url = "http://127.0.0.1:1".to_owned();
    config.edge.url = "http://127.0.0.1:1".to_owned();
    config.auth.secret = Secret::new("a secret of the tests, 32 bytes long");
    let metrics = Metrics::register(&mut Registry::default());
    let app = App::new(config, Clock::System, Readiness::default(), metrics).unwrap();
    let lifecycle = Lifecycle::default();
    let (listen, limits) = ("127.0.0.1:0".parse().unwrap(), ConnectionLimits::default());
    let bound = serve(listen, routes::build(&app), limits, &app.metrics, &lifecycle).await.unwrap();
    let response = reqwest::get(format!("http://{bound}/openapi.json")).await.unwrap();
    let mut document: Value = response.json().await.unwrap();
    // Cargo may switch on a feature of serde_json that keeps keys in another order.
    document.sort_all_objects();
    super::check("docs/openapi.json", &format!("{document:#}\n"));
    lifecycle.begin_drain();
    assert!(lifecycle.finish(Duration::from_secs(10)).await);
}
