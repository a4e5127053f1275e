//! Forms that are written by hand: inputs with their hints, choices and errors.

use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;

use crate::http::error::{ApiError, FieldErrors};
use crate::http::page::PageError;

/// A choice of a select box.
#[derive(Debug)]
pub struct SelectOption {
    pub value: &'static str,
    pub text: &'static str,
    pub is_selected: bool,
}

/// An input as a page shows it.
#[derive(Debug)]
pub struct InputView {
    pub name: &'static str,
    pub label: &'static str,
    pub hint: &'static str,
    /// The `type` of the input, or `select` or `checkbox`.
    pub kind: &'static str,
    pub value: String,
    pub options: Vec<SelectOption>,
    pub errors: Vec<String>,
    pub is_required: bool,
    pub max_chars: usize,
    pub autocomplete: &'static str,
}

/// The errors of a form that was sent.
#[derive(Debug, Default)]
pub struct Problems {
    by_field: FieldErrors,
    /// An error of no field.
    pub whole: Option<String>,
    status: StatusCode,
    retry_after_s: Option<u64>,
}

/// A form with one button.
#[derive(Debug)]
pub struct FormView {
    pub action: String,
    pub submit: &'static str,
    /// Whether the button is the main one of the page.
    pub is_primary: bool,
    pub hidden: Vec<(&'static str, String)>,
    pub inputs: Vec<InputView>,
    pub whole: Option<String>,
}

impl InputView {
    fn new(kind: &'static str, name: &'static str, label: &'static str) -> Self {
        Self {
            name,
            label,
            hint: "",
            kind,
            value: String::new(),
            options: Vec::new(),
            errors: Vec::new(),
            is_required: true,
            max_chars: 150,
            autocomplete: "off",
        }
    }

    /// A line of text.
    #[must_use]
    pub fn text(name: &'static str, label: &'static str, value: impl Into<String>) -> Self {
        Self { value: value.into(), ..Self::new("text", name, label) }
    }

    /// An e-mail address.
    #[must_use]
    pub fn email(name: &'static str, label: &'static str, value: impl Into<String>) -> Self {
        Self { value: value.into(), autocomplete: "email", ..Self::new("email", name, label) }
    }

    /// A password, which is never shown again.
    #[must_use]
    pub fn password(name: &'static str, label: &'static str, autocomplete: &'static str) -> Self {
        Self { max_chars: 1024, autocomplete, ..Self::new("password", name, label) }
    }

    /// A code of a second factor.
    #[must_use]
    pub fn code(label: &'static str, hint: &'static str) -> Self {
        Self { hint, autocomplete: "one-time-code", max_chars: 100, ..Self::new("text", "code", label) }
    }

    /// A yes or no.
    #[must_use]
    pub fn check(name: &'static str, label: &'static str, is_on: bool) -> Self {
        Self { value: is_on.to_string(), is_required: false, ..Self::new("checkbox", name, label) }
    }

    /// One of some choices: value and text.
    #[must_use]
    pub fn select(
        name: &'static str,
        label: &'static str,
        chosen: &str,
        options: impl IntoIterator<Item = (&'static str, &'static str)>,
    ) -> Self {
        let options = options.into_iter();
        let options = options.map(|(value, text)| SelectOption { value, text, is_selected: value == chosen });
        Self { options: options.collect(), ..Self::new("select", name, label) }
    }

    /// Returns whether a phone must not correct the text or begin it with a capital.
    #[must_use]
    pub fn is_a_word(&self) -> bool {
        matches!(self.autocomplete, "username" | "one-time-code")
    }

    /// Adds a hint.
    #[must_use]
    pub fn with_hint(self, hint: &'static str) -> Self {
        Self { hint, ..self }
    }

    /// Accepts an empty text. It may have `max_chars` characters.
    #[must_use]
    pub fn optional(self, max_chars: usize) -> Self {
        Self { is_required: false, max_chars, ..self }
    }

    /// Names what a browser may fill in.
    #[must_use]
    pub fn filled_with(self, autocomplete: &'static str) -> Self {
        Self { autocomplete, ..self }
    }
}

impl Problems {
    /// Keeps an error that the page with the form shows.
    ///
    /// # Errors
    /// An error that is not about the form.
    pub fn of(error: ApiError) -> Result<Self, PageError> {
        let (status, retry_after_s) = (error.status(), error.retry_after_s());
        let mut by_field = error.messages().cloned().unwrap_or_default();
        let whole = match status {
            StatusCode::BAD_REQUEST => by_field.remove("non_field_errors").map(|texts| texts.join(" ")),
            StatusCode::CONFLICT | StatusCode::PAYLOAD_TOO_LARGE => Some(error.sentence()),
            StatusCode::TOO_MANY_REQUESTS => {
                Some(format!("Too many attempts. Try again in {} seconds.", retry_after_s.unwrap_or(60)))
            }
            _ => return Err(error.into()),
        };
        if by_field.is_empty() && whole.is_none() {
            return Err(error.into());
        }
        Ok(Self { by_field, whole, status, retry_after_s })
    }

    /// Returns whether something is wrong.
    #[must_use]
    pub fn any(&self) -> bool {
        self.whole.is_some() || !self.by_field.is_empty()
    }

    /// Returns the errors at a field.
    #[must_use]
    pub fn at(&self, name: &str) -> Option<String> {
        self.by_field.get(name).map(|messages| messages.join(" "))
    }

    /// Makes the form with the errors at its inputs. Those of fields that it does not have are
    /// shown above it.
    #[must_use]
    pub fn form(
        &self,
        action: impl Into<String>,
        submit: &'static str,
        inputs: impl IntoIterator<Item = InputView>,
    ) -> FormView {
        let mut left = self.by_field.clone();
        let inputs = inputs.into_iter().map(|input| {
            let errors = left.remove(input.name).unwrap_or_default();
            InputView { errors, ..input }
        });
        let inputs = inputs.collect();
        let mut whole: Vec<String> = self.whole.iter().cloned().collect();
        whole.extend(left.into_iter().map(|(name, messages)| format!("{name}: {}", messages.join(" "))));
        let whole = Some(whole.join(" ")).filter(|text| !text.is_empty());
        FormView { action: action.into(), submit, is_primary: true, hidden: Vec::new(), inputs, whole }
    }

    /// Gives a rendered page the status of the error.
    #[must_use]
    pub fn answer(&self, mut page: Response) -> Response {
        *page.status_mut() = self.status;
        if let Some(seconds) = self.retry_after_s {
            page.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        page
    }
}

impl FormView {
    /// Makes the button one of several.
    #[must_use]
    pub fn secondary(self) -> Self {
        Self { is_primary: false, ..self }
    }

    /// Adds a hidden field.
    #[must_use]
    pub fn with_hidden(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.hidden.push((name, value.into()));
        self
    }

    /// Returns whether something is wrong.
    #[must_use]
    pub fn is_wrong(&self) -> bool {
        self.whole.is_some() || self.inputs.iter().any(|input| !input.errors.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_stand_at_their_inputs_and_others_above() {
        let errors = FieldErrors::from([
            ("email".to_owned(), vec!["Enter a valid email address.".to_owned()]),
            ("position".to_owned(), vec!["Only an Owner.".to_owned()]),
        ]);
        let problems = Problems::of(ApiError::fields(errors)).unwrap();
        let form = problems.form(
            "/x/",
            "Save",
            [InputView::email("email", "E-mail", "x"), InputView::text("a", "A", "")],
        );
        assert_eq!(form.inputs[0].errors, ["Enter a valid email address."]);
        assert!(form.inputs[1].errors.is_empty() && form.is_wrong());
        assert_eq!(form.whole.as_deref(), Some("position: Only an Owner."));
        let limited = Problems::of(ApiError::throttled(7)).unwrap();
        assert_eq!(limited.whole.as_deref(), Some("Too many attempts. Try again in 7 seconds."));
        assert!(Problems::of(ApiError::forbidden()).is_err() && Problems::of(ApiError::not_found()).is_err());
        assert!(!Problems::default().any());
    }
}
