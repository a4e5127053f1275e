//! `POST` of the beacon: every way in which a browser sends one, and invalid ones.

use sluice_schemas::event::Mark;

use crate::support::{KEY, TestEdge};

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";
const TEXT: &str = "text/plain;charset=UTF-8";

#[test]
fn every_form_of_a_beacon_becomes_pairs() {
    let edge = TestEdge::start();
    let body = format!("k={KEY}&sub1=a%20b");
    let json = format!(r#"{{"k":"{KEY}","sub1":"a b","n":1.50,"list":[1],"none":null,"yes":true}}"#);
    let multipart = format!("--xx\r\nContent-Disposition: form-data; name=\"k\"\r\n\r\n{KEY}\r\n--xx--\r\n");
    let from_json = format!("k={KEY}&sub1=a+b&n=1.50&list=%5B1%5D&yes=true");
    let from_multipart = format!("k={KEY}");
    let sent: [(&str, &str, &str, &str); 7] = [
        ("/p", TEXT, &body, &body),
        ("/p", FORM, &body, &body),
        ("/p", "", &body, &body),
        ("/p", TEXT, &json, &from_json),
        ("/p", JSON, &json, &from_json),
        ("/p", "multipart/form-data; boundary=xx", &multipart, &from_multipart),
        (&format!("/p?{body}"), TEXT, "", &body),
    ];
    for (target, content_type, body, _) in sent {
        let answered = edge.post(target, content_type, body);
        assert_eq!((answered.status, answered.outcome()), (204, "accepted"), "{content_type} {body}");
        assert_eq!((answered.header("x-sluice-ack"), answered.body.len()), ("journal", 0));
    }
    for (event, (_, content_type, _, pairs)) in edge.events().iter().zip(sent) {
        assert_eq!(std::str::from_utf8(&event.pairs).unwrap(), pairs, "{content_type}");
    }
}

#[test]
fn query_and_body_come_together_and_the_query_counts_first() {
    let edge = TestEdge::start();
    let answered = edge.post(&format!("/p?k={KEY}?sub1=q"), TEXT, "k=wrong&u=https://a/?b=c");
    assert_eq!(answered.outcome(), "accepted");
    assert_eq!(edge.events()[0].pairs, format!("k={KEY}&sub1=q&k=wrong&u=https://a/?b=c").as_bytes());
}

#[test]
fn a_second_question_mark_separates_in_a_body_too() {
    let edge = TestEdge::start();
    for body in ["sub1=a?sub2=b", "u=https://a/?b=c&sub1=a?sub2=b", "u=https://a/?b=c"] {
        assert_eq!(edge.post("/p", TEXT, format!("k={KEY}&{body}")).outcome(), "accepted");
    }
    let events = edge.events();
    let found = |at: usize| (std::str::from_utf8(&events[at].pairs).unwrap(), events[at].marks);
    let mended = Mark::QueryMended as u32;
    assert_eq!(found(0), (&*format!("k={KEY}&sub1=a&sub2=b"), mended));
    assert_eq!(found(1), (&*format!("k={KEY}&u=https://a/?b=c&sub1=a&sub2=b"), mended));
    assert_eq!(found(2), (&*format!("k={KEY}&u=https://a/?b=c"), 0));
}

#[test]
fn whatever_is_wrong_is_204_with_the_reason() {
    let edge = TestEdge::start();
    let large = format!("k={KEY}&a={}", "x".repeat(65_536));
    let cases: [(&str, &[u8], &str); 9] = [
        (TEXT, b"", "missing_key"),
        (TEXT, b"\xff\x00\xfe", "missing_key"),
        (JSON, b"{", "bad_body"),
        (JSON, b"[]", "bad_body"),
        (JSON, b"{\"k\":\"\\ud800\"}", "bad_body"),
        (TEXT, b"{\"k\":1", "bad_body"),
        ("multipart/form-data", b"k=1", "bad_body"),
        ("image/png", b"x", "media_type"),
        (FORM, large.as_bytes(), "too_large"),
    ];
    for (content_type, body, reason) in cases {
        let answered = edge.post("/p", content_type, body);
        let got = (answered.status, answered.outcome());
        assert_eq!(got, (204, &*format!("rejected; reason={reason}")), "{content_type}");
    }
    assert!(edge.events().is_empty());
}
