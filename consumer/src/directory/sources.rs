//! The traffic sources of campaigns, and the parameter with which each passes its click id.

use foldhash::HashMap;
use serde::Deserialize;

use super::Entry;

/// The sources of a version of the directory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Sources {
    /// The source of each campaign.
    of_campaigns: HashMap<u64, u64>,
    /// The click-id parameter of each source that has one.
    click_id_params: HashMap<u64, Box<str>>,
}

#[derive(Deserialize)]
struct Details {
    click_id_param: Box<str>,
}

impl Sources {
    /// Applies a change of a campaign's source.
    pub(super) fn set_campaign(&mut self, entry: &Entry) {
        let campaign_id = entry.subject_id.unsigned_abs();
        if entry.is_gone {
            self.of_campaigns.remove(&campaign_id);
        } else {
            self.of_campaigns.insert(campaign_id, entry.object_id.unsigned_abs());
        }
    }

    /// Applies a change of a source.
    pub(super) fn set_source(&mut self, entry: &Entry) {
        let Ok(source_id) = entry.entity_id.parse() else { return };
        match serde_json::from_str::<Details>(&entry.details) {
            Ok(details) if !entry.is_gone => {
                self.click_id_params.insert(source_id, details.click_id_param);
            }
            _ => drop(self.click_id_params.remove(&source_id)),
        }
    }

    /// The parameter with which the source of a campaign passes its click id.
    pub(super) fn click_id_param(&self, campaign_id: u64) -> Option<&str> {
        let source_id = self.of_campaigns.get(&campaign_id)?;
        self.click_id_params.get(source_id).map(AsRef::as_ref)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::entry;
    use super::*;

    #[test]
    fn a_campaign_has_the_parameter_of_its_source() {
        let none = (None, None);
        let details = |param: &str| serde_json::json!({ "click_id_param": param }).to_string();
        let source = |version, param: &str| Entry {
            details: details(param),
            ..entry(version, "source", "3", (0, 0), none)
        };
        let mut sources = Sources::default();
        sources.set_campaign(&entry(1, "campaign_source", "9", (9, 3), none));
        assert_eq!(sources.click_id_param(9), None);
        sources.set_source(&source(2, "zclid"));
        assert_eq!((sources.click_id_param(9), sources.click_id_param(8)), (Some("zclid"), None));
        sources.set_source(&source(3, "cid"));
        assert_eq!(sources.click_id_param(9), Some("cid"));
        sources.set_source(&Entry { is_gone: true, ..source(4, "") });
        assert_eq!(sources.click_id_param(9), None);
        sources.set_source(&source(5, "zclid"));
        sources.set_campaign(&Entry { is_gone: true, ..entry(6, "campaign_source", "9", (9, 0), none) });
        assert_eq!(sources.click_id_param(9), None);
    }
}
