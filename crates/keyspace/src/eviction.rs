//! Making room: which keys go when their memory is over its limit. Source: Redis, "Key eviction".

use crate::access::{self, AccessTracking};
use crate::database::{Database, Key, NO_DEADLINE};
use crate::keyspace::Keyspace;

/// Candidates that are remembered from one search to the next, as many as in Redis.
const POOL_MAX: usize = 16;

/// Looks for a key with a deadline among all keys before the deadlines themselves are asked, for each sample.
const LOOKS_MAX: usize = 8;

/// Which keys go first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EvictionPolicy {
    /// None: commands that need memory are refused.
    #[default]
    NoEviction,
    /// Those that were used least recently.
    AllkeysLru,
    /// Those that are used least often.
    AllkeysLfu,
    /// Any.
    AllkeysRandom,
    /// Those with a deadline that were used least recently.
    VolatileLru,
    /// Those with a deadline that are used least often.
    VolatileLfu,
    /// Any with a deadline.
    VolatileRandom,
    /// Those with the nearest deadline.
    VolatileTtl,
}

impl EvictionPolicy {
    /// Every policy, in the order in which Redis names them.
    pub const ALL: [Self; 8] = [
        Self::VolatileLru,
        Self::VolatileLfu,
        Self::VolatileRandom,
        Self::VolatileTtl,
        Self::AllkeysLru,
        Self::AllkeysLfu,
        Self::AllkeysRandom,
        Self::NoEviction,
    ];

    /// Redis's names of [`EvictionPolicy::ALL`].
    pub const WORDS: &'static [&'static str] = &[
        "volatile-lru",
        "volatile-lfu",
        "volatile-random",
        "volatile-ttl",
        "allkeys-lru",
        "allkeys-lfu",
        "allkeys-random",
        "noeviction",
    ];

    /// Redis's name of the policy.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().zip(Self::WORDS).find(|(policy, _)| **policy == self).map_or("", |(_, word)| word)
    }

    const fn is_volatile(self) -> bool {
        matches!(self, Self::VolatileLru | Self::VolatileLfu | Self::VolatileRandom | Self::VolatileTtl)
    }

    /// What has to be kept of the use of keys.
    const fn tracking(self) -> AccessTracking {
        match self {
            Self::AllkeysLfu | Self::VolatileLfu => AccessTracking::Frequency,
            _ => AccessTracking::Time,
        }
    }
}

/// When and how room is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Eviction {
    /// Bytes that keys and values may take, 0 for any number.
    pub max_bytes: usize,
    /// Which keys go.
    pub policy: EvictionPolicy,
    /// Keys looked at for each that goes.
    pub samples: usize,
}

impl Default for Eviction {
    fn default() -> Self {
        Self { max_bytes: 0, policy: EvictionPolicy::NoEviction, samples: 5 }
    }
}

/// What became of the attempt to make room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// The keys are within their limit.
    Enough,
    /// Keys have gone and more have to: others get their turn first.
    Freeing,
    /// The keys are over their limit and none may go.
    None,
}

/// A key that may go, and how much it deserves to.
#[derive(Debug)]
pub(crate) struct Candidate {
    score: u32,
    db: u32,
    key: Key,
}

impl Keyspace {
    /// Sets when and how room is made; [`Keyspace::make_room`] makes it.
    pub fn set_eviction(&mut self, eviction: Eviction) {
        if eviction != self.eviction {
            self.pool.clear();
        }
        self.eviction = eviction;
        self.set_access_tracking(eviction.policy.tracking());
    }

    /// Bytes that keys and values take, about.
    #[must_use]
    pub fn used_bytes(&self) -> usize {
        self.databases.iter().map(|database| database.used_bytes).sum()
    }

    /// Removes keys until the others are within their limit, at most `max` of them.
    pub fn make_room(&mut self, max: usize) -> Room {
        for _ in 0..max {
            if self.eviction.max_bytes == 0 || self.used_bytes() <= self.eviction.max_bytes {
                return Room::Enough;
            }
            let Some((db, key)) = self.next_to_go() else { return Room::None };
            self.keys(db).evict(&key);
        }
        Room::Freeing
    }

    fn next_to_go(&mut self) -> Option<(u32, Key)> {
        match self.eviction.policy {
            EvictionPolicy::NoEviction => None,
            EvictionPolicy::VolatileTtl => {
                let first = |(db, database): (usize, &Database)| Some((database.deadlines.first()?.clone(), db));
                let ((_, key), db) = self.databases.iter().enumerate().filter_map(first).min()?;
                Some((db as u32, key))
            }
            EvictionPolicy::AllkeysRandom | EvictionPolicy::VolatileRandom => self.draw(),
            _ => {
                for _ in 0..self.eviction.samples {
                    if let Some((db, key)) = self.draw() {
                        self.consider(db, key);
                    }
                }
                // What has been removed or used since it was seen is not the best choice any more.
                while let Some(candidate) = self.pool.pop() {
                    if self.score(candidate.db, &candidate.key).is_some_and(|score| score >= candidate.score) {
                        return Some((candidate.db, candidate.key));
                    }
                }
                self.draw()
            }
        }
    }

    /// A random key, with a deadline if the policy asks for one.
    fn draw(&mut self) -> Option<(u32, Key)> {
        let is_volatile = self.eviction.policy.is_volatile();
        let len = |database: &Database| if is_volatile { database.deadlines.len() } else { database.entries.len() };
        let total: usize = self.databases.iter().map(len).sum();
        let mut at = self.random.usize(..total.max(1));
        let db = self.databases.iter().position(|database| {
            let own = len(database);
            let is_here = at < own;
            at = if is_here { at } else { at - own };
            is_here
        })?;
        let database = &self.databases[db];
        if !is_volatile {
            return database.entries.get_index(at).map(|(key, _)| (db as u32, Key::clone(key)));
        }
        for _ in 0..LOOKS_MAX {
            let at = self.random.usize(..database.entries.len());
            if let Some((key, entry)) = database.entries.get_index(at)
                && entry.deadline_ms != NO_DEADLINE
            {
                return Some((db as u32, Key::clone(key)));
            }
        }
        // They are rare: one behind a random time, which is fair enough among few.
        let (first, last) = (database.deadlines.first()?.0, database.deadlines.last()?.0);
        let from = (self.random.u64(first..=last), Key::from([]));
        database.deadlines.range(from..).next().map(|(_, key)| (db as u32, Key::clone(key)))
    }

    /// Puts a key among the candidates, the best of which is the last, unless there are better ones.
    fn consider(&mut self, db: u32, key: Key) {
        let Some(score) = self.score(db, &key) else { return };
        if self.pool.iter().any(|candidate| candidate.db == db && candidate.key == key) {
            return;
        }
        let at = self.pool.partition_point(|candidate| candidate.score < score);
        self.pool.insert(at, Candidate { score, db, key });
        if self.pool.len() > POOL_MAX {
            self.pool.remove(0);
        }
    }

    /// How much a key deserves to go, `None` if it may not.
    fn score(&self, db: u32, key: &[u8]) -> Option<u32> {
        let entry = self.databases[db as usize].entries.get(key)?;
        if self.eviction.policy.is_volatile() && entry.deadline_ms == NO_DEADLINE {
            return None;
        }
        Some(match self.eviction.policy.tracking() {
            AccessTracking::Frequency => u32::from(u8::MAX - access::frequency(entry.access, self.now_ms)),
            AccessTracking::Time => access::idle_seconds(entry.access, self.now_ms),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::EventClasses;
    use crate::values::Value;
    use crate::values::string::Str;

    /// A thousand keys of 100 bytes, every other one with a deadline; the clock is at 10,000 s.
    fn filled(policy: EvictionPolicy) -> Keyspace {
        let mut keyspace = Keyspace::new(4, 7);
        keyspace.set_eviction(Eviction { policy, ..Eviction::default() });
        for number in 0..1_000_u64 {
            keyspace.set_now(1_000 * number);
            let key = format!("key:{number}");
            let mut keys = keyspace.keys((number % 3) as u32);
            keys.replace(key.as_bytes(), Value::String(Str::new(&[b'x'; 100])));
            if number % 2 == 0 {
                // Those that came first live longest.
                keys.set_deadline(key.as_bytes(), Some(100_000_000 - number));
            }
            keys.touched(key.as_bytes());
        }
        keyspace.set_now(10_000_000);
        keyspace
    }

    /// Lowers what the keys may take to this share; returns the numbers of those that are left.
    fn squeezed(keyspace: &mut Keyspace, share: f64) -> Vec<u64> {
        let max_bytes = (keyspace.used_bytes() as f64 * share) as usize;
        keyspace.set_eviction(Eviction { max_bytes, ..keyspace.eviction });
        while keyspace.make_room(10) == Room::Freeing {}
        assert!(keyspace.used_bytes() <= max_bytes);
        let keys = keyspace.databases.iter().flat_map(|database| database.entries.keys());
        keys.map(|key| String::from_utf8_lossy(&key[4..]).parse().unwrap()).collect()
    }

    #[test]
    fn the_memory_of_keys_is_given_back_when_they_go() {
        let mut keyspace = filled(EvictionPolicy::AllkeysRandom);
        assert!(keyspace.used_bytes() > 100_000);
        keyspace.set_eviction(Eviction { max_bytes: 1, ..keyspace.eviction });
        while keyspace.make_room(100) == Room::Freeing {}
        assert_eq!((keyspace.used_bytes(), keyspace.stats().evicted_keys), (0, 1_000));
        assert_eq!(keyspace.make_room(1), Room::Enough);
    }

    #[test]
    fn the_least_recently_used_go_and_those_used_again_stay() {
        for (policy, share) in [(EvictionPolicy::AllkeysLru, 0.5), (EvictionPolicy::VolatileLru, 0.75)] {
            let mut keyspace = filled(policy);
            keyspace.set_event_classes(EventClasses::parse("Ee").unwrap());
            for number in 0..100_u64 {
                assert!(keyspace.keys((number % 3) as u32).read(format!("key:{number}").as_bytes()).is_some());
            }
            let left = squeezed(&mut keyspace, share);
            assert!(left.iter().filter(|number| **number < 100).count() >= 95, "{policy:?}: {left:?}");
            if policy == EvictionPolicy::AllkeysLru {
                assert!(left.iter().filter(|number| **number >= 700).count() > 250, "{left:?}");
            } else {
                assert_eq!(left.iter().filter(|number| *number % 2 == 1).count(), 500);
            }
            assert_eq!(keyspace.poll_event().unwrap().name, "evicted");
        }
    }

    #[test]
    fn the_least_often_used_go() {
        let mut keyspace = filled(EvictionPolicy::AllkeysLfu);
        for _ in 0..50 {
            for number in 0..100_u64 {
                keyspace.keys((number % 3) as u32).read(format!("key:{number}").as_bytes());
            }
        }
        let left = squeezed(&mut keyspace, 0.5);
        assert!(left.iter().filter(|number| **number < 100).count() >= 95, "{left:?}");
    }

    #[test]
    fn with_volatile_ttl_the_nearest_deadlines_go_and_nothing_else() {
        let mut keyspace = filled(EvictionPolicy::VolatileTtl);
        let max_bytes = keyspace.used_bytes() * 3 / 4;
        keyspace.set_eviction(Eviction { max_bytes, ..keyspace.eviction });
        while keyspace.make_room(10) == Room::Freeing {}
        let (keys, deadlines) = (0..4).map(|db| keyspace.sizes(db)).fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
        assert_eq!(keys - deadlines, 500);
        let nearest = keyspace.next_deadline_ms().unwrap();
        assert!((100_000_000 - 520..100_000_000 - 480).contains(&nearest), "{nearest}");
        keyspace.set_eviction(Eviction { max_bytes: 1, ..keyspace.eviction });
        while keyspace.make_room(100) == Room::Freeing {}
        assert_eq!(keyspace.make_room(1), Room::None);
    }

    #[test]
    fn without_eviction_nothing_goes() {
        let mut keyspace = filled(EvictionPolicy::NoEviction);
        keyspace.set_eviction(Eviction { max_bytes: 1, ..keyspace.eviction });
        assert_eq!(keyspace.make_room(1), Room::None);
        assert_eq!(keyspace.stats().evicted_keys, 0);
    }
}
