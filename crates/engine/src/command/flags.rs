//! Sets of flags and categories, with Redis's names in Redis's order.

use std::ops::BitOr;

macro_rules! bit_set {
    ($(#[$doc:meta])* $name:ident: $bits:ty { $($(#[$item_doc:meta])* $item:ident = $label:literal,)* }) => {
        bit_set!(@ $(#[$doc])* $name: $bits { $($(#[$item_doc])* $item = Some($label),)* });
    };
    (@ $(#[$doc:meta])* $name:ident: $bits:ty { $($(#[$item_doc:meta])* $item:ident = $label:expr,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct $name($bits);

        impl $name {
            /// The empty set.
            pub const NONE: Self = Self(0);
            bit_set!(consts $bits; 0; $($(#[$item_doc])* $item,)*);
            const ALL: &'static [(Self, Option<&'static str>)] = &[$((Self::$item, $label)),*];

            /// The members of both sets.
            pub const fn union(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }

            /// The members of this set that are not in the other.
            pub const fn difference(self, other: Self) -> Self {
                Self(self.0 & !other.0)
            }

            /// Tells whether every member of `other` is a member of this set.
            pub const fn contains(self, other: Self) -> bool {
                self.0 & other.0 == other.0
            }

            /// Redis's names of the members, in the order Redis reports them.
            pub fn names(self) -> impl Iterator<Item = &'static str> + Clone {
                Self::ALL.iter().filter(move |(item, _)| self.contains(*item)).filter_map(|(_, name)| *name)
            }
        }

        impl BitOr for $name {
            type Output = Self;
            fn bitor(self, other: Self) -> Self {
                self.union(other)
            }
        }
    };
    (consts $bits:ty; $index:expr; $(#[$doc:meta])* $item:ident, $($rest:tt)*) => {
        $(#[$doc])*
        pub const $item: Self = Self(1 << ($index));
        bit_set!(consts $bits; $index + 1; $($rest)*);
    };
    (consts $bits:ty; $index:expr;) => {};
}
pub(super) use bit_set;

bit_set! {
    @
    /// Command flags, a set with Redis's names and two of our own.
    Flags: u32 {
        /// Changes data.
        WRITE = Some("write"),
        /// Reads data.
        READONLY = Some("readonly"),
        /// Refused when memory is exhausted.
        DENYOOM = Some("denyoom"),
        /// Serves operators.
        ADMIN = Some("admin"),
        /// Has to do with channels.
        PUBSUB = Some("pubsub"),
        /// Not callable from a script.
        NOSCRIPT = Some("noscript"),
        /// May wait before it answers.
        BLOCKING = Some("blocking"),
        /// Served while data is being loaded.
        LOADING = Some("loading"),
        /// Served while data may be out of date.
        STALE = Some("stale"),
        /// Not shown to `MONITOR`.
        SKIP_MONITOR = Some("skip_monitor"),
        /// Not recorded in the slow log.
        SKIP_SLOWLOG = Some("skip_slowlog"),
        /// Served for a slot that is being imported.
        ASKING = Some("asking"),
        /// Takes constant or logarithmic time.
        FAST = Some("fast"),
        /// Served before authentication.
        NO_AUTH = Some("no_auth"),
        /// May be passed on to replicas although it does not write.
        MAY_REPLICATE = Some("may_replicate"),
        /// Served by a Sentinel.
        SENTINEL = Some("sentinel"),
        /// Its keys are optional.
        NO_MANDATORY_KEYS = Some("no_mandatory_keys"),
        /// Refused while data is being loaded in the background.
        NO_ASYNC_LOADING = Some("no_async_loading"),
        /// Refused between `MULTI` and `EXEC`.
        NO_MULTI = Some("no_multi"),
        /// Where its keys stand depends on its other words.
        MOVABLEKEYS = Some("movablekeys"),
        /// Served while a script blocks the server.
        ALLOW_BUSY = Some("allow_busy"),
        /// Served to a RESP2 connection that has subscriptions. Not reported.
        ALLOWED_IN_SUBSCRIBE_MODE = None,
        /// Redis does not have the command. Not reported.
        OWN = None,
    }
}

bit_set! {
    /// ACL categories, a set with Redis's names.
    Categories: u32 {
        /// Works on keys of any type.
        KEYSPACE = "keyspace",
        /// Reads values.
        READ = "read",
        /// Writes values.
        WRITE = "write",
        /// Works on sets.
        SET = "set",
        /// Works on sorted sets.
        SORTED_SET = "sortedset",
        /// Works on lists.
        LIST = "list",
        /// Works on hashes.
        HASH = "hash",
        /// Works on strings.
        STRING = "string",
        /// Works on bitmaps.
        BITMAP = "bitmap",
        /// Works on HyperLogLogs.
        HYPERLOGLOG = "hyperloglog",
        /// Works on positions.
        GEO = "geo",
        /// Works on streams.
        STREAM = "stream",
        /// Works on channels.
        PUBSUB = "pubsub",
        /// Serves operators.
        ADMIN = "admin",
        /// Takes constant or logarithmic time.
        FAST = "fast",
        /// Is not fast.
        SLOW = "slow",
        /// May wait before it answers.
        BLOCKING = "blocking",
        /// Can harm the server or its users.
        DANGEROUS = "dangerous",
        /// Concerns the connection itself.
        CONNECTION = "connection",
        /// Belongs to transactions.
        TRANSACTION = "transaction",
        /// Belongs to scripts.
        SCRIPTING = "scripting",
    }
}

impl Categories {
    /// Finds a category by its name, in any letter case.
    pub fn by_name(name: &[u8]) -> Option<Self> {
        Self::ALL
            .iter()
            .find(|(_, label)| label.is_some_and(|label| label.as_bytes().eq_ignore_ascii_case(name)))
            .map(|(item, _)| *item)
    }

    /// All categories.
    pub fn every() -> Self {
        Self::ALL.iter().fold(Self::NONE, |set, (item, _)| set | *item)
    }

    pub(super) const fn implied_by(flags: Flags) -> Self {
        let mut set = if flags.contains(Flags::FAST) { Self::FAST } else { Self::SLOW };
        if flags.contains(Flags::WRITE) {
            set = set.union(Self::WRITE);
        }
        if flags.contains(Flags::READONLY) {
            set = set.union(Self::READ);
        }
        if flags.contains(Flags::ADMIN) {
            set = set.union(Self::ADMIN).union(Self::DANGEROUS);
        }
        if flags.contains(Flags::PUBSUB) {
            set = set.union(Self::PUBSUB);
        }
        if flags.contains(Flags::BLOCKING) {
            set = set.union(Self::BLOCKING);
        }
        set
    }
}
