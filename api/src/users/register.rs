//! `POST /api/users/register/`: creates an account. The public can register Buyers without a team,
//! if the mode of registration allows it. An Owner can register any position.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode};
use sqlx::PgConnection;

use crate::config::Registration;
use crate::db::audit::{Actor, Diff, record};
use crate::db::users::{self, NewUser, UserRow, Visible};
use crate::http::auth::credentials::{self, Bearer};
use crate::http::client_address::ClientInfo;
use crate::http::error::ApiError;
use crate::http::openapi::{AccountErrors, Throttled};
use crate::http::request::Body;
use crate::http::state::App;
use crate::http::transaction::Transaction;
use crate::people::model::{RegisterUserRequest, UserResponse};
use crate::people::rules;
use crate::policy::{self, Action, Position, Resource};
use crate::users::model::{RegisterUserResponse, RegisteredUser};

/// Register a team member
///
/// Public if the operator allows it, and limited by address. With an Owner's token, any position is
/// allowed.
#[utoipa::path(
    post, path = "/api/users/register/", tag = "users",
    request_body = RegisterUserRequest,
    responses((status = 201, description = "Registered", body = RegisterUserResponse), AccountErrors, Throttled),
    security((), ("bearer" = [])),
)]
pub async fn register_user(
    State(app): State<App>,
    client: ClientInfo,
    actor: Actor,
    headers: HeaderMap,
    body: Body<RegisterUserRequest>,
) -> Result<(StatusCode, Json<RegisterUserResponse>), ApiError> {
    let bearer = credentials::from_bearer(&app, &headers, &Method::POST).await?;
    let maker = bearer
        // An API token cannot create accounts, because the new account could log in.
        .filter(|bearer| bearer.credential.login().is_some())
        .filter(|bearer| policy::decide(bearer.viewer.position, Action::Create, Resource::Users).is_some());
    let registered = match maker {
        Some(maker) => register_by_owner(&app, &actor, &maker, body).await?,
        None => register_public(&app, &client, &actor, body).await?,
    };
    let message = "User registered successfully.".to_owned();
    Ok((StatusCode::CREATED, Json(RegisterUserResponse { message, user: registered })))
}

async fn register_by_owner(
    app: &App,
    actor: &Actor,
    maker: &Bearer,
    body: Body<RegisterUserRequest>,
) -> Result<RegisteredUser, ApiError> {
    let request = checked(app, body).await.map_err(ApiError::in_account_shape)?;
    let new = hashed(app, request, true).await?;
    let Bearer { viewer, credential } = maker;
    let actor = actor.known_as(viewer.id, &viewer.username);
    let mut transaction = Transaction::begin(app, viewer, *credential, &[]).await?;
    let made = insert(&mut transaction, &actor, "create", &new).await;
    let row = made.map_err(ApiError::in_account_shape)?;
    transaction.commit().await?;
    Ok(registered(row, new.position))
}

/// Registers somebody without an account, for the API and the page.
///
/// # Errors
/// 403 if registration is closed, 429 after too many from the address, 400 with messages by field.
pub async fn register_public(
    app: &App,
    client: &ClientInfo,
    actor: &Actor,
    body: Body<RegisterUserRequest>,
) -> Result<RegisteredUser, ApiError> {
    admit_public(app, client)?;
    let request = checked(app, body).await.map_err(ApiError::in_account_shape)?;
    if request.position.0 != Position::Buyer {
        let message = "Only an Owner can register another position than Buyer.";
        return Err(ApiError::field("position", message).in_account_shape());
    }
    let is_active = app.config.auth.registration == Registration::Open;
    let new = hashed(app, request, is_active).await?;
    let mut transaction = app.postgres.begin().await?;
    let made = insert(&mut transaction, actor, "register", &new).await;
    let row = made.map_err(ApiError::in_account_shape)?;
    transaction.commit().await?;
    Ok(registered(row, new.position))
}

fn registered(row: UserRow, position: Position) -> RegisteredUser {
    RegisteredUser {
        id: row.id,
        username: row.username,
        email: row.email,
        first_name: row.first_name,
        last_name: row.last_name,
        position,
    }
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

/// Returns the request if nothing is wrong with it, including the strength of the password.
///
/// # Errors
/// 400 with messages by field, 503 if too many passwords wait.
pub(super) async fn checked(
    app: &App,
    mut body: Body<RegisterUserRequest>,
) -> Result<RegisterUserRequest, ApiError> {
    let Body { request, errors } = &mut body;
    app.passwords.check_strength(errors, "password", &request.password.0, &request.about_user()).await?;
    body.checked()
}

/// Returns the account to store, with the hash of the password.
///
/// # Errors
/// 503 if too many passwords wait for hashing.
pub(super) async fn hashed(
    app: &App,
    account: RegisterUserRequest,
    is_active: bool,
) -> Result<NewUser, ApiError> {
    Ok(NewUser {
        password_hash: app.passwords.hash(&account.password.0).await?,
        username: account.username.0,
        email: account.email.0,
        first_name: account.first_name.0,
        last_name: account.last_name.0,
        position: account.position.0,
        is_active,
        is_demo: false,
    })
}

/// Creates the account, with a line in the audit trail.
///
/// # Errors
/// 400 if the username is taken.
pub(super) async fn insert(
    connection: &mut PgConnection,
    actor: &Actor,
    verb: &str,
    new: &NewUser,
) -> Result<UserRow, ApiError> {
    let id = users::insert(&mut *connection, new).await.map_err(rules::constraint_error)?;
    let row = users::find(&mut *connection, id, Visible::ALL).await?.ok_or_else(ApiError::not_found)?;
    let diff = Diff::created(&UserResponse::from(row.clone()));
    record(connection, actor, verb, Resource::Users, id, diff).await?;
    Ok(row)
}
