//! Shared parts of list pages: the filter form, the sort link and the paging links.

use crate::http::query::{Params, with_param};

/// Choices of rows per page. The first is the default.
const PER_PAGE: [&str; 3] = ["25", "10", "100"];

/// The filter form above a list, and the links around it.
#[derive(Debug, Clone)]
pub struct ListView {
    pub q: String,
    pub from: String,
    pub to: String,
    pub sort: String,
    pub per_page: u32,
    /// Link to the reverse order.
    pub sort_href: String,
    pub is_ascending: bool,
    pub next_href: Option<String>,
    /// Link to the first page, unless this is the first page.
    pub first_href: Option<String>,
    /// Whether a filter is set. An empty list then says "Nothing matches".
    pub is_filtered: bool,
}

impl ListView {
    /// Reads the parameters that all lists share.
    pub fn read(params: &mut Params, query: Option<&str>, is_ascending_by_default: bool) -> Self {
        let per_page = params.choice("per_page", &PER_PAGE).parse().unwrap_or(25);
        let text = |name: &str| params.text(name).unwrap_or_default().to_owned();
        let sort = text("sort");
        let is_ascending = if sort.is_empty() { is_ascending_by_default } else { !sort.starts_with('-') };
        let column = if is_ascending_by_default { "username" } else { "time" };
        let other = if is_ascending { format!("-{column}") } else { column.to_owned() };
        let first_page = with_param(query, "cursor", None);
        let filters = ["q", "from", "to", "user_id", "status", "state", "reason", "reference", "position"];
        Self {
            q: text("q"),
            from: text("from"),
            to: text("to"),
            per_page,
            sort_href: format!("?{}", with_param(Some(&first_page), "sort", Some(&other))),
            is_ascending,
            next_href: None,
            first_href: params.text("cursor").map(|_| format!("?{first_page}")),
            is_filtered: filters.iter().any(|name| params.text(name).is_some()),
            sort,
        }
    }

    /// Adds the link to the next page, if there is one.
    #[must_use]
    pub fn followed_by(mut self, query: Option<&str>, cursor: Option<&str>) -> Self {
        self.next_href = cursor.map(|cursor| format!("?{}", with_param(query, "cursor", Some(cursor))));
        self
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
        let view = ListView::read(&mut Params::parse(query), query, false).followed_by(query, Some("def"));
        assert_eq!(view.per_page, 10);
        assert_eq!(view.sort_href, "?q=chrome&per_page=10&sort=time");
        assert_eq!(view.next_href.as_deref(), Some("?q=chrome&per_page=10&cursor=def"));
        assert_eq!(view.first_href.as_deref(), Some("?q=chrome&per_page=10"));
        assert!(view.is_filtered && view.aria_sort() == "descending");
    }
}
