//! `POST /api/prospects/create/`: the seed's way, passed on to an edge. Only whether the buyer exists is asked here; the
//! edge asks nobody.

use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::body;
use crate::client::ClientInfo;
use crate::db::users;
use crate::error::ApiError;
use crate::fields::Fields;
use crate::openapi::CreateErrors;
use crate::state::App;

/// The edge's path.
pub const PATH: &str = "/api/prospects/create/";

/// A visit.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({
    "ip_address": "192.168.4.1", "user_agent": "Mozilla/5.0 (X11; Linux x86_64)", "referral_source": "example.com",
}))]
#[allow(dead_code, reason = "describes the body in the OpenAPI document; the edge reads it")]
pub struct CreateProspectRequest {
    ip_address: String,
    user_agent: String,
    referral_source: String,
    /// The buyer.
    user_id: Option<i64>,
}

/// What was taken, with its id.
#[derive(Debug, Serialize, ToSchema)]
#[allow(dead_code, reason = "describes the answer in the OpenAPI document; the edge makes it")]
pub struct CreatedProspectResponse {
    /// What an order names as its `prospect_id`.
    id: Uuid,
    ip_address: String,
    user_agent: String,
    referral_source: String,
    user_id: Option<i64>,
    #[schema(format = DateTime)]
    created_at: String,
}

/// Create a prospect
///
/// Answered when the event is kept; it is in the list seconds later.
#[utoipa::path(
    post, path = "/api/prospects/create/", tag = "prospects",
    request_body(content(
        (CreateProspectRequest = "application/json"),
        (CreateProspectRequest = "application/x-www-form-urlencoded"),
        (CreateProspectRequest = "multipart/form-data"),
    )),
    responses((status = 201, description = "Kept", body = CreatedProspectResponse), CreateErrors),
    security(()),
)]
pub async fn create_prospect(
    State(app): State<App>,
    client: ClientInfo,
    request: Request,
) -> Result<Response, ApiError> {
    let (method, headers) = (request.method().clone(), request.headers().clone());
    let body = body::whole(request, &app).await?;
    check_buyer(&app, &headers, &body).await?;
    app.edge.forward(&method, PATH, &headers, &client.address.to_string(), body).await
}

/// What a browser asks before it posts from another origin: the edge knows.
///
/// # Errors
/// 503 when the edge cannot be reached.
pub async fn preflight_prospect(
    State(app): State<App>,
    client: ClientInfo,
    request: Request,
) -> Result<Response, ApiError> {
    let address = client.address.to_string();
    app.edge.forward(request.method(), PATH, request.headers(), &address, Bytes::new()).await
}

async fn check_buyer(app: &App, headers: &HeaderMap, body: &Bytes) -> Result<(), ApiError> {
    // A body that cannot be read is the edge's to refuse.
    let Ok(fields) = body::read(headers, body.clone()).await else { return Ok(()) };
    check_user(app, &fields).await.map(drop)
}

/// The `user_id` that was sent, which names somebody or, when it is null or blank, nobody; `None` when none was sent.
///
/// # Errors
/// 400 for a `user_id` that nobody has.
pub async fn check_user(app: &App, fields: &Fields) -> Result<Option<Option<i64>>, ApiError> {
    let Some(value) = fields.get("user_id") else { return Ok(None) };
    match read_key(value)? {
        None => Ok(Some(None)),
        Some((Some(id), _)) if users::exists(&app.postgres, id).await? => Ok(Some(Some(id))),
        Some((_, shown)) => {
            Err(ApiError::field("user_id", format!("Invalid pk \"{shown}\" - object does not exist.")))
        }
    }
}

/// A key as it was sent: the id if it can be one, and its text. `None` when it was left open.
fn read_key(value: &Value) -> Result<Option<(Option<i64>, String)>, ApiError> {
    let wrong = |kind: &str| {
        let message = format!("Incorrect type. Expected pk value, received {kind}.");
        Err(ApiError::field("user_id", message))
    };
    match value {
        Value::Null => Ok(None),
        Value::String(text) if text.trim().is_empty() => Ok(None),
        Value::String(text) => {
            let text = text.trim();
            let digits = text.strip_prefix('-').unwrap_or(text);
            if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                return wrong("str");
            }
            Ok(Some((text.parse().ok(), text.to_owned())))
        }
        Value::Number(number) => read_number(number),
        Value::Bool(_) => wrong("bool"),
        Value::Array(_) => wrong("list"),
        Value::Object(_) => wrong("dict"),
    }
}

fn read_number(number: &Number) -> Result<Option<(Option<i64>, String)>, ApiError> {
    // A whole number beyond 64 bits reads as a fraction; it is as unknown as any.
    let is_whole = number.as_f64().is_none_or(|value| value.fract() == 0.0);
    if !is_whole {
        return Err(ApiError::field("user_id", "Incorrect type. Expected pk value, received float."));
    }
    Ok(Some((number.as_i64(), number.to_string())))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_are_read_as_the_seed_does() {
        assert_eq!(read_key(&json!(null)).unwrap(), None);
        assert_eq!(read_key(&json!("")).unwrap(), None);
        assert_eq!(read_key(&json!(7)).unwrap(), Some((Some(7), "7".to_owned())));
        assert_eq!(read_key(&json!("7")).unwrap(), Some((Some(7), "7".to_owned())));
        let huge: Value = serde_json::from_str("1000000000000000000000000000000").unwrap();
        assert_eq!(read_key(&huge).unwrap().unwrap().0, None);
        assert_eq!(read_key(&json!("99999999999999999999")).unwrap().unwrap().0, None);
        for wrong in [json!("abc"), json!(1.5), json!(true), json!([]), json!({})] {
            assert!(read_key(&wrong).is_err(), "{wrong}");
        }
    }
}
