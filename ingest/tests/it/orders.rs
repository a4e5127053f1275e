//! `POST` of the order form: required fields, answers, redirects.

use crate::support::TestEdge;

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

#[test]
fn an_order_is_answered_when_it_is_on_disk() {
    let edge = TestEdge::start();
    let body = "prospect_id=01920000-0000-7000-8000-0000000000ab&name=Ann&tel=%2B1+2&email=a%40b.co&address=Here+1&sub1=x&payout=5&redirect=%2Fthanks";
    let answered = edge.post("/o?status=lead", FORM, body);
    insta::assert_snapshot!(answered.shown(), @r#"
    201
    access-control-expose-headers: x-sluice-outcome, x-sluice-id, x-sluice-ack
    cache-control: no-store, no-cache, must-revalidate
    content-length: 138
    content-type: application/json
    cross-origin-resource-policy: cross-origin
    expires: 0
    pragma: no-cache
    vary: Origin
    x-sluice-ack: synced
    x-sluice-id: [id]
    x-sluice-outcome: accepted
    {"id":"[id]","prospect_id":"01920000-0000-7000-8000-0000000000ab","created_at":"2026-09-21T14:13:20.007Z"}
    "#);
    let events = edge.events();
    let order = events[0].order.as_ref().unwrap();
    assert_eq!(events[0].pairs, b"status=lead&sub1=x&payout=5"[..]);
    let kept =
        [&order.prospect_ref, &order.first_name, &order.phone_number, &order.email, &order.delivery_address];
    assert_eq!(kept, ["01920000-0000-7000-8000-0000000000ab", "Ann", "+1 2", "a@b.co", "Here 1"]);
}

#[test]
fn the_form_leads_back_to_its_own_site_only() {
    let edge = TestEdge::start();
    let go = |redirect: &str, headers: &str| {
        let body = format!("pid=1&phone=2&redirect={redirect}");
        let answered = edge.post_with("/o", FORM, headers, body);
        (answered.status, answered.header("location").to_owned())
    };
    let site = "Origin: https://shop.example\r\nReferer: https://shop.example/a/b\r\n";
    let thanks = (303, "https://shop.example/a/thanks".to_owned());
    assert_eq!(go("thanks", site), thanks);
    assert_eq!(go("https%3A%2F%2Fshop.example%2Fa%2Fthanks", "Referer: https://shop.example/\r\n"), thanks);
    let nowhere = (201, String::new());
    for evil in [
        "https%3A%2F%2Fevil.example",
        "//evil.example",
        "%5C%5Cevil.example",
        "/%5Cevil.example",
        "https://shop.example@evil.example/",
        "javascript:alert(1)",
        "http://shop.example/",
        "%09//evil.example",
    ] {
        assert_eq!(go(evil, site), nowhere, "{evil}");
    }
    assert_eq!(go("/thanks", ""), nowhere);
    assert_eq!(go("https://shop.example/", "Origin: null\r\nReferer: https://shop.example/\r\n"), nowhere);
}

#[test]
fn wrong_orders_are_400_with_all_their_errors() {
    let edge = TestEdge::start();
    let answered = edge.post("/o", JSON, r#"{"phone_number":true,"email":"nope","first_name":["x"]}"#);
    assert_eq!((answered.status, answered.outcome()), (400, "rejected; reason=bad_field"));
    insta::assert_snapshot!(answered.text(), @r#"{"email":["Enter a valid email address."],"first_name":["Not a valid string."],"phone_number":["Not a valid string."],"prospect_id":["This field is required."]}"#);
    for (body, reason, status) in [
        (&b"{"[..], "bad_body", 400),
        (b"\xff", "bad_body", 400),
        (b"[]", "bad_body", 400),
        (br#"{"pid":"a\u0000","phone":"1"}"#, "bad_field", 400),
        (br#"{"pid":"a","phone":"\ud800"}"#, "bad_body", 400),
    ] {
        let answered = edge.post("/o", JSON, body);
        assert_eq!((answered.status, answered.outcome()), (status, &*format!("rejected; reason={reason}")));
    }
    assert_eq!(edge.post("/o", "text/plain", "pid=1&phone=2").status, 415);
    assert_eq!(edge.post("/o", "", "pid=1&phone=2").status, 415);
    assert_eq!(edge.post("/o", "", "").status, 400);
    assert_eq!(
        edge.metric("sluice_edge_events_rejected_total{kind=\"order\",reason=\"media_type\"}"),
        Some(2.0)
    );
    assert!(edge.events().is_empty());
}

#[test]
fn money_with_a_strange_prospect_is_kept() {
    let edge = TestEdge::start();
    for pid in ["1", "1e400", "1208925819614629174706176", "\"{clickid}\"", "-0.5", "\"ä\""] {
        let answered = edge.post("/o", JSON, format!(r#"{{"click_id":{pid},"phone":"1"}}"#));
        assert_eq!(answered.status, 201, "{pid}");
        assert!(answered.text().contains(&format!("\"prospect_id\":{pid},")), "{}", answered.text());
    }
    let long = format!(r#"{{"pid":{},"phone":"1"}}"#, "9".repeat(65));
    assert_eq!(edge.post("/o", JSON, long).status, 400);
    assert_eq!(edge.events().len(), 6);
}

#[test]
fn many_orders_share_syncs_and_none_waits_for_the_interval() {
    let edge = TestEdge::start_with(|config| config.journal.sync_interval_ms = 60_000);
    std::thread::scope(|scope| {
        for number in 0..16 {
            let edge = &edge;
            scope.spawn(move || {
                let answered = edge.post("/o", JSON, format!(r#"{{"pid":{number},"phone":"1"}}"#));
                assert_eq!((answered.status, answered.header("x-sluice-ack")), (201, "synced"));
            });
        }
    });
    assert_eq!(edge.events().len(), 16);
}
