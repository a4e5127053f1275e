//! Users: registration, login and tokens, and the management of users by Owners.

pub mod account;
pub mod activity;
pub mod change;
pub mod create;
pub mod delete;
pub mod detail;
pub mod list;
pub mod login;
pub mod logout;
pub mod refresh;
pub mod register;
pub mod reset_password;
pub mod update;
