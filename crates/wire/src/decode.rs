//! Decoding what a server sends, for clients.

use std::fmt;

#[cfg(test)]
mod tests;

/// A value of RESP2 or RESP3.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Values in order.
    Array(Vec<Self>),
    /// A whole number of any size, in decimal digits.
    BigNumber(Vec<u8>),
    /// True or false.
    Boolean(bool),
    /// A byte string.
    Bulk(Vec<u8>),
    /// A floating point number.
    Double(f64),
    /// An error, its code first. A RESP3 bulk error is one, too.
    Error(Vec<u8>),
    /// A whole number.
    Integer(i64),
    /// Keys with their values, in the order sent.
    Map(Vec<(Self, Self)>),
    /// No value; RESP2's null string and null array are this, too.
    Null,
    /// An out-of-band value, its kind first.
    Push(Vec<Self>),
    /// Values without an order, as sent.
    Set(Vec<Self>),
    /// A status such as `OK`.
    Simple(Vec<u8>),
    /// Text for people.
    Verbatim {
        /// Its format, such as `txt`.
        format: [u8; 3],
        /// The text itself.
        text: Vec<u8>,
    },
}

impl Value {
    /// The bytes of a string of whichever kind, errors and big numbers included.
    #[must_use]
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::BigNumber(bytes) | Self::Bulk(bytes) | Self::Error(bytes) | Self::Simple(bytes) => Some(bytes),
            Self::Verbatim { text, .. } => Some(text),
            _ => None,
        }
    }

    /// The elements of an array, push or set.
    #[must_use]
    pub fn as_elements(&self) -> Option<&[Self]> {
        match self {
            Self::Array(elements) | Self::Push(elements) | Self::Set(elements) => Some(elements),
            _ => None,
        }
    }

    /// The number of an integer reply.
    #[must_use]
    pub fn as_integer(&self) -> Option<i64> {
        match self {
            Self::Integer(value) => Some(*value),
            _ => None,
        }
    }
}

/// What a server may send as one reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeLimits {
    /// How deep aggregates may be nested.
    pub depth_max: usize,
    /// The most values in one reply, counted through all levels.
    pub values_max: usize,
    /// The most bytes of one reply.
    pub bytes_max: usize,
}

impl DecodeLimits {
    /// Enough for whatever Redis answers by default: strings of 512 MiB, nested 32 deep.
    pub const DEFAULT: Self = Self { depth_max: 32, values_max: 16 << 20, bytes_max: 1 << 30 };
}

impl Default for DecodeLimits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Why bytes are no reply, or none within the limits; the connection is of no more use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// A boolean is neither `t` nor `f`, or a null has a text.
    InvalidConstant,
    /// A length is no number or is negative.
    InvalidLength,
    /// A number is none, or does not fit.
    InvalidNumber,
    /// A verbatim string does not begin with three bytes of format and a colon.
    InvalidVerbatim,
    /// A line or a string does not end in `\r\n`.
    MissingLineEnd,
    /// Aggregates are nested deeper than [`DecodeLimits::depth_max`].
    TooDeep,
    /// The reply is longer than [`DecodeLimits::bytes_max`], or one of its lines than 64 KiB.
    TooLong,
    /// The reply has more values than [`DecodeLimits::values_max`].
    TooManyValues,
    /// No value begins with this byte.
    UnknownType(u8),
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InvalidConstant => "malformed boolean or null",
            Self::InvalidLength => "invalid length",
            Self::InvalidNumber => "invalid number",
            Self::InvalidVerbatim => "verbatim string without a format",
            Self::MissingLineEnd => "line end expected",
            Self::TooDeep => "reply nested too deep",
            Self::TooLong => "reply too long",
            Self::TooManyValues => "reply with too many values",
            Self::UnknownType(byte) => {
                return write!(f, "no type of value begins with '{}'", byte.escape_ascii());
            }
        })
    }
}

impl std::error::Error for DecodeError {}

/// Decodes the value at the start of `input`: the value and its length, or nothing if it goes on behind the end.
///
/// Begins anew with every call; [`Decoder`] goes on where it was, which large nested replies need.
///
/// ```
/// use fanfare_wire::{DecodeLimits, Value, decode};
///
/// assert_eq!(decode(b":7\r\n+OK", &DecodeLimits::DEFAULT), Ok(Some((Value::Integer(7), 4))));
/// assert_eq!(decode(b"+OK", &DecodeLimits::DEFAULT), Ok(None));
/// ```
///
/// # Errors
///
/// The bytes are no reply, or none within the limits.
pub fn decode(input: &[u8], limits: &DecodeLimits) -> Result<Option<(Value, usize)>, DecodeError> {
    Decoder::new(*limits).decode(input)
}

/// Decodes the replies of one connection, one after the other.
///
/// Takes RESP3 and RESP2 in one. Attributes are read over. Nothing recurses, and no claimed length reserves memory.
#[derive(Debug, Default)]
pub struct Decoder {
    limits: DecodeLimits,
    /// Where the value begins that comes next.
    position: usize,
    /// How many bytes behind `position` are known to hold no line end.
    scanned: usize,
    values: usize,
    /// The aggregates that the next value lies in, the innermost last.
    open: Vec<Open>,
}

impl Decoder {
    /// A decoder at the start of a reply.
    #[must_use]
    pub const fn new(limits: DecodeLimits) -> Self {
        Self { limits, position: 0, scanned: 0, values: 0, open: Vec::new() }
    }

    /// Decodes the value at the start of `input`: the value and its length, or nothing if it goes on behind the end.
    ///
    /// After nothing call again with the same bytes and more behind them; what was decoded is not decoded again.
    ///
    /// # Errors
    ///
    /// The bytes are no reply, or none within the limits.
    pub fn decode(&mut self, input: &[u8]) -> Result<Option<(Value, usize)>, DecodeError> {
        let decoded = self.advance(input);
        if !matches!(decoded, Ok(None)) {
            *self = Self::new(self.limits);
        }
        decoded
    }

    fn advance(&mut self, input: &[u8]) -> Result<Option<(Value, usize)>, DecodeError> {
        while let Some(item) = self.item(input)? {
            let mut value = match item {
                Item::Scalar(value) => value,
                Item::Aggregate(kind, len) => {
                    if self.open.len() >= self.limits.depth_max {
                        return Err(DecodeError::TooDeep);
                    }
                    // Each of the values takes three bytes at least, so an impossible claim need not be waited for.
                    if len > self.limits.values_max - self.values {
                        return Err(DecodeError::TooManyValues);
                    }
                    self.open.push(Open { kind, remaining: len, values: Vec::with_capacity(len.min(8)) });
                    match self.close_full() {
                        Some(value) => value,
                        None => continue,
                    }
                }
            };
            // A value may be the last of the aggregate it lies in, that one the last of the next, and so on.
            loop {
                let Some(innermost) = self.open.last_mut() else {
                    return Ok(Some((value, self.position)));
                };
                innermost.values.push(value);
                innermost.remaining -= 1;
                match self.close_full() {
                    Some(closed) => value = closed,
                    None => break,
                }
            }
        }
        Ok(None)
    }

    /// Takes the innermost aggregate off, if it has all its values and is one.
    fn close_full(&mut self) -> Option<Value> {
        let full = self.open.pop_if(|innermost| innermost.remaining == 0)?;
        Some(match full.kind {
            Kind::Array => Value::Array(full.values),
            Kind::Push => Value::Push(full.values),
            Kind::Set => Value::Set(full.values),
            Kind::Map => {
                let mut pairs = Vec::with_capacity(full.values.len() / 2);
                let mut values = full.values.into_iter();
                while let (Some(key), Some(value)) = (values.next(), values.next()) {
                    pairs.push((key, value));
                }
                Value::Map(pairs)
            }
            // The value it belongs to comes next.
            Kind::Attribute => return None,
        })
    }

    /// The scalar or the head of an aggregate at `position`, and steps over it.
    fn item(&mut self, input: &[u8]) -> Result<Option<Item>, DecodeError> {
        let here = input.get(self.position..).unwrap_or_default();
        let Some((line, next)) = self.line(here)? else {
            return Ok(None);
        };
        let [kind, text @ ..] = line else {
            return Err(DecodeError::UnknownType(b'\r'));
        };
        let (item, length) = match kind {
            b'+' => (Item::Scalar(Value::Simple(text.to_vec())), next),
            b'-' => (Item::Scalar(Value::Error(text.to_vec())), next),
            b':' => (Item::Scalar(Value::Integer(parsed(text).ok_or(DecodeError::InvalidNumber)?)), next),
            b',' => (Item::Scalar(Value::Double(double(text)?)), next),
            b'(' => (Item::Scalar(Value::BigNumber(big_number(text)?.to_vec())), next),
            b'#' => match text {
                b"t" => (Item::Scalar(Value::Boolean(true)), next),
                b"f" => (Item::Scalar(Value::Boolean(false)), next),
                _ => return Err(DecodeError::InvalidConstant),
            },
            b'_' if text.is_empty() => (Item::Scalar(Value::Null), next),
            b'_' => return Err(DecodeError::InvalidConstant),
            b'$' | b'*' if text == b"-1" => (Item::Scalar(Value::Null), next),
            b'$' | b'!' | b'=' => {
                let Some((bytes, length)) = self.bulk(here, next, text)? else {
                    return Ok(None);
                };
                let value = match kind {
                    b'$' => Value::Bulk(bytes.to_vec()),
                    b'!' => Value::Error(bytes.to_vec()),
                    _ => match bytes {
                        &[a, b, c, b':', ref text @ ..] => Value::Verbatim { format: [a, b, c], text: text.to_vec() },
                        _ => return Err(DecodeError::InvalidVerbatim),
                    },
                };
                (Item::Scalar(value), length)
            }
            b'*' => (Item::Aggregate(Kind::Array, length(text)?), next),
            b'~' => (Item::Aggregate(Kind::Set, length(text)?), next),
            b'>' => (Item::Aggregate(Kind::Push, length(text)?), next),
            b'%' => (Item::Aggregate(Kind::Map, pairs(text)?), next),
            b'|' => (Item::Aggregate(Kind::Attribute, pairs(text)?), next),
            &other => return Err(DecodeError::UnknownType(other)),
        };
        self.position += length;
        self.scanned = 0;
        self.values += 1;
        if self.position > self.limits.bytes_max {
            return Err(DecodeError::TooLong);
        }
        if self.values > self.limits.values_max {
            return Err(DecodeError::TooManyValues);
        }
        Ok(Some(item))
    }

    /// The line at the start of `here` without its end, and where the next one begins.
    fn line<'a>(&mut self, here: &'a [u8]) -> Result<Option<(&'a [u8], usize)>, DecodeError> {
        let window = &here[..here.len().min(LINE_BYTES_MAX)];
        let Some(found) = memchr::memchr(b'\n', window.get(self.scanned..).unwrap_or_default()) else {
            if here.len() >= LINE_BYTES_MAX {
                return Err(DecodeError::TooLong);
            }
            self.scanned = window.len();
            return Ok(None);
        };
        let end = self.scanned + found;
        // A string that goes on behind the input has its head looked at again: let that be short.
        self.scanned = end;
        let line = here[..end].strip_suffix(b"\r").ok_or(DecodeError::MissingLineEnd)?;
        Ok(Some((line, end + 1)))
    }

    /// The string that begins at `start` of `here`, and where the next value begins.
    fn bulk<'a>(&self, here: &'a [u8], start: usize, digits: &[u8]) -> Result<Option<(&'a [u8], usize)>, DecodeError> {
        let end = start.saturating_add(length(digits)?);
        let next = end.saturating_add(2);
        if next.saturating_add(self.position) > self.limits.bytes_max {
            return Err(DecodeError::TooLong);
        }
        match here.get(start..next) {
            None => Ok(None),
            Some(bulk) => Ok(Some((bulk.strip_suffix(b"\r\n").ok_or(DecodeError::MissingLineEnd)?, next))),
        }
    }
}

/// What one head says: a value in itself, or how many values follow.
enum Item {
    Scalar(Value),
    Aggregate(Kind, usize),
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Array,
    Attribute,
    Map,
    Push,
    Set,
}

/// An aggregate some of whose values are still to come.
#[derive(Debug)]
struct Open {
    kind: Kind,
    remaining: usize,
    values: Vec<Value>,
}

fn parsed<T: std::str::FromStr>(text: &[u8]) -> Option<T> {
    str::from_utf8(text).ok()?.parse().ok()
}

fn length(digits: &[u8]) -> Result<usize, DecodeError> {
    if digits.first().is_none_or(|byte| !byte.is_ascii_digit()) {
        return Err(DecodeError::InvalidLength);
    }
    parsed(digits).ok_or(DecodeError::InvalidLength)
}

fn pairs(digits: &[u8]) -> Result<usize, DecodeError> {
    length(digits)?.checked_mul(2).ok_or(DecodeError::InvalidLength)
}

fn double(text: &[u8]) -> Result<f64, DecodeError> {
    parsed(text).ok_or(DecodeError::InvalidNumber)
}

fn big_number(text: &[u8]) -> Result<&[u8], DecodeError> {
    let digits = text.strip_prefix(b"-").or(text.strip_prefix(b"+")).unwrap_or(text);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(DecodeError::InvalidNumber);
    }
    Ok(text)
}

const LINE_BYTES_MAX: usize = 64 << 10;
