//! A client of the API in this process, logged in as one or another person of the demo.

use std::collections::HashMap;
use std::net::SocketAddr;

use anyhow::Context as _;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{Method, Request};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_body_util::BodyExt as _;
use prometheus_client::registry::Registry;
use serde_json::{Value, json};
use sluice_runtime::clock::Clock;
use sluice_runtime::config::Secret;
use sluice_runtime::ops::Readiness;
use tokio::sync::Mutex;
use tower::ServiceExt as _;

use crate::config::Config;
use crate::db::sessions::LoginOrigin;
use crate::db::users;
use crate::http::auth::random_secret;
use crate::http::auth::token::Pair;
use crate::http::health;
use crate::http::middleware::Service;
use crate::http::state::App;
use crate::metrics::Metrics;
use crate::routes;

/// The API in this process.
pub(super) struct Api {
    app: App,
    service: Service,
    logins: Mutex<HashMap<String, Pair>>,
}

impl Api {
    /// Builds the API. Its tokens are valid in this process only, since the secret is random.
    pub(super) fn new(config: &Config) -> anyhow::Result<Self> {
        let mut config = config.clone();
        config.auth.secret = Secret::new(STANDARD.encode(random_secret()));
        // Nothing is sent to the edge. The commands of the demo do not need its address.
        if config.edge.url.is_empty() {
            config.edge.url = "http://127.0.0.1:8082".to_owned();
        }
        let metrics = Metrics::register(&mut Registry::default());
        let app = App::new(config, Clock::System, Readiness::starting(&health::PARTS), metrics)?;
        Ok(Self { service: routes::build(&app), app, logins: Mutex::default() })
    }

    /// Sends a POST request as this user, and returns the body of the response.
    ///
    /// # Errors
    /// Fails if the API refuses, with its answer.
    pub(super) async fn post(&self, username: &str, path: &str, body: &Value) -> anyhow::Result<Value> {
        let token = self.token(username).await?;
        self.send(Method::POST, path, Some(&token), body).await
    }

    /// Like [`Api::post`], but returns the id of what was created.
    pub(super) async fn create(&self, username: &str, path: &str, body: &Value) -> anyhow::Result<i64> {
        let made = self.post(username, path, body).await?;
        made["id"].as_i64().with_context(|| format!("{path} answered without an id"))
    }

    /// Reads something as this user.
    pub(super) async fn get(&self, username: &str, path: &str) -> anyhow::Result<Value> {
        let token = self.token(username).await?;
        self.send(Method::GET, path, Some(&token), &Value::Null).await
    }

    /// Ends all logins of this client.
    pub(super) async fn log_out(&self) -> anyhow::Result<()> {
        for (_, pair) in self.logins.lock().await.drain() {
            let body = json!({"refresh_token": pair.refresh});
            self.send(Method::POST, "/api/users/logout/", Some(&pair.access), &body).await?;
        }
        Ok(())
    }

    /// Logs a user in, once. No password is needed: whoever runs this command can write into the
    /// database.
    async fn token(&self, username: &str) -> anyhow::Result<String> {
        let mut logins = self.logins.lock().await;
        if let Some(pair) = logins.get(username) {
            return Ok(pair.access.clone());
        }
        let user = users::find_login(&self.app.postgres, username).await.context("postgres")?;
        let user = user.with_context(|| format!("there is no user {username}"))?;
        let origin = LoginOrigin { address: String::new(), agent: "sluice-api demo create".to_owned() };
        let pair = self.app.tokens.begin(&self.app.postgres, &user, &origin).await;
        let pair = pair.map_err(|error| anyhow::anyhow!("{username} cannot log in: {error:?}"))?;
        let token = pair.access.clone();
        logins.insert(username.to_owned(), pair);
        Ok(token)
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: &Value,
    ) -> anyhow::Result<Value> {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let mut request = request.header(CONTENT_TYPE, "application/json").body(Body::from(text))?;
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 0))));
        let response = self.service.clone().oneshot(request).await.unwrap_or_else(|never| match never {});
        let status = response.status();
        let bytes = response.into_body().collect().await?.to_bytes();
        anyhow::ensure!(status.is_success(), "{path} answered {status}: {}", String::from_utf8_lossy(&bytes));
        if bytes.is_empty() { Ok(Value::Null) } else { Ok(serde_json::from_slice(&bytes)?) }
    }
}
