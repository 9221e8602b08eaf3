//! What the conformance tests share: servers to start, raw connections, and the differential test.
//!
//! Three ways of holding Fanfare against the outside world live here: the same bytes sent to Fanfare and to a real
//! Redis ([`differential`]), real clients, and loads whose every delivery is accounted for. The harness speaks RESP
//! itself and uses none of Fanfare's crates, so that a mistake in those cannot hide behind the same mistake here.
//!
//! Start from [`server::Server`] (a process that is ended on drop) and [`connection::Connection`].

#![forbid(unsafe_code)]

pub mod connection;
pub mod differential;
pub mod frame;
pub mod rng;
pub mod server;
