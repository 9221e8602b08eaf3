//! Who wants to know whether a key has changed. Source: Redis, WATCH.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::database::Key;
use crate::keyspace::Keyspace;

/// Says whether any of the keys that one client watches has changed; clones say the same.
#[derive(Clone, Debug, Default)]
pub struct WatchFlag(Arc<AtomicBool>);

impl WatchFlag {
    /// Whether a watched key has changed.
    #[must_use]
    pub fn is_raised(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The watched keys.
#[derive(Debug, Default)]
pub(crate) struct Watchers {
    by_key: HashMap<(u32, Key), Vec<WatchFlag>>,
}

impl Watchers {
    /// A key has changed, come or gone.
    pub(crate) fn touch(&self, db: u32, key: &[u8]) {
        if self.by_key.is_empty() {
            return;
        }
        for flag in self.by_key.get(&(db, Key::from(key))).into_iter().flatten() {
            flag.0.store(true, Ordering::Relaxed);
        }
    }
}

impl Keyspace {
    /// Raises `flag` when the key changes from now on.
    ///
    /// # Panics
    /// When there is no such database.
    pub fn watch(&mut self, db: u32, key: &[u8], flag: &WatchFlag) {
        // One whose time has come must not count as a change later.
        self.keys(db).peek(key);
        self.watchers.by_key.entry((db, key.into())).or_default().push(flag.clone());
    }

    /// Ends what [`Keyspace::watch`] began.
    pub fn unwatch(&mut self, db: u32, key: &[u8], flag: &WatchFlag) {
        let key = (db, Key::from(key));
        if let Some(flags) = self.watchers.by_key.get_mut(&key) {
            flags.retain(|other| !Arc::ptr_eq(&other.0, &flag.0));
            if flags.is_empty() {
                self.watchers.by_key.remove(&key);
            }
        }
    }

    /// Lets a watched key go now if its time has come, which is a change.
    pub fn look_at_watched(&mut self, db: u32, key: &[u8]) {
        self.keys(db).peek(key);
    }

    /// All keys of a database are about to go or to be exchanged: raises the flags of those that exist in it or, where
    /// they change places, in `other`.
    pub(crate) fn touch_database(&self, db: u32, other: Option<u32>) {
        for (at, key) in self.watchers.by_key.keys().filter(|(at, _)| *at == db) {
            let exists = |db: u32| self.databases[db as usize].entries.contains_key(key);
            if exists(db) || other.is_some_and(exists) {
                self.watchers.touch(*at, key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EventClasses;

    #[test]
    fn a_change_an_expiry_and_a_flush_raise_the_flag_a_read_does_not() {
        let mut keyspace = Keyspace::new(2, 1);
        let fresh = |keyspace: &mut Keyspace| {
            keyspace.keys(0).replace(b"a", crate::values::Value::String(crate::values::string::Str::new(b"1")));
            let flag = WatchFlag::default();
            keyspace.watch(0, b"a", &flag);
            flag
        };
        let flag = fresh(&mut keyspace);
        assert!(keyspace.keys(0).read(b"a").is_some() && !flag.is_raised());
        keyspace.keys(1).changed(EventClasses::STRING, "set", b"a");
        assert!(!flag.is_raised());
        keyspace.keys(0).changed(EventClasses::STRING, "set", b"a");
        assert!(flag.is_raised());
        let flag = fresh(&mut keyspace);
        keyspace.keys(0).set_deadline(b"a", Some(1_000));
        keyspace.set_now(1_001);
        keyspace.look_at_watched(0, b"a");
        assert!(flag.is_raised());
        let flag = fresh(&mut keyspace);
        keyspace.touch_database(0, None);
        assert!(flag.is_raised());
        keyspace.unwatch(0, b"a", &flag);
        assert_eq!(keyspace.watchers.by_key.values().flatten().filter(|own| Arc::ptr_eq(&own.0, &flag.0)).count(), 0);
    }
}
