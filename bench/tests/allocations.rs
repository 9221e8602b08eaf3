//! In the steady state neither a message nor a delivery allocates: from the bytes of PUBLISH to those of the frames.

use fanfare_bench::{SinkWorker, encoded};
use fanfare_engine::ConnId;

const CHANNEL: &str = "news:eu:sport";

/// Turns until every buffer has the size it keeps.
const WARMUP_TURNS: usize = 200;
const TURNS: usize = 1_000;

/// One in a hundred turns: a buffer grows yet, or the log takes a further segment. Anything done for each message or
/// delivery is a hundred times as much.
const GROWTH_MAX: u64 = TURNS as u64 / 100;

/// Allocations while a new connection publishes `pipeline` messages in each of many turns.
fn allocations(worker: &mut SinkWorker, pipeline: usize, payload_bytes: usize) -> u64 {
    let publisher = worker.connect();
    let requests = encoded(&["PUBLISH", CHANNEL, &"x".repeat(payload_bytes)]).repeat(pipeline);
    allocations_of_turns(worker, publisher, &[requests])
}

/// Allocations while a connection sends one of `reads` after the other, again and again.
fn allocations_of_turns(worker: &mut SinkWorker, conn: ConnId, reads: &[Vec<u8>]) -> u64 {
    let mut turns = |count: usize| {
        for bytes in reads.iter().cycle().take(count) {
            assert!(worker.turn(conn, bytes) > 0, "there is at least a reply");
        }
    };
    turns(WARMUP_TURNS);
    allocation_counter::measure(|| turns(TURNS)).count_total
}

#[track_caller]
fn assert_steady(allocations: u64) {
    assert!(allocations <= GROWTH_MAX, "{allocations} allocations in {TURNS} turns");
}

/// A worker with so many subscribers, every other one in RESP3; each has one subscription that matches the channel,
/// every fifth by a pattern.
fn worker(subscribers: usize) -> SinkWorker {
    let mut worker = SinkWorker::new();
    for number in 0..subscribers {
        let conn = worker.connect_with(&[&["HELLO", if number % 2 == 0 { "2" } else { "3" }]]);
        let request = if number % 5 == 4 { ["PSUBSCRIBE", "news:*"] } else { ["SUBSCRIBE", CHANNEL] };
        worker.turn(conn, &encoded(&request));
    }
    worker
}

/// As [`worker`], and each subscriber has further subscriptions: one that does not match and two that do.
fn worker_of_many_subscriptions(subscribers: usize) -> SinkWorker {
    let mut worker = SinkWorker::new();
    for number in 0..subscribers {
        let conn = worker.connect_with(&[&["HELLO", if number % 2 == 0 { "2" } else { "3" }]]);
        worker.turn(conn, &encoded(&["SUBSCRIBE", "other", CHANNEL]));
        worker.turn(conn, &encoded(&["PSUBSCRIBE", "*:sport"]));
    }
    worker
}

#[test]
fn the_counter_counts() {
    let info = allocation_counter::measure(|| drop(std::hint::black_box(vec![1_u8])));
    assert_eq!(info.count_total, 1);
}

#[test]
fn publishing_to_nobody_allocates_nothing() {
    assert_steady(allocations(&mut SinkWorker::new(), 1, 64));
    assert_steady(allocations(&mut SinkWorker::new(), 64, 64));
}

#[test]
fn one_message_a_turn_allocates_nothing() {
    for subscribers in [1, 10, 100] {
        assert_steady(allocations(&mut worker(subscribers), 1, 64));
    }
}

#[test]
fn a_pipeline_allocates_nothing() {
    for subscribers in [1, 10, 100] {
        assert_steady(allocations(&mut worker(subscribers), 64, 64));
    }
}

/// What each gets by its several subscriptions has to be brought into the order of publication.
#[test]
fn subscribers_of_several_matching_names_allocate_nothing() {
    assert_steady(allocations(&mut worker_of_many_subscriptions(10), 1, 64));
    assert_steady(allocations(&mut worker_of_many_subscriptions(10), 64, 64));
}

#[test]
fn copied_payloads_of_some_size_allocate_nothing() {
    assert_steady(allocations(&mut worker(100), 1, 1024));
    assert_steady(allocations(&mut worker(100), 16, 16 * 1024));
}

/// A large payload is shared instead of copied: one allocation of it, a head and a tail for each of the encodings in
/// use (two dialects, by channel and by pattern), and none for a delivery.
#[test]
fn a_shared_payload_is_allocated_once() {
    const ENCODINGS: u64 = 4;
    let allocated = allocations(&mut worker(100), 1, 64 * 1024);
    assert_steady(allocated.saturating_sub(TURNS as u64 * (1 + 2 * ENCODINGS)));
}

#[test]
fn channels_known_to_the_pattern_cache_allocate_nothing() {
    let mut worker = worker(10);
    let publisher = worker.connect();
    let reads: Vec<Vec<u8>> =
        (0..100).map(|number| encoded(&["PUBLISH", &format!("news:{number}:sport"), "hi"])).collect();
    assert_steady(allocations_of_turns(&mut worker, publisher, &reads));
}

#[test]
fn publishing_to_oneself_allocates_nothing() {
    let mut worker = worker(10);
    let both = worker.connect_with(&[&["HELLO", "3"], &["SUBSCRIBE", CHANNEL]]);
    let requests = encoded(&["PUBLISH", CHANNEL, "hi"]).repeat(16);
    assert_steady(allocations_of_turns(&mut worker, both, &[requests]));
}
