//! The keys beside the channels: databases, value types and their commands, expiry, and the events that changes cause.
//!
//! [`Keyspace`] holds the data; a command is a function of a [`Call`], which has the request, a writer for the reply
//! and the [`Keys`] of one database. What changes is noted as [`Event`]s, which the owner publishes while it still
//! holds the keyspace, so that their order is the order of the changes. Replies and errors are those of Redis 7.2.
//!
//! Nothing here opens a socket, reads a clock, starts a thread or knows who subscribes.
#![forbid(unsafe_code)]

mod access;
mod call;
mod changes;
pub mod commands;
mod database;
mod error;
mod event;
mod eviction;
mod field_expiry;
mod keys;
mod keyspace;
mod long_double;
mod number;
mod rebuild;
mod record;
mod save;
mod scan;
#[cfg(test)]
mod testing;
mod values;
mod watch;

pub use access::AccessTracking;
pub use call::{Call, Outcome};
pub use changes::Change;
pub use error::CommandError;
pub use event::{Event, EventClasses};
pub use eviction::{Eviction, EvictionPolicy, Room};
pub use keys::Keys;
pub use keyspace::{EncodingLimits, KeyStats, Keyspace};
pub use number::parse_integer;
pub use record::{DB_RECORD, TIME_RECORD};
pub use watch::WatchFlag;
