//! Workers, listeners and signals around the engine: the Fanfare server as a library.
//!
//! [`Server::bind`] opens the listeners and starts the workers, [`Server::run`] accepts connections until it is told to
//! stop, and then drains. What a request means is the engine's business; this crate moves bytes.
#![forbid(unsafe_code)]

mod acceptor;
mod connection;
mod durability;
mod listener;
pub mod log;
mod process;
mod server;
mod stream;
mod tls;
mod worker;

pub use listener::ListenError;
pub use server::{Server, ServerOptions, StartError};
