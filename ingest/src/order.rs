//! `POST /o`: the order form of a landing page. The query of its address and its body are one set
//! of pairs, in which the values of the body take precedence. Also has the code that the legacy API
//! shares: it stores an order and lets its answer wait for the sync.

use std::borrow::Cow;

use bytes::Bytes;
use http::header::{HeaderValue, LOCATION};
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use serde_json::value::RawValue;
use sluice_runtime::clock::time_text;
use sluice_schemas::contact::{MAX_ADDRESS_CHARS, MAX_EMAIL_CHARS, MAX_NAME_CHARS, MAX_PHONE_CHARS};
use sluice_schemas::event::{EventRef, MAX_PROSPECT_REF_CHARS, Mark, OrderRef};
use sluice_schemas::parameters::{self, PROSPECT_ID_NAMES};
use sluice_schemas::text::trim;
use uuid::Uuid;

use crate::answer::{Answer, Fate, origin};
use crate::body::BodyError;
use crate::event_ids::new_id;
use crate::fields::{Fields, Value};
use crate::metrics::EventKind;
use crate::pixel::Peer;
use crate::query;
use crate::redirect;
use crate::refusal::{Refusal, read_fields};
use crate::validate::{FieldErrors, TextRule};
use crate::worker::Worker;

const PHONE_NAMES: [&str; 3] = ["phone_number", "phone", "tel"];
const FIRST_NAMES: [&str; 2] = ["first_name", "name"];
const LAST_NAMES: [&str; 1] = ["last_name"];
const ADDRESS_NAMES: [&str; 2] = ["delivery_address", "address"];
const EMAIL_NAMES: [&str; 1] = ["email"];
const REDIRECT_NAME: &str = "redirect";

/// The checked fields of an order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OrderForm {
    pub prospect_ref: String,
    pub email: String,
    pub phone_number: String,
    pub first_name: String,
    pub last_name: String,
    pub delivery_address: String,
}

/// An order that is on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacedOrder {
    pub id: Uuid,
    pub time_ms: u64,
}

#[derive(serde::Serialize)]
struct PlacedResponse<'a> {
    id: Uuid,
    prospect_id: &'a RawValue,
    created_at: String,
}

/// Answers an order form. The body has been read.
pub async fn answer_order(
    worker: &Worker,
    request: &Parts,
    peer: Peer,
    body: Result<Bytes, BodyError>,
) -> Answer {
    match place_order(worker, request, peer, body).await {
        Ok(answer) => answer,
        Err(refusal) => refusal.count_and_answer(worker, EventKind::Order, &request.headers),
    }
}

async fn place_order(
    worker: &Worker,
    request: &Parts,
    peer: Peer,
    body: Result<Bytes, BodyError>,
) -> Result<Answer, Refusal> {
    let body = read_fields(&request.headers, body).await?;
    let extra = extra_pairs(request, &body);
    let fields = body.and_query(&query_of(request));
    let form = read_form(&fields)?;
    let placed = keep(worker, request, peer, &form, &extra).await?;
    let prospect_id = prospect_json(prospect_of(&fields));
    let response =
        PlacedResponse { id: placed.id, prospect_id: &prospect_id, created_at: time_text(placed.time_ms) };
    let body = to_json(&response);
    let mut answer =
        worker.answers.json(StatusCode::CREATED, body, placed.id, Fate::Synced, origin(&request.headers));
    if let Some(target) = wished_target(&fields, &request.headers) {
        *answer.status_mut() = StatusCode::SEE_OTHER;
        answer.headers_mut().insert(LOCATION, target);
    }
    Ok(answer)
}

/// Reads the form, which needs a prospect id under any of its names, and a phone number or an
/// e-mail address.
fn read_form(fields: &Fields) -> Result<OrderForm, Refusal> {
    let mut errors = FieldErrors::default();
    // A null or blank prospect id still counts as present: it has an error of its own.
    let prospect = prospect_of(fields).or_else(|| PROSPECT_ID_NAMES.iter().find_map(|name| fields.get(name)));
    let mut text = |names: &[&str], rule| {
        let value = fields.first_of(names).map(|(_, value)| value);
        errors.text(names[0], value, rule)
    };
    let form = OrderForm {
        email: text(&EMAIL_NAMES, TextRule::optional(MAX_EMAIL_CHARS).email()),
        phone_number: text(&PHONE_NAMES, TextRule::optional(MAX_PHONE_CHARS)),
        first_name: text(&FIRST_NAMES, TextRule::optional(MAX_NAME_CHARS)),
        last_name: text(&LAST_NAMES, TextRule::optional(MAX_NAME_CHARS)),
        delivery_address: text(&ADDRESS_NAMES, TextRule::optional(MAX_ADDRESS_CHARS)),
        prospect_ref: errors.text("prospect_id", prospect, TextRule::required(MAX_PROSPECT_REF_CHARS)),
    };
    if fields.first_of(&PHONE_NAMES).or(fields.first_of(&EMAIL_NAMES)).is_none() {
        errors.add("phone_number", "A phone number or an email is required.");
        errors.add("email", "A phone number or an email is required.");
    }
    Refusal::check(errors).map(|()| form)
}

/// Returns the prospect id of an order: the first that can be one, else the first that is not
/// blank. A network's click id may stand under one of the names.
fn prospect_of(fields: &Fields) -> Option<&Value> {
    let is_id = |value: &&Value| match value {
        Value::Text(text) => parameters::prospect_id(trim(text).as_bytes()).is_some(),
        _ => false,
    };
    let found = PROSPECT_ID_NAMES.iter().filter_map(|name| fields.get(name)).find(is_id);
    found.or_else(|| fields.first_of(&PROSPECT_ID_NAMES).map(|(_, value)| value))
}

/// Everything that came with an order besides its own fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtraPairs {
    pairs: Vec<u8>,
    marks: u32,
}

fn query_of(request: &Parts) -> Cow<'_, [u8]> {
    query::mend(request.uri.query().unwrap_or_default().as_bytes())
}

/// Returns the other fields of the body, followed by the query without the order's own fields, as
/// form pairs.
#[must_use]
pub fn extra_pairs(request: &Parts, body: &Fields) -> ExtraPairs {
    let own = [
        &PROSPECT_ID_NAMES[..],
        &PHONE_NAMES,
        &FIRST_NAMES,
        &LAST_NAMES,
        &ADDRESS_NAMES,
        &EMAIL_NAMES,
        &[REDIRECT_NAME],
    ]
    .concat();
    let is_own = |name: &str| own.iter().any(|known| known.eq_ignore_ascii_case(name));
    let query = query_of(request);
    let is_extra = |pair: &&[u8]| {
        let name = parameters::name(parameters::halves(pair).0);
        !pair.is_empty() && !std::str::from_utf8(&name).is_ok_and(is_own)
    };
    let mut pairs = body.to_pairs(is_own);
    for pair in parameters::split(&query).filter(is_extra) {
        if !pairs.is_empty() {
            pairs.push(b'&');
        }
        pairs.extend_from_slice(pair);
    }
    let mut marks = 0;
    if matches!(query, Cow::Owned(_)) {
        marks |= Mark::QueryMended as u32;
    }
    if body.has_bytes() || std::str::from_utf8(&parameters::decode(&query)).is_err() {
        marks |= Mark::Encoding as u32;
    }
    ExtraPairs { pairs, marks }
}

/// Writes an order and waits until it is on disk.
///
/// # Errors
/// 503 if the journal is full or has failed.
pub async fn keep(
    worker: &Worker,
    request: &Parts,
    peer: Peer,
    form: &OrderForm,
    extra: &ExtraPairs,
) -> Result<PlacedOrder, Refusal> {
    let time_ms = worker.clock.now_ms();
    let id = new_id(time_ms);
    let visitor = worker.visitor(&request.headers, peer.address, peer.trusts_proxies);
    let (pairs, is_cut) = query::cut_pairs(&extra.pairs);
    let event = EventRef {
        id: id.into_bytes(),
        time_ms,
        ip: visitor.ip,
        user_agent: visitor.user_agent,
        referer: visitor.referer,
        pairs,
        marks: visitor.marks | extra.marks | if is_cut { Mark::CutPairs as u32 } else { 0 },
        order: Some(OrderRef {
            prospect_ref: &form.prospect_ref,
            email: &form.email,
            phone_number: &form.phone_number,
            first_name: &form.first_name,
            last_name: &form.last_name,
            delivery_address: &form.delivery_address,
        }),
    };
    let ordinal = worker.append(EventKind::Order, &event).map_err(Refusal::unavailable)?;
    worker.synced(ordinal).await.map_err(Refusal::unavailable)?;
    Ok(PlacedOrder { id, time_ms })
}

fn wished_target(fields: &Fields, headers: &HeaderMap) -> Option<HeaderValue> {
    let Some(Value::Text(wish)) = fields.get(REDIRECT_NAME) else { return None };
    HeaderValue::try_from(redirect::target(wish, headers)?).ok()
}

/// Returns a prospect id as the client wrote it: a JSON number stays a number.
#[must_use]
pub fn prospect_json(value: Option<&Value>) -> Box<RawValue> {
    let text = match value {
        Some(Value::Number(number)) => number.clone(),
        Some(Value::Text(text)) => serde_json::Value::from(trim(text)).to_string(),
        _ => "null".to_owned(),
    };
    RawValue::from_string(text).unwrap_or_default()
}

/// Returns a response as JSON.
#[must_use]
pub fn to_json(response: &impl serde::Serialize) -> String {
    serde_json::to_string(response).expect("a response has text keys only")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(json: &str) -> Result<OrderForm, String> {
        read_form(&Fields::from_json(json.as_bytes()).unwrap()).map_err(|refusal| refusal.body)
    }

    #[test]
    fn aliases_are_read() {
        let read =
            form(r#"{"clickid":7,"tel":"+1","name":"Ann","address":"here","email":"a@b.co"}"#).unwrap();
        let expected = OrderForm {
            prospect_ref: "7".into(),
            email: "a@b.co".into(),
            phone_number: "+1".into(),
            first_name: "Ann".into(),
            last_name: String::new(),
            delivery_address: "here".into(),
        };
        assert_eq!(read, expected);
        assert_eq!(form(r#"{"prospect_id":"","pid":"x","phone":"1"}"#).unwrap().prospect_ref, "x");
        let id = "01920000-0000-7000-8000-0000000000ab";
        for names in [("clickid", "pid"), ("Prospect_ID", "CID")] {
            let json = format!(r#"{{"{}":"NET-1","{}":" {id}\u200b","Phone":"1"}}"#, names.0, names.1);
            assert_eq!(form(&json).unwrap().prospect_ref, id, "{json}");
        }
    }

    #[test]
    fn all_errors_come_together() {
        assert_eq!(
            form(r#"{"prospect_id":null}"#).unwrap_err(),
            r#"{"email":["A phone number or an email is required."],"phone_number":["A phone number or an email is required."],"prospect_id":["This field may not be null."]}"#
        );
        assert_eq!(
            form(r#"{"prospect_id":"a\u0000b","phone":"123456789012345678901"}"#).unwrap_err(),
            r#"{"phone_number":["Ensure this field has no more than 20 characters."],"prospect_id":["Null characters are not allowed."]}"#
        );
        assert!(
            form(&format!(r#"{{"pid":"{}","tel":"1"}}"#, "x".repeat(65)))
                .unwrap_err()
                .contains("64 characters")
        );
        assert!(form(r#"{"pid":[1],"tel":"1"}"#).unwrap_err().contains("Not a valid string."));
        assert!(form(r#"{"pid":" ","tel":"1"}"#).unwrap_err().contains("may not be blank"));
    }

    #[test]
    fn prospect_ids_are_echoed_as_they_came() {
        for (value, json) in [
            (Value::Number("1e400".into()), "1e400"),
            (Value::Number("1".into()), "1"),
            (Value::Text(" 1 \"".into()), r#""1 \"""#),
            (Value::Null, "null"),
        ] {
            assert_eq!(prospect_json(Some(&value)).get(), json);
        }
    }
}
