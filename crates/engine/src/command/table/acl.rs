//! The subcommands of `ACL`.

use super::super::{Argument as A, ArgumentKind as K, CommandId as Id, CommandSpec, Flags, Group};

pub(super) const ACL: &[CommandSpec] = &[
    CommandSpec::new("acl|cat", Id::AclCat, -2, Group::Server, "6.0.0")
        .flags(flags![NOSCRIPT, LOADING, STALE])
        .summary("List the command categories, or the commands of one")
        .complexity("O(1) since the categories and commands are a fixed set.")
        .arguments(&[A::new("categoryname", K::String).optional()]),
    CommandSpec::new("acl|deluser", Id::AclDeluser, -3, Group::Server, "6.0.0")
        .flags(flags![ADMIN, NOSCRIPT, LOADING, STALE])
        .summary("Remove users, and close their connections")
        .complexity("O(1) amortized time considering the typical user.")
        .arguments(&[A::new("username", K::String).multiple()]),
    CommandSpec::new("acl|dryrun", Id::AclDryrun, -4, Group::Server, "7.0.0")
        .flags(flags![ADMIN, NOSCRIPT, LOADING, STALE])
        .summary("Tell whether a user may make a request, without executing it")
        .arguments(&[
            A::new("username", K::String),
            A::new("command", K::String),
            A::new("arg", K::String).optional().multiple(),
        ]),
    CommandSpec::new("acl|explain", Id::AclExplain, -4, Group::Server, "0.1.0")
        .flags(flags![ADMIN, NOSCRIPT, LOADING, STALE, OWN])
        .summary("Tell as DRYRUN whether a user may make a request, and which rules decide")
        .arguments(&[
            A::new("username", K::String),
            A::new("command", K::String),
            A::new("arg", K::String).optional().multiple(),
        ]),
    CommandSpec::new("acl|genpass", Id::AclGenpass, -2, Group::Server, "6.0.0")
        .flags(flags![NOSCRIPT, LOADING, STALE])
        .summary("Make up a password that cannot be guessed")
        .arguments(&[A::new("bits", K::Integer).optional()]),
    CommandSpec::new("acl|getuser", Id::AclGetuser, 3, Group::Server, "6.0.0")
        .flags(flags![ADMIN, NOSCRIPT, LOADING, STALE])
        .summary("Show the rules of a user by their kinds")
        .complexity("O(N). Where N is the number of password, command and pattern rules that the user has.")
        .arguments(&[A::new("username", K::String)]),
    CommandSpec::new("acl|list", Id::AclList, 2, Group::Server, "6.0.0")
        .flags(flags![ADMIN, NOSCRIPT, LOADING, STALE])
        .summary("Show the rules of all users, as the ACL file has them")
        .complexity("O(N). Where N is the number of configured users."),
    CommandSpec::new("acl|load", Id::AclLoad, 2, Group::Server, "6.0.0")
        .flags(flags![ADMIN, NOSCRIPT, LOADING, STALE])
        .summary("Read the users from the ACL file again")
        .complexity("O(N). Where N is the number of configured users."),
    CommandSpec::new("acl|log", Id::AclLog, -2, Group::Server, "6.0.0")
        .flags(flags![ADMIN, NOSCRIPT, LOADING, STALE])
        .summary("Show what users were refused, newest first")
        .complexity("O(N) with N being the number of entries shown.")
        .arguments(&[A::new("operation", K::OneOf)
            .optional()
            .parts(&[A::new("count", K::Integer), A::word("reset", "RESET")])]),
    CommandSpec::new("acl|save", Id::AclSave, 2, Group::Server, "6.0.0")
        .flags(flags![ADMIN, NOSCRIPT, LOADING, STALE])
        .summary("Write the users to the ACL file")
        .complexity("O(N). Where N is the number of configured users."),
    CommandSpec::new("acl|setuser", Id::AclSetuser, -3, Group::Server, "6.0.0")
        .flags(flags![ADMIN, NOSCRIPT, LOADING, STALE])
        .summary("Make or change a user by rules")
        .complexity("O(N). Where N is the number of rules provided.")
        .arguments(&[A::new("username", K::String), A::new("rule", K::String).optional().multiple()]),
    CommandSpec::new("acl|users", Id::AclUsers, 2, Group::Server, "6.0.0")
        .flags(flags![ADMIN, NOSCRIPT, LOADING, STALE])
        .summary("List the names of the users")
        .complexity("O(N). Where N is the number of configured users."),
    CommandSpec::new("acl|whoami", Id::AclWhoami, 2, Group::Server, "6.0.0")
        .flags(flags![NOSCRIPT, LOADING, STALE])
        .summary("Tell the user of this connection"),
    CommandSpec::new("acl|help", Id::AclHelp, 2, Group::Server, "6.0.0")
        .flags(flags![LOADING, STALE])
        .summary("Print this help"),
];
