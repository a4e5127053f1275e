//! The user who sent a request, and the proof of their identity.

use crate::time_zone::TimeZone;
use uuid::Uuid;

use crate::policy::Position;
use crate::preferences::Preferences;

/// The user of a request.
#[derive(Debug, Clone)]
pub struct Viewer {
    pub id: i64,
    pub username: String,
    pub email: String,
    pub first_name: String,
    pub last_name: String,
    pub position: Position,
    pub time_zone: TimeZone,
    pub preferences: Preferences,
    /// Id and name of the team that a lead leads, or that a buyer is in now.
    pub team: Option<(i64, String)>,
}

impl Viewer {
    /// Returns first and last name, or the username if both are empty.
    #[must_use]
    pub fn display_name(&self) -> String {
        let names = format!("{} {}", self.first_name, self.last_name);
        if names.trim().is_empty() { self.username.clone() } else { names.trim().to_owned() }
    }

    /// Returns the texts that a new password must not be guessed from.
    #[must_use]
    pub fn about_user(&self) -> [&str; 4] {
        [&self.username, &self.email, &self.first_name, &self.last_name]
    }
}

/// The credential of a request. It may be revoked while the request is in progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Credential {
    /// The login of a browser, or of a program (a token family).
    Login(Uuid),
    /// An API token.
    ApiToken(i64),
}

impl Credential {
    /// Returns the id of the login, unless the credential is an API token.
    #[must_use]
    pub const fn login(self) -> Option<Uuid> {
        match self {
            Self::Login(id) => Some(id),
            Self::ApiToken(_) => None,
        }
    }

    /// Returns the id of the API token.
    #[must_use]
    pub const fn api_token(self) -> Option<i64> {
        match self {
            Self::Login(_) => None,
            Self::ApiToken(id) => Some(id),
        }
    }
}
