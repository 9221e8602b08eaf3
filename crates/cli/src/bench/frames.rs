//! The bytes of a run, known in advance: names and numbers have a fixed width, so all frames of a run are equally long.

use fanfare_wire::encode_request;

/// The shortest payload: what says which message it is.
pub(super) const STAMP_LEN: usize = 16;
/// Publishers are numbered by the first four digits of the stamp.
pub(super) const PUBLISHERS_MAX: u32 = 9_999;
/// Channels are numbered by six digits.
pub(super) const CHANNELS_MAX: u32 = 999_999;

const CHANNEL_DIGITS: usize = 6;
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
    prefix: String,
    channels: u32,
    /// The frame of each channel up to the stamp.
    heads: Vec<Vec<u8>>,
    /// Every frame behind the stamp: the fill and the line end.
    tail: Vec<u8>,
    /// A PUBLISH with room for the channel's and the stamp's digits.
    publish: Vec<u8>,
    channel_at: usize,
    stamp_at: usize,
}

impl Shape {
    /// `run` tells the channels of runs at the same time apart, `payload` is at least [`STAMP_LEN`].
    pub(super) fn new(run: u32, channels: u32, payload: usize) -> Self {
        let prefix = format!("bench:{:07}:", run % 10_000_000);
        let fill = FILL.repeat(payload.saturating_sub(STAMP_LEN));
        let body = format!("{}{fill}", "0".repeat(STAMP_LEN));
        let name = format!("{prefix}{:0width$}", 0, width = CHANNEL_DIGITS);
        let mut publish = Vec::new();
        encode_request(&mut publish, &["PUBLISH", &name, &body]);
        let stamp_at = publish.len() - body.len() - 2;
        let channel_at = stamp_at - 2 - body.len().to_string().len() - 1 - 2 - CHANNEL_DIGITS;
        let heads = (0..channels)
            .map(|channel| {
                let name = channel_name(&prefix, channel);
                format!("*3\r\n$7\r\nmessage\r\n${}\r\n{name}\r\n${}\r\n", name.len(), body.len()).into_bytes()
            })
            .collect();
        let mut tail = fill.into_bytes();
        tail.extend_from_slice(b"\r\n");
        Self { prefix, channels, heads, tail, publish, channel_at, stamp_at }
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

    /// Appends the PUBLISH of a message.
    pub(super) fn encode_publish(&self, out: &mut Vec<u8>, channel: u32, stamp: Stamp) {
        let start = out.len();
        out.extend_from_slice(&self.publish);
        let request = &mut out[start..];
        write_digits(&mut request[self.channel_at..self.channel_at + CHANNEL_DIGITS], u64::from(channel));
        write_digits(&mut request[self.stamp_at..self.stamp_at + STAMP_LEN], stamp.to_number());
    }

    /// The SUBSCRIBE of a channel and what confirms it.
    pub(super) fn subscribe(&self, channel: u32) -> (Vec<u8>, Vec<u8>) {
        let name = channel_name(&self.prefix, channel);
        let mut request = Vec::new();
        encode_request(&mut request, &["SUBSCRIBE", &name]);
        let confirmation = format!("*3\r\n$9\r\nsubscribe\r\n${}\r\n{name}\r\n:1\r\n", name.len());
        (request, confirmation.into_bytes())
    }

    /// A pattern that shares its start with the channels but matches none.
    pub(super) fn pattern(&self, number: u32) -> String {
        format!("{}nobody:{number}:*", self.prefix)
    }

    /// A subscription taken and given back, and what confirms both.
    pub(super) fn pair(&self) -> (Patched, Patched) {
        let name = channel_name(&self.prefix, 0);
        let mut request = Vec::new();
        encode_request(&mut request, &["SUBSCRIBE", &name]);
        encode_request(&mut request, &["UNSUBSCRIBE", &name]);
        let len = name.len();
        let reply = format!(
            "*3\r\n$9\r\nsubscribe\r\n${len}\r\n{name}\r\n:1\r\n*3\r\n$11\r\nunsubscribe\r\n${len}\r\n{name}\r\n:0\r\n"
        );
        (Patched::new(request, name.as_bytes()), Patched::new(reply.into_bytes(), name.as_bytes()))
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

fn write_digits(digits: &mut [u8], mut number: u64) {
    for digit in digits.iter_mut().rev() {
        // The remainder is below ten.
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
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
        let shape = Shape::new(77, 12, 20);
        let mut out = Vec::new();
        shape.encode_publish(&mut out, 11, Stamp { publisher: 3, sequence: 45 });
        let mut expected = Vec::new();
        encode_request(&mut expected, &["PUBLISH", "bench:0000077:000011", "0003000000000045xxxx"]);
        assert_eq!(out, expected);
    }

    #[test]
    fn a_pair_names_its_channel_everywhere() {
        let (mut request, mut reply) = Shape::new(1, 10, 16).pair();
        let mut expected = Vec::new();
        encode_request(&mut expected, &["SUBSCRIBE", "bench:0000001:000007"]);
        encode_request(&mut expected, &["UNSUBSCRIBE", "bench:0000001:000007"]);
        assert_eq!(request.with(7), expected);
        let text = String::from_utf8_lossy(reply.with(7)).into_owned();
        assert_eq!(text.matches("$20\r\nbench:0000001:000007\r\n").count(), 2);
    }
}
