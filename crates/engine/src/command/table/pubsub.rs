//! Channels.

use super::super::{
    Argument as A, ArgumentKind as K, ChannelAccess, CommandId as Id, CommandSpec, Flags, Group, KeyFlags, KeySpec,
};

pub(super) const ROWS: &[CommandSpec] = &[
    CommandSpec::new("publish", Id::Publish, 3, Group::Pubsub, "2.0.0")
        .flags(flags![PUBSUB, LOADING, STALE, FAST])
        .summary("Send a message to the subscribers of a channel")
        .complexity(
            "O(N+M) where N is the number of clients subscribed to the receiving \
                 channel and M is the total number of subscribed patterns (by any client).",
        )
        .channels(ChannelAccess::Publish, 1, 1, 1)
        .arguments(&[A::new("channel", K::String), A::new("message", K::String)]),
    CommandSpec::new("mpublish", Id::Mpublish, -3, Group::Pubsub, "0.1.0")
        .flags(flags![PUBSUB, LOADING, STALE, OWN])
        .summary("Send several messages in one request and count the receivers of each")
        .complexity(
            "O(K*(N+M)) where K is the number of messages, N the subscribers of a \
                 channel and M the patterns.",
        )
        .channels(ChannelAccess::Publish, 1, -1, 2)
        .arguments(&[A::new("channel_payload", K::Block)
            .multiple()
            .parts(&[A::new("channel", K::String), A::new("payload", K::String)])]),
    CommandSpec::new("spublish", Id::Spublish, 3, Group::Pubsub, "7.0.0")
        .flags(flags![PUBSUB, LOADING, STALE, FAST])
        .summary("Send a message to the subscribers of a shard channel")
        .complexity(
            "O(N) where N is the number of clients subscribed to the receiving shard \
                 channel.",
        )
        .keys(&[KeySpec::index(1, key_flags![NOT_KEY])])
        .channels(ChannelAccess::Publish, 1, 1, 1)
        .arguments(&[A::new("shardchannel", K::String), A::new("message", K::String)]),
    CommandSpec::new("subscribe", Id::Subscribe, -2, Group::Pubsub, "2.0.0")
        .flags(flags![PUBSUB, NOSCRIPT, LOADING, STALE, ALLOWED_IN_SUBSCRIBE_MODE])
        .summary("Receive what is published to the given channels")
        .complexity("O(N) where N is the number of channels to subscribe to.")
        .channels(ChannelAccess::Subscribe, 1, -1, 1)
        .arguments(&[A::new("channel", K::String).multiple()]),
    CommandSpec::new("unsubscribe", Id::Unsubscribe, -1, Group::Pubsub, "2.0.0")
        .flags(flags![PUBSUB, NOSCRIPT, LOADING, STALE, ALLOWED_IN_SUBSCRIBE_MODE])
        .summary("Stop receiving from the given channels, or from all")
        .complexity("O(N) where N is the number of clients already subscribed to a channel.")
        .channels(ChannelAccess::Unsubscribe, 1, -1, 1)
        .arguments(&[A::new("channel", K::String).optional().multiple()]),
    CommandSpec::new("psubscribe", Id::Psubscribe, -2, Group::Pubsub, "2.0.0")
        .flags(flags![PUBSUB, NOSCRIPT, LOADING, STALE, ALLOWED_IN_SUBSCRIBE_MODE])
        .summary("Receive what is published to channels that match the given patterns")
        .complexity(
            "O(N) where N is the number of patterns the client is already subscribed \
                 to.",
        )
        .channels(ChannelAccess::PatternSubscribe, 1, -1, 1)
        .arguments(&[A::new("pattern", K::Block).multiple().parts(&[A::new("pattern", K::Pattern)])]),
    CommandSpec::new("punsubscribe", Id::Punsubscribe, -1, Group::Pubsub, "2.0.0")
        .flags(flags![PUBSUB, NOSCRIPT, LOADING, STALE, ALLOWED_IN_SUBSCRIBE_MODE])
        .summary("Stop receiving through the given patterns, or through all")
        .complexity(
            "O(N+M) where N is the number of patterns the client is already subscribed \
                 and M is the number of total patterns subscribed in the system (by any \
                 client).",
        )
        .channels(ChannelAccess::Unsubscribe, 1, -1, 1)
        .arguments(&[A::new("pattern", K::Pattern).optional().multiple()]),
    CommandSpec::new("ssubscribe", Id::Ssubscribe, -2, Group::Pubsub, "7.0.0")
        .flags(flags![PUBSUB, NOSCRIPT, LOADING, STALE, ALLOWED_IN_SUBSCRIBE_MODE])
        .summary("Receive what is published to the given shard channels")
        .complexity("O(N) where N is the number of shard channels to subscribe to.")
        .keys(&[KeySpec::rest(1, 1, key_flags![NOT_KEY])])
        .channels(ChannelAccess::Subscribe, 1, -1, 1)
        .arguments(&[A::new("shardchannel", K::String).multiple()]),
    CommandSpec::new("sunsubscribe", Id::Sunsubscribe, -1, Group::Pubsub, "7.0.0")
        .flags(flags![PUBSUB, NOSCRIPT, LOADING, STALE, ALLOWED_IN_SUBSCRIBE_MODE])
        .summary("Stop receiving from the given shard channels, or from all")
        .complexity(
            "O(N) where N is the number of clients already subscribed to a shard \
                 channel.",
        )
        .keys(&[KeySpec::rest(1, 1, key_flags![NOT_KEY])])
        .channels(ChannelAccess::Unsubscribe, 1, -1, 1)
        .arguments(&[A::new("shardchannel", K::String).optional().multiple()]),
    CommandSpec::new("pubsub", Id::Pubsub, -2, Group::Pubsub, "2.8.0")
        .summary("Look into the state of channels and patterns")
        .complexity("Depends on subcommand.")
        .subcommands(PUBSUB),
];

const PUBSUB: &[CommandSpec] = &[
    CommandSpec::new("pubsub|channels", Id::PubsubChannels, -2, Group::Pubsub, "2.8.0")
        .flags(flags![PUBSUB, LOADING, STALE])
        .summary("List the channels that have subscribers")
        .complexity(
            "O(N) where N is the number of active channels, and assuming constant time \
                 pattern matching (relatively short channels and patterns)",
        )
        .arguments(&[A::new("pattern", K::Pattern).optional()]),
    CommandSpec::new("pubsub|numpat", Id::PubsubNumpat, 2, Group::Pubsub, "2.8.0")
        .flags(flags![PUBSUB, LOADING, STALE])
        .summary("Count the distinct patterns that have subscribers"),
    CommandSpec::new("pubsub|numsub", Id::PubsubNumsub, -2, Group::Pubsub, "2.8.0")
        .flags(flags![PUBSUB, LOADING, STALE])
        .summary("Count the subscribers of each given channel, patterns left aside")
        .complexity(
            "O(N) for the NUMSUB subcommand, where N is the number of requested \
                 channels",
        )
        .arguments(&[A::new("channel", K::String).optional().multiple()]),
    CommandSpec::new("pubsub|shardchannels", Id::PubsubShardchannels, -2, Group::Pubsub, "7.0.0")
        .flags(flags![PUBSUB, LOADING, STALE])
        .summary("List the shard channels that have subscribers")
        .complexity(
            "O(N) where N is the number of active shard channels, and assuming constant \
                 time pattern matching (relatively short shard channels).",
        )
        .arguments(&[A::new("pattern", K::Pattern).optional()]),
    CommandSpec::new("pubsub|shardnumsub", Id::PubsubShardnumsub, -2, Group::Pubsub, "7.0.0")
        .flags(flags![PUBSUB, LOADING, STALE])
        .summary("Count the subscribers of each given shard channel")
        .complexity(
            "O(N) for the SHARDNUMSUB subcommand, where N is the number of requested \
                 shard channels",
        )
        .arguments(&[A::new("shardchannel", K::String).optional().multiple()]),
    CommandSpec::new("pubsub|subscribers", Id::PubsubSubscribers, 3, Group::Pubsub, "0.1.0")
        .flags(flags![PUBSUB, LOADING, STALE, OWN])
        .summary("List the connections subscribed to a channel")
        .complexity("O(N) where N is the number of subscribers of the channel.")
        .arguments(&[A::new("channel", K::String)]),
    CommandSpec::new("pubsub|help", Id::PubsubHelp, 2, Group::Pubsub, "6.2.0")
        .flags(flags![LOADING, STALE])
        .summary("Print this help"),
];
