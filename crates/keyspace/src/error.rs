//! Why a command was refused.

use std::borrow::Cow;

/// An error reply, with Redis's prefix and words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandError(Cow<'static, [u8]>);

impl CommandError {
    /// The request's words are not in an order that the command understands.
    pub const SYNTAX: Self = Self::new("ERR syntax error");
    /// The key holds a value of another type.
    pub const WRONG_TYPE: Self = Self::new("WRONGTYPE Operation against a key holding the wrong kind of value");
    /// A word is no integer of 64 bits.
    pub const NOT_INTEGER: Self = Self::new("ERR value is not an integer or out of range");
    /// A word is no number.
    pub const NOT_FLOAT: Self = Self::new("ERR value is not a valid float");
    /// The key does not exist, where it has to.
    pub const NO_SUCH_KEY: Self = Self::new("ERR no such key");
    /// An index lies outside of the value.
    pub const INDEX_RANGE: Self = Self::new("ERR index out of range");

    /// An error with that text, which begins with its prefix.
    #[must_use]
    pub const fn new(text: &'static str) -> Self {
        Self(Cow::Borrowed(text.as_bytes()))
    }

    /// An error whose text has parts of the request in it.
    #[must_use]
    pub fn owned(text: impl Into<Vec<u8>>) -> Self {
        Self(Cow::Owned(text.into()))
    }

    /// An expire time that no date can stand for; `command` in lower case.
    #[must_use]
    pub fn invalid_expire(command: &str) -> Self {
        Self::owned(format!("ERR invalid expire time in '{command}' command"))
    }

    /// The number of words is not one that the command can have; `command` in lower case.
    #[must_use]
    pub fn wrong_arity(command: &str) -> Self {
        Self::owned(format!("ERR wrong number of arguments for '{command}' command"))
    }

    /// The reply's text, its prefix first.
    #[must_use]
    pub fn text(&self) -> &[u8] {
        &self.0
    }
}
