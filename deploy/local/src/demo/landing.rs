//! The demo landing page. It has a separate origin, so that the demo really exercises CORS and the
//! redirect rule. It has the script, a pixel for browsers without scripts, and an order form that
//! posts to the edge and comes back to `/thanks`.
//!
//! Its Content-Security-Policy allows scripts, pixels and form posts to the edge and nothing else.
//! The page stores nothing.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use sluice_runtime::clock::Clock;
use sluice_runtime::lifecycle::Lifecycle;
use tokio::net::{TcpListener, TcpStream};
use uuid::Uuid;

const LANDING: &str = include_str!("assets/landing.html");
const THANKS: &str = include_str!("assets/thanks.html");
const STYLE: &str = include_str!("assets/style.css");
const ICON: &str = include_str!("assets/icon.svg");

const HTML: &str = "text/html; charset=utf-8";
const DRAIN_PATIENCE: Duration = Duration::from_secs(5);
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// The address of the page, and the owner of its visits.
#[derive(Debug, clap::Args)]
pub struct LandingArgs {
    #[arg(long, default_value = "127.0.0.1:8081")]
    pub listen: SocketAddr,
    /// The address of the edge for browsers
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    pub edge: String,
    /// The address of the CRM for browsers
    #[arg(long, default_value = "http://127.0.0.1:8000")]
    pub crm: String,
    /// Id of the buyer of the visits
    #[arg(long, required_unless_present = "key", conflicts_with = "key")]
    pub user_id: Option<u64>,
    /// Tracking key of the campaign of the visits
    #[arg(long)]
    pub key: Option<String>,
}

struct Site {
    edge: String,
    crm: String,
    /// The attribute of the script.
    attribute: String,
    /// The parameter of the pixel.
    parameter: String,
    policy: HeaderValue,
    listen: SocketAddr,
}

pub(super) async fn run(args: LandingArgs) -> anyhow::Result<()> {
    let lifecycle = Lifecycle::start().context("cannot install the signal handlers")?;
    let listener =
        TcpListener::bind(args.listen).await.with_context(|| format!("cannot listen on {}", args.listen))?;
    let site = Arc::new(Site::new(&args, listener.local_addr()?)?);
    tracing::info!(listen = %site.listen, edge = site.edge, "serving the landing page");
    loop {
        tokio::select! {
            () = lifecycle.draining().cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => { lifecycle.spawn(serve(stream, Arc::clone(&site), lifecycle.clone())); }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
        }
    }
    lifecycle.finish(DRAIN_PATIENCE).await;
    Ok(())
}

async fn serve(stream: TcpStream, site: Arc<Site>, lifecycle: Lifecycle) {
    let service = service_fn(|request: Request<hyper::body::Incoming>| {
        let response = site.answer(&request);
        async move { Ok::<_, Infallible>(response) }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = lifecycle.draining().cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "connection ended");
    }
}

impl Site {
    fn new(args: &LandingArgs, listen: SocketAddr) -> anyhow::Result<Self> {
        let edge = origin(&args.edge)?;
        let crm = origin(&args.crm)?;
        // `form-action` applies to the redirect after the post too, hence 'self' for /thanks.
        let policy = format!(
            "default-src 'none'; script-src {edge}; connect-src {edge}; img-src 'self' {edge}; style-src 'self'; \
             form-action {edge} 'self'; base-uri 'none'; frame-ancestors 'none'"
        );
        let policy = HeaderValue::try_from(policy).context("--edge cannot be part of a header")?;
        let (attribute, parameter) = match &args.key {
            Some(key) => {
                let is_key = sluice_schemas::tracking_key::is_well_formed(key.as_bytes());
                anyhow::ensure!(is_key, "{key} is not a tracking key");
                (format!("data-key=\"{key}\""), format!("k={key}"))
            }
            None => {
                let id = args.user_id.unwrap_or_default();
                (format!("data-user-id=\"{id}\""), format!("user_id={id}"))
            }
        };
        Ok(Self { edge, crm, attribute, parameter, policy, listen })
    }

    fn answer<B>(&self, request: &Request<B>) -> Response<Full<Bytes>> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return self.page(
                StatusCode::METHOD_NOT_ALLOWED,
                "text/plain",
                "method not allowed\n".to_owned(),
            );
        }
        match request.uri().path() {
            "/" => self.page(StatusCode::OK, HTML, self.landing(request)),
            "/thanks" => self.page(StatusCode::OK, HTML, THANKS.replace("{{crm}}", &self.crm)),
            "/style.css" => self.page(StatusCode::OK, "text/css; charset=utf-8", STYLE.to_owned()),
            "/icon.svg" => self.page(StatusCode::OK, "image/svg+xml", ICON.to_owned()),
            "/livez" | "/readyz" => self.page(StatusCode::OK, "text/plain", "ok\n".to_owned()),
            _ => self.page(StatusCode::NOT_FOUND, "text/plain", "not found\n".to_owned()),
        }
    }

    fn landing<B>(&self, request: &Request<B>) -> String {
        let prospect_id = uuid::Builder::from_unix_timestamp_millis(
            Clock::default().now_ms(),
            Uuid::new_v4().as_bytes().last_chunk().expect("a UUID is longer than 10 bytes"),
        )
        .into_uuid();
        let mut pixel_query = format!("{}&pid={prospect_id}", self.parameter);
        if let Some(query) = request.uri().query().filter(|query| !query.is_empty()) {
            pixel_query.push('&');
            pixel_query.push_str(query);
        }
        if let Some(referer) = request.headers().get(header::REFERER).and_then(|value| value.to_str().ok()) {
            pixel_query.push('&');
            pixel_query.push_str(
                &form_urlencoded::Serializer::new(String::new()).append_pair("r", referer).finish(),
            );
        }
        LANDING
            .replace("{{edge}}", &self.edge)
            .replace("{{attribute}}", &self.attribute)
            .replace("{{origin}}", &escape(&self.own_origin(request)))
            .replace("{{prospect_id}}", &prospect_id.to_string())
            .replace("{{pixel_query}}", &escape(&pixel_query))
    }

    /// Returns the origin of this page in the browser: the edge redirects only to the page that
    /// posted.
    fn own_origin<B>(&self, request: &Request<B>) -> String {
        let host = request.headers().get(header::HOST).and_then(|value| value.to_str().ok());
        let plain =
            |host: &&str| host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte));
        host.filter(plain).map_or_else(|| format!("http://{}", self.listen), |host| format!("http://{host}"))
    }

    fn page(&self, status: StatusCode, content_type: &'static str, body: String) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(Bytes::from(body)));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        for (name, value) in [
            (header::CONTENT_TYPE, content_type),
            (header::CACHE_CONTROL, "no-cache"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            // The edge is another origin. Without this the pixel would not contain the address of
            // the page.
            (header::REFERRER_POLICY, "no-referrer-when-downgrade"),
            (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        headers.insert(header::CONTENT_SECURITY_POLICY, self.policy.clone());
        response
    }
}

/// Returns `scheme://host[:port]` of a URL from the command line. It is written unchanged into the
/// page and its policy.
fn origin(url: &str) -> anyhow::Result<String> {
    let parsed = reqwest::Url::parse(url).with_context(|| format!("{url} is not a URL"))?;
    let origin = parsed.origin();
    anyhow::ensure!(origin.is_tuple(), "{url} is not an http or https URL");
    Ok(origin.ascii_serialization())
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    async fn get(path: &str, host: &str) -> (Response<()>, String) {
        get_of((Some(3), None), path, host).await
    }

    async fn get_of(
        (user_id, key): (Option<u64>, Option<&str>),
        path: &str,
        host: &str,
    ) -> (Response<()>, String) {
        let args = LandingArgs {
            listen: "127.0.0.1:8081".parse().unwrap(),
            edge: "http://127.0.0.1:8080/".to_owned(),
            crm: "http://127.0.0.1:8000".to_owned(),
            user_id,
            key: key.map(str::to_owned),
        };
        let site = Site::new(&args, args.listen).unwrap();
        let request = Request::get(path).header("host", host).body(()).unwrap();
        let (parts, body) = site.answer(&request).into_parts();
        let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        (Response::from_parts(parts, ()), text)
    }

    #[tokio::test]
    async fn the_page_carries_snippet_pixel_and_form_of_its_edge_and_buyer() {
        let (response, page) = get("/?utm_source=google&sub1=a%22b", "localhost:8081").await;
        assert_eq!(response.status(), 200);
        let policy = response.headers()["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("script-src http://127.0.0.1:8080;"), "{policy}");
        assert!(
            page.contains(r#"<script async src="http://127.0.0.1:8080/s.js" data-user-id="3"></script>"#)
        );
        assert!(page.contains(r#"<form data-sluice method="post" action="http://127.0.0.1:8080/o">"#));
        assert!(page.contains(r#"name="redirect" value="http://localhost:8081/thanks""#));
        assert!(page.contains("p.gif?user_id=3&amp;pid="));
        assert!(page.contains("&amp;utm_source=google&amp;sub1=a%22b"));
        assert!(!page.contains("{{"), "a placeholder was left");
    }

    #[tokio::test]
    async fn the_page_of_a_campaign_carries_its_key() {
        let (_, page) = get_of((None, Some("7qk2m9xw4tbvhr32")), "/", "localhost:8081").await;
        assert!(page.contains(r#"/s.js" data-key="7qk2m9xw4tbvhr32"></script>"#), "{page}");
        assert!(page.contains("p.gif?k=7qk2m9xw4tbvhr32&amp;pid="));
        assert!(!page.contains("user_id") && !page.contains("{{"));
    }

    #[tokio::test]
    async fn a_hostile_host_header_is_not_written_into_the_page() {
        let (_, page) = get("/", r#"x"><script>"#).await;
        assert!(page.contains(r#"value="http://127.0.0.1:8081/thanks""#));
    }

    #[tokio::test]
    async fn other_paths_and_health_are_answered() {
        assert_eq!(get("/livez", "h").await.1, "ok\n");
        assert!(get("/thanks", "h").await.1.contains(r#"href="http://127.0.0.1:8000/orders/""#));
        assert_eq!(get("/nothing", "h").await.0.status(), 404);
    }
}
