//! `POST /api/campaigns/<id>/rotate-key/` and `…/revoke-key/`.
//!
//! Invariant: a campaign that is not deleted has a key that does not expire. A rotation makes a new
//! one, and so does the revocation of the last one.

use axum::extract::State;
use axum::response::Response;
use serde_json::json;
use sqlx::PgConnection;

use crate::campaigns::model::{CampaignResponse, RevokeCampaignKeyRequest, RotateCampaignKeyRequest};
use crate::campaigns::rules::is_in_scope;
use crate::db::audit::Diff;
use crate::db::campaigns::{self, CampaignRow};
use crate::db::tracking_keys::{self, KeyRow};
use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::openapi::ChangeErrors;
use crate::http::precondition::versioned;
use crate::http::request::Body;
use crate::http::state::App;
use crate::http::transaction::Transaction;
use crate::policy::Resource;

/// Maximum number of valid keys of a campaign.
const MAX_VALID_KEYS: usize = 20;
/// Rotate a campaign's tracking key
///
/// Makes a new key. The other keys expire after the grace time. Replace them in landing pages by
/// then. 409 if the campaign has 20 valid keys.
#[utoipa::path(
    post, path = "/api/campaigns/{id}/rotate-key/", tag = "campaigns", params(("id" = i64, Path)),
    request_body = RotateCampaignKeyRequest,
    responses((status = 200, description = "The campaign with its new key", body = CampaignResponse), ChangeErrors),
    security(("bearer" = [])),
)]
pub async fn rotate_campaign_key(
    State(app): State<App>,
    call: Call,
    body: Body<RotateCampaignKeyRequest>,
) -> Result<Response, ApiError> {
    let mut transaction = call.allowed.begin(&app).await?;
    let row = lock_exclusive(&mut transaction, &call).await?;
    let hours = i32::try_from(body.checked()?.grace_hours.0).unwrap_or(0);
    if row.keys.iter().filter(|key| key.is_valid).count() >= MAX_VALID_KEYS {
        return Err(ApiError::conflict(format!("It has {MAX_VALID_KEYS} valid keys. Revoke some first.")));
    }
    tracking_keys::expire_all(&mut transaction, call.id, hours).await?;
    tracking_keys::insert(&mut transaction, call.id).await?;
    finish(&app, &call, transaction, &row, "rotate-key").await
}

/// Revoke a tracking key
///
/// The key expires at once: later events with it are parked. If no other key is left that does not
/// expire, a new key is made.
#[utoipa::path(
    post, path = "/api/campaigns/{id}/revoke-key/", tag = "campaigns", params(("id" = i64, Path)),
    request_body = RevokeCampaignKeyRequest,
    responses((status = 200, description = "The campaign without the key", body = CampaignResponse), ChangeErrors),
    security(("bearer" = [])),
)]
pub async fn revoke_campaign_key(
    State(app): State<App>,
    call: Call,
    body: Body<RevokeCampaignKeyRequest>,
) -> Result<Response, ApiError> {
    let mut transaction = call.allowed.begin(&app).await?;
    let row = lock_exclusive(&mut transaction, &call).await?;
    let sent = body.checked()?.key.to_lowercase();
    let found = row.keys.iter().find(|key| key.key == sent);
    let found = found.ok_or_else(|| ApiError::field("key", "The campaign has no such key."))?;
    if !found.is_valid {
        return Err(ApiError::field("key", "This key has ended already."));
    }
    tracking_keys::expire(&mut transaction, call.id, &found.key).await?;
    let stays = |key: &KeyRow| key.key != sent && key.expires_at.is_none();
    if !row.keys.iter().any(stays) {
        tracking_keys::insert(&mut transaction, call.id).await?;
    }
    finish(&app, &call, transaction, &row, "revoke-key").await
}

async fn lock_exclusive(connection: &mut PgConnection, call: &Call) -> Result<CampaignRow, ApiError> {
    call.allowed.lock_teams_shared(connection).await?;
    let row = campaigns::lock_exclusive(connection, call.id).await?;
    let row = row.filter(|row| is_in_scope(&call.allowed, row)).ok_or_else(ApiError::not_found)?;
    call.check_version(row.version)?;
    Ok(row)
}

async fn finish(
    app: &App,
    call: &Call,
    mut transaction: Transaction,
    before: &CampaignRow,
    verb: &str,
) -> Result<Response, ApiError> {
    campaigns::touch(&mut transaction, call.id).await?;
    let after = campaigns::find(&mut *transaction, call.id).await?.ok_or_else(ApiError::not_found)?;
    // Keys may be in the audit trail: they are public, since landing pages contain them.
    let valid = |row: &CampaignRow| {
        let keys: Vec<&str> =
            row.keys.iter().filter(|key| key.is_valid).map(|key| key.key.as_str()).collect();
        json!({ "valid_keys": keys })
    };
    let diff = Diff::updated(&valid(before), &valid(&after));
    call.record(&mut transaction, verb, Resource::Campaigns, diff).await?;
    transaction.answer(versioned(after.version, &CampaignResponse::new(&app.config.edge, &after))).await
}
