//! The machinery that all routes share, in the order of a request:
//!
//! - `serve` takes connections. `middleware` wraps every request. `router` lists the routes.
//! - `guard` authenticates the request with `auth`, asks the policy, and stores the result in
//!   `allowed`. `client_address` and `actor` have the address and the person for the audit trail.
//!   `call` combines them for a change. `in_process` lets pages call the API.
//! - `sent_form` reads the form of a page. `kept_form` keeps a form whose session has ended, on the
//!   `login_page`.
//! - `body`, `fields`, `query`, `path_id`, `precondition`, `sort`, `event_sort`, `archived` read
//!   the parts of a request. `request` and `typed_query` define bodies and query parameters as
//!   structs.
//! - `idempotency` and `transaction` do a change once and whole. `blocking_pool` does slow work.
//!   `edge_proxy` passes events on.
//! - `json_values`, `paging`, `accepted`, `error` and `page` write answers. `server_error` turns
//!   errors of databases and edges into API errors. `openapi` describes them. `notice` and
//!   `freshness` are parts of a page's frame.
//! - `state` has the things that every handler can reach. `assets` and `health` are served beside.

pub mod accepted;
pub mod actor;
pub mod allowed;
pub mod archived;
pub mod assets;
pub mod auth;
pub mod blocking_pool;
pub mod body;
pub mod call;
pub mod client_address;
pub mod connections;
pub mod csv;
pub mod edge_proxy;
pub mod error;
pub mod event_sort;
pub mod fields;
pub mod freshness;
pub mod guard;
pub mod health;
pub mod idempotency;
pub mod in_process;
pub mod json_values;
pub mod kept_form;
pub mod login_page;
pub mod middleware;
pub mod notice;
pub mod openapi;
pub mod page;
pub mod paging;
pub mod path_id;
pub mod precompressed;
pub mod precondition;
pub mod query;
pub mod request;
pub mod request_limit;
pub mod router;
pub mod security_log;
pub mod sent_form;
pub mod serve;
pub mod server_error;
pub mod sort;
pub mod state;
pub mod streams;
pub mod transaction;
pub mod turns;
pub mod typed_query;
