//! Models of what workers do to each other, run in every interleaving (up to a bound on preemptions where noted).
//!
//! `RUSTFLAGS="--cfg loom" cargo test -p fanfare-fanout --release --lib loom_tests`

use std::sync::Arc;

use fanfare_wire::{Dialect, Resp2};
use loom::sync::{Condvar, Mutex};
use loom::thread;

use crate::{Fanout, Interest, InterestOptions, Kind, Published, SubscriberId, WorkerId, WorkerSet};

static DIALECTS: [&dyn Dialect; 1] = [&Resp2];

/// Explores `model` with at most `preemptions` in each run; `None` is every interleaving.
fn explore(preemptions: Option<usize>, model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    // A bound from the environment goes before the model's own, for a deeper look by hand.
    builder.preemption_bound = builder.preemption_bound.or(preemptions);
    builder.check(model);
}

fn interest(workers: usize, publish_window_bytes: usize) -> Arc<Interest<()>> {
    Arc::new(Interest::new(InterestOptions { workers, publish_window_bytes, ..InterestOptions::default() }))
}

fn contains(workers: WorkerSet, worker: WorkerId) -> bool {
    workers.iter().any(|other| other == worker)
}

/// What a worker sleeps on. A call made while it is awake is kept, as by an eventfd.
#[derive(Default)]
struct Bell {
    rung: Mutex<bool>,
    changed: Condvar,
}

impl Bell {
    fn ring(&self) {
        *self.rung.lock().unwrap() = true;
        self.changed.notify_one();
    }

    /// A call that never comes is a deadlock, which the model reports.
    fn sleep(&self) {
        let mut rung = self.rung.lock().unwrap();
        while !*rung {
            rung = self.changed.wait(rung).unwrap();
        }
        *rung = false;
    }
}

/// A worker with one connection.
struct Worker {
    fanout: Fanout<()>,
    id: SubscriberId,
    received: Vec<u8>,
}

impl Worker {
    fn new(interest: &Arc<Interest<()>>, worker: WorkerId) -> Self {
        let mut fanout = Fanout::new(Arc::clone(interest), worker, &DIALECTS);
        let id = fanout.add(0, Arc::default());
        Self { fanout, id, received: Vec::new() }
    }

    fn subscribe(&mut self, kind: Kind, name: &[u8]) {
        self.fanout.subscribe(self.id, kind, name);
    }

    fn unsubscribe(&mut self, kind: Kind, name: &[u8]) {
        self.fanout.unsubscribe(self.id, kind, name);
    }

    fn publish(&mut self, channel: &[u8], payload: &[u8]) -> Published {
        self.fanout.publish(Kind::Channel, channel, payload)
    }

    fn poll(&mut self) {
        self.fanout.poll_mailbox(0);
        while let Some(id) = self.fanout.next_dirty() {
            let received = &mut self.received;
            self.fanout.transmit(id, |slices| {
                let before = received.len();
                slices.iter().for_each(|slice| received.extend_from_slice(slice));
                Ok(received.len() - before)
            });
        }
    }

    /// The payloads received, in order; a payload is one character between `<` and `>`.
    fn payloads(&self) -> String {
        let text = String::from_utf8(self.received.clone()).unwrap();
        text.split('<').skip(1).map(|rest| &rest[..1]).collect()
    }
}

#[test]
fn two_publishers_are_seen_in_one_order() {
    explore(None, || {
        let interest = interest(2, usize::MAX);
        let mut workers = [0, 1].map(|worker| Worker::new(&interest, worker));
        workers.iter_mut().for_each(|worker| worker.subscribe(Kind::Channel, b"a"));
        let [mut first, mut second] = workers;
        let other = thread::spawn(move || {
            assert_eq!(second.publish(b"a", b"<2>").receivers, 2);
            second.poll();
            second
        });
        assert_eq!(first.publish(b"a", b"<1>").receivers, 2);
        first.poll();
        let mut second = other.join().unwrap();
        first.poll();
        second.poll();
        assert_eq!(first.payloads(), second.payloads());
        assert!(matches!(first.payloads().as_str(), "12" | "21"), "{}", first.payloads());
    });
}

/// The consumer is told of two publishes and sleeps in between; `also` is what else it does in its turn.
fn every_message_is_seen(preemptions: Option<usize>, publishers: &'static [&'static [u8]], also: fn(&mut Worker)) {
    explore(preemptions, move || {
        let interest = interest(2, usize::MAX);
        let bell = Arc::new(Bell::default());
        let mut consumer = Worker::new(&interest, 1);
        consumer.subscribe(Kind::Channel, b"a");
        let threads: Vec<_> = publishers
            .iter()
            .map(|messages| {
                let (interest, bell) = (Arc::clone(&interest), Arc::clone(&bell));
                thread::spawn(move || {
                    for message in *messages {
                        let payload = [b'<', *message, b'>'];
                        if contains(interest.publish(Kind::Channel, b"a", &payload).wake, 1) {
                            bell.ring();
                        }
                    }
                })
            })
            .collect();
        let expected: usize = publishers.iter().map(|messages| messages.len()).sum();
        loop {
            also(&mut consumer);
            consumer.poll();
            if consumer.payloads().len() == expected {
                break;
            }
            bell.sleep();
        }
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

#[test]
fn a_sleeping_consumer_sees_all_messages_of_one_publisher() {
    every_message_is_seen(None, &[b"123"], |_| {});
}

#[test]
fn a_sleeping_consumer_sees_all_messages_of_two_publishers() {
    every_message_is_seen(Some(3), &[b"1", b"2"], |_| {});
}

#[test]
fn a_consumer_that_fetches_beyond_a_cut_sees_all_messages() {
    every_message_is_seen(None, &[b"12"], |consumer| {
        consumer.subscribe(Kind::Channel, b"b");
        consumer.unsubscribe(Kind::Channel, b"b");
    });
}

/// Counts what two publishes say they reached, while the other worker does `change`.
fn received_is_what_was_counted(channels: [&'static [u8]; 2], change: fn(&mut Worker)) {
    explore(None, move || {
        let interest = interest(2, usize::MAX);
        let mut subscriber = Worker::new(&interest, 1);
        let publisher = {
            let interest = Arc::clone(&interest);
            thread::spawn(move || {
                channels.map(|channel| interest.publish(Kind::Channel, channel, b"<x>").receivers).iter().sum::<u64>()
            })
        };
        change(&mut subscriber);
        let counted = publisher.join().unwrap();
        subscriber.poll();
        assert_eq!(subscriber.payloads().len() as u64, counted);
    });
}

#[test]
fn a_channel_subscription_is_a_cut() {
    received_is_what_was_counted([b"a", b"a"], |subscriber| {
        subscriber.subscribe(Kind::Channel, b"a");
        subscriber.unsubscribe(Kind::Channel, b"a");
    });
}

#[test]
fn a_slot_used_again_gets_no_message_of_its_predecessor() {
    received_is_what_was_counted([b"a", b"b"], |subscriber| {
        subscriber.subscribe(Kind::Channel, b"a");
        subscriber.unsubscribe(Kind::Channel, b"a");
        subscriber.subscribe(Kind::Channel, b"b");
        subscriber.poll();
        subscriber.unsubscribe(Kind::Channel, b"b");
    });
}

#[test]
fn a_pattern_subscription_is_a_cut() {
    received_is_what_was_counted([b"a", b"b"], |subscriber| {
        subscriber.subscribe(Kind::Pattern, b"?");
        subscriber.unsubscribe(Kind::Pattern, b"?");
    });
}

#[test]
fn a_remembered_match_is_forgotten_in_time() {
    received_is_what_was_counted([b"a", b"a"], |subscriber| {
        subscriber.subscribe(Kind::Pattern, b"?");
        subscriber.subscribe(Kind::Pattern, b"a*");
        subscriber.unsubscribe(Kind::Pattern, b"?");
    });
}

#[test]
fn a_channel_and_a_pattern_that_matches_it_are_counted_together() {
    received_is_what_was_counted([b"a", b"a"], |subscriber| {
        subscriber.subscribe(Kind::Channel, b"a");
        subscriber.subscribe(Kind::Pattern, b"?");
        subscriber.unsubscribe(Kind::Channel, b"a");
    });
}

#[test]
fn a_pattern_subscription_is_a_cut_for_two_publishers() {
    explore(Some(4), || {
        let interest = interest(2, usize::MAX);
        let mut subscriber = Worker::new(&interest, 1);
        let publishers = [b"a", b"b"].map(|channel| {
            let interest = Arc::clone(&interest);
            thread::spawn(move || interest.publish(Kind::Channel, channel, b"<x>").receivers)
        });
        subscriber.subscribe(Kind::Pattern, b"?");
        subscriber.poll();
        subscriber.unsubscribe(Kind::Pattern, b"?");
        let counted: u64 = publishers.into_iter().map(|publisher| publisher.join().unwrap()).sum();
        subscriber.poll();
        assert_eq!(subscriber.payloads().len() as u64, counted);
    });
}

#[test]
fn a_publisher_that_waits_is_told_when_the_flusher_has_caught_up() {
    explore(None, || {
        let interest = interest(3, usize::MAX);
        let bells = Arc::new([Bell::default(), Bell::default()]);
        let mut all = WorkerSet::default();
        all.insert(2);
        let publishers = [0, 1].map(|worker| {
            let (interest, bells) = (Arc::clone(&interest), Arc::clone(&bells));
            thread::spawn(move || {
                while interest.must_wait(worker, all) {
                    bells[worker].sleep();
                }
            })
        });
        // The last of them says that it has caught up, as the flusher of a worker does sooner or later.
        for behind in [true, false] {
            interest.set_behind(2, behind).iter().for_each(|waiter| bells[waiter].ring());
        }
        publishers.into_iter().for_each(|publisher| publisher.join().unwrap());
    });
}

/// A worker whose flusher is never behind, in front of which the mailbox grows beyond the window.
#[test]
fn a_publisher_that_waits_for_a_mailbox_is_told_when_it_is_drained() {
    explore(Some(3), || {
        let interest = interest(2, 0);
        let bells = Arc::new([Bell::default(), Bell::default()]);
        let mut consumer = Worker::new(&interest, 1);
        consumer.subscribe(Kind::Channel, b"a");
        let publisher = {
            let (interest, bells) = (Arc::clone(&interest), Arc::clone(&bells));
            thread::spawn(move || {
                for payload in [b"<1>", b"<2>"] {
                    let published = interest.publish(Kind::Channel, b"a", payload);
                    published.wake.iter().for_each(|worker| bells[worker].ring());
                    while interest.must_wait(0, published.workers) {
                        bells[0].sleep();
                    }
                }
            })
        };
        loop {
            consumer.poll();
            let behind = consumer.fanout.is_behind();
            assert!(!behind);
            interest.set_behind(1, behind).iter().for_each(|waiter| bells[waiter].ring());
            if consumer.payloads().len() == 2 {
                break;
            }
            bells[1].sleep();
        }
        publisher.join().unwrap();
    });
}
