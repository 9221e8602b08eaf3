//! The commands, one file for each type; a command is a function of a [`crate::Call`].

pub mod expire;
pub mod generic;
pub mod hash_fields;
pub mod hashes;
pub mod lists;
pub mod memory;
pub mod restore;
pub mod sets;
pub mod sorted_set_operations;
pub mod sorted_set_ranges;
pub mod sorted_sets;
pub mod stream_claims;
pub mod stream_groups;
pub mod stream_info;
pub mod stream_reads;
pub mod streams;
pub mod strings;
