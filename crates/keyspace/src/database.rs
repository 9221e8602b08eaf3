//! One database: keys, their values and their deadlines.

use std::collections::BTreeSet;
use std::sync::Arc;

use indexmap::IndexMap;

use crate::values::Value;

/// A key as the map, the deadlines and the watchers share it.
pub(crate) type Key = Arc<[u8]>;

/// What is kept for a key.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) value: Value,
    /// Unix time in milliseconds after which the key is gone, [`NO_DEADLINE`] for never.
    pub(crate) deadline_ms: u64,
    /// When it was last used, in the unit of the eviction policy.
    pub(crate) access: u32,
    /// The save that it is part of already, or that began before it was made.
    pub(crate) epoch: u32,
    /// Its bytes as they were counted last.
    pub(crate) counted_bytes: usize,
}

/// Bytes that a key costs whatever it holds: its place in the map and in the map's table, the head of its shared name,
/// and what the allocator adds.
pub(crate) const ENTRY_BYTES: usize = size_of::<usize>() * 2 + size_of::<Key>() + size_of::<Entry>() + 48;

/// The deadline of a key that has none.
pub(crate) const NO_DEADLINE: u64 = u64::MAX;

/// One database.
#[derive(Debug, Default)]
pub(crate) struct Database {
    pub(crate) entries: IndexMap<Key, Entry, foldhash::fast::RandomState>,
    /// The keys that have a deadline, the next one first.
    pub(crate) deadlines: BTreeSet<(u64, Key)>,
    /// The hashes with fields that have a deadline, by the next one of each.
    pub(crate) field_deadlines: BTreeSet<(u64, Key)>,
    /// The bytes of all entries as they were counted last.
    pub(crate) used_bytes: usize,
    /// What a save has not walked over: the entries in front of this place.
    pub(crate) unsaved: usize,
    /// Its number when the save began.
    pub(crate) saved_as: u32,
}

impl Database {
    pub(crate) fn insert(&mut self, key: &[u8], value: Value) -> &mut Entry {
        let entry = Entry { value, deadline_ms: NO_DEADLINE, access: 0, epoch: 0, counted_bytes: 0 };
        self.entries.entry(key.into()).insert_entry(entry).into_mut()
    }

    /// Takes a key out with everything that is known of it.
    pub(crate) fn remove(&mut self, key: &[u8]) -> Option<Entry> {
        // The order of the others does not matter, only that those not yet walked by a scan stay in front.
        let (key, mut entry) = self.entries.swap_remove_entry(key)?;
        self.unschedule_fields(&key, &mut entry.value);
        if entry.deadline_ms != NO_DEADLINE {
            self.deadlines.remove(&(entry.deadline_ms, key));
        }
        Some(entry)
    }

    /// Sets or lifts the deadline of a key; false if there is no such key.
    pub(crate) fn set_deadline(&mut self, key: &[u8], deadline_ms: u64) -> bool {
        let Some((_, own, entry)) = self.entries.get_full_mut(key) else { return false };
        let before = std::mem::replace(&mut entry.deadline_ms, deadline_ms);
        if before != NO_DEADLINE {
            self.deadlines.remove(&(before, Arc::clone(own)));
        }
        if deadline_ms != NO_DEADLINE {
            self.deadlines.insert((deadline_ms, Arc::clone(own)));
        }
        true
    }
}
