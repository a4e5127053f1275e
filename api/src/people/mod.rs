//! Shared parts of `users/` (management of all users) and `account/` (the viewer's own account).

pub mod change;
pub mod model;
pub mod rules;
