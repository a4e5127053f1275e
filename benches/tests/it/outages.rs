//! `kill -9` of Kafka or ClickHouse under load. Meanwhile the edge accepts events and the consumer
//! waits without losing its position. Afterwards everything is stored once.

use std::time::Duration;

use sluice_bench::testbed::PrivateServers;

use crate::client::Clients;
use crate::ledger;

const AWAY: Duration = Duration::from_secs(4);
const BETWEEN: Duration = Duration::from_secs(3);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_kafka_costs_nothing_but_time() -> anyhow::Result<()> {
    let mut servers = PrivateServers::start().await?;
    let testbed = servers.testbed("kafka_outage", 2).await?;
    let (edge, consumer) = tokio::try_join!(testbed.edge(2), testbed.consumer(&[]))?;
    let clients = Clients::start(edge.proxied);
    for _ in 0..2 {
        tokio::time::sleep(BETWEEN).await;
        let before = clients.n_acknowledged();
        servers.crash_kafka(AWAY).await?;
        let during = clients.n_acknowledged() - before;
        assert!(during > 500, "the edge accepted only {during} events while Kafka was down");
    }
    tokio::time::sleep(BETWEEN).await;
    ledger::check_all(&testbed, clients).await?;
    assert!(edge.child.drain().await && consumer.drain().await, "SIGTERM ends both without an error");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_clickhouse_is_waited_for() -> anyhow::Result<()> {
    let mut servers = PrivateServers::start().await?;
    let testbed = servers.testbed("clickhouse_outage", 2).await?;
    let (edge, consumer) = tokio::try_join!(testbed.edge(2), testbed.consumer(&[]))?;
    let (edge_pid, consumer_pid) = (edge.child.pid(), consumer.pid());
    let clients = Clients::start(edge.proxied);
    for _ in 0..2 {
        tokio::time::sleep(BETWEEN).await;
        servers.crash_clickhouse(AWAY).await?;
    }
    tokio::time::sleep(BETWEEN).await;
    ledger::check_all(&testbed, clients).await?;
    // The same processes are still running: waiting must not mean to die and be restarted.
    assert_eq!((edge.child.pid(), consumer.pid()), (edge_pid, consumer_pid));
    assert!(edge.child.drain().await && consumer.drain().await, "SIGTERM ends both without an error");
    Ok(())
}
