//! One command table: the source for dispatch, checks, introspection and the reference page.
//!
//! [`resolve`] takes the words of a request to a [`CommandSpec`], whose [`CommandId`] dispatch matches on. A new
//! command is a variant in `id.rs` and a row in the file of its group in `table/`; its replies to `COMMAND`, its line in
//! `HELP` and on the page follow from the row.

mod argument;
mod docs;
mod flags;
mod id;
mod introspect;
mod keys;
mod lookup;
mod spec;
mod table;

pub use argument::{Argument, ArgumentKind};
pub use docs::docs;
pub use flags::{Categories, Flags};
pub use id::CommandId;
pub use introspect::{
    acl_cat, command_count, command_docs, command_get_keys, command_get_keys_and_flags, command_info, command_list,
    help,
};
pub use keys::{BeginSearch, FindKeys, KeyFlags, KeySpec};
pub use lookup::{LookupError, Reason, Unserved, Words, lookup, lookup_full_name, resolve};
pub use spec::{ChannelAccess, ChannelSpec, CommandSpec, Deprecation, Group};
pub use table::{COMMANDS, UNSERVED};
