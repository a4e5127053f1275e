//! Requests that are built before the measurement: demo visits with the headers of a browser. Only
//! the id of the prospect and the number (`sub3`, ten digits) are replaced for each use.

use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};
use sluice_local::demo::visits::{Visit, Visits};
use sluice_runtime::clock::Clock;
use uuid::Uuid;

/// The number of different visits, sent in turn.
const N_VISITS: usize = 1024;
const NUMBER_DIGITS: usize = 10;
/// The clock is read once per this many requests.
const CLOCK_EVERY: u64 = 128;

/// The buyers of the load.
pub const USERS: [u64; 5] = [3, 4, 5, 6, 7];

/// A request, and the positions of its changing parts.
#[derive(Debug, Clone)]
struct Template {
    bytes: Vec<u8>,
    pid_at: usize,
    number_at: usize,
}

/// An endless sequence of pixel requests.
#[derive(Debug)]
pub struct PixelRequests {
    templates: Vec<Template>,
    rng: SmallRng,
    now_ms: u64,
}

impl PixelRequests {
    /// The same seed gives the same visits, but with other ids.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut visits = Visits::new(&USERS, seed);
        let now_ms = Clock::default().now_ms();
        let templates = (0..N_VISITS).map(|_| Template::new(&visits.next(now_ms))).collect();
        Self { templates, rng: SmallRng::seed_from_u64(now_ms), now_ms }
    }

    /// Returns the request of an event, with a new prospect id.
    pub fn numbered(&mut self, number: u64) -> &[u8] {
        if number.is_multiple_of(CLOCK_EVERY) {
            self.now_ms = Clock::default().now_ms();
        }
        let id = self.new_id();
        self.with_id(number, id)
    }

    /// Returns the request of an event of a prospect.
    pub fn with_id(&mut self, number: u64, id: Uuid) -> &[u8] {
        let template = &mut self.templates[(number % N_VISITS as u64) as usize];
        id.hyphenated().encode_lower(&mut template.bytes[template.pid_at..template.pid_at + 36]);
        let mut left = number;
        for digit in template.bytes[template.number_at..template.number_at + NUMBER_DIGITS].iter_mut().rev() {
            *digit = b'0' + (left % 10) as u8;
            left /= 10;
        }
        &template.bytes
    }

    /// Returns a prospect id of about the current time.
    pub fn new_id(&mut self) -> Uuid {
        uuid::Builder::from_unix_timestamp_millis(self.now_ms, &self.rng.random()).into_uuid()
    }
}

impl Template {
    fn new(visit: &Visit) -> Self {
        let bytes = format!(
            "GET /p.gif?{}&sub3=0000000000 HTTP/1.1\r\n\
             Host: t.example.com\r\n\
             Connection: keep-alive\r\n\
             X-Forwarded-For: {}\r\n\
             User-Agent: {}\r\n\
             Accept: image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8\r\n\
             Sec-Fetch-Site: cross-site\r\n\
             Sec-Fetch-Mode: no-cors\r\n\
             Sec-Fetch-Dest: image\r\n\
             Referer: {}\r\n\
             Accept-Encoding: gzip, deflate, br, zstd\r\n\
             Accept-Language: en-US,en;q=0.9\r\n\r\n",
            visit.pairs, visit.ip, visit.user_agent, visit.page
        )
        .into_bytes();
        let find = |needle: &[u8]| {
            memchr::memmem::find(&bytes, needle).expect("the request was written with it") + needle.len()
        };
        let (pid_at, number_at) = (find(b"pid="), find(b"&sub3="));
        Self { bytes, pid_at, number_at }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_id_and_the_number_change() {
        let mut requests = PixelRequests::new(1);
        let first = String::from_utf8(requests.numbered(7).to_vec()).unwrap();
        let again = String::from_utf8(requests.numbered(7 + N_VISITS as u64).to_vec()).unwrap();
        assert_eq!(first.len(), again.len());
        assert!(first.contains("&sub3=0000000007 HTTP/1.1\r\n"), "{first}");
        assert!(again.contains("&sub3=0000001031 HTTP/1.1\r\n"), "{again}");
        let id = |request: &str| request.split_once("pid=").unwrap().1[..36].parse::<Uuid>().unwrap();
        assert_ne!(id(&first), id(&again));
        assert_eq!(id(&first).get_version_num(), 7);
    }
}
