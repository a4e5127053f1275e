//! Names of buyers, for lists of prospects and orders.

use std::collections::HashMap;

use crate::db::users;
use crate::http::error::ApiError;
use crate::http::state::App;
use crate::pages::format;

/// Returns the usernames of the users with these ids. Zeros are skipped.
pub async fn names_of(
    app: &App,
    ids: impl IntoIterator<Item = u64>,
) -> Result<HashMap<i64, String>, ApiError> {
    let mut ids: Vec<i64> =
        ids.into_iter().filter(|id| *id != 0).filter_map(|id| i64::try_from(id).ok()).collect();
    ids.sort_unstable();
    ids.dedup();
    Ok(users::usernames(&app.postgres, &ids).await?)
}

/// Formats the user of an event: the username, `#id` if unknown, or [`format::NONE`] for id 0.
#[must_use]
pub fn user_name(id: u64, names: &HashMap<i64, String>) -> String {
    if id == 0 {
        return format::NONE.to_owned();
    }
    i64::try_from(id).ok().and_then(|key| names.get(&key).cloned()).unwrap_or_else(|| format!("#{id}"))
}
