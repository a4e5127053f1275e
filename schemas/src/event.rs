//! The event type: [`Event`] as the consumer reads it, and [`EventRef`] as the edge writes it
//! directly into the journal without allocating. Both have the same bytes
//! (`proto/sluice/v1/event.proto`), which a test checks. Also the marks that the edge sets.

use bytes::BufMut;
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint, key_len};

#[allow(clippy::all, unreachable_pub, reason = "generated from the schema")]
pub(crate) mod generated {
    include!(concat!(env!("OUT_DIR"), "/sluice.v1.rs"));
}

pub use generated::{Event, Kind, Order};

/// Headers longer than this many bytes are cut, and the event is marked.
pub const MAX_HEADER_VALUE_BYTES: usize = 2048;
/// Pairs (a query, or a body turned into pairs) longer than this are cut at the last whole pair,
/// and the event is marked.
pub const MAX_PAIRS_BYTES: usize = 16 * 1024;
/// The prospect id of an order may be any text of up to this many characters.
pub const MAX_PROSPECT_REF_CHARS: usize = 64;

/// A note that the edge cut or mended something: a bit of [`Event::marks`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Mark {
    CutUserAgent = 1,
    CutReferrer = 1 << 1,
    CutPairs = 1 << 2,
    /// No prospect id is a UUID. The first is kept as `external_id`.
    PidInvalid = 1 << 3,
    /// The URL had a second `?`, which was mended to `&`, or bytes that no URL may have, which were
    /// percent-encoded.
    QueryMended = 1 << 4,
    /// Sent to the create path of the legacy CRM, where the referrer is `referral_source`. Stored
    /// as `seed_path`: stored words do not change.
    LegacyPath = 1 << 5,
    /// The address of the visitor was anonymised.
    IpAnonymised = 1 << 6,
    /// A field of an order is in another encoding than UTF-8. Its bytes are percent-encoded.
    Encoding = 1 << 7,
    /// A `HEAD` request, which shows nothing to anybody.
    Head = 1 << 8,
    /// A browser requested the page before anybody asked for it.
    Prefetch = 1 << 9,
}

impl Mark {
    /// All marks.
    pub const ALL: [Self; 10] = [
        Self::CutUserAgent,
        Self::CutReferrer,
        Self::CutPairs,
        Self::PidInvalid,
        Self::QueryMended,
        Self::LegacyPath,
        Self::IpAnonymised,
        Self::Encoding,
        Self::Head,
        Self::Prefetch,
    ];

    /// Returns the word stored in the column `marks`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CutUserAgent => "cut:user_agent",
            Self::CutReferrer => "cut:referrer",
            Self::CutPairs => "cut:pairs",
            Self::PidInvalid => "pid_invalid",
            Self::QueryMended => "query_mended",
            Self::LegacyPath => "seed_path",
            Self::IpAnonymised => "ip_anonymised",
            Self::Encoding => "encoding",
            Self::Head => "head",
            Self::Prefetch => "prefetch",
        }
    }

    /// Returns whether this mark is set.
    #[must_use]
    pub const fn is_in(self, marks: u32) -> bool {
        marks & self as u32 != 0
    }
}

/// The fields of an order, borrowed from the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OrderRef<'a> {
    pub prospect_ref: &'a str,
    pub email: &'a str,
    pub phone_number: &'a str,
    pub first_name: &'a str,
    pub last_name: &'a str,
    pub delivery_address: &'a str,
}

/// An event, borrowed from its request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventRef<'a> {
    pub id: [u8; 16],
    pub time_ms: u64,
    pub ip: [u8; 16],
    pub user_agent: &'a [u8],
    pub referer: &'a [u8],
    pub pairs: &'a [u8],
    pub marks: u32,
    /// The fields of an order; `None` for a prospect.
    pub order: Option<OrderRef<'a>>,
}

impl OrderRef<'_> {
    fn fields(&self) -> [(u32, &[u8]); 6] {
        [
            (1, self.prospect_ref.as_bytes()),
            (2, self.email.as_bytes()),
            (3, self.phone_number.as_bytes()),
            (4, self.first_name.as_bytes()),
            (5, self.last_name.as_bytes()),
            (6, self.delivery_address.as_bytes()),
        ]
    }

    fn encoded_len(&self) -> usize {
        self.fields().iter().map(|(tag, value)| bytes_len(*tag, value)).sum()
    }
}

impl EventRef<'_> {
    const fn kind(&self) -> Kind {
        if self.order.is_some() { Kind::Order } else { Kind::Prospect }
    }

    /// Returns the number of bytes that [`EventRef::encode`] writes.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        let order = self.order.as_ref().map_or(0, |order| {
            let len = order.encoded_len();
            key_len(9) + encoded_len_varint(len as u64) + len
        });
        bytes_len(1, &self.id)
            + varint_len(2, self.time_ms)
            + varint_len(3, self.kind() as u64)
            + bytes_len(4, &self.ip)
            + bytes_len(5, self.user_agent)
            + bytes_len(6, self.referer)
            + bytes_len(7, self.pairs)
            + varint_len(8, u64::from(self.marks))
            + order
    }

    /// Writes the event as Protobuf. `out` must have room for [`EventRef::encoded_len`] bytes.
    pub fn encode(&self, out: &mut impl BufMut) {
        put_bytes(1, &self.id, out);
        put_varint(2, self.time_ms, out);
        put_varint(3, self.kind() as u64, out);
        put_bytes(4, &self.ip, out);
        put_bytes(5, self.user_agent, out);
        put_bytes(6, self.referer, out);
        put_bytes(7, self.pairs, out);
        put_varint(8, u64::from(self.marks), out);
        if let Some(order) = &self.order {
            encode_key(9, WireType::LengthDelimited, out);
            encode_varint(order.encoded_len() as u64, out);
            for (tag, value) in order.fields() {
                put_bytes(tag, value, out);
            }
        }
    }
}

fn bytes_len(tag: u32, value: &[u8]) -> usize {
    if value.is_empty() { 0 } else { key_len(tag) + encoded_len_varint(value.len() as u64) + value.len() }
}

fn varint_len(tag: u32, value: u64) -> usize {
    if value == 0 { 0 } else { key_len(tag) + encoded_len_varint(value) }
}

fn put_bytes(tag: u32, value: &[u8], out: &mut impl BufMut) {
    if !value.is_empty() {
        encode_key(tag, WireType::LengthDelimited, out);
        encode_varint(value.len() as u64, out);
        out.put_slice(value);
    }
}

fn put_varint(tag: u32, value: u64, out: &mut impl BufMut) {
    if value != 0 {
        encode_key(tag, WireType::Varint, out);
        encode_varint(value, out);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::chunk::decode_event;

    proptest! {
        #[test]
        fn what_the_edge_writes_is_what_the_consumer_reads(
            id in any::<[u8; 16]>(),
            time_ms in any::<u64>(),
            ip in any::<[u8; 16]>(),
            texts in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 3),
            marks in any::<u32>(),
            order in proptest::option::of(proptest::collection::vec(".{0,20}", 6)),
        ) {
            let order_ref = order.as_ref().map(|fields| OrderRef {
                prospect_ref: &fields[0],
                email: &fields[1],
                phone_number: &fields[2],
                first_name: &fields[3],
                last_name: &fields[4],
                delivery_address: &fields[5],
            });
            let written = EventRef {
                id, time_ms, ip, marks, order: order_ref,
                user_agent: &texts[0], referer: &texts[1], pairs: &texts[2],
            };
            let mut bytes = Vec::new();
            written.encode(&mut bytes);
            prop_assert_eq!(bytes.len(), written.encoded_len());

            let read = decode_event(bytes.into()).unwrap();
            prop_assert_eq!(&read.id[..], &id[..]);
            prop_assert_eq!(read.time_ms, time_ms);
            prop_assert_eq!(&read.ip[..], &ip[..]);
            prop_assert_eq!(&read.user_agent[..], &texts[0][..]);
            prop_assert_eq!(&read.referer[..], &texts[1][..]);
            prop_assert_eq!(&read.pairs[..], &texts[2][..]);
            prop_assert_eq!(read.marks, marks);
            prop_assert_eq!(read.kind(), if order.is_some() { Kind::Order } else { Kind::Prospect });
            let read_order = read.order.map(|order| {
                vec![order.prospect_ref, order.email, order.phone_number, order.first_name, order.last_name, order.delivery_address]
            });
            prop_assert_eq!(read_order, order);
        }
    }
}
