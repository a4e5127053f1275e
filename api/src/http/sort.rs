//! The parameters that all lists in Postgres share: `limit`, `cursor` and `sort`. `db/sort.rs` has
//! their meaning.
//!
//! A cursor is the `sort` of its page and the keyset of the page's last row, as a JSON array in
//! base64. The next page must have the same order.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use utoipa::openapi::path::Parameter;

use crate::db::list_query::Keyed;
use crate::db::sort::{Order, Sorting};
use crate::http::fields::types::text;
use crate::http::paging::Page;
use crate::http::query::Params;
use crate::http::typed_query::{Limit, Param as _, describe};

impl Params {
    /// Reads `sort` and `cursor`.
    pub fn order(&mut self, sorting: &Sorting, limit: u32) -> Order {
        let asked = self.text("sort").unwrap_or(sorting.default).to_owned();
        let order = sorting.order(&asked, limit);
        if order.is_none() {
            let names: Vec<&str> = sorting.columns.iter().map(|column| column.name).collect();
            let message = not_a_choice(&asked, &names.join(", "));
            self.fail("sort", message);
        }
        let is_known = order.is_some();
        let order = order.or_else(|| sorting.order(sorting.default, limit));
        let mut order = order.expect("a test has read the default of each list");
        let Some(cursor) = self.text("cursor").filter(|_| is_known) else { return order };
        if !read(cursor).is_some_and(|(sort, keyset)| sort == order.sort && order.begin_after(&keyset)) {
            self.fail("cursor", INVALID_CURSOR);
        }
        order
    }
}

impl<T> Page<T> {
    /// Creates a page from up to `limit` + 1 rows.
    #[must_use]
    pub fn ordered(rows: Vec<Keyed<T>>, order: &Order) -> Self {
        Page::of(rows, order.limit, |keyed: &Keyed<T>| write(&order.sort, &keyed.keyset))
            .map(|keyed| keyed.row)
    }
}

/// The message for a cursor that cannot be used.
pub(super) const INVALID_CURSOR: &str = "Invalid cursor. It is from a page with the same \"sort\".";

/// Returns the message for a wrong `sort`.
pub(super) fn not_a_choice(asked: &str, names: &str) -> String {
    format!("\"{asked}\" is not a valid choice. Choose {names}, or one of them after a minus sign.")
}

pub(super) fn write(sort: &str, keyset: &[Option<String>]) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::json!([sort, keyset]).to_string())
}

pub(super) fn read(cursor: &str) -> Option<(String, Vec<Option<String>>)> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()
}

/// The order of a list, which `page_query!` describes in the OpenAPI document.
pub trait SortChoices {
    /// The columns that `sort` may name.
    fn names(&self) -> Vec<&'static str>;

    /// The value of `sort` if none is sent.
    fn default(&self) -> &'static str;

    /// A note for readers of the document.
    fn note(&self) -> &'static str;
}

impl SortChoices for Sorting {
    fn names(&self) -> Vec<&'static str> {
        self.columns.iter().map(|column| column.name).collect()
    }

    fn default(&self) -> &'static str {
        self.default
    }

    fn note(&self) -> &'static str {
        "Missing values come last."
    }
}

/// Describes the parameters of a page.
#[must_use]
pub fn describe_page(order: &impl SortChoices) -> Vec<Parameter> {
    let names = order.names();
    let choices = names.iter().flat_map(|name| [(*name).to_owned(), format!("-{name}")]);
    let sort = text().enum_values(Some(choices)).default(Some(order.default().into()));
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    let about = format!(
        "The column to sort by: {}. With a minus sign before it, in descending order. {}",
        quoted.join(", "),
        order.note(),
    );
    vec![
        describe("limit", &["The maximum number of items."], Limit::schema()),
        describe("cursor", &["From the `Link` header of the previous page."], text().into()),
        describe("sort", &[&about], sort.into()),
    ]
}

/// Defines a type that describes `limit`, `cursor` and `sort` of a list in the OpenAPI document.
macro_rules! page_query {
    ($(#[doc = $about:literal])* $vis:vis struct $name:ident of $sorting:expr;) => {
        $(#[doc = $about])*
        $vis struct $name;

        impl utoipa::IntoParams for $name {
            fn into_params(
                _: impl Fn() -> Option<utoipa::openapi::path::ParameterIn>,
            ) -> Vec<utoipa::openapi::path::Parameter> {
                $crate::http::sort::describe_page(&$sorting)
            }
        }
    };
}
pub(crate) use page_query;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::sort::{Column, Key};

    const SORTING: Sorting = Sorting::new(
        "name",
        &[Key::number("id")],
        &[Column::new("name", &[Key::text("lower(name)")]), Column::new("id", &[])],
    );

    fn error(query: &str) -> Option<String> {
        let mut params = Params::parse(Some(query));
        params.order(&SORTING, 10);
        params.finish().err().map(|error| error.sentence())
    }

    #[test]
    fn a_cursor_belongs_to_its_order() {
        let cursor = write("-name", &[Some("a:b é".to_owned()), Some("7".to_owned())]);
        assert_eq!(error(&format!("sort=-name&cursor={cursor}")), None);
        for sort in ["", "sort=name&", "sort=id&"] {
            assert!(
                error(&format!("{sort}cursor={cursor}")).unwrap().starts_with("cursor: Invalid"),
                "{sort}"
            );
        }
        for wrong in ["x", "YQ", "W10", &write("name", &[]), &write("name", &[None, None])] {
            assert!(error(&format!("cursor={wrong}")).is_some(), "{wrong}");
        }
    }

    #[test]
    fn an_unknown_column_is_an_error_that_lists_the_columns() {
        insta::assert_snapshot!(error("sort=password").unwrap(), @r#"sort: "password" is not a valid choice. Choose name, id, or one of them after a minus sign."#);
        assert_eq!(error("sort="), None);
    }
}
