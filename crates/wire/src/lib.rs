//! RESP2/RESP3 requests, replies and pushes, message dialects, Redis globs and hash slots: bytes in, bytes out.
//!
//! Nothing here opens a socket, knows a subscription or keeps a queue. Start with [`RequestParser`] to read what a
//! client sends, [`ReplyWriter`] to answer it, and [`Dialect`] to turn a published message into a frame.
#![forbid(unsafe_code)]

mod decode;
mod dialect;
mod glob;
mod reply;
mod request;
mod slot;

pub use decode::{DecodeError, DecodeLimits, Decoder, Value, decode};
pub use dialect::{Dialect, FrameView, Message, MessageKind, Resp2, Resp3};
pub use glob::{Literals, glob_match};
pub use reply::ReplyWriter;
pub use request::{Parsed, ProtocolError, Request, RequestArgs, RequestLimits, RequestParser, encode_request};
pub use slot::{SLOTS, slot};

/// The two versions of the Redis protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// RESP2, what every connection starts with.
    #[default]
    Resp2,
    /// RESP3, entered with `HELLO 3`.
    Resp3,
}
