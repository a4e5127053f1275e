//! The pages: HTML from templates, from the same queries and under the same policy as the API. They work without
//! JavaScript, but for the chart, whose figures are also in a table.

pub mod account;
pub mod format;
pub mod frame;
pub mod home;
pub mod listing;
pub mod login;
pub mod orders;
pub mod parked;
pub mod prospects;
pub mod redoc;
pub mod snippet;
pub mod swagger;
pub mod users;
