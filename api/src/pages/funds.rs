//! `/funds/`: sends each viewer to the requests that matter to them.

use axum::response::Redirect;

use crate::http::allowed::Allowed;
use crate::policy::Position;

/// `GET /funds/`.
pub async fn show_funds(allowed: Allowed) -> Redirect {
    let filter = match allowed.viewer.position {
        Position::TeamLead => "?status=open",
        Position::FundsCoordinator => "?status=approved",
        Position::Buyer | Position::Owner => "",
    };
    Redirect::to(&format!("/funds/requests/{filter}"))
}
