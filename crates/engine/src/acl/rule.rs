//! The words that rules are made of: which commands they mean, which patterns, and why a word is none.

use crate::command::{COMMANDS, Categories, CommandId, CommandSpec, UNSERVED, lookup};

/// Why a word is no rule, in Redis's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RuleError {
    AfterAllChannels,
    AfterAllKeys,
    BadHash,
    FirstArgOfSubcommand,
    NoSuchPassword,
    Syntax,
    UnknownCommand,
}

impl RuleError {
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::AfterAllChannels => {
                "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not have any \
                 effect. Try 'resetchannels' to start with an empty list of channels"
            }
            Self::AfterAllKeys => {
                "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have any \
                 effect. Try 'resetkeys' to start with an empty list of patterns"
            }
            Self::BadHash => {
                "The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters"
            }
            Self::FirstArgOfSubcommand => "Allowing first-arg of a subcommand is not supported",
            Self::NoSuchPassword => "The password you are trying to remove from the user does not exist",
            Self::Syntax => "Syntax error",
            Self::UnknownCommand => "Unknown command or category name in ACL",
        }
    }
}

/// A set of commands and subcommands: one bit for each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CommandSet([u64; WORDS]);

/// Room for 512 rows of the command table; a test holds the table to it.
const WORDS: usize = 8;

impl CommandSet {
    pub(super) const fn new(has_all: bool) -> Self {
        Self([if has_all { u64::MAX } else { 0 }; WORDS])
    }

    pub(super) fn contains(&self, id: CommandId) -> bool {
        let at = id as usize;
        self.0.get(at / 64).is_some_and(|word| word >> (at % 64) & 1 == 1)
    }

    pub(super) fn put(&mut self, id: CommandId, is_in: bool) {
        let at = id as usize;
        if let Some(word) = self.0.get_mut(at / 64) {
            *word = *word & !(1 << (at % 64)) | u64::from(is_in) << (at % 64);
        }
    }
}

/// One rule on commands, such as `+@read`, `-client|kill` or `+select|0`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CommandRule {
    pub(super) allows: bool,
    pub(super) target: Target,
}

/// What a rule is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// All commands of a category, their subcommands too.
    Category(Categories),
    /// A command with its subcommands, or one subcommand.
    Command(&'static CommandSpec),
    /// A command where its first argument is this one.
    FirstArg(&'static CommandSpec, Box<[u8]>),
    /// A command of Redis that is not served: its rules are kept, so that Redis's files can be used as they are.
    Unserved(Box<str>),
}

impl CommandRule {
    /// Reads what stands behind `+` or `-`; everything (`@all`) is not such a rule.
    pub(super) fn parse(allows: bool, name: &[u8]) -> Result<Self, RuleError> {
        let target = match name.strip_prefix(b"@") {
            Some(category) => Target::Category(Categories::by_name(category).ok_or(RuleError::UnknownCommand)?),
            None => Target::parse(allows, name)?,
        };
        Ok(Self { allows, target })
    }

    /// Whether nothing is left of `earlier` once this rule follows it.
    pub(super) fn replaces(&self, earlier: &Self) -> bool {
        match (&self.target, &earlier.target) {
            (Target::Category(ours), Target::Category(theirs)) => ours == theirs,
            (Target::Command(ours), Target::Command(theirs)) => is_within(theirs, ours),
            (Target::Command(ours), Target::FirstArg(theirs, _)) => ours.id == theirs.id,
            (Target::FirstArg(ours, arg), Target::FirstArg(theirs, other)) => ours.id == theirs.id && arg == other,
            (Target::Unserved(ours), Target::Unserved(theirs)) => {
                theirs.strip_prefix(&**ours).is_some_and(|rest| rest.is_empty() || rest.starts_with('|'))
            }
            _ => false,
        }
    }

    /// Whether it decides about `spec` with this first argument.
    pub(super) fn is_about(&self, spec: &CommandSpec, first_arg: Option<&[u8]>) -> bool {
        match &self.target {
            Target::Category(category) => spec.categories.contains(*category),
            Target::Command(command) => is_within(spec, command),
            Target::FirstArg(command, arg) => {
                command.id == spec.id && first_arg.is_some_and(|first| first.eq_ignore_ascii_case(arg))
            }
            Target::Unserved(_) => false,
        }
    }

    /// The word it was read from, names in lower case.
    pub(super) fn print(&self) -> Vec<u8> {
        let sign: &[u8] = if self.allows { b"+" } else { b"-" };
        match &self.target {
            Target::Category(category) => [sign, b"@", category.names().next().unwrap_or_default().as_bytes()].concat(),
            Target::Command(command) => [sign, command.full_name.as_bytes()].concat(),
            Target::FirstArg(command, arg) => [sign, command.full_name.as_bytes(), b"|", arg].concat(),
            Target::Unserved(name) => [sign, name.as_bytes()].concat(),
        }
    }
}

impl Target {
    fn parse(allows: bool, name: &[u8]) -> Result<Self, RuleError> {
        let mut words = name.splitn(3, |byte| *byte == b'|');
        let (command, sub, more) = (words.next().unwrap_or_default(), words.next(), words.next());
        let Some(spec) = lookup(command) else {
            let is_known = UNSERVED.iter().any(|row| row.name.as_bytes().eq_ignore_ascii_case(command));
            let text = str::from_utf8(name).ok().filter(|_| is_known).ok_or(RuleError::UnknownCommand)?;
            return Ok(Self::Unserved(text.to_ascii_lowercase().into()));
        };
        let Some(sub) = sub else { return Ok(Self::Command(spec)) };
        if spec.is_container() {
            let found = spec.subcommand(sub).ok_or(RuleError::UnknownCommand)?;
            return if more.is_some() { Err(RuleError::FirstArgOfSubcommand) } else { Ok(Self::Command(found)) };
        }
        match (allows, more) {
            (true, None) if sub.is_empty() => Err(RuleError::Syntax),
            (true, None) => Ok(Self::FirstArg(spec, sub.into())),
            _ => Err(RuleError::UnknownCommand),
        }
    }
}

/// Whether `spec` is `command` or one of its subcommands.
fn is_within(spec: &CommandSpec, command: &CommandSpec) -> bool {
    spec.id == command.id || command.subcommands.iter().any(|sub| sub.id == spec.id)
}

/// Every row of the command table, subcommands behind their container.
pub(super) fn every_command() -> impl Iterator<Item = &'static CommandSpec> {
    COMMANDS.iter().flat_map(|spec| std::iter::once(spec).chain(spec.subcommands))
}

/// What a pattern of keys or channels is good for: the two rights that can be given apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rights(u8);

impl Rights {
    pub(super) const NONE: Self = Self(0);
    pub(super) const READ: Self = Self(1);
    pub(super) const WRITE: Self = Self(2);
    pub(super) const PUBLISH: Self = Self(1);
    pub(super) const SUBSCRIBE: Self = Self(2);
    pub(super) const BOTH: Self = Self(3);

    pub(super) const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// A pattern with what it is good for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    pub(super) text: Box<[u8]>,
    pub(super) rights: Rights,
}

/// Keys (`~`) or channels (`&`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Realm {
    Channels,
    Keys,
}

impl Realm {
    const fn sigil(self) -> u8 {
        match self {
            Self::Channels => b'&',
            Self::Keys => b'~',
        }
    }

    /// The letters of the first right and the second.
    const fn letters(self) -> [u8; 2] {
        match self {
            Self::Channels => *b"PS",
            Self::Keys => *b"RW",
        }
    }
}

impl Pattern {
    /// Reads `~pattern`, `&pattern`, or either with rights in front: `%R~pattern`, `%P&pattern`.
    pub(super) fn parse(word: &[u8]) -> Result<(Realm, Self), RuleError> {
        let (letters, rest) = match word.strip_prefix(b"%") {
            None => (None, word),
            Some(rest) => {
                let end = rest.iter().position(|byte| matches!(byte, b'~' | b'&')).ok_or(RuleError::Syntax)?;
                (Some(&rest[..end]), &rest[end..])
            }
        };
        let (sigil, text) = rest.split_first().ok_or(RuleError::Syntax)?;
        let realm = if *sigil == b'&' { Realm::Channels } else { Realm::Keys };
        let mut rights = if letters.is_none() { Rights::BOTH } else { Rights::NONE };
        for letter in letters.unwrap_or_default() {
            let at = realm.letters().iter().position(|known| known.eq_ignore_ascii_case(letter));
            let right = [Rights(1), Rights(2)][at.ok_or(RuleError::Syntax)?];
            if rights.contains(right) {
                return Err(RuleError::Syntax);
            }
            rights = rights.union(right);
        }
        if rights == Rights::NONE || text.iter().any(|byte| byte.is_ascii_whitespace() || matches!(byte, 0 | 0x0b)) {
            return Err(RuleError::Syntax);
        }
        Ok((realm, Self { text: text.into(), rights }))
    }

    /// The word it was read from.
    pub(super) fn print(&self, realm: Realm) -> Vec<u8> {
        let mut word = Vec::with_capacity(self.text.len() + 3);
        if self.rights != Rights::BOTH {
            let [first, second] = realm.letters();
            word.extend([b'%', if self.rights == Rights(1) { first } else { second }]);
        }
        word.push(realm.sigil());
        word.extend_from_slice(&self.text);
        word
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_bit() {
        for spec in every_command() {
            let mut set = CommandSet::new(false);
            assert!(!set.contains(spec.id));
            set.put(spec.id, true);
            assert!(set.contains(spec.id), "{}", spec.full_name);
            assert_eq!(every_command().filter(|other| set.contains(other.id)).count(), 1);
        }
    }

    #[test]
    fn rules_on_commands_are_printed_as_read() {
        for (rule, printed) in [
            ("GET", "+get"),
            ("client|KILL", "+client|kill"),
            ("@Read", "+@read"),
            ("SELECT|FoO", "+select|FoO"),
            ("debug|Object", "+debug|object"),
        ] {
            let rule = CommandRule::parse(true, rule.as_bytes()).unwrap();
            assert_eq!(rule.print(), printed.as_bytes());
        }
    }

    #[test]
    fn rules_about_nothing_are_refused() {
        for name in ["", "nosuch", "@nosuch", "@", "config|asdf", "get|a|b", "|x"] {
            assert_eq!(CommandRule::parse(true, name.as_bytes()), Err(RuleError::UnknownCommand), "{name}");
        }
        assert_eq!(CommandRule::parse(true, b"client|id|x"), Err(RuleError::FirstArgOfSubcommand));
        assert_eq!(CommandRule::parse(true, b"get|"), Err(RuleError::Syntax));
        assert_eq!(CommandRule::parse(false, b"select|0"), Err(RuleError::UnknownCommand));
    }

    #[test]
    fn patterns_are_printed_as_read() {
        for word in ["~a", "%R~a", "%W~a", "&a", "%P&a", "%S&a*", "~", "&", "~%R~a", "&a&b"] {
            let (realm, pattern) = Pattern::parse(word.as_bytes()).unwrap();
            assert_eq!(pattern.print(realm), word.as_bytes());
        }
        assert_eq!(Pattern::parse(b"%rW~a").unwrap(), Pattern::parse(b"~a").unwrap());
        assert_eq!(Pattern::parse(b"%SP&a").unwrap(), Pattern::parse(b"&a").unwrap());
        for word in ["%~a", "%X~a", "%RR~a", "%R", "%R&a", "%P~a", "~a b", "&a\0"] {
            assert_eq!(Pattern::parse(word.as_bytes()), Err(RuleError::Syntax), "{word}");
        }
    }
}
