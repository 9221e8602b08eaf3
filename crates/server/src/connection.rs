//! What a worker's loop keeps of a connection beside the engine's session.

use crate::stream::Stream;

/// A connection: its socket, and what its worker waits for.
pub(crate) struct Connection {
    pub(crate) stream: Stream,
    pub(crate) input: Input,
    /// Its peer sends no more, which no further event tells: what is there is read up to its end.
    pub(crate) is_ended: bool,
    /// Its socket took no more: what is queued goes on with the event that it does.
    pub(crate) is_blocked: bool,
}

impl Connection {
    pub(crate) const fn new(stream: Stream) -> Self {
        Self { stream, input: Input::Awaited, is_ended: false, is_blocked: false }
    }
}

/// Whether there may be bytes to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    /// None until the next event.
    Awaited,
    /// It is in its worker's queue of those to read.
    Queued,
    /// The session takes none now; it is read when it may go on.
    Held,
}
