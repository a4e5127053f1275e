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
    let Dimensions { country, device, os, browser, bot } = dimensions_of(event, enricher);
    let prospect_id = event_id(event);
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
        ip: ip_of(event),
        user_agent: String::from_utf8_lossy(&event.user_agent).into_owned(),
        referrer: parameters.referrer,
        page,
        country,
        device,
        os,
        browser,
        bot,
        rules: enricher.rules().to_owned(),
        external_id: parameters.external_id,
        external_kind: parameters.external_kind,
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

/// The facts of a prospect's address and user agent. What a browser requested before anybody asked
/// for it is no visit of a human.
pub(crate) fn dimensions_of(event: &Event, enricher: &Enricher) -> Dimensions {
    let mut dimensions = enricher.dimensions(ip_of(event), &event.user_agent);
    if dimensions.bot.is_empty() && Mark::Prefetch.is_in(event.marks) {
        PREFETCH.clone_into(&mut dimensions.bot);
    }
    dimensions
}

const PREFETCH: &str = "prefetch";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::enrich::data::DataFiles;

    #[test]
    fn what_nobody_asked_for_is_a_bot_unless_it_is_one_anyway() {
        let enricher = Enricher::load(&DataFiles::default()).unwrap();
        let bot = |user_agent: &'static str, marks: u32| {
            let event = Event { user_agent: user_agent.as_bytes().into(), marks, ..Event::default() };
            prospect_row(&event, Parameters::default(), Owner::default(), &enricher).bot
        };
        let chrome = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36";
        let prefetch = Mark::Prefetch as u32;
        assert_eq!((bot(chrome, 0), bot(chrome, prefetch)), (String::new(), "prefetch".to_owned()));
        assert_eq!(bot(chrome, prefetch | Mark::Head as u32), "prefetch");
        assert_eq!(bot(chrome, Mark::Head as u32), "");
        assert_eq!(
            (bot("curl/8.5.0", prefetch), bot("", prefetch)),
            ("curl".to_owned(), "no_user_agent".to_owned())
        );
    }
}
