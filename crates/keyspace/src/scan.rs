//! The SCAN family: what it asks for, and a walk that misses nothing while entries come and go.

use fanfare_wire::{ReplyWriter, glob_match};

use crate::call::Call;
use crate::error::CommandError;

/// Entries of one page, if COUNT does not say otherwise.
const COUNT: usize = 10;

/// Reads a cursor. It comes first, even before the key is looked at.
pub(crate) fn cursor(word: &[u8]) -> Result<u64, CommandError> {
    let number = str::from_utf8(word).ok().filter(|text| text.starts_with(|c: char| c.is_ascii_digit()));
    number.and_then(|text| text.parse().ok()).ok_or(CommandError::new("ERR invalid cursor"))
}

/// What follows the cursor: MATCH, COUNT, and what only one command of the family has.
#[derive(Debug)]
pub(crate) struct ScanOptions<'a> {
    pattern: Option<&'a [u8]>,
    count: usize,
    /// SCAN ... TYPE: only keys of this type.
    pub(crate) type_name: Option<&'a [u8]>,
    /// HSCAN ... NOVALUES: only the fields.
    pub(crate) no_values: bool,
}

/// Options that only one command of the family has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OwnOption {
    None,
    /// SCAN has TYPE.
    Type,
    /// HSCAN has NOVALUES.
    NoValues,
}

impl<'a> ScanOptions<'a> {
    /// Reads the words from `first` on. A command with a key does so when it has found a value there.
    pub(crate) fn parse(call: &Call<'a>, first: usize, own: OwnOption) -> Result<Self, CommandError> {
        let mut options = Self { pattern: None, count: COUNT, type_name: None, no_values: false };
        let mut at = first;
        while at < call.len() {
            let has_argument = at + 1 < call.len();
            if call.is_word(at, "COUNT") && has_argument {
                let count = call.integer(at + 1)?;
                options.count = usize::try_from(count).ok().filter(|count| *count > 0).ok_or(CommandError::SYNTAX)?;
            } else if call.is_word(at, "MATCH") && has_argument {
                // Alone, it also stands for the empty name, which it does not match.
                options.pattern = Some(call.word(at + 1)).filter(|pattern| *pattern != b"*");
            } else if call.is_word(at, "TYPE") && has_argument && own == OwnOption::Type {
                options.type_name = Some(call.word(at + 1));
            } else if call.is_word(at, "NOVALUES") && own == OwnOption::NoValues {
                options.no_values = true;
                at += 1;
                continue;
            } else {
                return Err(CommandError::SYNTAX);
            }
            at += 2;
        }
        Ok(options)
    }

    /// Whether an entry with that name is asked for.
    pub(crate) fn wants(&self, name: &[u8]) -> bool {
        self.pattern.is_none_or(|pattern| glob_match(pattern, name))
    }

    /// Visits the indexes of the next page of something with `len` entries; returns the cursor to go on with.
    ///
    /// A cursor is the number of entries that are left, and these lie in front: the walk goes from the last index down.
    /// So what is added comes behind it, and an entry that `swap_remove` moves from the end to a lower index is either
    /// not walked yet and still will be, or is walked once more. What is there all the time is never missed.
    pub(crate) fn walk(&self, cursor: u64, len: usize, visit: impl FnMut(usize)) -> u64 {
        let left = if cursor == 0 { len } else { usize::try_from(cursor).unwrap_or(len).min(len) };
        let rest = left.saturating_sub(self.count);
        (rest..left).rev().for_each(visit);
        rest as u64
    }
}

/// Writes a page: the cursor to go on with, and what was found.
pub(crate) fn reply_page<S: AsRef<[u8]>>(reply: &mut ReplyWriter<'_>, cursor: u64, found: &[S]) {
    reply.array(2).bulk_display(cursor).array(found.len());
    for string in found {
        reply.bulk(string.as_ref());
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use indexmap::IndexSet;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_there_all_the_time_is_found(
            len in 0..60_usize,
            count in 1..9_usize,
            changes in prop::collection::vec((any::<bool>(), any::<prop::sample::Index>()), 0..80),
        ) {
            let options = ScanOptions { pattern: None, count, type_name: None, no_values: false };
            let mut set: IndexSet<usize> = (0..len).collect();
            let (mut found, mut gone) = (BTreeSet::new(), BTreeSet::new());
            let mut changes = changes.into_iter();
            let mut cursor = 0;
            loop {
                cursor = options.walk(cursor, set.len(), |index| {
                    found.insert(set[index]);
                });
                if cursor == 0 {
                    break;
                }
                for (adds, which) in changes.by_ref().take(3) {
                    if adds {
                        set.insert(1000 + which.index(1000));
                    } else if !set.is_empty() {
                        gone.extend(set.swap_remove_index(which.index(set.len())));
                    }
                }
            }
            for member in (0..len).filter(|member| !gone.contains(member)) {
                prop_assert!(found.contains(&member), "{} is missing", member);
            }
        }
    }

    #[test]
    fn a_cursor_is_an_unsigned_number() {
        assert_eq!(cursor(b"18446744073709551615"), Ok(u64::MAX));
        for text in ["", "-1", "+1", " 1", "1 ", "a", "18446744073709551616"] {
            assert!(cursor(text.as_bytes()).is_err(), "{text:?}");
        }
    }
}
