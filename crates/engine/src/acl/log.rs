//! The ACL log: who was refused what, newest first. Source: Redis, ACL LOG.

use std::collections::VecDeque;

/// Refusals that differ in nothing else are one entry for so long after the last of them.
const SAME_ENTRY_US: u64 = 60_000_000;

/// How many of the newest entries are looked through for one that a refusal can join.
const SEARCHED_MAX: usize = 10;

/// What was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    Auth,
    Channel,
    Command,
    Key,
}

impl Reason {
    pub(crate) const ALL: [Self; 4] = [Self::Auth, Self::Channel, Self::Command, Self::Key];

    /// The field of INFO that counts such refusals.
    pub(crate) const fn counter(self) -> &'static str {
        match self {
            Self::Auth => "acl_access_denied_auth",
            Self::Channel => "acl_access_denied_channel",
            Self::Command => "acl_access_denied_cmd",
            Self::Key => "acl_access_denied_key",
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Channel => "channel",
            Self::Command => "command",
            Self::Key => "key",
        }
    }
}

/// A refusal, or several of the same.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) id: u64,
    pub(crate) count: u64,
    pub(crate) refusal: Refusal,
    pub(crate) created_us: u64,
    pub(crate) updated_us: u64,
    /// The line of CLIENT LIST of whoever was refused last.
    pub(crate) client: Vec<u8>,
}

/// What makes two refusals the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) reason: Reason,
    pub(crate) in_transaction: bool,
    /// The command, key or channel.
    pub(crate) object: Vec<u8>,
    pub(crate) user: Vec<u8>,
}

#[derive(Debug, Default)]
pub(crate) struct Log {
    pub(crate) entries: VecDeque<Entry>,
    next_id: u64,
}

impl Log {
    /// Enters a refusal, and forgets the oldest above `len_max`.
    pub(crate) fn push(&mut self, refusal: Refusal, client: Vec<u8>, unix_us: u64, len_max: usize) {
        let joins =
            |entry: &Entry| entry.refusal == refusal && unix_us.saturating_sub(entry.updated_us) <= SAME_ENTRY_US;
        let known = self.entries.iter().take(SEARCHED_MAX).position(joins);
        let entry = match known.and_then(|at| self.entries.remove(at)) {
            Some(entry) => Entry { count: entry.count + 1, updated_us: unix_us, client, ..entry },
            None => {
                let id = self.next_id;
                self.next_id += 1;
                Entry { id, count: 1, refusal, created_us: unix_us, updated_us: unix_us, client }
            }
        };
        self.entries.push_front(entry);
        self.entries.truncate(len_max);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(object: &str) -> Refusal {
        Refusal { reason: Reason::Key, in_transaction: false, object: object.as_bytes().to_vec(), user: b"u".to_vec() }
    }

    #[test]
    fn the_same_refusal_is_counted_for_a_minute() {
        let mut log = Log::default();
        log.push(refusal("a"), Vec::new(), 1, 10);
        log.push(refusal("b"), Vec::new(), 2, 10);
        log.push(refusal("a"), b"id=2".to_vec(), SAME_ENTRY_US, 10);
        assert_eq!(log.entries.len(), 2);
        let Entry { id, count, created_us, updated_us, client, .. } = &log.entries[0];
        assert_eq!((*id, *count, *created_us, *updated_us, &client[..]), (0, 2, 1, SAME_ENTRY_US, &b"id=2"[..]));
        log.push(refusal("a"), Vec::new(), 2 * SAME_ENTRY_US + 1, 10);
        assert_eq!(log.entries.iter().map(|entry| entry.id).collect::<Vec<_>>(), [2, 0, 1]);
    }

    #[test]
    fn the_oldest_go_first() {
        let mut log = Log::default();
        for at in 0..5 {
            log.push(refusal(&at.to_string()), Vec::new(), at, 3);
        }
        assert_eq!(log.entries.iter().map(|entry| entry.id).collect::<Vec<_>>(), [4, 3, 2]);
    }
}
