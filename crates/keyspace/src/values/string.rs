//! Strings: bytes, or an integer that is kept as one.

use crate::keyspace::EncodingLimits;
use crate::number::parse_integer;

/// Up to this length Redis keeps the bytes with the object; OBJECT ENCODING shows it.
const EMBEDDED_BYTES_MAX: usize = 44;

/// A string value.
#[derive(Clone, Debug)]
pub(crate) enum Str {
    Integer(i64),
    Bytes(Box<[u8]>),
    /// Bytes that were changed in place, and may be again.
    Grown(Vec<u8>),
}

impl Str {
    /// A value with these bytes, kept as an integer if they are one.
    pub(crate) fn new(bytes: &[u8]) -> Self {
        match parse_integer(bytes) {
            Some(integer) => Self::Integer(integer),
            None => Self::Bytes(bytes.into()),
        }
    }

    /// Hands the value's bytes to `with`.
    pub(crate) fn with_bytes<R>(&self, with: impl FnOnce(&[u8]) -> R) -> R {
        match self {
            Self::Integer(integer) => with(itoa::Buffer::new().format(*integer).as_bytes()),
            Self::Bytes(bytes) => with(bytes),
            Self::Grown(bytes) => with(bytes),
        }
    }

    /// The number of its bytes.
    pub(crate) fn len(&self) -> usize {
        self.with_bytes(<[u8]>::len)
    }

    /// The integer that it is.
    pub(crate) fn integer(&self) -> Option<i64> {
        match self {
            Self::Integer(integer) => Some(*integer),
            _ => self.with_bytes(parse_integer),
        }
    }

    /// The bytes, to be changed in place.
    pub(crate) fn bytes_mut(&mut self) -> &mut Vec<u8> {
        match self {
            Self::Integer(_) => *self = Self::Grown(self.with_bytes(<[u8]>::to_vec)),
            Self::Bytes(bytes) => *self = Self::Grown(std::mem::take(bytes).into_vec()),
            Self::Grown(_) => {}
        }
        let Self::Grown(bytes) = self else { unreachable!("it was just made one") };
        bytes
    }

    pub(crate) fn encoding(&self, _: &EncodingLimits) -> &'static str {
        match self {
            Self::Integer(_) => "int",
            Self::Bytes(bytes) if bytes.len() <= EMBEDDED_BYTES_MAX => "embstr",
            _ => "raw",
        }
    }

    /// A string may be empty and is still one.
    pub(crate) const fn is_empty(&self) -> bool {
        false
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        match self {
            Self::Integer(_) => 0,
            Self::Bytes(bytes) => bytes.len(),
            Self::Grown(bytes) => bytes.capacity(),
        }
    }
}
