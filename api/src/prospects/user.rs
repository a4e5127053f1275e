//! The buyer of a prospect.

use crate::db::users;
use crate::http::error::ApiError;
use crate::http::fields::keys::Key;
use crate::http::state::App;

/// Returns the id of the user whom a request names; `None` if it names nobody.
///
/// # Errors
/// 400 for an unknown `user_id`.
pub(super) async fn find_user(app: &App, key: Option<Key>) -> Result<Option<i64>, ApiError> {
    match key {
        None => Ok(None),
        Some(Key { id: Some(id), .. }) if users::exists(&app.postgres, id).await? => Ok(Some(id)),
        Some(key) => Err(ApiError::field("user_id", key.no_such())),
    }
}
