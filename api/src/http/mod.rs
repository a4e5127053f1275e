//! The HTTP machinery that all routes share, from the connection to the response.

pub mod assets;
pub mod blocking_pool;
pub mod body;
pub mod call;
pub mod client_address;
pub mod edge_proxy;
pub mod error;
pub mod fields;
pub mod guard;
pub mod idempotency;
pub mod json_values;
pub mod list_by_name;
pub mod middleware;
pub mod openapi;
pub mod paging;
pub mod path_id;
pub mod precondition;
pub mod query;
pub mod serve;
pub mod transaction;
