//! Workers in memory against a naive model: who gets what, in which order, and what is kept of it.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use fanfare_wire::{Dialect, FrameView, MessageKind, Resp2, Resp3, glob_match};
use proptest::prelude::*;

use super::*;

static DIALECTS: [&dyn Dialect; 2] = [&Resp2, &Resp3];

#[derive(Clone, Debug)]
enum Op {
    Subscribe { subscriber: usize, kind: Kind, name: u8 },
    Unsubscribe { subscriber: usize, kind: Kind, name: u8 },
    Publish { worker: usize, shard: bool, channel: u8, len: usize },
    Poll { worker: usize },
    Send { subscriber: usize, bytes: usize },
    Dialect { subscriber: usize },
}

const CHANNELS: [&str; 4] = ["a", "ab", "abc", "b"];
const PATTERNS: [&str; 4] = ["a*", "*b", "?", "[ab]*"];

fn name(kind: Kind, name: u8) -> &'static [u8] {
    match kind {
        Kind::Pattern => PATTERNS[name as usize].as_bytes(),
        Kind::Channel | Kind::Shard => CHANNELS[name as usize].as_bytes(),
    }
}

fn op(workers: usize, subscribers: usize) -> impl Strategy<Value = Op> {
    let kind = prop_oneof![Just(Kind::Channel), Just(Kind::Pattern), Just(Kind::Shard)];
    let subscribe = (0..subscribers, kind, 0..4_u8);
    prop_oneof![
        3 => subscribe.clone().prop_map(|(subscriber, kind, name)| Op::Subscribe { subscriber, kind, name }),
        1 => subscribe.prop_map(|(subscriber, kind, name)| Op::Unsubscribe { subscriber, kind, name }),
        6 => (0..workers, any::<bool>(), 0..4_u8, prop_oneof![0..200_usize, Just(40_000)])
            .prop_map(|(worker, shard, channel, len)| Op::Publish { worker, shard, channel, len }),
        2 => (0..workers).prop_map(|worker| Op::Poll { worker }),
        2 => (0..subscribers, 1..2_000_usize).prop_map(|(subscriber, bytes)| Op::Send { subscriber, bytes }),
        1 => (0..subscribers).prop_map(|subscriber| Op::Dialect { subscriber }),
    ]
}

/// A subscriber with what the model says it must receive and what it did.
struct Model {
    worker: usize,
    id: SubscriberId,
    dialect: DialectId,
    names: BTreeSet<(Kind, u8)>,
    slots: std::collections::BTreeMap<(Kind, u8), Slot>,
    /// Publications it must see: sequence number, what it was matched by, and the dialect.
    expected: Vec<(u64, BTreeSet<Option<u8>>, DialectId)>,
    received: Vec<u8>,
}

fn send(fanout: &mut Fanout<()>, model: &mut Model, mut bytes: usize) {
    let received = &mut model.received;
    let result = fanout.transmit(model.id, |slices| {
        let before = received.len();
        for slice in slices {
            let take = slice.len().min(bytes);
            received.extend_from_slice(&slice[..take]);
            bytes -= take;
        }
        if received.len() == before { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(received.len() - before) }
    });
    if matches!(result, Transmit::Blocked) {
        fanout.unblock(model.id);
    }
}

fn run(workers: usize, ops: Vec<Op>) {
    let interest = Arc::new(Interest::new(InterestOptions { workers, ..InterestOptions::default() }));
    let mut fanouts: Vec<Fanout<()>> =
        (0..workers).map(|worker| Fanout::new(Arc::clone(&interest), worker, &DIALECTS)).collect();
    let mut models: Vec<Model> = (0..6)
        .map(|at| {
            let worker = at % workers;
            let dialect = at % 2;
            let id = fanouts[worker].add(dialect, Arc::default());
            Model {
                worker,
                id,
                dialect,
                names: BTreeSet::new(),
                slots: Default::default(),
                expected: Vec::new(),
                received: Vec::new(),
            }
        })
        .collect();
    let mut sequence = 0_u64;
    for op in ops {
        match op {
            Op::Subscribe { subscriber, kind, name: n } => {
                let model = &mut models[subscriber];
                if model.names.insert((kind, n)) {
                    let subscribed = fanouts[model.worker].subscribe(model.id, kind, name(kind, n));
                    model.slots.insert((kind, n), subscribed.slot);
                }
            }
            Op::Unsubscribe { subscriber, kind, name: n } => {
                let model = &mut models[subscriber];
                if model.names.remove(&(kind, n)) {
                    model.slots.remove(&(kind, n));
                    fanouts[model.worker].unsubscribe(model.id, kind, name(kind, n));
                }
            }
            Op::Publish { worker, shard, channel, len } => {
                sequence += 1;
                let kind = if shard { Kind::Shard } else { Kind::Channel };
                let text = CHANNELS[channel as usize].as_bytes();
                let mut payload = sequence.to_string().into_bytes();
                payload.resize(payload.len() + len, b'.');
                let mut expected = 0;
                for model in &mut models {
                    let matched: BTreeSet<Option<u8>> = model
                        .names
                        .iter()
                        .filter_map(|(k, n)| match k {
                            Kind::Pattern => {
                                (!shard && glob_match(PATTERNS[*n as usize].as_bytes(), text)).then_some(Some(*n))
                            }
                            k => (*k == kind && *n == channel).then_some(None),
                        })
                        .collect();
                    if !matched.is_empty() {
                        expected += matched.len() as u64;
                        model.expected.push((sequence, matched, model.dialect));
                    }
                }
                assert_eq!(fanouts[worker].publish(kind, text, &payload).receivers, expected);
            }
            Op::Poll { worker } => fanouts[worker].poll_mailbox(0),
            Op::Send { subscriber, bytes } => {
                let model = &mut models[subscriber];
                send(&mut fanouts[model.worker], model, bytes);
            }
            Op::Dialect { subscriber } => {
                let model = &mut models[subscriber];
                // What was published before is still delivered as it was: the cut is the mailbox's present end.
                fanouts[model.worker].poll_mailbox(0);
                model.dialect = 1 - model.dialect;
                fanouts[model.worker].set_dialect(model.id, model.dialect, model.slots.values().copied());
            }
        }
    }
    for fanout in &mut fanouts {
        fanout.poll_mailbox(0);
    }
    for model in &mut models {
        while fanouts[model.worker].outbox_bytes(model.id) > 0 {
            send(&mut fanouts[model.worker], model, usize::MAX);
        }
        check(model);
        for (kind, n) in std::mem::take(&mut model.names) {
            fanouts[model.worker].unsubscribe(model.id, kind, name(kind, n));
        }
        fanouts[model.worker].remove(model.id);
    }
    for fanout in &mut fanouts {
        fanout.handle_timeout(0);
        assert!(fanout.log_bytes() <= 2 * 512 * 1024, "nothing is referenced: {}", fanout.log_bytes());
    }
    assert_eq!((interest.names(Kind::Channel), interest.names(Kind::Pattern), interest.names(Kind::Shard)), (0, 0, 0));
}

fn check(model: &Model) {
    let mut rest = &model.received[..];
    for (sequence, matched, dialect) in &model.expected {
        let mut seen = BTreeSet::new();
        for at in 0..matched.len() {
            let FrameView { kind, len, .. } = DIALECTS[*dialect].view(rest).expect("a frame");
            let text = String::from_utf8_lossy(&rest[..len.min(rest.len())]);
            let digits = text.rsplit_once('\n').and_then(|(text, _)| text.rsplit_once('\n')).expect("a payload").1;
            let digits = digits.trim_end_matches(['\r', '.']);
            assert_eq!(digits, sequence.to_string());
            seen.insert(match kind {
                MessageKind::Pattern(p) => Some(PATTERNS.iter().position(|q| q.as_bytes() == p).unwrap() as u8),
                _ => {
                    assert_eq!(at, 0, "the channel's own message comes before the patterns'");
                    None
                }
            });
            rest = &rest[len..];
        }
        assert_eq!(&seen, matched);
    }
    assert!(rest.is_empty(), "more than expected: {}", String::from_utf8_lossy(rest));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn every_subscriber_gets_exactly_what_was_counted_in_order(
        workers in 1..4_usize,
        ops in prop::collection::vec(op(3, 6), 1..150),
    ) {
        let ops = ops
            .into_iter()
            .map(|op| match op {
                Op::Publish { worker, shard, channel, len } => {
                    Op::Publish { worker: worker % workers, shard, channel, len }
                }
                Op::Poll { worker } => Op::Poll { worker: worker % workers },
                op => op,
            })
            .collect();
        run(workers, ops);
    }
}

/// One worker with one stalled subscriber of `a` and `b` under `policy`.
fn stalled(policy: SlowPolicy, hard_bytes: usize, soft_bytes: usize) -> (Fanout<()>, SubscriberId) {
    let interest = Arc::new(Interest::new(InterestOptions::default()));
    let mut fanout = Fanout::new(interest, 0, &DIALECTS);
    let id = fanout.add(0, Arc::default());
    fanout.set_limits(id, OutboxLimits { hard_bytes, soft_bytes, soft_ms: 1_000, policy });
    fanout.set_wants_notice(id, true);
    for name in [&b"a"[..], b"b", LAG_CHANNEL] {
        fanout.subscribe(id, Kind::Channel, name);
    }
    (fanout, id)
}

fn received(fanout: &mut Fanout<()>, id: SubscriberId) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut bytes = Vec::new();
    fanout.unblock(id);
    while fanout.outbox_bytes(id) > 0 {
        fanout.transmit(id, |slices| {
            slices.iter().for_each(|slice| bytes.extend_from_slice(slice));
            Ok(slices.iter().map(|slice| slice.len()).sum())
        });
    }
    let mut rest = &bytes[..];
    let mut frames = Vec::new();
    while let Some(view) = Resp2.view(rest) {
        let frame = &rest[..view.len];
        let payload = frame.rsplitn(3, |byte| *byte == b'\n').nth(1).unwrap();
        frames.push((view.channel.to_vec(), payload[..payload.len() - 1].to_vec()));
        rest = &rest[view.len..];
    }
    assert!(rest.is_empty());
    frames
}

fn block(fanout: &mut Fanout<()>, id: SubscriberId, take: usize) -> Vec<u8> {
    let mut taken = Vec::new();
    let result = fanout.transmit(id, |slices| {
        if take == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        taken.extend_from_slice(&slices[0][..take]);
        Ok(take)
    });
    assert!(matches!(result, Transmit::Blocked));
    taken
}

#[test]
fn disconnect_says_so_once_at_the_hard_limit_and_after_the_soft_time() {
    let (mut fanout, id) = stalled(SlowPolicy::Disconnect, 10_000, 0);
    for _ in 0..20 {
        fanout.publish(Kind::Channel, b"a", &[b'x'; 1000]);
        fanout.poll_mailbox(0);
    }
    assert_eq!(fanout.poll_event(), Some(Event::Overflow(id, Overflow::Hard)));
    assert_eq!(fanout.poll_event(), None);

    let (mut fanout, id) = stalled(SlowPolicy::Disconnect, 0, 500);
    fanout.publish(Kind::Channel, b"a", &[b'x'; 1000]);
    fanout.poll_mailbox(5_000_000);
    fanout.handle_timeout(5_900_000);
    assert_eq!(fanout.poll_event(), None);
    fanout.handle_timeout(6_100_000);
    assert_eq!(fanout.poll_event(), Some(Event::Overflow(id, Overflow::Soft)));
}

#[test]
fn drop_oldest_keeps_the_newest_that_fit_and_tells_what_went() {
    let (mut fanout, id) = stalled(SlowPolicy::DropOldest, 1_000, 0);
    fanout.publish(Kind::Channel, b"a", b"first");
    fanout.poll_mailbox(0);
    // The first frame has begun to be sent, so it can't be dropped any more.
    let begun = block(&mut fanout, id, 10);
    assert_eq!(begun, b"*3\r\n$7\r\nme");
    for i in 0..100 {
        fanout.publish(Kind::Channel, if i % 2 == 0 { b"a" } else { b"b" }, format!("{i}").as_bytes());
        fanout.poll_mailbox(0);
        assert!(fanout.outbox_bytes(id) <= 1_000);
    }
    let mut events = 0;
    while let Some(event) = fanout.poll_event() {
        let Event::Dropped { count, .. } = event else { panic!("{event:?}") };
        events += count;
    }
    fanout.unblock(id);
    let mut bytes = begun;
    fanout.transmit(id, |slices| {
        slices.iter().for_each(|slice| bytes.extend_from_slice(slice));
        Ok(slices.iter().map(|slice| slice.len()).sum())
    });
    let text = String::from_utf8(bytes).unwrap();
    assert!(
        text.starts_with(
            "*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$5\r\nfirst\r\n*3\r\n$7\r\nmessage\r\n$15\r\n__fanfare__:lag"
        )
    );
    assert!(text.ends_with("$1\r\nb\r\n$2\r\n99\r\n"));
    let kept = text.matches("message").count() as u64 - 2;
    assert_eq!(kept + events, 100);
    assert!(text.contains(&format!(r#"{{"count":{events},"bytes":"#)), "{text}");
    assert!(text.contains(r#""channels":[{"name":"a","count":"#), "{text}");
}

#[test]
fn latest_keeps_one_message_of_each_channel() {
    let (mut fanout, id) = stalled(SlowPolicy::Latest, 0, 500);
    fanout.publish(Kind::Channel, b"a", b"");
    fanout.poll_mailbox(0);
    block(&mut fanout, id, 0);
    for i in 0..1_000 {
        fanout.publish(Kind::Channel, if i % 2 == 0 { b"a" } else { b"b" }, format!("{i}").as_bytes());
        fanout.poll_mailbox(0);
        assert!(fanout.outbox_bytes(id) <= 600);
    }
    let frames = received(&mut fanout, id);
    // At most the soft limit's worth of messages, the newest of each channel among them.
    assert_eq!(frames[0].0, LAG_CHANNEL);
    assert_eq!(frames[frames.len() - 2..], [(b"a".to_vec(), b"998".to_vec()), (b"b".to_vec(), b"999".to_vec())]);
    assert!(frames.len() < 20);
}

#[test]
fn stalled_subscribers_share_the_log() {
    let interest = Arc::new(Interest::new(InterestOptions::default()));
    let mut fanout: Fanout<()> = Fanout::new(interest, 0, &DIALECTS);
    let ids: Vec<SubscriberId> = (0..200).map(|_| fanout.add(0, Arc::default())).collect();
    for id in &ids {
        fanout.subscribe(*id, Kind::Channel, b"a");
    }
    fanout.publish(Kind::Channel, b"a", b"x");
    fanout.poll_mailbox(0);
    for id in &ids {
        block(&mut fanout, *id, 0);
    }
    for _ in 0..10_000 {
        fanout.publish(Kind::Channel, b"a", &[b'x'; 1000]);
        fanout.poll_mailbox(0);
    }
    let distinct = fanout.outbox_bytes(ids[0]);
    assert!(distinct > 10_000_000);
    assert!(fanout.log_bytes() < 2 * distinct + (4 << 20), "{} for {distinct}", fanout.log_bytes());
}

#[test]
fn publishers_are_told_when_the_flusher_is_behind() {
    let interest =
        Arc::new(Interest::new(InterestOptions { publish_window_bytes: 10_000, ..InterestOptions::default() }));
    let mut fanout: Fanout<()> = Fanout::new(interest, 0, &DIALECTS);
    let id = fanout.add(0, Arc::default());
    fanout.subscribe(id, Kind::Channel, b"a");
    for _ in 0..12 {
        fanout.publish(Kind::Channel, b"a", &[b'x'; 1000]);
        fanout.poll_mailbox(0);
    }
    assert!(fanout.is_behind());
    // A subscriber whose socket takes nothing holds nobody up.
    assert_eq!(fanout.next_dirty(), Some(id));
    block(&mut fanout, id, 0);
    assert!(!fanout.is_behind());
}

/// A worker whose publish window is 10,000 bytes, with one subscriber for each of so many channels, `0`, `1` ...
fn subscriber_per_channel(channels: usize) -> (Fanout<()>, Vec<SubscriberId>) {
    let options = InterestOptions { publish_window_bytes: 10_000, ..InterestOptions::default() };
    let mut fanout: Fanout<()> = Fanout::new(Arc::new(Interest::new(options)), 0, &DIALECTS);
    let ids = (0..channels)
        .map(|channel| {
            let id = fanout.add(0, Arc::default());
            fanout.subscribe(id, Kind::Channel, channel.to_string().as_bytes());
            id
        })
        .collect();
    (fanout, ids)
}

/// Publishes 1,000 bytes on each channel in turn until publishers should wait; returns how many times.
fn publish_until_behind(fanout: &mut Fanout<()>, channels: usize) -> usize {
    for count in 0..1_000 {
        if fanout.is_behind() {
            return count;
        }
        fanout.publish(Kind::Channel, (count % channels).to_string().as_bytes(), &[b'x'; 1000]);
        fanout.poll_mailbox(0);
    }
    panic!("publishers never have to wait");
}

#[test]
fn the_publish_window_is_each_subscribers_own() {
    for (channels, windows) in [(1, 1..=1), (10, 9..=10), (100, 15..=16)] {
        let (mut fanout, ids) = subscriber_per_channel(channels);
        let published = publish_until_behind(&mut fanout, channels);
        let bytes = published * 1_032;
        assert!(windows.contains(&(bytes / 10_000)), "{bytes} bytes with {channels} channels");
        // All are visited: nobody waits any more.
        while let Some(id) = fanout.next_dirty() {
            fanout.transmit(id, |slices| Ok(slices.iter().map(|slice| slice.len()).sum()));
        }
        assert!(!fanout.is_behind() && ids.iter().all(|id| fanout.outbox_bytes(*id) == 0));
    }
}

#[test]
fn a_subscriber_that_goes_holds_no_publisher_up() {
    let (mut fanout, ids) = subscriber_per_channel(1);
    publish_until_behind(&mut fanout, 1);
    fanout.unsubscribe(ids[0], Kind::Channel, b"0");
    fanout.remove(ids[0]);
    assert_eq!(fanout.next_dirty(), None);
    assert!(!fanout.is_behind());
}

#[test]
fn the_soft_time_starts_anew_after_the_queue_was_below_the_limit() {
    let (mut fanout, id) = stalled(SlowPolicy::Disconnect, 0, 1_500);
    fanout.publish(Kind::Channel, b"a", &[b'x'; 1000]);
    fanout.publish(Kind::Channel, b"a", &[b'x'; 1000]);
    fanout.poll_mailbox(1_000_000);
    block(&mut fanout, id, 1_000);
    fanout.handle_timeout(1_100_000);
    fanout.publish(Kind::Channel, b"a", &[b'x'; 1000]);
    fanout.poll_mailbox(50_000_000);
    fanout.handle_timeout(50_900_000);
    assert_eq!(fanout.poll_event(), None);
    fanout.handle_timeout(51_100_000);
    assert_eq!(fanout.poll_event(), Some(Event::Overflow(id, Overflow::Soft)));
}

#[test]
fn dropping_the_oldest_keeps_the_subscribers_own_bytes_in_order() {
    let (mut fanout, id) = stalled(SlowPolicy::DropOldest, 1_000, 0);
    fanout.set_wants_notice(id, false);
    fanout.push_own(id, b"+begun\r\n");
    block(&mut fanout, id, 3);
    for i in 0..100 {
        fanout.publish(Kind::Channel, b"a", format!("{i}").as_bytes());
        fanout.poll_mailbox(0);
        fanout.push_own(id, format!(":{i}\r\n").as_bytes());
        assert!(fanout.outbox_bytes(id) <= 1_000);
    }
    fanout.unblock(id);
    let mut bytes = Vec::new();
    fanout.transmit(id, |slices| {
        slices.iter().for_each(|slice| bytes.extend_from_slice(slice));
        Ok(slices.iter().map(|slice| slice.len()).sum())
    });
    let text = String::from_utf8(bytes).unwrap();
    let replies: String = (0..100).map(|i| format!(":{i}\r\n")).collect();
    let mut messages = String::new();
    let mut others = String::new();
    let mut rest = &text[..];
    while !rest.is_empty() {
        let len = match Resp2.view(rest.as_bytes()).filter(|_| rest.starts_with('*')) {
            Some(view) => {
                messages.push_str(&rest[..view.len]);
                view.len
            }
            None => {
                let len = rest.find('\n').unwrap() + 1;
                others.push_str(&rest[..len]);
                len
            }
        };
        rest = &rest[len..];
    }
    assert_eq!(others, format!("gun\r\n{replies}"));
    assert!(messages.ends_with("$2\r\n98\r\n*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$2\r\n99\r\n"), "{messages}");
    assert!(text.ends_with(":99\r\n"));
    // Nothing is left behind in the log.
    fanout.handle_timeout(0);
    assert!(fanout.log_bytes() <= 2 * 256 * 1024);
}

#[test]
fn what_is_dropped_before_the_first_visit_is_told_as_well() {
    let (mut fanout, id) = stalled(SlowPolicy::DropOldest, 1000, 0);
    for number in 0..5 {
        fanout.publish(Kind::Channel, b"a", format!("{number}{}", "x".repeat(300)).as_bytes());
    }
    fanout.poll_mailbox(0);
    let mut text = String::new();
    let result = fanout.transmit(id, |slices| {
        slices.iter().for_each(|slice| text.push_str(str::from_utf8(slice).unwrap()));
        Ok(slices.iter().map(|slice| slice.len()).sum())
    });
    assert!(matches!(result, Transmit::Drained));
    assert!(text.starts_with("*3\r\n$7\r\nmessage\r\n$15\r\n__fanfare__:lag\r\n"), "{text}");
}

#[test]
fn a_visit_of_a_blocked_subscriber_sends_nothing() {
    let (mut fanout, id) = stalled(SlowPolicy::DropOldest, 1000, 0);
    fanout.publish(Kind::Channel, b"a", b"first");
    fanout.poll_mailbox(0);
    block(&mut fanout, id, 3);
    for number in 0..5 {
        fanout.publish(Kind::Channel, b"a", format!("{number}{}", "x".repeat(300)).as_bytes());
    }
    fanout.poll_mailbox(0);
    // A reply is due, and the socket may take bytes again: the notice must still come before newer messages.
    let result = fanout.transmit(id, |_| panic!("nothing is to be written"));
    assert!(matches!(result, Transmit::Blocked));
}

#[test]
fn a_long_queue_that_goes_takes_its_memory_along() {
    let interest = Arc::new(Interest::new(InterestOptions::default()));
    let mut fanout: Fanout<()> = Fanout::new(interest, 0, &DIALECTS);
    let ids: Vec<SubscriberId> = (0..300).map(|_| fanout.add(0, Arc::default())).collect();
    for id in &ids {
        fanout.subscribe(*id, Kind::Channel, b"rare");
    }
    let busy = fanout.add(0, Arc::default());
    fanout.subscribe(busy, Kind::Channel, b"busy");
    // All of them are stalled; the many hold the same few bytes, one in a hundred.
    for number in 0..20_000 {
        fanout.publish(Kind::Channel, if number % 100 == 0 { b"rare" } else { b"busy" }, &[b'x'; 1000]);
        fanout.poll_mailbox(0);
        while let Some(id) = fanout.next_dirty() {
            block(&mut fanout, id, 0);
        }
    }
    assert!(fanout.log_bytes() > 20_000_000);
    let distinct = fanout.outbox_bytes(ids[0]);
    fanout.unsubscribe(busy, Kind::Channel, b"busy");
    fanout.remove(busy);
    fanout.handle_timeout(60_000_000);
    assert!(fanout.log_bytes() < 2 * distinct + (4 << 20), "{} for {distinct}", fanout.log_bytes());
}

#[test]
fn a_push_keeps_its_place_among_messages_and_reaches_only_who_was_meant() {
    let mut fanout: Fanout<()> = Fanout::new(Arc::new(Interest::new(InterestOptions::default())), 0, &DIALECTS);
    let add = |fanout: &mut Fanout<()>| {
        let gauge = Arc::default();
        (fanout.add(0, Arc::clone(&gauge)), gauge)
    };
    let own = |payload: &str| format!("*3\r\n$7\r\nmessage\r\n$1\r\np\r\n${}\r\n{payload}\r\n", payload.len());
    let push = |dialect, only_subscribed, payload| Push { dialect, only_subscribed, frame: own(payload).into_bytes() };
    let pushes: Arc<[Push]> = [push(0, true, "two"), push(1, false, "three")].into();
    let (id, gauge) = add(&mut fanout);
    fanout.push(0, id, &gauge, &pushes);
    fanout.subscribe(id, Kind::Channel, b"a");
    assert_eq!(fanout.outbox_bytes(id), 0, "it was not subscribed when the push came");
    fanout.publish(Kind::Channel, b"a", b"before");
    fanout.push(0, id, &gauge, &pushes);
    fanout.publish(Kind::Channel, b"a", b"after");
    fanout.poll_mailbox(0);
    let heard: Vec<_> = received(&mut fanout, id).into_iter().map(|(_, payload)| payload).collect();
    assert_eq!(heard, [&b"before"[..], b"two", b"after"]);
    fanout.unsubscribe(id, Kind::Channel, b"a");
    fanout.set_dialect(id, 1, std::iter::empty());
    fanout.push(0, id, &gauge, &pushes);
    fanout.poll_mailbox(0);
    assert_eq!(fanout.outbox_bytes(id), own("three").len());
    // A number that has passed to another connection.
    fanout.remove(id);
    fanout.push(0, id, &gauge, &pushes);
    let (next, _) = add(&mut fanout);
    assert_eq!(next, id);
    fanout.set_dialect(next, 1, std::iter::empty());
    fanout.poll_mailbox(0);
    assert_eq!(fanout.outbox_bytes(next), 0);
}
