//! `GET /api/orders/list/`: lists the orders within the viewer's scope with their prospects, newest
//! first.

use axum::extract::State;
use axum::response::Response;
use sluice_schemas::status::Status;
use uuid::Uuid;

use crate::db::event_filter::EventFilter;
use crate::db::event_order::EventColumn;
use crate::db::orders::{self, OrderRow};
use crate::db::parked::{self, ParkedFilter, ParkedRow};
use crate::db::scope::EventScope;
use crate::events::{DetailsQuery, ListEventsQuery, may_search, read_filter, search_turn};
use crate::http::allowed::Allowed;
use crate::http::error::ApiError;
use crate::http::event_sort::cursor_after;
use crate::http::openapi::ListErrors;
use crate::http::paging::{Listing, Page};
use crate::http::query::Params;
use crate::http::sort::page_query;
use crate::http::state::App;
use crate::http::typed_query::{query, word};
use crate::orders::assemble::{self, Order};
use crate::orders::model::{OrderDetailResponse, OrderResponse};
use crate::policy::{self, Action, Resource};
use crate::reports::dimensions::Dimension;

page_query! {
    /// The order and the page.
    pub struct OrderPageQuery of EventColumn::OF_ORDERS;
}

word! {
    /// The status of an order.
    pub struct OrderStatus of Status::WORDS;
}

query! {
    /// Further query parameters of the list of orders.
    pub struct ListOrdersQuery {
        /// Only orders with this status: `hold`, `sale`, `rejected`, `trash`, `chargeback` or
        /// `rebill`.
        pub status: OrderStatus,
        /// `false`: without parked orders.
        pub parked: Option<bool>,
    }
}

/// List orders
///
/// For Owners the list includes parked orders, with the reason in `parked`. They are sorted as
/// orders without status, payout and user.
#[utoipa::path(
    get, path = "/api/orders/list/", tag = "orders", params(OrderPageQuery, ListEventsQuery, ListOrdersQuery, DetailsQuery),
    responses((status = 200, description = "Orders, newest first", body = Vec<OrderResponse>), ListErrors),
    security(("bearer" = [])),
)]
pub async fn list_orders(
    State(app): State<App>,
    allowed: Allowed,
    listing: Listing,
) -> Result<Response, ApiError> {
    let mut params = listing.params();
    let limit = params.limit();
    let has_details = DetailsQuery::read(&mut params).details.unwrap_or_default();
    let page = collect(&app, &allowed, params, limit).await?;
    if has_details {
        return Ok(listing.answer(&page.map(OrderDetailResponse::from)));
    }
    Ok(listing.answer(&page.map(OrderResponse::from)))
}

/// Returns the orders that match the parameters, within the viewer's scope.
///
/// # Errors
/// 400 for an invalid parameter.
pub async fn collect(
    app: &App,
    allowed: &Allowed,
    mut params: Params,
    limit: u32,
) -> Result<Page<Order>, ApiError> {
    let mut filter =
        read_filter(&mut params, allowed, &EventColumn::OF_ORDERS, Dimension::is_column_of_orders, limit);
    let query = ListOrdersQuery::read(&mut params);
    filter.status = query.status.0.unwrap_or_default().to_owned();
    let has_parked = query.parked.unwrap_or(true);
    params.finish()?;
    may_search(&filter, allowed)?;
    filter.scope = EventScope::load(&app.postgres, &allowed.viewer, allowed.grant.scope).await?;
    let _turn = search_turn(app, allowed, &filter.q).await?;
    let (rows, waiting) =
        futures::try_join!(find_stored(app, &filter), find_parked(app, allowed, &filter, has_parked))?;
    let grant = allowed.grant;
    let waiting = waiting.into_iter().map(|row| assemble::parked(grant, row)).collect();
    let stored = assemble::stored(&app.clickhouse, grant, rows).await?;
    let all = assemble::merge(stored, waiting, filter.sort, filter.is_ascending);
    let cursor = |order: &Order| {
        let sorted = filter.sort.map(|column| (column, order.value(column)));
        cursor_after(sorted, filter.is_ascending, order.sort_ms, order.id)
    };
    Ok(Page::of(all, limit, cursor))
}

async fn find_stored(app: &App, filter: &EventFilter) -> clickhouse::error::Result<Vec<OrderRow>> {
    if let Ok(id) = filter.q.parse::<Uuid>() {
        // The id is that of an order, or of a prospect: then its orders are listed.
        if let Some(row) = orders::find(&app.clickhouse, &filter.scope, id).await? {
            return Ok(vec![row]);
        }
        let of_prospect = orders::of_prospect(&app.clickhouse, &filter.scope, id, 0).await?;
        if !of_prospect.is_empty() {
            return Ok(of_prospect);
        }
    }
    orders::list(&app.clickhouse, filter, app.clock.now_ms()).await
}

async fn find_parked(
    app: &App,
    allowed: &Allowed,
    filter: &EventFilter,
    is_wanted: bool,
) -> clickhouse::error::Result<Vec<ParkedRow>> {
    let may_see = policy::decide(allowed.viewer.position, Action::List, Resource::Parked).is_some();
    // A parked order has no status, buyer or prospect yet, so such a filter excludes it.
    let is_of_stored = !filter.status.is_empty() || filter.user_id != 0 || filter.is_of_stored();
    if !is_wanted || !may_see || is_of_stored {
        return Ok(Vec::new());
    }
    match ParkedFilter::waiting_orders(filter) {
        Some(filter) => parked::list(&app.clickhouse, &filter).await,
        None => Ok(Vec::new()),
    }
}
