//! A value as a table or a list of facts shows it.

use crate::pages::format::{LocalTime, Shortened};

/// A value in a table or in a list of facts.
#[derive(Debug)]
pub enum Cell {
    None,
    Text(Shortened),
    /// A text that is not shortened.
    Whole(String),
    Date(String),
    Link {
        href: String,
        text: String,
    },
    /// The end of a UUID, with a link to the thing.
    Uuid {
        href: String,
        whole: String,
    },
    Number(String),
    Time(LocalTime),
    /// A word with a class of color and shape.
    Status {
        word: String,
        class: &'static str,
    },
    Words(Vec<String>),
}

impl Cell {
    /// Returns the last characters of a UUID: those that differ.
    #[must_use]
    pub fn end_of(whole: &str) -> String {
        let n_chars = whole.chars().count();
        if n_chars <= 12 {
            whole.to_owned()
        } else {
            format!("…{}", whole.chars().skip(n_chars - 8).collect::<String>())
        }
    }

    /// Returns whether there is no value.
    #[must_use]
    pub fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }

    /// Returns whether the value is aligned to the right.
    #[must_use]
    pub fn is_number(&self) -> bool {
        matches!(self, Self::Number(_))
    }
}
