//! The kinds of value a setting can have: how each is read, checked and printed.
//!
//! Texts of refusals are Redis's where Redis has the kind, since clients and operators match on them.

use std::borrow::Cow;
use std::fmt::{self, Debug, Formatter};

use fanfare_keyspace::{EventClasses, EvictionPolicy, parse_integer};

/// What a setting's value looks like, and its bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// Addresses to listen on, several words.
    Addresses,
    /// One of a few words.
    Choice(&'static [&'static str]),
    /// Letters that stand for classes of keyspace events.
    EventClasses,
    /// A whole number.
    Integer {
        /// The smallest accepted.
        min: i64,
        /// The largest accepted.
        max: i64,
    },
    /// A number of bytes, written with or without a unit.
    Memory {
        /// The smallest accepted.
        min: u64,
        /// The largest accepted.
        max: u64,
    },
    /// A file mode in octal.
    Octal {
        /// The largest accepted.
        max: u32,
    },
    /// Limits per class of client, several words.
    OutputLimits,
    /// A text that must not be shown in logs.
    Secret,
    /// Any text.
    Text,
    /// `yes` or `no`.
    YesNo,
}

impl Kind {
    /// Whether the value is several words (on the command line: several arguments).
    pub fn multi_arg(&self) -> bool {
        matches!(self, Self::Addresses | Self::OutputLimits)
    }

    /// The placeholder for the value in `--help`, such as `number`.
    pub fn placeholder(&self) -> &'static str {
        match self {
            Self::Addresses => "address",
            Self::Choice(_) => "word",
            Self::EventClasses => "letters",
            Self::Integer { .. } => "number",
            Self::Memory { .. } => "bytes",
            Self::Octal { .. } => "mode",
            Self::OutputLimits => "class hard soft seconds",
            Self::Secret => "secret",
            Self::Text => "text",
            Self::YesNo => "yes|no",
        }
    }

    /// The accepted values, in words for the reference page.
    pub fn values(&self) -> String {
        match self {
            Self::Addresses => format!("up to {ADDRESSES_MAX} addresses; `*` is every IPv4, `::*` every IPv6 address"),
            Self::Choice(words) => words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", "),
            Self::EventClasses => format!("letters among `{EVENT_LETTERS}`"),
            Self::Integer { min, max } if *max == i64::MAX => format!("number from {min}"),
            Self::Integer { min, max } => format!("number, {min} to {max}"),
            Self::Memory { min, max } if *max >= i64::MAX as u64 => format!("bytes from {}", memory_with_unit(*min)),
            Self::Memory { min, max } => {
                format!("bytes, {} to {}", memory_with_unit(*min), memory_with_unit(*max))
            }
            Self::Octal { max } => format!("octal mode, 0 to {max:o}"),
            Self::OutputLimits => {
                "`<class> <hard> <soft> <seconds>` for one or more of `normal`, `replica` (or `slave`), `pubsub`".into()
            }
            Self::Secret | Self::Text => "text".into(),
            Self::YesNo => "`yes`, `no`".into(),
        }
    }
}

/// How a client's queue of unsent output is bounded, per class of client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutputLimits {
    /// Clients without subscriptions.
    pub normal: OutputLimit,
    /// Replicas; kept because Redis's text has the class, though no client belongs to it.
    pub replica: OutputLimit,
    /// Clients with at least one subscription.
    pub pubsub: OutputLimit,
}

/// The bound of one class; a zero means no such bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutputLimit {
    /// Never more than this, in bytes.
    pub hard_bytes: usize,
    /// Not more than this for longer than [`OutputLimit::soft_seconds`], in bytes.
    pub soft_bytes: usize,
    /// How long the soft bound may be exceeded.
    pub soft_seconds: u32,
}

/// How much is logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Everything.
    Debug,
    /// Rarely useful detail.
    Verbose,
    /// What an operator wants to see.
    #[default]
    Notice,
    /// Only what needs attention.
    Warning,
    /// No logging.
    Nothing,
}

impl LogLevel {
    pub(super) const WORDS: &'static [&'static str] = &["debug", "verbose", "notice", "warning", "nothing"];
    const ALL: [Self; 5] = [Self::Debug, Self::Verbose, Self::Notice, Self::Warning, Self::Nothing];
}

/// What happens to a subscriber that is over its output limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SlowSubscriberPolicy {
    /// Its connection is closed, as Redis does.
    #[default]
    Disconnect,
    /// Its oldest unsent messages are dropped and counted.
    DropOldest,
    /// Only the newest message of each channel is kept.
    Latest,
}

impl SlowSubscriberPolicy {
    pub(super) const WORDS: &'static [&'static str] = &["disconnect", "drop-oldest", "latest"];
    const ALL: [Self; 3] = [Self::Disconnect, Self::DropOldest, Self::Latest];
}

/// When changes of keys are synced to the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AppendSync {
    /// Before a client is told that what it wrote is done.
    Always,
    /// Once a second.
    #[default]
    EverySecond,
    /// When the system sees fit.
    No,
}

impl AppendSync {
    pub(super) const WORDS: &'static [&'static str] = &["always", "everysec", "no"];
    const ALL: [Self; 3] = [Self::Always, Self::EverySecond, Self::No];
}

/// Which channels a new user may use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PubsubDefault {
    /// All.
    AllChannels,
    /// None.
    #[default]
    ResetChannels,
}

impl PubsubDefault {
    pub(super) const WORDS: &'static [&'static str] = &["allchannels", "resetchannels"];
    const ALL: [Self; 2] = [Self::AllChannels, Self::ResetChannels];
}

/// Whether clients must show a certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TlsAuthClients {
    /// They are not asked for one.
    No,
    /// Those that show one must show a good one.
    Optional,
    /// They must.
    #[default]
    Yes,
}

impl TlsAuthClients {
    pub(super) const WORDS: &'static [&'static str] = &["no", "optional", "yes"];
    const ALL: [Self; 3] = [Self::No, Self::Optional, Self::Yes];
}

/// What in a client's certificate names its user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TlsAuthClientsUser {
    /// The subject's common name.
    CommonName,
    /// Nothing.
    #[default]
    Off,
}

impl TlsAuthClientsUser {
    pub(super) const WORDS: &'static [&'static str] = &["CN", "off"];
    const ALL: [Self; 2] = [Self::CommonName, Self::Off];
}

/// A password: bytes that never appear in debug output.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Password(Vec<u8>);

impl Password {
    /// The password itself.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether no password is set.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<&[u8]> for Password {
    fn from(password: &[u8]) -> Self {
        Self(password.to_vec())
    }
}

impl Debug for Password {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_empty() { "Password(none)" } else { "Password(set)" })
    }
}

/// Why a value is refused, in Redis's words where Redis refuses it too.
pub(super) type Refusal = Cow<'static, str>;

/// A field type of `Settings`: read from the words of a value, printed as `CONFIG GET` prints it.
pub(super) trait Value {
    fn read(&mut self, kind: &Kind, words: &[&[u8]]) -> Result<(), Refusal>;
    fn print(&self, kind: &Kind) -> Vec<u8>;
}

macro_rules! numbers {
    ($($number:ty),*) => {$(
        impl Value for $number {
            fn read(&mut self, kind: &Kind, words: &[&[u8]]) -> Result<(), Refusal> {
                // The bounds of every row fit its field, so this refusal is for 32-bit machines.
                *self = Self::try_from(number(kind, one(words)?)?).map_err(|_| "argument is too large")?;
                Ok(())
            }

            fn print(&self, kind: &Kind) -> Vec<u8> {
                if let Kind::Octal { .. } = kind { format!("{self:o}") } else { self.to_string() }.into_bytes()
            }
        }
    )*};
}
numbers!(i64, u64, u32, u16, usize);

impl Value for bool {
    fn read(&mut self, _: &Kind, words: &[&[u8]]) -> Result<(), Refusal> {
        let word = one(words)?;
        *self = if word.eq_ignore_ascii_case(b"yes") {
            true
        } else if word.eq_ignore_ascii_case(b"no") {
            false
        } else {
            return Err("argument must be 'yes' or 'no'".into());
        };
        Ok(())
    }

    fn print(&self, _: &Kind) -> Vec<u8> {
        if *self { "yes" } else { "no" }.into()
    }
}

impl Value for String {
    fn read(&mut self, _: &Kind, words: &[&[u8]]) -> Result<(), Refusal> {
        *self = utf8(one(words)?)?;
        Ok(())
    }

    fn print(&self, _: &Kind) -> Vec<u8> {
        self.clone().into_bytes()
    }
}

impl Value for Password {
    fn read(&mut self, _: &Kind, words: &[&[u8]]) -> Result<(), Refusal> {
        self.0 = one(words)?.to_vec();
        Ok(())
    }

    fn print(&self, _: &Kind) -> Vec<u8> {
        self.0.clone()
    }
}

impl Value for Vec<String> {
    fn read(&mut self, _: &Kind, words: &[&[u8]]) -> Result<(), Refusal> {
        let words = words.iter().filter(|word| !word.is_empty());
        let addresses = words.map(|word| utf8(word)).collect::<Result<Self, _>>()?;
        if addresses.len() > ADDRESSES_MAX {
            return Err("Too many bind addresses specified.".into());
        }
        *self = addresses;
        Ok(())
    }

    fn print(&self, _: &Kind) -> Vec<u8> {
        self.join(" ").into_bytes()
    }
}

impl Value for EventClasses {
    fn read(&mut self, _: &Kind, words: &[&[u8]]) -> Result<(), Refusal> {
        let classes = str::from_utf8(one(words)?).ok().and_then(Self::parse);
        *self = classes.ok_or_else(|| format!("Invalid event class character. Use '{EVENT_LETTERS}'."))?;
        Ok(())
    }

    fn print(&self, _: &Kind) -> Vec<u8> {
        self.letters().into_bytes()
    }
}

impl Value for OutputLimits {
    fn read(&mut self, _: &Kind, words: &[&[u8]]) -> Result<(), Refusal> {
        // An empty value names no class and changes nothing.
        let words = if let [b""] = words { &[] } else { words };
        let (groups, rest) = words.as_chunks::<4>();
        if !rest.is_empty() {
            return Err("Wrong number of arguments in buffer limit configuration.".into());
        }
        // All classes are read before one is changed, so a refused value leaves nothing behind.
        let mut limits = *self;
        for [class, hard, soft, seconds] in groups {
            let limit = if class.eq_ignore_ascii_case(b"normal") {
                &mut limits.normal
            } else if class.eq_ignore_ascii_case(b"slave") || class.eq_ignore_ascii_case(b"replica") {
                &mut limits.replica
            } else if class.eq_ignore_ascii_case(b"pubsub") {
                &mut limits.pubsub
            } else {
                return Err("Invalid client class specified in buffer limit configuration.".into());
            };
            let (Some(hard), Some(soft), Some(soft_seconds)) = (memory(hard), memory(soft), seconds_of(seconds)) else {
                return Err("Error in hard, soft or soft_seconds setting in buffer limit configuration.".into());
            };
            let hard_bytes = usize::try_from(hard).unwrap_or(usize::MAX);
            let soft_bytes = usize::try_from(soft).unwrap_or(usize::MAX);
            *limit = OutputLimit { hard_bytes, soft_bytes, soft_seconds };
        }
        *self = limits;
        Ok(())
    }

    fn print(&self, _: &Kind) -> Vec<u8> {
        // CONFIG GET still says "slave" where CONFIG REWRITE says "replica".
        let classes = [("normal", &self.normal), ("slave", &self.replica), ("pubsub", &self.pubsub)];
        let texts = classes
            .map(|(class, limit)| format!("{class} {} {} {}", limit.hard_bytes, limit.soft_bytes, limit.soft_seconds));
        texts.join(" ").into_bytes()
    }
}

macro_rules! choices {
    ($($choice:ty),*) => {$(
        impl Value for $choice {
            fn read(&mut self, _: &Kind, words: &[&[u8]]) -> Result<(), Refusal> {
                let found = match words {
                    [word] => Self::WORDS.iter().position(|known| known.as_bytes().eq_ignore_ascii_case(word)),
                    _ => None,
                };
                let Some(at) = found else {
                    let known = Self::WORDS.join(", ");
                    return Err(format!("argument(s) must be one of the following: {known}").into());
                };
                *self = Self::ALL[at];
                Ok(())
            }

            fn print(&self, _: &Kind) -> Vec<u8> {
                let at = Self::ALL.iter().position(|choice| choice == self);
                at.map_or("", |at| Self::WORDS[at]).into()
            }
        }
    )*};
}
choices!(AppendSync, EvictionPolicy, LogLevel, PubsubDefault, SlowSubscriberPolicy, TlsAuthClients, TlsAuthClientsUser);

fn one<'a>(words: &[&'a [u8]]) -> Result<&'a [u8], Refusal> {
    match words {
        [word] => Ok(word),
        _ => Err("wrong number of arguments".into()),
    }
}

fn utf8(word: &[u8]) -> Result<String, Refusal> {
    match std::str::from_utf8(word) {
        Ok(text) if !text.contains('\0') => Ok(text.to_owned()),
        _ => Err("argument must be UTF-8 text".into()),
    }
}

fn number(kind: &Kind, word: &[u8]) -> Result<i128, Refusal> {
    match *kind {
        Kind::Memory { min, max } => {
            let value = memory(word).ok_or("argument must be a memory value")?;
            between(i128::from(value), i128::from(min), i128::from(max), i128::to_string)
        }
        Kind::Octal { max } => {
            let octal = word.iter().all(|byte| (b'0'..=b'7').contains(byte));
            let text = std::str::from_utf8(word).ok().filter(|_| octal);
            let value = text.and_then(|text| u32::from_str_radix(text, 8).ok());
            let value = value.ok_or("argument couldn't be parsed as an octal number")?;
            between(i128::from(value), 0, i128::from(max), |bound| format!("{bound:o}"))
        }
        Kind::Integer { min, max } => {
            let value = parse_integer(word).ok_or("argument couldn't be parsed into an integer")?;
            between(i128::from(value), i128::from(min), i128::from(max), i128::to_string)
        }
        // A row that pairs a number with another kind would be a mistake in the table; the round-trip test finds it.
        _ => Err("argument couldn't be parsed into an integer".into()),
    }
}

fn between(value: i128, min: i128, max: i128, print: fn(&i128) -> String) -> Result<i128, Refusal> {
    if (min..=max).contains(&value) {
        return Ok(value);
    }
    Err(format!("argument must be between {} and {} inclusive", print(&min), print(&max)).into())
}

/// A number of bytes with an optional unit, as Redis reads it; beyond 64 bits it saturates.
fn memory(word: &[u8]) -> Option<u64> {
    let digits = word.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, unit) = word.split_at(digits);
    let units = UNITS.iter().find(|(name, _)| name.as_bytes().eq_ignore_ascii_case(unit));
    let (_, bytes) = units?;
    // No digits at all count as zero.
    let number =
        digits.iter().fold(0u64, |number, digit| number.saturating_mul(10).saturating_add(u64::from(digit - b'0')));
    Some(number.saturating_mul(*bytes))
}

fn seconds_of(word: &[u8]) -> Option<u32> {
    let digits = word.strip_prefix(b"+").unwrap_or(word);
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    // No digits at all count as zero.
    let seconds = if digits.is_empty() { 0 } else { std::str::from_utf8(digits).ok()?.parse().ok()? };
    (seconds <= i32::MAX as u32).then_some(seconds)
}

/// Bytes with the largest unit that divides them, as CONFIG REWRITE writes them.
pub(super) fn memory_with_unit(bytes: u64) -> String {
    for (unit, size) in [("gb", 1 << 30), ("mb", 1 << 20), ("kb", 1 << 10)] {
        if bytes != 0 && bytes.is_multiple_of(size) {
            return format!("{}{unit}", bytes / size);
        }
    }
    bytes.to_string()
}

/// Most addresses `bind` takes, as in Redis.
const ADDRESSES_MAX: usize = 16;

/// The letters of `notify-keyspace-events`: Redis's, and those of its later versions.
const EVENT_LETTERS: &str = "Ag$lshzxeKEtmdnocSTIV";

const UNITS: [(&str, u64); 8] = [
    ("", 1),
    ("b", 1),
    ("k", 1000),
    ("kb", 1 << 10),
    ("m", 1_000_000),
    ("mb", 1 << 20),
    ("g", 1_000_000_000),
    ("gb", 1 << 30),
];
