//! The create calls of the legacy CRM, with the same paths and bodies: `POST
//! /api/prospects/create/` and `POST /api/orders/create/`.

use bytes::Bytes;
use http::StatusCode;
use http::request::Parts;
use serde::Serialize;
use serde_json::value::RawValue;
use sluice_runtime::clock::time_text;
use sluice_schemas::contact::{MAX_ADDRESS_CHARS, MAX_EMAIL_CHARS, MAX_NAME_CHARS, MAX_PHONE_CHARS};
use sluice_schemas::event::{EventRef, MAX_HEADER_VALUE_BYTES, MAX_PROSPECT_REF_CHARS, Mark};
use uuid::Uuid;

use crate::answer::{Answer, Fate, origin};
use crate::body::BodyError;
use crate::client_address;
use crate::event_ids::new_id;
use crate::fields::Fields;
use crate::metrics::EventKind;
use crate::order::{self, OrderForm, extra_pairs, prospect_json, to_json};
use crate::pixel::Peer;
use crate::query::{cut_pairs, cut_text};
use crate::refusal::{Refusal, read_fields};
use crate::validate::{FieldErrors, TextRule};
use crate::worker::Worker;

#[derive(Serialize)]
struct ProspectResponse<'a> {
    id: Uuid,
    ip_address: String,
    user_agent: &'a str,
    referral_source: &'a str,
    user_id: Option<i64>,
    created_at: String,
}

#[derive(Serialize)]
struct OrderResponse<'a> {
    id: Uuid,
    prospect_id: &'a RawValue,
    email: &'a str,
    phone_number: &'a str,
    first_name: &'a str,
    last_name: &'a str,
    delivery_address: &'a str,
    created_at: String,
    prospect: ProspectIdResponse<'a>,
}

#[derive(Serialize)]
struct ProspectIdResponse<'a> {
    id: &'a RawValue,
}

/// Answers a call that creates a prospect. The body has been read.
pub async fn answer_prospect(worker: &Worker, request: &Parts, body: Result<Bytes, BodyError>) -> Answer {
    match create_prospect(worker, request, body).await {
        Ok(answer) => answer,
        Err(refusal) => refusal.count_and_answer(worker, EventKind::Prospect, &request.headers),
    }
}

async fn create_prospect(
    worker: &Worker,
    request: &Parts,
    body: Result<Bytes, BodyError>,
) -> Result<Answer, Refusal> {
    let fields = read_fields(&request.headers, body).await?;
    let mut errors = FieldErrors::default();
    let address = errors.address("ip_address", fields.get("ip_address"));
    let any = TextRule::required(usize::MAX);
    let user_agent = errors.text("user_agent", fields.get("user_agent"), any);
    let referral_source = errors.text("referral_source", fields.get("referral_source"), any);
    let user_id = errors.user_id("user_id", &fields);
    Refusal::check(errors)?;
    let Some(address) = address else { return Err(Refusal::from(BodyError::Broken)) };

    let mut marks = Mark::LegacyPath as u32;
    let user_agent = cut(&user_agent, Mark::CutUserAgent, &mut marks);
    let referral_source = cut(&referral_source, Mark::CutReferrer, &mut marks);
    if worker.config.anonymise_ip {
        marks |= Mark::IpAnonymised as u32;
    }
    let mut pairs = form_urlencoded::Serializer::new(String::new());
    pairs.append_pair("referrer", referral_source);
    if let Some(user_id) = user_id {
        pairs.append_pair("user_id", &user_id.to_string());
    }
    let pairs = pairs.finish();
    let (pairs, _) = cut_pairs(pairs.as_bytes());
    let time_ms = worker.clock.now_ms();
    let id = new_id(time_ms);
    let event = EventRef {
        id: id.into_bytes(),
        time_ms,
        ip: client_address::stored(address, worker.config.anonymise_ip),
        user_agent: user_agent.as_bytes(),
        referer: b"",
        pairs,
        marks,
        order: None,
    };
    worker.append(EventKind::Prospect, &event).map_err(Refusal::unavailable)?;
    let response = ProspectResponse {
        id,
        ip_address: address.to_string(),
        user_agent,
        referral_source,
        user_id,
        created_at: time_text(time_ms),
    };
    let body = to_json(&response);
    Ok(worker.answers.json(StatusCode::CREATED, body, id, Fate::Journal, origin(&request.headers)))
}

fn cut<'a>(text: &'a str, mark: Mark, marks: &mut u32) -> &'a str {
    let (kept, is_cut) = cut_text(text.as_bytes(), MAX_HEADER_VALUE_BYTES);
    if is_cut {
        *marks |= mark as u32;
    }
    &text[..kept.len()]
}

/// Answers a call that creates an order. The body has been read.
pub async fn answer_order(
    worker: &Worker,
    request: &Parts,
    peer: Peer,
    body: Result<Bytes, BodyError>,
) -> Answer {
    match create_order(worker, request, peer, body).await {
        Ok(answer) => answer,
        Err(refusal) => refusal.count_and_answer(worker, EventKind::Order, &request.headers),
    }
}

async fn create_order(
    worker: &Worker,
    request: &Parts,
    peer: Peer,
    body: Result<Bytes, BodyError>,
) -> Result<Answer, Refusal> {
    let fields = read_fields(&request.headers, body).await?;
    let form = read_order(&fields)?;
    let extra = extra_pairs(request, &fields);
    let placed = order::keep(worker, request, peer, &form, &extra).await?;
    let prospect_id = prospect_json(fields.get("prospect_id"));
    let response = OrderResponse {
        id: placed.id,
        prospect_id: &prospect_id,
        email: &form.email,
        phone_number: &form.phone_number,
        first_name: &form.first_name,
        last_name: &form.last_name,
        delivery_address: &form.delivery_address,
        created_at: time_text(placed.time_ms),
        prospect: ProspectIdResponse { id: &prospect_id },
    };
    let body = to_json(&response);
    Ok(worker.answers.json(StatusCode::CREATED, body, placed.id, Fate::Synced, origin(&request.headers)))
}

fn read_order(fields: &Fields) -> Result<OrderForm, Refusal> {
    let mut errors = FieldErrors::default();
    let mut text = |name: &str, rule| errors.text(name, fields.get(name), rule);
    let form = OrderForm {
        prospect_ref: text("prospect_id", TextRule::required(MAX_PROSPECT_REF_CHARS)),
        email: text("email", TextRule::required(MAX_EMAIL_CHARS).email()),
        phone_number: text("phone_number", TextRule::required(MAX_PHONE_CHARS)),
        first_name: text("first_name", TextRule::required(MAX_NAME_CHARS)),
        last_name: text("last_name", TextRule::required(MAX_NAME_CHARS)),
        delivery_address: text("delivery_address", TextRule::required(MAX_ADDRESS_CHARS)),
    };
    Refusal::check(errors).map(|()| form)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_of_a_legacy_order_is_required() {
        let refusal = read_order(&Fields::default()).unwrap_err();
        for name in ["prospect_id", "email", "phone_number", "first_name", "last_name", "delivery_address"] {
            assert!(refusal.body.contains(&format!("\"{name}\":[\"This field is required.\"]")), "{name}");
        }
    }

    #[test]
    fn long_texts_are_cut_and_marked() {
        let mut marks = 0;
        let text = "ä".repeat(1025);
        assert_eq!(cut(&text, Mark::CutUserAgent, &mut marks).len(), 2048);
        assert!(Mark::CutUserAgent.is_in(marks));
    }
}
