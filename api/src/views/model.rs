//! Requests and responses of views.

use form_urlencoded::{Serializer, parse};
use serde::Serialize;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;
use utoipa::{PartialSchema as _, ToSchema};

use crate::db::report_views::{NewReportView, ReportViewRow};
use crate::http::error::{ApiError, FieldErrors};
use crate::http::fields::Fields;
use crate::http::fields::types::Text;
use crate::http::request::{Field, patch, request};
use crate::http::server_error::constraint_to_field;
use crate::policy::{Action, Position, Resource, decide};

/// The most views of one user.
pub const MAX_VIEWS: i64 = 50;
const MAX_QUERY_BYTES: usize = 8192;

/// A saved report.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ViewResponse {
    pub id: i64,
    pub name: String,
    /// The query of the report, for `/api/reports/` and `/reports/`.
    pub query: String,
    /// Whether everybody sees it.
    pub is_published: bool,
    /// Whether it is the caller's start on `/reports/`.
    pub is_starred: bool,
    /// Whether it is the caller's own.
    pub is_own: bool,
    /// Username of its owner.
    pub username: String,
}

impl ViewResponse {
    /// Describes a view to a user.
    #[must_use]
    pub fn of(row: ReportViewRow, user_id: i64) -> Self {
        Self {
            id: row.id,
            name: row.name,
            query: row.query,
            is_published: row.is_published,
            is_starred: row.is_starred,
            is_own: row.user_id == user_id,
            username: row.username,
        }
    }
}

/// The query of a report without empty parameters and without a cursor.
#[derive(Debug, Clone, Default)]
pub struct ReportQuery(pub String);

impl Field for ReportQuery {
    const IS_REQUIRED: bool = false;

    fn read(fields: &mut Fields, name: &str) -> Option<Self> {
        let text = fields.optional_text(name, MAX_QUERY_BYTES);
        if text.contains('\0') || text.to_lowercase().contains("%00") {
            fields.fail(name, "Null characters are not allowed.");
        }
        let mut query = Serializer::new(String::new());
        let pairs = parse(text.trim_start_matches('?').as_bytes());
        query.extend_pairs(
            pairs.filter(|(name, value)| !value.is_empty() && name != "cursor" && name != "view"),
        );
        Some(Self(query.finish()))
    }

    fn schema() -> RefOr<Schema> {
        String::schema()
    }
}

request! {
    /// A new view.
    pub struct CreateViewRequest {
        /// Up to 100 characters, unique among the caller's views regardless of case.
        pub name: Text<100>,
        /// The query of the report, at most 8192 bytes. A view without dates shows those that are
        /// chosen when it is opened.
        pub query: ReportQuery,
        /// Shows the view to everybody. Only Owners may publish.
        pub is_published: Option<bool>,
    }
}

patch! {
    /// Changes of a view. Omitted fields keep their values.
    pub struct UpdateViewRequest of CreateViewRequest;
}

impl CreateViewRequest {
    /// Makes the view, unless it is to be published by somebody who may not.
    ///
    /// # Errors
    /// 400 for a view that the caller may not publish.
    pub fn permitted(self, position: Position) -> Result<NewReportView, ApiError> {
        let is_published = self.is_published.unwrap_or_default();
        if is_published && decide(position, Action::Create, Resource::Figures).is_none() {
            let message = vec!["Only Owners may publish views.".to_owned()];
            return Err(ApiError::fields(FieldErrors::from([("is_published".to_owned(), message)])));
        }
        Ok(NewReportView { name: self.name.0, query: self.query.0, is_published })
    }
}

/// Maps violated constraints to errors of fields.
pub(super) fn constraint_error(error: sqlx::Error) -> ApiError {
    use crate::db::report_views::NAME_UNIQUE;
    constraint_to_field(error, &[(NAME_UNIQUE, "name", "You have a view with this name already.")])
}
