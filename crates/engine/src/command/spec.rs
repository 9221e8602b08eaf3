//! What a row of the command table says, in Redis's terms.

use super::{Argument, Categories, CommandId, Flags, KeySpec};

/// One command or subcommand: everything the server knows about it besides how to run it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    /// Where in the request the key names stand and what is done to the keys.
    pub keys: &'static [KeySpec],
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
            keys: &[],
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

    /// Sets where the keys stand, and the flag that follows from it, so it comes after the flags.
    pub(super) const fn keys(mut self, keys: &'static [KeySpec]) -> Self {
        self.keys = keys;
        if KeySpec::are_movable(keys) {
            self.flags = self.flags.union(Flags::MOVABLEKEYS);
        }
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

/// The part of the reference a command belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Cluster protocol.
    Cluster,
    /// The connection itself.
    Connection,
    /// Keys of any type.
    Generic,
    /// Hashes.
    Hash,
    /// Lists.
    List,
    /// Channels.
    Pubsub,
    /// Scripts and functions.
    Scripting,
    /// The server.
    Server,
    /// Sets.
    Set,
    /// Sorted sets.
    SortedSet,
    /// Streams.
    Stream,
    /// Strings.
    String,
    /// Queued requests.
    Transactions,
}

impl Group {
    /// Every group, in the order of the reference page.
    pub const ALL: [Self; 13] = [
        Self::Pubsub,
        Self::Connection,
        Self::Transactions,
        Self::Generic,
        Self::String,
        Self::List,
        Self::Set,
        Self::Hash,
        Self::SortedSet,
        Self::Stream,
        Self::Server,
        Self::Cluster,
        Self::Scripting,
    ];

    /// Redis's name of the group.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cluster => "cluster",
            Self::Connection => "connection",
            Self::Generic => "generic",
            Self::Hash => "hash",
            Self::List => "list",
            Self::Pubsub => "pubsub",
            Self::Scripting => "scripting",
            Self::Server => "server",
            Self::Set => "set",
            Self::SortedSet => "sorted-set",
            Self::Stream => "stream",
            Self::String => "string",
            Self::Transactions => "transactions",
        }
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
    /// What to use instead, in Markdown.
    pub replaced_by: &'static str,
}
