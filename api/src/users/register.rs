//! `POST /api/users/register/`: by the public a Buyer without a team, as the operator's mode has
//! it; by an Owner anybody.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use utoipa::ToSchema;

use crate::audit::{Actor, Diff, record};
use crate::auth::viewer::{self, Bearer};
use crate::config::Registration;
use crate::db::users::{self, NewUser, UserRow, Visible};
use crate::http::body::Posted;
use crate::http::client_address::ClientInfo;
use crate::http::error::ApiError;
use crate::http::openapi::{AccountErrors, Throttled};
use crate::http::transaction::Transaction;
use crate::policy::{self, Action, Position, Resource};
use crate::state::App;
use crate::users::account::{self, NewAccount};
use crate::users::list::UserResponse;

/// A new account.
#[derive(Debug, Deserialize, ToSchema)]
pub struct RegisterUserRequest {
    /// Up to 150 letters, digits and `@ . + - _`; unique without regard to case.
    pub username: String,
    pub email: Option<String>,
    /// At least 8 characters, and none of the commonest.
    pub password: String,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    /// `Buyer` unless an Owner asks for another.
    pub position: Option<Position>,
}

/// The account that was made.
#[derive(Debug, Serialize, ToSchema)]
pub struct RegisterUserResponse {
    pub message: String,
    pub user: RegisteredUser,
}

/// Its public fields.
#[derive(Debug, Serialize, ToSchema)]
pub struct RegisteredUser {
    pub id: i64,
    pub username: String,
    pub email: String,
    pub first_name: String,
    pub last_name: String,
    pub position: Position,
}

/// Register a team member
///
/// Public where the operator allows it, and limited by address. With an Owner's token any position
/// can be given.
#[utoipa::path(
    post, path = "/api/users/register/", tag = "users",
    request_body(content(
        (RegisterUserRequest = "application/json"),
        (RegisterUserRequest = "application/x-www-form-urlencoded"),
        (RegisterUserRequest = "multipart/form-data"),
    )),
    responses((status = 201, description = "Registered", body = RegisterUserResponse), AccountErrors, Throttled),
    security((), ("bearer" = [])),
)]
pub async fn register_user(
    State(app): State<App>,
    client: ClientInfo,
    actor: Actor,
    headers: HeaderMap,
    Posted(mut fields): Posted,
) -> Result<(StatusCode, Json<RegisterUserResponse>), ApiError> {
    let bearer = viewer::from_bearer(&app, &headers, &Method::POST).await?;
    let maker = bearer
        // A program's token makes nobody: it could make somebody who logs in.
        .filter(|bearer| bearer.credential.login().is_some())
        .filter(|bearer| policy::decide(bearer.viewer.position, Action::Create, Resource::Users).is_some());
    let may_create = maker.is_some();
    if !may_create {
        admit_public(&app, &client)?;
    }
    let account = account::read(&mut fields);
    if !may_create && account.as_ref().is_some_and(|account| account.position != Position::Buyer) {
        fields.fail("position", "Only an Owner can register another position than Buyer.");
    }
    let (Some(account), Ok(())) = (account, fields.finish()) else {
        return Err(ApiError::bad_request(fields.finish().err().unwrap_or_default()));
    };
    let is_active = may_create || app.config.auth.registration == Registration::Open;
    let position = account.position;
    let new = hashed(&app, account, is_active).await?;
    let row = match maker {
        Some(Bearer { viewer: maker, credential }) => {
            let actor = actor.known_as(maker.id, &maker.username);
            let mut transaction = Transaction::begin(&app, &maker, credential, &[]).await?;
            let made = insert(&mut transaction, &actor, "create", &new).await;
            let row = made.map_err(ApiError::in_account_shape)?;
            transaction.commit().await?;
            row
        }
        None => {
            let mut transaction = app.postgres.begin().await?;
            let made = insert(&mut transaction, &actor, "register", &new).await;
            let row = made.map_err(ApiError::in_account_shape)?;
            transaction.commit().await?;
            row
        }
    };
    let user = RegisteredUser {
        id: row.id,
        username: row.username,
        email: row.email,
        first_name: row.first_name,
        last_name: row.last_name,
        position,
    };
    let message = "User registered successfully.".to_owned();
    Ok((StatusCode::CREATED, Json(RegisterUserResponse { message, user })))
}

fn admit_public(app: &App, client: &ClientInfo) -> Result<(), ApiError> {
    if app.config.auth.registration == Registration::Closed {
        return Err(ApiError::registration_closed());
    }
    let key = client.limit_key();
    if let Some(wait_s) = app.limits.registrations.wait_s(&key) {
        return Err(ApiError::throttled(wait_s));
    }
    app.limits.registrations.count(&key);
    Ok(())
}

/// The account as it is kept: with the password's hash.
///
/// # Errors
/// 503 when too many are hashed at once.
pub(super) async fn hashed(app: &App, account: NewAccount, is_active: bool) -> Result<NewUser, ApiError> {
    Ok(NewUser {
        password_hash: app.passwords.hash(&account.password).await?,
        username: account.username,
        email: account.email,
        first_name: account.first_name,
        last_name: account.last_name,
        position: account.position,
        is_active,
        is_demo: false,
    })
}

/// Makes the account, with its line in the audit trail.
///
/// # Errors
/// 400 when the name is taken.
pub(super) async fn insert(
    connection: &mut PgConnection,
    actor: &Actor,
    verb: &str,
    new: &NewUser,
) -> Result<UserRow, ApiError> {
    let id = users::insert(&mut *connection, new).await.map_err(account::constraint_error)?;
    let row = users::find(&mut *connection, id, Visible::ALL).await?.ok_or_else(ApiError::not_found)?;
    let diff = Diff::created(&UserResponse::from(row.clone()));
    record(connection, actor, verb, Resource::Users, id, diff).await?;
    Ok(row)
}
