//! Transactions.

use super::super::{Argument as A, Categories as C, CommandId as Id, CommandSpec, Flags, Group, KeyFlags, KeySpec};

pub(super) const ROWS: &[CommandSpec] = &[
    CommandSpec::new("multi", Id::Multi, 1, Group::Transactions, "1.2.0")
        .flags(flags![NOSCRIPT, LOADING, STALE, FAST, ALLOW_BUSY])
        .categories(C::TRANSACTION)
        .summary("Start queueing requests"),
    CommandSpec::new("exec", Id::Exec, 1, Group::Transactions, "1.2.0")
        .flags(flags![NOSCRIPT, LOADING, STALE, SKIP_SLOWLOG])
        .categories(C::TRANSACTION)
        .summary("Run the queued requests")
        .complexity("Depends on commands in the transaction"),
    CommandSpec::new("discard", Id::Discard, 1, Group::Transactions, "2.0.0")
        .flags(flags![NOSCRIPT, LOADING, STALE, FAST, ALLOW_BUSY])
        .categories(C::TRANSACTION)
        .summary("Drop the queued requests")
        .complexity("O(N), when N is the number of queued commands"),
    CommandSpec::new("watch", Id::Watch, -2, Group::Transactions, "2.2.0")
        .flags(flags![NOSCRIPT, LOADING, STALE, FAST, ALLOW_BUSY])
        .categories(C::TRANSACTION)
        .summary("Let the next transaction run only if the keys stay as they are")
        .complexity("O(1) for each key")
        .keys(&[KeySpec::rest(1, 1, key_flags![RO])])
        .arguments(&[A::key("key", 0).multiple()]),
    CommandSpec::new("unwatch", Id::Unwatch, 1, Group::Transactions, "2.2.0")
        .flags(flags![NOSCRIPT, LOADING, STALE, FAST, ALLOW_BUSY])
        .categories(C::TRANSACTION)
        .summary("Forget the watched keys")
        .complexity("O(N) with N the number of watched keys"),
];
