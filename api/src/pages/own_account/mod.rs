//! `/account/`: everything that people do with their own account. Each section has its own address.
//! The forms use the requests and the functions of the API (`account/`), so that rules and messages
//! are the same.

pub mod device;
pub mod image;
pub mod password;
pub mod profile;
pub mod second_factor;
pub mod sections;
pub mod sessions;
pub mod tokens;
