//! The address of a report. It is the whole state of the page, so every link and form of the page
//! is a changed copy of it.

use form_urlencoded::{Serializer, parse};

/// Parameters that a form may repeat and that the API takes as one list.
const LISTS: [&str; 3] = ["group_by", "metrics", "chart"];

/// The parameters of an address, in their order, without empty ones and without a cursor.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Address(Vec<(String, String)>);

impl Address {
    /// Reads a query. The values of lists are joined.
    pub(super) fn parse(query: &str) -> Self {
        let mut address = Self::default();
        for (name, value) in parse(query.as_bytes()) {
            if value.is_empty() || name == "cursor" {
                continue;
            }
            let is_list = LISTS.contains(&name.as_ref());
            match address.0.iter_mut().find(|(known, _)| is_list && *known == name) {
                Some((_, values)) => values.extend([",", &value]),
                None => address.0.push((name.into_owned(), value.into_owned())),
            }
        }
        address
    }

    /// Returns the last value of a parameter.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Returns all parameters.
    pub(super) fn pairs(&self) -> &[(String, String)] {
        &self.0
    }

    /// Removes parameters.
    #[must_use]
    pub(super) fn without(mut self, names: &[&str]) -> Self {
        self.0.retain(|(name, _)| !names.contains(&name.as_str()));
        self
    }

    /// Removes one value of a parameter.
    #[must_use]
    pub(super) fn without_pair(mut self, pair: &(String, String)) -> Self {
        self.0.retain(|known| known != pair);
        self
    }

    /// Adds a parameter.
    #[must_use]
    pub(super) fn and(mut self, name: &str, value: &str) -> Self {
        self.0.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Replaces a parameter.
    #[must_use]
    pub(super) fn with(self, name: &str, value: &str) -> Self {
        self.without(&[name]).and(name, value)
    }

    /// Adds the parameters of a query in place of those with the same names.
    #[must_use]
    pub(super) fn with_query(self, query: &str) -> Self {
        let pairs: Vec<_> = parse(query.as_bytes()).collect();
        pairs.iter().fold(self, |address, (name, value)| address.with(name, value))
    }

    /// Returns the query.
    pub(super) fn query(&self) -> String {
        Serializer::new(String::new()).extend_pairs(&self.0).finish()
    }

    /// Returns the link to this report.
    pub(super) fn href(&self) -> String {
        format!("/reports/?{}", self.query())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_changed_and_written() {
        let address =
            Address::parse("group_by=user&group_by=&group_by=country&country=UA&country=PL&cursor=x");
        assert_eq!(address.query(), "group_by=user%2Ccountry&country=UA&country=PL");
        assert_eq!(address.get("country"), Some("PL"));
        let pair = ("country".to_owned(), "UA".to_owned());
        assert_eq!(address.clone().without_pair(&pair).query(), "group_by=user%2Ccountry&country=PL");
        assert_eq!(address.clone().with("country", "").query(), "group_by=user%2Ccountry&country=");
        assert_eq!(
            address.without(&["group_by"]).with_query("user_id=7&country=DE").href(),
            "/reports/?user_id=7&country=DE"
        );
    }
}
