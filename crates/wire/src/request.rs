//! Requests: multibulk arrays and inline lines, parsed as their bytes arrive.

use std::fmt;
use std::ops::Range;

mod args;
mod inline;
#[cfg(test)]
mod tests;

pub use args::{Request, RequestArgs, encode_request};

/// What a client may claim or send in one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestLimits {
    /// The longest argument, Redis's `proto-max-bulk-len`.
    pub bulk_bytes_max: usize,
    /// The most arguments of a multibulk request; an inline one is bounded by its bytes.
    pub args_max: usize,
    /// The longest inline line, without its `\n`.
    pub inline_bytes_max: usize,
    /// Whether the client has authenticated; before that a request has at most 10 arguments of 16384 bytes.
    pub authenticated: bool,
}

impl RequestLimits {
    /// The limits of an authenticated client under the default settings.
    pub const DEFAULT: Self =
        Self { bulk_bytes_max: 512 << 20, args_max: 1 << 20, inline_bytes_max: 64 << 10, authenticated: true };
}

impl Default for RequestLimits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// What a call of [`RequestParser::parse`] came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// A whole request was read.
    Complete {
        /// How many bytes of the input it took, at least one.
        consumed: usize,
    },
    /// The request goes on behind the end of the input.
    Incomplete {
        /// At least this many further bytes will come, 1 if unknown. It follows from a length the client only claims,
        /// so it is a hint for reading, not an amount of memory to reserve unseen.
        needed: usize,
    },
}

/// A violation of the protocol by the client, after which its connection is closed.
///
/// The [`Display`](fmt::Display) text is Redis's, without the leading `-ERR `.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProtocolError {
    /// The line with a bulk length does not end.
    BulkCountTooLong,
    /// A bulk length is no number, is negative or is above the limit.
    BulkLengthInvalid,
    /// A bulk is longer than a client may send before it authenticates.
    BulkLengthUnauthenticated,
    /// This byte stands where a `$` must.
    DollarExpected(u8),
    /// An inline line does not end.
    InlineTooLong,
    /// The line with the number of arguments does not end.
    MultibulkCountTooLong,
    /// The number of arguments is no number or is above the limit.
    MultibulkLengthInvalid,
    /// There are more arguments than a client may send before it authenticates.
    MultibulkLengthUnauthenticated,
    /// A quote of an inline line is not closed, or its closing is not followed by a space.
    QuotesUnbalanced,
}

impl ProtocolError {
    /// The text around the one byte that came from the client, if the error has one.
    pub(crate) fn parts(self) -> (&'static str, Option<u8>, &'static str) {
        match self {
            Self::BulkCountTooLong => ("Protocol error: too big bulk count string", None, ""),
            Self::BulkLengthInvalid => ("Protocol error: invalid bulk length", None, ""),
            Self::BulkLengthUnauthenticated => ("Protocol error: unauthenticated bulk length", None, ""),
            Self::DollarExpected(got) => ("Protocol error: expected '$', got '", Some(got), "'"),
            Self::InlineTooLong => ("Protocol error: too big inline request", None, ""),
            Self::MultibulkCountTooLong => ("Protocol error: too big mbulk count string", None, ""),
            Self::MultibulkLengthInvalid => ("Protocol error: invalid multibulk length", None, ""),
            Self::MultibulkLengthUnauthenticated => ("Protocol error: unauthenticated multibulk length", None, ""),
            Self::QuotesUnbalanced => ("Protocol error: unbalanced quotes in request", None, ""),
        }
    }
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (before, got, after) = self.parts();
        f.write_str(before)?;
        if let Some(got) = got {
            write!(f, "{}", char::from(got))?;
        }
        f.write_str(after)
    }
}

impl std::error::Error for ProtocolError {}

/// Parses the requests of one connection, one after the other.
///
/// Takes what Redis 7.0 takes, with its texts for what it refuses. Two differences: a NUL byte is a byte like others
/// (Redis stalls until 64 KiB have come), and whether a line is too long does not depend on how it was cut into reads.
///
/// ```
/// use fanfare_wire::{Parsed, Request, RequestArgs, RequestLimits, RequestParser};
///
/// let (mut parser, mut args) = (RequestParser::new(), RequestArgs::new());
/// let input = b"*2\r\n$4\r\nECHO\r\n$2\r\nhi\r\nPING\r\n";
/// let parsed = parser.parse(input, &RequestLimits::DEFAULT, &mut args);
/// assert_eq!(parsed, Ok(Parsed::Complete { consumed: 22 }));
/// let request = Request::new(input, &args);
/// assert_eq!((request.name(), &request[1]), (&b"ECHO"[..], &b"hi"[..]));
/// ```
#[derive(Debug, Default)]
pub struct RequestParser {
    /// Boxed, as nearly all connections are between two requests nearly always.
    resume: Option<Box<Resume>>,
}

impl RequestParser {
    /// A parser at the start of a request.
    #[must_use]
    pub const fn new() -> Self {
        Self { resume: None }
    }

    /// Parses the request at the start of `input`.
    ///
    /// `input` starts at the first byte not consumed. After [`Parsed::Incomplete`] call again with the same bytes and
    /// more behind them: what was looked at is not looked at again, so a request costs time linear in its length
    /// however it is cut. `args` is filled by [`Parsed::Complete`], and left empty by a request that is to be ignored
    /// (`*0`, `*-1`, a blank line) and by all other outcomes. A request wholly in `input` is parsed without a copy or
    /// an allocation, once `args` has grown to the usual number of arguments; inline lines with quotes are copied.
    ///
    /// # Errors
    ///
    /// The client broke the protocol; the connection is to be closed after the error was sent.
    pub fn parse(
        &mut self,
        input: &[u8],
        limits: &RequestLimits,
        args: &mut RequestArgs,
    ) -> Result<Parsed, ProtocolError> {
        args.clear();
        let Some(mut resume) = self.resume.take() else {
            let mut progress = Progress::default();
            let parsed = progress.advance(input, limits, args);
            if let Ok(Parsed::Incomplete { .. }) = parsed {
                if !input.is_empty() {
                    self.resume = Some(Box::new(Resume { progress, ranges: args.ranges.clone() }));
                }
                args.clear();
            } else if parsed.is_err() {
                args.clear();
            }
            return parsed;
        };
        // The ranges go out and in by swap: copying them on every call would be quadratic in their number.
        std::mem::swap(&mut args.ranges, &mut resume.ranges);
        let parsed = resume.progress.advance(input, limits, args);
        match parsed {
            Ok(Parsed::Complete { .. }) => {}
            Ok(Parsed::Incomplete { .. }) => {
                std::mem::swap(&mut args.ranges, &mut resume.ranges);
                self.resume = Some(resume);
            }
            Err(_) => args.clear(),
        }
        parsed
    }

    /// Whether the last call ended inside a request.
    #[must_use]
    pub fn is_mid_request(&self) -> bool {
        self.resume.is_some()
    }
}

#[derive(Debug)]
struct Resume {
    progress: Progress,
    ranges: Vec<Range<usize>>,
}

/// How far the request at the start of the input is parsed.
#[derive(Debug, Default)]
struct Progress {
    /// Where the line or bulk begins that comes next.
    position: usize,
    /// How many bytes of that line are known not to end it.
    scanned: usize,
    /// Arguments still to come; `None` before the count is known.
    remaining: Option<usize>,
    /// The length of the bulk at `position`, if its header was read.
    bulk: Option<usize>,
}

impl Progress {
    fn advance(
        &mut self,
        input: &[u8],
        limits: &RequestLimits,
        args: &mut RequestArgs,
    ) -> Result<Parsed, ProtocolError> {
        let mut remaining = match self.remaining {
            Some(remaining) => remaining,
            None => match input.first() {
                None => return Ok(Parsed::Incomplete { needed: 1 }),
                Some(b'*') => match self.count(input, limits)? {
                    Some(count) => count,
                    None => return Ok(Parsed::Incomplete { needed: 1 }),
                },
                Some(_) => return self.inline(input, limits, args),
            },
        };
        while remaining > 0 {
            let length = match self.bulk.take() {
                Some(length) => length,
                None => match self.bulk_length(input, limits)? {
                    Some(length) => length,
                    None => {
                        self.remaining = Some(remaining);
                        return Ok(Parsed::Incomplete { needed: 1 });
                    }
                },
            };
            let end = self.position.saturating_add(length);
            // Redis skips the two bytes behind a bulk without a look at them.
            let next = end.saturating_add(2);
            if next > input.len() {
                self.remaining = Some(remaining);
                self.bulk = Some(length);
                return Ok(Parsed::Incomplete { needed: next - input.len() });
            }
            args.ranges.push(self.position..end);
            self.position = next;
            remaining -= 1;
        }
        Ok(Parsed::Complete { consumed: self.position })
    }

    fn count(&mut self, input: &[u8], limits: &RequestLimits) -> Result<Option<usize>, ProtocolError> {
        let count = match short_length(input) {
            Some((count, next)) => {
                self.position = next;
                self.scanned = 0;
                count
            }
            None => match self.header(input) {
                Header::Pending => return Ok(None),
                Header::TooLong => return Err(ProtocolError::MultibulkCountTooLong),
                Header::Line(line) => match integer(&line[1..]).ok_or(ProtocolError::MultibulkLengthInvalid)? {
                    ..=0 => 0,
                    count => usize::try_from(count).map_err(|_| ProtocolError::MultibulkLengthInvalid)?,
                },
            },
        };
        if count > limits.args_max {
            return Err(ProtocolError::MultibulkLengthInvalid);
        }
        if count > UNAUTHENTICATED_ARGS_MAX && !limits.authenticated {
            return Err(ProtocolError::MultibulkLengthUnauthenticated);
        }
        Ok(Some(count))
    }

    fn bulk_length(&mut self, input: &[u8], limits: &RequestLimits) -> Result<Option<usize>, ProtocolError> {
        let here = input.get(self.position..).unwrap_or_default();
        let length = match short_length(here) {
            Some((length, next)) if here[0] == b'$' => {
                self.position += next;
                self.scanned = 0;
                length
            }
            _ => match self.header(input) {
                Header::Pending => return Ok(None),
                Header::TooLong => return Err(ProtocolError::BulkCountTooLong),
                Header::Line([b'$', digits @ ..]) => integer(digits)
                    .and_then(|length| usize::try_from(length).ok())
                    .ok_or(ProtocolError::BulkLengthInvalid)?,
                // An empty line: Redis looks at the line's first byte, which is its end.
                Header::Line(line) => {
                    return Err(ProtocolError::DollarExpected(line.first().copied().unwrap_or(b'\r')));
                }
            },
        };
        if length > limits.bulk_bytes_max {
            return Err(ProtocolError::BulkLengthInvalid);
        }
        if length > UNAUTHENTICATED_BULK_BYTES_MAX && !limits.authenticated {
            return Err(ProtocolError::BulkLengthUnauthenticated);
        }
        Ok(Some(length))
    }

    /// The line at `position`, up to its `\r`; steps over it and the byte behind, which Redis does not look at.
    fn header<'a>(&mut self, input: &'a [u8]) -> Header<'a> {
        let here = input.get(self.position..).unwrap_or_default();
        match self.line_end(here, b'\r', HEADER_BYTES_MAX) {
            LineEnd::Pending => Header::Pending,
            LineEnd::TooLong => Header::TooLong,
            LineEnd::At(end) if end + 2 > here.len() => {
                self.scanned = end;
                Header::Pending
            }
            LineEnd::At(end) => {
                self.position += end + 2;
                self.scanned = 0;
                Header::Line(&here[..end])
            }
        }
    }

    fn inline(
        &mut self,
        input: &[u8],
        limits: &RequestLimits,
        args: &mut RequestArgs,
    ) -> Result<Parsed, ProtocolError> {
        match self.line_end(input, b'\n', limits.inline_bytes_max) {
            LineEnd::Pending => Ok(Parsed::Incomplete { needed: 1 }),
            LineEnd::TooLong => Err(ProtocolError::InlineTooLong),
            LineEnd::At(end) => {
                let line = &input[..end];
                inline::split(line.strip_suffix(b"\r").unwrap_or(line), args)?;
                Ok(Parsed::Complete { consumed: end + 1 })
            }
        }
    }

    /// Looks for `terminator` in the first `max + 1` bytes of `here`, so that the outcome is the same for every way
    /// the input may be cut.
    fn line_end(&mut self, here: &[u8], terminator: u8, max: usize) -> LineEnd {
        let window = &here[..here.len().min(max.saturating_add(1))];
        let fresh = window.get(self.scanned..).unwrap_or_default();
        if let Some(at) = memchr::memchr(terminator, fresh) {
            return LineEnd::At(self.scanned + at);
        }
        if here.len() > max {
            return LineEnd::TooLong;
        }
        self.scanned = here.len();
        LineEnd::Pending
    }
}

enum LineEnd {
    At(usize),
    Pending,
    TooLong,
}

enum Header<'a> {
    Line(&'a [u8]),
    Pending,
    TooLong,
}

/// The number behind the first byte and where its line ends, for the lines that conforming clients send: up to eight
/// digits, no sign. Everything else takes the long way.
#[inline]
fn short_length(here: &[u8]) -> Option<(usize, usize)> {
    let digits = here.get(1..)?;
    let mut value = 0;
    for (index, &byte) in digits.iter().enumerate().take(9) {
        match byte {
            b'0'..=b'9' if index == 0 || value > 0 => value = value * 10 + usize::from(byte - b'0'),
            b'\r' if index > 0 && digits.len() > index + 1 => return Some((value, index + 3)),
            _ => return None,
        }
    }
    None
}

/// A decimal number in the one form Redis takes: no `+`, no leading zero, no space.
fn integer(digits: &[u8]) -> Option<i64> {
    let magnitude = digits.strip_prefix(b"-").unwrap_or(digits);
    match magnitude {
        b"0" if magnitude.len() == digits.len() => Some(0),
        [b'1'..=b'9', rest @ ..] if rest.iter().all(u8::is_ascii_digit) => str::from_utf8(digits).ok()?.parse().ok(),
        _ => None,
    }
}

/// Redis's `PROTO_INLINE_MAX_SIZE`, which bounds length lines too.
const HEADER_BYTES_MAX: usize = 64 << 10;
const UNAUTHENTICATED_ARGS_MAX: usize = 10;
const UNAUTHENTICATED_BULK_BYTES_MAX: usize = 16384;
