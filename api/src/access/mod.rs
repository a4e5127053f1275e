//! For Owners: the logins and API tokens of all users, and the settings of the service.

pub mod filter;
pub mod model;
pub mod sessions;
pub mod settings;
pub mod tokens;
