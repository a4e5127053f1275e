//! Records transfers of all kinds: under the locks of the accounts, once for an idempotency key,
//! with a line in the audit trail.

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use sluice_schemas::currency::Currency;
use sqlx::PgConnection;

use crate::amount::{show, to_minor};
use crate::db::audit::{self, Actor, Diff};
use crate::db::funds::accounts::{self, AccountRow};
use crate::db::funds::entries;
use crate::db::funds::post::{
    self, BOUNDED, Books, EntryKind, FLOOR, IDEMPOTENT, NewEntry, REVERSED_ONCE, SPEND_ONCE,
};
use crate::db::violated_constraint;
use crate::funds::idempotency::content_hash;
use crate::funds::transfers::model::FundTransferResponse;
use crate::http::error::ApiError;
use crate::http::fields::keys::Key;
use crate::http::server_error::constraint_to_field;
use crate::policy::Resource;
use sluice_schemas::decimal::Decimal;

/// A requested transfer.
#[derive(Debug, Clone, Serialize)]
pub struct RequestedTransfer {
    pub kind: EntryKind,
    pub account_id: i64,
    pub amount: Decimal,
    pub fee: Option<Decimal>,
    pub day: Option<NaiveDate>,
    pub reference: String,
    pub note: String,
    pub request_id: Option<i64>,
}

/// The user, the time and the idempotency key of a request.
#[derive(Debug, Clone)]
pub struct RecordContext<'a> {
    pub actor: &'a Actor,
    pub actor_id: i64,
    pub key: Option<String>,
    pub now: DateTime<Utc>,
    /// Default for the day of the transfer.
    pub today: NaiveDate,
}

/// Returns the transfer that was recorded for the same key before, if there is one.
///
/// # Errors
/// 409 if the key was used for another request.
pub async fn recorded_before(
    connection: &mut PgConnection,
    context: &RecordContext<'_>,
    hash: &[u8; 32],
) -> Result<Option<FundTransferResponse>, ApiError> {
    let Some(key) = &context.key else { return Ok(None) };
    let Some((id, known)) = post::find_by_key(connection, context.actor_id, key).await? else {
        return Ok(None);
    };
    if known != hash {
        return Err(ApiError::key_used_otherwise());
    }
    Ok(Some(find(connection, id).await?))
}

/// A transfer in the ledger.
#[derive(Debug)]
pub struct Recorded {
    pub transfer: FundTransferResponse,
    /// Whether an earlier request with the same key recorded it.
    pub is_known: bool,
}

/// Records a transfer in the caller's transaction.
///
/// # Errors
/// 400 at the invalid field, 409 if the key was used for another request.
pub async fn record(
    connection: &mut PgConnection,
    context: &RecordContext<'_>,
    requested: &RequestedTransfer,
) -> Result<Recorded, ApiError> {
    let hash = content_hash(requested);
    if let Some(transfer) = recorded_before(connection, context, &hash).await? {
        return Ok(Recorded { transfer, is_known: true });
    }
    let account = lock_account_shared(connection, requested.account_id).await?;
    if requested.kind == EntryKind::TopUp && account.state != "active" {
        return Err(ApiError::field(
            "account_id",
            format!("The account is {}: nothing is topped up.", account.state),
        ));
    }
    let books = post::lock_exclusive(connection, &[account.id]).await?;
    // Checked again under the lock, since the same request may have been sent twice at the same
    // time.
    if let Some(transfer) = recorded_before(connection, context, &hash).await? {
        return Ok(Recorded { transfer, is_known: true });
    }
    let entry = entry_of(context, requested, &account, &books, hash)?;
    let transfer = write(connection, context, entry, &books).await?;
    Ok(Recorded { transfer, is_known: false })
}

/// Writes one entry and its line in the audit trail.
///
/// # Errors
/// 400 at the invalid field, 409 if the key was used for another request or the transfer is already
/// reversed.
pub async fn write(
    connection: &mut PgConnection,
    context: &RecordContext<'_>,
    entry: NewEntry,
    books: &Books,
) -> Result<FundTransferResponse, ApiError> {
    let verb = entry.kind.as_str();
    let at = context.now.max(books.last_at);
    let ids = post::write(connection, &[entry], at).await.map_err(constraint_error)?;
    let id = ids.first().copied().ok_or_else(|| ApiError::bug("an entry without an id"))?;
    let made = find(connection, id).await?;
    audit::record(connection, context.actor, verb, Resource::FundTransfers, id, Diff::created(&made)).await?;
    Ok(made)
}

/// Maps violated constraints to errors of fields or conflicts.
#[must_use]
pub fn constraint_error(error: sqlx::Error) -> ApiError {
    match violated_constraint(&error) {
        Some(IDEMPOTENT) => ApiError::key_used_otherwise(),
        Some(REVERSED_ONCE) => ApiError::conflict("The transfer is reversed already."),
        _ => constraint_to_field(
            error,
            &[
                (FLOOR, "amount", "The account holds less than this."),
                (BOUNDED, "amount", "The ledger cannot hold so much."),
                (SPEND_ONCE, "reference", "Spend with this reference is recorded for the account and day."),
            ],
        ),
    }
}

async fn find(connection: &mut PgConnection, id: i64) -> Result<FundTransferResponse, ApiError> {
    let row = entries::find(connection, id, None).await?;
    row.map(FundTransferResponse::from).ok_or_else(|| ApiError::bug("an entry is not there"))
}

async fn lock_account_shared(connection: &mut PgConnection, id: i64) -> Result<AccountRow, ApiError> {
    let found = accounts::lock_shared(connection, &[id], &[]).await?;
    found.into_iter().next().ok_or_else(|| ApiError::field("account_id", Key::from(id).no_such()))
}

fn entry_of(
    context: &RecordContext<'_>,
    requested: &RequestedTransfer,
    account: &AccountRow,
    books: &Books,
    content_hash: [u8; 32],
) -> Result<NewEntry, ApiError> {
    let currency = Currency::parse(&account.currency).ok_or_else(|| ApiError::bug("an unknown currency"))?;
    let at = |field: &'static str| move |message: String| ApiError::field(field, message);
    let amount_minor = to_minor(requested.amount, currency, 1).map_err(at("amount"))?;
    let fee_minor = requested.fee.map_or(Ok(0), |fee| to_minor(fee, currency, 0)).map_err(at("fee"))?;
    let place = books.ad_account(account.id).ok_or_else(|| ApiError::bug("an account without a ledger"))?;
    if requested.kind != EntryKind::TopUp && amount_minor > place.available_minor {
        return Err(ApiError::field("amount", too_little(account, place.available_minor)));
    }
    Ok(NewEntry {
        kind: requested.kind,
        fund_account_id: account.id,
        day: requested.day.unwrap_or(context.today),
        amount_minor,
        fee_minor,
        spent_minor: if requested.kind == EntryKind::Spend { amount_minor } else { 0 },
        legs: legs(requested.kind, account, books, amount_minor, fee_minor)?,
        currency: account.currency.clone(),
        request_id: requested.request_id,
        reverses_id: None,
        is_reference_unique: requested.kind == EntryKind::Spend && !requested.reference.is_empty(),
        reference: requested.reference.clone(),
        note: requested.note.clone(),
        actor_id: context.actor_id,
        idempotency_key: context.key.clone(),
        content_hash,
    })
}

/// Returns the message for an account whose balance is too low.
#[must_use]
pub fn too_little(account: &AccountRow, available_minor: i64) -> String {
    let available = show(available_minor, &account.currency);
    let limit = if account.credit_limit_minor > 0 { ", its credit limit included" } else { "" };
    format!("Only {available} {} can be taken out of the account{limit}.", account.currency)
}

/// Returns the lines of a transfer: pairs of ledger account and amount, which add up to zero.
///
/// # Errors
/// 500 if the currency has no common ledger accounts. They are made with its first ad account.
pub fn legs(
    kind: EntryKind,
    account: &AccountRow,
    books: &Books,
    amount_minor: i64,
    fee_minor: i64,
) -> Result<Vec<(i64, i64)>, ApiError> {
    let no_ledger = || ApiError::bug("an account without a ledger");
    let place = books.ad_account(account.id).ok_or_else(no_ledger)?;
    let own = place.id;
    let common = |kind| books.common(kind, &account.currency, place.is_demo).ok_or_else(no_ledger);
    let mut legs = match kind {
        EntryKind::TopUp => vec![(common("bank")?, -amount_minor - fee_minor), (own, amount_minor)],
        EntryKind::Spend => vec![(own, -amount_minor), (common("spend")?, amount_minor)],
        EntryKind::Return => vec![(own, -amount_minor), (common("bank")?, amount_minor)],
        EntryKind::Reversal => return Err(ApiError::bug("a reversal has the legs of what it reverses")),
    };
    if fee_minor > 0 {
        legs.push((common("fees")?, fee_minor));
    }
    Ok(legs)
}
