//! Where the key names of a request stand, and what is done to the keys.

use std::iter::StepBy;
use std::ops::{BitOr, Range};

use super::Words;
use super::flags::bit_set;

/// One group of keys of a command: how to find them, and what is done to all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeySpec {
    /// What is done to the keys.
    pub flags: KeyFlags,
    /// Where to start looking.
    pub begin: BeginSearch,
    /// Which words from there on are keys.
    pub find: FindKeys,
    /// What the flags leave unsaid.
    pub notes: Option<&'static str>,
    /// A word that the flags presuppose, and the flags where the request does not have it.
    pub without: Option<(&'static str, KeyFlags)>,
}

/// Where to start looking for keys; the command's name is word 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BeginSearch {
    /// At that word.
    Index(usize),
    /// Behind a keyword, looked for from a word on.
    Keyword {
        /// In upper case; the request may have it in any case.
        keyword: &'static str,
        /// The first word that may be the keyword.
        start_from: usize,
    },
}

/// Which words are keys, counted from where the search begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FindKeys {
    /// As many as another word says.
    Keynum {
        /// The word that holds their number.
        keynum_index: usize,
        /// The first key.
        first_key: usize,
        /// Words from one key to the next.
        step: usize,
    },
    /// A range.
    Range {
        /// The last key, or counted from the end of the request when negative.
        last: i32,
        /// Words from one key to the next.
        step: usize,
        /// Above 1, the keys take up only that part of the words: half of them for 2.
        limit: usize,
    },
}

impl KeySpec {
    /// The key at that word.
    pub(super) const fn index(at: usize, flags: KeyFlags) -> Self {
        Self::new(BeginSearch::Index(at), FindKeys::Range { last: 0, step: 1, limit: 0 }, flags)
    }

    /// The keys from that word on, every one or every second one, to the end of the request.
    pub(super) const fn rest(at: usize, step: usize, flags: KeyFlags) -> Self {
        Self::new(BeginSearch::Index(at), FindKeys::Range { last: -1, step, limit: 0 }, flags)
    }

    /// The keys that follow their number, which stands at that word.
    pub(super) const fn counted(at: usize, flags: KeyFlags) -> Self {
        Self::new(BeginSearch::Index(at), FindKeys::Keynum { keynum_index: 0, first_key: 1, step: 1 }, flags)
    }

    /// The first half of what follows a keyword.
    pub(super) const fn half_behind(keyword: &'static str, start_from: usize, flags: KeyFlags) -> Self {
        let find = FindKeys::Range { last: -1, step: 1, limit: 2 };
        Self::new(BeginSearch::Keyword { keyword, start_from }, find, flags)
    }

    const fn new(begin: BeginSearch, find: FindKeys, flags: KeyFlags) -> Self {
        Self { flags, begin, find, notes: None, without: None }
    }

    pub(super) const fn notes(mut self, text: &'static str) -> Self {
        self.notes = Some(text);
        self
    }

    pub(super) const fn without(mut self, word: &'static str, flags: KeyFlags) -> Self {
        self.without = Some((word, flags));
        self.flags = self.flags.union(KeyFlags::VARIABLE_FLAGS);
        self
    }

    /// Tells whether the words are only used to find the slot.
    pub const fn is_not_key(&self) -> bool {
        self.flags.contains(KeyFlags::NOT_KEY)
    }

    /// The positions of the keys in a request; `None` when its words do not fit, none when it lacks the keyword.
    pub fn positions(&self, request: &(impl Words + ?Sized)) -> Option<StepBy<Range<usize>>> {
        let count = request.count();
        let begin = match self.begin {
            BeginSearch::Index(at) => at,
            BeginSearch::Keyword { keyword, start_from } => {
                let is_keyword = |at: &usize| has_word(request, *at, keyword);
                match (start_from..count.saturating_sub(1)).find(is_keyword) {
                    Some(at) => at + 1,
                    None => return Some((0..0).step_by(1)),
                }
            }
        };
        let (first, last, step) = match self.find {
            FindKeys::Keynum { keynum_index, first_key, step } => {
                let number = str::from_utf8(request.word(begin + keynum_index)?).ok()?.parse::<usize>().ok()?;
                // No more keys than words, so that nothing overflows.
                let last_of = number.checked_sub(1).filter(|last_of| *last_of < count)?;
                (begin + first_key, begin + first_key + last_of * step, step)
            }
            FindKeys::Range { last, step, limit } => {
                let last = match usize::try_from(last) {
                    Ok(last) => begin + last,
                    Err(_) => {
                        let end = if limit > 1 { begin + count.checked_sub(begin)? / limit } else { count };
                        end.checked_sub(last.unsigned_abs() as usize)?
                    }
                };
                (begin, last, step)
            }
        };
        (first <= last && last < count).then(|| (first..last + 1).step_by(step))
    }

    /// What this request does to the keys.
    pub fn flags_for(&self, request: &(impl Words + ?Sized)) -> KeyFlags {
        match self.without {
            Some((word, flags)) if !(OPTIONS_START..request.count()).any(|at| has_word(request, at, word)) => flags,
            Some(_) | None => self.flags.difference(KeyFlags::VARIABLE_FLAGS),
        }
    }

    /// Tells whether no single range of words holds all the keys whatever the request.
    pub(super) const fn are_movable(specs: &[Self]) -> bool {
        let mut at = 0;
        while at < specs.len() {
            if specs[at].flags.contains(KeyFlags::INCOMPLETE) || specs[at].fixed_range().is_none() {
                return true;
            }
            at += 1;
        }
        false
    }

    /// First key, last key and step as the older fields of `COMMAND` give them: one range of words that covers what it can
    /// of the keys, the last counted from the end of the request when negative. Zeros when there is none.
    pub fn word_range(specs: &[Self]) -> (i64, i64, i64) {
        let mut ranges = specs.iter().filter_map(Self::fixed_range);
        let Some(mut range) = ranges.next() else {
            return (0, 0, 0);
        };
        // Others extend it where they go on directly behind it.
        for (first, last, step) in ranges {
            if step == 1 && range.2 == 1 && first == range.1 + 1 {
                range.1 = last;
            }
        }
        range
    }

    const fn fixed_range(&self) -> Option<(i64, i64, i64)> {
        let (BeginSearch::Index(first), FindKeys::Range { last, step, limit: 0 }) = (self.begin, self.find) else {
            return None;
        };
        let last = if last < 0 { last as i64 } else { first as i64 + last as i64 };
        Some((first as i64, last, step as i64))
    }
}

fn has_word(request: &(impl Words + ?Sized), at: usize, expected: &str) -> bool {
    request.word(at).is_some_and(|word| word.eq_ignore_ascii_case(expected.as_bytes()))
}

/// Words that change what is done to a key stand behind the key and its value.
const OPTIONS_START: usize = 3;

bit_set! {
    /// What a command does to its keys, a set with Redis's names.
    KeyFlags: u16 {
        /// Reads, nothing else.
        RO = "RO",
        /// Reads and changes.
        RW = "RW",
        /// Overwrites without looking.
        OW = "OW",
        /// Removes without looking.
        RM = "RM",
        /// Gives or copies what the value holds.
        ACCESS = "access",
        /// Changes what the value holds.
        UPDATE = "update",
        /// Adds to the value without changing what it holds.
        INSERT = "insert",
        /// Removes from the value, or removes it.
        DELETE = "delete",
        /// Is no key; only decides the slot.
        NOT_KEY = "not_key",
        /// There may be keys that the spec does not find.
        INCOMPLETE = "incomplete",
        /// The other flags hold only for some requests.
        VARIABLE_FLAGS = "variable_flags",
    }
}

#[cfg(test)]
mod tests {
    use super::super::{CommandSpec, resolve};
    use super::*;

    fn spec_and_words(request: &str) -> (&'static CommandSpec, Vec<&str>) {
        let words: Vec<&str> = request.split(' ').collect();
        (resolve(&words[..]).unwrap(), words)
    }

    /// The keys of each spec, and `!` where the words do not fit.
    fn keys(request: &str) -> String {
        let (spec, words) = spec_and_words(request);
        let of = |keys: &KeySpec| match keys.positions(&words[..]) {
            Some(at) => at.map(|at| words[at]).collect::<Vec<_>>().join(" "),
            None => "!".to_owned(),
        };
        spec.keys.iter().map(of).collect::<Vec<_>>().join(" / ")
    }

    #[test]
    fn positions_follow_the_request() {
        for (request, expected) in [
            ("GET k", "k"),
            ("DEL a b c", "a b c"),
            ("MSET a 1 b 2", "a b"),
            ("LMOVE a b LEFT RIGHT", "a / b"),
            ("LMPOP 2 a b LEFT", "a b"),
            ("LMPOP 0 a LEFT", "!"),
            ("LMPOP 3 a LEFT", "!"),
            ("LMPOP 18446744073709551615 a LEFT", "!"),
            ("LMPOP x a LEFT", "!"),
            ("ZUNIONSTORE d 2 a b WEIGHTS 1 2", "d / a b"),
            ("XREAD COUNT 1 streams a b 0 0", "a b"),
            ("XREAD STREAMS a b 0", "a"),
            ("XREAD COUNT 1 a", ""),
            ("XREAD COUNT 1 STREAMS", ""),
            ("XREADGROUP GROUP streams c STREAMS s 0", "s"),
            ("PING", ""),
        ] {
            assert_eq!(keys(request), expected, "{request}");
        }
    }

    #[test]
    fn flags_may_depend_on_a_word() {
        let names = |request| {
            let (spec, words) = spec_and_words(request);
            spec.keys[0].flags_for(&words[..]).names().collect::<Vec<_>>()
        };
        assert_eq!(names("SET k GET"), ["OW", "update"]);
        assert_eq!(names("SET k v NX get"), ["RW", "access", "update"]);
        assert_eq!(names("GET k"), ["RO", "access"]);
    }
}
