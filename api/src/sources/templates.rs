//! `GET /api/sources/templates/`: templates of sources for well-known networks, from their public
//! documentation (November 2026).
//!
//! If a network adds its click id to the URL of the landing page, `click_id_param` names that
//! parameter. The snippet passes it on, so no macro is needed. Otherwise `external_id` has the
//! macro of the click id.

use std::collections::BTreeMap;

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::openapi::ListErrors;

/// A template, whose fields can be sent unchanged to create a source.
#[derive(Debug, Serialize, ToSchema)]
pub struct SourceTemplateResponse {
    pub name: &'static str,
    pub click_id_param: &'static str,
    /// Macros of the network by parameter of the pixel.
    pub macros: BTreeMap<&'static str, &'static str>,
    /// The network's documentation of its macros.
    pub documentation: &'static str,
}

struct Template {
    name: &'static str,
    click_id_param: &'static str,
    macros: &'static [(&'static str, &'static str)],
    documentation: &'static str,
}

const TEMPLATES: &[Template] = &[
    Template {
        name: "Google Ads",
        click_id_param: "gclid",
        macros: &[
            ("ad_campaign_id", "{campaignid}"),
            ("creative_id", "{creative}"),
            ("keyword", "{keyword}"),
            ("placement", "{placement}"),
            ("sub1", "{adgroupid}"),
            ("sub2", "{matchtype}"),
            ("sub3", "{network}"),
            ("sub4", "{device}"),
        ],
        documentation: "https://support.google.com/google-ads/answer/6305348",
    },
    Template {
        name: "Meta Ads",
        click_id_param: "fbclid",
        macros: &[
            ("ad_campaign_id", "{{campaign.id}}"),
            ("creative_id", "{{ad.id}}"),
            ("placement", "{{placement}}"),
            ("sub1", "{{adset.id}}"),
            ("sub2", "{{site_source_name}}"),
        ],
        documentation: "https://www.facebook.com/business/help/2360940870872492",
    },
    Template {
        name: "TikTok Ads",
        click_id_param: "ttclid",
        macros: &[
            ("ad_campaign_id", "__CAMPAIGN_ID__"),
            ("creative_id", "__CID__"),
            ("placement", "__PLACEMENT__"),
            ("sub1", "__AID__"),
        ],
        documentation: "https://ads.tiktok.com/help/article/about-supported-macros-for-mobile-measurement-partners",
    },
    Template {
        name: "Microsoft Advertising",
        click_id_param: "msclkid",
        macros: &[
            ("ad_campaign_id", "{CampaignId}"),
            ("creative_id", "{AdId}"),
            ("keyword", "{keyword:default}"),
            ("sub1", "{AdGroupId}"),
            ("sub2", "{MatchType}"),
            ("sub3", "{Network}"),
            ("sub4", "{Device}"),
        ],
        documentation: "https://help.ads.microsoft.com/apex/index/3/en/56799",
    },
    Template {
        name: "X Ads",
        click_id_param: "twclid",
        macros: &[],
        documentation: "https://business.x.com/en/help/campaign-measurement-and-analytics/conversion-tracking-for-websites/about-conversion-tracking",
    },
    Template {
        name: "LinkedIn Ads",
        click_id_param: "li_fat_id",
        macros: &[("ad_campaign_id", "{{CAMPAIGN_ID}}"), ("creative_id", "{{CREATIVE_ID}}")],
        documentation: "https://learn.microsoft.com/en-us/linkedin/marketing/integrations/ads-reporting/dynamic-utm-tracking",
    },
    Template {
        name: "Taboola",
        click_id_param: "",
        macros: &[
            ("external_id", "{click_id}"),
            ("ad_campaign_id", "{campaign_id}"),
            ("creative_id", "{campaign_item_id}"),
            ("placement", "{site}"),
            ("sub1", "{site_id}"),
            ("sub2", "{platform}"),
        ],
        documentation: "https://developers.taboola.com/pixel/docs/s2s-manual-integration",
    },
    Template {
        name: "Outbrain",
        click_id_param: "",
        macros: &[
            ("external_id", "{{ob_click_id}}"),
            ("ad_campaign_id", "{{campaign_id}}"),
            ("creative_id", "{{ad_id}}"),
            ("placement", "{{section_id}}"),
            ("sub1", "{{publisher_id}}"),
        ],
        documentation: "https://www.outbrain.com/help/advertisers/",
    },
    Template {
        name: "PropellerAds",
        click_id_param: "",
        macros: &[
            ("external_id", "${SUBID}"),
            ("ad_campaign_id", "{campaignid}"),
            ("creative_id", "{bannerid}"),
            ("placement", "{zoneid}"),
            ("cost", "{cost}"),
        ],
        documentation: "https://help.propellerads.com/",
    },
];

/// List templates of traffic sources
///
/// Click ids and macros of well-known networks, for creating sources.
#[utoipa::path(
    get, path = "/api/sources/templates/", tag = "sources",
    responses((status = 200, description = "Templates by network", body = Vec<SourceTemplateResponse>), ListErrors),
    security(("bearer" = [])),
)]
pub async fn list_source_templates() -> Json<Vec<SourceTemplateResponse>> {
    Json(TEMPLATES.iter().map(SourceTemplateResponse::from).collect())
}

impl From<&Template> for SourceTemplateResponse {
    fn from(template: &Template) -> Self {
        Self {
            name: template.name,
            click_id_param: template.click_id_param,
            macros: template.macros.iter().copied().collect(),
            documentation: template.documentation,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::rules::{is_macro_text, is_parameter};

    #[test]
    fn every_template_creates_a_source() {
        for template in TEMPLATES {
            for (parameter, text) in template.macros {
                assert!(
                    is_parameter(parameter) && is_macro_text(text),
                    "{} {parameter} {text}",
                    template.name
                );
            }
            assert!(template.click_id_param.is_empty() || is_parameter(template.click_id_param));
            assert!(template.documentation.starts_with("https://"));
        }
    }
}
