//! The errors of Postgres, ClickHouse and Kafka as errors of the API: temporary ones are 503, and a
//! violated constraint may be an error of a field or a conflict.

use crate::db::violated_constraint;
use crate::event_edits::SubmitError;
use crate::http::error::ApiError;

impl From<sqlx::Error> for ApiError {
    fn from(error: sqlx::Error) -> Self {
        // Temporary errors. Classes of SQLSTATE: 08 no connection, 40 conflict with another
        // transaction, 53 no resources, 57P stopped by an operator, 57014 ran too long.
        let is_temporary = match &error {
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed => true,
            sqlx::Error::Database(error) => error.code().is_some_and(|code| {
                ["08", "40", "53", "57P", "57014"].iter().any(|class| code.starts_with(class))
            }),
            _ => false,
        };
        if is_temporary {
            tracing::warn!(%error, "postgres is not available");
            Self::unavailable("postgres")
        } else {
            Self::internal(&error)
        }
    }
}

impl From<SubmitError> for ApiError {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::Unavailable => Self::unavailable("kafka"),
            SubmitError::Broken(error) => Self::internal(&error),
            SubmitError::Missing => Self::not_found(),
            SubmitError::ChangedSince => Self::changed_since(),
            SubmitError::Refused(reason) => Self::conflict(format!("It changed meanwhile: {reason}.")),
        }
    }
}

impl From<clickhouse::error::Error> for ApiError {
    fn from(error: clickhouse::error::Error) -> Self {
        use clickhouse::error::Error;
        // Temporary errors. 159: the query ran too long. 202: too many queries. 241: over the
        // memory limit.
        let is_temporary = match &error {
            Error::Network(_) | Error::TimedOut => true,
            Error::BadResponse(text) => {
                ["Code: 159", "Code: 202", "Code: 241"].iter().any(|code| text.contains(code))
            }
            _ => false,
        };
        if is_temporary {
            tracing::warn!(%error, "clickhouse is not available");
            Self::unavailable("clickhouse")
        } else {
            Self::internal(&error)
        }
    }
}

/// Maps the violation of a constraint to an error of a field. `known` lists constraint, field and
/// message. Every other error keeps its meaning.
#[must_use]
pub fn constraint_to_field(error: sqlx::Error, known: &[(&str, &str, &str)]) -> ApiError {
    let found = violated_constraint(&error)
        .and_then(|constraint| known.iter().find(|(known, _, _)| *known == constraint));
    match found {
        Some((_, field, message)) => ApiError::field(field, *message),
        None => error.into(),
    }
}

/// Maps the violation of a constraint to a conflict. `known` lists constraint and message. Every
/// other error keeps its meaning.
#[must_use]
pub fn constraint_to_conflict(error: sqlx::Error, known: &[(&str, &str)]) -> ApiError {
    let found = violated_constraint(&error)
        .and_then(|constraint| known.iter().find(|(known, _)| *known == constraint));
    match found {
        Some((_, message)) => ApiError::conflict(*message),
        None => error.into(),
    }
}
