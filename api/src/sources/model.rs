//! Requests and responses of sources.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use crate::db::sources::{NewSource, SourceRow};
use crate::http::fields::types::Text;
use crate::http::json_values;
use crate::http::request::{patch, request};
use crate::sources::rules::{ClickIdParam, Macros};

/// A traffic source: a network where visits are bought.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SourceResponse {
    pub id: i64,
    pub name: String,
    /// The parameter with which the network adds its click id to the URL of a landing page. Empty
    /// if it adds none.
    pub click_id_param: String,
    /// Macros of the network by parameter of the pixel.
    pub macros: BTreeMap<String, String>,
    /// Only in lists of deleted sources.
    #[schema(format = DateTime)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archived_at: Option<String>,
}

impl From<SourceRow> for SourceResponse {
    fn from(row: SourceRow) -> Self {
        Self {
            id: row.id,
            name: row.name,
            click_id_param: row.click_id_param,
            macros: row.macros.0,
            archived_at: json_values::optional_time(row.archived_at),
        }
    }
}

request! {
    /// A new traffic source. In a form, `macros` is the text of a JSON object.
    pub struct CreateSourceRequest {
        /// Up to 100 characters, unique regardless of case.
        pub name: Text<100>,
        /// The parameter with which the network adds its click id to the URL of a landing page, for
        /// example `gclid`.
        pub click_id_param: ClickIdParam,
        /// Macros of the network by parameter of the pixel, at most 100. Example:
        /// `{"sub1": "{adgroupid}"}`.
        pub macros: Macros,
    }
}

patch! {
    /// Changes of a traffic source. Omitted fields keep their values.
    pub struct UpdateSourceRequest of CreateSourceRequest;
}

impl From<CreateSourceRequest> for NewSource {
    fn from(request: CreateSourceRequest) -> Self {
        Self { name: request.name.0, click_id_param: request.click_id_param.0, macros: request.macros.0 }
    }
}
