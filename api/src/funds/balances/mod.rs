//! What accounts, buyers and teams hold, and for how long.

pub mod list;
pub mod runway;
