//! All databases of a process, and what concerns them together.

use std::collections::VecDeque;

use crate::access::AccessTracking;
use crate::changes::Changes;
use crate::database::Database;
use crate::event::{Event, EventClasses};
use crate::eviction::{Candidate, Eviction};
use crate::keys::Keys;
use crate::record::Records;
use crate::save::Save;
use crate::watch::Watchers;

/// Flushed keys whose memory is given back at once.
const FREED_AT_ONCE_MAX: usize = 1_000;

/// Up to which size values are kept in one piece of memory, which is small but slow to search.
///
/// Source: Redis, "Memory optimization"; the names are those of the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field is the setting of that name")]
pub struct EncodingLimits {
    pub hash_max_listpack_entries: usize,
    pub hash_max_listpack_value: usize,
    /// Positive: entries; negative: -1 to -5 for 4, 8, 16, 32, 64 KiB.
    pub list_max_listpack_size: i64,
    pub set_max_intset_entries: usize,
    pub set_max_listpack_entries: usize,
    pub set_max_listpack_value: usize,
    pub zset_max_listpack_entries: usize,
    pub zset_max_listpack_value: usize,
    pub stream_node_max_entries: usize,
}

impl Default for EncodingLimits {
    fn default() -> Self {
        Self {
            hash_max_listpack_entries: 128,
            hash_max_listpack_value: 64,
            list_max_listpack_size: -2,
            set_max_intset_entries: 512,
            set_max_listpack_entries: 128,
            set_max_listpack_value: 64,
            zset_max_listpack_entries: 128,
            zset_max_listpack_value: 64,
            stream_node_max_entries: 100,
        }
    }
}

/// What was counted since the start, for INFO.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field is that of INFO")]
pub struct KeyStats {
    pub keyspace_hits: u64,
    pub keyspace_misses: u64,
    pub expired_keys: u64,
    pub expired_subkeys: u64,
    pub evicted_keys: u64,
    /// Changes of keys.
    pub dirty: u64,
}

/// All databases.
#[derive(Debug)]
pub struct Keyspace {
    pub(crate) databases: Vec<Database>,
    /// Unix time in milliseconds, the same for all of a command or transaction.
    pub(crate) now_ms: u64,
    pub(crate) classes: EventClasses,
    pub(crate) limits: EncodingLimits,
    pub(crate) stats: KeyStats,
    pub(crate) random: fastrand::Rng,
    pub(crate) access: AccessTracking,
    pub(crate) eviction: Eviction,
    /// Keys that were seen and are good to go, the best one last.
    pub(crate) pool: Vec<Candidate>,
    /// The longest string that a command may make.
    pub(crate) string_bytes_max: usize,
    /// Databases that were emptied and are given back bit by bit, since that takes long if they are large.
    pub(crate) flushed: Vec<Database>,
    events: VecDeque<Event>,
    pub(crate) watchers: Watchers,
    pub(crate) changes: Changes,
    pub(crate) records: Records,
    /// Commands run as they were recorded.
    pub(crate) is_replay: bool,
    /// How many saves there have been: what was made since the last one began is not part of it.
    pub(crate) epoch: u32,
    pub(crate) save: Option<Box<Save>>,
}

impl Keyspace {
    /// `databases` empty databases; `seed` begins the random choices.
    #[must_use]
    pub fn new(databases: u32, seed: u64) -> Self {
        Self {
            databases: (0..databases.max(1)).map(|_| Database::default()).collect(),
            now_ms: 0,
            classes: EventClasses::NONE,
            limits: EncodingLimits::default(),
            stats: KeyStats::default(),
            random: fastrand::Rng::with_seed(seed),
            access: AccessTracking::default(),
            eviction: Eviction::default(),
            pool: Vec::new(),
            string_bytes_max: 512 << 20,
            flushed: Vec::new(),
            events: VecDeque::new(),
            watchers: Watchers::default(),
            changes: Changes::default(),
            records: Records::default(),
            is_replay: false,
            epoch: 0,
            save: None,
        }
    }

    /// Sets the time: Unix milliseconds, at the beginning of a command.
    pub const fn set_now(&mut self, unix_ms: u64) {
        self.now_ms = unix_ms;
    }

    /// Sets which classes of events are noted; those that nobody wants cost nothing.
    pub const fn set_event_classes(&mut self, classes: EventClasses) {
        self.classes = classes;
    }

    /// Which classes of events are noted.
    #[must_use]
    pub const fn event_classes(&self) -> EventClasses {
        self.classes
    }

    /// Sets up to which size values are kept in one piece of memory; those that exist change when they grow.
    pub const fn set_encoding_limits(&mut self, limits: EncodingLimits) {
        self.limits = limits;
    }

    /// Sets what is kept of the use of keys; what is known of those that exist is right once they are used again.
    pub const fn set_access_tracking(&mut self, access: AccessTracking) {
        self.access = access;
    }

    /// Sets how long a string may become by a command.
    pub const fn set_string_bytes_max(&mut self, bytes: usize) {
        self.string_bytes_max = bytes;
    }

    /// The keys of database `db`.
    ///
    /// # Panics
    /// When there is no such database.
    pub fn keys(&mut self, db: u32) -> Keys<'_> {
        assert!((db as usize) < self.databases.len(), "the database exists");
        Keys::new(self, db)
    }

    /// The number of databases.
    #[must_use]
    pub const fn databases(&self) -> usize {
        self.databases.len()
    }

    /// Keys of database `db`, and how many of them have a deadline.
    #[must_use]
    pub fn sizes(&self, db: u32) -> (usize, usize) {
        self.databases.get(db as usize).map_or((0, 0), |database| (database.entries.len(), database.deadlines.len()))
    }

    /// Removes all keys of a database, without events.
    pub(crate) fn flush(&mut self, db: u32) {
        self.touch_database(db, None);
        self.note_flush();
        let flushed = std::mem::take(&mut self.databases[db as usize]);
        self.stats.dirty += flushed.entries.len() as u64;
        if let Some(flushed) = self.save_flushed(flushed) {
            self.flushed.push(flushed);
            self.free_flushed(FREED_AT_ONCE_MAX);
        }
    }

    /// Gives back the memory of keys that were flushed, of at most `max`.
    fn free_flushed(&mut self, max: usize) {
        let Some(Database { entries, deadlines, field_deadlines, .. }) = self.flushed.last_mut() else { return };
        entries.truncate(entries.len().saturating_sub(max));
        for list in [deadlines, field_deadlines] {
            (0..max).map_while(|_| list.pop_first()).for_each(drop);
        }
        // Each key has one deadline of a kind at most, so the lists are empty as well.
        if entries.is_empty() {
            self.flushed.pop();
        }
    }

    /// Exchanges the keys of two databases, without events.
    pub(crate) fn swap(&mut self, first: u32, second: u32) {
        self.touch_database(first, Some(second));
        self.touch_database(second, Some(first));
        self.databases.swap(first as usize, second as usize);
        self.stats.dirty += 1;
    }

    /// What was counted since the start.
    #[must_use]
    pub const fn stats(&self) -> KeyStats {
        self.stats
    }

    /// Lets the counters start again, but for the changes.
    pub fn reset_stats(&mut self) {
        self.stats = KeyStats { dirty: self.stats.dirty, ..KeyStats::default() };
    }

    /// The next event that has not been published.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    pub(crate) fn note(&mut self, event: Event) {
        self.events.push_back(event);
    }

    /// Unix time in milliseconds of the next deadline of any key or field, `None` if none has one; 0 while there is
    /// memory of flushed keys to be given back.
    #[must_use]
    pub fn next_deadline_ms(&self) -> Option<u64> {
        if !self.flushed.is_empty() {
            return Some(0);
        }
        let lists = self.databases.iter().flat_map(|database| [&database.deadlines, &database.field_deadlines]);
        lists.filter_map(|list| list.first()).map(|(at, _)| *at).min()
    }

    /// Removes keys and fields whose time has come, at most `max` of them, the oldest first; returns how many. Gives back
    /// the memory of as many that were flushed.
    ///
    /// Call it again at once if it returns `max`, after others have had a turn.
    pub fn expire_due(&mut self, max: usize) -> usize {
        self.free_flushed(max);
        let mut count = 0;
        while count < max
            && let Some((db, are_fields)) = self.next_due()
        {
            let database = &mut self.databases[db as usize];
            let list = if are_fields { &mut database.field_deadlines } else { &mut database.deadlines };
            let Some((_, key)) = list.pop_first() else { break };
            count += if are_fields {
                self.keys(db).expire_fields(&key, max - count)
            } else {
                self.keys(db).expire(&key);
                1
            };
        }
        count
    }

    /// The database whose deadline is the first of all, and whether it is one of fields, if its time has come.
    fn next_due(&self) -> Option<(u32, bool)> {
        let lists = (0..)
            .zip(&self.databases)
            .flat_map(|(db, database)| [(&database.deadlines, db, false), (&database.field_deadlines, db, true)]);
        let firsts = lists.filter_map(|(list, db, are_fields)| Some((list.first()?.0, db, are_fields)));
        let (at, db, are_fields) = firsts.min()?;
        (at < self.now_ms).then_some((db, are_fields))
    }
}
