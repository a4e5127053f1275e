//! The journal on a real disk: recovery after every cut and bit flip, changing numbers of lanes, a
//! full disk budget.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use sluice_ingest::journal::reader::LaneReader;
use sluice_ingest::journal::{AppendError, Journal, LaneWriter, Options, cursor::Cursor, segment};
use sluice_runtime::ops::Readiness;
use sluice_schemas::event::EventRef;

use crate::support::{KEY, TestEdge, read_journal};

pub(crate) const SEGMENT_BYTES: u64 = 256 * 1024;

pub(crate) fn open(dir: &Path, n_lanes: u32) -> (Arc<Journal>, Vec<LaneWriter>) {
    let options = Options {
        segment_bytes: SEGMENT_BYTES,
        max_bytes: 16 * SEGMENT_BYTES,
        sync_interval: Duration::from_millis(1),
        n_lanes,
    };
    Journal::open(dir, &options, &Readiness::default()).unwrap()
}

pub(crate) fn append(writer: &mut LaneWriter, number: u64, padding: usize) -> Result<u64, AppendError> {
    writer.append(&EventRef {
        id: [1; 16],
        time_ms: number,
        ip: [0; 16],
        user_agent: &vec![b'u'; padding],
        referer: b"",
        pairs: b"",
        marks: 0,
        order: None,
    })
}

/// Writes events 1 to `n` into lane 0 and closes the journal; their numbers are their ordinals.
fn write(dir: &Path, n: u64, padding: usize) {
    let (journal, mut writers) = open(dir, 1);
    for number in 1..=n {
        assert_eq!(append(&mut writers[0], number, padding), Ok(number));
    }
    journal.stop();
    assert_eq!(journal.lanes()[0].synced().next, n + 1);
}

pub(crate) fn numbers(dir: &Path) -> Vec<(u64, u64)> {
    read_journal(dir).into_iter().map(|(_, ordinal, event)| (ordinal, event.time_ms)).collect()
}

pub(crate) fn segments(dir: &Path) -> Vec<PathBuf> {
    segment::list(&dir.join("lane-0")).unwrap().into_iter().map(|(_, path)| path).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn a_cut_or_flipped_tail_costs_only_what_is_behind_it(
        n in 1_u64..40,
        padding in 0_usize..300,
        at in any::<prop::sample::Index>(),
        flip in proptest::option::of(0_u8..8),
    ) {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), n, padding);
        let path = segments(dir.path()).remove(0);
        let mut bytes = std::fs::read(&path).unwrap();
        let used = bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1;
        let position = at.index(used);
        match flip {
            Some(bit) => bytes[position] ^= 1 << bit,
            None => bytes.truncate(position),
        }
        // The header of another edge would be refused, not recovered.
        prop_assume!(position >= segment::HEADER_BYTES || flip.is_some());
        std::fs::write(&path, &bytes).unwrap();

        let kept = numbers(dir.path());
        let expected: Vec<(u64, u64)> = (1..=kept.len() as u64).map(|number| (number, number)).collect();
        prop_assert_eq!(&kept, &expected);
        // All records have one size, and those completely before the damage must be there.
        let record = (used - segment::HEADER_BYTES).div_ceil(n as usize).next_multiple_of(8);
        let n_before = position.saturating_sub(segment::HEADER_BYTES) / record;
        prop_assert!(kept.len() >= n_before.min(n as usize), "{} of {}", kept.len(), n_before);

        let (journal, mut writers) = open(dir.path(), 1);
        prop_assert_eq!(append(&mut writers[0], 99, 0), Ok(kept.len() as u64 + 1));
        journal.stop();
        drop((journal, writers));
        prop_assert_eq!(numbers(dir.path()).len(), kept.len() + 1);
    }
}

#[test]
fn a_lane_goes_on_over_segments_and_starts() {
    let dir = tempfile::tempdir().unwrap();
    let mut next = 1;
    for _ in 0..3 {
        let (journal, mut writers) = open(dir.path(), 1);
        for _ in 0..300 {
            assert_eq!(append(&mut writers[0], next, 2000), Ok(next));
            next += 1;
        }
        journal.stop();
    }
    assert!(segments(dir.path()).len() > 6);
    assert_eq!(numbers(dir.path()), (1..next).map(|number| (number, number)).collect::<Vec<_>>());
}

#[test]
fn only_what_is_synced_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options {
        segment_bytes: SEGMENT_BYTES,
        max_bytes: 16 * SEGMENT_BYTES,
        sync_interval: Duration::from_secs(3600),
        n_lanes: 1,
    };
    let (journal, mut writers) = Journal::open(dir.path(), &options, &Readiness::default()).unwrap();
    let mut reader = LaneReader::new(Arc::clone(&journal.lanes()[0]), 1);
    append(&mut writers[0], 1, 0).unwrap();
    assert_eq!((journal.lanes()[0].published(), reader.read_next().unwrap()), (2, None));
    journal.stop();
    assert_eq!(reader.read_next().unwrap().unwrap().ordinal, 1);
    assert!(reader.read_next().unwrap().is_none());
}

#[test]
fn a_full_journal_refuses_and_goes_on_when_segments_are_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, mut writers) = open(dir.path(), 1);
    assert!(journal.minutes_left() > 0.0);
    let mut n = 0;
    while append(&mut writers[0], n, 2000).is_ok() {
        n += 1;
    }
    assert_eq!(append(&mut writers[0], n, 2000), Err(AppendError::Full));
    assert_eq!(journal.minutes_left(), 0.0);
    // A small event that fits into the rest of the segment does not make room for others.
    assert_eq!(append(&mut writers[0], n, 0), Ok(n + 1));
    assert_eq!(journal.minutes_left(), 0.0);
    assert!(journal.budget().used_bytes() <= 16 * SEGMENT_BYTES);
    let lane = &journal.lanes()[0];
    lane.delete_below(n / 2, journal.budget()).unwrap();
    assert!(journal.minutes_left() > 0.0);
    assert_eq!(append(&mut writers[0], n, 2000), Ok(n + 2));
    assert!(journal.minutes_left() > 0.0);
}

#[test]
fn one_full_lane_of_two_has_no_minutes_left() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, mut writers) = open(dir.path(), 2);
    while append(&mut writers[1], 1, 2000).is_ok() {}
    assert_eq!((append(&mut writers[0], 1, 2000), journal.minutes_left()), (Ok(1), 0.0));
    let n_written = journal.lanes()[1].published();
    journal.lanes()[1].delete_below(n_written, journal.budget()).unwrap();
    assert!(journal.minutes_left() > 0.0);
}

#[test]
fn ordinals_go_on_after_everything_was_delivered_and_deleted() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), 10, 0);
    let lane_dir = dir.path().join("lane-0");
    let mut cursor = Cursor::open(&lane_dir).unwrap();
    cursor.store(11).unwrap();
    cursor.sync().unwrap();
    for path in segments(dir.path()) {
        std::fs::remove_file(path).unwrap();
    }
    let (_journal, mut writers) = open(dir.path(), 1);
    assert_eq!(append(&mut writers[0], 1, 0), Ok(11));
}

#[test]
fn lanes_of_a_larger_thread_count_stay_readable_and_keep_their_ordinals() {
    let dir = tempfile::tempdir().unwrap();
    {
        let (journal, mut writers) = open(dir.path(), 3);
        for (number, writer) in (1..).zip(&mut writers) {
            append(writer, number, 0).unwrap();
        }
        journal.stop();
    }
    {
        let (journal, writers) = open(dir.path(), 1);
        assert_eq!((journal.lanes().len(), writers.len()), (3, 1));
        assert_eq!(journal.lanes().iter().map(|lane| lane.synced().next).collect::<Vec<_>>(), [2, 2, 2]);
        let drained = journal.lanes().iter().find(|lane| !lane.is_written).unwrap();
        drained.delete_below(2, journal.budget()).unwrap();
        assert_eq!(segment::list(&drained.dir).unwrap(), []);
    }
    assert_eq!(read_journal(dir.path()).len(), 2);
}

#[test]
fn a_journal_has_one_user_and_one_identity() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _writers) = open(dir.path(), 1);
    let edge = journal.edge();
    let options = Options { segment_bytes: 0, max_bytes: 0, sync_interval: Duration::ZERO, n_lanes: 0 };
    let error = Journal::open(dir.path(), &options, &Readiness::default()).unwrap_err();
    assert!(error.to_string().contains("another edge"), "{error}");
    drop((journal, _writers));
    write(dir.path(), 1, 0);
    assert_eq!(open(dir.path(), 1).0.edge(), edge);
    std::fs::remove_file(dir.path().join("edge-id")).unwrap();
    let error = Journal::open(dir.path(), &options, &Readiness::default()).unwrap_err();
    assert!(error.to_string().contains("edge-id"), "{error}");
}

#[test]
fn over_the_wire_a_full_journal_is_a_gif_and_503() {
    let edge = TestEdge::start_with(|config| {
        config.journal.segment_bytes = 256 * 1024;
        config.journal.max_bytes = 1024 * 1024;
    });
    let padding = "x".repeat(16_000);
    let mut n_accepted = 0;
    let full = loop {
        let answered = edge.get(&format!("/p.gif?k={KEY}&sub1={padding}"), "");
        assert_eq!((answered.status, answered.header("content-type")), (200, "image/gif"));
        if answered.outcome() != "accepted" {
            break answered;
        }
        n_accepted += 1;
    };
    assert_eq!(full.outcome(), "rejected; reason=journal_full");
    // A smaller event may still fit into the last segment.
    let mut status = 0;
    while status != 503 {
        let answered =
            edge.post("/o", "application/json", format!(r#"{{"pid":1,"phone":"1","x":"{padding}"}}"#));
        status = answered.status;
        assert!(
            status == 201 || (answered.header("retry-after") == "10" && answered.text().contains("detail"))
        );
    }
    let create = r#"{"ip_address":"1.1.1.1","user_agent":"x","referral_source":"y"}"#;
    while edge.post("/api/prospects/create/", "application/json", create).status != 503 {}
    assert_eq!(edge.metric("sluice_edge_journal_minutes_left"), Some(0.0));
    assert!(edge.events().len() >= n_accepted);
}
