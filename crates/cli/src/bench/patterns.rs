//! The connection that holds pattern subscriptions, and what it gets.

use clap::{Args, ValueEnum};
use mio::event::Event;
use serde::Serialize;

use super::frames::{CHANNEL_DIGITS, STAMP_LEN, Shape, read_channel};
use super::link::Link;
use super::verify::{Faults, Foreign, Ledger};

/// Pattern subscriptions, held by one more connection.
#[derive(Clone, Copy, Debug, Default, Args, Serialize)]
pub(super) struct Plan {
    /// Pattern subscriptions, held by one more connection
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=10_000_000))]
    pub(super) patterns: u32,
    /// How those patterns look that match no channel
    #[arg(long, value_enum, default_value_t)]
    pattern_shapes: PatternShapes,
    /// How many of the patterns match every channel; their deliveries are read and checked too
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=i64::from(MATCHING_MAX)))]
    pub(super) matching: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
enum PatternShapes {
    /// All end with a star
    #[default]
    Plain,
    /// Mostly a name with a star behind or before it, some with stars, sets and question marks anywhere
    Mixed,
}

/// The connection, and what its matching patterns got.
pub(super) struct Patterns {
    link: Link,
    matching: Vec<Matching>,
    /// The one whose delivery should come next: servers go through the patterns in the same order for each message.
    next: usize,
    received: u64,
}

struct Matching {
    /// The frame up to the digits of the channel.
    head: Vec<u8>,
    /// The frame from those to the stamp.
    middle: Vec<u8>,
    /// One for each channel.
    ledgers: Vec<Ledger>,
}

/// How many different ones [`matching`] knows.
const MATCHING_MAX: u32 = 3 * (CHANNEL_DIGITS as u32 + 1);

impl Plan {
    pub(super) fn names(self, prefix: &str) -> Vec<String> {
        let others = (self.matching..self.patterns).map(|number| match self.pattern_shapes {
            PatternShapes::Plain => plain(prefix, number),
            PatternShapes::Mixed => mixed(prefix, number),
        });
        (0..self.matching).map(|number| matching(prefix, number)).chain(others).collect()
    }
}

impl Patterns {
    pub(super) fn new(link: Link, plan: Plan, shape: &Shape, publishers: u32) -> Self {
        let matching = (0..plan.matching)
            .map(|number| {
                let (head, middle) = shape.pattern_delivery(&matching(shape.prefix(), number));
                let ledgers = (0..shape.channels()).map(|_| Ledger::new(publishers)).collect();
                Matching { head, middle, ledgers }
            })
            .collect();
        Self { link, matching, next: 0, received: 0 }
    }

    pub(super) fn received(&self) -> u64 {
        self.received
    }

    pub(super) fn handle(&mut self, event: &Event, buffer: &mut [u8], shape: &Shape) -> anyhow::Result<()> {
        let Self { link, matching, next, received } = self;
        link.handle(event, buffer, |bytes, _| Ok(scan(matching, next, received, shape, bytes)?))
    }

    /// What was wrong, if so many messages were published to each channel.
    pub(super) fn faults(&self, published: &[u64]) -> Faults {
        let mut faults = Faults::default();
        for pattern in &self.matching {
            for (ledger, &published) in pattern.ledgers.iter().zip(published) {
                faults.add(ledger.faults(published));
            }
        }
        faults
    }
}

/// Takes the whole frames at the start of `bytes` and says how long they are together.
fn scan(
    patterns: &mut [Matching],
    next: &mut usize,
    received: &mut u64,
    shape: &Shape,
    bytes: &[u8],
) -> Result<usize, Foreign> {
    let mut rest = bytes;
    while !rest.is_empty() {
        let count = patterns.len();
        let found = (0..count).map(|at| (*next + at) % count).find(|&at| rest.starts_with(&patterns[at].head));
        let Some(at) = found else {
            if patterns.iter().any(|pattern| pattern.head.starts_with(rest)) {
                break;
            }
            return Err(Foreign::new(rest));
        };
        let Matching { head, middle, ledgers } = &mut patterns[at];
        let channel_end = head.len() + CHANNEL_DIGITS;
        let body_at = channel_end + middle.len();
        let Some(frame) = rest.get(..body_at + STAMP_LEN + shape.tail().len()) else { break };
        let channel = read_channel(&frame[head.len()..channel_end]);
        let Some(ledger) = channel.and_then(|channel| ledgers.get_mut(channel)) else {
            return Err(Foreign::new(frame));
        };
        if frame[channel_end..body_at] != *middle {
            return Err(Foreign::new(frame));
        }
        ledger.take(&frame[body_at..], shape.tail());
        *received += 1;
        *next = at + 1;
        rest = &rest[frame.len()..];
    }
    Ok(bytes.len() - rest.len())
}

/// A pattern that shares its start with the channels but matches none.
fn plain(prefix: &str, number: u32) -> String {
    format!("{prefix}nobody:{number}:*")
}

/// A pattern that matches none of the channels: `prefix` and six digits.
///
/// Of twenty in a row, as many have each shape as seems usual: nearly half name what they begin with.
fn mixed(prefix: &str, number: u32) -> String {
    match number % 20 {
        0..=6 => format!("{prefix}order:{number}:*"),
        7..=9 => format!("order:{number}*"),
        10..=12 => format!("*:order{number}"),
        13 => format!("*order{number}x*"),
        14 => format!("{prefix}order:?{number}"),
        15 => format!("order:[0-9]{number}"),
        16 => format!("{prefix}[a-f]?[^0-9]{number}"),
        17 => format!("o*r*c{number}"),
        18 => format!("{prefix}o*:c{number}:*"),
        _ => format!("{prefix}\\[order\\*{number}\\]*"),
    }
}

/// A pattern that matches every channel of this run and of no other; each number below [`MATCHING_MAX`] has its own.
fn matching(prefix: &str, number: u32) -> String {
    let run = &prefix[prefix.find(':').unwrap_or(0)..];
    let start = match number % 3 {
        0 => prefix.to_owned(),
        1 => format!("*{run}"),
        _ => format!("[a-c]?nch{run}"),
    };
    format!("{start}{}*", "?".repeat((number / 3) as usize))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use fanfare_wire::glob_match;

    use super::super::protocol::Protocol;
    use super::*;

    #[test]
    fn so_many_patterns_match_each_channel() {
        let shape = Shape::new(Protocol::Resp, 77, 1, 20);
        for pattern_shapes in [PatternShapes::Plain, PatternShapes::Mixed] {
            let names = Plan { patterns: 5000, pattern_shapes, matching: MATCHING_MAX }.names(shape.prefix());
            assert_eq!(names.iter().collect::<HashSet<_>>().len(), 5000);
            for channel in [0, 1, 77, 123, 4_999, 10_000, 654_321, 999_999] {
                let channel = shape.channel(channel);
                let matches = names.iter().map(|name| glob_match(name.as_bytes(), channel.as_bytes()));
                let wrong = matches.enumerate().find(|&(at, matches)| matches != (at < MATCHING_MAX as usize));
                assert_eq!(wrong, None, "{channel}");
            }
            let other_run = names.iter().find(|name| glob_match(name.as_bytes(), b"bench:0000078:000001"));
            assert_eq!(other_run, None);
        }
    }

    /// What two patterns get of these messages, as (pattern, channel, sequence); a frame may be spoiled after that.
    fn check(messages: &[(u32, u32, u64)], spoil: impl Fn(&mut Vec<u8>)) -> Result<Faults, Foreign> {
        let shape = Shape::new(Protocol::Resp, 77, 2, 20);
        let mut patterns: Vec<Matching> = (0..2)
            .map(|number| {
                let (head, middle) = shape.pattern_delivery(&matching(shape.prefix(), number));
                Matching { head, middle, ledgers: vec![Ledger::new(1), Ledger::new(1)] }
            })
            .collect();
        let mut bytes = Vec::new();
        for &(pattern, channel, sequence) in messages {
            let Matching { head, middle, .. } = &patterns[pattern as usize];
            let (channel, stamp) = (format!("{channel:06}"), format!("{sequence:016}"));
            bytes.extend([head, channel.as_bytes(), middle, stamp.as_bytes(), shape.tail()].concat());
        }
        spoil(&mut bytes);
        let (mut next, mut received, mut kept) = (0, 0, Vec::new());
        for byte in bytes {
            kept.push(byte);
            let used = scan(&mut patterns, &mut next, &mut received, &shape, &kept)?;
            kept.drain(..used);
        }
        assert_eq!((received, kept.len()), (messages.len() as u64, 0));
        let mut faults = Faults::default();
        patterns.iter().flat_map(|pattern| &pattern.ledgers).for_each(|ledger| faults.add(ledger.faults(1)));
        Ok(faults)
    }

    #[test]
    fn each_pattern_gets_each_message_once_and_unharmed() {
        let good = [(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0)];
        assert_eq!(check(&good, |_| {}), Ok(Faults::default()));
        assert_eq!(check(&good[..3], |_| {}), Ok(Faults { lost: 1, ..Faults::default() }));
        let twice = [(0, 0, 0), (1, 0, 0), (1, 1, 0), (1, 1, 0)];
        let faults = check(&twice, |_| {}).expect("all are messages");
        assert_eq!((faults.lost, faults.repeated), (1, 1));
        let spoiled = check(&good, |bytes| *bytes.iter_mut().nth_back(2).expect("there is a payload") ^= 1);
        assert_eq!(spoiled, Ok(Faults { wrong_content: 1, ..Faults::default() }));
        assert!(check(&[(0, 7, 0)], |_| {}).is_err());
        assert!(check(&good, |bytes| bytes[30] ^= 1).is_err());
    }
}
