//! Responses of the search.

use serde::Serialize;
use utoipa::ToSchema;

/// Something that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SearchHitResponse {
    /// `prospect`, `order`, `user`, `team`, `campaign`, `source`, `partner` or `ad account`.
    pub kind: &'static str,
    pub id: String,
    pub name: String,
    /// Path of its page.
    pub path: String,
    /// Whether the text is its id or its tracking key.
    pub is_exact: bool,
}
