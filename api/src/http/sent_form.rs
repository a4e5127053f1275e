//! A form of a page, as a browser sent it. It is read before its token is verified.

use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;

use crate::http::allowed::{Files, Form};
use crate::http::auth::csrf;
use crate::http::body;
use crate::http::error::ApiError;
use crate::http::kept_form::KeptForm;
use crate::http::state::App;

/// The largest bodies of a form.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Of fields alone.
    pub text_bytes: usize,
    /// With files.
    pub upload_bytes: usize,
}

/// A form whose token was not verified yet.
#[derive(Debug)]
pub struct SentForm {
    parts: Parts,
    fields: Vec<(String, String)>,
    files: Vec<(String, Bytes)>,
}

/// Returns whether the body of a request may have files.
#[must_use]
pub fn may_have_files(request: &Request) -> bool {
    multipart_type(request).is_some()
}

fn multipart_type(request: &Request) -> Option<&str> {
    let content_type = request.headers().get(CONTENT_TYPE)?.to_str().ok()?;
    body::is_multipart(content_type).then_some(content_type)
}

impl SentForm {
    /// Reads the body of a request.
    ///
    /// # Errors
    /// 413 for a body that is too large, 400 for one that cannot be read.
    pub async fn read(mut request: Request, app: &App, limits: Limits) -> Result<Self, ApiError> {
        let content_type = multipart_type(&request).map(str::to_owned);
        let max_bytes = if content_type.is_some() { limits.upload_bytes } else { limits.text_bytes };
        DefaultBodyLimit::max(max_bytes).apply(&mut request);
        let (parts, whole) = request.into_parts();
        let request = Request::from_parts(parts.clone(), whole);
        let bytes = body::read_bytes_within(request, app, max_bytes).await?;
        let (fields, files) = match content_type {
            Some(content_type) => body::read_parts(&content_type, bytes).await?,
            None => (form_urlencoded::parse(&bytes).into_owned().collect(), Vec::new()),
        };
        Ok(Self { parts, fields, files })
    }

    /// Returns whether the form has the token of this secret.
    #[must_use]
    pub fn has_token(&self, secret: &[u8; 32]) -> bool {
        let token = self.fields.iter().find(|(name, _)| name == csrf::FIELD);
        token.is_some_and(|(_, token)| csrf::matches(secret, token))
    }

    /// Returns the form to be sent again after a login. Files are not kept.
    #[must_use]
    pub fn kept(&self) -> Option<KeptForm> {
        let has_files = !self.files.is_empty();
        if has_files { None } else { KeptForm::of(self.parts.uri.path(), &self.fields) }
    }

    /// Verifies the token, and passes on the fields and files to the handler.
    ///
    /// # Errors
    /// 403 for another token, 400 for null characters.
    pub fn verified(self, secret: &[u8; 32]) -> Result<Request, ApiError> {
        if !self.has_token(secret) {
            return Err(ApiError::bad_form_token());
        }
        if self.fields.iter().any(|(_, value)| value.contains('\0')) {
            return Err(ApiError::field("form", "Null characters are not allowed."));
        }
        let mut request = Request::from_parts(self.parts, Body::empty());
        request.extensions_mut().insert(Form(self.fields));
        request.extensions_mut().insert(Files(self.files));
        Ok(request)
    }
}
