//! The errors of a body. Reading a field adds to them, and so do rules that need the database.

use crate::http::error::{ApiError, FieldErrors};

pub(super) const REQUIRED: &str = "This field is required.";

/// The errors of a body, by field.
#[derive(Debug, Default)]
pub struct Errors {
    by_field: FieldErrors,
    /// The body has no names, so that no error at a field helps.
    is_no_dictionary: bool,
}

impl Errors {
    /// The one error of a body that has no names.
    pub(super) fn of_the_whole(message: String) -> Self {
        let by_field = FieldErrors::from([("non_field_errors".to_owned(), vec![message])]);
        Self { by_field, is_no_dictionary: true }
    }

    /// Adds an error to a field.
    pub fn fail(&mut self, name: &str, message: impl Into<String>) {
        if !self.is_no_dictionary {
            self.by_field.entry(name.to_owned()).or_default().push(message.into());
        }
    }

    /// Returns the value, or adds the message to the field and returns `None`.
    pub fn accept<T>(&mut self, name: &str, read: Result<T, String>) -> Option<T> {
        read.map_err(|message| self.fail(name, message)).ok()
    }

    /// Adds that a field is missing, unless it was sent and is wrong.
    pub fn fail_missing(&mut self, name: &str) {
        if !self.by_field.contains_key(name) {
            self.fail(name, REQUIRED);
        }
    }

    /// Accepts that a field is missing.
    pub fn forgive_missing(&mut self, name: &str) {
        if self.by_field.get(name).is_some_and(|messages| *messages == [REQUIRED]) {
            self.by_field.remove(name);
        }
    }

    /// `None` if something is wrong.
    #[must_use]
    pub fn ok(&self) -> Option<()> {
        self.by_field.is_empty().then_some(())
    }

    /// Passes if nothing is wrong.
    ///
    /// # Errors
    /// 400 with the messages by field.
    pub fn finish(&self) -> Result<(), ApiError> {
        self.messages().map_err(ApiError::fields)
    }

    /// Passes if nothing is wrong.
    ///
    /// # Errors
    /// The messages by field.
    pub(super) fn messages(&self) -> Result<(), FieldErrors> {
        if self.by_field.is_empty() { Ok(()) } else { Err(self.by_field.clone()) }
    }

    /// The messages by field.
    #[must_use]
    pub fn into_messages(self) -> FieldErrors {
        self.by_field
    }
}
