//! `POST` of the order form: required fields, answers, redirects.

use sluice_schemas::event::Mark;

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
    assert_eq!(events[0].pairs, b"sub1=x&payout=5&status=lead"[..]);
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

const PROSPECT: &str = "01920000-0000-7000-8000-0000000000ab";

#[test]
fn the_query_and_the_body_are_one_set_in_which_the_body_wins() {
    let edge = TestEdge::start();
    for (target, body) in [
        (format!("/o?cid={PROSPECT}"), "phone_number=X".to_owned()),
        (format!("/o?CID={PROSPECT}&phone=Q&email=q%40b.co&sub1=q"), "Phone=X&email=&sub1=b".to_owned()),
        (format!("/o?phone=Q&prospect_id={PROSPECT}?phone=R"), "phone=&tel=&phone_number=X".to_owned()),
        ("/o?pid=01920000-0000-7000-8000-0000000000ff".to_owned(), format!("prospect_id={PROSPECT}&tel=X")),
        (format!("/o?a=1&amp;pid={PROSPECT}"), "clickid=NET-1&phone=X".to_owned()),
    ] {
        let answered = edge.post(&target, FORM, &body);
        assert_eq!(answered.status, 201, "{target} {body} {}", answered.text());
        assert!(answered.text().contains(PROSPECT), "{}", answered.text());
    }
    let json = edge.post(&format!("/o?cid={PROSPECT}&phone=Q"), JSON, r#"{"phone":"X","PAYOUT":1}"#);
    assert_eq!(json.status, 201);
    let events = edge.events();
    let orders: Vec<_> = events.iter().map(|event| event.order.as_ref().unwrap()).collect();
    assert!(orders.iter().all(|order| order.prospect_ref == PROSPECT), "{orders:?}");
    let phones: Vec<&str> = orders.iter().map(|order| order.phone_number.as_str()).collect();
    assert_eq!(phones, ["X", "X", "X", "X", "X", "X"]);
    assert_eq!(orders[1].email, "q@b.co");
    let pairs: Vec<_> = events.iter().map(|event| std::str::from_utf8(&event.pairs).unwrap()).collect();
    assert_eq!(pairs, ["", "sub1=b&sub1=q", "", "", "a=1", "PAYOUT=1"], "no contact is among them");
    assert_eq!(Mark::QueryMended as u32, events[2].marks);
}

#[test]
fn the_first_value_that_is_not_blank_wins_without_what_nobody_sees() {
    let edge = TestEdge::start();
    for body in [
        "phone=X&phone=",
        "phone=X&phone=Y",
        "phone=&phone=X&phone=Y",
        "phone=%E2%80%8B&phone=+X+",
        "phone=%E2%80%AAX%E2%80%AC",
        "phone=%EF%BB%BFX%C2%A0",
        "phone=%E2%81%A6X%E2%81%A9",
    ] {
        let body =
            format!("pid={PROSPECT}%E2%80%8B&{body}&name=%E2%80%8EAnn%E2%80%8F&email=a%40b.co%E2%80%8B");
        assert_eq!(edge.post("/o", FORM, &body).status, 201, "{body}");
    }
    for event in edge.events() {
        let order = event.order.unwrap();
        let kept = [&order.prospect_ref, &order.phone_number, &order.first_name, &order.email];
        assert_eq!(kept, [PROSPECT, "X", "Ann", "a@b.co"]);
    }
}

#[test]
fn an_order_in_another_encoding_keeps_its_bytes() {
    let edge = TestEdge::start();
    let body = format!(
        "pid={PROSPECT}&phone=1&name=%C8%E2%E0%ED&address=%CC%EE%F1%EA%E2%E0+5%25&sub1=%C8&sub2=%D0%9F"
    );
    assert_eq!(edge.post("/o", FORM, &body).status, 201);
    let long = format!("pid={PROSPECT}&phone=1&name={}", "%C8".repeat(50));
    assert_eq!(edge.post("/o", FORM, &long).status, 201);
    assert_eq!(edge.post("/o", FORM, format!("{long}%C8")).status, 400);
    let part = |name: &str, value: &[u8]| {
        [
            &b"--b\r\nContent-Disposition: form-data; name=\""[..],
            name.as_bytes(),
            b"\"\r\n\r\n",
            value,
            b"\r\n",
        ]
        .concat()
    };
    let multipart =
        [part("pid", b"1"), part("phone", b"1"), part("name", b"\xc8\xe2\xe0\xed"), b"--b--\r\n".to_vec()]
            .concat();
    assert_eq!(edge.post("/o", "multipart/form-data; boundary=b", multipart).status, 201);
    let events = edge.events();
    let order = events[0].order.as_ref().unwrap();
    assert_eq!(
        (order.first_name.as_str(), order.delivery_address.as_str()),
        ("%C8%E2%E0%ED", "%CC%EE%F1%EA%E2%E0 5%25")
    );
    assert_eq!(&events[0].pairs[..], b"sub1=%C8&sub2=%D0%9F");
    assert!(events.iter().all(|event| event.marks == Mark::Encoding as u32));
    assert_eq!(events[2].order.as_ref().unwrap().first_name, "%C8%E2%E0%ED");
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
