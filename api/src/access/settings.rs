//! `GET /api/settings/list/`: the configuration of this service, without secrets. Only its file and
//! its environment change it.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::Response;
use serde_json::Value;

use crate::access::model::SettingResponse;
use crate::config::Config;
use crate::http::error::ApiError;
use crate::http::openapi::ListErrors;
use crate::http::paging::{Listing, Page};
use crate::http::query::text_cursor;
use crate::http::state::App;
use crate::http::typed_query::{Limit, Search, TextCursor, query};

query! {
    /// The parameters of the list of settings.
    pub struct ListSettingsQuery {
        /// The maximum number of items.
        pub limit: Limit,
        /// From the `Link` header of the previous page.
        pub cursor: TextCursor,
        /// Part of a key or of a value.
        pub q: Search,
    }
}

/// List the settings of the service
///
/// For Owners. They are configured in a file and in the environment. Secrets are not shown.
#[utoipa::path(
    get, path = "/api/settings/list/", tag = "access", params(ListSettingsQuery),
    responses((status = 200, description = "Settings by key", body = Vec<SettingResponse>), ListErrors),
    security(("bearer" = [])),
)]
pub async fn list_settings(State(app): State<App>, listing: Listing) -> Result<Response, ApiError> {
    let mut params = listing.params();
    let query = ListSettingsQuery::read(&mut params);
    let (Limit(limit), TextCursor(after), q) = (query.limit, query.cursor, query.q.0.to_lowercase());
    params.finish()?;
    let mut settings = settings(&app.config)?;
    settings.retain(|setting| {
        let is_found = setting.key.contains(&q) || setting.value.to_lowercase().contains(&q);
        is_found && after.as_ref().is_none_or(|after| setting.key > *after)
    });
    Ok(listing.answer(&Page::of(settings, limit, |setting| text_cursor(&setting.key))))
}

/// Returns the settings by key.
fn settings(config: &Config) -> Result<Vec<SettingResponse>, ApiError> {
    let read = |config: &Config| -> Result<BTreeMap<String, String>, ApiError> {
        let mut leaves = BTreeMap::new();
        let value = serde_json::to_value(config).map_err(|error| ApiError::internal(&error))?;
        flatten("", &value, &mut leaves);
        Ok(leaves)
    };
    let mut defaults = read(&Config::default())?;
    let setting = |(key, value): (String, String)| {
        let default = defaults.remove(&key).unwrap_or_default();
        SettingResponse { is_default: value == default, key, value, default }
    };
    Ok(read(config)?.into_iter().map(setting).collect())
}

fn flatten(key: &str, value: &Value, leaves: &mut BTreeMap<String, String>) {
    let text = match value {
        Value::Object(map) => {
            for (name, value) in map {
                let key = if key.is_empty() { name.clone() } else { format!("{key}.{name}") };
                flatten(&key, value, leaves);
            }
            return;
        }
        Value::Null => String::new(),
        Value::String(text) => without_password(text),
        other => other.to_string(),
    };
    leaves.insert(key.to_owned(), text);
}

/// Hides what stands before the host of a URL.
fn without_password(text: &str) -> String {
    let hidden = text.split_once("://").and_then(|(scheme, rest)| {
        let (_, host) = rest.rsplit_once('@')?;
        Some(format!("{scheme}://[redacted]@{host}"))
    });
    hidden.unwrap_or_else(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use sluice_runtime::config::Secret;

    use super::*;

    #[test]
    fn every_key_has_its_value_and_no_secret_is_shown() {
        let mut config = Config::default();
        config.auth.secret = Secret::new("a secret that nobody sees");
        config.clickhouse.url = "http://user:pass@host:8123/".to_owned();
        let settings = settings(&config).unwrap();
        let find = |key: &str| settings.iter().find(|setting| setting.key == key).unwrap().clone();
        assert_eq!(find("auth.secret").value, "[redacted]");
        assert!(!find("auth.secret").is_default && find("auth.session_days").is_default);
        assert_eq!(find("clickhouse.url").value, "http://[redacted]@host:8123/");
        assert_eq!(find("http.trusted_proxies").value, "[]");
        assert!(settings.windows(2).all(|pair| pair[0].key < pair[1].key) && settings.len() > 20);
        let all = format!("{settings:?}");
        assert!(!all.contains("nobody sees") && !all.contains("pass@"), "{all}");
    }
}
