//! `GET` and `HEAD` of the pixel: answers, outcomes, stored events.

use std::net::Ipv6Addr;

use sluice_schemas::event::{Kind, MAX_PAIRS_BYTES, Mark};

use crate::support::{Answered, KEY, NOW_MS, TestEdge, exchange};

const PID: &str = "01920000-0000-7000-8000-0000000000AB";

fn assert_gif(answered: &Answered) {
    assert_eq!((answered.status, answered.header("content-type")), (200, "image/gif"));
    assert!(answered.body.starts_with(b"GIF89a") && answered.body.len() <= 43);
}

#[test]
fn a_pixel_is_answered_with_the_gif_and_every_promised_header() {
    let edge = TestEdge::start();
    let mut answered = edge.get(&format!("/p.gif?k={KEY}"), "Origin: https://shop.example\r\n");
    assert_gif(&answered);
    answered.body.clear();
    insta::assert_snapshot!(answered.shown(), @r"
    200
    access-control-allow-credentials: true
    access-control-allow-origin: https://shop.example
    access-control-expose-headers: x-sluice-outcome, x-sluice-id, x-sluice-ack
    cache-control: no-store, no-cache, must-revalidate
    content-length: 43
    content-type: image/gif
    cross-origin-resource-policy: cross-origin
    expires: 0
    pragma: no-cache
    vary: Origin
    x-sluice-ack: journal
    x-sluice-id: [id]
    x-sluice-outcome: accepted
    ");
    let without_origin = edge.get(&format!("/p.gif?k={KEY}"), "");
    assert_eq!(without_origin.header("access-control-allow-origin"), "");
}

#[test]
fn head_and_204_on_request_are_events_too() {
    let edge = TestEdge::start();
    let head = edge.request(&format!("HEAD /p.gif?k={KEY} HTTP/1.1\r\n"), b"");
    assert_eq!((head.status, head.header("content-length"), head.outcome()), (200, "43", "accepted"));
    let beacon = edge.get(&format!("/p.gif?k={KEY}&beacon=1"), "");
    assert_eq!((beacon.status, beacon.body.len(), beacon.outcome()), (204, 0, "accepted"));
    assert_eq!(edge.metric("sluice_edge_events_accepted_total{kind=\"prospect\"}"), Some(2.0));
    assert_eq!(edge.events().len(), 2);
}

#[test]
fn what_was_sent_is_kept_as_it_was() {
    let edge = TestEdge::start();
    let query = format!("k={KEY}&pid={PID}&sub1=%C3%A4&utm_source=x+y&broken=%ff%0");
    let headers = "User-Agent: Mozilla/5.0 \u{e4}\r\nReferer: https://shop.example/?a=1\r\n";
    let answered = edge.get(&format!("/p.gif?{query}"), headers);
    assert_eq!(answered.header("x-sluice-id"), PID.to_lowercase());
    let events = edge.events();
    let event = &events[0];
    assert_eq!(uuid::Uuid::from_slice(&event.id).unwrap().to_string(), PID.to_lowercase());
    assert_eq!((event.time_ms, event.kind(), event.marks), (NOW_MS, Kind::Prospect, 0));
    assert_eq!(&event.pairs[..], query.as_bytes());
    assert_eq!(&event.user_agent[..], "Mozilla/5.0 \u{e4}".as_bytes());
    assert_eq!(&event.referer[..], b"https://shop.example/?a=1");
    assert_eq!(Ipv6Addr::from(<[u8; 16]>::try_from(&event.ip[..]).unwrap()).to_string(), "::ffff:127.0.0.1");
}

#[test]
fn rejections_are_a_gif_with_the_reason_and_nothing_is_kept() {
    let edge = TestEdge::start();
    for (query, reason) in [
        ("", "missing_key"),
        ("?", "missing_key"),
        ("?k=", "missing_key"),
        ("?sub1=a&beacon=0", "missing_key"),
        ("?k=2222222222222223", "bad_key"),
        ("?k={key}&user_id=1", "bad_key"),
        ("?k=%00", "bad_key"),
        ("?user_id=0", "bad_user_id"),
        ("?user_id=1000000000000000000000000000000", "bad_user_id"),
    ] {
        let answered = edge.get(&format!("/p.gif{query}"), "");
        assert_gif(&answered);
        assert_eq!(answered.outcome(), format!("rejected; reason={reason}"), "{query}");
        assert_eq!((answered.header("x-sluice-ack"), answered.header("x-sluice-id").len()), ("", 36));
    }
    assert_eq!(
        edge.metric("sluice_edge_events_rejected_total{kind=\"prospect\",reason=\"bad_key\"}"),
        Some(3.0)
    );
    assert!(edge.events().is_empty());
}

#[test]
fn what_is_mended_or_cut_is_marked() {
    let edge = TestEdge::start();
    let long = "x".repeat(3000);
    let many = "&sub1=0123456789".repeat(2000);
    let accepted = |target: String, headers: &str| {
        let answered = edge.get(&target, headers);
        assert_eq!(answered.outcome(), "accepted", "{target:.80}");
        answered.header("x-sluice-id").to_owned()
    };
    accepted(format!("/p.gif?sub1=a?k={KEY}"), "");
    let id = accepted(format!("/p.gif?k={KEY}&clickid={{clickid}}"), "");
    assert_eq!(id.as_bytes()[14], b'7', "a new UUIDv7: {id}");
    accepted(format!("/p.gif?k={KEY}{many}"), "");
    accepted("/p.gif?user_id=7".to_owned(), &format!("User-Agent: {long}\r\nReferer: {long}\r\n"));
    let lost = edge.get(&format!("/p.gif?{}&k={KEY}", &many[1..]), "");
    assert_eq!(lost.outcome(), "rejected; reason=missing_key", "a key that is cut off is not there");

    let events = edge.events();
    let marks: Vec<u32> = events.iter().map(|event| event.marks).collect();
    let cut_headers = Mark::CutUserAgent as u32 | Mark::CutReferrer as u32;
    assert_eq!(
        marks,
        [Mark::QueryMended as u32, Mark::PidInvalid as u32, Mark::CutPairs as u32, cut_headers]
    );
    assert_eq!(&events[0].pairs[..], format!("sub1=a&k={KEY}").as_bytes());
    assert!(events[2].pairs.len() <= MAX_PAIRS_BYTES && events[2].pairs.ends_with(b"=0123456789"));
    assert_eq!((events[3].user_agent.len(), events[3].referer.len()), (2048, 2048));
}

#[test]
fn names_in_any_case_and_after_an_escaped_separator_are_read() {
    let edge = TestEdge::start();
    let targets = [
        format!("/p.gif?K={KEY}"),
        format!("/p.gif?a=b&amp;key={KEY}"),
        format!("/p.gif?Campaign_Key={KEY}%20&BEACON=0"),
        "/p.gif?User_ID=7".to_owned(),
        format!("/p.gif?k={KEY}&clickid=NET-1&PID={PID}"),
    ];
    for target in &targets {
        let answered = edge.get(target, "");
        assert_eq!(answered.outcome(), "accepted", "{target}");
        if target.contains("PID") {
            assert_eq!(answered.header("x-sluice-id"), PID.to_lowercase());
        }
    }
    for (event, target) in edge.events().iter().zip(&targets) {
        assert_eq!(
            (&event.pairs[..], event.marks),
            (&target.as_bytes()["/p.gif?".len()..], 0),
            "kept as sent"
        );
    }
}

#[test]
fn what_nobody_has_opened_is_marked() {
    let edge = TestEdge::start();
    let target = format!("/p.gif?k={KEY}");
    let ahead = [
        "Sec-Purpose: prefetch;prerender\r\n",
        "Sec-Purpose: prefetch;anonymous-client-ip\r\n",
        "Purpose: prefetch\r\n",
        "X-Moz: prefetch\r\n",
        "X-Purpose: preview\r\n",
        "purpose: Prefetch\r\n",
    ];
    for headers in ahead {
        assert_eq!(edge.get(&target, headers).outcome(), "accepted");
    }
    for headers in ["", "Purpose: browsing\r\n", "X-Mozilla: prefetch\r\n"] {
        assert_eq!(edge.get(&target, headers).outcome(), "accepted");
    }
    let beacon = edge.post_with("/p", "text/plain", ahead[0], format!("k={KEY}"));
    assert_eq!(beacon.outcome(), "accepted");
    edge.request(&format!("HEAD {target} HTTP/1.1\r\nPurpose: prefetch\r\n"), b"");
    let marks: Vec<u32> = edge.events().iter().map(|event| event.marks).collect();
    let prefetch = Mark::Prefetch as u32;
    assert_eq!(marks[..6], [prefetch; 6]);
    assert_eq!(marks[6..], [0, 0, 0, prefetch, prefetch | Mark::Head as u32]);
}

#[test]
fn the_address_is_the_peers_or_what_a_trusted_proxy_says() {
    let edge = TestEdge::start();
    let head = format!(
        "GET /p.gif?k={KEY} HTTP/1.1\r\nX-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 203.0.113.7:81, 127.0.0.2\r\n"
    );
    assert_eq!(exchange(edge.proxy_address, &head, b"").outcome(), "accepted");
    assert_eq!(exchange(edge.address, &head, b"").outcome(), "accepted");
    let garbage = format!("GET /p.gif?k={KEY} HTTP/1.1\r\nX-Forwarded-For: \u{e4},,;\r\n");
    assert_eq!(exchange(edge.proxy_address, &garbage, b"").outcome(), "accepted");
    let shown: Vec<String> = edge
        .events()
        .iter()
        .map(|event| Ipv6Addr::from(<[u8; 16]>::try_from(&event.ip[..]).unwrap()).to_string())
        .collect();
    assert_eq!(shown, ["::ffff:203.0.113.7", "::ffff:127.0.0.1", "::ffff:127.0.0.1"]);
}

#[test]
fn privacy_is_the_operators_choice() {
    let edge = TestEdge::start_with(|config| {
        config.edge.honour_opt_out = true;
        config.edge.anonymise_ip = true;
    });
    for header in ["Sec-GPC: 1\r\n", "DNT: 1\r\n"] {
        let answered = edge.get(&format!("/p.gif?k={KEY}"), header);
        assert_gif(&answered);
        assert_eq!(answered.outcome(), "rejected; reason=opted_out");
    }
    assert_eq!(edge.get(&format!("/p.gif?k={KEY}"), "DNT: 0\r\n").outcome(), "accepted");
    let events = edge.events();
    assert_eq!((events.len(), events[0].marks), (1, Mark::IpAnonymised as u32));
    assert_eq!(&events[0].ip[12..], [127, 0, 0, 0]);

    let edge = TestEdge::start();
    assert_eq!(edge.get(&format!("/p.gif?k={KEY}"), "DNT: 1\r\n").outcome(), "accepted");
}
