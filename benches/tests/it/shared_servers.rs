//! A testbed on the servers that tests share, with a topic and databases of its own.

use std::path::Path;

use sluice_bench::clickhouse::ClickHouse;
use sluice_bench::testbed::Testbed;
use sluice_local::testing;

/// Makes the testbed. Its topic and its ClickHouse database have unique names that begin with
/// `name`.
pub(crate) async fn testbed(
    name: &str,
    n_partitions: i32,
    postgres_url: String,
    folder: &Path,
) -> anyhow::Result<Testbed> {
    let servers = testing::servers().await;
    let (url, user) = (&servers.clickhouse_url, &servers.clickhouse_user);
    let database = testing::unique_name(name);
    let clickhouse = ClickHouse::create(url, user, &servers.clickhouse_password, &database).await?;
    let topic = testing::unique_name(name);
    Testbed::new(&servers.kafka_brokers, &topic, n_partitions, clickhouse, postgres_url, folder).await
}
