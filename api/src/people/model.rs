//! Requests and responses of people.

use axum::Json;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::db::users::{UserEdit, UserRow};
use crate::http::fields::types::CurrencyOrDollar;
use crate::http::json_values;
use crate::http::precondition::set_version;
use crate::http::request::request;
use crate::people::rules::{
    Email, NewPassword, NewPosition, PersonName, PositionOrBuyer, TimeZone, Username,
};
use crate::policy::Position;
use crate::preferences::{Preferences, Theme, WeekStart};

/// A user.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct UserResponse {
    pub id: i64,
    pub username: String,
    pub email: String,
    pub first_name: String,
    pub last_name: String,
    #[schema(value_type = Position)]
    pub position: String,
    pub is_active: bool,
    /// Whether the user registered and waits for the approval of an Owner.
    pub awaits_approval: bool,
    /// The team that a Team Lead leads, or whose member a Buyer is.
    pub team_id: Option<i64>,
    /// Name of a time zone, like `Europe/Berlin`.
    pub time_zone: String,
    /// Whether the user's logins need a code.
    pub has_second_factor: bool,
    /// Path of the image. Null without an image.
    pub image: Option<String>,
    pub created_at: String,
    pub last_login: Option<String>,
    /// Only in lists of deleted users.
    #[schema(format = DateTime)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archived_at: Option<String>,
}

impl From<UserRow> for UserResponse {
    fn from(row: UserRow) -> Self {
        Self {
            id: row.id,
            username: row.username,
            email: row.email,
            first_name: row.first_name,
            last_name: row.last_name,
            position: row.position,
            is_active: row.is_active,
            awaits_approval: row.awaits_approval,
            team_id: row.team_id,
            time_zone: row.time_zone,
            has_second_factor: row.has_second_factor,
            image: row.has_image.then(|| format!("/api/users/{}/image/", row.id)),
            created_at: json_values::time(row.created_at.timestamp_millis()),
            last_login: json_values::optional_time(row.last_login),
            archived_at: json_values::optional_time(row.archived_at),
        }
    }
}

/// The caller's own account: the user and their preferences.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AccountResponse {
    #[serde(flatten)]
    pub user: UserResponse,
    pub week_start: WeekStart,
    pub theme: Theme,
    /// Whether keys are shortcuts on pages.
    pub shortcuts: bool,
    /// Currency of reports (ISO 4217).
    pub report_currency: String,
}

impl From<UserRow> for AccountResponse {
    fn from(row: UserRow) -> Self {
        let Preferences { week_start, theme, shortcuts, report_currency } = row.preferences();
        let report_currency = report_currency.to_owned();
        Self { week_start, theme, shortcuts, report_currency, user: row.into() }
    }
}

/// Makes a response with a user, and their version as `ETag`.
#[must_use]
pub fn answer(row: UserRow) -> Response {
    let version = row.version;
    let mut response = Json(UserResponse::from(row)).into_response();
    set_version(&mut response, version);
    response
}

request! {
    /// A new account.
    pub struct RegisterUserRequest {
        /// Up to 150 letters, digits and `@ . + - _`, unique regardless of case.
        pub username: Username,
        pub email: Email,
        /// At least 8 characters, and not easy to guess.
        pub password: NewPassword,
        pub first_name: PersonName,
        pub last_name: PersonName,
        /// The default is `Buyer`. Only an Owner can register another position.
        pub position: PositionOrBuyer,
    }
}

request! {
    /// New values of a user.
    pub struct ReplaceUserRequest {
        pub username: Username,
        /// Becomes blank if omitted. So do the names.
        pub email: Email,
        pub first_name: PersonName,
        pub last_name: PersonName,
        /// Keeps its value if omitted. So do `is_active` and `time_zone`.
        pub position: Option<NewPosition>,
        pub is_active: Option<bool>,
        /// Name of a time zone, like `Europe/Berlin`.
        pub time_zone: Option<TimeZone>,
    }
}

request! {
    /// The fields to change.
    pub struct UpdateUserRequest {
        pub username: Option<Username>,
        pub email: Option<Email>,
        pub first_name: Option<PersonName>,
        pub last_name: Option<PersonName>,
        pub position: Option<NewPosition>,
        pub is_active: Option<bool>,
        pub time_zone: Option<TimeZone>,
    }
}

request! {
    /// The fields to change.
    pub struct UpdateAccountRequest {
        pub email: Option<Email>,
        pub first_name: Option<PersonName>,
        pub last_name: Option<PersonName>,
        /// Name of a time zone, like `Europe/Berlin`.
        pub time_zone: Option<TimeZone>,
        pub week_start: Option<WeekStart>,
        pub theme: Option<Theme>,
        /// Whether keys are shortcuts on pages.
        pub shortcuts: Option<bool>,
        /// Currency of reports (ISO 4217).
        pub report_currency: Option<CurrencyOrDollar>,
    }
}

impl RegisterUserRequest {
    /// Returns the texts about the user that the password must not be guessed from.
    #[must_use]
    pub fn about_user(&self) -> [&str; 4] {
        [&self.username.0, &self.email.0, &self.first_name.0, &self.last_name.0]
    }
}

/// A replacement keeps an omitted `position`, `is_active` or `time_zone`, so that a forgotten field
/// demotes nobody.
impl From<ReplaceUserRequest> for UpdateUserRequest {
    fn from(request: ReplaceUserRequest) -> Self {
        Self {
            username: Some(request.username),
            email: Some(request.email),
            first_name: Some(request.first_name),
            last_name: Some(request.last_name),
            position: request.position,
            is_active: request.is_active,
            time_zone: request.time_zone,
        }
    }
}

impl From<UpdateAccountRequest> for UpdateUserRequest {
    fn from(request: UpdateAccountRequest) -> Self {
        Self {
            username: None,
            email: request.email,
            first_name: request.first_name,
            last_name: request.last_name,
            position: None,
            is_active: None,
            time_zone: request.time_zone,
        }
    }
}

impl UpdateAccountRequest {
    /// Applies the changes to the present values of the account.
    #[must_use]
    pub fn applied_to(self, old: UserEdit) -> UserEdit {
        let now = old.preferences;
        let preferences = Preferences {
            week_start: self.week_start.unwrap_or(now.week_start),
            theme: self.theme.unwrap_or(now.theme),
            shortcuts: self.shortcuts.unwrap_or(now.shortcuts),
            report_currency: self.report_currency.map_or(now.report_currency, |currency| currency.0.code),
        };
        UserEdit { preferences, ..UpdateUserRequest::from(self).applied_to(old) }
    }
}

impl UpdateUserRequest {
    /// Applies the changes to the present values of a user.
    #[must_use]
    pub fn applied_to(self, old: UserEdit) -> UserEdit {
        UserEdit {
            username: self.username.map_or(old.username, |username| username.0),
            email: self.email.map_or(old.email, |email| email.0),
            first_name: self.first_name.map_or(old.first_name, |name| name.0),
            last_name: self.last_name.map_or(old.last_name, |name| name.0),
            position: self.position.map_or(old.position, |position| position.0),
            is_active: self.is_active.unwrap_or(old.is_active),
            time_zone: self.time_zone.map_or(old.time_zone, |zone| zone.0),
            preferences: old.preferences,
        }
    }
}
