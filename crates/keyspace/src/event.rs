//! What happened to a key, for those who listen. Source: Redis, "Keyspace notifications".

use std::ops::BitOr;

/// Classes of events, a set; the letters are those of `notify-keyspace-events`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventClasses(u32);

/// Each class with its letter, in the order in which Redis prints them.
const LETTERS: [(EventClasses, char); 19] = [
    (EventClasses::GENERIC, 'g'),
    (EventClasses::STRING, '$'),
    (EventClasses::LIST, 'l'),
    (EventClasses::SET, 's'),
    (EventClasses::HASH, 'h'),
    (EventClasses::SORTED_SET, 'z'),
    (EventClasses::EXPIRED, 'x'),
    (EventClasses::EVICTED, 'e'),
    (EventClasses::STREAM, 't'),
    (EventClasses::MODULE, 'd'),
    (EventClasses::NEW, 'n'),
    (EventClasses::KEYSPACE, 'K'),
    (EventClasses::KEYEVENT, 'E'),
    (EventClasses::KEY_MISS, 'm'),
    (EventClasses::OVERWRITTEN, 'o'),
    (EventClasses::TYPE_CHANGED, 'c'),
    (EventClasses::SUBKEYSPACE, 'S'),
    (EventClasses::SUBKEYEVENT, 'T'),
    (EventClasses::SUBKEYSPACE_ITEM, 'I'),
];

impl EventClasses {
    /// No class.
    pub const NONE: Self = Self(0);
    /// Commands that work on keys of any type.
    pub const GENERIC: Self = Self(1);
    /// String commands.
    pub const STRING: Self = Self(1 << 1);
    /// List commands.
    pub const LIST: Self = Self(1 << 2);
    /// Set commands.
    pub const SET: Self = Self(1 << 3);
    /// Hash commands.
    pub const HASH: Self = Self(1 << 4);
    /// Sorted set commands.
    pub const SORTED_SET: Self = Self(1 << 5);
    /// Keys whose time had come.
    pub const EXPIRED: Self = Self(1 << 6);
    /// Keys that had to make room.
    pub const EVICTED: Self = Self(1 << 7);
    /// Stream commands.
    pub const STREAM: Self = Self(1 << 8);
    /// Types of modules; never published here.
    pub const MODULE: Self = Self(1 << 9);
    /// Keys that did not exist before.
    pub const NEW: Self = Self(1 << 10);
    /// Publish as `__keyspace@<db>__:<key>`.
    pub const KEYSPACE: Self = Self(1 << 11);
    /// Publish as `__keyevent@<db>__:<event>`.
    pub const KEYEVENT: Self = Self(1 << 12);
    /// Reads of keys that do not exist.
    pub const KEY_MISS: Self = Self(1 << 13);
    /// Values that replaced another.
    pub const OVERWRITTEN: Self = Self(1 << 14);
    /// Values that replaced one of another type.
    pub const TYPE_CHANGED: Self = Self(1 << 15);
    /// Publish fields as `__subkeyspace@<db>__:<key>`.
    pub const SUBKEYSPACE: Self = Self(1 << 16);
    /// Publish fields as `__subkeyevent@<db>__:<event>`.
    pub const SUBKEYEVENT: Self = Self(1 << 17);
    /// Publish fields as `__subkeyspaceitem@<db>__:<key>\n<field>`.
    pub const SUBKEYSPACE_ITEM: Self = Self(1 << 18);
    /// Publish fields as `__subkeyspaceevent@<db>__:<event>|<key>`.
    pub const SUBKEYSPACE_EVENT: Self = Self(1 << 19);
    /// Publish fields, in whatever form.
    pub const FIELDS: Self =
        Self::SUBKEYSPACE.union(Self::SUBKEYEVENT).union(Self::SUBKEYSPACE_ITEM).union(Self::SUBKEYSPACE_EVENT);
    /// What the letter `A` stands for.
    pub const ALL: Self = Self((1 << 10) - 1);

    /// The members of both sets.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether every member of `other` is in this set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether any member of `other` is in this set.
    #[must_use]
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether it has no member.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Reads the letters of `notify-keyspace-events`; `None` if one means nothing.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        text.chars().try_fold(Self::NONE, |set, letter| {
            let class = match letter {
                'A' => Self::ALL,
                'V' => Self::SUBKEYSPACE_EVENT,
                letter => LETTERS.iter().find(|(_, own)| *own == letter)?.0,
            };
            Some(set | class)
        })
    }

    /// The letters as CONFIG GET shows them: the classes, by `A` where it is all of them, then where they go.
    #[must_use]
    pub fn letters(self) -> String {
        let mut text = String::new();
        let is_all = self.contains(Self::ALL);
        if is_all {
            text.push('A');
        }
        for (class, letter) in LETTERS {
            if self.contains(class) && !(is_all && Self::ALL.contains(class)) {
                text.push(letter);
            }
        }
        if self.contains(Self::SUBKEYSPACE_EVENT) {
            text.push('V');
        }
        text
    }
}

impl BitOr for EventClasses {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        self.union(other)
    }
}

/// Something happened to a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The key's database.
    pub db: u32,
    /// What happened, in Redis's word.
    pub name: &'static str,
    /// The key.
    pub key: Box<[u8]>,
    /// The fields of a hash that it happened to.
    pub fields: Vec<Box<[u8]>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_read_and_printed_in_one_canonical_form() {
        for (given, shown) in
            [("", ""), ("KEA", "AKE"), ("Ex", "xE"), ("g$lshzxetdK", "AK"), ("EKx$m", "$xKEm"), ("AKEmn", "AnKEm")]
        {
            assert_eq!(EventClasses::parse(given).unwrap().letters(), shown, "{given}");
        }
        assert_eq!(EventClasses::parse("Ky"), None);
    }
}
