//! Preferences of a user for the pages. The words are those of the API and of the database.

use serde::{Deserialize, Serialize};
use sluice_schemas::currency::Currency;
use utoipa::ToSchema;

/// The first day of a week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum WeekStart {
    #[default]
    Monday,
    Sunday,
    Saturday,
}

/// The colours of the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Theme {
    /// Follows the reader's system.
    #[default]
    Auto,
    Light,
    Dark,
}

/// All preferences except the time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preferences {
    pub week_start: WeekStart,
    pub theme: Theme,
    /// Whether keys are shortcuts on pages.
    pub shortcuts: bool,
    /// The currency of reports (ISO 4217).
    pub report_currency: &'static str,
}

impl WeekStart {
    pub const ALL: [Self; 3] = [Self::Monday, Self::Sunday, Self::Saturday];

    /// Returns the word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Monday => "monday",
            Self::Sunday => "sunday",
            Self::Saturday => "saturday",
        }
    }

    /// Parses the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == word)
    }
}

impl Theme {
    pub const ALL: [Self; 3] = [Self::Auto, Self::Light, Self::Dark];

    /// Returns the word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// Parses the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == word)
    }
}

impl Default for Preferences {
    fn default() -> Self {
        Self {
            week_start: WeekStart::default(),
            theme: Theme::default(),
            shortcuts: true,
            report_currency: "USD",
        }
    }
}

impl Preferences {
    /// Makes the preferences of stored words. An unknown one becomes the default.
    #[must_use]
    pub fn of_words(week_start: &str, theme: &str, shortcuts: bool, report_currency: &str) -> Self {
        let default = Self::default();
        Self {
            week_start: WeekStart::parse(week_start).unwrap_or(default.week_start),
            theme: Theme::parse(theme).unwrap_or(default.theme),
            shortcuts,
            report_currency: Currency::parse(report_currency)
                .map_or(default.report_currency, |currency| currency.code),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_parsed_back() {
        for start in WeekStart::ALL {
            assert_eq!(WeekStart::parse(start.as_str()), Some(start));
            assert_eq!(serde_json::to_value(start).unwrap(), start.as_str());
        }
        for theme in Theme::ALL {
            assert_eq!(Theme::parse(theme.as_str()), Some(theme));
            assert_eq!(serde_json::to_value(theme).unwrap(), theme.as_str());
        }
        assert_eq!((WeekStart::parse("Monday"), Theme::parse("")), (None, None));
    }
}
