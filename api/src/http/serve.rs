//! Accepts connections on the public port until the drain, and lets open ones finish.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use sluice_runtime::lifecycle::Lifecycle;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::http::connections::{ConnectionLimits, Connections, Place};
use crate::http::middleware::Service;
use crate::metrics::Metrics;

/// The pause after a failed accept. The most likely cause is a lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until the drain. Returns the bound address at once; the lifecycle waits for the tasks.
///
/// # Errors
/// Fails if the address cannot be bound.
pub async fn serve(
    listen: SocketAddr,
    service: Service,
    limits: ConnectionLimits,
    metrics: &Metrics,
    lifecycle: &Lifecycle,
) -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind(listen).await?;
    let bound = listener.local_addr()?;
    let (draining, tasks, metrics) = (lifecycle.draining().clone(), lifecycle.clone(), metrics.clone());
    let connections = Connections::new(limits);
    lifecycle.spawn(async move {
        loop {
            tokio::select! {
                () = draining.cancelled() => return,
                accepted = listener.accept() => match accepted {
                    Ok((stream, peer)) => match connections.enter(peer.ip()) {
                        Some(place) => {
                            let service = service.clone();
                            let open = Open { stream, peer, place, patience: connections.head_timeout() };
                            tasks.spawn(connection(open, service, tasks.clone()));
                        }
                        None => metrics.refused_connection(),
                    },
                    Err(error) => {
                        tracing::warn!(%error, "cannot accept");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                },
            }
        }
    });
    Ok(bound)
}

/// An accepted connection.
struct Open {
    stream: TcpStream,
    peer: SocketAddr,
    /// Kept until the connection ends.
    place: Place,
    /// The longest time until the head of the first request.
    patience: Duration,
}

async fn connection(open: Open, service: Service, lifecycle: Lifecycle) {
    let Open { stream, peer, place: _place, patience } = open;
    // Small responses must not wait for each other.
    stream.set_nodelay(true).ok();
    let first_request = CancellationToken::new();
    let asked = first_request.clone();
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        asked.cancel();
        let service = service.clone();
        async move {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(ConnectInfo(peer));
            Ok::<_, Infallible>(service.oneshot(request).await.unwrap_or_else(|never| match never {}))
        }
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(patience);
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(Some(Duration::from_secs(30)));
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    // The builder waits without a limit for the bytes that tell HTTP/1 from HTTP/2.
    let is_silent = async {
        if tokio::time::timeout(patience, first_request.cancelled()).await.is_ok() {
            std::future::pending::<()>().await;
        }
    };
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = is_silent => return,
        () = lifecycle.draining().cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "connection ended");
    }
}
