//! People: what `users/` (an Owner's view of everybody) and `account/` (one's own account) share.

pub mod change;
pub mod model;
pub mod rules;
