//! The errors of the API, in the shapes of the legacy CRM (Django REST framework).
//!
//! An internal error is logged once, here, with its chain. The response has no details. When a
//! server behind this one is down, the response is 503 with `Retry-After`.

use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::sync::Arc;

use axum::Json;
use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

/// The `Retry-After` when a server behind this one is down.
const RETRY_UNAVAILABLE_S: u64 = 2;

/// The `Retry-After` when an idempotency key is in use.
const RETRY_IN_USE_S: u64 = 1;

/// Field name → messages.
pub type FieldErrors = BTreeMap<String, Vec<String>>;

/// An error response.
#[derive(Debug, Clone)]
pub struct ApiError {
    status: StatusCode,
    body: Body,
    retry_after_s: Option<u64>,
}

/// The shapes of an error.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
enum Body {
    Detail(DetailResponse),
    Fields(FieldErrors),
    Account { message: &'static str, errors: FieldErrors },
}

/// `{"detail": …}`, the shape of most errors.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DetailResponse {
    /// A message in English.
    pub detail: String,
    /// A code for programs: `token_not_valid`, `user_inactive` and the like.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'static str>,
    /// The types that the token was tried as.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub messages: Vec<TokenMessage>,
}

/// The reason why an access token was rejected.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TokenMessage {
    pub token_class: &'static str,
    pub token_type: &'static str,
    pub message: &'static str,
}

impl ApiError {
    fn new(status: StatusCode, body: Body) -> Self {
        Self { status, body, retry_after_s: None }
    }

    fn detail(status: StatusCode, detail: impl Into<String>) -> Self {
        let body = DetailResponse { detail: detail.into(), code: None, messages: Vec::new() };
        Self::new(status, Body::Detail(body))
    }

    fn unauthorized(detail: &str, code: &'static str, messages: Vec<TokenMessage>) -> Self {
        let body = DetailResponse { detail: detail.to_owned(), code: Some(code), messages };
        Self::new(StatusCode::UNAUTHORIZED, Body::Detail(body))
    }

    /// 400 with messages by field.
    #[must_use]
    pub fn fields(errors: FieldErrors) -> Self {
        Self::new(StatusCode::BAD_REQUEST, Body::Fields(errors))
    }

    /// 400 with a message for one field.
    #[must_use]
    pub fn field(name: &str, message: impl Into<String>) -> Self {
        Self::fields(FieldErrors::from([(name.to_owned(), vec![message.into()])]))
    }

    /// Changes errors of fields to the shape of the legacy CRM's account endpoints.
    #[must_use]
    pub fn in_account_shape(self) -> Self {
        match self.body {
            Body::Fields(errors) => Self::bad_request(errors),
            _ => self,
        }
    }

    /// 400 in the shape of the legacy CRM's account endpoints:
    /// `{"message":"Bad Request.","errors":{…}}`.
    #[must_use]
    pub fn bad_request(errors: FieldErrors) -> Self {
        Self::new(StatusCode::BAD_REQUEST, Body::Account { message: "Bad Request.", errors })
    }

    /// 400: the password is wrong, or the account is unknown or inactive. The response does not
    /// tell which.
    #[must_use]
    pub fn wrong_credentials() -> Self {
        let message = "Unable to log in with provided credentials.".to_owned();
        Self::bad_request(FieldErrors::from([("non_field_errors".to_owned(), vec![message])]))
    }

    /// 400: the body does not match its content type.
    #[must_use]
    pub fn parse(kind: &str, reason: impl std::fmt::Display) -> Self {
        Self::detail(StatusCode::BAD_REQUEST, format!("{kind} parse error - {reason}"))
    }

    /// 401: the request has no credentials.
    #[must_use]
    pub fn not_authenticated() -> Self {
        Self::detail(StatusCode::UNAUTHORIZED, "Authentication credentials were not provided.")
    }

    /// 401: the `Authorization` header is not a bearer token.
    #[must_use]
    pub fn bad_authorization() -> Self {
        let detail = "Authorization header must contain two space-delimited values";
        Self::unauthorized(detail, "bad_authorization_header", Vec::new())
    }

    /// 401: the access token is expired, revoked, forged or of another type.
    #[must_use]
    pub fn token_not_valid() -> Self {
        let message = TokenMessage {
            token_class: "AccessToken",
            token_type: "access",
            message: "Token is invalid or expired",
        };
        Self::unauthorized("Given token not valid for any token type", "token_not_valid", vec![message])
    }

    /// 401: the refresh token is expired, revoked, used or unknown.
    #[must_use]
    pub fn refresh_not_valid() -> Self {
        Self::unauthorized("Token is invalid or expired", "token_not_valid", Vec::new())
    }

    /// 401: the token's user does not exist any more.
    #[must_use]
    pub fn user_not_found() -> Self {
        Self::unauthorized("User not found", "user_not_found", Vec::new())
    }

    /// 401: the token's user is not active.
    #[must_use]
    pub fn user_inactive() -> Self {
        Self::unauthorized("User is inactive", "user_inactive", Vec::new())
    }

    /// 403.
    #[must_use]
    pub fn forbidden() -> Self {
        Self::detail(StatusCode::FORBIDDEN, "You do not have permission to perform this action.")
    }

    /// 403: the API token does not have the scope `write`.
    #[must_use]
    pub fn token_only_reads() -> Self {
        Self::detail(StatusCode::FORBIDDEN, "This API token may only read.")
    }

    /// 403: the route needs a login and does not accept API tokens.
    #[must_use]
    pub fn login_needed() -> Self {
        Self::detail(StatusCode::FORBIDDEN, "API tokens are not accepted here. Log in with a password.")
    }

    /// 403: only Owners create accounts here.
    #[must_use]
    pub fn registration_closed() -> Self {
        Self::detail(StatusCode::FORBIDDEN, "Registration is closed. Ask an Owner for an account.")
    }

    /// 403: the form has no valid token.
    #[must_use]
    pub fn bad_form_token() -> Self {
        Self::detail(
            StatusCode::FORBIDDEN,
            "The form was not sent from this site, or is too old. Reload and try again.",
        )
    }

    /// 404.
    #[must_use]
    pub fn not_found() -> Self {
        Self::detail(StatusCode::NOT_FOUND, "Not found.")
    }

    /// 405.
    #[must_use]
    pub fn method_not_allowed(method: &str) -> Self {
        Self::detail(StatusCode::METHOD_NOT_ALLOWED, format!("Method \"{method}\" not allowed."))
    }

    /// 409: the current state does not allow the request.
    #[must_use]
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::detail(StatusCode::CONFLICT, detail)
    }

    /// 409: another request with this `Idempotency-Key` is in progress.
    #[must_use]
    pub fn key_in_use() -> Self {
        Self {
            retry_after_s: Some(RETRY_IN_USE_S),
            ..Self::conflict("A request with this Idempotency-Key is in progress. Try again.")
        }
    }

    /// 409: the `Idempotency-Key` was used for another request.
    #[must_use]
    pub fn key_used_otherwise() -> Self {
        Self::conflict("This Idempotency-Key was used for another request.")
    }

    /// 428: the request must name the state that the decision was based on.
    #[must_use]
    pub fn precondition_required(detail: impl Into<String>) -> Self {
        Self::detail(StatusCode::PRECONDITION_REQUIRED, detail)
    }

    /// 412: `If-Match` does not name the current version.
    #[must_use]
    pub fn changed_since() -> Self {
        Self::detail(StatusCode::PRECONDITION_FAILED, "It has changed since you read it. Read it again.")
    }

    /// 413.
    #[must_use]
    pub fn too_large(max_bytes: usize) -> Self {
        let detail = format!("The request is larger than {} KiB.", max_bytes / 1024);
        Self::detail(StatusCode::PAYLOAD_TOO_LARGE, detail)
    }

    /// 415.
    #[must_use]
    pub fn unsupported_media_type(found: &str) -> Self {
        Self::detail(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            format!("Unsupported media type \"{found}\" in request."),
        )
    }

    /// 429 with `Retry-After`.
    #[must_use]
    pub fn throttled(retry_after_s: u64) -> Self {
        let detail = format!("Request was throttled. Expected available in {retry_after_s} seconds.");
        Self { retry_after_s: Some(retry_after_s), ..Self::detail(StatusCode::TOO_MANY_REQUESTS, detail) }
    }

    /// 503: a server behind this one is down, or a resource is busy.
    #[must_use]
    pub fn unavailable(what: &'static str) -> Self {
        Self {
            retry_after_s: Some(RETRY_UNAVAILABLE_S),
            ..Self::detail(
                StatusCode::SERVICE_UNAVAILABLE,
                format!("Service temporarily unavailable ({what}), try again later."),
            )
        }
    }

    /// 500. Logs the error with all its causes; the response has no details.
    #[must_use]
    pub fn internal(error: &(dyn StdError + 'static)) -> Self {
        let mut chain = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            chain.push_str(": ");
            chain.push_str(&cause.to_string());
            source = cause.source();
        }
        tracing::error!(error = %chain, "internal error");
        Self::detail(StatusCode::INTERNAL_SERVER_ERROR, "A server error occurred.")
    }

    /// 500 for a bug: a state that other code rules out.
    #[must_use]
    pub fn bug(what: &'static str) -> Self {
        tracing::error!(what, "internal error");
        Self::detail(StatusCode::INTERNAL_SERVER_ERROR, "A server error occurred.")
    }

    /// The body, to be serialized as JSON.
    #[must_use]
    pub fn body(&self) -> &impl Serialize {
        &self.body
    }

    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The `Retry-After`, if the error has one.
    #[must_use]
    pub fn retry_after_s(&self) -> Option<u64> {
        self.retry_after_s
    }

    /// Returns the error of a response that another service made.
    #[must_use]
    pub fn of_response(status: StatusCode, body: &[u8]) -> Self {
        match serde_json::from_slice::<FieldErrors>(body) {
            Ok(errors) => Self::new(status, Body::Fields(errors)),
            Err(_) => Self::detail(status, String::from_utf8_lossy(body)),
        }
    }

    /// Returns the messages by field, if the error is about fields.
    #[must_use]
    pub fn messages(&self) -> Option<&FieldErrors> {
        match &self.body {
            Body::Detail(_) => None,
            Body::Fields(errors) | Body::Account { errors, .. } => Some(errors),
        }
    }

    /// Returns one sentence for a page: the detail, or the message of the first field.
    #[must_use]
    pub fn sentence(&self) -> String {
        match &self.body {
            Body::Detail(body) => body.detail.clone(),
            Body::Fields(errors) | Body::Account { errors, .. } => errors
                .iter()
                .next()
                .map(|(name, messages)| format!("{name}: {}", messages.join(" ")))
                .unwrap_or_default(),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(&self.body)).into_response();
        let headers = response.headers_mut();
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"api\""));
        }
        if let Some(seconds) = self.retry_after_s {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        // For callers from within the service.
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_comes_from_the_detail_or_a_field() {
        assert_eq!(ApiError::not_found().sentence(), "Not found.");
        assert_eq!(
            ApiError::field("limit", "A valid integer is required.").sentence(),
            "limit: A valid integer is required."
        );
    }

    #[test]
    fn temporary_errors_have_retry_after() {
        let response = ApiError::throttled(7).into_response();
        assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(response.headers()[RETRY_AFTER], "7");
        assert_eq!(ApiError::from(sqlx::Error::PoolTimedOut).status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(ApiError::from(sqlx::Error::RowNotFound).status(), StatusCode::INTERNAL_SERVER_ERROR);
    }
}
