//! Errors in ClickHouse's words: the code out of the engine's message, and the HTTP status that ClickHouse's server
//! answers for it (`exceptionCodeToHTTPStatus` in its sources). Messages are passed on as they are.

use hyper::StatusCode;

use super::library::EngineError;

/// An error as the client sees it.
#[derive(Debug, Clone)]
pub struct ClickHouseError {
    /// ClickHouse's error code.
    pub code: u32,
    /// The whole message, starting with `Code: N. DB::Exception:`.
    pub message: String,
}

impl ClickHouseError {
    /// An error of this server's own, in the engine's form.
    pub fn new(code: u32, name: &str, text: &str) -> Self {
        Self { code, message: format!("Code: {code}. DB::Exception: {text}. ({name})") }
    }

    /// `BAD_ARGUMENTS`: the request itself is wrong.
    pub fn bad_arguments(text: &str) -> Self {
        Self::new(36, "BAD_ARGUMENTS", text)
    }

    /// The refusal of something this server leaves out.
    pub fn not_implemented(text: &str) -> Self {
        Self::new(48, "NOT_IMPLEMENTED", text)
    }

    /// The status that ClickHouse's server answers for this code.
    pub fn status(&self) -> StatusCode {
        match self.code {
            6 | 8 | 15 | 25 | 26 | 27 | 36 | 38 | 41 | 44 | 53 | 62 | 72 | 117 | 167 | 168 | 223 | 321
            | 376 | 427 | 441 | 675 | 676 => StatusCode::BAD_REQUEST,
            46 | 47 | 50 | 56 | 60 | 63 | 73 | 78 | 81 | 115 | 336 | 511 => StatusCode::NOT_FOUND,
            192 | 193 | 497 | 512 | 516 => StatusCode::FORBIDDEN,
            194 => StatusCode::UNAUTHORIZED,
            307 => StatusCode::PAYLOAD_TOO_LARGE,
            76 | 209 | 439 => StatusCode::SERVICE_UNAVAILABLE,
            48 => StatusCode::NOT_IMPLEMENTED,
            159 => StatusCode::REQUEST_TIMEOUT,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl From<EngineError> for ClickHouseError {
    fn from(EngineError(message): EngineError) -> Self {
        let code = message
            .strip_prefix("Code: ")
            .and_then(|rest| rest.split('.').next())
            .and_then(|digits| digits.parse().ok())
            .unwrap_or(1001);
        Self { code, message }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_code_and_status_from_the_message() {
        let text = "Code: 60. DB::Exception: Unknown table expression identifier 'x'. (UNKNOWN_TABLE)";
        let error = ClickHouseError::from(EngineError(text.into()));
        assert_eq!((error.code, error.status()), (60, StatusCode::NOT_FOUND));
        let error = ClickHouseError::from(EngineError("std::exception".into()));
        assert_eq!((error.code, error.status()), (1001, StatusCode::INTERNAL_SERVER_ERROR));
    }
}
