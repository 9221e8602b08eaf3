//! Fields of hashes whose time has come: they go when their hash is looked at, or when the timer comes to them.

use crate::database::{Database, Entry, Key};
use crate::event::EventClasses;
use crate::keys::Keys;
use crate::values::Value;

impl Database {
    /// Puts a hash on the list of the timer under the next deadline of its fields, after it has changed or come.
    pub(crate) fn schedule_fields(&mut self, key: &[u8]) {
        let Some((_, own, Entry { value: Value::Hash(hash), .. })) = self.entries.get_full_mut(key) else { return };
        let Some((before, next)) = hash.reschedule() else { return };
        if let Some(before) = before {
            self.field_deadlines.remove(&(before, Key::clone(own)));
        }
        if let Some(next) = next {
            self.field_deadlines.insert((next, Key::clone(own)));
        }
    }

    /// Takes a value that leaves its key from the list of the timer.
    pub(crate) fn unschedule_fields(&mut self, key: &[u8], value: &mut Value) {
        if let Value::Hash(hash) = value
            && let Some(before) = hash.unschedule()
        {
            self.field_deadlines.remove(&(before, key.into()));
        }
    }
}

impl Keys<'_> {
    /// Removes fields of a hash whose time has come, at most `max` of them, and says so; returns how many.
    pub(crate) fn expire_fields(&mut self, key: &[u8], max: usize) -> usize {
        let now_ms = self.now_ms();
        self.save_before_change(key);
        let database = &mut self.keyspace.databases[self.db as usize];
        let Some(Entry { value: Value::Hash(hash), .. }) = database.entries.get_mut(key) else { return 0 };
        // What is left is put on the list again by `touched`.
        if let Some(before) = hash.unschedule() {
            database.field_deadlines.remove(&(before, key.into()));
        }
        let gone = hash.take_due(now_ms, max);
        let is_empty = hash.is_empty();
        self.keyspace.stats.expired_subkeys += gone.len() as u64;
        self.touched_by(key, false);
        let effect = [&b"HDEL"[..], key].into_iter().chain(gone.iter().map(|field| &**field));
        self.record_effect(&effect.collect::<Vec<_>>());
        self.notify_fields("hexpired", key, gone.iter().map(|field| &**field));
        if is_empty {
            self.take_out(key, false);
            self.notify(EventClasses::GENERIC, "del", key);
        }
        gone.len()
    }
}
