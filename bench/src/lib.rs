//! What the instruction counts and the allocation test share: one worker whose connections take everything at once.
#![forbid(unsafe_code)]

use std::io::IoSlice;
use std::sync::Arc;

use fanfare_engine::{Broker, BrokerOptions, ConnId, Endpoint, Now, Worker};
use fanfare_wire::encode_request;

/// A worker without sockets: what would be the kernel's part is left out, everything else is as in the server.
pub struct SinkWorker {
    worker: Worker,
}

impl SinkWorker {
    /// A worker under the default settings, without connections.
    pub fn new() -> Self {
        Self { worker: Worker::new(Arc::new(Broker::new(BrokerOptions::default())), 0) }
    }

    /// A new connection.
    pub fn connect(&mut self) -> ConnId {
        self.worker.open(Endpoint::default(), Now::default())
    }

    /// A new connection that has sent these requests.
    pub fn connect_with(&mut self, requests: &[&[&str]]) -> ConnId {
        let conn = self.connect();
        for request in requests {
            self.turn(conn, &encoded(request));
        }
        conn
    }

    /// One turn: a connection sent `bytes`, and whatever follows from them is written. Returns how much that is.
    pub fn turn(&mut self, conn: ConnId, bytes: &[u8]) -> usize {
        self.worker.handle_input(conn, bytes, Now::default());
        let mut sent = 0;
        loop {
            self.worker.finish_turn(Now::default());
            while let Some(conn) = self.worker.next_dirty() {
                self.worker.transmit(conn, |slices| {
                    let total = total(slices);
                    sent += total;
                    Ok(total)
                });
            }
            // A publisher that came too far ahead of the visits goes on after them.
            self.worker.update_behind();
            let Some(conn) = self.worker.poll_ready() else { return sent };
            self.worker.handle_input(conn, b"", Now::default());
        }
    }
}

impl Default for SinkWorker {
    fn default() -> Self {
        Self::new()
    }
}

/// The bytes of a request.
pub fn encoded(request: &[&str]) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_request(&mut bytes, request);
    bytes
}

/// The bytes of all slices.
pub fn total(slices: &[IoSlice<'_>]) -> usize {
    slices.iter().map(|slice| slice.len()).sum()
}

/// Pattern `number` of a set that has all shapes: prefix, suffix, both, inner words, literal.
pub fn mixed_pattern(number: usize) -> String {
    match number % 5 {
        0 => format!("news:{}:{number}:*", number % 97),
        1 => format!("*:user:{number}"),
        2 => format!("*order{number}*"),
        3 => format!("a{number}*b{}*c", number % 1000),
        _ => format!("room:{number}"),
    }
}

/// A channel that [`mixed_pattern`] `number` matches.
pub fn matched_channel(number: usize) -> String {
    match number % 5 {
        0 => format!("news:{}:{number}:sport", number % 97),
        1 => format!("chat:user:{number}"),
        2 => format!("shop:eu:order{number}:paid"),
        3 => format!("a{number}:b{}:c", number % 1000),
        _ => format!("room:{number}"),
    }
}
