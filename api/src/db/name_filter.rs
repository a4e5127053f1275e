//! The filter and the page of a list that is sorted by name.

/// Filters of a list by name.
#[derive(Debug, Clone)]
pub struct NameFilter {
    /// An `ILIKE` pattern.
    pub q: Option<String>,
    pub is_descending: bool,
    /// Name and id of the last item of the previous page.
    pub after: Option<(String, i64)>,
    pub limit: u32,
}

impl NameFilter {
    /// The number of rows to fetch: one more than the page shows, to know whether there is a next
    /// page.
    #[must_use]
    pub fn n_rows(&self) -> i64 {
        i64::from(self.limit) + 1
    }

    /// The name of the keyset.
    #[must_use]
    pub fn after_name(&self) -> Option<&str> {
        self.after.as_ref().map(|(name, _)| name.as_str())
    }

    /// The id of the keyset.
    #[must_use]
    pub fn after_id(&self) -> Option<i64> {
        self.after.as_ref().map(|(_, id)| *id)
    }
}
