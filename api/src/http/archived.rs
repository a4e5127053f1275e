//! The parameter `archived` of lists: the deleted things, which can be restored. Only viewers who
//! may delete such things may list them.

use crate::http::allowed::Allowed;
use crate::http::error::ApiError;
use crate::http::query::Params;
use crate::http::typed_query::query;
use crate::policy::{self, Action, Resource, Scope};

query! {
    /// The parameter of lists of things that can be restored.
    pub struct ArchivedQuery {
        /// `true`: only deleted ones, with `archived_at`. 403 for viewers who may not delete them.
        pub archived: Option<bool>,
    }
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
    if ArchivedQuery::read(params).archived != Some(true) {
        return Ok(Part { is_archived: false, scope: allowed.grant.scope });
    }
    let grant = policy::decide(allowed.viewer.position, Action::Delete, resource);
    let scope = grant.ok_or_else(ApiError::forbidden)?.scope;
    Ok(Part { is_archived: true, scope })
}
