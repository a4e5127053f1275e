//! `/funds/`: sends each viewer to the requests that matter to them.

use axum::response::{IntoResponse as _, Redirect, Response};

use crate::http::allowed::Allowed;
use crate::http::page::PageError;
use crate::policy::Position;

/// `GET /funds/`.
///
/// # Errors
/// None.
pub async fn show_funds(allowed: Allowed) -> Result<Response, PageError> {
    let filter = match allowed.viewer.position {
        Position::TeamLead => "?status=open",
        Position::FundsCoordinator => "?status=approved",
        Position::Buyer | Position::Owner => "",
    };
    Ok(Redirect::to(&format!("/funds/requests/{filter}")).into_response())
}
