//! The surroundings of a consumer in the tests: an edge that sends the events of a test, a consumer
//! that can be stopped as if it were killed, and queries to ClickHouse.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use clickhouse::Client;
use prometheus_client::registry::Registry;
use prost::Message as _;
use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use sluice_consumer::config::{BatchConfig, ClickhouseConfig, DirectoryConfig, KafkaConfig};
use sluice_consumer::context::Shared;
use sluice_consumer::directory::keeper::Keeper;
use sluice_consumer::enrich::classifier::Classifier;
use sluice_consumer::enrich::data::DataFiles;
use sluice_consumer::live_feed::LiveFeed;
use sluice_consumer::metrics::Metrics;
use sluice_consumer::store::Store;
use sluice_consumer::subscription::Subscription;
use sluice_consumer::topic::Topic;
use sluice_local::testing;
use sluice_runtime::clock::Clock;
use sluice_runtime::config::Secret;
use sluice_runtime::lifecycle::Lifecycle;
use sluice_runtime::ops::Readiness;
use sluice_schemas::change::{Change, SCHEMA_HEADER, SCHEMA_VERSION};
use sluice_schemas::chunk::{ChunkHeader, FIRST_ORDINAL, push_event};
use sluice_schemas::event::{EventRef, OrderRef};
use tokio::process::Command;
use uuid::Uuid;

/// 2026-11-01 00:00 UTC, the beginning of a month.
pub(crate) const NOVEMBER_MS: u64 = 1_793_491_200_000;

/// A topic, a database, and the ways to both.
pub(crate) struct World {
    pub(crate) topic: String,
    pub(crate) changes_topic: String,
    /// The topic of the live feed; empty for none.
    pub(crate) live_topic: String,
    pub(crate) group: String,
    pub(crate) clickhouse: ClickhouseConfig,
    pub(crate) client: Client,
    pub(crate) brokers: String,
    /// The database with twenty people.
    pub(crate) postgres_url: String,
    /// Where consumers keep the directory.
    pub(crate) directory_file: PathBuf,
    /// The bytes that a partition may hold before it is paused.
    pub(crate) buffer_bytes: usize,
    /// When a batch is closed.
    pub(crate) max_events: usize,
    pub(crate) linger_ms: u64,
    /// The numbers of prospects and of orders that may wait.
    pub(crate) max_waiting: (u64, u64),
    /// Days for which prospects and orders wait. The events of most tests have a fixed time, which
    /// gets ever older.
    pub(crate) keep_waiting_days: (u64, u64),
    producer: FutureProducer,
}

impl World {
    /// The program, with this world as its surroundings. It logs to its standard error.
    pub(crate) fn program(&self) -> Command {
        let mut program = Command::new(env!("CARGO_BIN_EXE_sluice-consumer"));
        program
            .env("SLUICE__KAFKA__BROKERS", &self.brokers)
            .env("SLUICE__KAFKA__TOPIC", &self.topic)
            .env("SLUICE__KAFKA__CHANGES_TOPIC", &self.changes_topic)
            .env("SLUICE__KAFKA__LIVE_TOPIC", &self.live_topic)
            .env("SLUICE__KAFKA__GROUP", &self.group)
            .env("SLUICE__CLICKHOUSE__URL", &self.clickhouse.url)
            .env("SLUICE__CLICKHOUSE__DATABASE", &self.clickhouse.database)
            .env("SLUICE__CLICKHOUSE__USER", &self.clickhouse.user)
            .env("SLUICE__CLICKHOUSE__PASSWORD", self.clickhouse.password.expose())
            .env("SLUICE__DIRECTORY__POSTGRES_URL", &self.postgres_url)
            .env("SLUICE__OPS__LISTEN", "127.0.0.1:0")
            .env("RUST_LOG", "info")
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        program
    }

    /// A new topic and the migrated tables.
    pub(crate) async fn new(n_partitions: i32) -> Self {
        let servers = testing::servers().await;
        let topic = testing::kafka_topic("events", n_partitions).await;
        let changes_topic = testing::kafka_topic("changes", n_partitions).await;
        let (database, postgres_url) =
            tokio::join!(testing::clickhouse_database(), testing::people_database());
        let client = Client::default()
            .with_url(&servers.clickhouse_url)
            .with_database(&database)
            .with_user(&servers.clickhouse_user)
            .with_password(&servers.clickhouse_password);
        for migration in sluice_schemas::migrations::CLICKHOUSE {
            for statement in migration.statements() {
                client.query_raw(&statement).execute().await.unwrap();
            }
        }
        let producer = ClientConfig::new().set("bootstrap.servers", &servers.kafka_brokers).create().unwrap();
        let clickhouse = ClickhouseConfig {
            url: servers.clickhouse_url.clone(),
            database,
            user: servers.clickhouse_user.clone(),
            password: Secret::new(servers.clickhouse_password.clone()),
            compress: false,
        };
        let directory_file = testing::folder("directory").join("directory.log");
        let brokers = servers.kafka_brokers.clone();
        let group = format!("group-{topic}");
        Self {
            topic,
            changes_topic,
            live_topic: String::new(),
            group,
            clickhouse,
            client,
            brokers,
            postgres_url,
            directory_file,
            buffer_bytes: BatchConfig::default().buffer_bytes,
            max_events: 500,
            linger_ms: 50,
            max_waiting: (100_000, 100_000),
            keep_waiting_days: (36_500, 36_500),
            producer,
        }
    }

    /// Sends a change of a prospect or of its order.
    pub(crate) async fn change(&self, prospect: Uuid, change: &Change) {
        self.change_in(SCHEMA_VERSION, prospect, change).await;
    }

    /// Sends a change with another schema version.
    pub(crate) async fn change_in(&self, schema: u32, prospect: Uuid, change: &Change) {
        let value = change.encode_to_vec();
        let key = prospect.to_string();
        let headers = OwnedHeaders::new()
            .insert(Header { key: SCHEMA_HEADER, value: Some(schema.to_string().as_bytes()) });
        let record = FutureRecord::to(&self.changes_topic).key(&key).headers(headers).payload(&value);
        self.producer.send(record, Duration::from_secs(10)).await.unwrap();
    }

    /// Sends one record and waits until Kafka has it.
    pub(crate) async fn send_raw(&self, partition: i32, headers: &[(&str, String)], value: &[u8]) {
        let headers = headers.iter().fold(OwnedHeaders::new(), |headers, (key, value)| {
            headers.insert(Header { key, value: Some(value.as_bytes()) })
        });
        let record =
            FutureRecord::<(), _>::to(&self.topic).partition(partition).headers(headers).payload(value);
        self.producer.send(record, Duration::from_secs(10)).await.unwrap();
    }

    /// The rows of a query as texts.
    pub(crate) async fn texts(&self, sql: &str) -> Vec<String> {
        self.client.query(sql).fetch_all().await.unwrap()
    }

    /// The only value of a query's only row.
    pub(crate) async fn one(&self, sql: &str) -> u64 {
        self.client.query(sql).fetch_one().await.unwrap()
    }

    /// Waits until a query gives a value, a minute and a half at most.
    pub(crate) async fn wait_for(&self, sql: &str, expected: u64) {
        let deadline = Instant::now() + Duration::from_secs(90);
        // A statement costs the engine about 10 ms, and several tests wait at the same time.
        let mut pause = Duration::from_millis(50);
        loop {
            let found = self.one(sql).await;
            if found == expected {
                return;
            }
            assert!(Instant::now() < deadline, "{sql}: {found} instead of {expected}");
            tokio::time::sleep(pause).await;
            pause = (pause * 5 / 4).min(Duration::from_millis(300));
        }
    }

    /// Waits until the batches that have the first `n` ordinals of all lanes have ended.
    pub(crate) async fn wait_for_numbered(&self, n: u64) {
        let lanes = "SELECT max(lanes.next_seq) - 1 AS numbered FROM lanes \
                     WHERE NOT startsWith(lane, 'replay') GROUP BY lane";
        self.wait_for(&format!("SELECT toUInt64(sum(numbered)) FROM ({lanes})"), n).await;
    }

    /// The topics and the group of the consumers.
    pub(crate) fn kafka(&self) -> KafkaConfig {
        KafkaConfig {
            brokers: self.brokers.clone(),
            topic: self.topic.clone(),
            changes_topic: self.changes_topic.clone(),
            live_topic: self.live_topic.clone(),
            group: self.group.clone(),
            instance_id: String::new(),
            session_timeout_ms: 6000,
        }
    }

    /// Starts a consumer of this topic.
    pub(crate) fn consume(&self) -> Consumer {
        self.consume_by(&self.clickhouse.url)
    }

    /// Starts a consumer that reaches ClickHouse by another address.
    pub(crate) fn consume_by(&self, clickhouse_url: &str) -> Consumer {
        // Comes back at once after a kill, as under a supervisor that names it.
        self.consume_as("one", clickhouse_url)
    }

    /// Starts another one beside it.
    pub(crate) fn consume_as(&self, instance_id: &str, clickhouse_url: &str) -> Consumer {
        let kafka = KafkaConfig { instance_id: instance_id.to_owned(), ..self.kafka() };
        let batch = BatchConfig {
            linger_ms: self.linger_ms,
            max_events: self.max_events,
            replay_interval_ms: 250,
            buffer_bytes: self.buffer_bytes,
            keep_waiting_days: self.keep_waiting_days.0,
            keep_waiting_orders_days: self.keep_waiting_days.1,
            max_waiting_prospects: self.max_waiting.0,
            max_waiting_orders: self.max_waiting.1,
            ..BatchConfig::default()
        };
        let clickhouse = ClickhouseConfig { url: clickhouse_url.to_owned(), ..self.clickhouse.clone() };
        let directory = DirectoryConfig {
            postgres_url: Secret::new(self.postgres_url.clone()),
            file: self.directory_file.clone(),
        };
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let lifecycle = Lifecycle::default();
        let life = lifecycle.clone();
        let readiness = Readiness::default();
        let ready = readiness.clone();
        let task = runtime.spawn(async move {
            let metrics = Metrics::register(&mut Registry::default());
            let join = |topic| Subscription::join(topic, &kafka, &metrics, &ready).unwrap();
            let (events, changes) = (join(Topic::Events), join(Topic::Changes));
            let shared = Shared {
                live: LiveFeed::new(&kafka, &metrics).unwrap(),
                store: Store::new(&clickhouse),
                directory: Keeper::open(&directory, metrics.stale_directory.clone()).unwrap(),
                classifier: Classifier::open(DataFiles::default()).unwrap(),
                metrics,
                events: events.offsets(),
                config: batch.clone(),
                clock: Clock::System,
                readiness: ready,
                draining: life.draining().clone(),
            };
            let run =
                |subscription: Subscription| subscription.run(batch.buffer_bytes, shared.clone(), &life);
            tokio::try_join!(run(events), run(changes)).unwrap();
        });
        Consumer { runtime: Some(runtime), lifecycle, task: Some(task), readiness }
    }
}

/// A running consumer. Dropping it stops it at once, wherever it is.
pub(crate) struct Consumer {
    runtime: Option<tokio::runtime::Runtime>,
    lifecycle: Lifecycle,
    task: Option<tokio::task::JoinHandle<()>>,
    pub(crate) readiness: Readiness,
}

impl Consumer {
    /// Finishes the batches under way.
    pub(crate) async fn drain(mut self) {
        self.lifecycle.begin_drain();
        self.task.take().unwrap().await.unwrap();
        assert!(self.lifecycle.finish(Duration::from_secs(10)).await);
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// One lane of an edge that a test plays.
pub(crate) struct Lane {
    pub(crate) edge: Uuid,
    pub(crate) partition: i32,
    pub(crate) next_seq: u64,
    /// When its first event is; each other one is a millisecond later.
    pub(crate) time_ms: u64,
    events: Vec<Vec<u8>>,
}

impl Lane {
    pub(crate) fn new(partition: i32) -> Self {
        Self {
            edge: Uuid::now_v7(),
            partition,
            next_seq: FIRST_ORDINAL,
            time_ms: NOVEMBER_MS,
            events: Vec::new(),
        }
    }

    pub(crate) fn prospect(&mut self, id: Uuid, pairs: &str) {
        self.push(id, pairs, None);
    }

    pub(crate) fn order(&mut self, id: Uuid, prospect: &str) {
        self.order_of(id, prospect, "payout=12.5&currency=USD");
    }

    /// Adds an order with these parameters.
    pub(crate) fn order_of(&mut self, id: Uuid, prospect: &str, pairs: &str) {
        let order = OrderRef {
            prospect_ref: prospect,
            email: "jane@example.com",
            phone_number: "555 0100",
            first_name: "Jane",
            last_name: "Doe",
            delivery_address: "1 Example Road",
        };
        self.push(id, pairs, Some(order));
    }

    fn push(&mut self, id: Uuid, pairs: &str, order: Option<OrderRef<'_>>) {
        let event = EventRef {
            id: id.into_bytes(),
            time_ms: self.time_ms + self.next_seq - FIRST_ORDINAL + self.events.len() as u64,
            ip: std::net::Ipv4Addr::new(203, 0, 113, 7).to_ipv6_mapped().octets(),
            user_agent: b"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36",
            referer: b"https://landing.example/page",
            pairs: pairs.as_bytes(),
            marks: 0,
            order,
        };
        let mut bytes = Vec::new();
        event.encode(&mut bytes);
        self.events.push(bytes);
    }

    /// Sends the gathered events in chunks of at most `size`. Each chunk repeats the last `again`
    /// events before it, as a restarted edge may.
    pub(crate) async fn send(&mut self, world: &World, size: usize, again: usize) {
        let events = std::mem::take(&mut self.events);
        let mut first = 0;
        while first < events.len() {
            let last = (first + size).min(events.len());
            let begin = first.saturating_sub(again);
            let mut value = Vec::new();
            for event in &events[begin..last] {
                push_event(&mut value, event);
            }
            let header = ChunkHeader {
                edge: self.edge,
                lane: 0,
                first_seq: self.next_seq + begin as u64,
                count: (last - begin) as u32,
            };
            world.send_raw(self.partition, &header.to_text(), &value).await;
            first = last;
        }
        self.next_seq += events.len() as u64;
    }
}
