//! The caller's own account: profile, password, second factor, image, logins and API tokens.

pub mod image;
pub mod model;
pub mod password;
pub mod picture;
pub mod profile;
pub mod second_factor;
pub mod sessions;
pub mod tokens;
