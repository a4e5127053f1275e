//! The country of an address, from a file in MaxMind's format (`.mmdb`). Publishers differ in what
//! they put into it: MaxMind and DB-IP a country with names, of which `iso_code` is read, and
//! `ip-location-db` a `country_code`.

use std::net::{IpAddr, Ipv6Addr};
use std::path::Path;

use maxminddb::{LookupResult, Reader, WithinOptions, path};

use crate::enrich::data::Edition;

type Source = Vec<u8>;

/// An open file.
pub(super) struct Countries {
    reader: Reader<Source>,
    shape: Shape,
}

/// The place of the country in a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// `{"country": {"iso_code": "DE"}, "registered_country": {…}}`
    Nested,
    /// `{"country_code": "DE"}`
    Flat,
}

/// Networks that are looked at until one has a country. Files begin with a few that have none.
const N_PROBED: usize = 10_000;

impl Countries {
    /// Reads a file. Refuses one without countries: each visit would silently have none.
    pub(super) fn open(file: &Path) -> Result<Self, String> {
        let reader = Reader::open_readfile(file).map_err(|error| error.to_string())?;
        let shape = shape_of(&reader).map_err(|error| error.to_string())?;
        let shape = shape.ok_or_else(|| {
            let kind = &reader.metadata().database_type;
            format!("the database \"{kind}\" has neither `country.iso_code` nor `country_code`")
        })?;
        Ok(Self { reader, shape })
    }

    /// Its kind and date.
    pub(super) fn edition(&self) -> Edition {
        let metadata = self.reader.metadata();
        let date = i64::try_from(metadata.build_epoch).ok();
        let date = date.and_then(|seconds| chrono::DateTime::from_timestamp(seconds, 0));
        let date = date.map(|time| time.format(" %Y-%m-%d").to_string()).unwrap_or_default();
        Edition { version: format!("{}{date}", metadata.database_type), built_s: metadata.build_epoch }
    }

    /// The country as ISO 3166 alpha-2; empty if unknown.
    pub(super) fn country(&self, ip: Ipv6Addr) -> &str {
        let address = ip.to_ipv4_mapped().map_or(IpAddr::V6(ip), IpAddr::V4);
        self.reader.lookup(address).ok().and_then(|record| self.shape.read(&record)).unwrap_or_default()
    }
}

impl Shape {
    /// The country of a record. Addresses of no one place (satellites, anycast) have only the
    /// country that they are registered in.
    fn read<'a>(self, record: &LookupResult<'a, Source>) -> Option<&'a str> {
        let text = |path: &[maxminddb::PathElement<'_>]| record.decode_path::<&str>(path).ok().flatten();
        match self {
            Self::Nested => {
                text(&path!["country", "iso_code"]).or_else(|| text(&path!["registered_country", "iso_code"]))
            }
            Self::Flat => text(&path!["country_code"]),
        }
        .filter(|code| code.len() == 2)
    }
}

fn shape_of(reader: &Reader<Source>) -> Result<Option<Shape>, maxminddb::MaxMindDbError> {
    for record in reader.networks(WithinOptions::default())?.take(N_PROBED) {
        let record = record?;
        for shape in [Shape::Nested, Shape::Flat] {
            if shape.read(&record).is_some() {
                return Ok(Some(shape));
            }
        }
    }
    Ok(None)
}
