//! Streams: entries in the order of their identifiers, and groups of consumers that share them out.

mod group;
mod id;
mod log;

use std::collections::BTreeMap;

pub(crate) use self::group::{Consumer, Group};
pub(crate) use self::id::{NewId, StreamId};
pub(crate) use self::log::{Entry, Keep, Log, Trim};
use crate::keyspace::EncodingLimits;

/// A stream.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stream {
    pub(crate) log: Log,
    groups: BTreeMap<Box<[u8]>, Group>,
    /// Memory of all groups.
    groups_bytes: usize,
}

impl Stream {
    pub(crate) fn group(&self, name: &[u8]) -> Option<&Group> {
        self.groups.get(name)
    }

    /// All groups in the order of their names.
    pub(crate) fn groups(&self) -> impl ExactSizeIterator<Item = (&[u8], &Group)> {
        self.groups.iter().map(|(name, group)| (&**name, group))
    }

    /// Makes a group; false if there is one of that name.
    pub(crate) fn create_group(&mut self, name: &[u8], last_id: StreamId, entries_read: Option<i64>) -> bool {
        if self.groups.contains_key(name) {
            return false;
        }
        let group = Group::new(last_id, entries_read);
        self.groups_bytes += name.len() + group.heap_bytes();
        self.groups.insert(name.into(), group);
        true
    }

    /// Removes a group with all that its consumers have pending; false if there is none.
    pub(crate) fn destroy_group(&mut self, name: &[u8]) -> bool {
        let Some(group) = self.groups.remove(name) else { return false };
        self.groups_bytes -= name.len() + group.heap_bytes();
        true
    }

    /// Lets `change` work on a group, beside the entries; `None` if there is no such group.
    pub(crate) fn change_group<R>(&mut self, name: &[u8], change: impl FnOnce(&Log, &mut Group) -> R) -> Option<R> {
        let group = self.groups.get_mut(name)?;
        self.groups_bytes -= group.heap_bytes();
        let result = change(&self.log, group);
        self.groups_bytes += group.heap_bytes();
        Some(result)
    }

    pub(crate) const fn encoding(&self, _: &EncodingLimits) -> &'static str {
        "stream"
    }

    /// A stream without entries is still one: it has its groups and its last identifier.
    pub(crate) const fn is_empty(&self) -> bool {
        false
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        size_of::<Self>() + self.log.heap_bytes() + self.groups_bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_follows_the_groups() {
        let mut stream = Stream::default();
        let before = stream.heap_bytes();
        assert!(stream.create_group(b"g", StreamId::MIN, None));
        assert!(!stream.create_group(b"g", StreamId::MAX, None));
        let with_group = stream.heap_bytes();
        stream.change_group(b"g", |_, group| {
            group.create_consumer(b"consumer", 0);
            group.assign(StreamId { ms: 1, seq: 0 }, b"consumer", 0, 1);
        });
        assert!(before < with_group && with_group < stream.heap_bytes());
        assert!(stream.destroy_group(b"g"));
        assert_eq!(stream.heap_bytes(), before);
    }
}
