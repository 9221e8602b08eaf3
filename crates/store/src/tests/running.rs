//! A store that runs: order, numbers, policies, rewrites.

use proptest::prelude::*;

use super::disk::Disk;
use super::{Model, PIECE_BYTES, options, replay, start};
use crate::{Contents, Opened, Options, StoreError, SyncPolicy};

#[test]
fn a_new_store_is_empty_and_for_its_user_only() {
    use std::os::unix::fs::PermissionsExt;

    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("a/b");
    let opened = Opened::open(&dir).unwrap();
    assert_eq!(opened.read(&mut |_| Err("nothing is expected".to_owned())).unwrap(), Contents::default());
    assert!(!opened.was_repaired());
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&dir), mode(opened.path())), (0o700, 0o600));
    let names: Vec<_> = std::fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["keys.redb"]);
}

#[test]
fn two_can_not_have_it() {
    let dir = tempfile::tempdir().unwrap();
    let opened = Opened::open(dir.path()).unwrap();
    let error = Opened::open(dir.path()).unwrap_err();
    assert!(matches!(error, StoreError::InUse { .. }), "{error}");
    assert!(error.to_string().contains("keys.redb is open already"), "{error}");
    let store = opened.start(options(SyncPolicy::Always), std::sync::Arc::new(Model::default()).source()).unwrap();
    assert!(matches!(Opened::open(dir.path()), Err(StoreError::InUse { .. })));
    store.close();
    Opened::open(dir.path()).unwrap();
}

#[test]
fn a_directory_that_can_not_be_made_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = Opened::open(&file.join("store")).unwrap_err();
    assert!(matches!(error, StoreError::Directory { .. }), "{error}");
    assert!(error.to_string().contains("file/store"), "{error}");
}

#[test]
fn with_always_each_entry_is_synced_without_another() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Disk::new(dir.path());
    let (model, store) = start(dir.path(), &disk, Vec::new(), options(SyncPolicy::Always));
    for round in 0..20 {
        let syncs = disk.change(|platter| platter.syncs);
        let number = model.append(&store, &format!("entry {round}"));
        model.wait_for(|inner| inner.synced == number);
        assert_eq!(store.synced(), number);
        assert_eq!(store.waiting_bytes(), 0);
        assert!(disk.change(|platter| platter.syncs) > syncs);
    }
}

#[test]
fn every_second_commits_by_itself_and_together() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Disk::new(dir.path());
    let (model, store) = start(dir.path(), &disk, Vec::new(), options(SyncPolicy::EverySecond));
    model.append(&store, "first");
    model.wait_for(|inner| inner.synced == 1);
    let commits = store.status().commits;
    for round in 0..1000 {
        model.append(&store, &format!("entry {round}"));
    }
    model.wait_for(|inner| inner.synced == 1001);
    assert!(store.status().commits - commits <= 3, "{:?}", store.status());
}

#[test]
fn never_does_not_sync_until_the_policy_changes() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Disk::new(dir.path());
    let (model, store) = start(dir.path(), &disk, Vec::new(), options(SyncPolicy::Never));
    let number = model.append(&store, "one");
    model.wait_for(|inner| inner.synced == number);
    let syncs = disk.change(|platter| platter.syncs);
    let number = model.append(&store, "two");
    model.wait_for(|inner| inner.synced == number);
    assert_eq!(disk.change(|platter| platter.syncs), syncs);
    store.set_options(options(SyncPolicy::EverySecond));
    // Without an entry behind it.
    disk.wait_for(|platter| platter.syncs > syncs);
    store.set_options(options(SyncPolicy::Never));
    let number = model.append(&store, "three");
    model.wait_for(|inner| inner.synced == number);
    let syncs = disk.change(|platter| platter.syncs);
    store.close();
    assert!(disk.change(|platter| platter.syncs) > syncs, "closing syncs");
}

#[test]
fn a_rewrite_replaces_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Disk::new(dir.path());
    let (model, store) = start(dir.path(), &disk, Vec::new(), options(SyncPolicy::Always));
    for round in 0..2000 {
        model.append(&store, &format!("entry {round}"));
    }
    model.wait_for(|inner| inner.synced == 2000);
    assert!(store.status().log_bytes > 0);
    assert!(store.rewrite());
    model.wait_for(|inner| inner.saves_begun == 1);
    let number = model.append(&store, "meanwhile");
    // What is asked for after the end of the first is a second one.
    let until = std::time::Instant::now() + super::WAIT_MAX;
    while !store.rewrite() {
        assert!(std::time::Instant::now() < until);
        std::thread::yield_now();
    }
    let status = store.status();
    assert!(status.last_rewrite_ok && status.last_rewrite_ms.is_some() && status.is_rewriting, "{status:?}");
    assert_eq!(status.base_bytes, 40 * PIECE_BYTES as u64);
    model.wait_for(|inner| inner.saves_begun == 2);
    store.close();
    assert_eq!(store.synced(), number);
    let opened = Opened::open(dir.path()).unwrap();
    assert!(!opened.was_repaired());
    let state = replay(&opened).unwrap();
    assert_eq!((state.count, state), (number, model.state()));
}

#[test]
fn the_log_is_rewritten_by_itself_when_it_is_long() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Disk::new(dir.path());
    let options = Options { policy: SyncPolicy::Always, rewrite_min_bytes: 1 << 20, rewrite_percentage: 100 };
    let (model, store) = start(dir.path(), &disk, Vec::new(), options.clone());
    let text = "x".repeat(10_000);
    for _ in 0..60 {
        model.append(&store, &text);
    }
    model.wait_for(|inner| inner.synced == 60);
    assert_eq!(model.inner.lock().saves_begun, 0);
    for _ in 0..60 {
        model.append(&store, &text);
    }
    model.wait_for(|inner| inner.saves_begun == 1);
    store.close();
    let (model, store) = start(dir.path(), &disk, model.history(), Options { rewrite_percentage: 0, ..options });
    for _ in 0..120 {
        model.append(&store, &text);
    }
    model.wait_for(|inner| inner.synced == 240);
    store.close();
    assert_eq!(model.inner.lock().saves_begun, 0);
}

#[test]
fn closing_twice_and_dropping_is_closing_once() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Disk::new(dir.path());
    let (model, store) = start(dir.path(), &disk, Vec::new(), options(SyncPolicy::EverySecond));
    model.append(&store, "one");
    let clone = store.clone();
    store.close();
    clone.close();
    assert_eq!(clone.append(b"too late".to_vec()), 2);
    assert_eq!((clone.synced(), clone.waiting_bytes(), clone.rewrite()), (1, 0, false));
    drop((store, clone));
    let (model, store) = start(dir.path(), &disk, model.history(), options(SyncPolicy::EverySecond));
    model.append(&store, "two");
    drop(store);
    let opened = Opened::open(dir.path()).unwrap();
    assert_eq!((replay(&opened).unwrap().count, opened.was_repaired()), (2, false));
}

#[test]
fn a_reader_s_refusal_names_the_entry() {
    let dir = tempfile::tempdir().unwrap();
    let (model, store) = start(dir.path(), &Disk::new(dir.path()), Vec::new(), options(SyncPolicy::Always));
    model.append(&store, "one");
    model.append(&store, "two");
    store.close();
    let opened = Opened::open(dir.path()).unwrap();
    let error = opened.read(&mut |entry| if entry == b"etwo" { Err("bad".to_owned()) } else { Ok(()) }).unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("entry 2 of the log of ") && text.contains("keys.redb can't be executed: bad"), "{text}");
}

#[derive(Clone, Debug)]
enum Step {
    Append(u16),
    Rewrite,
    Restart,
    Policy(SyncPolicy),
    Sync,
}

fn step() -> impl Strategy<Value = Step> {
    let policies = [SyncPolicy::Always, SyncPolicy::EverySecond, SyncPolicy::Never];
    prop_oneof![
        8 => (0..2000_u16).prop_map(Step::Append),
        2 => Just(Step::Rewrite),
        2 => Just(Step::Restart),
        1 => proptest::sample::select(policies.to_vec()).prop_map(Step::Policy),
        1 => Just(Step::Sync),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn entries_and_numbers_survive_restarts(steps in proptest::collection::vec(step(), 1..40)) {
        let dir = tempfile::tempdir().unwrap();
        let disk = Disk::new(dir.path());
        let mut policy = SyncPolicy::Always;
        let (mut model, mut store) = start(dir.path(), &disk, Vec::new(), options(policy));
        for step in steps {
            match step {
                Step::Append(len) => { model.append(&store, &"y".repeat(len.into())); }
                Step::Rewrite => { store.rewrite(); }
                Step::Policy(new) => {
                    policy = new;
                    store.set_options(options(policy));
                }
                Step::Sync => {
                    let number = model.inner.lock().state.count;
                    model.wait_for(|inner| inner.synced >= number);
                }
                Step::Restart => {
                    store.close();
                    let history = model.history();
                    prop_assert_eq!(store.synced() + 1, history.len() as u64);
                    (model, store) = start(dir.path(), &disk, history.clone(), options(policy));
                    prop_assert_eq!(model.history(), history);
                }
            }
        }
    }
}
