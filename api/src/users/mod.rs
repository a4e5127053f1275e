//! Accounts over the API: registration, login, tokens, and what an Owner does to people.

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
