//! The built program as people and service managers meet it: what it says, how it ends.
#![forbid(unsafe_code)]

mod durability;
mod program;
mod refusals;
mod service_manager;
mod serving;
