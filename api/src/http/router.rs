//! The list of routes. Every entry must declare the permission that it needs.

use std::sync::Arc;

use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, get};
use axum::{Extension, Router};
use utoipa::OpenApi as _;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter, UtoipaMethodRouterExt as _};

use crate::http::guard::{self, Guard, Rule, Surface, check};
use crate::http::idempotency::KeyMode;
use crate::http::idempotency::document::take_key;
use crate::http::in_process::ApiRoutes;
use crate::http::middleware;
use crate::http::openapi::{self, Document, get_openapi};
use crate::http::precompressed::Precompressed;
use crate::http::state::App;

/// A route, for the tests.
#[derive(Debug, Clone)]
pub struct RouteInfo {
    pub path: String,
    pub surface: Surface,
    pub rule: Rule,
}

/// The list of routes, each with the permission that it asks for.
pub struct Routes {
    app: App,
    documented: OpenApiRouter<App>,
    plain: Router<App>,
    infos: Vec<RouteInfo>,
}

impl Routes {
    /// None yet.
    #[must_use]
    pub fn new(app: &App) -> Self {
        Self {
            app: app.clone(),
            documented: OpenApiRouter::with_openapi(Document::openapi()),
            plain: Router::new(),
            infos: Vec::new(),
        }
    }

    /// Adds a documented route of the API.
    #[must_use]
    pub fn api(mut self, rule: Rule, routes: UtoipaMethodRouter<App>) -> Self {
        self.note(Surface::Api, rule, routes.1.paths.keys().cloned());
        let guard = self.guard(Surface::Api, rule);
        self.documented = self.documented.routes(routes.layer(from_fn_with_state(guard, check)));
        self
    }

    /// Adds a documented route of the API that accepts an `Idempotency-Key`.
    #[must_use]
    pub fn idempotent(mut self, mode: KeyMode, rule: Rule, mut routes: UtoipaMethodRouter<App>) -> Self {
        routes.1.paths.values_mut().for_each(take_key);
        self.note(Surface::Api, rule, routes.1.paths.keys().cloned());
        let guard = Guard { key_mode: Some(mode), ..self.guard(Surface::Api, rule) };
        self.documented = self.documented.routes(routes.layer(from_fn_with_state(guard, check)));
        self
    }

    /// A page.
    #[must_use]
    pub fn page(self, rule: Rule, path: &str, methods: MethodRouter<App>) -> Self {
        self.route(Surface::Page, rule, path, methods)
    }

    /// A file or a stream for a page.
    #[must_use]
    pub fn data(self, rule: Rule, path: &str, methods: MethodRouter<App>) -> Self {
        self.route(Surface::Data, rule, path, methods)
    }

    /// A file, the same for everybody.
    #[must_use]
    pub fn file(self, rule: Rule, path: &str, methods: MethodRouter<App>) -> Self {
        self.route(Surface::File, rule, path, methods)
    }

    /// A route that the document does not describe.
    #[must_use]
    pub fn route(mut self, surface: Surface, rule: Rule, path: &str, methods: MethodRouter<App>) -> Self {
        self.note(surface, rule, [path.to_owned()]);
        let guard = self.guard(surface, rule);
        self.plain = self.plain.route(path, methods.layer(from_fn_with_state(guard, check)));
        self
    }

    fn guard(&self, surface: Surface, rule: Rule) -> Guard {
        Guard { app: self.app.clone(), surface, rule, key_mode: None }
    }

    fn note(&mut self, surface: Surface, rule: Rule, paths: impl IntoIterator<Item = String>) {
        self.infos.extend(paths.into_iter().map(|path| RouteInfo { path, surface, rule }));
    }

    /// The router of all of them, and what there is to know of each.
    pub fn finish(self) -> (Router, Vec<RouteInfo>) {
        let (documented, document) = self.documented.split_for_parts();
        let document = openapi::finish(&document);
        let document = Precompressed::new("application/json", document.to_string().into());
        let described = Router::new().route("/openapi.json", get(get_openapi)).with_state(Arc::new(document));
        let documented: Router = documented.with_state(self.app.clone());
        let app = self.app.clone();
        let pages: Router = self.plain.with_state(self.app);
        let router = pages
            .layer(Extension(ApiRoutes(documented.clone())))
            .merge(documented)
            .merge(described)
            .fallback(move |request| guard::not_found(app.clone(), request))
            .method_not_allowed_fallback(middleware::method_not_allowed);
        (router, self.infos)
    }
}
