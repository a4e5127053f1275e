//! Faults of a page that a reader does not see: errors of scripts, violations of the content
//! security policy, files that are missing, and requests to other hosts.

use chromiumoxide::cdp::browser_protocol::log::{EventEntryAdded, LogEntryLevel, LogEntrySource};
use chromiumoxide::cdp::browser_protocol::network::{
    EventRequestWillBeSent, EventResponseReceived, ResourceType,
};
use chromiumoxide::cdp::js_protocol::runtime::{
    ConsoleApiCalledType, EventConsoleApiCalled, EventExceptionThrown,
};
use chromiumoxide::listeners::EventStream;
use chromiumoxide::page::Page;
use futures::{FutureExt as _, StreamExt as _};

/// The reports of the browser that were not read yet.
pub(crate) struct Reports {
    log: EventStream<EventEntryAdded>,
    console: EventStream<EventConsoleApiCalled>,
    exceptions: EventStream<EventExceptionThrown>,
    requests: EventStream<EventRequestWillBeSent>,
    responses: EventStream<EventResponseReceived>,
    /// The status and the address of the last document.
    document: Option<(i64, String)>,
}

impl Reports {
    pub(crate) async fn new(page: &Page) -> anyhow::Result<Self> {
        Ok(Self {
            log: page.event_listener().await?,
            console: page.event_listener().await?,
            exceptions: page.event_listener().await?,
            requests: page.event_listener().await?,
            responses: page.event_listener().await?,
            document: None,
        })
    }

    /// Returns the status of the last document.
    pub(crate) fn status(&mut self) -> Option<i64> {
        for response in drained(&mut self.responses) {
            if response.r#type == ResourceType::Document {
                self.document = Some((response.response.status, response.response.url.clone()));
            }
        }
        self.document.as_ref().map(|(status, _)| *status)
    }

    /// Returns the faults. An error page is not a fault.
    pub(crate) fn faults(&mut self, base: &str) -> Vec<String> {
        self.status();
        let document = self.document.as_ref().map(|(_, url)| url.as_str());
        let log = drained(&mut self.log).into_iter().map(|event| event.entry.clone()).filter(|entry| {
            let is_document = entry.source == LogEntrySource::Network && entry.url.as_deref() == document;
            entry.level == LogEntryLevel::Error && !is_document
        });
        let console = drained(&mut self.console);
        let exceptions = drained(&mut self.exceptions);
        let requests = drained(&mut self.requests);
        let is_elsewhere = |url: &str| {
            !["data:", "blob:", "about:"].iter().any(|start| url.starts_with(start))
                && !url.strip_prefix(base).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        log.map(|entry| format!("{} {}", entry.text, entry.url.unwrap_or_default()))
            .chain(console.iter().filter(|call| call.r#type == ConsoleApiCalledType::Error).map(|call| {
                let texts = call.args.iter().map(|arg| format!("{:?}", arg.value));
                format!("console.error {}", texts.collect::<Vec<_>>().join(" "))
            }))
            .chain(exceptions.iter().map(|thrown| {
                let details = &thrown.exception_details;
                let about = details.exception.as_ref().and_then(|error| error.description.clone());
                format!("exception {} {}", details.text, about.unwrap_or_default())
            }))
            .chain(
                requests
                    .iter()
                    .map(|sent| sent.request.url.clone())
                    .filter(|url| is_elsewhere(url))
                    .map(|url| format!("a request to {url}")),
            )
            .collect()
    }
}

/// Returns the events that have arrived. The browser reports them before the answer to any later
/// command.
fn drained<E: chromiumoxide::cdp::IntoEventKind + Unpin>(
    events: &mut EventStream<E>,
) -> Vec<std::sync::Arc<E>> {
    std::iter::from_fn(|| events.next().now_or_never().flatten()).collect()
}
