//! HTML pages, rendered from templates with the queries and the policy of the API.
//!
//! Every page works without JavaScript, except the chart. Its figures are also in a table. Pages
//! show errors as a page: 400 for an invalid parameter, 404 for an id that does not exist or is out
//! of the viewer's scope, 503 when a database is down.

pub mod account;
pub mod format;
pub mod home;
pub mod listing;
pub mod login;
pub mod names;
pub mod orders;
pub mod parked;
pub mod prospects;
pub mod redoc;
pub mod swagger;
pub mod users;
