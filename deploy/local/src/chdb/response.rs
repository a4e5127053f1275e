//! Answers: headers as a ClickHouse server sets them, and a body that is aborted if the statement
//! fails in the middle.
//!
//! An error after the first bytes is sent like ClickHouse 25.11 and later do: the message is
//! between markers with the tag of `X-ClickHouse-Exception-Tag`. Then the chunked body is aborted,
//! so that no client takes it for complete.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::Frame;
use hyper::{Response, StatusCode};
use tokio::sync::mpsc;

use super::compression::Encoder;
use super::engine::{Engine, Summary};
use super::error::ClickHouseError;

/// The body of every answer.
pub type ResponseBody = UnsyncBoxBody<Bytes, std::io::Error>;

/// Kills a statement if the answer is dropped before its end.
pub struct KillGuard {
    pub engine: Engine,
    pub id: String,
    /// Set when there is nothing left to kill.
    pub is_over: Arc<AtomicBool>,
}

impl Drop for KillGuard {
    fn drop(&mut self) {
        if !self.is_over.load(Ordering::Acquire) {
            self.engine.kill(&self.id);
        }
    }
}

/// Returns a body from memory.
pub fn full(text: impl Into<Bytes>) -> ResponseBody {
    Full::new(text.into()).map_err(|never| match never {}).boxed_unsync()
}

/// Returns a plain text answer.
pub fn text(status: StatusCode, body: &'static str) -> Response<ResponseBody> {
    let mut response = Response::new(full(body));
    *response.status_mut() = status;
    response.headers_mut().insert("content-type", http_value("text/plain; charset=UTF-8"));
    response
}

fn http_value(text: &str) -> hyper::header::HeaderValue {
    hyper::header::HeaderValue::from_str(text).unwrap_or(hyper::header::HeaderValue::from_static("-"))
}

/// Returns the answer for an error before the first byte of the result.
pub fn failure(error: &ClickHouseError, version: &str, mut encoder: Encoder) -> Response<ResponseBody> {
    let message = with_version(&error.message, version);
    let is_blocks = matches!(encoder, Encoder::Blocks);
    let body = if is_blocks { encoder.encode(message.into()) } else { message.into() };
    let mut response = Response::new(full(body));
    *response.status_mut() = error.status();
    let headers = response.headers_mut();
    headers.insert("content-type", http_value("text/plain; charset=UTF-8"));
    headers.insert("x-clickhouse-exception-code", http_value(&error.code.to_string()));
    if error.code == 516 {
        headers.insert("www-authenticate", http_value("Basic realm=\"ClickHouse server HTTP API\""));
    }
    response
}

fn with_version(message: &str, version: &str) -> String {
    if message.contains("(version ") {
        format!("{message}\n")
    } else {
        format!("{message} (version {version} (chdb))\n")
    }
}

/// The contents of the head of a successful answer.
pub struct Head<'a> {
    pub query_id: &'a str,
    pub format: &'a str,
    pub summary: Summary,
    /// Marks the message of a late error.
    pub tag: &'a str,
    pub is_lz4_frame: bool,
}

/// Returns a successful answer whose body streams from the thread of the engine.
pub fn success(
    head: &Head<'_>,
    result: mpsc::Receiver<Result<Bytes, ClickHouseError>>,
    guard: KillGuard,
) -> Response<ResponseBody> {
    let Summary { rows_read, bytes_read, rows_written, bytes_written } = head.summary;
    let summary = format!(
        r#"{{"read_rows":"{rows_read}","read_bytes":"{bytes_read}","written_rows":"{rows_written}","written_bytes":"{bytes_written}","total_rows_to_read":"0","result_rows":"0","result_bytes":"0","elapsed_ns":"0"}}"#
    );
    let mut response = Response::new(stream_body(result, guard));
    let headers = response.headers_mut();
    headers.insert("content-type", http_value(content_type(head.format)));
    headers.insert("x-clickhouse-format", http_value(head.format));
    headers.insert("x-clickhouse-query-id", http_value(head.query_id));
    headers.insert("x-clickhouse-summary", http_value(&summary));
    headers.insert("x-clickhouse-exception-tag", http_value(head.tag));
    headers.insert("x-clickhouse-server-display-name", http_value("sluice-local"));
    headers.insert("x-clickhouse-timezone", http_value("UTC"));
    if head.is_lz4_frame {
        headers.insert("content-encoding", http_value("lz4"));
    }
    response
}

fn content_type(format: &str) -> &'static str {
    let csv = if format.starts_with("CSVWithNames") {
        "text/csv; charset=UTF-8; header=present"
    } else {
        "text/csv; charset=UTF-8; header=absent"
    };
    match format {
        _ if format.starts_with("JSONEachRow") || format.contains("EachRow") => {
            "application/x-ndjson; charset=UTF-8"
        }
        _ if format.starts_with("JSON") => "application/json; charset=UTF-8",
        _ if format.starts_with("TabSeparated") || format.starts_with("TSV") => {
            "text/tab-separated-values; charset=UTF-8"
        }
        _ if format.starts_with("CSV") => csv,
        _ if format.starts_with("RowBinary") || format == "Native" => "application/octet-stream",
        _ => "text/plain; charset=UTF-8",
    }
}

fn stream_body(result: mpsc::Receiver<Result<Bytes, ClickHouseError>>, guard: KillGuard) -> ResponseBody {
    let frames = futures::stream::unfold((result, guard), |(mut result, guard)| async move {
        let frame = match result.recv().await? {
            Ok(data) => Ok(Frame::data(data)),
            Err(_) => {
                // The message before it needs time to be sent: aborting the body would discard it.
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
                Err(std::io::Error::other("the statement failed"))
            }
        };
        Some((frame, (result, guard)))
    });
    StreamBody::new(frames).boxed_unsync()
}

/// Returns the message for an error after the first bytes of a result.
pub fn late_failure(error: &ClickHouseError, version: &str, tag: &str) -> Bytes {
    let message = with_version(&error.message, version);
    let n_bytes = message.len();
    format!("\r\n__exception__\r\n{tag}\r\n{message}{n_bytes} {tag}\r\n__exception__\r\n").into()
}
