//! Decisions about parked events in Postgres. The consumer reads them in the log of the directory.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

/// The constraints that `decide_parked` raises.
pub const IGNORED: &str = "parked_decisions_ignored";
pub const BOUND: &str = "parked_decisions_bound";

/// A decision, with the names of what it refers to.
#[derive(Debug, Clone)]
pub struct DecisionRow {
    pub id: i64,
    /// `mend`, `ignore` or `wait`.
    pub act: String,
    /// `None`: about all alike.
    pub event_id: Option<Uuid>,
    pub reason: String,
    pub reference: String,
    pub campaign_id: Option<i64>,
    pub campaign_name: Option<String>,
    pub user_id: Option<i64>,
    pub username: Option<String>,
    pub prospect_id: Option<Uuid>,
    /// `None`: for ever.
    pub until: Option<DateTime<Utc>>,
    pub note: String,
    pub n_events: i64,
    pub decided_at: DateTime<Utc>,
    /// `None`: the command line.
    pub decided_by: Option<i64>,
    pub decided_by_name: Option<String>,
    pub revoked_at: Option<DateTime<Utc>>,
}

/// A decision to make.
#[derive(Debug, Clone)]
pub struct NewDecision {
    pub act: &'static str,
    pub event_id: Option<Uuid>,
    pub reason: String,
    pub reference: String,
    pub campaign_id: Option<i64>,
    pub user_id: Option<i64>,
    pub prospect_id: Option<Uuid>,
    pub until: Option<DateTime<Utc>>,
    pub note: String,
    pub n_events: i64,
}

/// Makes a decision, which takes the place of an earlier one about the same events. Returns its id.
///
/// # Errors
/// A violation of [`IGNORED`] or [`BOUND`].
pub async fn insert(connection: &mut PgConnection, new: &NewDecision, actor_id: i64) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"SELECT decide_parked($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) AS "id!""#,
        new.act,
        new.event_id,
        new.reason,
        new.reference,
        new.campaign_id,
        new.user_id,
        new.prospect_id,
        new.until,
        new.note,
        new.n_events,
        actor_id,
    )
    .fetch_one(connection)
    .await
}

/// Lets ignored events wait again. Returns the number of decisions that were made or revoked.
pub async fn let_wait(
    connection: &mut PgConnection,
    event_id: Option<Uuid>,
    (reason, reference): (&str, &str),
    n_events: i64,
    actor_id: i64,
) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"SELECT let_parked_wait($1, $2, $3, $4, $5) AS "n!""#,
        event_id,
        reason,
        reference,
        n_events,
        actor_id,
    )
    .fetch_one(connection)
    .await
}

/// Lists decisions, the newest first.
pub async fn list(
    pool: &PgPool,
    is_active: Option<bool>,
    before_id: Option<i64>,
    n_rows: i64,
) -> sqlx::Result<Vec<DecisionRow>> {
    sqlx::query_as!(
        DecisionRow,
        r#"SELECT decision.id, decision.act, decision.event_id, decision.reason, decision.reference, decision.campaign_id,
                  campaigns.name AS "campaign_name?", decision.user_id, buyers.username AS "username?",
                  decision.prospect_id, decision.until, decision.note, decision.n_events, decision.decided_at,
                  decision.decided_by, owners.username AS "decided_by_name?", decision.revoked_at
           FROM parked_decisions AS decision
           LEFT JOIN campaigns ON campaigns.id = decision.campaign_id
           LEFT JOIN users AS buyers ON buyers.id = decision.user_id
           LEFT JOIN users AS owners ON owners.id = decision.decided_by
           WHERE ($1::boolean IS NULL OR (decision.revoked_at IS NULL) = $1) AND ($2::bigint IS NULL OR decision.id < $2)
           ORDER BY decision.id DESC LIMIT $3"#,
        is_active,
        before_id,
        n_rows,
    )
    .fetch_all(pool)
    .await
}

pub async fn find(pool: &PgPool, id: i64) -> sqlx::Result<Option<DecisionRow>> {
    let rows = list(pool, None, id.checked_add(1), 1).await?;
    Ok(rows.into_iter().find(|row| row.id == id))
}

/// Revokes a decision. False if it is revoked already.
pub async fn revoke(connection: &mut PgConnection, id: i64, actor_id: i64) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "UPDATE parked_decisions SET revoked_at = clock_timestamp(), revoked_by = $2
         WHERE id = $1 AND revoked_at IS NULL",
        id,
        actor_id,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Whether there is a campaign with this id that is not archived.
pub async fn is_campaign(pool: &PgPool, id: i64) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM campaigns WHERE id = $1 AND archived_at IS NULL) AS "is!""#,
        id
    )
    .fetch_one(pool)
    .await
}

/// Whether there is a person with this id who was not removed.
pub async fn is_user(pool: &PgPool, id: i64) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM users WHERE id = $1 AND archived_at IS NULL) AS "is!""#,
        id
    )
    .fetch_one(pool)
    .await
}

/// A thing to choose in a form.
#[derive(Debug, Clone)]
pub struct ChoiceRow {
    pub id: i64,
    pub name: String,
}

/// The campaigns by name.
pub async fn campaigns(pool: &PgPool, n_rows: i64) -> sqlx::Result<Vec<ChoiceRow>> {
    sqlx::query_as!(
        ChoiceRow,
        "SELECT id, name FROM campaigns WHERE archived_at IS NULL ORDER BY lower(name), id LIMIT $1",
        n_rows
    )
    .fetch_all(pool)
    .await
}

/// The people by username.
pub async fn users(pool: &PgPool, n_rows: i64) -> sqlx::Result<Vec<ChoiceRow>> {
    sqlx::query_as!(
        ChoiceRow,
        "SELECT id, username AS name FROM users WHERE archived_at IS NULL ORDER BY lower(username), id LIMIT $1",
        n_rows
    )
    .fetch_all(pool)
    .await
}
