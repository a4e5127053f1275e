//! Accounts over the API: registration, login, tokens and the list.

pub mod account;
pub mod list;
pub mod login;
pub mod logout;
pub mod refresh;
pub mod register;
