//! Errors of ClickHouse: the code in the engine's message, and the HTTP status that a ClickHouse
//! server uses for it (`exceptionCodeToHTTPStatus` in its sources). Messages are passed on
//! unchanged.

use hyper::StatusCode;

use super::library::EngineError;

/// An error as the client sees it.
#[derive(Debug, Clone)]
pub struct ClickHouseError {
    /// The error code of ClickHouse.
    pub code: u32,
    /// The whole message, which starts with `Code: N. DB::Exception:`.
    pub message: String,
}

impl ClickHouseError {
    /// Returns an error of this server, in the format of the engine.
    pub fn new(code: u32, name: &str, text: &str) -> Self {
        Self { code, message: format!("Code: {code}. DB::Exception: {text}. ({name})") }
    }

    /// Returns `BAD_ARGUMENTS`: the request itself is wrong.
    pub fn bad_arguments(text: &str) -> Self {
        Self::new(36, "BAD_ARGUMENTS", text)
    }

    /// Returns the error for a feature that this server does not have.
    pub fn not_implemented(text: &str) -> Self {
        Self::new(48, "NOT_IMPLEMENTED", text)
    }

    /// Returns the HTTP status of this code.
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
