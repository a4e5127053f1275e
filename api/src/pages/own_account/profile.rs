//! `/account/`: profile, preferences, and the code for landing pages.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use sluice_schemas::currency;

use crate::account::profile;
use crate::db::users::{self, UserRow, Visible};
use crate::http::allowed::{Allowed, Form};
use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::page::{Frame, PageError, render};
use crate::http::request::Body;
use crate::http::state::App;
use crate::pages::input::{FormView, InputView, Problems};
use crate::pages::own_account::sections::{Shell, done, open};
use crate::snippet::Snippet;
use crate::time_zone::TimeZone;

const HREF: &str = "/account/";

#[derive(Template)]
#[template(path = "account_profile.html")]
struct ProfilePage {
    frame: Frame,
    shell: Shell,
    facts: Vec<(&'static str, String)>,
    /// The version of the image; `None` without an image.
    image: Option<String>,
    image_error: Option<String>,
    profile: FormView,
    preferences: FormView,
    snippet: Snippet,
}

/// `GET /account/`.
pub async fn show_account(State(app): State<App>, allowed: Allowed) -> Result<Response, PageError> {
    page(&app, &allowed, &Form::default(), &Problems::default(), None).await
}

/// `POST /account/`: saves the fields that were sent.
pub async fn update_account(
    State(app): State<App>,
    call: Call<()>,
    form: Form,
) -> Result<Response, PageError> {
    let allowed = call.allowed.clone();
    match profile::change(&app, call, Body::of(form.fields())).await {
        Ok(_) => Ok(done(HREF, "Saved.")),
        Err(error) => {
            let problems = Problems::of(error)?;
            Ok(problems.answer(page(&app, &allowed, &form, &problems, None).await?))
        }
    }
}

/// Shows the page after an image that was not accepted.
///
/// # Errors
/// An error that is not about the image.
pub async fn with_image_error(app: &App, allowed: &Allowed, error: ApiError) -> Result<Response, PageError> {
    let problems = Problems::of(error)?;
    let message = problems.at("image").or_else(|| problems.whole.clone()).unwrap_or_default();
    Ok(problems.answer(page(app, allowed, &Form::default(), &Problems::default(), Some(message)).await?))
}

/// Shows the stored values, or those that were sent and not saved.
async fn page(
    app: &App,
    allowed: &Allowed,
    sent: &Form,
    problems: &Problems,
    image_error: Option<String>,
) -> Result<Response, PageError> {
    let viewer = &allowed.viewer;
    let visible = Visible::of(viewer, allowed.grant.scope);
    let row = users::find(&app.postgres, viewer.id, visible).await?.ok_or_else(ApiError::not_found)?;
    let team = viewer.team.as_ref().map_or_else(|| "no team".to_owned(), |(_, name)| name.clone());
    let facts = vec![
        ("Id", viewer.id.to_string()),
        ("Username", viewer.username.clone()),
        ("Position", viewer.position.as_str().to_owned()),
        ("Team", team),
    ];
    // Each form shows the errors of its own fields.
    let none = Problems::default();
    let (of_profile, of_preferences) =
        if sent.has("time_zone") { (&none, problems) } else { (problems, &none) };
    let (frame, shell) = open(allowed, HREF);
    render(&ProfilePage {
        frame,
        shell,
        facts,
        image_error,
        image: row.has_image.then(|| row.version.to_string()),
        profile: of_profile.form(HREF, "Save profile", profile_inputs(&row, sent)),
        preferences: of_preferences.form(HREF, "Save preferences", preference_inputs(&row, sent)),
        snippet: Snippet::new(&app.config.edge, viewer.id),
    })
}

fn profile_inputs(row: &UserRow, sent: &Form) -> [InputView; 3] {
    let value = |name: &str, stored: &str| sent.text_or(name, stored).to_owned();
    [
        InputView::text("first_name", "First name", value("first_name", &row.first_name))
            .optional(30)
            .filled_with("given-name"),
        InputView::text("last_name", "Last name", value("last_name", &row.last_name))
            .optional(30)
            .filled_with("family-name"),
        InputView::email("email", "E-mail", value("email", &row.email)).optional(254),
    ]
}

fn preference_inputs(row: &UserRow, sent: &Form) -> [InputView; 5] {
    let chosen = |name: &str, stored: &str| sent.text_or(name, stored).to_owned();
    let zones = TimeZone::names().map(|name| (name, name));
    let shortcuts = sent.last("shortcuts").map_or(row.shortcuts, |text| text == "true");
    [
        InputView::select("time_zone", "Time zone", &chosen("time_zone", &row.time_zone), zones)
            .with_hint("All pages show times and days in this time zone."),
        InputView::select(
            "week_start",
            "First day of the week",
            &chosen("week_start", &row.week_start),
            [("monday", "Monday"), ("sunday", "Sunday"), ("saturday", "Saturday")],
        ),
        InputView::select(
            "report_currency",
            "Currency of reports",
            &chosen("report_currency", &row.report_currency),
            currency::codes().map(|code| (code, code)),
        ),
        InputView::select(
            "theme",
            "Colors",
            &chosen("theme", &row.theme),
            [("auto", "As my system"), ("light", "Light"), ("dark", "Dark")],
        ),
        InputView::check("shortcuts", "Keyboard shortcuts", shortcuts)
            .with_hint("The key ? shows them. None works while you type."),
    ]
}
