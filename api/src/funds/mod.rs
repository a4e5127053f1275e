//! Money: currencies and exact amounts.

pub mod amount;
pub mod currency;
