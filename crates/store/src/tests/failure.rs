//! A disk that refuses to write: everything waits, and nothing is lost or there twice.

use super::disk::Disk;
use super::{options, replay, start};
use crate::{Opened, SyncPolicy};

#[test]
fn a_full_disk_holds_everything_up_until_it_has_room() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Disk::new(dir.path());
    let (model, store) = start(dir.path(), &disk, Vec::new(), options(SyncPolicy::Always));
    model.append(&store, "before");
    model.wait_for(|inner| inner.synced == 1);
    disk.change(|platter| platter.is_full = true);
    model.append(&store, "first to fail");
    model.wait_for(|inner| inner.failures.len() == 1);
    let reason = model.inner.lock().failures[0].clone().unwrap();
    assert!(reason.contains("No space left on device"), "{reason}");
    for _ in 0..100 {
        model.append(&store, "waits");
    }
    let refused = disk.change(|platter| platter.refused);
    disk.wait_for(|platter| platter.refused > refused);
    assert_eq!(store.synced(), 1);
    assert!(store.waiting_bytes() > 500);
    assert!(store.status().failure.is_some());
    disk.change(|platter| platter.is_full = false);
    model.wait_for(|inner| inner.synced == 102);
    assert_eq!(model.inner.lock().failures.last(), Some(&None));
    assert_eq!((store.waiting_bytes(), store.status().failure), (0, None));
    store.close();
    let (model, _store) = start(dir.path(), &disk, model.history(), options(SyncPolicy::Always));
    assert_eq!(model.inner.lock().state.count, 102);
}

/// Lets the disk fill up after any number of writes, in the midst of commits and rewrites.
#[test]
fn a_failure_at_any_write_changes_nothing() {
    let mut rewrites_failed = 0;
    for full_after in 0..60 {
        let dir = tempfile::tempdir().unwrap();
        let disk = Disk::new(dir.path());
        let (model, store) = start(dir.path(), &disk, Vec::new(), options(SyncPolicy::Always));
        for round in 0..200 {
            model.append(&store, &format!("entry {round}"));
        }
        model.wait_for(|inner| inner.synced == 200);
        disk.change(|platter| platter.full_after = Some(full_after));
        store.rewrite();
        let mut appended = 200;
        // Until the disk is full something goes on.
        while model.inner.lock().failures.is_empty() {
            appended = model.append(&store, "more");
            store.rewrite();
            model.wait_for(|inner| inner.synced == appended || !inner.failures.is_empty());
        }
        disk.change(|platter| (platter.full_after, platter.is_full) = (None, false));
        let number = model.append(&store, "at last");
        assert_eq!(number, appended + 1);
        model.wait_for(|inner| inner.synced == number);
        rewrites_failed += u32::from(!store.status().last_rewrite_ok);
        store.close();
        let opened = Opened::open(dir.path()).unwrap();
        let state = replay(&opened).unwrap();
        assert_eq!((state.count, state), (number, model.state()), "full after {full_after}");
        assert!(!opened.was_repaired());
    }
    assert!(rewrites_failed > 0, "no failure met a rewrite");
}

#[test]
fn closing_on_a_full_disk_ends_and_tells_what_is_missing() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Disk::new(dir.path());
    let (model, store) = start(dir.path(), &disk, Vec::new(), options(SyncPolicy::EverySecond));
    model.append(&store, "one");
    model.wait_for(|inner| inner.synced == 1);
    disk.change(|platter| platter.is_full = true);
    model.append(&store, "two");
    store.close();
    assert_eq!((store.synced(), store.waiting_bytes()), (1, 4));
    assert!(store.status().failure.is_some());
    disk.change(|platter| platter.is_full = false);
    let opened = Opened::open(dir.path()).unwrap();
    assert_eq!((replay(&opened).unwrap().count, opened.was_repaired()), (1, true));
}
