//! The cluster protocol.

use super::super::{Argument as A, ArgumentKind as K, Categories as C, CommandId as Id, CommandSpec, Flags, Group};

pub(super) const ROWS: &[CommandSpec] = &[
    CommandSpec::new("asking", Id::Asking, 1, Group::Cluster, "3.0.0")
        .flags(flags![FAST])
        .categories(C::CONNECTION)
        .summary("Announce a request for a slot that is being imported"),
    CommandSpec::new("cluster", Id::Cluster, -2, Group::Cluster, "3.0.0")
        .summary("Look into the cluster")
        .complexity("Depends on subcommand.")
        .subcommands(CLUSTER),
    CommandSpec::new("readonly", Id::Readonly, 1, Group::Cluster, "3.0.0")
        .flags(flags![LOADING, STALE, FAST])
        .categories(C::CONNECTION)
        .summary("Allow reads from a replica on this connection"),
    CommandSpec::new("readwrite", Id::Readwrite, 1, Group::Cluster, "3.0.0")
        .flags(flags![LOADING, STALE, FAST])
        .categories(C::CONNECTION)
        .summary("Send reads to the master again"),
];

const CLUSTER: &[CommandSpec] = &[
    CommandSpec::new("cluster|addslots", Id::ClusterAddslots, -3, Group::Cluster, "3.0.0")
        .flags(flags![ADMIN, STALE, NO_ASYNC_LOADING])
        .summary("Take on hash slots")
        .complexity("O(N) where N is the total number of hash slot arguments")
        .arguments(&[A::new("slot", K::Integer).multiple()]),
    CommandSpec::new("cluster|addslotsrange", Id::ClusterAddslotsrange, -4, Group::Cluster, "7.0.0")
        .flags(flags![ADMIN, STALE, NO_ASYNC_LOADING])
        .summary("Take on ranges of hash slots")
        .complexity(
            "O(N) where N is the total number of the slots between the start slot and \
                 end slot arguments.",
        )
        .arguments(&[A::new("start-slot_end-slot", K::Block)
            .multiple()
            .parts(&[A::new("start-slot", K::Integer), A::new("end-slot", K::Integer)])]),
    CommandSpec::new("cluster|bumpepoch", Id::ClusterBumpepoch, 2, Group::Cluster, "3.0.0")
        .flags(flags![ADMIN, STALE, NO_ASYNC_LOADING])
        .summary("Move to the next configuration epoch")
        .tips(&["nondeterministic_output"]),
    CommandSpec::new("cluster|count-failure-reports", Id::ClusterCountFailureReports, 3, Group::Cluster, "3.0.0")
        .flags(flags![ADMIN, STALE])
        .summary("Count the failure reports about a node")
        .complexity("O(N) where N is the number of failure reports")
        .tips(&["nondeterministic_output"])
        .arguments(&[A::new("node-id", K::String)]),
    CommandSpec::new("cluster|countkeysinslot", Id::ClusterCountkeysinslot, 3, Group::Cluster, "3.0.0")
        .flags(flags![STALE])
        .summary("Count the keys of a hash slot")
        .arguments(&[A::new("slot", K::Integer)]),
    CommandSpec::new("cluster|delslots", Id::ClusterDelslots, -3, Group::Cluster, "3.0.0")
        .flags(flags![ADMIN, STALE, NO_ASYNC_LOADING])
        .summary("Give up hash slots")
        .complexity("O(N) where N is the total number of hash slot arguments")
        .arguments(&[A::new("slot", K::Integer).multiple()]),
    CommandSpec::new("cluster|delslotsrange", Id::ClusterDelslotsrange, -4, Group::Cluster, "7.0.0")
        .flags(flags![ADMIN, STALE, NO_ASYNC_LOADING])
        .summary("Give up ranges of hash slots")
        .complexity(
            "O(N) where N is the total number of the slots between the start slot and \
                 end slot arguments.",
        )
        .arguments(&[A::new("start-slot_end-slot", K::Block)
            .multiple()
            .parts(&[A::new("start-slot", K::Integer), A::new("end-slot", K::Integer)])]),
    CommandSpec::new("cluster|failover", Id::ClusterFailover, -2, Group::Cluster, "3.0.0")
        .flags(flags![ADMIN, STALE, NO_ASYNC_LOADING])
        .summary("Let a replica take over from its master")
        .arguments(&[A::new("options", K::OneOf)
            .optional()
            .parts(&[A::word("force", "FORCE"), A::word("takeover", "TAKEOVER")])]),
    CommandSpec::new("cluster|flushslots", Id::ClusterFlushslots, 2, Group::Cluster, "3.0.0")
        .flags(flags![ADMIN, STALE, NO_ASYNC_LOADING])
        .summary("Give up every hash slot"),
    CommandSpec::new("cluster|forget", Id::ClusterForget, 3, Group::Cluster, "3.0.0")
        .flags(flags![ADMIN, STALE, NO_ASYNC_LOADING])
        .summary("Remove a node from the list of known nodes")
        .arguments(&[A::new("node-id", K::String)]),
    CommandSpec::new("cluster|getkeysinslot", Id::ClusterGetkeysinslot, 4, Group::Cluster, "3.0.0")
        .flags(flags![STALE])
        .summary("List keys of a hash slot")
        .complexity("O(log(N)) where N is the number of requested keys")
        .tips(&["nondeterministic_output"])
        .arguments(&[A::new("slot", K::Integer), A::new("count", K::Integer)]),
    CommandSpec::new("cluster|info", Id::ClusterInfo, 2, Group::Cluster, "3.0.0")
        .flags(flags![STALE])
        .summary("Report on the state of the cluster")
        .tips(&["nondeterministic_output"]),
    CommandSpec::new("cluster|keyslot", Id::ClusterKeyslot, 3, Group::Cluster, "3.0.0")
        .flags(flags![STALE])
        .summary("Compute the hash slot of a key")
        .complexity("O(N) where N is the number of bytes in the key")
        .arguments(&[A::new("key", K::String)]),
    CommandSpec::new("cluster|links", Id::ClusterLinks, 2, Group::Cluster, "7.0.0")
        .flags(flags![STALE])
        .summary("List the connections between nodes")
        .complexity("O(N) where N is the total number of Cluster nodes")
        .tips(&["nondeterministic_output"]),
    CommandSpec::new("cluster|meet", Id::ClusterMeet, -4, Group::Cluster, "3.0.0")
        .flags(flags![ADMIN, STALE, NO_ASYNC_LOADING])
        .summary("Join another node")
        .arguments(&[
            A::new("ip", K::String),
            A::new("port", K::Integer),
            A::new("cluster_bus_port", K::Integer).since("4.0.0").optional(),
        ]),
    CommandSpec::new("cluster|myid", Id::ClusterMyid, 2, Group::Cluster, "3.0.0")
        .flags(flags![STALE])
        .summary("Tell the id of this node"),
    CommandSpec::new("cluster|nodes", Id::ClusterNodes, 2, Group::Cluster, "3.0.0")
        .flags(flags![STALE])
        .summary("List the nodes in the format of their configuration file")
        .complexity("O(N) where N is the total number of Cluster nodes")
        .tips(&["nondeterministic_output"]),
    CommandSpec::new("cluster|replicas", Id::ClusterReplicas, 3, Group::Cluster, "5.0.0")
        .flags(flags![ADMIN, STALE])
        .summary("List the replicas of a master")
        .tips(&["nondeterministic_output"])
        .arguments(&[A::new("node-id", K::String)]),
    CommandSpec::new("cluster|replicate", Id::ClusterReplicate, 3, Group::Cluster, "3.0.0")
        .flags(flags![ADMIN, STALE, NO_ASYNC_LOADING])
        .summary("Become a replica of a master")
        .arguments(&[A::new("node-id", K::String)]),
    CommandSpec::new("cluster|reset", Id::ClusterReset, -2, Group::Cluster, "3.0.0")
        .flags(flags![ADMIN, NOSCRIPT, STALE])
        .summary("Leave the cluster and forget it")
        .complexity(
            "O(N) where N is the number of known nodes. The command may execute a \
                 FLUSHALL as a side effect.",
        )
        .arguments(&[A::new("hard_soft", K::OneOf)
            .optional()
            .parts(&[A::word("hard", "HARD"), A::word("soft", "SOFT")])]),
    CommandSpec::new("cluster|saveconfig", Id::ClusterSaveconfig, 2, Group::Cluster, "3.0.0")
        .flags(flags![ADMIN, STALE, NO_ASYNC_LOADING])
        .summary("Write the state of the cluster to disk"),
    CommandSpec::new("cluster|set-config-epoch", Id::ClusterSetConfigEpoch, 3, Group::Cluster, "3.0.0")
        .flags(flags![ADMIN, STALE, NO_ASYNC_LOADING])
        .summary("Set the configuration epoch of a fresh node")
        .arguments(&[A::new("config-epoch", K::Integer)]),
    CommandSpec::new("cluster|setslot", Id::ClusterSetslot, -4, Group::Cluster, "3.0.0")
        .flags(flags![ADMIN, STALE, NO_ASYNC_LOADING])
        .summary("Assign a hash slot to a node, or mark it as moving")
        .arguments(&[
            A::new("slot", K::Integer),
            A::new("subcommand", K::OneOf).parts(&[
                A::new("node-id", K::String).token("IMPORTING"),
                A::new("node-id", K::String).token("MIGRATING"),
                A::new("node-id", K::String).token("NODE"),
                A::word("stable", "STABLE"),
            ]),
        ]),
    CommandSpec::new("cluster|shards", Id::ClusterShards, 2, Group::Cluster, "7.0.0")
        .flags(flags![STALE])
        .summary("List the shards with their slots and nodes")
        .complexity("O(N) where N is the total number of cluster nodes")
        .tips(&["nondeterministic_output"]),
    CommandSpec::new("cluster|slaves", Id::ClusterSlaves, 3, Group::Cluster, "3.0.0")
        .flags(flags![ADMIN, STALE])
        .summary("List the replicas of a master")
        .tips(&["nondeterministic_output"])
        .deprecated("5.0.0", "`CLUSTER REPLICAS`")
        .arguments(&[A::new("node-id", K::String)]),
    CommandSpec::new("cluster|slots", Id::ClusterSlots, 2, Group::Cluster, "3.0.0")
        .flags(flags![STALE])
        .summary("List the ranges of hash slots with their nodes")
        .complexity("O(N) where N is the total number of Cluster nodes")
        .tips(&["nondeterministic_output"])
        .deprecated("7.0.0", "`CLUSTER SHARDS`"),
    CommandSpec::new("cluster|help", Id::ClusterHelp, 2, Group::Cluster, "5.0.0")
        .flags(flags![LOADING, STALE])
        .summary("Print this help"),
];
