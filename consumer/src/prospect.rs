//! A pixel's event → the row of its prospect. Pure.

use std::net::Ipv6Addr;

use sluice_schemas::event::{Event, Mark};
use sluice_schemas::rows::ProspectRow;

use crate::enrich::{Dimensions, Enricher};
use crate::pairs::Fields;
use crate::rows::{Owner, event_id, marks_of, millis};

/// The visitor's address; `::` where it was not kept.
pub(crate) fn ip_of(event: &Event) -> Ipv6Addr {
    <[u8; 16]>::try_from(&event.ip[..]).map_or(Ipv6Addr::UNSPECIFIED, Ipv6Addr::from)
}

/// The row of a prospect that is somebody's, or nobody's.
pub(crate) fn prospect_row(event: &Event, fields: Fields, owner: Owner, enricher: &Enricher) -> ProspectRow {
    let ip = ip_of(event);
    let Dimensions { country, device, os, browser, bot } = enricher.dimensions(ip, &event.user_agent);
    let prospect_id = event_id(event);
    // A pid that is no UUID is not lost: it is the source's own click id.
    let (external_id, external_kind) = if fields.external_id.is_empty() && Mark::PidInvalid.is_in(event.marks)
    {
        (fields.prospect_id, "pid".to_owned())
    } else {
        (fields.external_id, fields.external_kind)
    };
    // The Referer header of a pixel is the page that it stands on.
    let page = if fields.page.is_empty() {
        String::from_utf8_lossy(&event.referer).into_owned()
    } else {
        fields.page
    };
    ProspectRow {
        prospect_id,
        time: millis(event.time_ms),
        user_id: owner.user_id,
        team_id: owner.team_id,
        campaign_id: owner.campaign_id,
        ip,
        user_agent: String::from_utf8_lossy(&event.user_agent).into_owned(),
        referrer: fields.referrer,
        page,
        country,
        device,
        os,
        browser,
        bot,
        external_id,
        external_kind,
        subs: fields.subs,
        utm_source: fields.utm_source,
        utm_medium: fields.utm_medium,
        utm_campaign: fields.utm_campaign,
        utm_content: fields.utm_content,
        utm_term: fields.utm_term,
        keyword: fields.keyword,
        creative_id: fields.creative_id,
        ad_campaign_id: fields.ad_campaign_id,
        placement: fields.placement,
        cost: fields.cost.unwrap_or(0),
        currency: fields.currency,
        marks: marks_of(event, fields.marks),
    }
}
