//! HTTP itself: other endpoints, limits, slow and broken clients, pipelining, drains.

use std::io::{Read as _, Write as _};
use std::time::{Duration, Instant};

use sluice_schemas::event::Mark;

use crate::support::{Answered, KEY, TestEdge, connect, exchange, exchange_raw};

const JSON: &str = "application/json";

#[test]
fn there_is_a_script_that_browsers_keep() {
    let edge = TestEdge::start_with(|config| config.edge.paths.beacon = "/b".to_owned());
    let plain = edge.get("/s.js", "");
    assert_eq!((plain.status, plain.header("content-encoding")), (200, ""));
    assert!(plain.text().contains("\"/b\"") && plain.header("content-type").starts_with("text/javascript"));
    let packed = edge.get("/s.js", "Accept-Encoding: br, gzip;q=0.9\r\n");
    assert_eq!((packed.header("content-encoding"), packed.header("vary")), ("br", "Accept-Encoding"));
    assert!(packed.body.len() < 1200, "{} bytes", packed.body.len());
    let packed = edge.get("/s.js", "Accept-Encoding: gzip;q=0.9\r\n");
    assert_eq!(packed.header("content-encoding"), "gzip");
    assert!(packed.body.starts_with(&[0x1f, 0x8b]));
    assert_eq!(edge.get("/s.js", "Accept-Encoding: gzip;q=0\r\n").header("content-encoding"), "");
    let tag = plain.header("etag");
    assert_eq!(edge.get("/s.js", &format!("If-None-Match: \"x\", {tag}\r\n")).status, 304);
    assert_eq!(edge.get("/s.js", "If-None-Match: \"x\"\r\n").status, 200);
}

#[test]
fn other_paths_and_methods_are_told_apart() {
    let edge = TestEdge::start();
    assert!(edge.get("/robots.txt", "").text().contains("Disallow: /"));
    assert_eq!((edge.get("/livez", "").status, edge.get("/readyz", "").text()), (200, "ok\n"));
    for path in ["/", "/favicon.ico", "/p.gif/", "/metrics", "/%00", "/api/orders/list/"] {
        assert_eq!(edge.get(path, "").status, 404, "{path}");
    }
    for (method, path, allow) in [
        ("PUT", "/p.gif", "GET, HEAD, OPTIONS"),
        ("POST", "/p.gif", "GET, HEAD, OPTIONS"),
        ("GET", "/p", "POST, OPTIONS"),
        ("DELETE", "/o", "POST, OPTIONS"),
        ("POST", "/s.js", "GET, HEAD, OPTIONS"),
    ] {
        let answered = edge.request(&format!("{method} {path} HTTP/1.1\r\nContent-Length: 0\r\n"), b"");
        assert_eq!((answered.status, answered.header("allow")), (405, allow), "{method} {path}");
    }
}

#[test]
fn preflights_allow_what_is_asked_for() {
    let edge = TestEdge::start();
    let ask = "Origin: https://a.b\r\nAccess-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: content-type, x-y\r\n";
    for path in ["/p.gif", "/p", "/o", "/api/prospects/create/", "/api/orders/create", "/s.js"] {
        let answered = edge.request(&format!("OPTIONS {path} HTTP/1.1\r\n{ask}"), b"");
        assert_eq!(
            (answered.status, answered.header("access-control-allow-origin")),
            (204, "https://a.b"),
            "{path}"
        );
        assert_eq!(answered.header("access-control-allow-credentials"), "true");
        assert_eq!(answered.header("access-control-allow-headers"), "content-type, x-y");
        assert!(answered.header("vary").contains("Origin"));
    }
    assert!(edge.request("OPTIONS /o HTTP/1.1\r\n", b"").header("access-control-allow-origin").is_empty());
    assert_eq!(edge.request(&format!("OPTIONS /nowhere HTTP/1.1\r\n{ask}"), b"").status, 404);
}

#[test]
fn the_limit_of_a_body_is_exact() {
    let edge = TestEdge::start();
    let order = |size: usize| {
        let start = r#"{"pid":1,"phone":"1","x":""#;
        let body = format!("{start}{}\"}}", "y".repeat(size - start.len() - 2));
        assert_eq!(body.len(), size);
        edge.post("/o", JSON, body).status
    };
    assert_eq!((order(65_535), order(65_536), order(65_537), order(1_000_000)), (201, 201, 413, 413));
    let chunked = |n: usize| {
        let head = "POST /o HTTP/1.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n";
        let body = format!("{:x}\r\n{}\r\n0\r\n\r\n", n, " ".repeat(n));
        exchange(edge.address, head, body.as_bytes()).status
    };
    assert_eq!((chunked(65_536), chunked(65_537)), (400, 413));
    assert_eq!(edge.post_with("/o", JSON, "", vec![b' '; 2_000_000]).status, 413);
}

#[test]
fn deep_json_neither_crashes_nor_is_an_error_of_ours() {
    let edge = TestEdge::start_with(|config| config.edge.max_body_bytes = 1 << 20);
    for depth in [100, 100_000] {
        let nested = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        for (body, expected) in [
            (nested.clone(), 400),
            ("[".repeat(depth), 400),
            (format!(r#"{{"pid":{nested},"phone":"1"}}"#), 400),
            (format!(r#"{{"pid":1,"phone":"1","more":{nested}}}"#), 201),
        ] {
            assert_eq!(edge.post("/o", JSON, body).status, expected, "{depth}");
        }
    }
}

#[test]
fn what_is_no_http_is_400_and_the_edge_lives_on() {
    let edge = TestEdge::start();
    for garbage in [
        &b"\x16\x03\x01\x02\x00\x01"[..],
        b"nonsense\r\n\r\n",
        b"GET /p.gif?k=1\r\n\r\n",
        b"GET /p.gif?k=1 HTTP/1.1\rContent-Length: 5\r\n\r\n",
        b"GET /p.gif?k=1 HTTP/1.1 \r\n\r\n",
        b"GET /p.gif?k=1 HTTP/2.0\r\n\r\n",
        b"GET  HTTP/1.1\r\n\r\n",
    ] {
        let bytes = exchange_raw(edge.address, garbage);
        assert!(bytes.is_empty() || bytes.starts_with(b"HTTP/1.1 400"), "{}", garbage.escape_ascii());
    }
    assert_eq!(edge.get(&format!("/p.gif?k={KEY}"), "").outcome(), "accepted");
    assert_eq!(edge.events().len(), 1);
}

/// Requests of which two servers could read different things.
#[test]
fn what_two_servers_could_read_differently_is_refused() {
    let edge = TestEdge::start();
    let pixel = format!("GET /p.gif?k={KEY} HTTP/1.1\r\nHost: a\r\n\r\n");
    for head in [
        "POST /p?a=b HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 6\r\n\r\n",
        "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\n",
        "POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n",
        "GET /p.gif?a=b c HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        "GET /p.gif?a=b c HTTP/1.1\r\nHost: a\r\nContent-Length : 5\r\n\r\n",
        "GET /p.gif?a=b c HTTP/1.1\r\nHost: a\r\n Content-Length: 5\r\n\r\n",
    ] {
        let bytes = exchange_raw(edge.address, format!("{head}{pixel}").as_bytes());
        let n_answers = memchr::memmem::find_iter(&bytes, b"HTTP/1.1 ").count();
        assert!(bytes.is_empty() || bytes.starts_with(b"HTTP/1.1 400") && n_answers == 1, "{head}");
    }
    assert!(edge.events().is_empty());
}

#[test]
fn whatever_a_request_line_carries_gets_its_gif() {
    let edge = TestEdge::start();
    let long = "y".repeat(66_000);
    let longer = "z%20".repeat(100_000);
    let blanks = " ".repeat(40_000);
    let targets: [&[u8]; 10] = [
        b"&sub1=a b",
        b"&sub1=a\tb",
        b"&sub1= \t ",
        b"&sub1=a\x00b",
        b"&sub1=a\x01\x1f\x7fb",
        b"&sub1=a\rb",
        b"&sub1=a HTTP/1.1",
        long.as_bytes(),
        longer.as_bytes(),
        blanks.as_bytes(),
    ];
    let after = format!("GET /p.gif?k={KEY}&sub1=after HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    for target in targets {
        let start = format!("GET /p.gif?k={KEY}&x=");
        // On one connection, so that whatever is misread is seen.
        let request = [start.as_bytes(), target, b" HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n\r\n"].concat();
        let mut stream = connect(edge.address);
        for piece in request.chunks(10_000) {
            stream.write_all(piece).unwrap();
            std::thread::yield_now();
        }
        stream.write_all(after.as_bytes()).unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        let (answered, rest) = Answered::parse(&bytes, true);
        let shown = &target[..target.len().min(40)];
        assert_eq!((answered.status, answered.outcome()), (200, "accepted"), "{}", shown.escape_ascii());
        assert_eq!(Answered::parse(rest, true).0.outcome(), "accepted", "{}", shown.escape_ascii());
    }
    let events = edge.events();
    assert_eq!(events.len(), 20);
    for (index, event) in events.iter().enumerate() {
        let pairs = String::from_utf8_lossy(&event.pairs);
        if index % 2 == 1 {
            assert_eq!((&*pairs, event.marks), (&*format!("k={KEY}&sub1=after"), 0), "{index}");
        } else {
            let cut = if index >= 14 { Mark::CutPairs as u32 } else { 0 };
            assert_eq!(event.marks, Mark::QueryMended as u32 | cut, "{index}");
        }
    }
    assert!(events[0].pairs.ends_with(b"&sub1=a%20b") && events[12].pairs.ends_with(b"&sub1=a%20HTTP/1.1"));
    assert!(events[6].pairs.ends_with(b"&sub1=a%00b") && events[10].pairs.ends_with(b"&sub1=a%0Db"));
}

/// The bytes of a body are never taken for a head, whenever they come.
#[test]
fn a_body_that_looks_like_a_head_is_read_as_it_is() {
    let edge = TestEdge::start();
    let inner = format!("GET /p.gif?k={KEY}&a=\"b c HTTP/1.1\r\nAccept: x\r\n\r\n");
    let after = format!("GET /p.gif?k={KEY}&sub1=a b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    for (target, expects) in [("/p", false), ("/p", true), ("/nowhere", false), ("/s.js", false)] {
        let mut stream = connect(edge.address);
        let expect = if expects { "Expect: 100-continue\r\n" } else { "" };
        let n_bytes = inner.len();
        let head =
            format!("POST {target}?k={KEY} HTTP/1.1\r\nHost: a\r\nContent-Length: {n_bytes}\r\n{expect}\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let mut bytes = Vec::new();
        if expects {
            let mut buffer = [0; 25];
            stream.read_exact(&mut buffer).unwrap();
            assert!(buffer.starts_with(b"HTTP/1.1 100"));
        } else {
            std::thread::sleep(Duration::from_millis(50));
        }
        // The server may have closed a connection whose body it did not read.
        let mut sent = stream.write_all(inner.as_bytes());
        while target == "/p" && !bytes.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            bytes.push(byte[0]);
        }
        sent = sent.and_then(|()| stream.write_all(after.as_bytes()));
        let read = stream.read_to_end(&mut bytes);
        if target == "/p" {
            assert!(sent.is_ok() && read.is_ok());
            let (answered, rest) = Answered::parse(&bytes, true);
            assert_eq!((answered.status, answered.outcome()), (204, "accepted"));
            assert_eq!(Answered::parse(rest, true).0.outcome(), "accepted");
        }
    }
    let kept: Vec<_> = edge.events().iter().map(|event| event.pairs.clone()).collect();
    let beacon = format!("k={KEY}&{inner}");
    let last = format!("k={KEY}&sub1=a%20b");
    assert!(kept.len() >= 4, "{kept:?}");
    assert_eq!(kept[..4], [beacon.as_bytes(), last.as_bytes(), beacon.as_bytes(), last.as_bytes()]);
    assert!(kept[4..].iter().all(|pairs| pairs == last.as_bytes()), "{kept:?}");
}

#[test]
fn a_pixel_with_bytes_that_no_url_may_hold_is_still_a_pixel() {
    let edge = TestEdge::start();
    let start = format!("GET /p.gif?k={KEY}&sub1=");
    for raw in [&b"\"<x>\""[..], b"\xe4\xf6", "\u{e4}".as_bytes(), b"{clickid}|[x]^`\\"] {
        let request = [start.as_bytes(), raw, b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"].concat();
        let (answered, _) = Answered::parse(&exchange_raw(edge.address, &request), true);
        assert_eq!((answered.status, answered.outcome()), (200, "accepted"), "{}", raw.escape_ascii());
    }
    let ends: Vec<Vec<u8>> =
        edge.events().iter().map(|event| event.pairs[start.len() - "GET /p.gif?".len()..].to_vec()).collect();
    assert_eq!(ends, [&b"%22%3Cx%3E%22"[..], b"%E4%F6", "\u{e4}".as_bytes(), b"{clickid}|[x]^`\\"]);
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let edge = TestEdge::start();
    let request = |n: usize| format!("GET /p.gif?k={KEY}&beacon=1&sub1={n} HTTP/1.1\r\nHost: a\r\n\r\n");
    let mut all: String = (0..50).map(request).collect();
    all.push_str("GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    let bytes = exchange_raw(edge.address, all.as_bytes());
    let mut rest = &bytes[..];
    for _ in 0..50 {
        let (answered, following) = Answered::parse(rest, true);
        assert_eq!((answered.status, answered.outcome()), (204, "accepted"));
        rest = following;
    }
    assert_eq!(Answered::parse(rest, true).0.body, b"ok\n");
    let kept: Vec<String> =
        edge.events().iter().map(|event| String::from_utf8_lossy(&event.pairs).into_owned()).collect();
    let sent: Vec<String> = (0..50).map(|n| format!("k={KEY}&beacon=1&sub1={n}")).collect();
    assert_eq!(kept, sent);
}

#[test]
fn slow_clients_are_closed_and_a_slow_order_is_408() {
    let edge = TestEdge::start_with(|config| {
        config.edge.header_timeout_ms = 300;
        config.edge.body_timeout_ms = 300;
    });
    let mut silent = connect(edge.address);
    silent.write_all(b"GET /p.gif?k=").unwrap();
    let started = Instant::now();
    assert_eq!(silent.read(&mut [0; 10]).unwrap(), 0);
    assert!(started.elapsed() < Duration::from_secs(10));
    let slow = |target: &str| {
        let head = format!("POST {target} HTTP/1.1\r\nContent-Type: {JSON}\r\nContent-Length: 10\r\n");
        exchange(edge.address, &head, b"{")
    };
    assert_eq!((slow("/o").status, slow("/p").status), (408, 204));
    assert_eq!(slow("/p").outcome(), "rejected; reason=slow_body");
}

#[test]
fn connections_over_the_limit_are_closed() {
    let edge = TestEdge::start_with(|config| config.edge.max_connections = 2);
    let mut held: Vec<_> = (0..2).map(|_| connect(edge.address)).collect();
    for stream in &mut held {
        stream.write_all(b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        assert!(stream.read(&mut [0; 500]).unwrap() > 0);
    }
    let mut refused = connect(edge.address);
    assert!(matches!(refused.read(&mut [0; 10]), Ok(0) | Err(_)));
    drop(held);
    while edge.metric("sluice_edge_connections ") != Some(0.0) {
        std::thread::yield_now();
    }
    assert_eq!(edge.get("/livez", "").status, 200);
}

#[test]
fn a_drain_finishes_the_request_that_has_begun() {
    let edge = TestEdge::start();
    let mut idle = connect(edge.address);
    let mut stream = connect(edge.address);
    let head =
        format!("POST /p?k={KEY} HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 6\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut buffer = [0; 1000];
    let n_read = stream.read(&mut buffer).unwrap();
    assert!(buffer[..n_read].starts_with(b"HTTP/1.1 100"));
    edge.begin_drain();
    assert_eq!(idle.read(&mut buffer).unwrap(), 0, "an idle connection is closed");
    stream.write_all(b"sub1=x").unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let (answered, _) = Answered::parse(&bytes, true);
    assert_eq!((answered.outcome(), answered.header("connection")), ("accepted", "close"));
    assert_eq!(edge.events().len(), 1);
}

#[test]
fn a_port_is_not_shared_with_another_edge() {
    let edge = TestEdge::start();
    let error = sluice_ingest::server::bind(edge.address, 1, false).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
}
