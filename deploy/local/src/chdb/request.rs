//! Reads a request: statement, database, format, settings, parameters and compression, from URL,
//! headers, form and body. The rows of an INSERT stay in the body and are streamed.

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::{HeaderMap, Method, Request};

use super::compression::{BlockDecoder, Encoder};
use super::error::ClickHouseError;
use super::statement::{Statement, StatementKind};

/// A longer statement is refused. The rows of an INSERT do not count.
const MAX_STATEMENT_BYTES: usize = 16 << 20;
/// The end of the text of an INSERT is searched within this part of a body.
const MAX_HEAD_BYTES: usize = 1 << 18;

/// URL parameters that belong to the HTTP interface and are not settings of the engine.
const OWN_PARAMETERS: [&str; 17] = [
    "query",
    "database",
    "default_format",
    "user",
    "password",
    "query_id",
    "compress",
    "decompress",
    "wait_end_of_query",
    "buffer_size",
    "quota_key",
    "stacktrace",
    "session_id",
    "session_timeout",
    "session_check",
    "close_session",
    "role",
];

/// The requested compression of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    Plain,
    /// `compress=1`.
    Blocks,
    /// `Accept-Encoding: lz4`.
    Frame,
}

impl Packing {
    /// Returns the encoder for this compression.
    pub fn encoder(self) -> Encoder {
        match self {
            Self::Plain => Encoder::Plain,
            Self::Blocks => Encoder::Blocks,
            Self::Frame => Encoder::frame(),
        }
    }
}

/// The part of a request that is in its URL and headers.
#[derive(Debug, Default)]
pub struct RequestOptions {
    /// The parameter `query` of the URL.
    pub query: String,
    /// The database for names without one.
    pub database: Option<String>,
    /// The format of the answer, unless the statement names one.
    pub default_format: String,
    /// Engine settings for this statement.
    pub settings: Vec<(String, String)>,
    /// `param_x=…`: query parameters by name.
    pub params: Vec<(String, String)>,
    /// `user` and `password` of the URL.
    pub user: Option<String>,
    pub password: Option<String>,
    /// The query id of the client, which is echoed.
    pub query_id: Option<String>,
    compress: bool,
    decompress: bool,
    refused: Option<&'static str>,
}

impl RequestOptions {
    /// Reads the URL and the headers.
    pub fn parse(method: &Method, url_query: &str, headers: &HeaderMap) -> Self {
        let mut options = Self { default_format: "TabSeparated".into(), ..Self::default() };
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        options.database = header("x-clickhouse-database");
        if let Some(format) = header("x-clickhouse-format") {
            options.default_format = format;
        }
        for (name, value) in form_urlencoded::parse(url_query.as_bytes()) {
            options.take(&name, value.into_owned());
        }
        if *method == Method::GET || *method == Method::HEAD {
            // As in ClickHouse: a GET may read and change settings, nothing else.
            options.settings.push(("readonly".into(), "2".into()));
        }
        options
    }

    fn take(&mut self, name: &str, value: String) {
        match name {
            "query" => self.query = value,
            "database" if !value.is_empty() => self.database = Some(value),
            "default_format" => self.default_format = value,
            "user" => self.user = Some(value),
            "password" => self.password = Some(value),
            "query_id" => self.query_id = Some(value),
            "compress" => self.compress = value == "1",
            "decompress" => self.decompress = value == "1",
            "session_id" => {
                self.refused = Some("sessions (session_id) are not supported by the local engine")
            }
            "role" => self.refused = Some("roles are not supported by the local engine"),
            _ if OWN_PARAMETERS.contains(&name) => {}
            _ => match name.strip_prefix("param_") {
                Some(param) => self.params.push((param.to_owned(), value)),
                None => self.settings.push((name.to_owned(), value)),
            },
        }
    }

    /// Returns the compression of the answer: as requested in the URL, else as accepted by the
    /// headers.
    pub fn packing(&self, headers: &HeaderMap) -> Packing {
        let may_compress =
            !self.settings.iter().any(|(name, value)| name == "enable_http_compression" && value == "0");
        let accepts_lz4 = headers
            .get_all("accept-encoding")
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .any(|encoding| encoding.split(';').next().is_some_and(|name| name.trim() == "lz4"));
        match (self.compress, accepts_lz4 && may_compress) {
            (true, _) => Packing::Blocks,
            (false, true) => Packing::Frame,
            (false, false) => Packing::Plain,
        }
    }
}

/// The body of a request, uncompressed.
pub struct Body {
    /// `None` if the body has been read as a form.
    incoming: Option<Incoming>,
    decoder: Option<BlockDecoder>,
    pending: std::collections::VecDeque<Bytes>,
}

impl Body {
    fn empty() -> Self {
        Self { incoming: None, decoder: None, pending: std::collections::VecDeque::new() }
    }

    /// Returns the next piece, or `None` at the end.
    ///
    /// # Errors
    /// When the client is gone before the end, or the compression is damaged.
    pub async fn next(&mut self) -> Result<Option<Bytes>, ClickHouseError> {
        loop {
            if let Some(piece) = self.pending.pop_front() {
                return Ok(Some(piece));
            }
            let frame = match &mut self.incoming {
                Some(incoming) => incoming.frame().await,
                None => None,
            };
            let Some(frame) = frame else {
                return match &self.decoder {
                    Some(decoder) => decoder.finish().map(|()| None),
                    None => Ok(None),
                };
            };
            let frame = frame.map_err(|error| {
                ClickHouseError::new(210, "NETWORK_ERROR", &format!("the request body ended early: {error}"))
            })?;
            let Ok(data) = frame.into_data() else { continue };
            match &mut self.decoder {
                Some(decoder) => self.pending.extend(decoder.push(&data)?),
                None if data.is_empty() => {}
                None => return Ok(Some(data)),
            }
        }
    }

    /// Reads until there are `enough` bytes, or until the end.
    async fn read_up_to(&mut self, head: &mut BytesMut, enough: usize) -> Result<(), ClickHouseError> {
        while head.len() < enough {
            match self.next().await? {
                Some(piece) => head.extend_from_slice(&piece),
                None => break,
            }
        }
        Ok(())
    }

    /// Discards the rest, so that a client that is still writing can read the answer.
    pub async fn drain(&mut self) {
        const MAX_DRAINED_BYTES: usize = 1 << 28;
        let mut n_bytes = 0;
        self.pending.clear();
        let Some(incoming) = &mut self.incoming else { return };
        while let Some(Ok(frame)) = incoming.frame().await {
            n_bytes += frame.data_ref().map_or(0, Bytes::len);
            if n_bytes > MAX_DRAINED_BYTES {
                return;
            }
        }
    }
}

/// A statement that is ready to run, with the rows that follow it in the body.
pub struct StatementRequest {
    /// The text of the statement. For an INSERT with data, the text up to its format.
    pub sql: String,
    pub statement: Statement,
    /// The first rows of an INSERT, which were sent with its text.
    pub data: Bytes,
    /// The source of the other rows.
    pub body: Body,
}

impl StatementRequest {
    /// Builds the statement.
    ///
    /// # Errors
    /// When the request needs an unsupported feature, or cannot be read.
    pub async fn read(
        request: Request<Incoming>,
        options: &mut RequestOptions,
    ) -> Result<Self, ClickHouseError> {
        if let Some(reason) = options.refused {
            return Err(ClickHouseError::not_implemented(reason));
        }
        let (parts, incoming) = request.into_parts();
        refuse_encoding(&parts.headers)?;
        let content_type =
            parts.headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or("");
        if let Ok(boundary) = multer::parse_boundary(content_type) {
            return read_form(incoming, boundary, options).await;
        }
        let decoder = options.decompress.then(BlockDecoder::default);
        let mut body = Body { incoming: Some(incoming), decoder, pending: std::collections::VecDeque::new() };
        let mut head = BytesMut::from(options.query.as_bytes());
        if !head.is_empty() {
            let statement = Statement::parse(&options.query, &options.default_format);
            if let StatementKind::InsertData { data_start, .. } = statement.kind {
                // Rows in the URL and rows in the body are separate lines.
                if !options.query[data_start..].is_empty() {
                    head.extend_from_slice(b"\n");
                }
                return Self::cut(head, statement, body);
            }
            head.extend_from_slice(b"\n");
        }
        body.read_up_to(&mut head, MAX_HEAD_BYTES).await?;
        let statement = Statement::parse(valid_text(&head), &options.default_format);
        if matches!(statement.kind, StatementKind::InsertData { .. }) {
            return Self::cut(head, statement, body);
        }
        body.read_up_to(&mut head, MAX_STATEMENT_BYTES + 1).await?;
        if head.len() > MAX_STATEMENT_BYTES {
            return Err(ClickHouseError::new(
                307,
                "QUERY_IS_TOO_LARGE",
                "the statement is longer than 16 MiB",
            ));
        }
        let sql = String::from_utf8(head.into())
            .map_err(|_| ClickHouseError::bad_arguments("the statement is not valid UTF-8"))?;
        let statement = Statement::parse(&sql, &options.default_format);
        Ok(Self { sql, statement, data: Bytes::new(), body })
    }

    fn cut(head: BytesMut, statement: Statement, body: Body) -> Result<Self, ClickHouseError> {
        let StatementKind::InsertData { sql_end, data_start, .. } = statement.kind else {
            return Err(ClickHouseError::bad_arguments("not an INSERT with data"));
        };
        let head = head.freeze();
        let sql = valid_text(&head)[..sql_end].to_owned();
        Ok(Self { sql, statement, data: head.slice(data_start..), body })
    }
}

fn valid_text(bytes: &[u8]) -> &str {
    match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default(),
    }
}

fn refuse_encoding(headers: &HeaderMap) -> Result<(), ClickHouseError> {
    match headers.get("content-encoding").and_then(|value| value.to_str().ok()) {
        None | Some("" | "identity") => Ok(()),
        Some(other) => Err(ClickHouseError::not_implemented(&format!(
            "Content-Encoding {other} of a request is not supported by the local engine"
        ))),
    }
}

/// Reads `multipart/form-data` with `query` and `param_*` as fields. The `clickhouse` crate sends
/// parameters like this.
async fn read_form(
    incoming: Incoming,
    boundary: String,
    options: &mut RequestOptions,
) -> Result<StatementRequest, ClickHouseError> {
    let wrong = |error: multer::Error| ClickHouseError::bad_arguments(&format!("malformed form: {error}"));
    let collected = http_body_util::Limited::new(incoming, MAX_STATEMENT_BYTES).collect().await;
    let bytes =
        collected.map_err(|error| ClickHouseError::bad_arguments(&format!("malformed form: {error}")))?;
    let stream = futures::stream::once(std::future::ready(Ok::<_, std::io::Error>(bytes.to_bytes())));
    let mut form = multer::Multipart::new(stream, boundary);
    while let Some(field) = form.next_field().await.map_err(wrong)? {
        let name = field.name().unwrap_or_default().to_owned();
        if name != "query" && !name.starts_with("param_") {
            return Err(ClickHouseError::not_implemented(
                "external tables are not supported by the local engine",
            ));
        }
        let value = field.text().await.map_err(wrong)?;
        options.take(&name, value);
    }
    let sql = options.query.clone();
    let statement = Statement::parse(&sql, &options.default_format);
    let text = Bytes::from(sql.clone());
    match statement.kind {
        StatementKind::InsertData { sql_end, data_start, .. } => Ok(StatementRequest {
            sql: sql[..sql_end].to_owned(),
            statement,
            data: text.slice(data_start..),
            body: Body::empty(),
        }),
        _ => Ok(StatementRequest { sql, statement, data: Bytes::new(), body: Body::empty() }),
    }
}
