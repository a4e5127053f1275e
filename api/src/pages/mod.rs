//! HTML pages, rendered from templates with the queries and the policy of the API.
//!
//! Every page works without JavaScript, except the chart. Its figures are also in a table. Pages
//! show errors as a page: 400 for an invalid parameter, 404 for an id that does not exist or is out
//! of the viewer's scope, 503 when a database is down.
//!
//! `entity/` describes what people see and edit; `entities` makes the routes of these pages, which
//! are clients of the API: `list`, `export`, `detail`, `create`, `update`, `delete`, `restore`,
//! `act`, and for Owners `admin` and `bulk`. `table` and `form` are their parts. The other files
//! are pages of their own.

pub mod act;
pub mod admin;
pub mod bulk;
pub mod calls;
pub mod cell;
pub mod create;
pub mod delete;
pub mod detail;
pub mod entities;
pub mod entity;
pub mod export;
pub mod form;
pub mod format;
pub mod fund_import;
pub mod funds;
pub mod home;
pub mod input;
pub mod list;
pub mod listing;
pub mod live;
pub mod login;
pub mod names;
pub mod order;
pub mod own_account;
pub mod parked;
pub mod pipeline;
pub mod prospect;
pub mod qr_code;
pub mod redoc;
pub mod register;
pub mod reports;
pub mod reset_password;
pub mod restore;
pub mod search;
pub mod setup;
pub mod site;
pub mod swagger;
pub mod system;
pub mod table;
pub mod trail;
pub mod update;
