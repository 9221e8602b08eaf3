//! Sessions, one command table, one settings table: the broker without sockets, clock or threads.
//!
//! A [`Broker`] is what all workers of a process share. Each worker thread owns a [`Worker`]: it takes the bytes that
//! connections sent, executes their requests, and says which connections have something to be written. Time comes in
//! as a [`Now`]; sockets, threads and files stay outside.
#![forbid(unsafe_code)]

mod acl;
mod broker;
mod client;
mod close;
pub mod command;
mod commands;
#[cfg(test)]
pub(crate) mod harness;
mod journal;
mod session;
pub mod settings;
mod slowlog;
mod stats;
#[cfg(test)]
mod tests;
mod tracking;
mod worker;

pub use acl::FailedLogin;
pub use broker::{
    ApplySettings, Broker, BrokerOptions, Control, FillRandom, ReadFile, ServerFacts, VERSION, WriteFile, WriteSettings,
};
pub use client::{Address, Client, Clients, Endpoint};
pub use close::CloseReason;
pub use journal::{Journal, JournalStatus, Restore};
pub use session::Session;
pub use stats::Stats;
pub use worker::{ConnId, Now, Worker};

pub use fanfare_fanout::Load;
