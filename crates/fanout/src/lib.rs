//! Who is interested in a channel, and how one encoded message reaches all of them.
//!
//! [`Interest`] is shared by all workers of a process: it knows which of them have subscribers of a channel, counts
//! exactly, and hands a publication to their mailboxes in one order. [`Fanout`] is one worker's side: it encodes each
//! message once per [`fanfare_wire::Dialect`] into a log and gives its subscribers ranges of that log.
//!
//! Nothing here opens a socket, reads a clock, starts a thread or knows what a session is.
#![forbid(unsafe_code)]

mod fanout;
mod flush_queue;
mod frame_log;
mod interest;
mod mailbox;
mod outbox;
mod pattern_set;
mod subscribers;
mod sync;

pub use fanout::{DIALECTS_MAX, Event, Fanout, Subscribed, Transmit};
pub use flush_queue::Load;
pub use interest::{Interest, InterestOptions, Kind, Name, Published, Slot, WORKERS_MAX, WorkerId, WorkerSet};
pub use mailbox::Push;
pub use outbox::{DialectId, LAG_CHANNEL, OutboxLimits, Overflow, SlowPolicy};
pub use pattern_set::{PatternId, PatternSet};
pub use subscribers::SubscriberId;

#[cfg(all(test, loom))]
mod loom_tests;
#[cfg(all(test, not(loom)))]
mod stress_tests;
#[cfg(all(test, not(loom)))]
mod tests;
