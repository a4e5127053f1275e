//! The user to whom a visit belongs.

use crate::db::users;
use crate::http::error::ApiError;
use crate::http::fields::keys::Key;
use crate::http::state::App;

/// The id of the user that a request names; `None` when it names nobody.
///
/// # Errors
/// 400 for a `user_id` that nobody has.
pub(super) async fn find_user(app: &App, key: Option<Key>) -> Result<Option<i64>, ApiError> {
    match key {
        None => Ok(None),
        Some(Key { id: Some(id), .. }) if users::exists(&app.postgres, id).await? => Ok(Some(id)),
        Some(key) => Err(ApiError::field("user_id", key.no_such())),
    }
}
