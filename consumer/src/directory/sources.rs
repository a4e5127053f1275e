//! The traffic sources of campaigns, and the parameter with which each passes its click id.

use foldhash::HashMap;
use serde::Deserialize;

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
    /// Sets the source of a campaign, or that it has none.
    pub(super) fn set_campaign(&mut self, campaign_id: u64, source_id: Option<u64>) {
        match source_id {
            Some(source_id) => drop(self.of_campaigns.insert(campaign_id, source_id)),
            None => drop(self.of_campaigns.remove(&campaign_id)),
        }
    }

    /// Sets the details of a source, or that it passes no click id.
    pub(super) fn set_source(&mut self, source_id: u64, details: Option<&str>) {
        match details.map(serde_json::from_str::<Details>) {
            Some(Ok(details)) => {
                drop(self.click_id_params.insert(source_id, details.click_id_param));
            }
            Some(Err(_)) | None => drop(self.click_id_params.remove(&source_id)),
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
    use super::*;

    #[test]
    fn a_campaign_has_the_parameter_of_its_source() {
        let details = |param: &str| serde_json::json!({ "click_id_param": param }).to_string();
        let mut sources = Sources::default();
        sources.set_campaign(9, Some(3));
        assert_eq!(sources.click_id_param(9), None);
        sources.set_source(3, Some(&details("zclid")));
        assert_eq!((sources.click_id_param(9), sources.click_id_param(8)), (Some("zclid"), None));
        sources.set_source(3, Some(&details("cid")));
        assert_eq!(sources.click_id_param(9), Some("cid"));
        sources.set_source(3, None);
        assert_eq!(sources.click_id_param(9), None);
        sources.set_source(3, Some(&details("zclid")));
        sources.set_campaign(9, None);
        assert_eq!(sources.click_id_param(9), None);
    }
}
