//! What the pages of lists have in common: the form above, the sort link, the way to the next page.

use crate::http::query::{Params, with_param};

/// The choices of rows a page; the first unless told otherwise.
const PER_PAGE: [&str; 3] = ["25", "10", "100"];

/// The form above a list, and the links around it.
#[derive(Debug, Clone)]
pub struct ListView {
    pub q: String,
    pub from: String,
    pub to: String,
    pub sort: String,
    pub per_page: u32,
    /// Where the other direction is.
    pub sort_href: String,
    pub is_ascending: bool,
    pub next_href: Option<String>,
    /// Where the list begins, when this is not there.
    pub first_href: Option<String>,
    /// Whether anything narrows the list: then an empty one is no surprise.
    pub is_filtered: bool,
}

impl ListView {
    /// Reads the parameters that lists share.
    pub fn read(params: &mut Params, query: Option<&str>, is_ascending_by_default: bool) -> Self {
        let per_page = params.choice("per_page", &PER_PAGE).parse().unwrap_or(25);
        let text = |name: &str| params.text(name).unwrap_or_default().to_owned();
        let sort = text("sort");
        let is_ascending = if sort.is_empty() { is_ascending_by_default } else { !sort.starts_with('-') };
        let column = if is_ascending_by_default { "username" } else { "time" };
        let other = if is_ascending { format!("-{column}") } else { column.to_owned() };
        let fresh = with_param(query, "cursor", None);
        let narrowing = ["q", "from", "to", "user_id", "status", "state", "position"];
        Self {
            q: text("q"),
            from: text("from"),
            to: text("to"),
            per_page,
            sort_href: format!("?{}", with_param(Some(&fresh), "sort", Some(&other))),
            is_ascending,
            next_href: None,
            first_href: params.text("cursor").map(|_| format!("?{fresh}")),
            is_filtered: narrowing.iter().any(|name| params.text(name).is_some()),
            sort,
        }
    }

    /// With the way to the next page.
    #[must_use]
    pub fn followed_by(mut self, query: Option<&str>, cursor: Option<&str>) -> Self {
        self.next_href = cursor.map(|cursor| format!("?{}", with_param(query, "cursor", Some(cursor))));
        self
    }

    /// For `aria-sort`.
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
