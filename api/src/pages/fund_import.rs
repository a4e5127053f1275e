//! `/funds/import/`: a file of spend. The first form shows what each row would do; only the second
//! one records.

use askama::Template;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Map, Value};

use crate::http::allowed::{Files, Form};
use crate::http::error::ApiError;
use crate::http::in_process::{Api, Sent};
use crate::http::notice::redirect;
use crate::http::page::{Frame, PageError, Section, render};
use crate::pages::calls::messages;
use crate::pages::create::{is_about_form, others};
use crate::pages::entity::description::{ACCOUNT_PICK, Forms, Input, Widget};
use crate::pages::form::{self, FieldView, Messages, Texts};
use crate::pages::table::plain;

static INPUTS: [Input; 8] = [
    Input::new(
        "account_id",
        "Ad account",
        Widget::Pick(ACCOUNT_PICK),
        "Of all rows. Else a column names it.",
    ),
    Input::new(
        "separator",
        "Separator",
        Widget::Choice(&[",", ";", "tab"]),
        "Found in the first row if empty.",
    ),
    Input::new("decimal", "Decimal separator", Widget::Choice(&[".", ","]), ""),
    Input::new(
        "date_column",
        "Column of the date",
        Widget::Line(100),
        "If it has an uncommon name. So do the next.",
    ),
    Input::new("amount_column", "Column of the amount", Widget::Line(100), ""),
    Input::new("reference_column", "Column of the reference", Widget::Line(100), ""),
    Input::new("account_column", "Column of the ad account", Widget::Line(100), ""),
    Input::new("currency_column", "Column of the currency", Widget::Line(100), ""),
];

#[derive(Template)]
#[template(path = "fund_import.html")]
struct ImportPage {
    frame: Frame,
    csrf: String,
    fields: Vec<FieldView>,
    errors: Vec<String>,
    /// The content of the file, once it was sent.
    file: String,
    preview: Option<Preview>,
}

impl ImportPage {
    fn has_errors(&self) -> bool {
        form::has_errors(&self.fields, &self.errors)
    }
}

/// The result that the import would have.
#[derive(Debug)]
struct Preview {
    n_recorded: u64,
    n_left_out: u64,
    n_errors: u64,
    rows: Vec<RowView>,
}

/// A row of the file.
#[derive(Debug)]
struct RowView {
    number: String,
    date: String,
    account: String,
    amount: String,
    reference: String,
    outcome: String,
    class: &'static str,
    errors: Vec<String>,
}

/// `GET /funds/import/`.
///
/// # Errors
/// When the API fails.
pub async fn show(api: Api) -> Result<Response, PageError> {
    render(&page(&api, &Texts::new(), &Messages::new(), String::new(), None).await?)
}

/// `POST /funds/import/`: shows what the file would do; with `confirmed` records it.
///
/// # Errors
/// An error that is not about the form.
pub async fn submit(api: Api, form: Form, files: Files) -> Result<Response, PageError> {
    let inputs: Vec<&'static Input> = INPUTS.iter().collect();
    let texts = form::texts_sent(&inputs, &form);
    let uploaded = files.find("file").filter(|bytes| !bytes.is_empty());
    // Invalid UTF-8 becomes a replacement character, for which the API refuses the file.
    let file = uploaded.map_or_else(
        || form.text("content").to_owned(),
        |bytes| String::from_utf8_lossy(&bytes).into_owned(),
    );
    let mut body: Map<String, Value> = texts
        .iter()
        .filter_map(|(name, texts)| Some(((*name).to_owned(), Value::from(texts.first()?.clone()))))
        .collect();
    body.insert("file".to_owned(), Value::from(file.clone()));
    let is_confirmed = form.text("confirmed") == "yes";
    let path =
        if is_confirmed { "/api/funds/transfers/import/" } else { "/api/funds/transfers/import/preview/" };
    let sent = Sent { body: Value::Object(body), ..Sent::default() };
    match api.call(Method::POST, path, sent).await {
        Ok(reply) if is_confirmed => {
            let n = reply.body.get("n_recorded").and_then(Value::as_u64).unwrap_or_default();
            Ok(redirect("/funds/transfers/", &format!("Recorded {n} rows.")))
        }
        Ok(reply) => {
            let preview = preview(&reply.body);
            render(&page(&api, &texts, &Messages::new(), file, Some(preview)).await?)
        }
        Err(error) if is_about_form(&error) || error.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            let page = page(&api, &texts, &messages(&error), String::new(), None).await?;
            Ok((error.status(), render(&page)?).into_response())
        }
        Err(error) => Err(error.into()),
    }
}

async fn page(
    api: &Api,
    texts: &Texts,
    messages: &Messages,
    file: String,
    preview: Option<Preview>,
) -> Result<ImportPage, ApiError> {
    let inputs = form::inputs(&INPUTS, Forms::Both, api.caller().viewer.position);
    Ok(ImportPage {
        frame: Frame::new(api.caller(), Section::Funds),
        csrf: Frame::csrf(api.caller()),
        fields: form::fields(api, &inputs, texts, messages, &Default::default()).await?,
        errors: others(&inputs, messages),
        file,
        preview,
    })
}

fn preview(reply: &Value) -> Preview {
    let count = |key: &str| reply.get(key).and_then(Value::as_u64).unwrap_or_default();
    let rows = reply.get("rows").and_then(Value::as_array).into_iter().flatten();
    Preview {
        n_recorded: count("n_recorded"),
        n_left_out: count("n_left_out"),
        n_errors: count("n_errors"),
        rows: rows.map(row_view).collect(),
    }
}

fn row_view(row: &Value) -> RowView {
    let text = |key: &str| row.get(key).map(plain).unwrap_or_default();
    let errors = row.get("errors").and_then(Value::as_object).into_iter().flatten();
    let outcome = text("outcome");
    RowView {
        number: text("row"),
        date: text("date"),
        account: text("account_id"),
        amount: format!("{} {}", text("amount"), text("currency")).trim().to_owned(),
        reference: text("reference"),
        class: match outcome.as_str() {
            "record" => "sale",
            "error" => "rejected",
            _ => "trash",
        },
        outcome,
        errors: errors.map(|(name, texts)| format!("{name}: {}", plain(texts))).collect(),
    }
}
