//! Apache Kafka in KRaft mode: one process that is broker and controller, formatted once, on loopback.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::types::RDKafkaErrorCode;

use super::wait_until_ready;
use crate::process::{Process, ProcessSpec};

/// How Kafka runs.
#[derive(Debug, Clone)]
pub struct KafkaConfig {
    /// Its folder.
    pub folder: PathBuf,
    /// Its log.
    pub log: PathBuf,
    /// Port on loopback.
    pub port: u16,
    /// The JVM's heap.
    pub heap_mb: u32,
    /// Starts faster, runs slower: for tests.
    pub is_short_lived: bool,
}

/// A topic.
#[derive(Debug, Clone, Copy)]
pub struct Topic<'a> {
    /// Name.
    pub name: &'a str,
    /// Number of partitions.
    pub n_partitions: i32,
    /// How long records are kept.
    pub retention_hours: u64,
}

/// Largest record, compressed: 4 MiB.
const MAX_MESSAGE_BYTES: u32 = 4 << 20;

impl KafkaConfig {
    /// Its address.
    pub fn brokers(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Starts it, formatting its folder first where that is new.
    ///
    /// # Errors
    /// When its jars or Java are missing, or it does not become ready.
    pub async fn start(&self) -> anyhow::Result<Process> {
        let libraries = tokio::task::spawn_blocking(crate::artifacts::kafka_libraries).await??;
        std::fs::create_dir_all(&self.folder)?;
        let properties = self.folder.join("server.properties");
        // The controller's port is nobody else's business: a free one each time.
        std::fs::write(&properties, self.properties(crate::ports::free_port()))?;
        let class_path = format!("{}/*", libraries.display());
        let properties = properties.to_string_lossy().into_owned();
        if !self.folder.join("data/meta.properties").exists() {
            // In one word: an id may begin with a hyphen.
            let id = format!("--cluster-id={}", cluster_id());
            self.java(&class_path, "64m")
                .args(["kafka.tools.StorageTool", "format", &id, "--config", &properties])
                .run()
                .await
                .context("cannot format Kafka's folder")?;
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

/// A random id of 16 bytes in Kafka's base64.
fn cluster_id() -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let number = uuid::Uuid::new_v4().as_u128();
    // 16 bytes are 22 characters, the last of which carries two bits.
    let mut text: String =
        (0..21).map(|n| char::from(ALPHABET[((number >> (122 - 6 * n)) & 63) as usize])).collect();
    text.push(char::from(ALPHABET[((number & 3) << 4) as usize]));
    text
}

fn client(brokers: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", brokers)
        .set("log_level", "2")
        .set("socket.connection.setup.timeout.ms", "3000");
    config
}

fn check(brokers: &str) -> anyhow::Result<()> {
    // librdkafka complains loudly of a refused connection; look first.
    std::net::TcpStream::connect(brokers)?;
    let admin: AdminClient<DefaultClientContext> = client(brokers).create()?;
    let metadata = admin.inner().fetch_metadata(None, Duration::from_secs(3))?;
    anyhow::ensure!(!metadata.brokers().is_empty(), "no broker is registered yet");
    Ok(())
}

/// Creates topics that are not there, and waits until each partition has a leader.
///
/// # Errors
/// When the broker refuses or does not answer.
pub async fn create_topics(brokers: &str, topics: &[Topic<'_>]) -> anyhow::Result<()> {
    let admin: AdminClient<DefaultClientContext> = client(brokers).create()?;
    let retentions: Vec<String> =
        topics.iter().map(|topic| (topic.retention_hours * 3_600_000).to_string()).collect();
    let max_bytes = MAX_MESSAGE_BYTES.to_string();
    let wanted: Vec<NewTopic<'_>> = topics
        .iter()
        .zip(&retentions)
        .map(|(topic, retention)| {
            NewTopic::new(topic.name, topic.n_partitions, TopicReplication::Fixed(1))
                .set("retention.ms", retention)
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
