//! The HTTP server: one request in, one statement through the engine, one answer out.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::Context as _;
use bytes::Bytes;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::auth::{self, Credentials};
use super::engine::{Engine, Job, Rows};
use super::error::ClickHouseError;
use super::library::Library;
use super::request::{Body, Packing, RequestOptions, StatementRequest};
use super::response::{self, Head, KillGuard, ResponseBody};
use super::statement::StatementKind;

/// The settings of the server.
pub struct ServerConfig {
    pub listen: SocketAddr,
    pub data: PathBuf,
    /// The library of the engine.
    pub library: PathBuf,
    pub credentials: Credentials,
    /// The number of statements that can run at the same time.
    pub n_threads: usize,
}

/// Serves until `stop` is cancelled, then lets running requests end.
pub async fn serve(config: ServerConfig, stop: CancellationToken) -> anyhow::Result<()> {
    std::fs::create_dir_all(&config.data)?;
    let listener = tokio::net::TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("cannot listen on {}", config.listen))?;
    let data = config.data.to_str().context("the path of the data folder is not UTF-8")?.to_owned();
    let (engine, threads) = tokio::task::spawn_blocking(move || {
        Engine::start(&Library::open(&config.library)?, &data, config.n_threads)
    })
    .await??;
    tracing::info!(address = %listener.local_addr()?, version = %engine.version, "the ClickHouse engine is ready");
    let tracker = TaskTracker::new();
    let service = Arc::new(Service { engine, credentials: config.credentials });
    loop {
        let stream = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                    continue;
                }
            },
        };
        drop(stream.set_nodelay(true));
        let (service, stop) = (Arc::clone(&service), stop.clone());
        tracker.spawn(connection(stream, service, stop));
    }
    tracker.close();
    tracker.wait().await;
    drop(service);
    tokio::task::spawn_blocking(|| threads.join()).await?;
    Ok(())
}

async fn connection(stream: tokio::net::TcpStream, service: Arc<Service>, stop: CancellationToken) {
    let handler = service_fn(move |request| {
        let service = Arc::clone(&service);
        async move { Ok::<_, std::convert::Infallible>(service.handle(request).await) }
    });
    let serving = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), handler);
    let mut serving = std::pin::pin!(serving);
    let ended = tokio::select! {
        ended = serving.as_mut() => ended,
        () = stop.cancelled() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended");
    }
}

struct Service {
    engine: Engine,
    credentials: Credentials,
}

impl Service {
    async fn handle(&self, request: Request<Incoming>) -> Response<ResponseBody> {
        match (request.method(), request.uri().path()) {
            (&Method::GET | &Method::HEAD, "/ping" | "/replicas_status") => {
                return response::text(StatusCode::OK, "Ok.\n");
            }
            (&Method::GET | &Method::HEAD | &Method::POST, "/") => {}
            (_, "/") => {
                return response::text(StatusCode::METHOD_NOT_ALLOWED, "only GET and POST are served\n");
            }
            _ => return response::text(StatusCode::NOT_FOUND, "There is no handle for this path\n"),
        }
        let url_query = request.uri().query().unwrap_or_default();
        let mut options = RequestOptions::parse(request.method(), url_query, request.headers());
        if request.method() == Method::GET && options.query.is_empty() {
            return response::text(StatusCode::OK, "Ok.\n");
        }
        let packing = options.packing(request.headers());
        let user = (options.user.take(), options.password.take());
        let checked = auth::check(&self.credentials, request.headers(), user.0.as_deref(), user.1.as_deref());
        let answer = match checked {
            Ok(()) => self.statement(request, options, packing).await,
            Err(error) => {
                // A client that is still sending rows must be able to read the refusal.
                if let Ok(mut command) = StatementRequest::read(request, &mut options).await {
                    command.body.drain().await;
                }
                Err(error)
            }
        };
        answer.unwrap_or_else(|error| response::failure(&error, &self.engine.version, packing.encoder()))
    }

    async fn statement(
        &self,
        request: Request<Incoming>,
        mut options: RequestOptions,
        packing: Packing,
    ) -> Result<Response<ResponseBody>, ClickHouseError> {
        let StatementRequest { sql, statement, data, body } =
            StatementRequest::read(request, &mut options).await?;
        if statement.is_multiple {
            return Err(ClickHouseError::new(
                62,
                "SYNTAX_ERROR",
                "Syntax error (Multi-statements are not allowed)",
            ));
        }
        let id = uuid::Uuid::new_v4().to_string();
        let tag = uuid::Uuid::new_v4().simple().to_string()[..16].to_owned();
        let format = statement.format.unwrap_or(options.default_format);
        let is_over = Arc::new(AtomicBool::new(false));
        let (started, starting) = oneshot::channel();
        let (result_sender, result) = mpsc::channel(4);
        let (row_sender, rows) = mpsc::channel(8);
        let has_rows = matches!(statement.kind, StatementKind::InsertData { .. });
        let guard = KillGuard { engine: self.engine.clone(), id: id.clone(), is_over: Arc::clone(&is_over) };
        self.engine.submit(Job {
            id: id.clone(),
            sql,
            kind: statement.kind,
            format: format.clone(),
            database: options.database,
            settings: options.settings,
            params: options.params,
            rows,
            encoder: packing.encoder(),
            started,
            result: result_sender,
            tag: tag.clone(),
            is_over,
        });
        let fed = if has_rows { feed(row_sender, data, body).await } else { Ok(()) };
        let stopped = |_| ClickHouseError::new(236, "ABORTED", "the thread of the engine has ended");
        let summary = starting.await.map_err(stopped)?;
        fed?;
        let head = Head {
            query_id: options.query_id.as_deref().unwrap_or(&id),
            format: &format,
            summary: summary?,
            tag: &tag,
            is_lz4_frame: packing == Packing::Frame && !has_rows,
        };
        Ok(response::success(&head, result, guard))
    }
}

/// Passes the rows of an INSERT to the engine. If the engine has given up, the rest of the body is
/// discarded. If the body ends early, the engine gets no end marker and cancels the insert.
async fn feed(rows: mpsc::Sender<Rows>, data: Bytes, mut body: Body) -> Result<(), ClickHouseError> {
    if !data.is_empty() {
        // The data in the text and the data in the body are separate lines.
        drop(rows.send(Rows::Data(data)).await);
    }
    loop {
        match body.next().await {
            Ok(Some(piece)) => {
                if rows.send(Rows::Data(piece)).await.is_err() {
                    body.drain().await;
                    return Ok(());
                }
            }
            Ok(None) => {
                drop(rows.send(Rows::End).await);
                return Ok(());
            }
            Err(error) => {
                body.drain().await;
                return Err(error);
            }
        }
    }
}
