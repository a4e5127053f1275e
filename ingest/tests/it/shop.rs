//! A shop with landing pages, an edge, and a browser that visits the pages. The tests of the
//! snippet see what arrives at the edge.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use sluice_browser::{Chromium, Tab};
use sluice_schemas::event::Event;

use crate::support::{KEY, TestEdge};

const PATIENCE: Duration = Duration::from_secs(20);

/// The script tag as it is handed out.
pub(crate) const TAG: &str = "<script async src=\"EDGE/s.js\" data-key=\"KEY\"></script>";

/// A page: the lines of its head, and its HTML. `EDGE` and `KEY` are filled in.
#[derive(Debug, Clone, Default)]
struct Page {
    head: String,
    html: String,
}

pub(crate) struct Shop {
    pub(crate) url: String,
    pub(crate) edge: TestEdge,
    pub(crate) chromium: Chromium,
    pages: Arc<Mutex<BTreeMap<String, Page>>>,
}

impl Shop {
    pub(crate) async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let pages = Arc::new(Mutex::new(BTreeMap::default()));
        let shared = Arc::clone(&pages);
        // It ends with the process of the test.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || serve(stream, &shared));
            }
        });
        Self { url, edge: TestEdge::start(), chromium: Chromium::launch().await.unwrap(), pages }
    }

    /// Puts a page at a path.
    pub(crate) fn put(&self, path: &str, head: &str, html: &str) {
        let edge = format!("http://{}", self.edge.address);
        let fill = |text: &str| text.replace("EDGE", &edge).replace("KEY", KEY);
        let page = Page { head: fill(head), html: fill(html) };
        self.pages.lock().unwrap().insert(path.to_owned(), page);
    }

    pub(crate) async fn tab(&self) -> Tab {
        self.chromium.tab(&self.url).await.unwrap()
    }

    /// Waits until the edge has accepted this number of events of a kind.
    pub(crate) async fn wait_for(&self, kind: &str, number: usize) {
        let line = format!("sluice_edge_events_accepted_total{{kind=\"{kind}\"}}");
        let begin = Instant::now();
        while self.edge.metric(&line).unwrap_or_default() < f64::from(u32::try_from(number).unwrap()) {
            assert!(
                begin.elapsed() < PATIENCE,
                "{:?} instead of {number} of {kind}",
                self.edge.metric(&line)
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Ends browser and edge. Returns the events.
    pub(crate) async fn close(self) -> Vec<Arrived> {
        self.chromium.close().await.unwrap();
        self.edge.events().into_iter().map(|event| Arrived { url: self.url.clone(), event }).collect()
    }
}

/// An event that arrived at the edge.
pub(crate) struct Arrived {
    url: String,
    pub(crate) event: Event,
}

impl Arrived {
    /// Returns the first value of a parameter.
    pub(crate) fn value(&self, name: &str) -> Option<String> {
        let found = form_urlencoded::parse(&self.event.pairs).find(|(known, _)| known == name);
        found.map(|(_, value)| value.into_owned())
    }

    /// Returns the address of the page without that of the shop.
    pub(crate) fn page(&self) -> String {
        let page = self.value("u").unwrap_or_default();
        page.strip_prefix(&self.url).unwrap_or(&page).to_owned()
    }

    /// Returns the id of the visit: of an order, the visit that it names.
    pub(crate) fn id(&self) -> String {
        let own = uuid::Uuid::from_slice(&self.event.id).unwrap().to_string();
        self.event.order.as_ref().map_or(own, |order| order.prospect_ref.clone())
    }
}

/// Returns the visits of a path, in their order.
pub(crate) fn visits<'a>(events: &'a [Arrived], path: &str) -> Vec<&'a Arrived> {
    let is_of = |page: &str| page.split(['?', '#']).next() == Some(path);
    events.iter().filter(|arrived| arrived.event.order.is_none() && is_of(&arrived.page())).collect()
}

fn serve(mut stream: TcpStream, pages: &Mutex<BTreeMap<String, Page>>) {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let (mut request, mut piece) = (Vec::new(), [0_u8; 16_384]);
    while !request.windows(4).any(|window| window == b"\r\n\r\n") {
        match stream.read(&mut piece) {
            Ok(n) if n > 0 => request.extend_from_slice(&piece[..n]),
            _ => return,
        }
    }
    let request = String::from_utf8_lossy(&request);
    let target = request.split(' ').nth(1).unwrap_or_default();
    let path = target.split('?').next().unwrap_or_default();
    let page = pages.lock().unwrap().get(path).cloned();
    let (status, page) = page.map_or(("404 Not Found", Page::default()), |page| ("200 OK", page));
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/html; charset=utf-8\r\nconnection: close\r\ncontent-length: {}\r\n{}\r\n{}",
        page.html.len(),
        page.head,
        page.html
    );
    // The browser may have left.
    stream.write_all(answer.as_bytes()).ok();
}
