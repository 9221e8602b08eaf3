//! What the conformance tests share: servers to start, raw connections, and the tests that are programs too.
//!
//! Four ways of holding Fanfare against the outside world live here: the same bytes sent to Fanfare and to a real
//! Redis ([`differential`]), crashes after which every write is accounted for ([`durability`]), real clients, and loads
//! whose every delivery is accounted for. The harness speaks RESP itself and uses none of Fanfare's crates, so that a
//! mistake in those cannot hide behind the same mistake here.
//!
//! Start from [`server::Server`] (a process that is ended on drop) and [`connection::Connection`].

#![forbid(unsafe_code)]

pub mod connection;
pub mod differential;
pub mod durability;
pub mod frame;
pub mod rng;
pub mod server;
