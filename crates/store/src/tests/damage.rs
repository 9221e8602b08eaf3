//! A file that was changed by something else: it is refused by name, or has exactly what some commit had.

use std::path::Path;

use redb::{Database, TableDefinition};

use super::disk::Disk;
use super::{State, options, replay, start};
use crate::file::{FILE_NAME, LOG, base_name, base_table};
use crate::{Opened, StoreError, SyncPolicy};

const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");

/// A file with a base and a log, closed and still open, and what was appended.
fn files() -> (Vec<u8>, Vec<u8>, Vec<u64>) {
    let dir = tempfile::tempdir().unwrap();
    let disk = Disk::new(dir.path());
    let (model, store) = start(dir.path(), &disk, Vec::new(), options(SyncPolicy::Always));
    for round in 0..300 {
        let number = model.append(&store, &format!("entry {round}"));
        model.wait_for(|inner| inner.synced == number);
        if round == 150 {
            store.rewrite();
        }
    }
    // Under the disk's lock nothing is written.
    let path = dir.path().join(FILE_NAME);
    let open = disk.change(|_| std::fs::read(&path).unwrap());
    store.close();
    (std::fs::read(path).unwrap(), open, model.history())
}

/// What a store makes of these bytes; if it is repaired, and its state.
fn read(bytes: &[u8]) -> Result<(bool, State), StoreError> {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join(FILE_NAME), bytes).unwrap();
    let opened = Opened::open(dir.path())?;
    Ok((opened.was_repaired(), replay(&opened)?))
}

/// How many of `count` changes at random were found, and how many changed nothing that counts.
fn change_at_random(
    bytes: &[u8],
    history: &[u64],
    count: u32,
    change: fn(&mut Vec<u8>, &mut fastrand::Rng),
) -> (u32, u32) {
    let mut random = fastrand::Rng::with_seed(7);
    let (mut found, mut harmless) = (0, 0);
    for _ in 0..count {
        let mut bytes = bytes.to_vec();
        change(&mut bytes, &mut random);
        match read(&bytes) {
            Ok((was_repaired, state)) => {
                assert_eq!(history.get(state.count as usize), Some(&state.chain), "not a state that there was");
                assert!(was_repaired || state.count as usize + 1 == history.len(), "silently less");
                harmless += 1;
            }
            Err(error) => {
                assert!(error.to_string().contains(FILE_NAME), "{error}");
                assert!(matches!(error, StoreError::Damaged { .. } | StoreError::Io { .. }), "{error:?}");
                found += 1;
            }
        }
    }
    (found, harmless)
}

fn flip(bytes: &mut [u8], random: &mut fastrand::Rng) {
    let at = random.usize(..bytes.len());
    bytes[at] ^= 1 << random.u32(..8);
}

/// The header and the first pages are where a change does the most.
fn flip_in_front(bytes: &mut [u8], random: &mut fastrand::Rng) {
    let at = random.usize(..bytes.len().min(16 << 10));
    bytes[at] ^= 1 << random.u32(..8);
}

fn overwrite(bytes: &mut [u8], random: &mut fastrand::Rng) {
    let at = random.usize(..bytes.len());
    let end = bytes.len().min(at + random.usize(1..8192));
    bytes[at..end].fill_with(|| random.u8(..));
}

fn truncate(bytes: &mut Vec<u8>, random: &mut fastrand::Rng) {
    bytes.truncate(random.usize(..bytes.len()));
}

#[test]
fn flipped_bits_are_found_or_do_not_count() {
    let (closed, open, history) = files();
    for bytes in [closed, open] {
        let (found, harmless) = change_at_random(&bytes, &history, 40, |bytes, random| flip(bytes, random));
        assert!(found > 0 && harmless > 0, "{found} {harmless}");
        change_at_random(&bytes, &history, 40, |bytes, random| flip_in_front(bytes, random));
    }
}

#[test]
fn overwritten_ranges_are_found_or_do_not_count() {
    let (closed, open, history) = files();
    for bytes in [closed, open] {
        let (found, _) = change_at_random(&bytes, &history, 30, |bytes, random| overwrite(bytes, random));
        assert!(found > 0, "{found}");
    }
}

#[test]
fn a_file_that_ends_too_early_is_found() {
    let (closed, open, history) = files();
    for bytes in [closed, open] {
        let (found, _) = change_at_random(&bytes, &history, 30, truncate);
        assert!(found > 0, "{found}");
        for len in [0, 1, 8, 511, 512, 4095, 4096] {
            assert!(matches!(read(&bytes[..len]), Err(StoreError::Damaged { .. })), "{len}");
        }
    }
}

#[test]
fn another_kind_of_file_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(FILE_NAME);
    for text in ["REDIS0011", &"no database ".repeat(2000)] {
        std::fs::write(&path, text).unwrap();
        let error = Opened::open(dir.path()).unwrap_err();
        assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    }
}

/// A closed store's file after a change by somebody who knows the tables.
fn changed(change: impl FnOnce(&redb::WriteTransaction)) -> StoreError {
    let (closed, _, _) = files();
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join(FILE_NAME), closed).unwrap();
    let database = Database::open(dir.path().join(FILE_NAME)).unwrap();
    let transaction = database.begin_write().unwrap();
    change(&transaction);
    transaction.commit().unwrap();
    database.close().unwrap();
    read_dir(dir.path()).unwrap_err()
}

fn read_dir(dir: &Path) -> Result<State, StoreError> {
    replay(&Opened::open(dir)?)
}

#[test]
fn what_is_missing_is_named() {
    let error = changed(|transaction| {
        transaction.open_table(LOG).unwrap().remove(250).unwrap();
    });
    assert!(error.to_string().contains("entry 250 of the log is missing"), "{error}");
    let error = changed(|transaction| {
        transaction.open_table(base_table(&base_name(1))).unwrap().remove(7).unwrap();
    });
    assert!(error.to_string().contains("piece 7 of the base is missing"), "{error}");
    let error = changed(|transaction| {
        transaction.open_table(base_table(&base_name(1))).unwrap().remove(39).unwrap();
    });
    assert!(error.to_string().contains("the base has 39 pieces"), "{error}");
    let error = changed(|transaction| {
        transaction.open_table(META).unwrap().insert("generation", 9).unwrap();
    });
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    let error = changed(|transaction| {
        transaction.open_table(META).unwrap().insert("format", 2).unwrap();
    });
    assert!(error.to_string().contains("has format 2, and this version knows only 1"), "{error}");
}
