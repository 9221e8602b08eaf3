//! What a row of the command table says, in Redis's terms.

use std::ops::BitOr;

use super::{Argument, CommandId};

/// One command or subcommand: everything the server knows about it besides how to run it.
#[derive(Debug, PartialEq, Eq)]
pub struct CommandSpec {
    /// Name in lower case; of a subcommand its own word only, see [`CommandSpec::full_name`].
    pub name: &'static str,
    /// Container and subcommand joined by `|` as in `client|kill`; equal to the name for a top-level command.
    pub full_name: &'static str,
    /// What dispatch matches on.
    pub id: CommandId,
    /// Words in a request, the name included: exact when positive, at least `-arity` when negative.
    pub arity: i32,
    /// Properties that gates check.
    pub flags: Flags,
    /// ACL categories, those that follow from the flags included.
    pub categories: Categories,
    /// Hints for cluster-aware clients.
    pub tips: &'static [&'static str],
    /// Where in the request the key names stand.
    pub keys: Option<KeySpec>,
    /// Where in the request the channel names stand, and what is done to them.
    pub channels: Option<ChannelSpec>,
    /// First version that has the command: of Redis, or of Fanfare for its own commands.
    pub since: &'static str,
    /// Section of the reference page.
    pub group: Group,
    /// Cost as a function of the input.
    pub complexity: &'static str,
    /// One short sentence without a full stop.
    pub summary: &'static str,
    /// Set for commands Redis advises against.
    pub deprecated: Option<Deprecation>,
    /// The words after the name.
    pub arguments: &'static [Argument],
    /// Second words of a container command.
    pub subcommands: &'static [Self],
}

impl CommandSpec {
    pub(super) const fn new(name: &'static str, id: CommandId, arity: i32, group: Group, since: &'static str) -> Self {
        Self {
            name: after_bar(name),
            full_name: name,
            id,
            arity,
            flags: Flags::NONE,
            categories: Categories::implied_by(Flags::NONE),
            tips: &[],
            keys: None,
            channels: None,
            since,
            group,
            complexity: "O(1)",
            summary: "",
            deprecated: None,
            arguments: &[],
            subcommands: &[],
        }
    }

    /// Sets the flags and the categories that follow from them.
    pub(super) const fn flags(mut self, flags: Flags) -> Self {
        self.flags = flags;
        self.categories = Categories::implied_by(flags);
        self
    }

    /// Adds categories to those that follow from the flags, so it comes after them.
    pub(super) const fn categories(mut self, categories: Categories) -> Self {
        self.categories = self.categories.union(categories);
        self
    }

    pub(super) const fn summary(mut self, text: &'static str) -> Self {
        self.summary = text;
        self
    }

    pub(super) const fn complexity(mut self, text: &'static str) -> Self {
        self.complexity = text;
        self
    }

    pub(super) const fn tips(mut self, tips: &'static [&'static str]) -> Self {
        self.tips = tips;
        self
    }

    pub(super) const fn keys(mut self, flags: &'static [&'static str], first: usize, last: i32, step: usize) -> Self {
        self.keys = Some(KeySpec { flags, first, last, step });
        self
    }

    pub(super) const fn channels(mut self, access: ChannelAccess, first: usize, last: i32, step: usize) -> Self {
        self.channels = Some(ChannelSpec { access, first, last, step });
        self
    }

    pub(super) const fn deprecated(mut self, since: &'static str, replaced_by: &'static str) -> Self {
        self.deprecated = Some(Deprecation { since, replaced_by });
        self
    }

    pub(super) const fn arguments(mut self, arguments: &'static [Argument]) -> Self {
        self.arguments = arguments;
        self
    }

    pub(super) const fn subcommands(mut self, subcommands: &'static [Self]) -> Self {
        self.subcommands = subcommands;
        self
    }

    /// Tells whether a request of `words` words, the name included, is long and short enough.
    pub const fn accepts_word_count(&self, words: usize) -> bool {
        let arity = self.arity.unsigned_abs() as usize;
        if self.arity < 0 { words >= arity } else { words == arity }
    }

    /// Tells whether the command only groups subcommands.
    pub const fn is_container(&self) -> bool {
        !self.subcommands.is_empty()
    }

    /// Tells whether Redis does not have the command.
    pub const fn is_own(&self) -> bool {
        self.flags.contains(Flags::OWN)
    }

    /// Finds the subcommand of that name, in any letter case.
    pub fn subcommand(&self, name: &[u8]) -> Option<&'static Self> {
        self.subcommands.iter().find(|sub| sub.name.as_bytes().eq_ignore_ascii_case(name))
    }

    /// The arguments in the notation of the reference page, such as `<channel> [<channel> ...]`.
    pub fn syntax(&self) -> String {
        Argument::syntax_of(self.arguments)
    }
}

const fn after_bar(name: &'static str) -> &'static str {
    let bytes = name.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b'|' {
            return name.split_at(at + 1).1;
        }
        at += 1;
    }
    name
}

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

    const fn implied_by(flags: Flags) -> Self {
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

/// The part of the reference a command belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Cluster protocol.
    Cluster,
    /// The connection itself.
    Connection,
    /// Keys of any type, and what is counted about them.
    Generic,
    /// Channels.
    Pubsub,
    /// Scripts and functions.
    Scripting,
    /// The server.
    Server,
    /// Queued requests.
    Transactions,
}

impl Group {
    /// Every group, in the order of the reference page.
    pub const ALL: [Self; 7] = [
        Self::Pubsub,
        Self::Connection,
        Self::Transactions,
        Self::Server,
        Self::Cluster,
        Self::Generic,
        Self::Scripting,
    ];

    /// Redis's name of the group.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cluster => "cluster",
            Self::Connection => "connection",
            Self::Generic => "generic",
            Self::Pubsub => "pubsub",
            Self::Scripting => "scripting",
            Self::Server => "server",
            Self::Transactions => "transactions",
        }
    }
}

/// Where the key names of a request stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeySpec {
    /// Redis's words for what happens to the keys; `not_key` marks names that only decide the slot.
    pub flags: &'static [&'static str],
    /// Word of the first key; the command's name is word 0.
    pub first: usize,
    /// Last key, counted from the first, or from the end of the request when negative.
    pub last: i32,
    /// Words from one key to the next.
    pub step: usize,
}

impl KeySpec {
    /// Tells whether the words are only used to find the slot.
    pub fn is_not_key(&self) -> bool {
        self.flags.contains(&"not_key")
    }

    /// The positions of the keys in a request of `words` words.
    pub fn positions(&self, words: usize) -> impl Iterator<Item = usize> + use<> {
        let end = match usize::try_from(self.last) {
            Ok(last) => (self.first + last + 1).min(words),
            Err(_) => (words + 1).saturating_sub(self.last.unsigned_abs() as usize),
        };
        (self.first..end).step_by(self.step.max(1))
    }

    /// The last key as the older `COMMAND` fields give it: a word, or from the end when negative.
    pub fn last_word(&self) -> i64 {
        if self.last < 0 { i64::from(self.last) } else { self.first as i64 + i64::from(self.last) }
    }
}

/// Where the channel names of a request stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelSpec {
    /// What is done to the channels.
    pub access: ChannelAccess,
    /// Word of the first channel; the command's name is word 0.
    pub first: usize,
    /// Word of the last channel, or counted from the end of the request when negative (-1 is the last word).
    pub last: i32,
    /// Words from one channel to the next.
    pub step: usize,
}

impl ChannelSpec {
    /// The positions of the channel names in a request of `words` words.
    pub fn positions(&self, words: usize) -> impl Iterator<Item = usize> + use<> {
        let last = if self.last < 0 {
            (words + 1).saturating_sub(self.last.unsigned_abs() as usize)
        } else {
            (self.last.unsigned_abs() as usize + 1).min(words)
        };
        (self.first..last).step_by(self.step.max(1))
    }
}

/// What a command does to the channels it names, for access rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelAccess {
    /// Subscribes to patterns.
    PatternSubscribe,
    /// Publishes.
    Publish,
    /// Subscribes to names.
    Subscribe,
    /// Gives up subscriptions, which is always allowed.
    Unsubscribe,
}

/// Says since when a command should not be used any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deprecation {
    /// Version that deprecated it.
    pub since: &'static str,
    /// What to use instead.
    pub replaced_by: &'static str,
}
