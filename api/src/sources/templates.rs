//! `GET /api/sources/templates/`: templates of sources for well-known networks, from their public
//! documentation (November 2026).
//!
//! If a network adds its click id to the URL of the landing page, `click_id_param` names that
//! parameter. The snippet passes it on, so no macro is needed. Otherwise `external_id` has the
//! macro of the click id.

use std::collections::BTreeMap;

use axum::Json;
use serde::Serialize;
use sluice_schemas::networks::{ClickId, Syntax};
use utoipa::ToSchema;

use crate::http::openapi::ListErrors;

/// A template, whose fields can be sent unchanged to create a source.
#[derive(Debug, Serialize, ToSchema)]
pub struct SourceTemplateResponse {
    pub name: &'static str,
    pub click_id_param: &'static str,
    /// Macros of the network by parameter of the pixel.
    pub macros: BTreeMap<&'static str, String>,
    /// The network's documentation of its macros.
    pub documentation: &'static str,
}

/// Its click id and its macros are of the tables by which the consumer recognises them.
struct Template {
    name: &'static str,
    click_id: Option<ClickId>,
    /// Parameter of the pixel, syntax and name of the macro.
    macros: &'static [(&'static str, Syntax, &'static str)],
    documentation: &'static str,
}

const BRACES: Syntax = Syntax::BRACES;
const DOUBLE: Syntax = Syntax::DOUBLE_BRACES;
const DOLLAR: Syntax = Syntax::DOLLAR_BRACES;
const UNDERSCORES: Syntax = Syntax::UNDERSCORES;

const TEMPLATES: &[Template] = &[
    Template {
        name: "Google Ads",
        click_id: Some(ClickId::GOOGLE),
        macros: &[
            ("ad_campaign_id", BRACES, "campaignid"),
            ("creative_id", BRACES, "creative"),
            ("keyword", BRACES, "keyword"),
            ("placement", BRACES, "placement"),
            ("sub1", BRACES, "adgroupid"),
            ("sub2", BRACES, "matchtype"),
            ("sub3", BRACES, "network"),
            ("sub4", BRACES, "device"),
        ],
        documentation: "https://support.google.com/google-ads/answer/6305348",
    },
    Template {
        name: "Meta Ads",
        click_id: Some(ClickId::META),
        macros: &[
            ("ad_campaign_id", DOUBLE, "campaign.id"),
            ("creative_id", DOUBLE, "ad.id"),
            ("placement", DOUBLE, "placement"),
            ("sub1", DOUBLE, "adset.id"),
            ("sub2", DOUBLE, "site_source_name"),
        ],
        documentation: "https://www.facebook.com/business/help/2360940870872492",
    },
    Template {
        name: "TikTok Ads",
        click_id: Some(ClickId::TIKTOK),
        macros: &[
            ("ad_campaign_id", UNDERSCORES, "CAMPAIGN_ID"),
            ("creative_id", UNDERSCORES, "CID"),
            ("placement", UNDERSCORES, "PLACEMENT"),
            ("sub1", UNDERSCORES, "AID"),
        ],
        documentation: "https://ads.tiktok.com/help/article/about-supported-macros-for-mobile-measurement-partners",
    },
    Template {
        name: "Microsoft Advertising",
        click_id: Some(ClickId::MICROSOFT),
        macros: &[
            ("ad_campaign_id", BRACES, "CampaignId"),
            ("creative_id", BRACES, "AdId"),
            ("keyword", BRACES, "keyword:default"),
            ("sub1", BRACES, "AdGroupId"),
            ("sub2", BRACES, "MatchType"),
            ("sub3", BRACES, "Network"),
            ("sub4", BRACES, "Device"),
        ],
        documentation: "https://help.ads.microsoft.com/apex/index/3/en/56799",
    },
    Template {
        name: "X Ads",
        click_id: Some(ClickId::X),
        macros: &[],
        documentation: "https://business.x.com/en/help/campaign-measurement-and-analytics/conversion-tracking-for-websites/about-conversion-tracking",
    },
    Template {
        name: "LinkedIn Ads",
        click_id: Some(ClickId::LINKEDIN),
        macros: &[("ad_campaign_id", DOUBLE, "CAMPAIGN_ID"), ("creative_id", DOUBLE, "CREATIVE_ID")],
        documentation: "https://learn.microsoft.com/en-us/linkedin/marketing/integrations/ads-reporting/dynamic-utm-tracking",
    },
    Template {
        name: "Taboola",
        click_id: None,
        macros: &[
            ("external_id", BRACES, "click_id"),
            ("ad_campaign_id", BRACES, "campaign_id"),
            ("creative_id", BRACES, "campaign_item_id"),
            ("placement", BRACES, "site"),
            ("sub1", BRACES, "site_id"),
            ("sub2", BRACES, "platform"),
        ],
        documentation: "https://developers.taboola.com/pixel/docs/s2s-manual-integration",
    },
    Template {
        name: "Outbrain",
        click_id: None,
        macros: &[
            ("external_id", DOUBLE, "ob_click_id"),
            ("ad_campaign_id", DOUBLE, "campaign_id"),
            ("creative_id", DOUBLE, "ad_id"),
            ("placement", DOUBLE, "section_id"),
            ("sub1", DOUBLE, "publisher_id"),
        ],
        documentation: "https://www.outbrain.com/help/advertisers/",
    },
    Template {
        name: "PropellerAds",
        click_id: None,
        macros: &[
            ("external_id", DOLLAR, "SUBID"),
            ("ad_campaign_id", BRACES, "campaignid"),
            ("creative_id", BRACES, "bannerid"),
            ("placement", BRACES, "zoneid"),
            ("cost", BRACES, "cost"),
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
            click_id_param: template.click_id.map_or("", |click_id| click_id.name),
            macros: template
                .macros
                .iter()
                .map(|(parameter, syntax, name)| (*parameter, syntax.of(name)))
                .collect(),
            documentation: template.documentation,
        }
    }
}

#[cfg(test)]
mod tests {
    use sluice_schemas::networks::{has_macro, is_macro};

    use super::*;
    use crate::sources::rules::{is_macro_text, is_parameter};

    #[test]
    fn every_template_creates_a_source() {
        for template in TEMPLATES.iter().map(SourceTemplateResponse::from) {
            for (parameter, text) in &template.macros {
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

    #[test]
    fn what_a_template_hands_out_is_recognised_if_the_network_does_not_fill_it_in() {
        for template in TEMPLATES.iter().map(SourceTemplateResponse::from) {
            for text in template.macros.values() {
                assert!(is_macro(text), "{} {text}", template.name);
                for around in [format!("a-{text}"), format!("{text}.b"), format!("a {text} b")] {
                    assert!(has_macro(&around), "{} {around}", template.name);
                }
            }
            let click_id = template.click_id_param;
            assert!(click_id.is_empty() || ClickId::position(click_id).is_some(), "{click_id}");
        }
    }
}
