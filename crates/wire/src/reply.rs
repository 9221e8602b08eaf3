//! Replies: the values of RESP2 and RESP3, written one after the other.

use std::borrow::Cow;
use std::fmt::Display;
use std::io::Write as _;

use crate::{Protocol, ProtocolError};

/// Appends replies to a buffer, in the form the connection's protocol version has for them.
///
/// An aggregate is its length, here, and then its elements, each written by a further call.
///
/// ```
/// use fanfare_wire::{Protocol, ReplyWriter};
///
/// let mut out = Vec::new();
/// ReplyWriter::new(&mut out, Protocol::Resp2).map(1).bulk(b"server").bulk(b"fanfare");
/// assert_eq!(out, b"*2\r\n$6\r\nserver\r\n$7\r\nfanfare\r\n");
/// ```
#[derive(Debug)]
pub struct ReplyWriter<'a> {
    out: &'a mut Vec<u8>,
    protocol: Protocol,
}

impl<'a> ReplyWriter<'a> {
    /// Writes behind what `out` holds.
    pub fn new(out: &'a mut Vec<u8>, protocol: Protocol) -> Self {
        Self { out, protocol }
    }

    /// The version written.
    #[must_use]
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// A status such as `+OK`; a line end in the text becomes a space.
    pub fn simple(&mut self, text: &str) -> &mut Self {
        self.out.push(b'+');
        self.line(text.as_bytes());
        self.end()
    }

    /// An error, the text with its code (`ERR`, `NOAUTH`) first; a line end in it becomes a space.
    pub fn error(&mut self, text: &str) -> &mut Self {
        self.error_bytes(text.as_bytes())
    }

    /// As [`error`](Self::error), for texts that quote the client's bytes.
    pub fn error_bytes(&mut self, text: &[u8]) -> &mut Self {
        self.out.push(b'-');
        self.line(text);
        self.end()
    }

    /// `-ERR ` and what the client did wrong, the last reply before its connection is closed.
    pub fn protocol_error(&mut self, error: ProtocolError) -> &mut Self {
        let (before, got, after) = error.parts();
        self.out.extend_from_slice(b"-ERR ");
        self.line(before.as_bytes());
        self.line(got.as_slice());
        self.line(after.as_bytes());
        self.end()
    }

    /// A whole number.
    pub fn integer(&mut self, value: i64) -> &mut Self {
        self.out.push(b':');
        self.out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
        self.end()
    }

    /// A byte string.
    pub fn bulk(&mut self, bytes: &[u8]) -> &mut Self {
        self.header(b'$', bytes.len());
        self.out.extend_from_slice(bytes);
        self.end()
    }

    /// What `value` shows itself as, as a byte string.
    pub fn bulk_display(&mut self, value: impl Display) -> &mut Self {
        let start = self.out.len();
        // A `Vec` takes all bytes; only a `Display` that fails by itself can cut the text short.
        let _ = write!(self.out, "{value}");
        let length = self.out.len() - start;
        // The length goes before the text but is known only now: write it behind and turn the two around.
        self.header(b'$', length);
        self.out[start..].rotate_left(length);
        self.end()
    }

    /// No value, where a byte string could be: `$-1`, in RESP3 `_`.
    pub fn null(&mut self) -> &mut Self {
        self.either(b"$-1\r\n", b"_\r\n")
    }

    /// No value, where an array could be: `*-1`, in RESP3 `_`.
    pub fn null_array(&mut self) -> &mut Self {
        self.either(b"*-1\r\n", b"_\r\n")
    }

    /// An array; `len` values follow.
    pub fn array(&mut self, len: usize) -> &mut Self {
        self.header(b'*', len)
    }

    /// A map; `len` keys, each with its value behind it, follow. In RESP2 an array of twice the length.
    pub fn map(&mut self, len: usize) -> &mut Self {
        match self.protocol {
            Protocol::Resp2 => self.header(b'*', len * 2),
            Protocol::Resp3 => self.header(b'%', len),
        }
    }

    /// A set; `len` values follow. In RESP2 an array.
    pub fn set(&mut self, len: usize) -> &mut Self {
        let prefix = self.prefix(b'~');
        self.header(prefix, len)
    }

    /// An out-of-band value; `len` values follow, the first names its kind. In RESP2 an array.
    pub fn push(&mut self, len: usize) -> &mut Self {
        let prefix = self.prefix(b'>');
        self.header(prefix, len)
    }

    /// A floating point number, as the shortest text that reads back as the same number. In RESP2 a byte string.
    pub fn double(&mut self, value: f64) -> &mut Self {
        match self.protocol {
            Protocol::Resp2 => self.bulk_double(value),
            Protocol::Resp3 => {
                self.out.push(b',');
                self.line(double_text(value, &mut itoa::Buffer::new()).as_bytes());
                self.end()
            }
        }
    }

    /// As [`double`](Self::double), but always a byte string.
    pub fn bulk_double(&mut self, value: f64) -> &mut Self {
        self.bulk(double_text(value, &mut itoa::Buffer::new()).as_bytes())
    }

    /// True or false. In RESP2 the integer 1 or 0.
    pub fn boolean(&mut self, value: bool) -> &mut Self {
        match value {
            true => self.either(b":1\r\n", b"#t\r\n"),
            false => self.either(b":0\r\n", b"#f\r\n"),
        }
    }

    /// Text for people, with its format in three letters (`txt`, `mkd`). In RESP2 a byte string.
    pub fn verbatim(&mut self, format: &str, text: &[u8]) -> &mut Self {
        if self.protocol == Protocol::Resp2 {
            return self.bulk(text);
        }
        // The format has three bytes, whatever the caller says: its length is not on the wire.
        let mut prefix = *b"   :";
        for (slot, &byte) in prefix[..3].iter_mut().zip(format.as_bytes()) {
            *slot = byte;
        }
        self.header(b'=', prefix.len() + text.len());
        self.out.extend_from_slice(&prefix);
        self.out.extend_from_slice(text);
        self.end()
    }

    fn header(&mut self, prefix: u8, len: usize) -> &mut Self {
        self.out.push(prefix);
        self.out.extend_from_slice(itoa::Buffer::new().format(len).as_bytes());
        self.end()
    }

    /// The part of a line: without line ends, which would let the text pose as further replies.
    fn line(&mut self, text: &[u8]) {
        let clean = |&byte: &u8| {
            if matches!(byte, b'\r' | b'\n') { b' ' } else { byte }
        };
        self.out.extend(text.iter().map(clean));
    }

    fn end(&mut self) -> &mut Self {
        self.out.extend_from_slice(b"\r\n");
        self
    }

    fn either(&mut self, resp2: &[u8], resp3: &[u8]) -> &mut Self {
        self.out.extend_from_slice(match self.protocol {
            Protocol::Resp2 => resp2,
            Protocol::Resp3 => resp3,
        });
        self
    }

    fn prefix(&self, resp3: u8) -> u8 {
        match self.protocol {
            Protocol::Resp2 => b'*',
            Protocol::Resp3 => resp3,
        }
    }
}

/// The text of a number as Redis 7.2 writes it: whole numbers of 62 bits with all their digits, others with the fewest
/// that read back as the same number, and with an exponent where the point or the end is far from these digits.
fn double_text(value: f64, buffer: &mut itoa::Buffer) -> Cow<'_, str> {
    const WHOLE_MAX: f64 = (i64::MAX / 2) as f64;
    if value.is_nan() {
        return "nan".into();
    }
    if value == 0.0 || value.is_infinite() {
        return value.to_string().into();
    }
    if value.fract() == 0.0 && value.abs() <= WHOLE_MAX {
        return buffer.format(value as i64).into();
    }
    let scientific = format!("{value:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let digits = mantissa.bytes().filter(u8::is_ascii_digit).count() as i32;
    let exponent: i32 = exponent.parse().unwrap_or(0);
    // Positive: the zeros that would have to follow the digits; negative: those of the digits that are behind the point.
    let scale = exponent + 1 - digits;
    let is_plain = if scale < 0 { scale > -7 || exponent.abs() < 4 } else { exponent < digits + 7 };
    match (is_plain, exponent < 0) {
        (true, _) => value.to_string(),
        (false, true) => scientific,
        (false, false) => scientific.replace('e', "e+"),
    }
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both(write: impl Fn(&mut ReplyWriter<'_>)) -> (String, String) {
        let written = |protocol| {
            let mut out = Vec::new();
            write(&mut ReplyWriter::new(&mut out, protocol));
            out.escape_ascii().to_string()
        };
        (written(Protocol::Resp2), written(Protocol::Resp3))
    }

    /// What is the same in both versions.
    fn same(write: impl Fn(&mut ReplyWriter<'_>)) -> String {
        let (resp2, resp3) = both(write);
        assert_eq!(resp2, resp3);
        resp2
    }

    fn check(write: impl Fn(&mut ReplyWriter<'_>), resp2: &str, resp3: &str) {
        assert_eq!(both(write), (resp2.to_owned(), resp3.to_owned()));
    }

    #[test]
    fn values_of_both_versions() {
        assert_eq!(same(|to| _ = to.simple("OK")), r"+OK\r\n");
        assert_eq!(same(|to| _ = to.integer(i64::MIN)), r":-9223372036854775808\r\n");
        assert_eq!(same(|to| _ = to.bulk(b"a\r\nb\x00")), r"$5\r\na\r\nb\x00\r\n");
        assert_eq!(same(|to| _ = to.bulk(b"")), r"$0\r\n\r\n");
        assert_eq!(same(|to| _ = to.array(2).integer(0).array(0)), r"*2\r\n:0\r\n*0\r\n");
        assert_eq!(same(|to| _ = to.bulk_display(format_args!("{}-{}", 12, "ab"))), r"$5\r\n12-ab\r\n");
        assert_eq!(same(|to| _ = to.simple("x").bulk_display("").integer(1)), r"+x\r\n$0\r\n\r\n:1\r\n");
    }

    #[test]
    fn values_that_resp2_lacks() {
        check(|to| _ = to.null(), r"$-1\r\n", r"_\r\n");
        check(|to| _ = to.null_array(), r"*-1\r\n", r"_\r\n");
        check(|to| _ = to.map(2), r"*4\r\n", r"%2\r\n");
        check(|to| _ = to.set(2), r"*2\r\n", r"~2\r\n");
        check(|to| _ = to.push(3), r"*3\r\n", r">3\r\n");
        check(|to| _ = to.boolean(true), r":1\r\n", r"#t\r\n");
        check(|to| _ = to.boolean(false), r":0\r\n", r"#f\r\n");
        check(|to| _ = to.verbatim("txt", b"hi"), r"$2\r\nhi\r\n", r"=6\r\ntxt:hi\r\n");
        check(|to| _ = to.verbatim("t", b""), r"$0\r\n\r\n", r"=4\r\nt  :\r\n");
        check(|to| _ = to.verbatim("text", b"hi"), r"$2\r\nhi\r\n", r"=6\r\ntex:hi\r\n");
    }

    #[test]
    fn doubles() {
        for (value, text) in [
            (0.0, "0"),
            (1.5, "1.5"),
            (0.1, "0.1"),
            (-3.0, "-3"),
            (-0.0, "-0"),
            (-2.5e17, "-250000000000000000"),
            (36_028_797_018_963_968.0, "36028797018963968"),
            (1e19, "1e+19"),
            (12_345_678_901_234_567_000.0, "12345678901234567000"),
            (1e300, "1e+300"),
            (1e-6, "0.000001"),
            (1e-7, "1e-7"),
            (-0.000_123_45, "-1.2345e-4"),
            (0.001_234_567_89, "0.00123456789"),
            (123_456.789_012, "123456.789012"),
            (123_456.789_012_3, "1.234567890123e+5"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::NAN, "nan"),
        ] {
            let bulk = format!(r"${}\r\n{text}\r\n", text.len());
            check(|to| _ = to.double(value), &bulk, &format!(r",{text}\r\n"));
            check(|to| _ = to.bulk_double(value), &bulk, &bulk);
        }
    }

    #[test]
    fn text_cannot_forge_a_reply() {
        assert_eq!(same(|to| _ = to.error("ERR bad\r\n+OK")), r"-ERR bad  +OK\r\n");
        assert_eq!(same(|to| _ = to.simple("a\nb")), r"+a b\r\n");
        assert_eq!(same(|to| _ = to.error_bytes(b"ERR '\xff\r'")), r"-ERR \'\xff \'\r\n");
    }

    #[test]
    fn protocol_errors_show_the_byte_as_sent() {
        let text = |got| same(|to| _ = to.protocol_error(ProtocolError::DollarExpected(got)));
        assert_eq!(text(b'x'), r"-ERR Protocol error: expected \'$\', got \'x\'\r\n");
        assert_eq!(text(b'\r'), r"-ERR Protocol error: expected \'$\', got \' \'\r\n");
        assert_eq!(text(0xff), r"-ERR Protocol error: expected \'$\', got \'\xff\'\r\n");
        let error = ProtocolError::MultibulkLengthInvalid;
        assert_eq!(
            same(|to| _ = to.protocol_error(error)),
            format!(r"-ERR {error}\r\n"),
            "the text shown and the text sent are one"
        );
    }
}
