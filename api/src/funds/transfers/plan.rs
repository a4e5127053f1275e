//! Plans an import: finds the effect of each row of a file of spend on the books. Preview and
//! import both use this plan, under the locks of the accounts, so that they cannot differ.

use std::collections::{BTreeMap, HashMap};

use chrono::NaiveDate;
use serde::Serialize;
use sluice_schemas::currency::Currency;
use sqlx::PgConnection;
use utoipa::ToSchema;

use crate::amount::{show, to_minor};
use crate::db::funds::accounts::{self, AccountRow};
use crate::db::funds::entries;
use crate::db::funds::post::{self, Books, EntryKind, NewEntry};
use crate::funds::idempotency::content_hash;
use crate::funds::transfers::columns;
use crate::funds::transfers::model::MAX_REFERENCE_CHARS;
use crate::funds::transfers::record::{legs, too_little};
use crate::funds::transfers::sheet::{Sheet, SheetRow};
use crate::http::error::{ApiError, FieldErrors};

/// Outcome of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The row is recorded.
    Record,
    /// The row is already in the books, with the same amount.
    Duplicate,
    /// The amount is zero.
    Zero,
    Error,
}

/// A row of the file and its outcome.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ImportRowResponse {
    /// Number of the row as in a spreadsheet: the names of the columns are row 1.
    pub row: usize,
    pub outcome: Outcome,
    pub account_id: Option<i64>,
    #[schema(format = Date)]
    pub date: Option<String>,
    pub amount: Option<String>,
    pub currency: Option<String>,
    pub reference: String,
    /// Error messages by column.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = BTreeMap<String, Vec<String>>)]
    pub errors: FieldErrors,
}

/// Planned rows, and the entries to write.
#[derive(Debug)]
pub struct ImportPlan {
    pub rows: Vec<ImportRowResponse>,
    pub entries: Vec<NewEntry>,
    pub books: Books,
}

type SpendKey = (i64, NaiveDate, String);

/// A row whose cells were parsed.
struct Spend<'a> {
    account: &'a AccountRow,
    day: NaiveDate,
    amount_minor: i64,
}

/// Plans the rows of a file. Locks the accounts in the caller's transaction.
pub async fn plan(
    connection: &mut PgConnection,
    sheet: &Sheet,
    actor_id: i64,
) -> Result<ImportPlan, ApiError> {
    let accounts = lock_accounts_shared(connection, sheet).await?;
    let ids: Vec<i64> = accounts.iter().map(|account| account.id).collect();
    let books = post::lock_exclusive(connection, &ids).await?;
    let read: Vec<_> = sheet.rows.iter().map(|row| read_row(row, sheet, &accounts)).collect();
    let known = known(connection, &sheet.rows, &read).await?;
    let mut planner = Planner { left: HashMap::new(), seen: HashMap::new(), known, books, actor_id };
    let (mut rows, mut entries) = (Vec::new(), Vec::new());
    for (row, spend) in sheet.rows.iter().zip(read) {
        let (answer, entry) = planner.place(row, spend)?;
        rows.push(answer);
        entries.extend(entry);
    }
    Ok(ImportPlan { rows, entries, books: planner.books })
}

async fn lock_accounts_shared(
    connection: &mut PgConnection,
    sheet: &Sheet,
) -> Result<Vec<AccountRow>, ApiError> {
    let ids: Vec<i64> = match sheet.account_id {
        Some(id) => vec![id],
        None => sheet.rows.iter().filter_map(|row| row.account.parse().ok()).collect(),
    };
    let names: Vec<String> = match sheet.account_id {
        Some(_) => Vec::new(),
        None => sheet.rows.iter().map(|row| row.account.to_lowercase()).collect(),
    };
    Ok(accounts::lock_shared(connection, &ids, &names).await?)
}

async fn known(
    connection: &mut PgConnection,
    rows: &[SheetRow],
    read: &[Result<Spend<'_>, FieldErrors>],
) -> Result<HashMap<SpendKey, i64>, ApiError> {
    let (mut ids, mut days, mut references) = (Vec::new(), Vec::new(), Vec::new());
    for (row, spend) in rows.iter().zip(read).filter_map(|(row, spend)| Some((row, spend.as_ref().ok()?))) {
        ids.push(spend.account.id);
        days.push(spend.day);
        references.push(row.reference.clone());
    }
    let found = entries::known_spends(connection, &ids, &days, &references).await?;
    let key = |spend: entries::KnownSpend| {
        ((spend.fund_account_id, spend.day, spend.reference), spend.amount_minor)
    };
    Ok(found.into_iter().map(key).collect())
}

fn read_row<'a>(row: &SheetRow, sheet: &Sheet, accounts: &'a [AccountRow]) -> Result<Spend<'a>, FieldErrors> {
    let mut errors = FieldErrors::new();
    let mut fail = |name: &str, message: String| {
        errors.entry(name.to_owned()).or_default().push(message);
    };
    let id = sheet.account_id.or_else(|| row.account.parse().ok());
    let account = accounts.iter().find(|account| Some(account.id) == id).or_else(|| {
        let name = row.account.to_lowercase();
        accounts.iter().find(|account| sheet.account_id.is_none() && account.lower_name == name)
    });
    if account.is_none() {
        fail("account", "There is no such account.".to_owned());
    }
    if row.reference.chars().count() > MAX_REFERENCE_CHARS {
        fail("reference", format!("Ensure this field has no more than {MAX_REFERENCE_CHARS} characters."));
    }
    let day = columns::day(&row.date).map_err(|message| fail("date", message)).ok();
    let decimal = columns::amount(&row.amount, sheet.decimal).map_err(|message| fail("amount", message)).ok();
    let currency = account.and_then(|account| Currency::parse(&account.currency));
    let amount = decimal.zip(currency).and_then(|(decimal, currency)| {
        to_minor(decimal, currency, 0).map_err(|message| fail("amount", message)).ok()
    });
    if let Some(currency) = currency.filter(|_| !row.currency.is_empty())
        && !currency.code.eq_ignore_ascii_case(&row.currency)
    {
        fail("currency", format!("The account is in {}.", currency.code));
    }
    match (account, day, amount) {
        (Some(account), Some(day), Some(amount_minor)) if errors.is_empty() => {
            Ok(Spend { account, day, amount_minor })
        }
        _ => Err(errors),
    }
}

struct Planner {
    /// Amount that can still be taken out of each account.
    left: HashMap<i64, i64>,
    /// Keys of the previous rows, with their row numbers.
    seen: HashMap<SpendKey, usize>,
    known: HashMap<SpendKey, i64>,
    books: Books,
    actor_id: i64,
}

impl Planner {
    fn place(
        &mut self,
        row: &SheetRow,
        spend: Result<Spend<'_>, FieldErrors>,
    ) -> Result<(ImportRowResponse, Option<NewEntry>), ApiError> {
        let mut answer = ImportRowResponse {
            row: row.row,
            outcome: Outcome::Error,
            account_id: None,
            date: None,
            amount: None,
            currency: None,
            reference: row.reference.clone(),
            errors: FieldErrors::new(),
        };
        let spend = match spend {
            Ok(spend) => spend,
            Err(errors) => return Ok((ImportRowResponse { errors, ..answer }, None)),
        };
        let account = spend.account;
        answer.account_id = Some(account.id);
        answer.date = Some(spend.day.to_string());
        answer.amount = Some(show(spend.amount_minor, &account.currency));
        answer.currency = Some(account.currency.clone());
        match self.judge(row, &spend) {
            Ok(outcome) => answer.outcome = outcome,
            Err((name, message)) => {
                answer.errors.insert(name.to_owned(), vec![message]);
            }
        }
        let entry = if answer.outcome == Outcome::Record { Some(self.entry(row, &spend)?) } else { None };
        Ok((answer, entry))
    }

    fn judge(&mut self, row: &SheetRow, spend: &Spend<'_>) -> Result<Outcome, (&'static str, String)> {
        let account = spend.account;
        if spend.amount_minor == 0 {
            return Ok(Outcome::Zero);
        }
        let key = (account.id, spend.day, row.reference.clone());
        if let Some(above) = self.seen.insert(key.clone(), row.row) {
            let message = format!("Row {above} has the same account, date and reference.");
            return Err(("reference", message));
        }
        match self.known.get(&key) {
            Some(minor) if *minor == spend.amount_minor => return Ok(Outcome::Duplicate),
            Some(minor) => {
                let recorded = show(*minor, &account.currency);
                return Err((
                    "amount",
                    format!("It is recorded with {recorded} already: reverse that first."),
                ));
            }
            None => {}
        }
        let available = self.books.ad_account(account.id).map_or(0, |place| place.available_minor);
        let left = self.left.entry(account.id).or_insert(available);
        if spend.amount_minor > *left {
            return Err(("amount", too_little(account, *left)));
        }
        *left -= spend.amount_minor;
        Ok(Outcome::Record)
    }

    fn entry(&self, row: &SheetRow, spend: &Spend<'_>) -> Result<NewEntry, ApiError> {
        let account = spend.account;
        Ok(NewEntry {
            kind: EntryKind::Spend,
            fund_account_id: account.id,
            currency: account.currency.clone(),
            day: spend.day,
            amount_minor: spend.amount_minor,
            fee_minor: 0,
            spent_minor: spend.amount_minor,
            legs: legs(EntryKind::Spend, account, &self.books, spend.amount_minor, 0)?,
            request_id: None,
            reverses_id: None,
            reference: row.reference.clone(),
            note: String::new(),
            actor_id: self.actor_id,
            idempotency_key: None,
            content_hash: content_hash(&(
                "import",
                account.id,
                spend.day,
                &row.reference,
                spend.amount_minor,
            )),
            is_reference_unique: true,
        })
    }
}
