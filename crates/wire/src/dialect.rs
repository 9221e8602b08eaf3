//! How a published message becomes the bytes of one frame, and how such a frame is read again.

use crate::Protocol;

/// What a message was matched by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MessageKind<'a> {
    /// `message`: the channel itself is subscribed.
    Channel,
    /// `pmessage`: this pattern matches the channel.
    Pattern(&'a [u8]),
    /// `smessage`: the shard channel itself is subscribed.
    Shard,
}

/// One message on its way to subscribers, before it is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// What it was matched by.
    pub kind: MessageKind<'a>,
    /// The channel it was published on.
    pub channel: &'a [u8],
    /// The publisher's bytes.
    pub payload: &'a [u8],
}

/// What can be told from an encoded frame without its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameView<'a> {
    /// What the message was matched by.
    pub kind: MessageKind<'a>,
    /// The channel it was published on.
    pub channel: &'a [u8],
    /// Length of the whole frame in bytes, payload and end included.
    pub len: usize,
}

/// The encoding of messages for one kind of subscriber.
///
/// A frame is head, payload, tail, so that a large payload can be sent from where it lies instead of being copied.
/// A dialect reads its own frames again only when a slow subscriber's queue has to be thinned out.
pub trait Dialect: Send + Sync {
    /// Appends everything that comes before the payload.
    fn encode_head(&self, message: &Message<'_>, out: &mut Vec<u8>);

    /// Appends everything that comes after the payload.
    fn encode_tail(&self, out: &mut Vec<u8>);

    /// Reads the head of the frame at the start of `bytes`, which may end anywhere after that head.
    ///
    /// Returns `None` when `bytes` does not start with a whole head of this dialect.
    fn view<'a>(&self, bytes: &'a [u8]) -> Option<FrameView<'a>>;
}

/// RESP2: a message is an array. Source: Redis "Pub/Sub", wire protocol.
#[derive(Clone, Copy, Debug, Default)]
pub struct Resp2;

/// RESP3: a message is a push. Source: RESP3 specification, push type.
#[derive(Clone, Copy, Debug, Default)]
pub struct Resp3;

impl Dialect for Resp2 {
    fn encode_head(&self, message: &Message<'_>, out: &mut Vec<u8>) {
        encode_resp_head(b'*', message, out);
    }
    fn encode_tail(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"\r\n");
    }
    fn view<'a>(&self, bytes: &'a [u8]) -> Option<FrameView<'a>> {
        view_resp(b'*', bytes)
    }
}

impl Dialect for Resp3 {
    fn encode_head(&self, message: &Message<'_>, out: &mut Vec<u8>) {
        encode_resp_head(b'>', message, out);
    }
    fn encode_tail(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"\r\n");
    }
    fn view<'a>(&self, bytes: &'a [u8]) -> Option<FrameView<'a>> {
        view_resp(b'>', bytes)
    }
}

impl Protocol {
    /// The dialect in which a connection of this protocol gets its messages.
    pub fn dialect(self) -> &'static dyn Dialect {
        match self {
            Self::Resp2 => &Resp2,
            Self::Resp3 => &Resp3,
        }
    }
}

fn encode_resp_head(envelope: u8, message: &Message<'_>, out: &mut Vec<u8>) {
    out.push(envelope);
    match message.kind {
        MessageKind::Channel => out.extend_from_slice(b"3\r\n$7\r\nmessage\r\n"),
        MessageKind::Shard => out.extend_from_slice(b"3\r\n$8\r\nsmessage\r\n"),
        MessageKind::Pattern(pattern) => {
            out.extend_from_slice(b"4\r\n$8\r\npmessage\r\n");
            push_bulk(pattern, out);
        }
    }
    push_bulk(message.channel, out);
    push_length(message.payload.len(), out);
}

fn push_length(len: usize, out: &mut Vec<u8>) {
    out.push(b'$');
    out.extend_from_slice(itoa::Buffer::new().format(len).as_bytes());
    out.extend_from_slice(b"\r\n");
}

fn push_bulk(bytes: &[u8], out: &mut Vec<u8>) {
    push_length(bytes.len(), out);
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
}

fn view_resp(envelope: u8, bytes: &[u8]) -> Option<FrameView<'_>> {
    let mut at = 0;
    if *bytes.first()? != envelope {
        return None;
    }
    at += 4;
    let word = read_bulk(bytes, &mut at)?;
    let kind = match word {
        b"message" => MessageKind::Channel,
        b"smessage" => MessageKind::Shard,
        b"pmessage" => MessageKind::Pattern(read_bulk(bytes, &mut at)?),
        _ => return None,
    };
    let channel = read_bulk(bytes, &mut at)?;
    let payload = read_length(bytes, &mut at)?;
    Some(FrameView { kind, channel, len: at + payload + 2 })
}

fn read_length(bytes: &[u8], at: &mut usize) -> Option<usize> {
    let rest = bytes.get(*at..)?.strip_prefix(b"$")?;
    let end = memchr::memchr(b'\r', rest)?;
    let digits = rest.get(..end)?;
    let len = str::from_utf8(digits).ok()?.parse().ok()?;
    *at += 1 + end + 2;
    Some(len)
}

fn read_bulk<'a>(bytes: &'a [u8], at: &mut usize) -> Option<&'a [u8]> {
    let len = read_length(bytes, at)?;
    let bulk = bytes.get(*at..*at + len)?;
    *at += len + 2;
    Some(bulk)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encode(dialect: &dyn Dialect, message: &Message<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        dialect.encode_head(message, &mut out);
        out.extend_from_slice(message.payload);
        dialect.encode_tail(&mut out);
        out
    }

    #[test]
    fn frames_are_those_of_redis() {
        let message = Message { kind: MessageKind::Channel, channel: b"a", payload: b"hi" };
        assert_eq!(encode(&Resp2, &message), b"*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$2\r\nhi\r\n");
        let message = Message { kind: MessageKind::Pattern(b"a*"), ..message };
        assert_eq!(encode(&Resp3, &message), b">4\r\n$8\r\npmessage\r\n$2\r\na*\r\n$1\r\na\r\n$2\r\nhi\r\n");
        let message = Message { kind: MessageKind::Shard, channel: b"", payload: b"" };
        assert_eq!(encode(&Resp3, &message), b">3\r\n$8\r\nsmessage\r\n$0\r\n\r\n$0\r\n\r\n");
    }

    proptest! {
        #[test]
        fn a_frame_reads_back(channel: Vec<u8>, payload: Vec<u8>, pattern: Option<Vec<u8>>, shard: bool) {
            let kind = match (&pattern, shard) {
                (Some(p), _) => MessageKind::Pattern(p),
                (None, true) => MessageKind::Shard,
                (None, false) => MessageKind::Channel,
            };
            let message = Message { kind, channel: &channel, payload: &payload };
            for dialect in [&Resp2 as &dyn Dialect, &Resp3] {
                let mut bytes = encode(dialect, &message);
                let len = bytes.len();
                bytes.extend_from_slice(b"*3\r\n");
                prop_assert_eq!(dialect.view(&bytes), Some(FrameView { kind, channel: &channel, len }));
            }
        }

        #[test]
        fn a_view_never_panics(bytes: Vec<u8>) {
            let _ = Resp2.view(&bytes);
            let _ = Resp3.view(&bytes);
        }
    }
}
