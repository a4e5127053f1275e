//! The parameter `archived` of lists: the deleted things, which can be restored. Only viewers who
//! may delete such things may list them.

use utoipa::IntoParams;

use crate::http::allowed::Allowed;
use crate::http::error::ApiError;
use crate::http::query::Params;
use crate::policy::{self, Action, Resource, Scope};

/// The parameter of lists of things that can be restored.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "describes the parameters in the OpenAPI document")]
pub struct ArchivedQuery {
    /// `true`: only deleted ones, with `archived_at`. 403 for viewers who may not delete them.
    archived: Option<bool>,
}

/// The part of a list that was requested, and the viewer's scope in it.
#[derive(Debug, Clone, Copy)]
pub struct Part {
    pub is_archived: bool,
    pub scope: Scope,
}

/// Reads `archived`.
///
/// # Errors
/// 403 if the viewer may not delete things of this resource.
pub fn read_part(params: &mut Params, allowed: &Allowed, resource: Resource) -> Result<Part, ApiError> {
    if params.choice("archived", &["", "true", "false"]) != "true" {
        return Ok(Part { is_archived: false, scope: allowed.grant.scope });
    }
    let grant = policy::decide(allowed.viewer.position, Action::Delete, resource);
    let scope = grant.ok_or_else(ApiError::forbidden)?.scope;
    Ok(Part { is_archived: true, scope })
}
