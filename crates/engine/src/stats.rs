//! Counters of the whole process. Workers add to them once a turn, so that they share no busy cache line.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::acl::Reason;
use crate::close::CloseReason;

/// The counters that INFO shows and `CONFIG RESETSTAT` clears.
#[derive(Debug, Default)]
pub struct Stats {
    /// Connections accepted.
    pub connections: AtomicU64,
    /// Connections refused, since there were `maxclients`.
    pub rejected_connections: AtomicU64,
    /// Requests executed.
    pub commands: AtomicU64,
    /// Requests answered with an error.
    pub error_replies: AtomicU64,
    /// Bytes read.
    pub input_bytes: AtomicU64,
    /// Bytes written.
    pub output_bytes: AtomicU64,
    /// Messages published.
    pub publishes: AtomicU64,
    /// Messages put into outboxes: one for each subscriber.
    pub deliveries: AtomicU64,
    /// Messages dropped by `slow-subscriber-policy`.
    pub dropped_messages: AtomicU64,
    /// Bytes of those messages.
    pub dropped_bytes: AtomicU64,
    /// Times that a publisher had to wait for the fan-out.
    pub publisher_waits: AtomicU64,
    /// Logins refused without a look at the password: `auth-failures-per-minute`.
    pub limited_logins: AtomicU64,
    closes: [AtomicU64; CloseReason::ALL.len()],
    refusals: [AtomicU64; Reason::ALL.len()],
}

impl Stats {
    /// Adds one close.
    pub fn count_close(&self, reason: CloseReason) {
        add(&self.closes[reason as usize], 1);
    }

    /// Closes for `reason`.
    pub fn closes(&self, reason: CloseReason) -> u64 {
        self.closes[reason as usize].load(Ordering::Relaxed)
    }

    /// Adds one refusal of what a user may not do.
    pub(crate) fn count_refusal(&self, reason: Reason) {
        add(&self.refusals[reason as usize], 1);
    }

    /// Refusals for `reason`.
    pub(crate) fn refusals(&self, reason: Reason) -> u64 {
        self.refusals[reason as usize].load(Ordering::Relaxed)
    }

    /// Sets everything to 0: `CONFIG RESETSTAT`.
    pub fn reset(&self) {
        let counters = [
            &self.connections,
            &self.rejected_connections,
            &self.commands,
            &self.error_replies,
            &self.input_bytes,
            &self.output_bytes,
            &self.publishes,
            &self.deliveries,
            &self.dropped_messages,
            &self.dropped_bytes,
            &self.publisher_waits,
            &self.limited_logins,
        ];
        for counter in counters.into_iter().chain(&self.closes).chain(&self.refusals) {
            counter.store(0, Ordering::Relaxed);
        }
    }
}

/// Adds to a counter.
pub(crate) fn add(counter: &AtomicU64, value: u64) {
    if value > 0 {
        counter.fetch_add(value, Ordering::Relaxed);
    }
}

/// One worker's counts of the turn under way.
#[derive(Debug, Default)]
pub(crate) struct TurnStats {
    pub(crate) commands: u64,
    pub(crate) error_replies: u64,
    pub(crate) input_bytes: u64,
    pub(crate) output_bytes: u64,
    pub(crate) publishes: u64,
    pub(crate) publisher_waits: u64,
}

impl TurnStats {
    /// Moves the counts into the process's.
    pub(crate) fn flush(&mut self, stats: &Stats) {
        let Self { commands, error_replies, input_bytes, output_bytes, publishes, publisher_waits } =
            std::mem::take(self);
        add(&stats.commands, commands);
        add(&stats.error_replies, error_replies);
        add(&stats.input_bytes, input_bytes);
        add(&stats.output_bytes, output_bytes);
        add(&stats.publishes, publishes);
        add(&stats.publisher_waits, publisher_waits);
    }
}
