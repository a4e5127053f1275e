//! Finds the handler of a path. A pixel is answered at once, without a task and without an
//! allocation for its future. A request with a body, or one that waits for the disk, gets a boxed
//! future.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, HeaderValue};
use http::request::Parts;
use http::{Method, Request, StatusCode};
use hyper::body::{Body as _, Incoming};
use hyper::service::Service;

use crate::answer::{self, Answer};
use crate::body::{self, BodyError};
use crate::config::{EdgeConfig, LEGACY_ORDERS_PATH, LEGACY_PROSPECTS_PATH};
use crate::connection::{Busy, Control};
use crate::cors;
use crate::pixel::{self, Peer};
use crate::request_head::HeadState;
use crate::worker::Worker;
use crate::{legacy_api, order};

const TEXT: &str = "text/plain; charset=utf-8";

/// The endpoint of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    Pixel,
    Beacon,
    Order,
    LegacyProspects,
    LegacyOrders,
    Script,
    Robots,
    Livez,
    Readyz,
    Nothing,
}

impl Target {
    fn of(path: &str, config: &EdgeConfig) -> Self {
        let paths = &config.paths;
        let is = |fixed: &str| path == fixed || fixed.strip_suffix('/') == Some(path);
        match path {
            path if path == paths.pixel => Self::Pixel,
            path if path == paths.beacon => Self::Beacon,
            path if path == paths.order => Self::Order,
            path if path == paths.script => Self::Script,
            "/robots.txt" => Self::Robots,
            "/livez" => Self::Livez,
            "/readyz" => Self::Readyz,
            _ if is(LEGACY_PROSPECTS_PATH) => Self::LegacyProspects,
            _ if is(LEGACY_ORDERS_PATH) => Self::LegacyOrders,
            _ => Self::Nothing,
        }
    }

    const fn methods(self) -> &'static str {
        match self {
            Self::Beacon | Self::Order | Self::LegacyProspects | Self::LegacyOrders => "POST, OPTIONS",
            _ => "GET, HEAD, OPTIONS",
        }
    }

    fn takes(self, method: &Method) -> bool {
        match self {
            Self::Beacon | Self::Order | Self::LegacyProspects | Self::LegacyOrders => {
                *method == Method::POST
            }
            _ => matches!(*method, Method::GET | Method::HEAD),
        }
    }
}

/// Answers the requests of one connection.
pub struct Endpoint {
    pub worker: Rc<Worker>,
    pub peer: Peer,
    pub control: Rc<Control>,
    pub head: Rc<HeadState>,
}

/// A finished answer, or a pending one.
pub enum Answering {
    Ready(Option<Answer>),
    Waiting(Pin<Box<dyn Future<Output = Answer>>>),
}

impl Future for Answering {
    type Output = Result<Answer, Infallible>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut *self {
            // Only a bug of the caller polls again after the end. The caller then waits for ever.
            Self::Ready(answer) => answer.take().map_or(Poll::Pending, |answer| Poll::Ready(Ok(answer))),
            Self::Waiting(future) => future.as_mut().poll(context).map(Ok),
        }
    }
}

impl Service<Request<Incoming>> for Endpoint {
    type Response = Answer;
    type Error = Infallible;
    type Future = Answering;

    fn call(&self, request: Request<Incoming>) -> Answering {
        self.worker.counters.request();
        self.control.progress();
        let (parts, body) = request.into_parts();
        let is_mended = self.head.has_come(!body.is_end_stream());
        let target = Target::of(parts.uri.path(), &self.worker.config);
        if target == Target::Pixel && target.takes(&parts.method) {
            return Answering::Ready(Some(pixel::answer_pixel(&self.worker, &parts, self.peer, is_mended)));
        }
        let takes_body =
            matches!(target, Target::Beacon | Target::Order | Target::LegacyProspects | Target::LegacyOrders);
        if takes_body && target.takes(&parts.method) {
            let (worker, peer, head) = (Rc::clone(&self.worker), self.peer, Rc::clone(&self.head));
            let busy = Busy::new(&self.control);
            return Answering::Waiting(Box::pin(async move {
                let timeout = Duration::from_millis(worker.config.body_timeout_ms);
                let body = body::read(body, worker.config.max_body_bytes, timeout).await;
                if body.is_ok() {
                    head.has_ended();
                }
                let answer = answer_with_body(target, &worker, &parts, peer, body).await;
                drop(busy);
                answer
            }));
        }
        Answering::Ready(Some(self.answer_other(target, &parts)))
    }
}

impl Endpoint {
    fn answer_other(&self, target: Target, request: &Parts) -> Answer {
        match target {
            Target::Nothing => answer::plain(StatusCode::NOT_FOUND, TEXT, "not found\n"),
            _ if request.method == Method::OPTIONS => cors::preflight(&request.headers, target.methods()),
            _ if !target.takes(&request.method) => not_allowed(target, request),
            Target::Script => self.worker.snippet.answer(&request.headers),
            Target::Robots => {
                let mut robots = answer::plain(StatusCode::OK, TEXT, "User-agent: *\nDisallow: /\n");
                robots.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=86400"));
                robots
            }
            Target::Readyz if !self.worker.readiness.is_ready() => {
                answer::plain(StatusCode::SERVICE_UNAVAILABLE, TEXT, "not ready\n")
            }
            _ => answer::plain(StatusCode::OK, TEXT, "ok\n"),
        }
    }
}

fn not_allowed(target: Target, request: &Parts) -> Answer {
    let detail = format!("Method \"{}\" not allowed.", request.method);
    let mut refused = answer::detail(StatusCode::METHOD_NOT_ALLOWED, &detail);
    refused.headers_mut().insert(ALLOW, HeaderValue::from_static(target.methods()));
    answer::allow_origin(refused.headers_mut(), answer::origin(&request.headers));
    refused
}

async fn answer_with_body(
    target: Target,
    worker: &Worker,
    request: &Parts,
    peer: Peer,
    body: Result<Bytes, BodyError>,
) -> Answer {
    match target {
        Target::Beacon => pixel::answer_beacon(worker, request, peer, body).await,
        Target::Order => order::answer_order(worker, request, peer, body).await,
        Target::LegacyOrders => legacy_api::answer_order(worker, request, peer, body).await,
        _ => legacy_api::answer_prospect(worker, request, body).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_where_the_configuration_says() {
        let mut config = EdgeConfig::default();
        config.paths.pixel = "/img/a.gif".to_owned();
        for (path, target) in [
            ("/img/a.gif", Target::Pixel),
            ("/p.gif", Target::Nothing),
            ("/p", Target::Beacon),
            ("/api/prospects/create", Target::LegacyProspects),
            ("/api/orders/create/", Target::LegacyOrders),
            ("/api/orders/create//", Target::Nothing),
            ("/favicon.ico", Target::Nothing),
            ("/", Target::Nothing),
        ] {
            assert_eq!(Target::of(path, &config), target, "{path}");
        }
    }
}
