//! Which connections wait for a visit, and when it pays to let them wait.
//!
//! A send costs the same whether it carries one message or fifty, here and at whoever reads it. So when a worker is
//! busy and its visits find that messages merge, it visits in rounds with a pause behind each: whoever was visited in
//! a round is not written to again before the pause is over. What comes for others goes out at once, and with little
//! to do there is no pause at all.

use std::collections::VecDeque;

use crate::outbox::Outbox;
use crate::subscribers::SubscriberId;

/// A pause lasts as long as the visits of this many rounds, if all messages but the first of each visit merged.
const PAUSE_ROUNDS_MAX: f64 = 20.0;

/// Between these two shares of its time that a worker wants a core it goes from no pause to the longest.
const WANTED: [f64; 2] = [0.3, 0.5];

/// Between these two shares of what it wants that it has to wait for, likewise: where a worker has its core for itself,
/// sending less helps nobody.
const WAITED: [f64; 2] = [0.02, 0.06];

/// How many rounds the share of merged messages is smoothed over, so that one hiccup starts no pauses.
const MERGED_ROUNDS: f64 = 8.0;

/// One send of this many bytes costs about as much as one of few, so larger ones need not be waited for.
const SEND_BYTES: f64 = 16.0 * 1024.0;

/// Shorter pauses than this are not worth a timer.
const PAUSE_US_MIN: f64 = 300.0;

/// How much of a core a worker's thread lately wanted, and had to wait for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Load {
    /// The share of the time, 0 to 1, that it ran or could have run.
    pub wanted: f64,
    /// The share of that, 0 to 1, that it waited for a core since others had it.
    pub waited: f64,
}

/// Connections with something to send.
pub(crate) struct FlushQueue {
    /// To be visited in this round, and how much had been logged when they were queued.
    due: VecDeque<(SubscriberId, u64)>,
    /// Visited in this round, with something new since.
    held: VecDeque<(SubscriberId, u64)>,
    round: u32,
    /// When the first visit of the round was due.
    began_us: u64,
    /// When that of the round before was.
    before_us: u64,
    visits: u64,
    visited_bytes: u64,
    deliveries: u64,
    /// The share of messages that went along with another, over the last rounds.
    merged: f64,
    /// When the pause behind this round ends or ended, once it has one.
    pause_until_us: Option<u64>,
    pause_max_us: u64,
    load: Load,
    pub(crate) now_us: u64,
}

impl FlushQueue {
    pub(crate) const fn new() -> Self {
        Self {
            due: VecDeque::new(),
            held: VecDeque::new(),
            // Nobody has been visited in it.
            round: 1,
            began_us: 0,
            before_us: 0,
            visits: 0,
            visited_bytes: 0,
            deliveries: 0,
            merged: 0.0,
            pause_until_us: None,
            pause_max_us: 0,
            load: Load { wanted: 0.0, waited: 0.0 },
            now_us: 0,
        }
    }

    /// Sets how long a pause may be, and the load that decides about it.
    pub(crate) const fn set_pace(&mut self, pause_max_us: u64, load: Load) {
        self.pause_max_us = pause_max_us;
        self.load = load;
    }

    /// Queues a connection for a visit, unless it is or its socket takes nothing.
    pub(crate) fn push(&mut self, outbox: &mut Outbox, id: SubscriberId, logged_bytes: u64) {
        if outbox.dirty || outbox.blocked || outbox.bytes == 0 {
            return;
        }
        outbox.dirty = true;
        outbox.bytes_before = outbox.bytes;
        let queue = if outbox.visited_in == self.round { &mut self.held } else { &mut self.due };
        queue.push_back((id, logged_bytes));
    }

    /// The next one of those queued; the caller visits it, or has found it gone.
    pub(crate) fn pop(&mut self) -> Option<SubscriberId> {
        if self.due.is_empty() && !self.is_pausing() {
            self.end_round();
        }
        Some(self.due.pop_front()?.0)
    }

    /// Takes note that a connection is visited now.
    pub(crate) const fn note_visit(&mut self, outbox: &mut Outbox) {
        outbox.visited_in = self.round;
        if self.visits == 0 {
            self.before_us = std::mem::replace(&mut self.began_us, self.now_us);
        }
        self.visits += 1;
        self.visited_bytes += outbox.bytes as u64;
    }

    /// Takes note that messages were put into outboxes.
    pub(crate) const fn note_deliveries(&mut self, count: u64) {
        self.deliveries += count;
    }

    /// Whether any connection is to be visited now.
    pub(crate) fn has_due(&self) -> bool {
        !self.due.is_empty() || (!self.held.is_empty() && !self.is_pausing())
    }

    /// Microseconds until the pause is over, `None` outside of one.
    pub(crate) fn pause_us(&self) -> Option<u64> {
        self.pause_until_us.and_then(|until_us| until_us.checked_sub(self.now_us)).filter(|us| *us > 0)
    }

    /// Ends the pause now, if it is one.
    pub(crate) fn end_pause(&mut self) {
        self.pause_until_us = self.pause_until_us.map(|_| 0);
    }

    /// The least that had been logged when one of those that wait was queued.
    pub(crate) fn oldest(&self) -> Option<u64> {
        let oldest = |queue: &VecDeque<(SubscriberId, u64)>| queue.front().map(|(_, logged)| *logged);
        oldest(&self.due).into_iter().chain(oldest(&self.held)).min()
    }

    fn is_pausing(&self) -> bool {
        self.pause_us().is_some()
    }

    /// All of a round are visited: a pause, or the next round.
    fn end_round(&mut self) {
        // One pause for each round.
        if self.pause_until_us.take().is_none() {
            let pause_us = self.choose_pause_us();
            if pause_us > 0.0 {
                self.pause_until_us = Some(self.now_us + pause_us as u64);
                return;
            }
        }
        self.visits = 0;
        self.visited_bytes = 0;
        self.deliveries = 0;
        self.round = self.round.wrapping_add(1);
        std::mem::swap(&mut self.due, &mut self.held);
    }

    fn choose_pause_us(&mut self) -> f64 {
        let took_us = self.now_us.saturating_sub(self.began_us) as f64;
        if self.visits == 0 {
            return 0.0;
        }
        let merged = 1.0 - (self.visits as f64 / self.deliveries.max(1) as f64).min(1.0);
        self.merged += (merged - self.merged) / MERGED_ROUNDS;
        let need = between(self.load.wanted, WANTED) * between(self.load.waited, WAITED);
        // Where the visits alone take longer than the longest pause, a pause as long as they are hardly shows.
        let longest_us = if self.pause_max_us == 0 { 0.0 } else { took_us.max(self.pause_max_us as f64) };
        let gathered_in_us = (self.began_us - self.before_us) as f64;
        let full_in_us = gathered_in_us * (SEND_BYTES * self.visits as f64 / self.visited_bytes as f64 - 1.0);
        let pause_us = need * (PAUSE_ROUNDS_MAX * self.merged * took_us).min(longest_us).min(full_in_us);
        if pause_us < PAUSE_US_MIN { 0.0 } else { pause_us }
    }
}

/// How far `share` has got from the first to the second, 0 to 1.
fn between(share: f64, [from, to]: [f64; 2]) -> f64 {
    ((share - from) / (to - from)).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUSY: Load = Load { wanted: 1.0, waited: 0.5 };

    /// A queue with outboxes whose socket takes everything.
    struct Bench {
        queue: FlushQueue,
        outboxes: Vec<Outbox>,
    }

    impl Bench {
        fn new(subscribers: usize, load: Load) -> Self {
            let mut queue = FlushQueue::new();
            queue.set_pace(10_000, load);
            Self { queue, outboxes: (0..subscribers).map(|_| Outbox::new(0, Default::default())).collect() }
        }

        fn publish(&mut self, to: std::ops::Range<usize>, messages: u64) {
            for id in to {
                self.outboxes[id].bytes += 100 * messages as usize;
                self.queue.note_deliveries(messages);
                self.queue.push(&mut self.outboxes[id], id as SubscriberId, 0);
            }
        }

        /// Visits all that are due, each of which takes `us`; returns whom it visited.
        fn visit_all(&mut self, us: u64) -> Vec<SubscriberId> {
            let mut visited = Vec::new();
            while let Some(id) = self.queue.pop() {
                let outbox = &mut self.outboxes[id as usize];
                outbox.dirty = false;
                self.queue.note_visit(outbox);
                outbox.bytes = 0;
                self.queue.now_us += us;
                visited.push(id);
            }
            visited
        }

        /// Rounds in which messages merge; a pause lies behind the last one if there ever is one.
        fn stream(&mut self) {
            for _ in 0..20 {
                self.queue.now_us += self.queue.pause_us().unwrap_or(0) + 100;
                self.publish(0..self.outboxes.len(), 4);
                self.visit_all(10);
            }
        }
    }

    #[test]
    fn where_messages_merge_on_a_contended_core_those_just_visited_wait_for_more() {
        let mut bench = Bench::new(100, BUSY);
        bench.stream();
        let pause_us = bench.queue.pause_us().expect("a pause");
        assert!((300..=10_000).contains(&pause_us), "{pause_us}");
        bench.publish(0..100, 1);
        assert!(!bench.queue.has_due());
        assert_eq!(bench.visit_all(10), []);
        bench.queue.now_us += pause_us;
        assert!(bench.queue.has_due() && bench.queue.pause_us().is_none());
        assert_eq!(bench.visit_all(10).len(), 100);
    }

    #[test]
    fn in_a_pause_a_message_for_someone_else_goes_out_at_once() {
        let mut bench = Bench::new(100, BUSY);
        bench.stream();
        bench.outboxes.push(Outbox::new(0, Default::default()));
        bench.publish(99..101, 1);
        assert!(bench.queue.has_due());
        assert_eq!(bench.visit_all(10), [100]);
        assert!(bench.queue.pause_us().is_some());
    }

    #[test]
    fn a_pause_that_is_ended_early_lets_everyone_go() {
        let mut bench = Bench::new(100, BUSY);
        bench.stream();
        bench.publish(0..100, 1);
        bench.queue.end_pause();
        assert!(bench.queue.has_due());
        assert_eq!(bench.visit_all(10).len(), 100);
    }

    #[test]
    fn nobody_waits_without_load_without_contention_without_merging_or_without_the_setting() {
        for load in [Load { wanted: 0.2, ..BUSY }, Load { waited: 0.01, ..BUSY }] {
            let mut bench = Bench::new(100, load);
            bench.stream();
            assert_eq!(bench.queue.pause_us(), None, "{load:?}");
        }
        let mut bench = Bench::new(100, BUSY);
        bench.queue.set_pace(0, BUSY);
        bench.stream();
        assert_eq!(bench.queue.pause_us(), None);
        let mut bench = Bench::new(100, BUSY);
        for _ in 0..20 {
            bench.queue.now_us += 100;
            bench.publish(0..100, 1);
            bench.visit_all(10);
            assert_eq!(bench.queue.pause_us(), None);
        }
    }

    #[test]
    fn full_sends_are_not_waited_for() {
        let mut bench = Bench::new(100, BUSY);
        for _ in 0..20 {
            bench.queue.now_us += 100;
            bench.publish(0..100, 200);
            bench.visit_all(10);
            assert_eq!(bench.queue.pause_us(), None);
        }
    }

    #[test]
    fn one_hiccup_starts_no_long_pause() {
        let mut bench = Bench::new(100, BUSY);
        for _ in 0..20 {
            bench.queue.now_us += 100;
            bench.publish(0..100, 1);
            bench.visit_all(10);
        }
        bench.publish(0..100, 2);
        bench.visit_all(10);
        assert!(bench.queue.pause_us().is_none_or(|us| us < 2_000), "{:?}", bench.queue.pause_us());
    }
}
