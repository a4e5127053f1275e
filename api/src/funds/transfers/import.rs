//! `POST /api/funds/transfers/import/preview/` and `/import/`: a source's file of spend, shown and
//! recorded. All of it is recorded or nothing; what is in the books already is left out, so that a
//! file can be sent again.

use axum::Json;
use axum::extract::{FromRequest, Request, State};
use axum::http::header::CONTENT_TYPE;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::{IntoParams, ToSchema};

use crate::db::audit::{self, Diff};
use crate::db::funds::post;
use crate::funds::transfers::create::asking;
use crate::funds::transfers::plan::{ImportRowResponse, Outcome, Plan, plan};
use crate::funds::transfers::record::constraint_error;
use crate::funds::transfers::sheet::{self, MAX_FILE_BYTES, Sheet};
use crate::http::allowed::Allowed;
use crate::http::body;
use crate::http::call::Call;
use crate::http::error::{ApiError, FieldErrors};
use crate::http::fields::Fields;
use crate::http::openapi::MakeErrors;
use crate::http::state::App;
use crate::policy::Resource;

/// The most errors that are told of a file that is not recorded.
const MAX_TOLD: usize = 20;

/// A file of spend and how to read it.
#[derive(Debug, Deserialize, ToSchema, IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "describes the body in the OpenAPI document")]
pub struct ImportFundTransfersRequest {
    /// CSV in UTF-8, up to 1 MiB and 2,000 rows, with the columns' names in its first row. A
    /// `text/csv` body is the file itself, and the other fields are parameters.
    #[param(ignore)]
    pub file: String,
    /// The account of all rows; else a column has each row's, by name or id.
    pub account_id: Option<i64>,
    /// `,`, `;` or `tab`; found by the first row unless given.
    pub separator: Option<String>,
    /// `.` or `,`: what stands before the fraction, where it is not plain.
    pub decimal: Option<String>,
    pub date_column: Option<String>,
    pub amount_column: Option<String>,
    pub reference_column: Option<String>,
    pub account_column: Option<String>,
    pub currency_column: Option<String>,
}

/// What a file does to the books.
#[derive(Debug, Serialize, ToSchema)]
pub struct ImportFundTransfersResponse {
    pub n_recorded: usize,
    /// In the books already, or of nothing.
    pub n_left_out: usize,
    pub n_errors: usize,
    pub rows: Vec<ImportRowResponse>,
}

/// The fields of an import, the file among them.
pub struct Upload(Fields);

impl FromRequest<App> for Upload {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        let headers = request.headers().clone();
        let query = request.uri().query().unwrap_or_default().to_owned();
        let bytes = body::read_bytes_within(request, app, MAX_FILE_BYTES).await?;
        let content_type =
            headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        if !essence.eq_ignore_ascii_case("text/csv") {
            return Ok(Self(body::read(&headers, bytes).await?));
        }
        let pairs = form_urlencoded::parse(query.as_bytes()).into_owned();
        let mut map: Map<String, Value> = pairs.map(|(name, text)| (name, Value::String(text))).collect();
        // What is no UTF-8 is marked by what takes its place, and refused with the file.
        map.insert("file".to_owned(), Value::String(String::from_utf8_lossy(&bytes).into_owned()));
        Ok(Self(Fields::new(map)))
    }
}

/// Preview an import of spend
///
/// Says row by row what the import would do, and does nothing.
#[utoipa::path(
    post, path = "/api/funds/transfers/import/preview/", tag = "funds", params(ImportFundTransfersRequest),
    request_body(content(
        (String = "text/csv"),
        (ImportFundTransfersRequest = "multipart/form-data"),
        (ImportFundTransfersRequest = "application/x-www-form-urlencoded"),
        (ImportFundTransfersRequest = "application/json"),
    )),
    responses((status = 200, description = "What it would do", body = ImportFundTransfersResponse), MakeErrors),
    security(("bearer" = [])),
)]
pub async fn preview_fund_import(
    State(app): State<App>,
    allowed: Allowed,
    Upload(fields): Upload,
) -> Result<Json<ImportFundTransfersResponse>, ApiError> {
    let sheet = read(fields)?;
    let mut transaction = app.postgres.begin().await?;
    let plan = plan(&mut transaction, &sheet, allowed.viewer.id).await?;
    transaction.rollback().await?;
    Ok(Json(answer(plan.rows)))
}

/// Import spend
///
/// All rows or none. A row that is in the books already, by account, date and reference, is left
/// out.
#[utoipa::path(
    post, path = "/api/funds/transfers/import/", tag = "funds", params(ImportFundTransfersRequest),
    request_body(content(
        (String = "text/csv"),
        (ImportFundTransfersRequest = "multipart/form-data"),
        (ImportFundTransfersRequest = "application/x-www-form-urlencoded"),
        (ImportFundTransfersRequest = "application/json"),
    )),
    responses((status = 200, description = "What it did", body = ImportFundTransfersResponse), MakeErrors),
    security(("bearer" = [])),
)]
pub async fn import_fund_transfers(
    State(app): State<App>,
    call: Call<()>,
    Upload(fields): Upload,
) -> Result<Json<ImportFundTransfersResponse>, ApiError> {
    let sheet = read(fields)?;
    let asking = asking(&app, &call, None);
    let mut transaction = call.allowed.begin(&app).await?;
    let Plan { rows, entries, books } = plan(&mut transaction, &sheet, call.allowed.viewer.id).await?;
    refuse_errors(&rows)?;
    if !entries.is_empty() {
        let at = asking.now.max(books.last_at);
        let ids = post::write(&mut transaction, &entries, at).await.map_err(constraint_error)?;
        let diff = Diff::created(&json!({"transfers": ids}));
        audit::record(&mut transaction, &call.actor, "import", Resource::FundTransfers, "", diff).await?;
    }
    transaction.commit().await?;
    Ok(Json(answer(rows)))
}

fn read(mut fields: Fields) -> Result<Sheet, ApiError> {
    let sheet = sheet::read(&mut fields);
    fields.finish().map_err(ApiError::fields)?;
    sheet.ok_or_else(|| ApiError::bug("a sheet without rows or errors"))
}

fn refuse_errors(rows: &[ImportRowResponse]) -> Result<(), ApiError> {
    let told: Vec<String> = rows
        .iter()
        .flat_map(|row| {
            row.errors.iter().map(move |(name, all)| format!("Row {}, {name}: {}", row.row, all.join(" ")))
        })
        .take(MAX_TOLD)
        .collect();
    if told.is_empty() {
        Ok(())
    } else {
        Err(ApiError::fields(FieldErrors::from([("file".to_owned(), told)])))
    }
}

fn answer(rows: Vec<ImportRowResponse>) -> ImportFundTransfersResponse {
    let count = |outcome| rows.iter().filter(|row| row.outcome == outcome).count();
    ImportFundTransfersResponse {
        n_recorded: count(Outcome::Record),
        n_left_out: count(Outcome::Duplicate) + count(Outcome::Zero),
        n_errors: count(Outcome::Error),
        rows,
    }
}
