//! The caller's own account: profile, password, image, logins and API tokens.

pub mod image;
pub mod model;
pub mod password;
pub mod picture;
pub mod profile;
pub mod sessions;
pub mod tokens;
