//! Users: registration, login and tokens, and the management of users by Owners.

pub mod activity;
pub mod create;
pub mod delete;
pub mod detail;
pub mod list;
pub mod login;
pub mod logout;
pub mod model;
pub mod refresh;
pub mod register;
pub mod reset_password;
pub mod reset_second_factor;
pub mod restore;
pub mod update;
