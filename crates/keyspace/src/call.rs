//! A command at work: its words, its reply, and the keys it may touch.

use fanfare_wire::{ReplyWriter, Request};

use crate::error::CommandError;
use crate::keys::Keys;
use crate::number;

/// How a command ends: the reply is written, or nothing of it is and the error is the reply.
pub type Outcome = Result<(), CommandError>;

/// A command at work.
///
/// The parts are apart, so that a command can write its reply while it looks at a value.
pub struct Call<'a> {
    /// The keys of the client's database.
    pub keys: Keys<'a>,
    /// The words of the request, the command's name first; their number has been checked.
    pub request: Request<'a>,
    /// Takes the reply.
    pub reply: ReplyWriter<'a>,
    /// Whether it is part of a transaction, where what could wait does not.
    pub in_transaction: bool,
}

impl<'a> Call<'a> {
    /// The number of words, the command's name included.
    pub(crate) fn len(&self) -> usize {
        self.request.len()
    }

    /// The word at `index`; empty if there is none, which the number of words rules out where it matters.
    pub(crate) fn word(&self, index: usize) -> &'a [u8] {
        self.request.get(index).unwrap_or_default()
    }

    /// The words from `index` on.
    pub(crate) fn words(
        &self,
        index: usize,
    ) -> impl DoubleEndedIterator<Item = &'a [u8]> + ExactSizeIterator + use<'a> {
        self.request.iter().skip(index)
    }

    /// Whether the word at `index` is this keyword, in any letter case.
    pub(crate) fn is_word(&self, index: usize, keyword: &str) -> bool {
        self.word(index).eq_ignore_ascii_case(keyword.as_bytes())
    }

    /// The word at `index` as an integer.
    pub(crate) fn integer(&self, index: usize) -> Result<i64, CommandError> {
        number::integer(self.word(index))
    }

    /// The word at `index` as an integer that is not below `min`; anything else is refused with `error`.
    pub(crate) fn integer_from(&self, index: usize, min: usize, error: &'static str) -> Result<usize, CommandError> {
        let integer = number::parse_integer(self.word(index)).and_then(|integer| usize::try_from(integer).ok());
        integer.filter(|integer| *integer >= min).ok_or(CommandError::new(error))
    }

    /// The word at `index` as a number.
    pub(crate) fn float(&self, index: usize) -> Result<f64, CommandError> {
        number::float(self.word(index))
    }

    /// Ends the command with the reply `+OK`.
    pub(crate) fn ok(&mut self) -> Outcome {
        self.reply.simple("OK");
        Ok(())
    }

    /// Ends the command with an integer.
    pub(crate) fn count(&mut self, count: usize) -> Outcome {
        self.reply.integer(count as i64);
        Ok(())
    }
}
