//! `POST /api/funds/transfers/import/preview/` and `/import/`: preview and record a file of spend.
//!
//! Either all rows are recorded or none. Rows that are already in the books are left out, so that a
//! file can be sent again.

use axum::Json;
use axum::extract::{FromRequest, Request, State};
use axum::http::header::CONTENT_TYPE;
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::db::audit::{self, Diff};
use crate::db::funds::post;
use crate::funds::transfers::create::context;
use crate::funds::transfers::plan::{ImportPlan, ImportRowResponse, Outcome, plan};
use crate::funds::transfers::record::constraint_error;
use crate::funds::transfers::sheet::{self, ImportFundTransfersRequest, MAX_FILE_BYTES};
use crate::http::allowed::Allowed;
use crate::http::body;
use crate::http::call::Call;
use crate::http::error::{ApiError, FieldErrors};
use crate::http::fields::Fields;
use crate::http::openapi::MakeErrors;
use crate::http::request::Body;
use crate::http::state::App;
use crate::policy::Resource;

/// Maximum number of errors in the response to a refused file.
const MAX_TOLD: usize = 20;

/// Result of an import or a preview.
#[derive(Debug, Serialize, ToSchema)]
pub struct ImportFundTransfersResponse {
    /// Rows that are recorded as spend.
    pub n_recorded: usize,
    /// Rows that are already in the books, or whose amount is zero.
    pub n_left_out: usize,
    /// Rows with errors. The import records nothing if there is one.
    pub n_errors: usize,
    pub rows: Vec<ImportRowResponse>,
}

/// The body of an import.
pub struct Upload(Body<ImportFundTransfersRequest>);

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
            return Ok(Self(Body::of(body::read(&headers, bytes).await?)));
        }
        let pairs = form_urlencoded::parse(query.as_bytes()).into_owned();
        let mut map: Map<String, Value> = pairs.map(|(name, text)| (name, Value::String(text))).collect();
        // Invalid UTF-8 becomes a replacement character, for which the file is refused later.
        map.insert("file".to_owned(), Value::String(String::from_utf8_lossy(&bytes).into_owned()));
        Ok(Self(Body::of(Fields::new(map))))
    }
}

/// Preview an import of spend
///
/// Returns for each row what the import would do. Records nothing.
#[utoipa::path(
    post, path = "/api/funds/transfers/import/preview/", tag = "funds", params(ImportFundTransfersRequest),
    request_body(content(
        (String = "text/csv"),
        (ImportFundTransfersRequest = "multipart/form-data"),
        (ImportFundTransfersRequest = "application/x-www-form-urlencoded"),
        (ImportFundTransfersRequest = "application/json"),
    )),
    responses((status = 200, description = "What the import would do", body = ImportFundTransfersResponse), MakeErrors),
    security(("bearer" = [])),
)]
pub async fn preview_fund_import(
    State(app): State<App>,
    allowed: Allowed,
    Upload(body): Upload,
) -> Result<Json<ImportFundTransfersResponse>, ApiError> {
    let sheet = body.values(sheet::read)?;
    let mut transaction = app.postgres.begin().await?;
    let plan = plan(&mut transaction, &sheet, allowed.viewer.id).await?;
    transaction.rollback().await?;
    Ok(Json(answer(plan.rows)))
}

/// Import spend
///
/// Records all rows or none. Leaves out rows that are already in the books, by account, date and
/// reference.
#[utoipa::path(
    post, path = "/api/funds/transfers/import/", tag = "funds", params(ImportFundTransfersRequest),
    request_body(content(
        (String = "text/csv"),
        (ImportFundTransfersRequest = "multipart/form-data"),
        (ImportFundTransfersRequest = "application/x-www-form-urlencoded"),
        (ImportFundTransfersRequest = "application/json"),
    )),
    responses((status = 200, description = "What the import did", body = ImportFundTransfersResponse), MakeErrors),
    security(("bearer" = [])),
)]
pub async fn import_fund_transfers(
    State(app): State<App>,
    call: Call<()>,
    Upload(body): Upload,
) -> Result<Json<ImportFundTransfersResponse>, ApiError> {
    let sheet = body.values(sheet::read)?;
    let context = context(&app, &call, None);
    let mut transaction = call.allowed.begin(&app).await?;
    let ImportPlan { rows, entries, books } = plan(&mut transaction, &sheet, call.allowed.viewer.id).await?;
    refuse_errors(&rows)?;
    if !entries.is_empty() {
        let at = context.now.max(books.last_at);
        let ids = post::write(&mut transaction, &entries, at).await.map_err(constraint_error)?;
        let diff = Diff::created(&json!({"transfers": ids}));
        audit::record(&mut transaction, &call.actor, "import", Resource::FundTransfers, "", diff).await?;
    }
    transaction.commit().await?;
    Ok(Json(answer(rows)))
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
