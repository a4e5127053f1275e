//! Errors of ClickHouse in the words of a report.

use clickhouse::error::Error;

use crate::http::error::ApiError;

/// Explains why a report could not be counted within a number of seconds.
#[must_use]
pub fn explained(error: Error, seconds: u32) -> ApiError {
    let has_code = |codes: &[&str]| match &error {
        Error::BadResponse(text) => codes.iter().any(|code| text.contains(code)),
        _ => false,
    };
    // 158 and 395: more groups than the limit. 159: over the time limit. 241: over the memory
    // limit.
    if has_code(&["Code: 158", "Code: 395"]) {
        return ApiError::field("group_by", "There are too many values to list. Use the CSV.");
    }
    if matches!(error, Error::TimedOut) || has_code(&["Code: 159", "Code: 241"]) {
        tracing::warn!(%error, "a report takes too long");
        return ApiError::too_slow(format!(
            "The report takes longer than {seconds} seconds. Choose fewer days or dimensions, or add a filter."
        ));
    }
    error.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_say_what_to_do() {
        let sentence = |error: Error| {
            let error = explained(error, 10);
            format!("{} {}", error.status().as_u16(), error.sentence())
        };
        let bad = |code: u32| Error::BadResponse(format!("Code: {code}. DB::Exception: no"));
        for many in [bad(158), bad(395)] {
            assert!(sentence(many).starts_with("400 group_by: There are too many values"));
        }
        for slow in [bad(159), bad(241), Error::TimedOut] {
            assert!(sentence(slow).starts_with("503 The report takes longer than 10 seconds."));
        }
        assert!(sentence(bad(202)).starts_with("503 Service temporarily unavailable"));
        assert!(sentence(bad(62)).starts_with("500"));
    }
}
