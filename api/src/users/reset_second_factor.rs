//! `POST /api/users/<id>/reset-second-factor/`: an Owner turns off the second factor of a user who
//! lost their app and their recovery codes.

use axum::extract::State;
use axum::http::StatusCode;

use crate::db::audit::{Diff, record};
use crate::db::users::Visible;
use crate::db::{second_factors, sessions, time_of, users};
use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::openapi::RemoveErrors;
use crate::http::state::App;
use crate::policy::Resource;

/// Turn off a user's second factor
///
/// Ends all logins of the user. Does nothing if it is off. Owners cannot reset their own: turning
/// it off needs a code. 403 with an API token.
#[utoipa::path(
    post, path = "/api/users/{id}/reset-second-factor/", tag = "users", params(("id" = i64, Path)),
    responses((status = 204, description = "Off"), RemoveErrors),
    security(("bearer" = [])),
)]
pub async fn reset_second_factor(State(app): State<App>, call: Call) -> Result<StatusCode, ApiError> {
    let visible = Visible::of(&call.allowed.viewer, call.allowed.grant.scope);
    let mut transaction = call.allowed.begin_locking_user(&app, call.id).await?;
    let row = users::find(&mut *transaction, call.id, visible).await?.ok_or_else(ApiError::not_found)?;
    call.check_version(row.version)?;
    if call.id == call.allowed.viewer.id {
        let message = "Turn off your own second factor in your account. It needs a code.";
        return Err(ApiError::conflict(message));
    }
    if second_factors::turn_off(&mut transaction, call.id).await? {
        let now = time_of(&app.clock);
        // Whoever has the lost device may be logged in there.
        sessions::revoke_others(&mut transaction, call.id, None, now, "reset-second-factor").await?;
        let diff = Diff::default();
        record(&mut transaction, &call.actor, "reset-second-factor", Resource::Users, call.id, diff).await?;
    }
    transaction.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
