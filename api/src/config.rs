//! The configuration of all subcommands, one struct per concern. A subcommand requires the sections
//! that it needs (`require_*`). All given values are validated, even unused ones.

use std::net::SocketAddr;

use axum::http::Uri;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use sluice_runtime::config::{ConfigError, Secret, Validate};
use sluice_runtime::ops::OpsConfig;

/// The minimum length of a signing secret, in bytes: the output length of SHA-256.
const MIN_SECRET_BYTES: usize = 32;

/// The configuration of the API and the pages.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    pub http: HttpConfig,
    pub postgres: PostgresConfig,
    pub clickhouse: ClickhouseConfig,
    pub edge: EdgeConfig,
    pub kafka: KafkaConfig,
    pub auth: AuthConfig,
    pub system: SystemConfig,
    pub ops: OpsConfig<9100>,
}

/// The public port.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HttpConfig {
    /// Serves the API and the pages here.
    pub listen: SocketAddr,
    /// Networks of the proxies whose `X-Forwarded-For`, or else `Forwarded`, and
    /// `X-Forwarded-Proto` are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Open connections of all clients. Further ones are closed at once.
    pub max_connections: u32,
    /// Open connections of one address, except of a trusted proxy; 0 is no limit.
    pub max_connections_by_address: u32,
    /// Requests of one address within a minute, after which it gets 429; 0 is no limit. An office,
    /// or a server that sends orders, is one address.
    pub requests_per_minute_by_address: u32,
    /// Requests of one login or API token within a minute; 0 is no limit.
    pub requests_per_minute_by_token: u32,
}

/// The Postgres database of people, teams, campaigns and funds.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PostgresConfig {
    /// Address of the database. For example `postgres://user:password@host:5432/database`.
    pub url: Secret,
    /// Connections to the database.
    pub max_connections: u32,
}

/// The ClickHouse server with events and reports.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClickhouseConfig {
    /// Address of its HTTP interface, with `http://`. Required to serve and to migrate.
    pub url: String,
    /// Database with Sluice's tables.
    pub database: String,
    /// User who reads, and who migrates.
    pub user: String,
    /// Password of `user`.
    pub password: Secret,
}

/// The edge that receives events.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EdgeConfig {
    /// Listener of the edge that trusts this service as a proxy. Events that are created through
    /// the API are forwarded there. Required to serve.
    pub url: String,
    /// Address of the edge for landing pages, shown in snippets. Empty means `url`.
    pub public_url: String,
}

/// The Kafka cluster that edits and deletions are sent to.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KafkaConfig {
    /// Brokers as `host:port`, separated by commas.
    pub brokers: String,
    /// Topic of edits and deletions.
    pub changes_topic: String,
    /// Topic of events, whose lag `/system/` shows.
    pub events_topic: String,
    /// Topic of the events that were just stored, which `/live/` shows. Empty means that the page
    /// only has a list.
    pub live_topic: String,
    /// Consumer group for events, whose lag `/system/` shows. The group for changes is called the
    /// same with `-changes` at the end.
    pub group: String,
}

/// The other services, for `/system/` to ask how they are.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SystemConfig {
    /// Operators' ports (`ops.listen`) of all edges. For example `["http://10.0.0.5:9180"]`. Empty
    /// means that `/system/` does not show them.
    pub edges: Vec<String>,
    /// Operators' ports (`ops.listen`) of all consumers. For example `["http://10.0.0.6:9190"]`.
    /// Empty means that `/system/` does not show them.
    pub consumers: Vec<String>,
}

impl Default for KafkaConfig {
    fn default() -> Self {
        Self {
            brokers: "127.0.0.1:19092".to_owned(),
            changes_topic: sluice_schemas::topics::CHANGES.to_owned(),
            events_topic: sluice_schemas::topics::EVENTS.to_owned(),
            live_topic: sluice_schemas::topics::LIVE.to_owned(),
            group: "sluice-consumer".to_owned(),
        }
    }
}

/// Accounts, logins and their limits.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuthConfig {
    /// Signs access tokens and form tokens. At least 32 bytes. Required to serve.
    pub secret: Secret,
    /// Former values of `secret` that access tokens may still be signed with, so that a new one
    /// logs nobody out.
    pub previous_secrets: Vec<Secret>,
    /// New accounts without an Owner: `open` makes an active Buyer, `approval` waits for an Owner,
    /// `closed` allows none.
    pub registration: Registration,
    /// Lifetime of an access token.
    pub access_minutes: u32,
    /// Lifetime of a refresh token that is not used.
    pub refresh_days: u32,
    /// Lifetime of a browser's session.
    pub session_days: u32,
    /// Wrong passwords of one address for one account within a minute, after which it must wait.
    pub wrong_passwords_per_minute: u32,
    /// Registrations from one address within a minute.
    pub registrations_per_minute: u32,
}

/// The mode of registration without an Owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Registration {
    /// Everybody can register, as an active Buyer without a team.
    Open,
    /// Everybody can register, and an Owner must approve the account.
    Approval,
    /// Nobody can register.
    Closed,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8000)),
            trusted_proxies: Vec::new(),
            max_connections: 10_000,
            // Hundreds of people in one office, each with the six connections of a browser.
            max_connections_by_address: 2_000,
            // 2,000 and 1,000 a second: far more than people and their programs ask, so that only
            // a runaway script or an attack gets to know it.
            requests_per_minute_by_address: 120_000,
            requests_per_minute_by_token: 60_000,
        }
    }
}

impl Default for PostgresConfig {
    fn default() -> Self {
        Self { url: Secret::default(), max_connections: 16 }
    }
}

impl Default for ClickhouseConfig {
    fn default() -> Self {
        Self {
            url: String::new(),
            database: "sluice".to_owned(),
            user: "default".to_owned(),
            password: Secret::default(),
        }
    }
}

impl Default for AuthConfig {
    fn default() -> Self {
        Self {
            secret: Secret::default(),
            previous_secrets: Vec::new(),
            registration: Registration::Approval,
            access_minutes: 15,
            refresh_days: 30,
            session_days: 14,
            wrong_passwords_per_minute: 15,
            registrations_per_minute: 120,
        }
    }
}

impl Config {
    /// # Errors
    /// Fails if the Postgres URL is missing.
    pub fn require_postgres(&self) -> Result<(), ConfigError> {
        required("postgres.url", self.postgres.url.expose())
    }

    /// # Errors
    /// Fails if the ClickHouse URL is missing.
    pub fn require_clickhouse(&self) -> Result<(), ConfigError> {
        required("clickhouse.url", &self.clickhouse.url)
    }

    /// # Errors
    /// Names the first missing key that `serve` needs.
    pub fn require_serve(&self) -> Result<(), ConfigError> {
        self.require_postgres()?;
        self.require_clickhouse()?;
        required("edge.url", &self.edge.url)?;
        required("kafka.brokers", &self.kafka.brokers)?;
        required("auth.secret", self.auth.secret.expose())
    }
}

impl EdgeConfig {
    /// Returns the URL of the edge for landing pages, without a slash at the end.
    #[must_use]
    pub fn public_base(&self) -> &str {
        let url = if self.public_url.is_empty() { &self.url } else { &self.public_url };
        url.trim_end_matches('/')
    }
}

impl Validate for Config {
    fn validate(&self) -> Result<(), ConfigError> {
        let postgres = self.postgres.url.expose();
        let is_postgres = postgres.starts_with("postgres://") || postgres.starts_with("postgresql://");
        let is_readable = is_postgres && postgres.parse::<sqlx::postgres::PgConnectOptions>().is_ok();
        if !postgres.is_empty() && !is_readable {
            return Err(ConfigError::new(
                "postgres.url",
                "must be postgres://user:password@host:port/database",
            ));
        }
        positive("http.max_connections", self.http.max_connections)?;
        positive("postgres.max_connections", self.postgres.max_connections)?;
        check_url("clickhouse.url", &self.clickhouse.url, &["http"])?;
        let name = &self.clickhouse.database;
        if name.is_empty() || !name.chars().all(|ch| ch.is_ascii_alphanumeric() || ch == '_') {
            return Err(ConfigError::new("clickhouse.database", "must be letters, digits and underscores"));
        }
        check_url("edge.url", &self.edge.url, &["http"])?;
        check_url("edge.public_url", &self.edge.public_url, &["http", "https"])?;
        for (key, urls) in
            [("system.edges", &self.system.edges), ("system.consumers", &self.system.consumers)]
        {
            for url in urls {
                required(key, url)?;
                check_url(key, url, &["http"])?;
            }
        }
        let secret = self.auth.secret.expose();
        if !secret.is_empty() && secret.len() < MIN_SECRET_BYTES {
            return Err(ConfigError::new("auth.secret", "must have at least 32 bytes"));
        }
        if self.auth.previous_secrets.iter().any(|secret| secret.expose().len() < MIN_SECRET_BYTES) {
            return Err(ConfigError::new("auth.previous_secrets", "must each have at least 32 bytes"));
        }
        positive("auth.access_minutes", self.auth.access_minutes)?;
        positive("auth.refresh_days", self.auth.refresh_days)?;
        positive("auth.session_days", self.auth.session_days)?;
        positive("auth.wrong_passwords_per_minute", self.auth.wrong_passwords_per_minute)?;
        positive("auth.registrations_per_minute", self.auth.registrations_per_minute)
    }
}

fn required(key: &str, value: &str) -> Result<(), ConfigError> {
    if value.is_empty() { Err(ConfigError::new(key, "is required")) } else { Ok(()) }
}

fn positive(key: &str, value: u32) -> Result<(), ConfigError> {
    if value == 0 { Err(ConfigError::new(key, "must be over 0")) } else { Ok(()) }
}

fn check_url(key: &str, value: &str, schemes: &[&str]) -> Result<(), ConfigError> {
    if value.is_empty() {
        return Ok(());
    }
    let known = value.parse::<Uri>().is_ok_and(|uri| {
        uri.authority().is_some()
            && uri.query().is_none()
            // A password in a URL would be in the log of the start.
            && uri.authority().is_none_or(|authority| !authority.as_str().contains('@'))
            && uri.scheme_str().is_some_and(|scheme| schemes.contains(&scheme))
    });
    if known {
        Ok(())
    } else {
        Err(ConfigError::new(
            key,
            format!("must be a URL that begins with {}://, without a user", schemes.join(":// or ")),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key_of(change: impl Fn(&mut Config)) -> Option<String> {
        let mut config = Config::default();
        change(&mut config);
        config.validate().err().map(|error| error.key)
    }

    #[test]
    fn the_defaults_are_valid_and_what_serve_needs_is_asked_for() {
        let mut config = Config::default();
        assert_eq!(config.validate(), Ok(()));
        assert_eq!(config.require_serve().unwrap_err().key, "postgres.url");
        config.postgres.url = Secret::new("postgres://sluice@localhost/sluice");
        assert_eq!(config.require_serve().unwrap_err().key, "clickhouse.url");
        config.clickhouse.url = "http://localhost:8123".to_owned();
        assert_eq!(config.require_serve().unwrap_err().key, "edge.url");
        config.edge.url = "http://localhost:8082/".to_owned();
        assert_eq!(config.require_serve().unwrap_err().key, "auth.secret");
        assert_eq!(config.edge.public_base(), "http://localhost:8082");
    }

    #[test]
    fn a_bad_value_names_its_key() {
        assert_eq!(
            key_of(|config| config.postgres.url = Secret::new("mysql:/")).as_deref(),
            Some("postgres.url")
        );
        assert_eq!(
            key_of(|config| config.clickhouse.url = "localhost".to_owned()).as_deref(),
            Some("clickhouse.url")
        );
        assert_eq!(
            key_of(|config| config.clickhouse.database = "a;b".to_owned()).as_deref(),
            Some("clickhouse.database")
        );
        assert_eq!(key_of(|config| config.edge.url = "https://edge".to_owned()).as_deref(), Some("edge.url"));
        assert_eq!(
            key_of(|config| config.auth.secret = Secret::new("short")).as_deref(),
            Some("auth.secret")
        );
        assert_eq!(
            key_of(|config| config.auth.previous_secrets = vec![Secret::new("short")]).as_deref(),
            Some("auth.previous_secrets")
        );
        assert_eq!(
            key_of(|config| config.clickhouse.url = "http://user:secret@localhost".to_owned()).as_deref(),
            Some("clickhouse.url")
        );
        assert_eq!(
            key_of(|config| config.edge.url = "http://user@edge".to_owned()).as_deref(),
            Some("edge.url")
        );
        assert_eq!(
            key_of(|config| config.system.edges = vec!["10.0.0.5:9180".to_owned()]).as_deref(),
            Some("system.edges")
        );
        assert_eq!(
            key_of(|config| config.system.consumers = vec![String::new()]).as_deref(),
            Some("system.consumers")
        );
        assert_eq!(key_of(|config| config.auth.access_minutes = 0).as_deref(), Some("auth.access_minutes"));
    }
}
