//! From the words of a request to a row of the table, or to the text of the refusal.

use fanfare_wire::Request;

use super::{COMMANDS, CommandSpec, UNSERVED};

/// Finds a top-level command by its name, in any letter case.
pub fn lookup(name: &[u8]) -> Option<&'static CommandSpec> {
    let mut bucket = hash(name);
    loop {
        let spec = COMMANDS.get(usize::from(INDEX[bucket]))?;
        if spec.name.as_bytes().eq_ignore_ascii_case(name) {
            return Some(spec);
        }
        bucket = (bucket + 1) % BUCKETS;
    }
}

/// Finds a command by the name `COMMAND INFO` takes: `ping` or `client|kill`, in any letter case.
pub fn lookup_full_name(name: &[u8]) -> Option<&'static CommandSpec> {
    match name.iter().position(|byte| *byte == b'|') {
        None => lookup(name),
        Some(bar) => lookup(&name[..bar])?.subcommand(&name[bar + 1..]),
    }
}

/// Finds what a request asks for: the subcommand if its command is a container, with the number of words checked.
///
/// # Errors
///
/// The variants of [`LookupError`]; [`LookupError::message`] makes the reply of them.
pub fn resolve(request: &(impl Words + ?Sized)) -> Result<&'static CommandSpec, LookupError> {
    let name = request.word(0).unwrap_or_default();
    let Some(mut spec) = lookup(name) else {
        let mut unserved = UNSERVED.iter();
        let unserved = unserved.find(|row| row.name.as_bytes().eq_ignore_ascii_case(name));
        return Err(unserved.map_or(LookupError::UnknownCommand, LookupError::Unserved));
    };
    if spec.is_container()
        && let Some(word) = request.word(1)
    {
        spec = spec.subcommand(word).ok_or(LookupError::UnknownSubcommand(spec))?;
    }
    if spec.accepts_word_count(request.count()) { Ok(spec) } else { Err(LookupError::Arity(spec)) }
}

/// The words of a request by position, the command's name first.
pub trait Words {
    /// How many there are.
    fn count(&self) -> usize;

    /// The word at that position.
    fn word(&self, at: usize) -> Option<&[u8]>;
}

impl Words for Request<'_> {
    fn count(&self) -> usize {
        self.len()
    }

    fn word(&self, at: usize) -> Option<&[u8]> {
        self.get(at)
    }
}

impl<W: AsRef<[u8]>> Words for [W] {
    fn count(&self) -> usize {
        self.len()
    }

    fn word(&self, at: usize) -> Option<&[u8]> {
        self.get(at).map(AsRef::as_ref)
    }
}

/// A Redis command this release does not have.
#[derive(Debug, PartialEq, Eq)]
pub struct Unserved {
    /// Name in lower case.
    pub name: &'static str,
    /// Why it is missing.
    pub reason: Reason,
}

/// Why a command of Redis is not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Works on the bits of strings.
    Bits,
    /// Waits for data in a key.
    Blocking,
    /// Carries values in Redis's own format.
    Dump,
    /// Works on positions.
    Geo,
    /// Works on HyperLogLogs.
    HyperLogLog,
    /// None of the others.
    Other,
    /// Belongs to Redis's replication.
    Replication,
    /// Runs scripts or functions.
    Scripting,
}

impl Reason {
    /// Every reason, in the order of the reference page.
    pub const ALL: [Self; 8] = [
        Self::Bits,
        Self::Blocking,
        Self::Dump,
        Self::Geo,
        Self::HyperLogLog,
        Self::Scripting,
        Self::Replication,
        Self::Other,
    ];

    /// The explanation that ends the error reply.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Bits => "bit operations are not served by this release",
            Self::Blocking => "blocking commands are not served by this release",
            Self::Dump => "values in Redis's dump format are not served by this release",
            Self::Geo => "geo commands are not served by this release",
            Self::HyperLogLog => "HyperLogLogs are not served by this release",
            Self::Other => "not served by this release",
            Self::Replication => "this release does not take part in Redis replication",
            Self::Scripting => {
                "this release runs no scripts or functions; they come in a later release, or from a Redis backplane"
            }
        }
    }
}

/// Why a request names no command that can be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LookupError {
    /// The command exists and the number of words is wrong.
    Arity(&'static CommandSpec),
    /// No such command.
    UnknownCommand,
    /// The container exists and has no such subcommand.
    UnknownSubcommand(&'static CommandSpec),
    /// A command of Redis that this release does not have.
    Unserved(&'static Unserved),
}

impl LookupError {
    /// The text of the error reply to `request`, `ERR` included.
    ///
    /// What it quotes of the request is cut at 128 bytes in all and at a NUL byte, as Redis cuts it, but may hold line
    /// ends: write it with [`ReplyWriter::error_bytes`](fanfare_wire::ReplyWriter::error_bytes).
    pub fn message(&self, request: &(impl Words + ?Sized)) -> Vec<u8> {
        let quote = |at| cut(request.word(at).unwrap_or_default(), QUOTE_BYTES_MAX);
        let (start, end): (&[u8], String) = match self {
            Self::Arity(spec) => {
                return format!("ERR wrong number of arguments for '{}' command", spec.full_name).into_bytes();
            }
            Self::UnknownCommand => return unknown_command(quote(0), request),
            Self::UnknownSubcommand(container) => {
                (b"ERR unknown subcommand", format!("'. Try {} HELP.", container.full_name.to_ascii_uppercase()))
            }
            Self::Unserved(row) => (b"ERR unknown command", format!("': {}", row.reason.text())),
        };
        let quoted = quote(usize::from(matches!(self, Self::UnknownSubcommand(_))));
        [start, b" '", quoted, end.as_bytes()].concat()
    }
}

fn unknown_command(name: &[u8], request: &(impl Words + ?Sized)) -> Vec<u8> {
    let mut quoted = Vec::new();
    for at in 1..request.count() {
        // The quotes and spaces count, too, and the last ones may go beyond.
        let Some(room @ 1..) = QUOTE_BYTES_MAX.checked_sub(quoted.len()) else {
            break;
        };
        quoted.push(b'\'');
        quoted.extend_from_slice(cut(request.word(at).unwrap_or_default(), room));
        quoted.extend_from_slice(b"' ");
    }
    [b"ERR unknown command '", name, b"', with args beginning with: ", &quoted].concat()
}

fn cut(bytes: &[u8], bytes_max: usize) -> &[u8] {
    let bytes = &bytes[..bytes.len().min(bytes_max)];
    bytes.split(|byte| *byte == 0).next().unwrap_or_default()
}

const QUOTE_BYTES_MAX: usize = 128;

/// Sends names to buckets by what tells command names apart cheaply: the length, the ends and the middle.
const fn hash(name: &[u8]) -> usize {
    let [first, .., last] = name else {
        return name.len();
    };
    let middle = name[name.len() / 2];
    // ORing the letter-case bit folds case; names without letters may share a bucket, which the comparison sorts out.
    let mixed = (*first | 0x20) as usize * 7 + (*last | 0x20) as usize * 31 + (middle | 0x20) as usize * 3;
    (mixed + name.len() * 13) % BUCKETS
}

/// Position in [`COMMANDS`] by bucket, [`VACANT`] where no name falls; collisions move on to the next bucket.
static INDEX: [u8; BUCKETS] = {
    let mut index = [VACANT; BUCKETS];
    assert!(COMMANDS.len() < VACANT as usize, "positions fit a byte, with one value to spare");
    let mut at = 0;
    while at < COMMANDS.len() {
        let mut bucket = hash(COMMANDS[at].name.as_bytes());
        while index[bucket] != VACANT {
            bucket = (bucket + 1) % BUCKETS;
        }
        index[bucket] = at as u8;
        at += 1;
    }
    index
};

const BUCKETS: usize = 1024;
const VACANT: u8 = u8::MAX;

#[cfg(test)]
mod tests {
    use super::super::CommandId;
    use super::*;

    fn every() -> impl Iterator<Item = &'static CommandSpec> {
        COMMANDS.iter().flat_map(|spec| std::iter::once(spec).chain(spec.subcommands))
    }

    fn refused(args: &[&[u8]]) -> String {
        String::from_utf8(resolve(args).unwrap_err().message(args)).unwrap()
    }

    #[test]
    fn every_name_is_found_in_any_case() {
        for spec in every() {
            let upper = spec.full_name.to_ascii_uppercase();
            assert_eq!(lookup_full_name(upper.as_bytes()).unwrap().id, spec.id);
        }
        for name in ["", "x", "publis", "publishh", "client|", "client|nope", "ping|x", "|", "client|id|x"] {
            assert!(lookup_full_name(name.as_bytes()).is_none(), "{name}");
        }
    }

    #[test]
    fn look_up_takes_few_probes() {
        for spec in &COMMANDS {
            let home = hash(spec.name.as_bytes());
            let at = (0..BUCKETS)
                .find(|probe| {
                    COMMANDS
                        .get(usize::from(INDEX[(home + probe) % BUCKETS]))
                        .is_some_and(|found| found.name == spec.name)
                })
                .unwrap();
            assert!(at < 4, "{} takes {at} extra probes", spec.name);
        }
    }

    #[test]
    fn names_and_ids_are_unique_and_rows_complete() {
        let mut names = std::collections::HashSet::new();
        let mut ids = std::collections::HashSet::new();
        for spec in every() {
            assert!(names.insert(spec.full_name) && ids.insert(spec.id), "{}", spec.full_name);
            assert!(!spec.summary.is_empty() && !spec.summary.ends_with('.'), "{}", spec.full_name);
            assert!(spec.full_name.ends_with(spec.name));
        }
        for unserved in UNSERVED {
            assert!(names.insert(unserved.name), "{} is served", unserved.name);
        }
    }

    #[test]
    fn containers_give_their_subcommand() {
        assert_eq!(resolve(&["CLIENT", "Kill", "id", "1"][..]).unwrap().id, CommandId::ClientKill);
        assert_eq!(resolve(&["command"][..]).unwrap().id, CommandId::Command);
        assert_eq!(refused(&[b"client"]), "ERR wrong number of arguments for 'client' command");
        assert_eq!(refused(&[b"CLIENT", b"kill"]), "ERR wrong number of arguments for 'client|kill' command");
        assert_eq!(refused(&[b"client", b"f o\0x"]), "ERR unknown subcommand 'f o'. Try CLIENT HELP.");
        assert_eq!(refused(&[b"subscribe"]), "ERR wrong number of arguments for 'subscribe' command");
    }

    #[test]
    fn unknown_commands_quote_128_bytes_of_their_arguments() {
        assert_eq!(refused(&[b"foo"]), "ERR unknown command 'foo', with args beginning with: ");
        assert_eq!(
            refused(&[b"FOO", b"a b", b"", b"c\0d"]),
            "ERR unknown command 'FOO', with args beginning with: 'a b' '' 'c' "
        );
        let (x, y) = ([b'x'; 100], [b'y'; 100]);
        assert_eq!(
            refused(&[b"foo", &x, &y, b"z"]),
            format!("ERR unknown command 'foo', with args beginning with: '{}' '{}' ", "x".repeat(100), "y".repeat(25))
        );
        assert_eq!(
            refused(&[&[b'f'; 200], b"a"]),
            format!("ERR unknown command '{}', with args beginning with: 'a' ", "f".repeat(128))
        );
        assert_eq!(
            refused(&[b"foo", &[b'x'; 124], b"y", b"z"]),
            format!("ERR unknown command 'foo', with args beginning with: '{}' 'y' ", "x".repeat(124))
        );
        assert_eq!(
            refused(&[b"foo", &[b'x'; 125], b"y"]),
            format!("ERR unknown command 'foo', with args beginning with: '{}' ", "x".repeat(125))
        );
    }

    #[test]
    fn commands_of_a_later_release_say_so() {
        assert_eq!(
            refused(&[b"SETBIT", b"k"]),
            "ERR unknown command 'SETBIT': bit operations are not served by this release"
        );
        assert!(refused(&[b"eval", b"return 1", b"0"]).starts_with("ERR unknown command 'eval': this release runs no"));
    }

    #[test]
    fn channel_positions_follow_the_request() {
        let at =
            |name: &str, words| lookup(name.as_bytes()).unwrap().channels.unwrap().positions(words).collect::<Vec<_>>();
        let none = Vec::<usize>::new();
        assert_eq!(at("publish", 3), vec![1]);
        assert_eq!(at("publish", 1), none);
        assert_eq!(at("subscribe", 4), vec![1, 2, 3]);
        assert_eq!(at("mpublish", 5), vec![1, 3]);
        assert_eq!(at("sunsubscribe", 1), none);
        assert_eq!(at("sunsubscribe", 0), none);
    }
}
