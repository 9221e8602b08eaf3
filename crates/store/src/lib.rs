//! Entries on the disk: a log of what changed and a base that it starts from, in one file.
//!
//! An entry is an opaque piece of bytes. [`Store::append`] numbers it and returns at once; the store's own thread writes
//! what has come together in one transaction, and syncs it when the [`SyncPolicy`] says so. From time to time a *rewrite*
//! asks the [`Source`] for everything as it is, which becomes the new base, and drops the part of the log that is in it.
//!
//! ```no_run
//! use fanfare_store::{Opened, Options, Source};
//!
//! fn restart(dir: &std::path::Path, source: Box<dyn Source>) -> Result<(), Box<dyn std::error::Error>> {
//!     let opened = Opened::open(dir)?;
//!     opened.read(&mut |entry| Ok(println!("{} bytes to be executed again", entry.len())))?;
//!     let store = opened.start(Options::default(), source)?;
//!     store.append(b"what changed".to_vec());
//!     store.close();
//!     Ok(())
//! }
//! ```
//!
//! # The file
//!
//! It is a [redb](https://www.redb.org) database: copy-on-write pages with a checksum each, and the checksums of all that
//! is in use are verified when it is opened. Its tables:
//!
//! | Table | Holds |
//! |---|---|
//! | `meta` | Name to number: `format`, `generation`, `base_through`, `base_pieces`, `base_bytes`, `is_closed` |
//! | `log` | Number of an entry to the entry |
//! | `base-<generation>` | Pieces of the base, from 0 on |
//!
//! Valid are the base of `meta`'s generation and the log behind `base_through`. Everything else is left from a rewrite
//! that was interrupted, or is about to be removed after one: it is never read, and goes bit by bit.
//!
//! # What survives
//!
//! After the end of the process by whatever cause, the file has exactly one commit's content: all entries up to some
//! number, not less than [`Store::synced`] said. After a failure of the machine the same holds under
//! [`SyncPolicy::Always`] and [`SyncPolicy::EverySecond`]. Under [`SyncPolicy::Never`] the system writes the pages in
//! any order: the file may then be damaged as a whole, which opening it finds and reports.
#![forbid(unsafe_code)]

mod backend;
mod error;
mod file;
mod opened;
mod rewrite;
mod store;
mod writer;

#[cfg(test)]
mod tests;

pub use error::StoreError;
pub use opened::{Contents, Opened};
pub use store::{Status, Store};

/// When what was appended is synced to the disk. Redis: `appendfsync`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SyncPolicy {
    /// As soon as there is something; what comes meanwhile goes with the next commit.
    Always,
    /// An entry is on the disk within a second.
    #[default]
    EverySecond,
    /// Written within a second, and on the disk when the system sees fit.
    Never,
}

/// How the store works; all of it may change while it runs.
#[derive(Clone, Debug)]
pub struct Options {
    /// When to sync.
    pub policy: SyncPolicy,
    /// A log smaller than this is not rewritten by itself. Redis: `auto-aof-rewrite-min-size`.
    pub rewrite_min_bytes: u64,
    /// The log is rewritten when it has this share of the base's size; 0: only when asked. Redis:
    /// `auto-aof-rewrite-percentage`.
    pub rewrite_percentage: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self { policy: SyncPolicy::default(), rewrite_min_bytes: 64 << 20, rewrite_percentage: 100 }
    }
}

/// What the store asks of whoever owns what is stored. It is called from the store's thread, which holds no lock then.
pub trait Source: Send {
    /// Begins a save of everything as it is now; returns the number of the last entry that is part of it, or
    /// less if that was read at the start.
    fn begin_save(&mut self) -> u64;

    /// Appends the next piece of the save to `out`, some ten KiB; false when nothing is left behind it.
    fn save_some(&mut self, out: &mut Vec<u8>) -> bool;

    /// The save that was begun is not needed any more, even if it was complete.
    fn abandon_save(&mut self);

    /// Everything up to this entry is committed. Called after each commit; how much that means is the [`SyncPolicy`]'s
    /// matter.
    fn synced(&mut self, number: u64);

    /// Writing fails, and why (for people), or works again.
    fn failed(&mut self, reason: Option<&str>);
}
