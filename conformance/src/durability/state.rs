//! The keys of one client, as they should be and as they are.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::time::{SystemTime, UNIX_EPOCH};

/// Bytes of keys, members and values.
pub(super) type Bytes = Vec<u8>;

/// What a key holds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Value {
    Hash(BTreeMap<Bytes, Bytes>),
    List(VecDeque<Bytes>),
    Set(BTreeSet<Bytes>),
    /// Members with the text of their scores.
    SortedSet(BTreeMap<Bytes, Bytes>),
    /// IDs with what was added under them.
    Stream(VecDeque<(Bytes, Bytes)>),
    String(Bytes),
}

impl Value {
    /// Whether it is a collection without anything in it.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Hash(fields) | Self::SortedSet(fields) => fields.is_empty(),
            Self::List(list) => list.is_empty(),
            Self::Set(members) => members.is_empty(),
            Self::Stream(_) | Self::String(_) => false,
        }
    }
}

/// When a key expires, as far as a client can know: not before, not after, in milliseconds since 1970.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Deadline {
    pub(super) from_ms: u64,
    pub(super) to_ms: u64,
}

/// A key that should be there.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Entry {
    pub(super) value: Value,
    pub(super) deadline: Option<Deadline>,
}

/// What should be there of one client.
pub(super) type State = HashMap<Bytes, Entry>;

/// What was read back of one client.
#[derive(Clone, Debug, Default)]
pub(super) struct Observed {
    /// Values with the time at which they expire.
    pub(super) entries: HashMap<Bytes, (Value, Option<u64>)>,
    /// When reading began and ended.
    pub(super) began_ms: u64,
    pub(super) ended_ms: u64,
}

impl Observed {
    /// Whether this key is as it should be. One whose time came while it was looked for may be there or not.
    pub(super) fn agrees(&self, key: &[u8], should: Option<&Entry>) -> bool {
        match (should, self.entries.get(key)) {
            (None, None) => true,
            (None, Some(_)) => false,
            (Some(entry), None) => entry.deadline.is_some_and(|deadline| deadline.from_ms <= self.ended_ms),
            (Some(entry), Some((value, expires_ms))) => {
                let in_time = match (entry.deadline, *expires_ms) {
                    (None, None) => true,
                    (Some(Deadline { from_ms, to_ms }), Some(at_ms)) => {
                        (from_ms..=to_ms).contains(&at_ms) && to_ms > self.began_ms
                    }
                    _ => false,
                };
                in_time && *value == entry.value
            }
        }
    }

    /// Whether a set has this member.
    pub(super) fn has_member(&self, key: &[u8], member: &[u8]) -> bool {
        matches!(self.entries.get(key), Some((Value::Set(members), _)) if members.contains(member))
    }

    /// The keys as they are, to go on from.
    pub(super) fn state(&self) -> State {
        let entry = |(value, expires_ms): &(Value, Option<u64>)| Entry {
            value: value.clone(),
            deadline: expires_ms.map(|at_ms| Deadline { from_ms: at_ms, to_ms: at_ms }),
        };
        self.entries.iter().map(|(key, found)| (key.clone(), entry(found))).collect()
    }
}

/// The time of day, in milliseconds since 1970.
pub(super) fn now_ms() -> u64 {
    // No machine that runs this lives before 1970.
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}
