//! The transaction of a change. It begins by asking once more who asks: a body can be held back for long, and its sender may
//! have been shut out meanwhile. It ends with the answer being kept, where the request carried an `Idempotency-Key`.
//!
//! Locks: the caller's row of `users` is held against its end (`FOR KEY SHARE`) until the commit. Who ends a login or a token
//! takes the row of the person for itself (`FOR UPDATE`), so that what was begun is done before, or refused after. A change
//! that needs several rows of `users` so takes them in the order of their ids ([`Allowed::begin_locking_user`]).

use std::ops::{Deref, DerefMut};

use axum::response::{IntoResponse, Response};
use sqlx::{PgConnection, PgTransaction};

use crate::auth::viewer::{Proof, Viewer};
use crate::db::{teams, users};
use crate::http::error::ApiError;
use crate::http::guard::Allowed;
use crate::http::idempotency::{self, Once};
use crate::policy::Scope;
use crate::state::App;

/// A transaction by somebody who may still act.
pub struct Work {
    transaction: PgTransaction<'static>,
    once: Option<Once>,
}

impl Allowed {
    /// Begins a change.
    ///
    /// # Errors
    /// 401 when the caller was shut out since the request began, 409 when another request has its `Idempotency-Key`.
    pub async fn begin(&self, app: &App) -> Result<Work, ApiError> {
        let mut work = Work::begin(app, &self.viewer, self.proof, &[]).await?;
        if let Some(once) = &self.once {
            once.claim(app, &mut *work).await?;
            work.once = Some(once.clone());
        }
        Ok(work)
    }

    /// Begins a change that may end what lets a person in, or the person.
    ///
    /// # Errors
    /// 401 when the caller was shut out since the request began.
    pub async fn begin_locking_user(&self, app: &App, user_id: i64) -> Result<Work, ApiError> {
        Work::begin(app, &self.viewer, self.proof, &[self.viewer.id, user_id]).await
    }

    /// Where the right is that over a team: holds all teams as they are until the commit, once it is still the caller's. To be
    /// called after `users` are locked, and before what is asked of the team.
    ///
    /// # Errors
    /// 409 when it is not.
    pub async fn lock_teams_shared(&self, connection: &mut PgConnection) -> Result<(), ApiError> {
        if self.grant.scope != Scope::Team {
            return Ok(());
        }
        teams::lock_shared(connection).await?;
        let led = teams::led_by(connection, self.viewer.id).await?;
        if led == self.viewer.team.as_ref().map(|(id, _)| *id) {
            return Ok(());
        }
        Err(ApiError::conflict("Your team has changed since you asked. Ask again."))
    }
}

impl Work {
    /// Begins a change by somebody who proved who they are when the request began. `over`: whose rows of `users` are taken
    /// for this change alone.
    ///
    /// # Errors
    /// 401 when that does not hold any more.
    pub async fn begin(app: &App, viewer: &Viewer, proof: Proof, over: &[i64]) -> Result<Self, ApiError> {
        let mut transaction = app.postgres.begin().await?;
        if !over.is_empty() {
            users::lock_exclusive(&mut transaction, over).await?;
        }
        let (is_active, position) =
            users::lock_shared(&mut transaction, viewer.id).await?.ok_or_else(ApiError::user_not_found)?;
        if !is_active {
            return Err(ApiError::user_inactive());
        }
        // Asked after the row is held, so that an end that was waited for is seen.
        let stands = users::is_standing(&mut transaction, viewer.id, proof).await?;
        if !stands || position != viewer.position.as_str() {
            return Err(ApiError::token_not_valid());
        }
        Ok(Self { transaction, once: None })
    }

    /// Commits.
    ///
    /// # Errors
    /// When Postgres fails.
    pub async fn commit(self) -> Result<(), ApiError> {
        if self.once.is_some() {
            return Err(ApiError::bug("a change under an idempotency key did not give its answer"));
        }
        Ok(self.transaction.commit().await?)
    }

    /// Takes everything back.
    ///
    /// # Errors
    /// When Postgres fails.
    pub async fn rollback(self) -> Result<(), ApiError> {
        Ok(self.transaction.rollback().await?)
    }

    /// Commits, with the answer kept for who asks again under the same `Idempotency-Key`.
    ///
    /// # Errors
    /// When Postgres fails.
    pub async fn answer(self, answer: impl IntoResponse) -> Result<Response, ApiError> {
        let answer = answer.into_response();
        let Some(once) = self.once else {
            self.transaction.commit().await?;
            return Ok(answer);
        };
        let (head, body) = idempotency::whole(answer).await?;
        let mut transaction = self.transaction;
        once.keep(&mut *transaction, head.status, &head.headers, &body).await?;
        transaction.commit().await?;
        Ok(Response::from_parts(head, body.into()))
    }

    /// The same with an answer that is given this once: who asks again gets the other.
    ///
    /// # Errors
    /// When Postgres fails.
    pub async fn answer_once(self, answer: impl IntoResponse, again: ApiError) -> Result<Response, ApiError> {
        self.answer(again).await?;
        Ok(answer.into_response())
    }
}

impl Deref for Work {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.transaction
    }
}

impl DerefMut for Work {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.transaction
    }
}
