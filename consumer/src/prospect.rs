//! The event of a pixel → the row of its prospect. Pure.

use sluice_schemas::event::{Event, Mark};
use sluice_schemas::rows::ProspectRow;

use crate::enrich::{Dimensions, Enricher};
use crate::event::{event_id, ip_of, marks_of, millis};
use crate::owner::Owner;
use crate::pairs::Parameters;

/// Makes the row of a prospect whose owner is known, or who has none.
pub(crate) fn prospect_row(
    event: &Event,
    parameters: Parameters,
    owner: Owner,
    enricher: &Enricher,
) -> ProspectRow {
    let ip = ip_of(event);
    let Dimensions { country, device, os, browser, bot } = enricher.dimensions(ip, &event.user_agent);
    let prospect_id = event_id(event);
    // A pid that is not a UUID is the click id of the traffic source.
    let (external_id, external_kind) =
        if parameters.external_id.is_empty() && Mark::PidInvalid.is_in(event.marks) {
            (parameters.prospect_id, "pid".to_owned())
        } else {
            (parameters.external_id, parameters.external_kind)
        };
    // The Referer header of a pixel is the page that the pixel is on.
    let page = if parameters.page.is_empty() {
        String::from_utf8_lossy(&event.referer).into_owned()
    } else {
        parameters.page
    };
    ProspectRow {
        prospect_id,
        time: millis(event.time_ms),
        user_id: owner.user_id,
        team_id: owner.team_id,
        campaign_id: owner.campaign_id,
        ip,
        user_agent: String::from_utf8_lossy(&event.user_agent).into_owned(),
        referrer: parameters.referrer,
        page,
        country,
        device,
        os,
        browser,
        bot,
        external_id,
        external_kind,
        subs: parameters.subs,
        utm_source: parameters.utm_source,
        utm_medium: parameters.utm_medium,
        utm_campaign: parameters.utm_campaign,
        utm_content: parameters.utm_content,
        utm_term: parameters.utm_term,
        keyword: parameters.keyword,
        creative_id: parameters.creative_id,
        ad_campaign_id: parameters.ad_campaign_id,
        placement: parameters.placement,
        cost: parameters.cost.unwrap_or(0),
        currency: parameters.currency,
        marks: marks_of(event, parameters.marks),
    }
}
