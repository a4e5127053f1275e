//! The properties of Kafka clients that more than one program needs. A program sets the others
//! itself.

use rdkafka::config::ClientConfig;

/// Returns the properties of every client: the brokers, the name under which they see the client,
/// and a reconnection within two seconds of the end of an outage.
#[must_use]
pub fn client(brokers: &str, name: &str) -> ClientConfig {
    let mut client = ClientConfig::new();
    client
        .set("bootstrap.servers", brokers)
        .set("client.id", name)
        .set("reconnect.backoff.max.ms", "2000")
        .set("socket.keepalive.enable", "true");
    client
}

/// Returns the properties of a producer whose records are on every in-sync replica once they are
/// acknowledged, each of them once and in order. It sends a record at once.
#[must_use]
pub fn producer(brokers: &str, name: &str) -> ClientConfig {
    let mut client = client(brokers, name);
    client.set("enable.idempotence", "true").set("acks", "all").set("linger.ms", "0");
    client
}

/// Returns the properties of a consumer that commits offsets only when the program says so.
#[must_use]
pub fn consumer(brokers: &str, name: &str, group: &str) -> ClientConfig {
    let mut client = client(brokers, name);
    client.set("group.id", group).set("enable.auto.commit", "false").set("enable.auto.offset.store", "false");
    client
}
