//! Makes command sequences from a seed.

use super::generate_keys;
use super::model::{Kind, Op, ReplyMode};
use crate::frame::command;
use crate::rng::Rng;

/// One command, or one piece of input that is none.
#[derive(Clone, Debug)]
pub struct Item {
    /// What goes over the wire.
    pub bytes: Vec<u8>,
    /// What it means.
    pub op: Op,
}

/// What one connection sends before all connections are compared.
#[derive(Clone, Debug)]
pub struct Step {
    /// Which connection sends.
    pub connection: usize,
    /// Sent as one burst.
    pub items: Vec<Item>,
    /// Where the burst is cut, in thousandths of its length; the server gets time to read each part.
    pub cuts: Vec<usize>,
    /// Whether PING is the fence where it can be; otherwise UNSUBSCRIBE.
    pub ping_fence: bool,
}

impl Step {
    /// A step whose burst is not cut.
    pub(super) fn whole(connection: usize, items: Vec<Item>) -> Self {
        Self { connection, items, cuts: Vec::new(), ping_fence: true }
    }
}

/// What a sequence is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SequenceKind {
    /// Subscriptions and publications.
    Channels,
    /// Commands on keys, and their events.
    Keys,
}

/// A whole test case.
#[derive(Clone, Debug)]
pub struct Sequence {
    /// What it is about.
    pub kind: SequenceKind,
    /// How many connections take part.
    pub connections: usize,
    /// What they send.
    pub steps: Vec<Step>,
}

const CHANNELS: [&[u8]; 10] =
    [b"a", b"b", b"ab", b"abc", b"news.1", b"news.2", b"", b"with space", b"cr\r\nlf", b"\x00\xff\x80bin"];
const PATTERNS: [&[u8]; 15] = [
    b"*",
    b"a*",
    b"?",
    b"[ab]",
    b"[^a]",
    b"n*s.?",
    b"a",
    b"\\a",
    b"news.[0-9]",
    b"news.[9-0]",
    b"[a",
    b"",
    b"*b*",
    b"a\\",
    b"**c",
];
const PLAIN: [&[u8]; 6] = [b"x", b"hello", b"42", b"a-b", b"PING", b"MULTI"];

/// What a server must answer by closing, mostly after an error.
const PROTOCOL_ERRORS: [&[u8]; 17] = [
    b"*abc\r\n",
    b"*99999999999\r\n",
    b"*1 \r\n",
    b"*\r\n",
    b"*1\r\n:5\r\n",
    b"*1\r\n\r\n",
    b"*1\r\n$abc\r\n",
    b"*1\r\n$-1\r\n",
    b"*1\r\n$\r\n",
    b"*2\r\n$4\r\nPING\r\n$99999999999\r\n",
    b"*2\r\n$4\r\nPING\r\nPING\r\n",
    b"*3\r\n$7\r\nPUBLISH\r\n$1\r\na\r\n$-5\r\n",
    b"PING \"unbalanced\r\n",
    b"PING 'x\r\n",
    b"PING \"x\"y\r\n",
    b"POST / HTTP/1.1\r\n",
    b"Host: localhost\r\n",
];
const IGNORED: [&[u8]; 5] = [b"\r\n", b"*0\r\n", b"*-1\r\n", b"*-10\r\n", b"   \r\n"];

/// The sequence of `seed`.
#[must_use]
pub fn sequence(kind: SequenceKind, seed: u64) -> Sequence {
    match kind {
        SequenceKind::Channels => about_channels(seed),
        SequenceKind::Keys => generate_keys::sequence(seed),
    }
}

fn about_channels(seed: u64) -> Sequence {
    let mut rng = Rng::new(seed);
    let connections = 3 + rng.below(3);
    let step_count = 8 + rng.below(18);
    let steps = (0..step_count).map(|_| step(&mut rng, connections)).collect();
    Sequence { kind: SequenceKind::Channels, connections, steps }
}

fn step(rng: &mut Rng, connections: usize) -> Step {
    let connection = rng.below(connections);
    let mut items = match rng.below(12) {
        0..=6 => vec![item(rng)],
        7 => transaction(rng),
        8 => silenced(rng),
        _ => (0..2 + rng.below(5)).map(|_| item(rng)).collect(),
    };
    if items.len() > 1 {
        // Their answers are made equal by hand, which must touch nothing else.
        items.retain(|item| !matches!(item.op, Op::ClientId | Op::Listing));
        // Redis closes at once on what looks like HTTP, and answers before it that were not sent yet are lost.
        items.retain(|item| !item.bytes.starts_with(b"POST") && !item.bytes.starts_with(b"Host:"));
    }
    // Behind a line without an end, more input would end it.
    if let Some(at) = items.iter().position(|item| item.bytes.len() > 64 * 1024 && item.op == Op::ProtocolError) {
        items.truncate(at + 1);
    }
    let cut_count = if rng.one_in(4) { 1 + rng.below(3) } else { 0 };
    let cuts = (0..cut_count).map(|_| 1 + rng.below(999)).collect();
    Step { connection, items, cuts, ping_fence: rng.one_in(2) }
}

fn transaction(rng: &mut Rng) -> Vec<Item> {
    let mut items = vec![plain(rng, &[b"MULTI"], Op::Multi)];
    for _ in 0..rng.below(6) {
        items.push(item(rng));
    }
    items.push(plain(rng, &[b"EXEC"], Op::Exec));
    items
}

fn silenced(rng: &mut Rng) -> Vec<Item> {
    let (mode, argument): (_, &[u8]) =
        if rng.one_in(2) { (ReplyMode::Skip, b"SKIP") } else { (ReplyMode::Off, b"OFF") };
    let mut items = vec![plain(rng, &[b"CLIENT", b"REPLY", argument], Op::ClientReply(mode))];
    for _ in 0..1 + rng.below(3) {
        items.push(item(rng));
    }
    if rng.one_in(2) {
        items.push(plain(rng, &[b"CLIENT", b"REPLY", b"ON"], Op::ClientReply(ReplyMode::On)));
    }
    items
}

fn item(rng: &mut Rng) -> Item {
    match rng.below(100) {
        0..=17 => subscribe(rng),
        18..=27 => unsubscribe(rng),
        28..=49 => publish(rng),
        50..=56 => ping(rng),
        57..=62 => hello(rng),
        63..=64 => plain(rng, &[b"RESET"], Op::Reset),
        65..=67 => select(rng),
        68..=75 => multi(rng),
        76 => plain(rng, &[b"QUIT"], Op::Quit),
        77..=82 => client(rng),
        83..=89 => pubsub(rng),
        90..=95 => refused(rng),
        96..=97 => raw(IGNORED[rng.below(IGNORED.len())], Op::Ignored),
        98 => protocol_error(rng),
        _ => inline_quoted(rng),
    }
}

fn subscribe(rng: &mut Rng) -> Item {
    let (kind, name) = *rng.pick(&[
        (Kind::Channel, b"SUBSCRIBE".as_slice()),
        (Kind::Channel, b"SUBSCRIBE"),
        (Kind::Pattern, b"PSUBSCRIBE"),
        (Kind::Shard, b"SSUBSCRIBE"),
    ]);
    let count = 1 + if rng.one_in(2) { rng.below(4) } else { 0 };
    let names = some_names(rng, kind, count);
    let mut arguments = vec![name];
    arguments.extend(names.iter().map(Vec::as_slice));
    plain(rng, &arguments, Op::Subscribe(kind, names.clone()))
}

fn unsubscribe(rng: &mut Rng) -> Item {
    let (kind, name) = *rng.pick(&[
        (Kind::Channel, b"UNSUBSCRIBE".as_slice()),
        (Kind::Pattern, b"PUNSUBSCRIBE"),
        (Kind::Shard, b"SUNSUBSCRIBE"),
    ]);
    let count = rng.below(4);
    let names = some_names(rng, kind, count);
    let mut arguments = vec![name];
    arguments.extend(names.iter().map(Vec::as_slice));
    plain(rng, &arguments, Op::Unsubscribe(kind, names.clone()))
}

fn some_names(rng: &mut Rng, kind: Kind, count: usize) -> Vec<Vec<u8>> {
    let pool: &[&[u8]] = if kind == Kind::Pattern { &PATTERNS } else { &CHANNELS };
    // Few names are drawn most of the time, so that connections meet.
    let pool = if rng.one_in(3) { pool } else { &pool[..4] };
    (0..count).map(|_| rng.pick(pool).to_vec()).collect()
}

fn publish(rng: &mut Rng) -> Item {
    let name: &[u8] = if rng.one_in(4) { b"SPUBLISH" } else { b"PUBLISH" };
    let channel = some_names(rng, Kind::Channel, 1).remove(0);
    let payload = payload(rng);
    plain(rng, &[name, &channel, &payload], Op::Other)
}

fn payload(rng: &mut Rng) -> Vec<u8> {
    match rng.below(40) {
        0..=2 => Vec::new(),
        3..=5 => b"line\r\nline\r\n".to_vec(),
        6..=9 => (0..1 + rng.below(64)).map(|_| rng.next_u64() as u8).collect(),
        10 => vec![b'L'; 100 * 1024],
        11 => vec![b'M'; 16 * 1024 - 20 + rng.below(40)],
        _ => format!("m{}", rng.below(1000)).into_bytes(),
    }
}

fn ping(rng: &mut Rng) -> Item {
    let text = rng.pick(&PLAIN).to_vec();
    let payload = payload(rng);
    match rng.below(7) {
        0..=1 => plain(rng, &[b"PING"], Op::Ping),
        2 => plain(rng, &[b"PING", &text], Op::Ping),
        3 => plain(rng, &[b"PING", &payload], Op::Ping),
        4 => plain(rng, &[b"PING", &text, &text], Op::Ping),
        5 => plain(rng, &[b"ECHO", &payload], Op::Other),
        _ => plain(rng, &[b"ECHO"], Op::Bad),
    }
}

fn hello(rng: &mut Rng) -> Item {
    const FORMS: [(&[&[u8]], Option<u8>); 19] = [
        (&[b"3"], Some(3)),
        (&[b"3"], Some(3)),
        (&[b"3"], Some(3)),
        (&[b"2"], Some(2)),
        (&[b"2"], Some(2)),
        (&[], None),
        (&[b"3", b"SETNAME", b"worker"], Some(3)),
        (&[b"2", b"setname", b"worker"], Some(2)),
        (&[b"3", b"AUTH", b"default", b"anything"], Some(3)),
        (&[b"2", b"AUTH", b"default", b"x", b"SETNAME", b"n"], Some(2)),
        (&[b"3", b"AUTH", b"nobody", b"x"], None),
        (&[b"3", b"SETNAME", b"not a name"], None),
        (&[b"3", b"SETNAME"], None),
        (&[b"3", b"AUTH", b"default"], None),
        (&[b"3", b"WHAT"], None),
        (&[b"1"], None),
        (&[b"4"], None),
        (&[b"three"], None),
        (&[b"99999999999999999999"], None),
    ];
    let (arguments, version) = *rng.pick(&FORMS);
    let mut all = vec![b"HELLO".as_slice()];
    all.extend_from_slice(arguments);
    plain(rng, &all, Op::Hello(version))
}

fn select(rng: &mut Rng) -> Item {
    let database = *rng.pick(&[b"0".as_slice(), b"9", b"15", b"16", b"-1", b"abc", b"", b"1.5"]);
    plain(rng, &[b"SELECT", database], Op::Other)
}

fn multi(rng: &mut Rng) -> Item {
    match rng.below(12) {
        0..=4 => plain(rng, &[b"MULTI"], Op::Multi),
        5..=8 => plain(rng, &[b"EXEC"], Op::Exec),
        9..=10 => plain(rng, &[b"DISCARD"], Op::Discard),
        _ => {
            let (name, op) =
                [(b"MULTI".as_slice(), Op::Bad), (b"EXEC", Op::BadExec), (b"DISCARD", Op::Bad)][rng.below(3)].clone();
            plain(rng, &[name, b"x"], op)
        }
    }
}

fn client(rng: &mut Rng) -> Item {
    let (arguments, op): (&[&[u8]], Op) = match rng.below(16) {
        0..=1 => (&[b"SETNAME", b"one"], Op::Other),
        2 => (&[b"SETNAME", b""], Op::Other),
        3 => (&[b"SETNAME", b"two words"], Op::Other),
        4..=6 => (&[b"GETNAME"], Op::Other),
        7 => (&[b"ID"], Op::ClientId),
        8 => (&[b"REPLY", b"ON"], Op::ClientReply(ReplyMode::On)),
        9 => (&[b"REPLY", b"OFF"], Op::ClientReply(ReplyMode::Off)),
        10 => (&[b"REPLY", b"SKIP"], Op::ClientReply(ReplyMode::Skip)),
        11 => (&[b"REPLY", b"MAYBE"], Op::Other),
        12 => (&[b"NO-EVICT", b"on"], Op::Other),
        13 => (&[b"NO-EVICT", b"maybe"], Op::Other),
        14 => (&[b"NOSUCH", b"x"], Op::Bad),
        _ => (&[b"SETNAME"], Op::Bad),
    };
    let mut all = vec![b"CLIENT".as_slice()];
    all.extend_from_slice(arguments);
    plain(rng, &all, op)
}

fn pubsub(rng: &mut Rng) -> Item {
    let names_count = rng.below(4);
    let names = some_names(rng, Kind::Channel, names_count);
    let pattern = some_names(rng, Kind::Pattern, 1).remove(0);
    let mut all = vec![b"PUBSUB".as_slice()];
    let op = match rng.below(11) {
        0..=2 => {
            all.push(b"NUMSUB");
            all.extend(names.iter().map(Vec::as_slice));
            Op::Other
        }
        3..=4 => {
            all.push(b"SHARDNUMSUB");
            all.extend(names.iter().map(Vec::as_slice));
            Op::Other
        }
        5 => {
            all.push(b"NUMPAT");
            Op::Other
        }
        6..=8 => {
            all.push(if rng.one_in(2) { b"CHANNELS" } else { b"SHARDCHANNELS" });
            if rng.one_in(2) {
                all.push(&pattern);
            }
            Op::Listing
        }
        9 => {
            all.extend([b"CHANNELS".as_slice(), b"a", b"b"]);
            Op::Other
        }
        _ => {
            all.extend([b"NUMPAT".as_slice(), b"x"]);
            Op::Bad
        }
    };
    plain(rng, &all, op)
}

fn refused(rng: &mut Rng) -> Item {
    let long = vec![b'z'; 200];
    let binary = payload(rng);
    let arguments: &[&[u8]] = match rng.below(15) {
        0 => &[b"NOSUCH"],
        1 => &[b"nosuch", b"one", b"two"],
        2 => &[b"nosuch", &long, &long],
        3 => &[&long],
        4 => &[b"no\r\nsuch", b"a\r\nb"],
        5 => &[b"nosuch", &binary],
        6 => &[b""],
        7 => &[b"SUBSCRIBE"],
        8 => &[b"PSUBSCRIBE"],
        9 => &[b"PUBLISH", b"a"],
        10 => &[b"SPUBLISH", b"a", b"b", b"c"],
        11 => &[b"PUBSUB"],
        12 => &[b"PUBSUB", b"NOSUCH"],
        13 => &[b"RESET", b"x"],
        _ => &[b"CLIENT"],
    };
    plain(rng, arguments, Op::Bad)
}

fn protocol_error(rng: &mut Rng) -> Item {
    if rng.one_in(20) {
        // A line without an end; what exceeds 64 KiB is refused.
        return raw(&vec![b'q'; 66 * 1024], Op::ProtocolError);
    }
    raw(PROTOCOL_ERRORS[rng.below(PROTOCOL_ERRORS.len())], Op::ProtocolError)
}

fn inline_quoted(rng: &mut Rng) -> Item {
    let (line, op): (&[u8], _) = match rng.below(8) {
        0 => (b"PING \"a b\"\r\n", Op::Ping),
        1 => (b"PING 'it\\'s'\r\n", Op::Ping),
        2 => (b"  PING   \"\\x41\\n\\t\\\"\"  \r\n", Op::Ping),
        3 => (b"ECHO ''\r\n", Op::Other),
        4 => (b"PING\n", Op::Ping),
        5 => (b"PUBLISH a \"\\x00\\xff\"\r\n", Op::Other),
        6 => (b"echo a\tb\r\n", Op::Bad),
        _ => (b"nosuch 'x' y\r\n", Op::Bad),
    };
    raw(line, op)
}

/// A command as an array of bulks, or now and then, if its arguments allow it, as a line.
fn plain(rng: &mut Rng, arguments: &[&[u8]], op: Op) -> Item {
    let mut arguments: Vec<Vec<u8>> = arguments.iter().map(|argument| argument.to_vec()).collect();
    if rng.one_in(6) {
        arguments[0].make_ascii_lowercase();
    }
    let simple = arguments.iter().all(|argument| {
        !argument.is_empty() && argument.iter().all(|byte| byte.is_ascii_alphanumeric() || b".-[]^?".contains(byte))
    });
    // A line may not have more than 64 KiB.
    let short = arguments.iter().map(Vec::len).sum::<usize>() < 1024;
    if simple && short && rng.one_in(12) {
        let mut bytes = arguments.join(&b' ');
        bytes.extend_from_slice(b"\r\n");
        return Item { bytes, op };
    }
    Item { bytes: command(&arguments), op }
}

fn raw(bytes: &[u8], op: Op) -> Item {
    Item { bytes: bytes.to_vec(), op }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_makes_one_sequence() {
        for kind in [SequenceKind::Channels, SequenceKind::Keys] {
            let bytes = |seed| -> Vec<u8> {
                let steps = sequence(kind, seed).steps;
                steps.iter().flat_map(|step| &step.items).flat_map(|item| item.bytes.clone()).collect()
            };
            assert_eq!(bytes(7), bytes(7));
            assert_ne!(bytes(7), bytes(8));
        }
    }
}
