//! The figures of the last seven days at the head of the page of a campaign, team, user, source or
//! partner: the total of one report within the viewer's scope.

use crate::http::in_process::Api;
use crate::pages::calls::escaped;
use crate::pages::entity::Entity;
use crate::pages::reports::answer::{Answer, Schema};
use crate::pages::reports::numbers::{Shown, compare, label};
use crate::pages::reports::table::link;

const METRICS: &str = "prospects,orders,cr,revenue,cost,profit,roi";

/// The figures of a thing.
#[derive(Debug)]
pub struct HeadView {
    /// None if they could not be loaded.
    pub(in crate::pages) figures: Option<Vec<Figure>>,
    pub(in crate::pages) report_href: String,
}

#[derive(Debug)]
pub(in crate::pages) struct Figure {
    pub(in crate::pages) label: String,
    pub(in crate::pages) meaning: String,
    pub(in crate::pages) shown: Shown,
    /// The list of exactly the counted events.
    pub(in crate::pages) href: Option<String>,
}

/// Loads the figures of a thing that reports can be filtered by. A report that fails leaves the
/// rest of the page as it is.
pub async fn load(api: &Api, entity: &Entity, id: &str) -> Option<HeadView> {
    let reply = api.get("/api/reports/schema/").await.ok()?;
    let schema: Schema = serde_json::from_value(reply.body).ok()?;
    let filter = schema
        .dimensions
        .iter()
        .find(|dimension| dimension.refers.as_deref() == Some(entity.resource.as_str()))?
        .filter
        .as_deref()?;
    let query = format!("{filter}={}&group_by=day&compare=prev", escaped(id));
    Some(HeadView {
        figures: figures(api, &schema, &format!("{query}&metrics={METRICS}")).await,
        report_href: format!("/reports/?{query}"),
    })
}

async fn figures(api: &Api, schema: &Schema, query: &str) -> Option<Vec<Figure>> {
    let reply = api.get(&format!("/api/reports/?{query}")).await.ok()?;
    let answer: Answer = serde_json::from_value(reply.body).ok()?;
    let total = &answer.total;
    let before = total.compared.as_ref();
    let figure = |name: &String| {
        let metric = schema.metric(name)?;
        let before = before.and_then(|values| values.get(name));
        Some(Figure {
            label: label(metric, &answer.currency),
            meaning: metric.meaning.clone(),
            shown: compare(metric, total.values.get(name), before, &answer.currency),
            href: link(name, &total.events),
        })
    };
    Some(answer.metrics.iter().filter_map(figure).collect())
}
