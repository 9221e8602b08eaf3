//! The slow log: requests that took long, newest first. Source: Redis, SLOWLOG.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Arguments kept of one request, the last of them saying how many more there were.
const ARGS_MAX: usize = 32;

/// Bytes kept of one argument.
const ARG_BYTES_MAX: usize = 128;

/// One slow request.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) id: u64,
    pub(crate) unix_s: u64,
    pub(crate) duration_us: u64,
    pub(crate) args: Vec<Vec<u8>>,
    pub(crate) address: String,
    pub(crate) name: Vec<u8>,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) entries: VecDeque<Entry>,
    next_id: u64,
}

/// The slow log of the process.
#[derive(Debug, Default)]
pub(crate) struct Slowlog(Mutex<State>);

impl Slowlog {
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters a request, and forgets the oldest above `len_max`.
    pub(crate) fn push<'a>(
        &self,
        args: impl ExactSizeIterator<Item = &'a [u8]>,
        duration_us: u64,
        unix_s: u64,
        address: &str,
        name: &[u8],
        len_max: usize,
    ) {
        let total = args.len();
        let kept = if total > ARGS_MAX { ARGS_MAX - 1 } else { total };
        let mut short: Vec<Vec<u8>> = args.take(kept).map(shorten).collect();
        if total > kept {
            short.push(format!("... ({} more arguments)", total - kept).into_bytes());
        }
        let mut state = self.lock();
        let id = state.next_id;
        state.next_id += 1;
        state.entries.push_front(Entry {
            id,
            unix_s,
            duration_us,
            args: short,
            address: address.to_owned(),
            name: name.to_vec(),
        });
        state.entries.truncate(len_max);
    }
}

fn shorten(arg: &[u8]) -> Vec<u8> {
    if arg.len() <= ARG_BYTES_MAX {
        return arg.to_vec();
    }
    let mut short = arg[..ARG_BYTES_MAX].to_vec();
    short.extend_from_slice(format!("... ({} more bytes)", arg.len() - ARG_BYTES_MAX).as_bytes());
    short
}
