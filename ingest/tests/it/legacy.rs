//! The create calls of the legacy CRM: the bodies and texts that its clients know.

use sluice_schemas::event::Mark;

use crate::support::TestEdge;

const JSON: &str = "application/json";
const PROSPECTS: &str = "/api/prospects/create/";
const ORDERS: &str = "/api/orders/create/";
const ORDER: &str = r#"{"prospect_id": 1, "email": "customer@example.com", "phone_number": "1234567890",
    "first_name": "John", "last_name": "Doe", "delivery_address": "123 Main St"}"#;

#[test]
fn prospects_are_created_from_json_forms_and_multipart() {
    let edge = TestEdge::start();
    let json = r#"{"ip_address":"2001:DB8::1","user_agent":"Mozilla","referral_source":" https://a/?b=c ","user_id":"7","x":1}"#;
    let answered = edge.post(PROSPECTS, JSON, json);
    assert_eq!((answered.status, answered.header("x-sluice-ack")), (201, "journal"));
    insta::assert_snapshot!(answered.text().replace(answered.header("x-sluice-id"), "[id]"), @r#"{"id":"[id]","ip_address":"2001:db8::1","user_agent":"Mozilla","referral_source":"https://a/?b=c","user_id":7,"created_at":"2026-09-21T14:13:20.007Z"}"#);
    let form = "ip_address=1.2.3.4&user_agent=M&referral_source=r&user_id=";
    assert_eq!(edge.post("/api/prospects/create", "application/x-www-form-urlencoded", form).status, 201);
    let part = |name: &str, value: &str| {
        format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let multipart = [
        part("ip_address", "1.2.3.4"),
        part("user_agent", "M"),
        part("referral_source", "r"),
        "--b--\r\n".into(),
    ];
    assert_eq!(edge.post(PROSPECTS, "multipart/form-data; boundary=b", multipart.concat()).status, 201);

    let events = edge.events();
    assert_eq!(events[0].pairs, b"referrer=https%3A%2F%2Fa%2F%3Fb%3Dc&user_id=7"[..]);
    assert_eq!((&events[0].user_agent[..], events[0].marks), (&b"Mozilla"[..], Mark::LegacyPath as u32));
    assert_eq!((&events[2].pairs[..], &events[2].ip[12..]), (&b"referrer=r"[..], &[1, 2, 3, 4][..]));
}

#[test]
fn long_headers_are_cut_and_marked() {
    let edge = TestEdge::start();
    let long = "ä".repeat(1500);
    let body = format!(r#"{{"ip_address":"1.2.3.4","user_agent":"{long}","referral_source":"{long}"}}"#);
    assert_eq!(edge.post(PROSPECTS, JSON, body).status, 201);
    let events = edge.events();
    let marks = Mark::LegacyPath as u32 | Mark::CutUserAgent as u32 | Mark::CutReferrer as u32;
    assert_eq!((events[0].user_agent.len(), events[0].marks), (2048, marks));
}

#[test]
fn wrong_prospects_are_refused_in_the_words_of_the_legacy_crm() {
    let edge = TestEdge::start();
    let text = |body: &str| {
        let answered = edge.post(PROSPECTS, JSON, body);
        assert_eq!(answered.status, 400, "{body}");
        answered.text().to_owned()
    };
    insta::assert_snapshot!(text("{}"), @r#"{"ip_address":["This field is required."],"referral_source":["This field is required."],"user_agent":["This field is required."]}"#);
    insta::assert_snapshot!(text(r#"{"ip_address":"999.1.1.1","user_agent":"","referral_source":null,"user_id":"x"}"#), @r#"{"ip_address":["Enter a valid IPv4 or IPv6 address."],"referral_source":["This field may not be null."],"user_agent":["This field may not be blank."],"user_id":["A valid integer is required."]}"#);
    insta::assert_snapshot!(text(r#"{"ip_address":"1.1.1.1","user_agent":"a\u0000","referral_source":{},"user_id":1000000000000000000000000000000}"#), @r#"{"referral_source":["Not a valid string."],"user_agent":["Null characters are not allowed."],"user_id":["Ensure this value is less than or equal to 9223372036854775807."]}"#);
    insta::assert_snapshot!(text("[1]"), @r#"{"non_field_errors":["Invalid data. Expected a dictionary, but got list."]}"#);
    insta::assert_snapshot!(text("{"), @r#"{"detail":"JSON parse error - EOF while parsing an object at line 1 column 1"}"#);
}

#[test]
fn orders_echo_what_was_sent_and_only_the_id_of_the_prospect() {
    let edge = TestEdge::start();
    let answered = edge.post("/api/orders/create", JSON, ORDER);
    assert_eq!((answered.status, answered.header("x-sluice-ack")), (201, "synced"));
    insta::assert_snapshot!(answered.text().replace(answered.header("x-sluice-id"), "[id]"), @r#"{"id":"[id]","prospect_id":1,"email":"customer@example.com","phone_number":"1234567890","first_name":"John","last_name":"Doe","delivery_address":"123 Main St","created_at":"2026-09-21T14:13:20.007Z","prospect":{"id":1}}"#);
    assert_eq!(edge.events()[0].order.as_ref().unwrap().prospect_ref, "1");
}

#[test]
fn wrong_orders_are_refused_in_the_words_of_the_legacy_crm() {
    let edge = TestEdge::start();
    let answered = edge.post(ORDERS, JSON, r#"{"prospect_id":"","email":"x","phone_number":"123456789012345678901","first_name":" ","last_name":null}"#);
    assert_eq!(answered.status, 400);
    insta::assert_snapshot!(answered.text(), @r#"{"delivery_address":["This field is required."],"email":["Enter a valid email address."],"first_name":["This field may not be blank."],"last_name":["This field may not be null."],"phone_number":["Ensure this field has no more than 20 characters."],"prospect_id":["This field may not be blank."]}"#);
    let answered = edge.post(ORDERS, "text/plain", ORDER);
    assert_eq!(
        (answered.status, answered.text()),
        (415, r#"{"detail":"Unsupported media type \"text/plain\" in request."}"#)
    );
    let answered = edge.get(ORDERS, "");
    assert_eq!((answered.status, answered.text()), (405, r#"{"detail":"Method \"GET\" not allowed."}"#));
    assert_eq!(answered.header("allow"), "POST, OPTIONS");
    assert!(edge.events().is_empty());
}
