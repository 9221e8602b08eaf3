//! What goes over the wire, for each protocol that a server under load may speak.

use anyhow::ensure;
use clap::ValueEnum;
use fanfare_wire::encode_request;
use serde::Serialize;

/// What the server speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(super) enum Protocol {
    /// The NATS client protocol
    Nats,
    /// Redis pub/sub, by RESP2
    #[default]
    Resp,
}

/// What a connection has to say first, and what must come back before it counts.
#[derive(Debug)]
pub(super) struct Opening {
    pub(super) request: Vec<u8>,
    reply: Vec<u8>,
    /// How much of the reply has come.
    replied: usize,
    /// The server has still to introduce itself, in one line.
    greeting: bool,
    protocol: Protocol,
}

/// Names subscribed to with one request.
const NAMES_AT_ONCE: usize = 500;
const NATS_PING: &[u8] = b"PING\r\n";
const NATS_PONG: &[u8] = b"PONG\r\n";
/// What a NATS server says of itself before anything else.
const NATS_GREETING: &[u8] = b"INFO ";

impl Protocol {
    /// Whether the answer to a publication says how many got it.
    pub(super) fn counts_receivers(self) -> bool {
        self == Self::Resp
    }

    /// A connection that subscribes to nothing. One that `publishes` gets an answer to each publication.
    pub(super) fn open(self, publishes: bool) -> Opening {
        let (mut request, mut reply) = (self.connect(publishes), Vec::new());
        match self {
            Self::Nats => {
                request.extend_from_slice(NATS_PING);
                reply.extend_from_slice(if publishes { b"+OK\r\n" } else { b"" });
                reply.extend_from_slice(NATS_PONG);
            }
            Self::Resp => {
                encode_request(&mut request, &["PING"]);
                reply.extend_from_slice(b"+PONG\r\n");
            }
        }
        self.opening(request, reply)
    }

    /// A connection that is subscribed to these names.
    pub(super) fn subscribe(self, names: &[String]) -> Opening {
        let (mut request, mut reply) = (self.connect(false), Vec::new());
        match self {
            Self::Nats => {
                for (number, name) in (1..).zip(names) {
                    request.extend_from_slice(format!("SUB {name} {number}\r\n").as_bytes());
                }
                request.extend_from_slice(NATS_PING);
                reply.extend_from_slice(NATS_PONG);
            }
            Self::Resp => {
                encode_batches(&mut request, "SUBSCRIBE", names);
                for (number, name) in (1..).zip(names) {
                    reply.extend_from_slice(&confirmation("subscribe", name, number));
                }
            }
        }
        self.opening(request, reply)
    }

    /// What a delivery begins with: all but the payload and the line's end.
    pub(super) fn delivery_head(self, channel: &str, payload_len: usize) -> Vec<u8> {
        match self {
            // A subscriber of one channel has but one subscription, the first.
            Self::Nats => format!("MSG {channel} 1 {payload_len}\r\n"),
            Self::Resp => {
                format!("*3\r\n$7\r\nmessage\r\n${}\r\n{channel}\r\n${payload_len}\r\n", channel.len())
            }
        }
        .into_bytes()
    }

    /// The publication of a message.
    pub(super) fn publish(self, channel: &str, payload: &str) -> Vec<u8> {
        match self {
            Self::Nats => format!("PUB {channel} {}\r\n{payload}\r\n", payload.len()).into_bytes(),
            Self::Resp => {
                let mut request = Vec::new();
                encode_request(&mut request, &["PUBLISH", channel, payload]);
                request
            }
        }
    }

    /// Reads the whole answers to publications at the start of `bytes` and says how long they are together.
    ///
    /// `on_answer` gets how many are said to have got the message: nobody where that is not told.
    pub(super) fn read_answers(
        self,
        bytes: &[u8],
        out: &mut Vec<u8>,
        mut on_answer: impl FnMut(u64),
    ) -> anyhow::Result<usize> {
        let mut used = 0;
        for line in bytes.split_inclusive(|&byte| byte == b'\n').filter(|line| line.ends_with(b"\n")) {
            match self {
                Self::Nats if line == NATS_PING => out.extend_from_slice(NATS_PONG),
                Self::Nats if line == b"+OK\r\n" => on_answer(0),
                Self::Resp if let Some(receivers) = integer(line) => on_answer(receivers),
                _ => break,
            }
            used += line.len();
        }
        let rest = &bytes[used..];
        // The longest answer is a sign, ten digits and the line's end.
        ensure!(
            !rest.contains(&b'\n') && rest.len() < 13,
            "a publication was answered with {}",
            shown(&rest[..rest.len().min(200)])
        );
        Ok(used)
    }

    /// Answers the server's question whether this side is alive, if `bytes` begin with it, and says how long it is.
    pub(super) fn answer_ping(self, bytes: &[u8], out: &mut Vec<u8>) -> Option<usize> {
        if self != Self::Nats || !bytes.starts_with(NATS_PING) {
            return None;
        }
        out.extend_from_slice(NATS_PONG);
        Some(NATS_PING.len())
    }

    /// Whether such a question may begin as `bytes` do, which are not all of it.
    pub(super) fn may_be_ping(self, bytes: &[u8]) -> bool {
        self == Self::Nats && NATS_PING.starts_with(bytes)
    }

    /// For a connection that is to get nothing: no more than the server's question is taken.
    pub(super) fn expect_silence(self, bytes: &[u8], out: &mut Vec<u8>) -> anyhow::Result<usize> {
        let mut used = 0;
        while let Some(len) = self.answer_ping(&bytes[used..], out) {
            used += len;
        }
        let rest = &bytes[used..];
        ensure!(rest.is_empty() || self.may_be_ping(rest), "it got what it did not ask for: {}", shown(rest));
        Ok(used)
    }

    fn connect(self, verbose: bool) -> Vec<u8> {
        match self {
            Self::Nats => format!(
                "CONNECT {{\"verbose\":{verbose},\"pedantic\":false,\"echo\":true,\"lang\":\"rust\",\"version\":\"{}\",\
                 \"name\":\"fanfare bench\"}}\r\n",
                env!("CARGO_PKG_VERSION")
            )
            .into_bytes(),
            Self::Resp => Vec::new(),
        }
    }

    fn opening(self, request: Vec<u8>, reply: Vec<u8>) -> Opening {
        Opening { request, reply, replied: 0, greeting: self == Self::Nats, protocol: self }
    }
}

impl Opening {
    /// Takes what has come back, and keeps quiet from then on; says how much of `bytes` it was.
    pub(super) fn take(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> anyhow::Result<usize> {
        let mut used = 0;
        if self.greeting {
            let known = bytes.len().min(NATS_GREETING.len());
            ensure!(bytes[..known] == NATS_GREETING[..known], "the server introduced itself with {}", shown(bytes));
            let Some(end) = bytes.iter().position(|&byte| byte == b'\n') else { return Ok(0) };
            self.greeting = false;
            used = end + 1;
        }
        let awaited = &self.reply[self.replied..];
        let known = awaited.len().min(bytes.len() - used);
        let answer = &bytes[used..used + known];
        ensure!(*answer == awaited[..known], "it was answered with {}", shown(answer));
        self.replied += known;
        used += known;
        Ok(used + if self.is_done() { self.protocol.expect_silence(&bytes[used..], out)? } else { 0 })
    }

    pub(super) fn is_done(&self) -> bool {
        !self.greeting && self.replied == self.reply.len()
    }
}

/// The PSUBSCRIBE of these patterns, and what confirms it.
pub(super) fn psubscribe(patterns: &[String]) -> Opening {
    let (mut request, mut reply) = (Vec::new(), Vec::new());
    encode_batches(&mut request, "PSUBSCRIBE", patterns);
    for (number, pattern) in (1..).zip(patterns) {
        reply.extend_from_slice(&confirmation("psubscribe", pattern, number));
    }
    Protocol::Resp.opening(request, reply)
}

/// What the delivery to a pattern begins with: all but the payload and the line's end.
pub(super) fn pattern_delivery_head(pattern: &str, channel: &str, payload_len: usize) -> Vec<u8> {
    format!(
        "*4\r\n$8\r\npmessage\r\n${}\r\n{pattern}\r\n${}\r\n{channel}\r\n${payload_len}\r\n",
        pattern.len(),
        channel.len()
    )
    .into_bytes()
}

/// A subscription taken and given back, and what confirms both.
pub(super) fn subscription_pair(name: &str) -> (Vec<u8>, Vec<u8>) {
    let mut request = Vec::new();
    encode_request(&mut request, &["SUBSCRIBE", name]);
    encode_request(&mut request, &["UNSUBSCRIBE", name]);
    (request, [confirmation("subscribe", name, 1), confirmation("unsubscribe", name, 0)].concat())
}

fn confirmation(kind: &str, name: &str, held: usize) -> Vec<u8> {
    format!("*3\r\n${}\r\n{kind}\r\n${}\r\n{name}\r\n:{held}\r\n", kind.len(), name.len()).into_bytes()
}

fn encode_batches(out: &mut Vec<u8>, command: &str, names: &[String]) {
    for names in names.chunks(NAMES_AT_ONCE) {
        let args: Vec<&str> = std::iter::once(command).chain(names.iter().map(String::as_str)).collect();
        encode_request(out, &args);
    }
}

/// The number that a whole line of RESP says, if it is none below zero.
fn integer(line: &[u8]) -> Option<u64> {
    let digits = line.strip_prefix(b":")?.strip_suffix(b"\r\n")?;
    let number = str::from_utf8(digits).ok()?.parse::<u32>().ok()?;
    digits[0].is_ascii_digit().then_some(u64::from(number))
}

fn shown(bytes: &[u8]) -> String {
    bytes[..bytes.len().min(200)].escape_ascii().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_cut_anywhere_are_the_same_answers() {
        let cases = [
            (Protocol::Resp, &b":0\r\n:12\r\n:345\r\n"[..], &[0, 12, 345][..], &b""[..]),
            (Protocol::Nats, b"+OK\r\nPING\r\n+OK\r\n", &[0, 0], NATS_PONG),
        ];
        for (protocol, bytes, answers, replied) in cases {
            for cut in 0..=bytes.len() {
                let (mut seen, mut out) = (Vec::new(), Vec::new());
                let used = protocol.read_answers(&bytes[..cut], &mut out, |number| seen.push(number)).expect("good");
                let rest = protocol.read_answers(&bytes[used..], &mut out, |number| seen.push(number)).expect("good");
                assert_eq!((seen.as_slice(), used + rest), (answers, bytes.len()), "cut at {cut}");
                assert_eq!(out, replied);
            }
        }
    }

    #[test]
    fn other_answers_are_errors() {
        let bad = [
            (Protocol::Resp, &b"-NOAUTH Authentication required.\r\n"[..]),
            (Protocol::Resp, b":-1\r\n"),
            (Protocol::Resp, b":+1\r\n"),
            (Protocol::Resp, b":\r\n"),
            (Protocol::Resp, b":1\n"),
            (Protocol::Resp, b"+OK\r\n"),
            (Protocol::Resp, b":99999999999\r\n"),
            (Protocol::Resp, b":99999999999999999999"),
            (Protocol::Nats, b"-ERR 'Maximum Payload Violation'\r\n"),
            (Protocol::Nats, b":1\r\n"),
        ];
        for (protocol, bytes) in bad {
            assert!(protocol.read_answers(bytes, &mut Vec::new(), |_| {}).is_err(), "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn an_opening_cut_anywhere_is_done_at_its_end() {
        let names = ["a".to_owned(), "bc".to_owned()];
        let cases = [
            (
                Protocol::Resp.subscribe(&names),
                &b"*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n*3\r\n$9\r\nsubscribe\r\n$2\r\nbc\r\n:2\r\n"[..],
            ),
            (Protocol::Nats.subscribe(&names), b"INFO {\"max_payload\":1}\r\nPONG\r\n"),
            (Protocol::Nats.open(true), b"INFO {}\r\n+OK\r\nPONG\r\n"),
            (Protocol::Resp.open(true), b"+PONG\r\n"),
            (psubscribe(&names[..1]), b"*3\r\n$10\r\npsubscribe\r\n$1\r\na\r\n:1\r\n"),
        ];
        for (opening, bytes) in cases {
            for cut in 0..=bytes.len() {
                let mut opening = Opening { reply: opening.reply.clone(), request: Vec::new(), ..opening };
                let used = opening.take(&bytes[..cut], &mut Vec::new()).expect("it is the reply");
                assert_eq!(opening.is_done(), cut == bytes.len());
                let rest = opening.take(&bytes[used..], &mut Vec::new()).expect("it is the reply");
                assert!(opening.is_done() && used + rest == bytes.len(), "cut at {cut}");
            }
        }
    }

    #[test]
    fn after_its_opening_a_connection_is_silent() {
        let mut opening = Protocol::Nats.open(false);
        let mut out = Vec::new();
        let bytes = b"INFO {}\r\nPONG\r\nPING\r\nPI";
        assert_eq!(opening.take(bytes, &mut out).expect("all is as it should be"), bytes.len() - 2);
        assert_eq!(out, NATS_PONG);
        assert!(opening.take(b"MSG a 1 1\r\nx\r\n", &mut out).is_err());
        assert!(Protocol::Resp.expect_silence(b"PING\r\n", &mut out).is_err());
    }
}
