//! Shared parts of list pages: the filter form, the dates, and the links around a list.

use crate::dates::control::{Control, Dates};
use crate::dates::range::{Present, Preset};
use crate::http::query::{Params, with_param};
use crate::pages::entity::{Dated, Entity};

/// Choices of rows per page. The first is the default.
const PER_PAGE: [&str; 3] = ["25", "10", "100"];

/// The filter form above a list, and the links around it.
#[derive(Debug, Clone)]
pub struct ListView {
    pub q: String,
    pub sort: String,
    pub per_page: u32,
    pub next_href: Option<String>,
    /// Link to the first page, unless this is the first page.
    pub first_href: Option<String>,
    pub csv_href: String,
    /// Whether a filter is set. An empty list then says "Nothing matches".
    pub is_filtered: bool,
}

/// Returns the label of a parameter that all lists share; else its name.
#[must_use]
pub fn label_of(name: &str) -> &str {
    match name {
        "per_page" => "Rows per page",
        "sort" => "Order",
        "range" => "Dates",
        "from" => "From",
        "to" => "To",
        "tz" => "Time zone",
        "q" => "Search",
        "state" => "State",
        name => name,
    }
}

/// The order of a list that is sorted by time, the newest first unless reversed.
#[derive(Debug, Clone)]
pub struct TimeOrder {
    /// Link to the reverse order.
    pub href: String,
    pub is_ascending: bool,
}

impl ListView {
    /// Reads the parameters that all lists share. `filters` are those of this list.
    pub fn read<'a>(
        params: &mut Params,
        query: Option<&str>,
        filters: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let per_page = params.choice("per_page", &PER_PAGE).parse().unwrap_or(25);
        let text = |name: &str| params.text(name).unwrap_or_default().to_owned();
        let first_page = with_param(query, "cursor", None);
        Self {
            q: text("q"),
            sort: text("sort"),
            per_page,
            next_href: None,
            first_href: params.text("cursor").map(|_| format!("?{first_page}")),
            is_filtered: filters.into_iter().chain(["q"]).any(|name| params.text(name).is_some()),
            csv_href: format!("export.csv?{first_page}"),
        }
    }

    /// Notes that dates limit the list.
    #[must_use]
    pub fn limited_to(mut self, dates: &Dates) -> Self {
        self.is_filtered |= dates.range.preset != Some(Preset::All);
        self
    }

    /// Adds the link to the next page, if there is one.
    #[must_use]
    pub fn followed_by(mut self, query: Option<&str>, cursor: Option<&str>) -> Self {
        self.next_href = cursor.map(|cursor| format!("?{}", with_param(query, "cursor", Some(cursor))));
        self
    }
}

/// The query of a list, as the API takes it.
#[derive(Debug, Clone)]
pub struct Asked {
    /// `None` for a list that has no dates.
    pub dates: Option<Dates>,
    pub api_query: String,
}

impl Asked {
    /// Reads the dates of a list. Errors stay in `params`.
    pub fn read(entity: &Entity, params: &mut Params, query: Option<&str>, viewer: Present) -> Self {
        let mut dates = || Dates::read(params, query, viewer, Control::LIST);
        match entity.dated {
            Dated::Never => Self { dates: None, api_query: query.unwrap_or_default().to_owned() },
            Dated::ByTime => {
                let dates = dates();
                Self { api_query: dates.api_query(), dates: Some(dates) }
            }
            Dated::ByDay => {
                let dates = dates();
                Self { api_query: dates.api_query_of_days(), dates: Some(dates) }
            }
        }
    }
}

impl TimeOrder {
    /// Reads `sort`.
    #[must_use]
    pub fn of(sort: &str, query: Option<&str>) -> Self {
        let is_ascending = !sort.is_empty() && !sort.starts_with('-');
        let first_page = with_param(query, "cursor", None);
        let reverse = if is_ascending { "-time" } else { "time" };
        let href = format!("?{}", with_param(Some(&first_page), "sort", Some(reverse)));
        Self { href, is_ascending }
    }

    /// Returns the value of `aria-sort`.
    #[must_use]
    pub fn aria_sort(&self) -> &'static str {
        if self.is_ascending { "ascending" } else { "descending" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_keep_what_was_asked_for() {
        let query = Some("q=chrome&per_page=10&cursor=abc");
        let view =
            ListView::read(&mut Params::parse(query), query, ["state"]).followed_by(query, Some("def"));
        let order = TimeOrder::of(&view.sort, query);
        assert_eq!(view.per_page, 10);
        assert_eq!(order.href, "?q=chrome&per_page=10&sort=time");
        assert_eq!(view.next_href.as_deref(), Some("?q=chrome&per_page=10&cursor=def"));
        assert_eq!(view.first_href.as_deref(), Some("?q=chrome&per_page=10"));
        assert_eq!(view.csv_href, "export.csv?q=chrome&per_page=10");
        assert!(view.is_filtered && order.aria_sort() == "descending");
    }
}
