//! What has to be executed again after a restart, so that the same keys come back.
//!
//! Commands are recorded as they were sent, behind the time at which they ran, since with that they do the same again.
//! What depends on more than the keys and the time is recorded by what it did: a random choice, a key that expired or
//! was evicted, trimming that stops where it is cheap.
//!
//! What only tells of use and is no change goes unrecorded, as in Redis: when a key was used, and when a consumer was
//! seen that got nothing.

use fanfare_wire::{Request, encode_request};

use crate::keys::Keys;
use crate::keyspace::Keyspace;

/// Words in front of recorded commands that are none: the time of those behind it.
pub const TIME_RECORD: &str = "TIME";
/// As [`TIME_RECORD`]: the database of those behind it.
pub const DB_RECORD: &str = "SELECT";

/// The records since they were last taken.
#[derive(Debug, Default)]
pub(crate) struct Records {
    is_on: bool,
    bytes: Vec<u8>,
    /// The database that the records so far end in.
    db: u32,
    /// The command in work is recorded by its effects.
    is_told: bool,
}

impl Keyspace {
    /// Sets whether what changes keys is recorded; [`Keyspace::take_records`] is then called after every command.
    pub fn set_records(&mut self, is_on: bool) {
        self.records = Records { is_on, ..Records::default() };
    }

    /// Records a command that has changed something in database `db`, unless it has recorded its effects by itself.
    pub fn record(&mut self, db: u32, request: &Request<'_>) {
        if !std::mem::take(&mut self.records.is_told) && self.records.is_on {
            self.append_record(db, &request.iter().collect::<Vec<_>>());
        }
    }

    /// What was recorded since the last call, as requests one behind the other, `None` for nothing.
    ///
    /// Each such piece stands for itself: it begins with a [`TIME_RECORD`] and a [`DB_RECORD`].
    pub fn take_records(&mut self) -> Option<Vec<u8>> {
        self.records.is_told = false;
        (!self.records.bytes.is_empty()).then(|| std::mem::take(&mut self.records.bytes))
    }

    fn append_record(&mut self, db: u32, words: &[impl AsRef<[u8]>]) {
        let is_first = self.records.bytes.is_empty();
        if is_first {
            let mut time = itoa::Buffer::new();
            encode_request(&mut self.records.bytes, &[TIME_RECORD, time.format(self.now_ms)]);
        }
        if is_first || self.records.db != db {
            select(&mut self.records.bytes, db);
            self.records.db = db;
        }
        encode_request(&mut self.records.bytes, words);
    }

    /// Lets commands run as they were recorded: nothing expires by itself, no limit of length holds.
    pub const fn begin_replay(&mut self) {
        self.is_replay = true;
        self.string_bytes_max = usize::MAX;
    }

    /// Ends what [`Keyspace::begin_replay`] began, at `now_ms`, when all keys count as used: whether one was is not
    /// recorded. [`Keyspace::set_string_bytes_max`] has to be called again.
    pub fn end_replay(&mut self, now_ms: u64) {
        self.is_replay = false;
        self.now_ms = now_ms;
        let word = self.access.first(now_ms);
        for entry in self.databases.iter_mut().flat_map(|database| database.entries.values_mut()) {
            entry.access = word;
        }
        self.stats = crate::keyspace::KeyStats::default();
    }
}

impl Keys<'_> {
    /// Records this instead of the command in work, or before it if it is no command's doing.
    pub(crate) fn record_effect(&mut self, words: &[impl AsRef<[u8]>]) {
        if self.keyspace.records.is_on {
            self.keyspace.append_record(self.db, words);
        }
    }

    /// The command in work is not recorded as it was sent: its effects are.
    pub(crate) const fn tells_effects(&mut self) {
        self.keyspace.records.is_told = true;
    }
}

/// Appends the record that says which database the next ones are about.
pub(crate) fn select(out: &mut Vec<u8>, db: u32) {
    encode_request(out, &[DB_RECORD, itoa::Buffer::new().format(db)]);
}
