//! What is counted.

use std::hint::black_box;
use std::sync::Arc;

use fanfare_bench::{SinkWorker, encoded, matched_channel, mixed_pattern, total};
use fanfare_fanout::{Fanout, Interest, InterestOptions, Kind, PatternSet};
use fanfare_wire::{Message, MessageKind, Parsed, Protocol, RequestArgs, RequestLimits, RequestParser};

use crate::{Case, counted};

pub(crate) const CASES: &[Case] = &[
    Case { name: "parse/publish", operations: 1_000, run: |operations| parse(1, operations) },
    Case { name: "parse/pipeline-64", operations: 100, run: |operations| parse(64, operations) },
    Case { name: "encode/resp2", operations: 1_000, run: |operations| encode(Protocol::Resp2, None, operations) },
    Case { name: "encode/resp3", operations: 1_000, run: |operations| encode(Protocol::Resp3, None, operations) },
    Case {
        name: "encode/resp3-pattern",
        operations: 1_000,
        run: |operations| encode(Protocol::Resp3, Some(b"news:*"), operations),
    },
    Case { name: "append/64-bytes", operations: 6_400, run: |operations| append(64, operations) },
    Case { name: "append/16-kib", operations: 6_400, run: |operations| append(16 * 1024, operations) },
    Case { name: "match/1", operations: 10_000, run: |operations| matching(1, operations) },
    Case { name: "match/1000", operations: 10_000, run: |operations| matching(1_000, operations) },
    Case { name: "match/100000", operations: 10_000, run: |operations| matching(100_000, operations) },
    Case { name: "publish/to-0", operations: 1_000, run: |operations| publish(0, 1, 64, operations) },
    Case { name: "publish/to-1", operations: 1_000, run: |operations| publish(1, 1, 64, operations) },
    Case { name: "publish/to-100", operations: 200, run: |operations| publish(100, 1, 64, operations) },
    Case { name: "publish/to-1000", operations: 50, run: |operations| publish(1_000, 1, 64, operations) },
    Case { name: "publish/64-to-1000", operations: 20, run: |operations| publish(1_000, 64, 64, operations) },
    Case { name: "publish/16-of-16-kib-to-100", operations: 20, run: |operations| publish(100, 16, 16384, operations) },
    Case { name: "publish/to-3-patterns-of-10000", operations: 200, run: publish_to_patterns },
    Case { name: "subscribe/own-channel", operations: 200, run: |operations| subscribe(0, operations) },
    Case { name: "subscribe/one-of-10000", operations: 200, run: |operations| subscribe(10_000, operations) },
    Case { name: "subscribe/pattern", operations: 200, run: subscribe_pattern },
];

const CHANNEL: &str = "news:eu:sport";

fn publishes(count: usize, payload_bytes: usize) -> Vec<u8> {
    encoded(&["PUBLISH", CHANNEL, &"x".repeat(payload_bytes)]).repeat(count)
}

/// An operation is a read with so many requests.
fn parse(pipeline: usize, operations: usize) {
    let input = publishes(pipeline, 64);
    let (mut parser, mut args) = (RequestParser::new(), RequestArgs::new());
    let mut parse = || {
        let mut rest = black_box(&input[..]);
        while !rest.is_empty() {
            let parsed = parser.parse(rest, &RequestLimits::DEFAULT, &mut args);
            let Ok(Parsed::Complete { consumed }) = black_box(parsed) else { panic!("whole requests") };
            rest = &rest[consumed..];
        }
    };
    parse();
    counted(&mut || (0..operations).for_each(|_| parse()));
}

fn encode(protocol: Protocol, pattern: Option<&[u8]>, operations: usize) {
    let kind = pattern.map_or(MessageKind::Channel, MessageKind::Pattern);
    let message = Message { kind, channel: CHANNEL.as_bytes(), payload: &[b'x'; 64] };
    let dialect = protocol.dialect();
    let mut frame = Vec::with_capacity(256);
    counted(&mut || {
        for _ in 0..operations {
            frame.clear();
            dialect.encode_head(black_box(&message), &mut frame);
            dialect.encode_tail(&mut frame);
            black_box(&frame);
        }
    });
}

/// From the mailbox into the frame log and one outbox, 64 messages at a time; publishing and writing is not counted.
fn append(payload_bytes: usize, operations: usize) {
    const BATCH: usize = 64;
    let interest = Arc::new(Interest::<()>::new(InterestOptions::default()));
    let mut fanout = Fanout::new(interest, 0, &[Protocol::Resp2.dialect(), Protocol::Resp3.dialect()]);
    let subscriber = fanout.add(Protocol::Resp2 as usize, Arc::default());
    fanout.subscribe(subscriber, Kind::Channel, CHANNEL.as_bytes());
    let payload = vec![b'x'; payload_bytes];
    for _ in 0..operations / BATCH {
        for _ in 0..BATCH {
            fanout.publish(Kind::Channel, CHANNEL.as_bytes(), &payload);
        }
        counted(&mut || fanout.poll_mailbox(0));
        while let Some(id) = fanout.next_dirty() {
            fanout.transmit(id, |slices| Ok(total(slices)));
        }
    }
}

/// Channels of each shape against patterns of each shape; those of a few numbers have a match.
fn matching(patterns: usize, operations: usize) {
    // Each set has a random seed of its own, and what collides under it: their mean varies less.
    const SETS: usize = 4;
    let channels: Vec<String> =
        (0..operations / SETS).map(|number| matched_channel(number * 97 % patterns.max(2_000))).collect();
    for _ in 0..SETS {
        let mut set = PatternSet::new();
        for number in 0..patterns {
            set.get_or_insert_with(mixed_pattern(number).as_bytes(), || number);
        }
        let mut matched = 0;
        counted(&mut || {
            for channel in &channels {
                set.for_each_match(channel.as_bytes(), |_, number| matched += *number);
            }
        });
        black_box(matched);
    }
}

/// An operation is a read of `pipeline` PUBLISH requests and all that follows: parsing, execution, distribution to the
/// subscribers and what would be their writes.
fn publish(subscribers: usize, pipeline: usize, payload_bytes: usize, operations: usize) {
    let mut worker = SinkWorker::new();
    for _ in 0..subscribers {
        worker.connect_with(&[&["SUBSCRIBE", CHANNEL]]);
    }
    publish_to(&mut worker, subscribers, &publishes(pipeline, payload_bytes), pipeline * payload_bytes, operations);
}

/// The patterns that match are remembered after the first time.
fn publish_to_patterns(operations: usize) {
    let mut worker = SinkWorker::new();
    let subscriber = worker.connect();
    for number in 0..10_000 {
        worker.turn(subscriber, &encoded(&["PSUBSCRIBE", &mixed_pattern(number)]));
    }
    for pattern in ["news:*", "*:sport", "*:eu:*"] {
        worker.connect_with(&[&["HELLO", "3"], &["PSUBSCRIBE", pattern]]);
    }
    publish_to(&mut worker, 3, &publishes(1, 64), 64, operations);
}

fn publish_to(worker: &mut SinkWorker, receivers: usize, requests: &[u8], payload_bytes: usize, operations: usize) {
    let publisher = worker.connect();
    // Enough that every buffer has its size.
    for _ in 0..10 {
        let sent = worker.turn(publisher, requests);
        assert!(sent > receivers * payload_bytes, "every subscriber gets every message");
    }
    counted(&mut || {
        for _ in 0..operations {
            black_box(worker.turn(publisher, requests));
        }
    });
}

/// An operation is SUBSCRIBE and UNSUBSCRIBE of a channel that has so many other subscribers.
fn subscribe(others: usize, operations: usize) {
    let mut worker = SinkWorker::new();
    for _ in 0..others {
        worker.connect_with(&[&["SUBSCRIBE", CHANNEL]]);
    }
    subscribe_with(&mut worker, ["SUBSCRIBE", "UNSUBSCRIBE"], CHANNEL, operations);
}

fn subscribe_pattern(operations: usize) {
    let mut worker = SinkWorker::new();
    let other = worker.connect();
    for number in 0..1_000 {
        worker.turn(other, &encoded(&["PSUBSCRIBE", &mixed_pattern(number)]));
    }
    subscribe_with(&mut worker, ["PSUBSCRIBE", "PUNSUBSCRIBE"], "news:*:sport", operations);
}

fn subscribe_with(worker: &mut SinkWorker, [come, go]: [&str; 2], name: &str, operations: usize) {
    let subscriber = worker.connect();
    let (come, go) = (encoded(&[come, name]), encoded(&[go, name]));
    let mut pair = || {
        black_box(worker.turn(subscriber, &come));
        black_box(worker.turn(subscriber, &go));
    };
    (0..10).for_each(|_| pair());
    counted(&mut || (0..operations).for_each(|_| pair()));
}
