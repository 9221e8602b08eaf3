//! Makes sequences of commands on keys from a seed: one connection listens to every event, two change keys.

mod form;
mod generic;
mod hashes;
mod lists;
mod sets;
mod sorted_sets;
mod streams;
mod strings;
mod values;

use self::form::Draw;
use super::generate::{Item, Sequence, SequenceKind, Step};
use super::model::{Kind, Op};
use super::reply::Reply;
use crate::frame::command;
use crate::rng::Rng;

/// Every key there is. None has a NUL, at which Redis ends a key's name in an error.
const KEYS: [&[u8]; 8] = [b"a", b"k1", b"k2", b"long:name", b"", b"k\r\n\xff", b"{t}1", b"{t}2"];

/// The pattern of all events.
const EVENTS: &[u8] = b"__key*";

/// The commands of one type.
struct Group {
    /// What puts something there, which the other commands need.
    fill: &'static [&'static str],
    /// All commands and options, with what is defined about their replies.
    forms: &'static [(Reply, &'static str)],
}

const TYPES: [Group; 6] =
    [strings::GROUP, lists::GROUP, sets::GROUP, hashes::GROUP, sorted_sets::GROUP, streams::GROUP];

/// The sequence of `seed`.
pub(super) fn sequence(seed: u64) -> Sequence {
    let mut rng = Rng::new(seed);
    let hello = |rng: &mut Rng| {
        let version = 2 + rng.below(2) as u8;
        item(&[b"HELLO", version.to_string().as_bytes()], Op::Hello(Some(version)))
    };
    let listen = item(&[b"PSUBSCRIBE", EVENTS], Op::Subscribe(Kind::Pattern, vec![EVENTS.to_vec()]));
    let mut steps = vec![
        Step::whole(0, vec![hello(&mut rng), listen]),
        Step::whole(1, vec![hello(&mut rng)]),
        Step::whole(2, vec![hello(&mut rng)]),
    ];
    // Few types at a time, each with keys of its own, or most commands would meet a wrong one.
    let types: Vec<&Group> = (0..1 + rng.below(3)).map(|_| rng.pick(&TYPES)).collect();
    let per_type = KEYS.len() / types.len();
    let topics: Vec<_> = types.into_iter().zip(KEYS.chunks(per_type)).collect();
    for _ in 0..8 + rng.below(18) {
        steps.push(step(&mut rng, &topics));
    }
    Sequence { kind: SequenceKind::Keys, connections: 3, steps }
}

/// A type and the keys it uses.
type Topic<'a> = (&'a Group, &'a [&'static [u8]]);

fn step(rng: &mut Rng, topics: &[Topic<'_>]) -> Step {
    let connection = 1 + rng.below(2);
    let count = if rng.one_in(3) { 1 } else { 2 + rng.below(6) };
    let mut items: Vec<Item> = (0..count).map(|_| one(rng, topics)).collect();
    if rng.one_in(6) {
        items.insert(0, item(&[b"MULTI"], Op::Multi));
        items.push(item(&[b"EXEC"], Op::Exec));
    }
    Step { cuts: if rng.one_in(12) { vec![1 + rng.below(999)] } else { Vec::new() }, ..Step::whole(connection, items) }
}

fn one(rng: &mut Rng, topics: &[Topic<'_>]) -> Item {
    let &(group, keys) = rng.pick(topics);
    let (reply, form) = match rng.below(16) {
        0 => return session(rng, keys),
        1..=3 => rng.pick(generic::FORMS).clone(),
        4..=6 => (Reply::Exact, *rng.pick(group.fill)),
        _ => rng.pick(group.forms).clone(),
    };
    let commands = Draw::new(rng, keys).commands(form);
    let bytes = commands.iter().flat_map(|words| command(words)).collect();
    Item { bytes, op: Op::Keys(vec![reply; commands.len()]) }
}

/// What changes how a connection's next commands are taken.
fn session(rng: &mut Rng, keys: &[&'static [u8]]) -> Item {
    let (key, other) = (*rng.pick(keys), *rng.pick(&KEYS));
    match rng.below(16) {
        0..=1 => item(&[b"MULTI"], Op::Multi),
        2..=5 => item(&[b"EXEC"], Op::Exec),
        6 => item(&[b"DISCARD"], Op::Discard),
        7..=9 => item(&[b"WATCH", key], Op::Watch),
        10 => item(&[b"WATCH", key, other], Op::Watch),
        11 => item(&[b"UNWATCH"], Op::Keys(vec![Reply::Exact])),
        12 => item(&[b"HELLO", b"3"], Op::Hello(Some(3))),
        13 => item(&[b"HELLO", b"2"], Op::Hello(Some(2))),
        14 => item(&[b"SELECT", b"1"], Op::Keys(vec![Reply::Exact])),
        _ => item(&[b"SELECT", b"0"], Op::Keys(vec![Reply::Exact])),
    }
}

fn item(words: &[&[u8]], op: Op) -> Item {
    Item { bytes: command(words), op }
}
