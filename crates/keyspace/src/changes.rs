//! Which keys have changed, for whoever tells those that keep copies of them. Source: Redis, "Client-side caching".

use crate::keyspace::Keyspace;

/// What has happened to keys, whatever their database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A key has changed, come or gone.
    Key {
        /// The key.
        key: Box<[u8]>,
        /// A command did it, and not the passing of time or a lack of memory.
        by_command: bool,
    },
    /// All keys of a database are gone.
    Flush,
}

/// The changes since they were last asked for.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    is_noted: bool,
    list: Vec<Change>,
}

impl Keyspace {
    /// Sets whether changes are noted; if nobody wants them they cost nothing.
    pub fn set_notes_changes(&mut self, is_noted: bool) {
        self.changes = Changes { is_noted, list: Vec::new() };
    }

    /// Whether changes are noted.
    #[must_use]
    pub const fn notes_changes(&self) -> bool {
        self.changes.is_noted
    }

    /// The changes since the last call, in their order.
    pub fn take_changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes.list)
    }

    pub(crate) fn note_change(&mut self, key: &[u8], by_command: bool) {
        if self.changes.is_noted {
            self.changes.list.push(Change::Key { key: key.into(), by_command });
        }
    }

    pub(crate) fn note_flush(&mut self) {
        // FLUSHALL is one, though it empties all databases.
        if self.changes.is_noted && self.changes.list.last() != Some(&Change::Flush) {
            self.changes.list.push(Change::Flush);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::Value;
    use crate::values::string::Str;

    fn change(key: &str, by_command: bool) -> Change {
        Change::Key { key: key.as_bytes().into(), by_command }
    }

    #[test]
    fn changes_say_whether_a_command_made_them_and_none_are_kept_unless_wanted() {
        let mut keyspace = Keyspace::new(2, 1);
        let set = |keyspace: &mut Keyspace, key: &str| {
            let mut keys = keyspace.keys(0);
            keys.replace(key.as_bytes(), Value::String(Str::new(b"1")));
            keys.touched(key.as_bytes());
        };
        set(&mut keyspace, "a");
        assert_eq!(keyspace.take_changes(), []);
        keyspace.set_notes_changes(true);
        set(&mut keyspace, "a");
        set(&mut keyspace, "b");
        assert!(keyspace.keys(0).delete(b"b"));
        keyspace.keys(0).set_deadline(b"a", Some(10));
        keyspace.set_now(11);
        assert!(keyspace.keys(0).read(b"a").is_none());
        let expected = [change("a", true), change("b", true), change("b", true), change("a", false)];
        assert_eq!(keyspace.take_changes(), expected);
        keyspace.flush(0);
        keyspace.flush(1);
        assert_eq!(keyspace.take_changes(), [Change::Flush]);
        set(&mut keyspace, "a");
        keyspace.set_notes_changes(false);
        assert_eq!(keyspace.take_changes(), []);
    }
}
