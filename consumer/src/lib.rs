//! Placeholder until the part is built.
