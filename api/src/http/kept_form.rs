//! A form that was sent after its session had ended. The page of the login carries it, and after
//! the login its owner sees it and may send it again.
//!
//! The form's CSRF token is a secret of the session for which the form was made, also after the
//! session has ended. So a form that another site made up is not kept, and nobody sees or sends the
//! input of another person. Nothing is done without a second press of a button.

use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sqlx::PgPool;

use crate::db::sessions;
use crate::http::auth::csrf;
use crate::http::error::ApiError;
use crate::http::page::Frame;

/// The field of the login forms that carries a kept form.
pub const FIELD: &str = "kept_form";
/// The largest kept form, as the field carries it.
pub const MAX_BYTES: usize = 96 * 1024;
/// Fields that no person has entered. They are sent again, but not shown.
const UNSEEN: [&str; 3] = ["version", "before", "idempotency_key"];
/// The answer to a page that asks before it does something. That page is shown again.
const CONFIRMED: &str = "confirmed";

/// The path, the token and the fields of a form.
#[derive(Debug, Serialize, Deserialize)]
pub struct KeptForm {
    path: String,
    token: String,
    fields: Vec<(String, String)>,
}

/// A page that shows a kept form, with a button that sends it.
#[derive(Debug, Template)]
#[template(path = "kept_form.html")]
pub struct KeptFormPage {
    frame: Frame,
    csrf: String,
    form: KeptForm,
    /// Labels and texts of what was entered.
    entered: Vec<(String, Vec<String>)>,
}

impl KeptForm {
    /// Keeps what a person has entered, without secrets. `None` if nothing is left, or too much.
    #[must_use]
    pub fn of(path: &str, fields: &[(String, String)]) -> Option<Self> {
        let token = fields.iter().find(|(name, _)| name == csrf::FIELD)?.1.clone();
        let is_kept = |name: &str| name != csrf::FIELD && name != CONFIRMED && !is_secret(name);
        let fields = fields.iter().filter(|(name, _)| is_kept(name)).cloned().collect();
        let form = Self { path: path.to_owned(), token, fields };
        let is_empty = form.entered().is_empty();
        Some(form).filter(|form| !is_empty && form.write().len() <= MAX_BYTES)
    }

    /// Reads the field of a login form. Its owner is not known yet.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let form: Self = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        Some(form).filter(|form| form.path.starts_with('/') && !form.path.starts_with("//"))
    }

    /// Writes the field of a login form.
    #[must_use]
    pub fn write(&self) -> String {
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default())
    }

    /// Returns whether the form was made for this user.
    pub async fn is_of(&self, pool: &PgPool, user_id: i64) -> Result<bool, ApiError> {
        Ok(self.owner(pool).await? == Some(user_id))
    }

    /// Returns the user for whom the form was made. `None` if its token is of no session.
    pub async fn owner(&self, pool: &PgPool) -> Result<Option<i64>, ApiError> {
        let Some(secret) = csrf::read(&self.token) else { return Ok(None) };
        Ok(sessions::user_of_csrf(pool, &secret).await?)
    }

    /// Makes the page for its owner.
    #[must_use]
    pub fn page(self, frame: Frame, csrf: String) -> KeptFormPage {
        KeptFormPage { frame, csrf, entered: self.entered(), form: self }
    }

    fn entered(&self) -> Vec<(String, Vec<String>)> {
        let mut entered: Vec<(String, Vec<String>)> = Vec::new();
        let seen =
            self.fields.iter().filter(|(name, text)| !text.is_empty() && !UNSEEN.contains(&name.as_str()));
        for (name, text) in seen {
            let label = label(name);
            match entered.iter_mut().find(|(known, _)| *known == label) {
                Some((_, texts)) => texts.push(text.clone()),
                None => entered.push((label, vec![text.clone()])),
            }
        }
        entered
    }
}

/// Passwords and one-time codes are entered again.
fn is_secret(name: &str) -> bool {
    name.contains("password") || ["code", "token", "ticket"].contains(&name)
}

/// Returns the words of a field's name: `First name` of `first_name`.
fn label(name: &str) -> String {
    let words = name.replace(['_', '.'], " ");
    let mut chars = words.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn secrets_and_confirmations_are_not_kept() {
        let sent = fields(&[
            ("csrf_token", "t"),
            ("first_name", "Ünal\r\n<b>"),
            ("new_password", "x"),
            ("code", "123456"),
            ("confirmed", "yes"),
            ("version", "\"7\""),
            ("members", "1"),
            ("members", "2"),
        ]);
        let kept = KeptForm::read(&KeptForm::of("/users/1/update/", &sent).unwrap().write()).unwrap();
        assert_eq!((kept.path.as_str(), kept.token.as_str()), ("/users/1/update/", "t"));
        let names: Vec<&str> = kept.fields.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["first_name", "version", "members", "members"]);
        let entered = [("First name", vec!["Ünal\r\n<b>"]), ("Members", vec!["1", "2"])];
        assert_eq!(
            kept.entered(),
            entered.map(|(label, texts)| (label.to_owned(), texts.into_iter().map(str::to_owned).collect()))
        );
    }

    #[test]
    fn nothing_is_kept_of_an_empty_or_a_huge_form() {
        let empty = fields(&[("csrf_token", "t"), ("password", "x"), ("version", "1"), ("name", "")]);
        assert!(KeptForm::of("/", &empty).is_none());
        assert!(KeptForm::of("/", &fields(&[("name", "x")])).is_none(), "no token");
        let huge = "x".repeat(MAX_BYTES);
        assert!(KeptForm::of("/", &fields(&[("csrf_token", "t"), ("name", &huge)])).is_none());
        for garbage in ["", "%%%", "e30", "AAAA"] {
            assert!(KeptForm::read(garbage).is_none(), "{garbage}");
        }
    }
}
