//! Apache Kafka in KRaft mode: one process on loopback that is both broker and controller,
//! formatted once.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::types::RDKafkaErrorCode;
use sluice_runtime::kafka;

use super::wait_until_ready;
use crate::process::{Process, ProcessSpec};

/// The settings of Kafka.
#[derive(Debug, Clone)]
pub struct KafkaConfig {
    pub folder: PathBuf,
    pub log: PathBuf,
    /// The port on loopback.
    pub port: u16,
    /// The heap of the JVM.
    pub heap_mb: u32,
    /// Starts faster and runs slower, for tests.
    pub is_short_lived: bool,
}

#[derive(Debug, Clone, Copy)]
pub struct Topic<'a> {
    pub name: &'a str,
    pub n_partitions: i32,
    pub retention: Duration,
}

/// The largest record, compressed: 4 MiB.
const MAX_MESSAGE_BYTES: u32 = 4 << 20;

impl KafkaConfig {
    /// Returns the bootstrap address.
    pub fn brokers(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Starts Kafka. Formats its folder first if it is new.
    ///
    /// # Errors
    /// When the jars or Java are missing, or Kafka does not become ready.
    pub async fn start(&self) -> anyhow::Result<Process> {
        let libraries = tokio::task::spawn_blocking(crate::artifacts::kafka_libraries).await??;
        std::fs::create_dir_all(&self.folder)?;
        let properties = self.folder.join("server.properties");
        // Nothing else uses the port of the controller, so it is a free one each time.
        std::fs::write(&properties, self.properties(crate::ports::free_port()))?;
        let class_path = format!("{}/*", libraries.display());
        let properties = properties.to_string_lossy().into_owned();
        if !self.folder.join("data/meta.properties").exists() {
            // One argument, because an id may begin with a hyphen.
            let id = format!("--cluster-id={}", cluster_id());
            self.java(&class_path, "64m")
                .args(["kafka.tools.StorageTool", "format", &id, "--config", &properties])
                .run()
                .await
                .context("cannot format the folder of Kafka")?;
        }
        let heap = format!("{}m", self.heap_mb);
        let process = self.java(&class_path, &heap).args(["kafka.Kafka", &properties]).spawn()?;
        let brokers = self.brokers();
        wait_until_ready("kafka", &process, &self.log, Duration::from_secs(90), || {
            let brokers = brokers.clone();
            async move { tokio::task::spawn_blocking(move || check(&brokers)).await? }
        })
        .await?;
        Ok(process)
    }

    fn java(&self, class_path: &str, heap: &str) -> ProcessSpec {
        let mut flags = vec![
            format!("-Xmx{heap}"),
            "-XX:+UseSerialGC".into(),
            "-XX:+ExitOnOutOfMemoryError".into(),
            "-Djava.awt.headless=true".into(),
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn".into(),
            "-Dorg.slf4j.simpleLogger.showDateTime=true".into(),
        ];
        if self.is_short_lived {
            flags.push("-XX:TieredStopAtLevel=1".into());
        }
        ProcessSpec::new("java", &self.log).args(flags).args(["-cp", class_path])
    }

    fn properties(&self, controller_port: u16) -> String {
        let port = self.port;
        let data = self.folder.join("data");
        format!(
            "process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs={}
auto.create.topics.enable=false
message.max.bytes={MAX_MESSAGE_BYTES}
replica.fetch.max.bytes={MAX_MESSAGE_BYTES}
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=4
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
num.network.threads=2
num.io.threads=2
background.threads=2
log.cleaner.dedupe.buffer.size=16777216
",
            data.display()
        )
    }
}

/// Returns a random id of 16 bytes in the base64 alphabet of Kafka.
fn cluster_id() -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let number = uuid::Uuid::new_v4().as_u128();
    // 16 bytes are 22 characters. The last one has only two bits.
    let mut text: String =
        (0..21).map(|n| char::from(ALPHABET[((number >> (122 - 6 * n)) & 63) as usize])).collect();
    text.push(char::from(ALPHABET[((number & 3) << 4) as usize]));
    text
}

fn client(brokers: &str) -> ClientConfig {
    let mut client = kafka::client(brokers, "sluice-local");
    client.set("log_level", "2").set("socket.connection.setup.timeout.ms", "3000");
    client
}

fn check(brokers: &str) -> anyhow::Result<()> {
    // librdkafka logs refused connections as errors, so the port is checked first.
    std::net::TcpStream::connect(brokers)?;
    let admin: AdminClient<DefaultClientContext> = client(brokers).create()?;
    let metadata = admin.inner().fetch_metadata(None, Duration::from_secs(3))?;
    anyhow::ensure!(!metadata.brokers().is_empty(), "no broker is registered yet");
    Ok(())
}

/// Creates missing topics, and waits until each partition has a leader.
///
/// # Errors
/// When the broker refuses, or does not answer.
pub async fn create_topics(brokers: &str, topics: &[Topic<'_>]) -> anyhow::Result<()> {
    let admin: AdminClient<DefaultClientContext> = client(brokers).create()?;
    let retentions: Vec<String> =
        topics.iter().map(|topic| topic.retention.as_millis().to_string()).collect();
    let max_bytes = MAX_MESSAGE_BYTES.to_string();
    let wanted: Vec<NewTopic<'_>> = topics
        .iter()
        .zip(&retentions)
        .map(|(topic, retention)| {
            NewTopic::new(topic.name, topic.n_partitions, TopicReplication::Fixed(1))
                .set("retention.ms", retention)
                // Only whole segments are deleted.
                .set("segment.ms", retention)
                .set("max.message.bytes", &max_bytes)
        })
        .collect();
    let options = AdminOptions::new().operation_timeout(Some(Duration::from_secs(20)));
    for made in admin.create_topics(&wanted, &options).await? {
        match made {
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((name, error)) => anyhow::bail!("cannot create topic {name}: {error}"),
        }
    }
    let names: Vec<(String, usize)> = topics
        .iter()
        .map(|topic| (topic.name.to_owned(), usize::try_from(topic.n_partitions).unwrap_or(1)))
        .collect();
    tokio::task::spawn_blocking(move || wait_for_leaders(&admin, &names)).await?
}

fn wait_for_leaders(
    admin: &AdminClient<DefaultClientContext>,
    names: &[(String, usize)],
) -> anyhow::Result<()> {
    for _ in 0..200 {
        let all = names.iter().all(|(name, n_partitions)| {
            admin.inner().fetch_metadata(Some(name), Duration::from_secs(5)).is_ok_and(|metadata| {
                metadata.topics().iter().any(|topic| {
                    topic.partitions().len() == *n_partitions
                        && topic.partitions().iter().all(|partition| partition.leader() >= 0)
                })
            })
        });
        if all {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    anyhow::bail!("the topics have no leader after 10 s")
}
