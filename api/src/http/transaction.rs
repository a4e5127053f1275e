//! The transaction of a change. It begins by checking the caller again: a client can take long to
//! send its body, and the caller may have lost access meanwhile. If the request has an
//! `Idempotency-Key`, the transaction also stores the response.
//!
//! Locks: a shared lock (`FOR KEY SHARE`) keeps the caller's row in `users` until the commit. Code
//! that ends a login or a token locks the user's row exclusively (`FOR UPDATE`). So a change that
//! has begun is committed first, and a later one is refused. A change that locks several users
//! exclusively does so in the order of their ids ([`Allowed::begin_locking_user`]).

use std::ops::{Deref, DerefMut};

use axum::response::{IntoResponse, Response};
use sqlx::{PgConnection, PgTransaction};

use crate::db::{teams, users};
use crate::http::allowed::Allowed;
use crate::http::error::ApiError;
use crate::http::idempotency::key::{self, IdempotencyKey};
use crate::http::state::App;
use crate::policy::Scope;
use crate::viewer::{Credential, Viewer};

/// A transaction of a caller who was checked in it.
pub struct Transaction {
    transaction: PgTransaction<'static>,
    idempotency_key: Option<IdempotencyKey>,
}

impl Allowed {
    /// Begins a change.
    ///
    /// # Errors
    /// 401 if the caller lost access since the request began, 409 if another request has claimed
    /// its `Idempotency-Key`.
    pub async fn begin(&self, app: &App) -> Result<Transaction, ApiError> {
        let mut transaction = Transaction::begin(app, &self.viewer, self.credential, &[]).await?;
        if let Some(key) = &self.idempotency_key {
            key.claim(app, &mut *transaction).await?;
            transaction.idempotency_key = Some(key.clone());
        }
        Ok(transaction)
    }

    /// Begins a change that may end a user's access, with the rows of that user and the caller
    /// locked exclusively.
    ///
    /// # Errors
    /// 401 if the caller lost access since the request began.
    pub async fn begin_locking_user(&self, app: &App, user_id: i64) -> Result<Transaction, ApiError> {
        Transaction::begin(app, &self.viewer, self.credential, &[self.viewer.id, user_id]).await
    }

    /// If the caller's permission is limited to a team, locks teams until the commit and checks
    /// that the caller still leads that team. Call it after `users` are locked, and before reading
    /// the team.
    ///
    /// # Errors
    /// 409 if the caller does not lead it any more.
    pub async fn lock_teams_shared(&self, connection: &mut PgConnection) -> Result<(), ApiError> {
        if self.grant.scope != Scope::Team {
            return Ok(());
        }
        teams::lock_shared(connection).await?;
        let led = teams::led_by(connection, self.viewer.id).await?;
        if led == self.viewer.team.as_ref().map(|(id, _)| *id) {
            return Ok(());
        }
        Err(ApiError::conflict("Your team has changed since you sent the request. Try again."))
    }
}

impl Transaction {
    /// Begins a change by a caller who was authenticated when the request began. Locks the rows of
    /// `locked_users` exclusively.
    ///
    /// # Errors
    /// 401 if the caller lost access since then.
    pub async fn begin(
        app: &App,
        viewer: &Viewer,
        credential: Credential,
        locked_users: &[i64],
    ) -> Result<Self, ApiError> {
        let mut transaction = app.postgres.begin().await?;
        if !locked_users.is_empty() {
            users::lock_exclusive(&mut transaction, locked_users).await?;
        }
        let (is_active, position) =
            users::lock_shared(&mut transaction, viewer.id).await?.ok_or_else(ApiError::user_not_found)?;
        if !is_active {
            return Err(ApiError::user_inactive());
        }
        // After the lock, so that a revocation that held it is seen.
        let is_valid = users::is_credential_valid(&mut transaction, viewer.id, credential).await?;
        if !is_valid || position != viewer.position.as_str() {
            return Err(ApiError::token_not_valid());
        }
        Ok(Self { transaction, idempotency_key: None })
    }

    /// Commits a change without an `Idempotency-Key`.
    pub async fn commit(self) -> Result<(), ApiError> {
        if self.idempotency_key.is_some() {
            return Err(ApiError::bug("a change with an idempotency key was committed without its response"));
        }
        Ok(self.transaction.commit().await?)
    }

    /// Rolls back.
    pub async fn rollback(self) -> Result<(), ApiError> {
        Ok(self.transaction.rollback().await?)
    }

    /// Commits, and stores the response for repetitions with the same `Idempotency-Key`.
    pub async fn answer(self, answer: impl IntoResponse) -> Result<Response, ApiError> {
        let answer = answer.into_response();
        let Some(key) = self.idempotency_key else {
            self.transaction.commit().await?;
            return Ok(answer);
        };
        let (head, body) = key::buffer(answer).await?;
        let mut transaction = self.transaction;
        key.store(&mut *transaction, head.status, &head.headers, &body).await?;
        transaction.commit().await?;
        Ok(Response::from_parts(head, body.into()))
    }

    /// Commits with a response that is sent only once. Repetitions with the same `Idempotency-Key`
    /// get `again`.
    pub async fn answer_once(self, answer: impl IntoResponse, again: ApiError) -> Result<Response, ApiError> {
        self.answer(again).await?;
        Ok(answer.into_response())
    }
}

impl Deref for Transaction {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.transaction
    }
}

impl DerefMut for Transaction {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.transaction
    }
}
