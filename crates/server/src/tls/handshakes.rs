//! The handshakes under way on a worker: connections that the engine does not know yet.

use std::collections::VecDeque;
use std::io;
use std::time::Instant;

use fanfare_engine::Endpoint;
use mio::event::Event;
use mio::{Interest, Registry, Token};
use slab::Slab;

use super::{Buffers, TlsStream};

/// The bit that marks the event of a handshake.
pub(crate) const HANDSHAKE: usize = 1 << (usize::BITS - 2);

/// A connection before the end of its handshake.
struct Pending {
    stream: Box<TlsStream>,
    endpoint: Endpoint,
    is_queued: bool,
}

/// All of a worker's.
#[derive(Default)]
pub(crate) struct Handshakes {
    pending: Slab<Pending>,
    /// Those with input; one that has gone, or came in its place, may be among them.
    readable: VecDeque<usize>,
}

impl Handshakes {
    pub(crate) fn begin(
        &mut self,
        registry: &Registry,
        mut stream: Box<TlsStream>,
        endpoint: Endpoint,
    ) -> io::Result<()> {
        let entry = self.pending.vacant_entry();
        let token = Token(HANDSHAKE | entry.key());
        registry.register(stream.socket_mut(), token, Interest::READABLE | Interest::WRITABLE)?;
        entry.insert(Pending { stream, endpoint, is_queued: false });
        Ok(())
    }

    /// Takes note of input, and goes on sending.
    pub(crate) fn handle_event(&mut self, event: &Event) {
        let at = event.token().0 & !HANDSHAKE;
        let Some(pending) = self.pending.get_mut(at) else { return };
        if event.is_writable() {
            // A failure shows in the read that follows.
            let _ = pending.stream.flush();
        }
        if !std::mem::replace(&mut pending.is_queued, true) {
            self.readable.push_back(at);
        }
    }

    /// Whether a step can be made.
    pub(crate) fn has_readable(&self) -> bool {
        !self.readable.is_empty()
    }

    /// One step of one handshake; a connection whose handshake is over is handed on, or the error that ended it.
    pub(crate) fn step(&mut self, buffers: &mut Buffers) -> Option<io::Result<(Box<TlsStream>, Endpoint)>> {
        let at = self.readable.pop_front()?;
        let pending = self.pending.get_mut(at)?;
        pending.is_queued = false;
        match pending.stream.shake_hands(buffers) {
            Ok(false) => None,
            Ok(true) => {
                let Pending { mut stream, mut endpoint, .. } = self.pending.remove(at);
                stream.accept(&mut endpoint);
                Some(Ok((stream, endpoint)))
            }
            Err(error) => {
                self.pending.remove(at);
                Some(Err(error))
            }
        }
    }

    /// Drops those that have taken too long; how many.
    pub(crate) fn expire(&mut self, now: Instant) -> usize {
        let before = self.pending.len();
        self.pending
            .retain(|_, pending| pending.stream.handshake.as_ref().is_some_and(|handshake| handshake.deadline > now));
        before - self.pending.len()
    }
}
