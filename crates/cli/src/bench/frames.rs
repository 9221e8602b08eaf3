//! The bytes of a run, known in advance: names and numbers have a fixed width, so all frames of a run are equally long.

use super::protocol::{Protocol, pattern_delivery_head, subscription_pair};

/// The shortest payload: what says which message it is.
pub(super) const STAMP_LEN: usize = 16;
/// Publishers are numbered by the first four digits of the stamp.
pub(super) const PUBLISHERS_MAX: u32 = 9_999;
/// Channels are numbered by six digits, from zero on.
pub(super) const CHANNELS_MAX: u32 = 1_000_000;
pub(super) const CHANNEL_DIGITS: usize = 6;

const SEQUENCES: u64 = 1_000_000_000_000;
const FILL: &str = "x";

/// Which message of a run this is; every payload starts with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) publisher: u32,
    /// Counted per publisher and channel, so that a subscriber of one channel can tell a gap.
    pub(super) sequence: u64,
}

impl Stamp {
    fn to_number(self) -> u64 {
        u64::from(self.publisher) * SEQUENCES + self.sequence % SEQUENCES
    }
}

/// The names, payloads and frames of a run.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    protocol: Protocol,
    prefix: String,
    channels: u32,
    /// The frame of each channel up to the stamp.
    heads: Vec<Vec<u8>>,
    /// Every frame behind the stamp: the fill and the line end.
    tail: Vec<u8>,
    /// A publication with room for the channel's and the stamp's digits.
    publish: Vec<u8>,
    channel_at: usize,
    stamp_at: usize,
}

impl Shape {
    /// `run` tells the channels of runs at the same time apart, `payload` is at least [`STAMP_LEN`].
    pub(super) fn new(protocol: Protocol, run: u32, channels: u32, payload: usize) -> Self {
        let prefix = format!("bench:{:07}:", run % 10_000_000);
        let fill = FILL.repeat(payload.saturating_sub(STAMP_LEN));
        let body = format!("{}{fill}", "0".repeat(STAMP_LEN));
        let name = channel_name(&prefix, 0);
        let publish = protocol.publish(&name, &body);
        let channel_at = digits_in(&publish, &name);
        let stamp_at = publish.len() - body.len() - 2;
        let heads =
            (0..channels).map(|channel| protocol.delivery_head(&channel_name(&prefix, channel), body.len())).collect();
        let mut tail = fill.into_bytes();
        tail.extend_from_slice(b"\r\n");
        Self { protocol, prefix, channels, heads, tail, publish, channel_at, stamp_at }
    }

    pub(super) fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// What the names of all channels begin with; only a number follows.
    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    pub(super) fn channels(&self) -> u32 {
        self.channels
    }

    /// The length of each delivery on the wire.
    pub(super) fn frame_len(&self) -> usize {
        self.heads.first().map_or(0, Vec::len) + STAMP_LEN + self.tail.len()
    }

    /// What a delivery on this channel begins with.
    pub(super) fn head(&self, channel: u32) -> &[u8] {
        &self.heads[channel as usize]
    }

    /// What every delivery ends with.
    pub(super) fn tail(&self) -> &[u8] {
        &self.tail
    }

    /// Appends the publication of a message.
    pub(super) fn encode_publish(&self, out: &mut Vec<u8>, channel: u32, stamp: Stamp) {
        let start = out.len();
        out.extend_from_slice(&self.publish);
        let request = &mut out[start..];
        write_digits(&mut request[self.channel_at..self.channel_at + CHANNEL_DIGITS], u64::from(channel));
        write_digits(&mut request[self.stamp_at..self.stamp_at + STAMP_LEN], stamp.to_number());
    }

    /// The name of a channel.
    pub(super) fn channel(&self, channel: u32) -> String {
        channel_name(&self.prefix, channel)
    }

    /// The name of a channel and further names, `count` in all, to which nothing is published.
    pub(super) fn names(&self, channel: u32, count: u32) -> Vec<String> {
        let name = self.channel(channel);
        let further: Vec<String> = (1..count).map(|number| format!("{name}:{number}")).collect();
        [vec![name], further].concat()
    }

    /// What a delivery to a pattern has before and after the digits of its channel, up to the stamp.
    pub(super) fn pattern_delivery(&self, pattern: &str) -> (Vec<u8>, Vec<u8>) {
        let name = self.channel(0);
        let mut head = pattern_delivery_head(pattern, &name, STAMP_LEN + self.tail.len() - 2);
        let at = digits_in(&head, &name);
        let middle = head.split_off(at + CHANNEL_DIGITS);
        head.truncate(at);
        (head, middle)
    }

    /// A subscription taken and given back, and what confirms both.
    pub(super) fn pair(&self) -> (Patched, Patched) {
        let name = self.channel(0);
        let (request, reply) = subscription_pair(&name);
        (Patched::new(request, name.as_bytes()), Patched::new(reply, name.as_bytes()))
    }
}

/// Bytes that differ from use to use in the number of a channel only.
#[derive(Clone, Debug)]
pub(super) struct Patched {
    bytes: Vec<u8>,
    at: Vec<usize>,
}

impl Patched {
    fn new(bytes: Vec<u8>, name: &[u8]) -> Self {
        let at =
            (0..bytes.len()).filter(|&at| bytes[at..].starts_with(name)).map(|at| at + name.len() - CHANNEL_DIGITS);
        let at = at.collect();
        Self { bytes, at }
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The bytes for this channel.
    pub(super) fn with(&mut self, channel: u32) -> &[u8] {
        for &at in &self.at {
            write_digits(&mut self.bytes[at..at + CHANNEL_DIGITS], u64::from(channel));
        }
        &self.bytes
    }
}

fn channel_name(prefix: &str, channel: u32) -> String {
    format!("{prefix}{channel:0width$}", width = CHANNEL_DIGITS)
}

/// Where the digits of the channel of this name are.
fn digits_in(bytes: &[u8], name: &str) -> usize {
    let at = bytes.windows(name.len()).position(|window| window == name.as_bytes());
    at.expect("the bytes were made with the name") + name.len() - CHANNEL_DIGITS
}

fn write_digits(digits: &mut [u8], mut number: u64) {
    for digit in digits.iter_mut().rev() {
        // The remainder is below ten.
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

/// The channel that six digits make; nothing if they are not all digits.
pub(super) fn read_channel(digits: &[u8]) -> Option<usize> {
    let mut number = 0;
    for digit in digits {
        number = number * 10 + usize::from(digit.checked_sub(b'0').filter(|&digit| digit < 10)?);
    }
    Some(number)
}

/// The stamp that sixteen digits make; nothing if they are not all digits.
pub(super) fn read_stamp(digits: &[u8]) -> Option<Stamp> {
    let high = read_eight(digits.get(..8)?.try_into().ok()?)?;
    let low = read_eight(digits.get(8..STAMP_LEN)?.try_into().ok()?)?;
    let number = high * 100_000_000 + low;
    let publisher = u32::try_from(number / SEQUENCES).ok()?;
    Some(Stamp { publisher, sequence: number % SEQUENCES })
}

/// Eight digits at once: pairs, then fours, then all are summed within one word, since this runs for every delivery.
fn read_eight(digits: [u8; 8]) -> Option<u64> {
    const HIGH_NIBBLES: u64 = 0xF0F0_F0F0_F0F0_F0F0;
    const ZEROS: u64 = 0x3030_3030_3030_3030;
    let word = u64::from_le_bytes(digits);
    let above_nine = word.wrapping_add(0x0606_0606_0606_0606);
    if word & HIGH_NIBBLES != ZEROS || above_nine & HIGH_NIBBLES != ZEROS {
        return None;
    }
    let values = word - ZEROS;
    let pairs = values * 10 + (values >> 8);
    let mask = 0x0000_00FF_0000_00FF;
    let first = (pairs & mask).wrapping_mul(100 + (1_000_000 << 32));
    let second = ((pairs >> 16) & mask).wrapping_mul(1 + (10_000 << 32));
    Some(first.wrapping_add(second) >> 32)
}

#[cfg(test)]
mod tests {
    use fanfare_wire::encode_request;

    use super::*;

    #[test]
    fn digits_are_read_as_they_are_written() {
        for number in [0, 1, 9, 10, 12_345_678, 99_999_999, 100_000_000, 9_876_543_210_123_456, 9_999_999_999_999_999] {
            let mut digits = [0; STAMP_LEN];
            write_digits(&mut digits, number);
            assert_eq!(digits, format!("{number:016}").as_bytes());
            assert_eq!(read_stamp(&digits).map(Stamp::to_number), Some(number));
        }
    }

    #[test]
    fn what_is_no_digit_is_no_stamp() {
        for at in 0..STAMP_LEN {
            for byte in (0..=255u8).filter(|byte| !byte.is_ascii_digit()) {
                let mut digits = [b'5'; STAMP_LEN];
                digits[at] = byte;
                assert_eq!(read_stamp(&digits), None, "{byte} at {at}");
            }
        }
        assert_eq!(read_stamp(b"123456789012345"), None);
    }

    #[test]
    fn a_publish_is_the_request_of_its_message() {
        let shape = Shape::new(Protocol::Resp, 77, 12, 20);
        let mut out = Vec::new();
        shape.encode_publish(&mut out, 11, Stamp { publisher: 3, sequence: 45 });
        let mut expected = Vec::new();
        encode_request(&mut expected, &["PUBLISH", "bench:0000077:000011", "0003000000000045xxxx"]);
        assert_eq!(out, expected);
    }

    #[test]
    fn nats_has_the_same_messages_in_other_frames() {
        let shape = Shape::new(Protocol::Nats, 77, 12, 20);
        let mut out = Vec::new();
        shape.encode_publish(&mut out, 11, Stamp { publisher: 3, sequence: 45 });
        assert_eq!(out.escape_ascii().to_string(), r"PUB bench:0000077:000011 20\r\n0003000000000045xxxx\r\n");
        assert_eq!(shape.head(11), b"MSG bench:0000077:000011 1 20\r\n");
        assert_eq!(shape.tail(), b"xxxx\r\n");
    }

    #[test]
    fn a_pair_names_its_channel_everywhere() {
        let (mut request, mut reply) = Shape::new(Protocol::Resp, 1, 10, 16).pair();
        let mut expected = Vec::new();
        encode_request(&mut expected, &["SUBSCRIBE", "bench:0000001:000007"]);
        encode_request(&mut expected, &["UNSUBSCRIBE", "bench:0000001:000007"]);
        assert_eq!(request.with(7), expected);
        let text = String::from_utf8_lossy(reply.with(7)).into_owned();
        assert_eq!(text.matches("$20\r\nbench:0000001:000007\r\n").count(), 2);
    }
}
