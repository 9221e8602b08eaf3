//! Workers on threads of their own: what the models check for a few messages, for many.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Barrier};
use std::thread;

use fanfare_wire::{Dialect, FrameView, MessageKind, Resp2};

use crate::{Fanout, Interest, InterestOptions, Kind, SubscriberId, WorkerId};

const WORKERS: usize = 4;
const SUBSCRIBERS: usize = 5;
const STEPS: usize = 6_000;
const CHANNELS: [&[u8]; 5] = [b"a", b"ab", b"abc", b"b", b"ba"];
const PATTERNS: [&[u8]; 4] = [b"a*", b"*b", b"??", b"*"];

static DIALECTS: [&dyn Dialect; 1] = [&Resp2];

/// A small generator of numbers that look random (xorshift64): each thread has its own, so runs differ only in timing.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % bound
    }
}

struct Subscriber {
    id: SubscriberId,
    /// By index: channels, then patterns.
    subscribed: [bool; CHANNELS.len() + PATTERNS.len()],
    received: Vec<u8>,
}

fn name(index: usize) -> (Kind, &'static [u8]) {
    match CHANNELS.get(index) {
        Some(channel) => (Kind::Channel, channel),
        None => (Kind::Pattern, PATTERNS[index - CHANNELS.len()]),
    }
}

struct Worker {
    fanout: Fanout<()>,
    /// The first is subscribed to all channels all the time; the others come and go.
    subscribers: Vec<Subscriber>,
    counted: u64,
}

impl Worker {
    fn new(interest: &Arc<Interest<()>>, worker: WorkerId) -> Self {
        let mut fanout = Fanout::new(Arc::clone(interest), worker, &DIALECTS);
        let mut subscribers: Vec<Subscriber> = (0..SUBSCRIBERS)
            .map(|_| Subscriber {
                id: fanout.add(0, Arc::default()),
                subscribed: Default::default(),
                received: Vec::new(),
            })
            .collect();
        let witness = &mut subscribers[0];
        for channel in CHANNELS {
            fanout.subscribe(witness.id, Kind::Channel, channel);
        }
        Self { fanout, subscribers, counted: 0 }
    }

    fn run(&mut self, worker: WorkerId) {
        let mut random = Random(0x9e37_79b9_7f4a_7c15 ^ (worker as u64 + 1));
        for step in 0..STEPS {
            let channel = CHANNELS[random.below(CHANNELS.len())];
            let message = (worker * STEPS + step).to_string();
            self.counted += self.fanout.publish(Kind::Channel, channel, message.as_bytes()).receivers;
            if random.below(3) == 0 {
                let subscriber = &mut self.subscribers[1 + random.below(SUBSCRIBERS - 1)];
                let index = random.below(subscriber.subscribed.len());
                let (kind, name) = name(index);
                let subscribed = &mut subscriber.subscribed[index];
                if std::mem::replace(subscribed, !*subscribed) {
                    self.fanout.unsubscribe(subscriber.id, kind, name);
                } else {
                    self.fanout.subscribe(subscriber.id, kind, name);
                }
            }
            if random.below(4) == 0 {
                self.turn();
            }
        }
    }

    fn turn(&mut self) {
        self.fanout.poll_mailbox(0);
        while let Some(id) = self.fanout.next_dirty() {
            let received = &mut self.subscribers[id as usize].received;
            self.fanout.transmit(id, |slices| -> io::Result<usize> {
                let before = received.len();
                slices.iter().for_each(|slice| received.extend_from_slice(slice));
                Ok(received.len() - before)
            });
        }
    }
}

/// A received message: its channel, what it was matched by, its number.
struct Received {
    channel: Vec<u8>,
    pattern: Option<Vec<u8>>,
    message: usize,
}

/// A subscriber's newest message of a channel: its place there, and what it was matched by so far.
type Last<'a> = (usize, Vec<&'a Option<Vec<u8>>>);

fn parse(mut bytes: &[u8]) -> Vec<Received> {
    let mut all = Vec::new();
    while !bytes.is_empty() {
        let FrameView { kind, channel, len, .. } = Resp2.view(bytes).expect("a frame");
        let pattern = match kind {
            MessageKind::Pattern(pattern) => Some(pattern.to_vec()),
            MessageKind::Channel | MessageKind::Shard => None,
        };
        // The payload is the last line of the frame.
        let text = str::from_utf8(&bytes[..len]).unwrap();
        let message = text.lines().next_back().unwrap().parse().unwrap();
        all.push(Received { channel: channel.to_vec(), pattern, message });
        bytes = &bytes[len..];
    }
    all
}

#[test]
fn all_that_is_counted_arrives_in_one_order_per_channel() {
    let interest = Arc::new(Interest::new(InterestOptions { workers: WORKERS, ..InterestOptions::default() }));
    let mut workers: Vec<Worker> = (0..WORKERS).map(|worker| Worker::new(&interest, worker)).collect();
    let barrier = Barrier::new(WORKERS);
    thread::scope(|scope| {
        for (at, worker) in workers.iter_mut().enumerate() {
            let barrier = &barrier;
            scope.spawn(move || {
                barrier.wait();
                worker.run(at);
                // All have published when the last of it is fetched.
                barrier.wait();
                worker.turn();
            });
        }
    });

    let counted: u64 = workers.iter().map(|worker| worker.counted).sum();
    let received: Vec<Vec<Vec<Received>>> = workers
        .iter()
        .map(|worker| worker.subscribers.iter().map(|subscriber| parse(&subscriber.received)).collect())
        .collect();
    assert_eq!(received.iter().flatten().map(|all| all.len() as u64).sum::<u64>(), counted);
    // Each message and its place in its channel, as the first worker's witness saw it.
    let mut ranks: HashMap<usize, (usize, &[u8])> = HashMap::new();
    let mut lengths: HashMap<&[u8], usize> = HashMap::new();
    for Received { channel, message, .. } in &received[0][0] {
        let length = lengths.entry(channel).or_default();
        assert!(ranks.insert(*message, (*length, channel)).is_none(), "{message} came twice");
        *length += 1;
    }
    assert_eq!(ranks.len(), WORKERS * STEPS, "the witness sees every message");

    for (worker, subscribers) in received.iter().enumerate() {
        for (subscriber, all) in subscribers.iter().enumerate() {
            let mut last: HashMap<&[u8], Last<'_>> = HashMap::new();
            for Received { channel, pattern, message } in all {
                let (rank, of) = ranks[message];
                assert_eq!(of, channel);
                match last.get_mut(&channel[..]) {
                    Some((before, by)) if *before == rank => {
                        assert!(!by.contains(&pattern), "{message} came twice by the same subscription");
                        by.push(pattern);
                    }
                    Some((before, _)) if *before > rank => {
                        panic!("{message} came out of order to subscriber {subscriber} of worker {worker}")
                    }
                    Some((before, _)) if subscriber == 0 && *before + 1 != rank => {
                        panic!("worker {worker}'s witness missed a message before {message}")
                    }
                    _ => {
                        last.insert(channel, (rank, vec![pattern]));
                    }
                }
            }
        }
        assert_eq!(subscribers[0].len(), WORKERS * STEPS, "each worker's witness sees every message");
    }

    for worker in &mut workers {
        for subscriber in &worker.subscribers {
            for index in 0..subscriber.subscribed.len() {
                let (kind, name) = name(index);
                if subscriber.subscribed[index] || (subscriber.id == worker.subscribers[0].id && kind == Kind::Channel)
                {
                    worker.fanout.unsubscribe(subscriber.id, kind, name);
                }
            }
            worker.fanout.remove(subscriber.id);
        }
    }
    assert_eq!((interest.names(Kind::Channel), interest.names(Kind::Pattern)), (0, 0));
}
