//! The real server on real sockets: what needs workers, listeners and a kernel between the two sides.
//!
//! Every test starts its own server on a port that the kernel picks. Tests whose outcome could depend on how connections
//! are spread run with one worker and with four; the connections of such a test sit on different workers, since each new
//! one goes to the worker with the fewest.
#![forbid(unsafe_code)]

/// Runs each test with one worker and with four.
macro_rules! with_workers {
    ($($name:ident),* $(,)?) => {
        mod one_worker {
            $(#[test] fn $name() { super::$name("1"); })*
        }
        mod four_workers {
            $(#[test] fn $name() { super::$name("4"); })*
        }
    };
}

mod access;
mod clients;
mod drain;
mod durability;
mod flow;
mod listen;
mod pubsub;
mod support;
mod tls;
