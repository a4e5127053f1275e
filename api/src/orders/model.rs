//! Requests and responses of orders.

use crate::http::fields::options::Required;
use serde::Serialize;
use serde_json::Value;
use sluice_schemas::contact::{MAX_ADDRESS_CHARS, MAX_NAME_CHARS, MAX_PHONE_CHARS};
use sluice_schemas::currency::Currency;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::fields::Fields;
use crate::http::fields::types::Text;
use crate::http::json_values;
use crate::http::request::{Request, request};
use crate::orders::assemble::Order;
use crate::orders::fields::{ContactEmail, Micros, Reason, StatusWord};
use crate::prospects::model::ProspectResponse;

/// An order.
#[derive(Debug, Serialize, ToSchema)]
pub struct OrderResponse {
    /// A UUIDv7.
    pub id: Uuid,
    /// The prospect's id. For a parked order, the text that was sent instead.
    pub prospect_id: String,
    pub email: String,
    pub phone_number: String,
    pub first_name: String,
    pub last_name: String,
    pub delivery_address: String,
    #[schema(format = DateTime)]
    pub created_at: String,
    /// Null for a parked order, and for one whose prospect was erased.
    pub prospect: Option<ProspectResponse>,
    /// `hold`, `sale`, `rejected`, `trash`, `chargeback` or `rebill`. Null for a parked order.
    pub status: Option<String>,
    /// Reason why the order is parked, for example `unknown_prospect`. Null for a stored order.
    pub parked: Option<String>,
}

impl From<Order> for OrderResponse {
    fn from(order: Order) -> Self {
        Self {
            id: order.id,
            prospect_id: order.prospect_ref,
            email: order.contact.email,
            phone_number: order.contact.phone_number,
            first_name: order.contact.first_name,
            last_name: order.contact.last_name,
            delivery_address: order.contact.delivery_address,
            created_at: json_values::time(order.time_ms),
            prospect: order.prospect.map(ProspectResponse::from),
            status: order.state.map(|state| state.status),
            parked: order.parked,
        }
    }
}

/// An order with all its data.
#[derive(Debug, Serialize, ToSchema)]
pub struct OrderDetailResponse {
    #[serde(flatten)]
    pub order: OrderResponse,
    /// The buyer.
    pub user_id: Option<u64>,
    pub team_id: Option<u64>,
    pub campaign_id: Option<u64>,
    /// The word with which the status was set.
    pub status_text: Option<String>,
    /// A decimal number.
    pub payout: Option<String>,
    pub currency: Option<String>,
}

impl From<Order> for OrderDetailResponse {
    fn from(order: Order) -> Self {
        let state = order.state.clone();
        Self {
            user_id: json_values::id(order.user_id),
            team_id: state.as_ref().and_then(|state| json_values::id(state.team_id)),
            campaign_id: state.as_ref().and_then(|state| json_values::id(state.campaign_id)),
            status_text: state.as_ref().map(|state| state.status_text.clone()),
            payout: state.as_ref().map(|state| json_values::amount(state.payout_micros)),
            currency: state.map(|state| state.currency),
            order: OrderResponse::from(order),
        }
    }
}

/// A status of an order, and when it was set.
#[derive(Debug, Serialize, ToSchema)]
pub struct OrderStatusResponse {
    pub time: String,
    /// `hold`, `sale`, `rejected`, `trash`, `chargeback` or `rebill`.
    pub status: String,
    /// The word with which the status was set.
    pub status_text: String,
    pub reason: String,
    /// The user who set it. Null for the first status.
    pub user_id: Option<u64>,
}

/// The accepted order.
#[derive(Debug, Serialize, ToSchema)]
#[allow(dead_code, reason = "describes the answer in the OpenAPI document; the edge makes it")]
pub struct CreatedOrderResponse {
    id: Uuid,
    prospect_id: SentId,
    email: String,
    phone_number: String,
    first_name: String,
    last_name: String,
    delivery_address: String,
    #[schema(format = DateTime)]
    created_at: String,
    prospect: ProspectReference,
}

/// The prospect of an order: only the id that the client sent, because the response is public.
#[derive(Debug, Serialize, ToSchema)]
#[allow(dead_code, reason = "describes the answer in the OpenAPI document; the edge makes it")]
pub struct ProspectReference {
    id: SentId,
}

/// An id as the client sent it. Scripts also send numbers.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "describes the answer in the OpenAPI document; the edge makes it")]
pub enum SentId {
    Text(String),
    Number(f64),
}

request! {
    /// Edits of an order. With PATCH, omitted fields keep their values.
    pub struct UpdateOrderRequest {
        /// `hold`, `sale`, `rejected`, `trash`, `chargeback`, `rebill`, or a common word of
        /// partners for one of them, for example `approved`.
        pub status: Option<StatusWord>,
        /// Reason for the history, up to 500 characters.
        pub reason: Reason,
        /// A decimal number, as a text or a number, with up to six decimal places.
        pub payout: Option<Micros>,
        /// ISO 4217 code. The default is the currency of the order, else that of its campaign.
        pub currency: Option<Required<Currency>>,
        pub email: Option<ContactEmail>,
        pub phone_number: Option<Text<MAX_PHONE_CHARS>>,
        pub first_name: Option<Text<MAX_NAME_CHARS>>,
        pub last_name: Option<Text<MAX_NAME_CHARS>>,
        pub delivery_address: Option<Text<MAX_ADDRESS_CHARS>>,
    }
}

request! {
    /// The status to set.
    pub struct SetOrderStatusRequest {
        /// `hold`, `sale`, `rejected`, `trash`, `chargeback`, `rebill`, or a common word of
        /// partners for one of them, for example `approved`.
        pub status: StatusWord,
        /// Reason for the history, up to 500 characters.
        pub reason: Reason,
    }
}

/// An edit of an order, with what else the request tells.
#[derive(Debug)]
pub struct OrderEdit {
    pub request: UpdateOrderRequest,
    /// Whether only the status and its reason were sent.
    pub is_status_only: bool,
    /// Sent by clients that return all fields they read. It must not differ from the present value.
    pub prospect_id: Option<Value>,
}

impl Request for OrderEdit {
    fn read(fields: &mut Fields) -> Self {
        Self {
            request: UpdateOrderRequest::read(fields),
            is_status_only: fields.names_only(&["status", "reason"]),
            prospect_id: fields.get("prospect_id").cloned(),
        }
    }
}

impl From<SetOrderStatusRequest> for OrderEdit {
    fn from(request: SetOrderStatusRequest) -> Self {
        let (status, reason) = (Some(request.status), request.reason);
        let request = UpdateOrderRequest {
            status,
            reason,
            payout: None,
            currency: None,
            email: None,
            phone_number: None,
            first_name: None,
            last_name: None,
            delivery_address: None,
        };
        Self { request, is_status_only: true, prospect_id: None }
    }
}
