//! Figures and charts: counts and sums by time, within the viewer's scope.

pub mod hours;
pub mod orders;
pub mod people;
pub mod prospects;
pub mod silence;
