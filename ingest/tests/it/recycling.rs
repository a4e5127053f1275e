//! Recycled segments: the file of a delivered segment becomes the next one, and its old records are
//! never taken for new ones, whatever a kill or a power failure leaves.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use sluice_ingest::journal::reader::LaneReader;
use sluice_ingest::journal::record::{self, Parsed};
use sluice_ingest::journal::segment::{self, Header};
use sluice_ingest::journal::{Journal, LaneWriter, Options};
use sluice_runtime::ops::Readiness;

use crate::journal::{SEGMENT_BYTES, append, numbers, open, segments};
use crate::support::{first_ordinal, records_end as end};

const PADDING: usize = 2000;
const SECTOR: usize = 512;
const PATIENCE: Duration = Duration::from_secs(20);

fn inode(path: &Path) -> u64 {
    path.metadata().unwrap().ino()
}

fn lane_dir(dir: &Path) -> PathBuf {
    dir.join("lane-0")
}

fn prepared(dir: &Path) -> Vec<PathBuf> {
    let paths = std::fs::read_dir(lane_dir(dir)).unwrap().map(|entry| entry.unwrap().path());
    paths.filter(|path| path.extension().is_some_and(|suffix| suffix == "tmp")).collect()
}

fn bytes_on_disk(dir: &Path) -> u64 {
    let files = segments(dir).into_iter().chain(prepared(dir));
    files.map(|path| path.metadata().unwrap().len()).sum()
}

/// A lane that writes events, numbered by their ordinals.
struct Lane {
    dir: tempfile::TempDir,
    journal: Arc<Journal>,
    writers: Vec<LaneWriter>,
    next: u64,
}

impl Lane {
    fn open() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (journal, writers) = open(dir.path(), 1);
        Self { dir, journal, writers, next: 1 }
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn append(&mut self, padding: usize) {
        assert_eq!(append(&mut self.writers[0], self.next, padding), Ok(self.next));
        self.next += 1;
        // The next segment is prepared in the second half of a segment. A test would be faster than
        // that.
        let lane = &self.journal.lanes()[0];
        while lane.ready_bytes() < SEGMENT_BYTES / 2 {
            std::thread::yield_now();
        }
    }

    /// Waits until everything is on disk.
    fn sync(&self) {
        let mut synced = self.journal.lanes()[0].watch_synced();
        let wait = async { synced.wait_for(|synced| synced.next == self.next).await.is_ok() };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        assert!(runtime.block_on(async { tokio::time::timeout(PATIENCE, wait).await }).unwrap());
    }

    /// Writes until there are this many segments. Returns their paths.
    fn fill(&mut self, n_segments: usize, padding: usize) -> Vec<PathBuf> {
        while segments(self.path()).len() < n_segments {
            self.append(padding);
        }
        segments(self.path())
    }

    /// Marks everything before the last segment as delivered.
    fn deliver(&self) {
        self.sync();
        let last = first_ordinal(segments(self.path()).last().unwrap());
        self.journal.lanes()[0].delete_below(last, self.journal.budget()).unwrap();
    }

    /// Writes until the last segment uses the file of the first. Returns the earlier contents of
    /// the file, and its path.
    fn recycle(&mut self, padding: usize) -> (Vec<u8>, PathBuf) {
        let first = inode(&self.fill(2, padding)[0]);
        self.deliver();
        let kept = prepared(self.path());
        assert_eq!(kept.iter().map(|path| inode(path)).collect::<Vec<_>>(), [first]);
        let stale = std::fs::read(&kept[0]).unwrap();
        assert_eq!(stale[..segment::HEADER_BYTES + record::END_BYTES], [0; 72]);
        let path = self.fill(2, padding).remove(1);
        assert_eq!(inode(&path), first);
        (stale, path)
    }

    /// Ends the journal in order.
    fn close(self) -> tempfile::TempDir {
        self.journal.stop();
        self.dir
    }
}

#[test]
fn a_delivered_segment_becomes_the_next_one_and_the_budget_stays_exact() {
    let mut lane = Lane::open();
    for _ in 0..6 {
        let delivered = inode(&lane.fill(2, PADDING)[0]);
        lane.deliver();
        assert_eq!(lane.journal.budget().used_bytes(), bytes_on_disk(lane.path()));
        assert_eq!((segments(lane.path()).len(), prepared(lane.path()).len()), (1, 1));
        assert_eq!(inode(&prepared(lane.path())[0]), delivered);
    }
    // If it is delivered after a new file was prepared, it is recycled all the same.
    let delivered = inode(&lane.fill(2, PADDING)[0]);
    while prepared(lane.path()).is_empty() {
        lane.append(PADDING);
    }
    assert_ne!(inode(&prepared(lane.path())[0]), delivered);
    lane.deliver();
    assert_eq!(prepared(lane.path()).iter().map(|path| inode(path)).collect::<Vec<_>>(), [delivered]);
    assert_eq!(lane.journal.budget().used_bytes(), bytes_on_disk(lane.path()));
    // If several segments are delivered, one file is kept.
    lane.fill(5, PADDING);
    lane.deliver();
    assert_eq!((segments(lane.path()).len(), prepared(lane.path()).len()), (1, 1));
    assert_eq!(lane.journal.budget().used_bytes(), 2 * SEGMENT_BYTES);
    assert_eq!(bytes_on_disk(lane.path()), 2 * SEGMENT_BYTES);
    let (first, next) = (first_ordinal(&segments(lane.path())[0]), lane.next);
    let dir = lane.close();
    assert_eq!(numbers(dir.path()), (first..next).map(|number| (number, number)).collect::<Vec<_>>());
    assert!(prepared(dir.path()).is_empty());
}

#[test]
fn a_segment_of_another_size_is_deleted() {
    let mut lane = Lane::open();
    lane.fill(3, PADDING);
    let next = lane.next;
    let dir = lane.close();
    let options = Options {
        segment_bytes: 2 * SEGMENT_BYTES,
        max_bytes: 16 * SEGMENT_BYTES,
        sync_interval: Duration::from_millis(1),
        n_lanes: 1,
    };
    let (journal, _writers) = Journal::open(dir.path(), &options, &Readiness::default()).unwrap();
    journal.lanes()[0].delete_below(next, journal.budget()).unwrap();
    assert_eq!((segments(dir.path()).len(), prepared(dir.path()).len()), (1, 0));
    assert_eq!(journal.budget().used_bytes(), bytes_on_disk(dir.path()));
}

#[test]
fn a_reader_that_still_has_the_delivered_segment_open_reads_on_in_the_next() {
    let mut lane = Lane::open();
    let mut reader = LaneReader::new(Arc::clone(&lane.journal.lanes()[0]), 1);
    let mut n_read = 0;
    for round in 0..8 {
        lane.fill(2, PADDING);
        let last = first_ordinal(&segments(lane.path())[1]);
        lane.sync();
        while reader.next_ordinal() < last {
            n_read += 1;
            assert_eq!(reader.read_next().unwrap().unwrap().ordinal, n_read);
        }
        lane.deliver();
        // The forwarder releases it; reading must be correct without that too.
        if round % 2 == 0 {
            reader.release_below(last);
        }
    }
    while let Some(record) = reader.read_next().unwrap() {
        n_read += 1;
        assert_eq!(record.ordinal, n_read);
    }
    assert_eq!((n_read + 1, reader.n_damaged()), (lane.next, 0));
}

/// Moves a file and replaces its header (by another one or by zeros) and removes its first record.
fn rewrite(from: &Path, to: &Path, header: Option<Header>) {
    let mut bytes = std::fs::read(from).unwrap();
    bytes[..segment::HEADER_BYTES + record::END_BYTES].fill(0);
    if let Some(header) = header {
        bytes[..segment::HEADER_BYTES].copy_from_slice(&header.to_bytes());
    }
    std::fs::remove_file(from).unwrap();
    std::fs::write(to, bytes).unwrap();
}

/// The files that remain if the edge is killed, or the power fails, between two steps of recycling
/// the first segment.
#[test]
fn killed_between_any_two_steps_the_journal_goes_on() {
    type Step = fn(&Path, &Path, Header);
    let steps: [(&str, Step); 6] = [
        ("temporary name", |old, _, _| std::fs::rename(old, old.with_extension("tmp")).unwrap()),
        ("no header", |old, _, _| rewrite(old, &old.with_extension("tmp"), None)),
        ("no header, the old name back", |old, _, _| rewrite(old, old, None)),
        ("new header", |old, _, header| rewrite(old, &old.with_extension("tmp"), Some(header))),
        ("new name", |old, new, header| rewrite(old, new, Some(header))),
        ("new name, the header not on disk", |old, new, _| rewrite(old, new, None)),
    ];
    for (name, step) in steps {
        let mut lane = Lane::open();
        let paths = lane.fill(3, PADDING);
        let (edge, next) = (lane.journal.edge(), lane.next);
        let dir = lane.close();
        let header = Header { edge, lane: 0, first_ordinal: next };
        step(&paths[0], &segment::path(&lane_dir(dir.path()), next), header);

        let expected: Vec<_> = (first_ordinal(&paths[1])..next).map(|number| (number, number)).collect();
        assert_eq!(numbers(dir.path()), expected, "{name}");
        let (journal, mut writers) = open(dir.path(), 1);
        assert_eq!(append(&mut writers[0], next, 0), Ok(next), "{name}");
        journal.stop();
        drop((journal, writers));
        assert_eq!(numbers(dir.path()).len(), expected.len() + 1, "{name}");
        assert!(prepared(dir.path()).is_empty(), "{name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// A power failure: the new bytes are on disk up to some position, or in some sectors.
    /// Elsewhere the old bytes remain.
    #[test]
    fn where_old_records_show_through_nothing_synced_is_lost_and_none_of_them_is_read(
        n in 0_u64..60,
        old_padding in 1000_usize..PADDING,
        new_padding in proptest::option::of(1000_usize..PADDING),
        at in any::<prop::sample::Index>(),
        at_boundary in any::<bool>(),
        is_sector_old in proptest::option::of(proptest::collection::vec(proptest::bool::weighted(0.2), 512)),
    ) {
        let mut lane = Lane::open();
        let (stale, path) = lane.recycle(old_padding);
        (0..n).for_each(|_| lane.append(new_padding.unwrap_or(old_padding)));
        let (first, next) = (first_ordinal(&path), lane.next);
        let before = first_ordinal(&segments(lane.path())[0]);
        prop_assert_eq!(segments(lane.path()).pop().unwrap(), path.clone());
        let dir = lane.close();
        let new = std::fs::read(&path).unwrap();
        let (used, n_records) = end(&new, first);
        prop_assert_eq!(first + n_records, next);
        prop_assert_eq!(record::read(&new[used..], next), Parsed::End);

        // Up to any byte, or up to the end of a record. Then a whole old record may follow.
        let mut cut = at.index(used + 1);
        if at_boundary {
            cut = end(&new[..cut.max(segment::HEADER_BYTES)], first).0.min(used);
        }
        let mut mixed = new.clone();
        match &is_sector_old {
            None => mixed[cut..].copy_from_slice(&stale[cut..]),
            Some(olds) => for (sector, _) in olds.iter().enumerate().filter(|(_, is_old)| **is_old) {
                mixed[sector * SECTOR..][..SECTOR].copy_from_slice(&stale[sector * SECTOR..][..SECTOR]);
            },
        }
        let same = mixed.iter().zip(&new).position(|(mixed, new)| mixed != new).unwrap_or(new.len());
        std::fs::write(&path, &mixed).unwrap();

        let kept = numbers(dir.path());
        let expected: Vec<_> = (before..).take(kept.len()).map(|number| (number, number)).collect();
        prop_assert_eq!(&kept, &expected);
        let last = kept.last().unwrap().0;
        prop_assert!(last < next);
        // Everything before the first old byte is there.
        prop_assert!(last + 1 >= first + end(&new[..same.max(segment::HEADER_BYTES)], first).1);

        let (journal, mut writers) = open(dir.path(), 1);
        prop_assert_eq!(append(&mut writers[0], last + 1, 0), Ok(last + 1));
        journal.stop();
        drop((journal, writers));
        prop_assert_eq!(numbers(dir.path()).len(), kept.len() + 1);
    }
}

#[test]
fn an_old_record_that_begins_where_the_new_ones_end_is_none() {
    let mut lane = Lane::open();
    let (stale, path) = lane.recycle(PADDING);
    (0..9).for_each(|_| lane.append(PADDING));
    let (first, next) = (first_ordinal(&path), lane.next);
    let dir = lane.close();
    let mut bytes = std::fs::read(&path).unwrap();
    let (used, _) = end(&bytes, first);
    // The last 8 zeros were not written to disk, and the record that they should hide is whole.
    bytes[used..].copy_from_slice(&stale[used..]);
    let is_whole = |ordinal: &u64| matches!(record::read(&bytes[used..], *ordinal), Parsed::Record(_));
    assert_eq!((1..next + 10).filter(is_whole).collect::<Vec<_>>(), [next - first + 1]);
    std::fs::write(&path, &bytes).unwrap();
    assert_eq!(numbers(dir.path()).last(), Some(&(next - 1, next - 1)));
}
