//! The keys of one database as a command sees them: looked up, changed, expired and reported.

use indexmap::IndexSet;

use crate::database::{Database, ENTRY_BYTES, Entry, NO_DEADLINE};
use crate::error::CommandError;
use crate::event::{Event, EventClasses};
use crate::keyspace::{EncodingLimits, Keyspace};
use crate::values::hash::Hash;
use crate::values::{Typed, Value};

/// The keys of one database.
///
/// Every look-up takes a key whose time has come for missing, removes it and reports it, so a command never sees one.
pub struct Keys<'a> {
    pub(crate) keyspace: &'a mut Keyspace,
    pub(crate) db: u32,
}

impl<'a> Keys<'a> {
    pub(crate) const fn new(keyspace: &'a mut Keyspace, db: u32) -> Self {
        Self { keyspace, db }
    }

    /// The keys of another database, for commands that work on two.
    pub(crate) fn of(&mut self, db: u32) -> Keys<'_> {
        Keys::new(self.keyspace, db)
    }

    pub(crate) const fn now_ms(&self) -> u64 {
        self.keyspace.now_ms
    }

    pub(crate) const fn limits(&self) -> EncodingLimits {
        self.keyspace.limits
    }

    pub(crate) const fn random(&mut self) -> &mut fastrand::Rng {
        &mut self.keyspace.random
    }

    pub(crate) fn database(&mut self) -> &mut Database {
        &mut self.keyspace.databases[self.db as usize]
    }

    /// Where the entry of a key is.
    fn find(&mut self, key: &[u8]) -> Option<usize> {
        let now_ms = self.now_ms();
        let at = self.database().entries.get_index_of(key)?;
        if self.keyspace.is_replay {
            return Some(at);
        }
        let entry = &self.database().entries[at];
        if entry.deadline_ms < now_ms {
            self.expire(key);
            return None;
        }
        if let Value::Hash(hash) = &entry.value
            && hash.next_deadline().is_some_and(|next| next < now_ms)
        {
            self.expire_fields(key, usize::MAX);
            return self.database().entries.get_index_of(key);
        }
        Some(at)
    }

    /// The entry at an index, which is used now.
    fn use_at(&mut self, at: usize) -> &mut Entry {
        let Keyspace { databases, access, now_ms, random, .. } = &mut *self.keyspace;
        let entry = &mut databases[self.db as usize].entries[at];
        entry.access = access.next(entry.access, *now_ms, random);
        entry
    }

    /// Where the entry of a key is that a command asks for: counted as hit or miss, and reported if it is missing.
    fn look_up(&mut self, key: &[u8]) -> Option<usize> {
        let at = self.find(key);
        match at {
            Some(_) => self.keyspace.stats.keyspace_hits += 1,
            None => {
                self.keyspace.stats.keyspace_misses += 1;
                self.notify(EventClasses::KEY_MISS, "keymiss", key);
            }
        }
        at
    }

    /// Places drawn from `len` of them, which is not zero: `count` different ones, or all if there are not as many; as
    /// many as `count` says without its sign if it is negative, each from all places.
    pub(crate) fn draw(&mut self, len: usize, count: i64) -> Result<Vec<usize>, CommandError> {
        /// Redis draws on until memory is used up.
        const REPEATED_MAX: u64 = 1 << 24;
        let random = self.random();
        if count < 0 {
            if count.unsigned_abs() > REPEATED_MAX {
                return Err(CommandError::new("ERR value is out of range"));
            }
            return Ok((0..count.unsigned_abs()).map(|_| random.usize(..len)).collect());
        }
        let count = usize::try_from(count).unwrap_or(len).min(len);
        // Floyd's way: each step adds one place of those below a bound that rises, the bound if that one is taken.
        let mut drawn = IndexSet::with_capacity_and_hasher(count, foldhash::fast::RandomState::default());
        for bound in len - count..len {
            if !drawn.insert(random.usize(..=bound)) {
                drawn.insert(bound);
            }
        }
        Ok(drawn.into_iter().collect())
    }

    /// The entry of a key, without a trace of having been looked at.
    pub(crate) fn peek(&mut self, key: &[u8]) -> Option<&mut Entry> {
        self.find(key).map(|at| &mut self.database().entries[at])
    }

    /// As [`Keys::read`], for what asks about the key and not for its value: that is no use of it.
    pub(crate) fn inspect(&mut self, key: &[u8]) -> Option<&mut Entry> {
        self.look_up(key).map(|at| &mut self.database().entries[at])
    }

    /// A value to be read: counted as hit or miss, and reported if it is missing.
    pub(crate) fn read(&mut self, key: &[u8]) -> Option<&Value> {
        self.look_up(key).map(|at| &self.use_at(at).value)
    }

    /// A value of one type to be read, as [`Keys::read`].
    pub(crate) fn read_as<T: Typed>(&mut self, key: &[u8]) -> Result<Option<&T>, CommandError> {
        self.read(key).map(|value| T::of(value).ok_or(CommandError::WRONG_TYPE)).transpose()
    }

    /// A value of one type that this command has read before, so that several can be looked at side by side.
    pub(crate) fn again<T: Typed>(&self, key: &[u8]) -> Option<&T> {
        self.keyspace.databases[self.db as usize].entries.get(key).and_then(|entry| T::of(&entry.value))
    }

    /// A value of one type to be changed, if there is one.
    pub(crate) fn write_as<T: Typed>(&mut self, key: &[u8]) -> Result<Option<&mut T>, CommandError> {
        let Some(at) = self.find(key) else { return Ok(None) };
        self.save_before_change(key);
        T::of_mut(&mut self.use_at(at).value).ok_or(CommandError::WRONG_TYPE).map(Some)
    }

    /// A value of one type to be changed, a new and empty one if there is none; the caller puts something into it.
    pub(crate) fn write_or_create<T: Typed + Default>(&mut self, key: &[u8]) -> Result<&mut T, CommandError> {
        if self.peek(key).is_none() {
            self.insert(key, T::default().into_value());
        }
        self.write_as(key).map(|value| value.expect("the key was just seen or made"))
    }

    /// Puts in a key that does not exist, without a deadline.
    pub(crate) fn insert(&mut self, key: &[u8], value: Value) {
        let (access, epoch) = (self.keyspace.access.first(self.now_ms()), self.keyspace.epoch);
        let entry = self.database().insert(key, value);
        entry.access = access;
        entry.epoch = epoch;
        self.notify(EventClasses::NEW, "new", key);
    }

    /// Sets a key to a value, whatever it was before; it has no deadline then.
    pub(crate) fn replace(&mut self, key: &[u8], value: Value) {
        self.replace_keeping_deadline(key, value);
        self.set_deadline(key, None);
    }

    /// Sets a key to a value, whatever it was before; a deadline stays.
    pub(crate) fn replace_keeping_deadline(&mut self, key: &[u8], value: Value) {
        let Some(at) = self.find(key) else { return self.insert(key, value) };
        self.save_before_change(key);
        let entry = self.use_at(at);
        let mut before = std::mem::replace(&mut entry.value, value);
        let changes_type = before.type_name() != entry.value.type_name();
        self.keyspace.databases[self.db as usize].unschedule_fields(key, &mut before);
        self.notify(EventClasses::OVERWRITTEN, "overwritten", key);
        if changes_type {
            self.notify(EventClasses::TYPE_CHANGED, "type_changed", key);
        }
    }

    /// Takes a key out, without an event; `None` if there is none.
    pub(crate) fn remove(&mut self, key: &[u8]) -> Option<Entry> {
        self.find(key)?;
        self.take_out(key, true)
    }

    /// Takes a key out, whatever its time is, without an event.
    pub(crate) fn take_out(&mut self, key: &[u8], by_command: bool) -> Option<Entry> {
        self.save_before_change(key);
        let entry = self.database().remove(key)?;
        self.database().used_bytes -= entry.counted_bytes;
        self.touched_by(key, by_command);
        Some(entry)
    }

    /// Takes a key out and says so; false if there is none.
    pub(crate) fn delete(&mut self, key: &[u8]) -> bool {
        let existed = self.remove(key).is_some();
        if existed {
            self.notify(EventClasses::GENERIC, "del", key);
        }
        existed
    }

    /// Removes a key whose value has become empty, and says so; true if it did.
    pub(crate) fn remove_if_empty(&mut self, key: &[u8]) -> bool {
        let is_empty = self.peek(key).is_some_and(|entry| entry.value.is_empty());
        if is_empty {
            self.remove(key);
            self.notify(EventClasses::GENERIC, "del", key);
        }
        is_empty
    }

    /// Removes a key whose time has come, and says so.
    pub(crate) fn expire(&mut self, key: &[u8]) {
        if self.take_out(key, false).is_some() {
            self.record_effect(&[b"DEL", key]);
            self.keyspace.stats.expired_keys += 1;
            self.notify(EventClasses::EXPIRED, "expired", key);
        }
    }

    /// Removes a key that has to make room, and says so.
    pub(crate) fn evict(&mut self, key: &[u8]) {
        // One whose time has come anyway expires by being looked at.
        if self.find(key).is_some() && self.take_out(key, false).is_some() {
            self.record_effect(&[b"DEL", key]);
            self.keyspace.stats.evicted_keys += 1;
            self.notify(EventClasses::EVICTED, "evicted", key);
        }
    }

    /// The Unix time in milliseconds after which a key that exists is gone.
    pub(crate) fn deadline(&mut self, key: &[u8]) -> Option<u64> {
        self.peek(key).map(|entry| entry.deadline_ms).filter(|at| *at != NO_DEADLINE)
    }

    /// Sets the Unix time in milliseconds after which a key is gone, or lifts it.
    pub(crate) fn set_deadline(&mut self, key: &[u8], deadline_ms: Option<u64>) {
        self.save_before_change(key);
        self.keyspace.databases[self.db as usize].set_deadline(key, deadline_ms.unwrap_or(NO_DEADLINE));
    }

    /// Takes note that a key's value has changed or that it has come: its memory, its watchers. Every command that
    /// writes calls this, and [`Keys::notify`] with its event.
    pub(crate) fn touched(&mut self, key: &[u8]) {
        self.touched_by(key, true);
    }

    /// As [`Keys::touched`], and whether a command did it.
    pub(crate) fn touched_by(&mut self, key: &[u8], by_command: bool) {
        self.account(key);
        self.keyspace.watchers.touch(self.db, key);
        self.keyspace.note_change(key, by_command);
    }

    /// Takes note that what is kept beside a key's value has changed, which is no change to those who watch the key or
    /// remember its value: the groups of a stream.
    pub(crate) fn account(&mut self, key: &[u8]) {
        let keyspace = &mut *self.keyspace;
        keyspace.stats.dirty += 1;
        let database = &mut keyspace.databases[self.db as usize];
        if let Some(entry) = database.entries.get_mut(key) {
            let bytes = ENTRY_BYTES + key.len() + entry.value.heap_bytes();
            let before = std::mem::replace(&mut entry.counted_bytes, bytes);
            database.used_bytes = database.used_bytes - before + bytes;
            if let Value::Hash(Hash::Expiring(_)) = entry.value {
                database.schedule_fields(key);
            }
        }
    }

    /// Takes note of an event, if anyone wants its class.
    pub(crate) fn notify(&mut self, class: EventClasses, name: &'static str, key: &[u8]) {
        if self.keyspace.classes.contains(class) {
            self.keyspace.note(Event { db: self.db, name, key: key.into(), fields: Vec::new() });
        }
    }

    /// As [`Keys::notify`], for what happened to these fields of a hash.
    pub(crate) fn notify_fields<'f>(
        &mut self,
        name: &'static str,
        key: &[u8],
        fields: impl IntoIterator<Item = &'f [u8]>,
    ) {
        if self.keyspace.classes.contains(EventClasses::HASH) {
            // Only the channels of fields need to know which ones.
            let is_wanted = self.keyspace.classes.intersects(EventClasses::FIELDS);
            let fields = fields.into_iter().take_while(|_| is_wanted).map(Box::from).collect();
            self.keyspace.note(Event { db: self.db, name, key: key.into(), fields });
        }
    }

    /// [`Keys::touched`] and [`Keys::notify`], for a command with one event.
    pub(crate) fn changed(&mut self, class: EventClasses, name: &'static str, key: &[u8]) {
        self.touched(key);
        self.notify(class, name, key);
    }
}
