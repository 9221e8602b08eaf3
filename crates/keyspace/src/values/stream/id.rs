//! The identifiers of entries.

use std::fmt;

/// Milliseconds of Unix time, usually, and a number that tells the entries of one millisecond apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct StreamId {
    pub(crate) ms: u64,
    pub(crate) seq: u64,
}

impl StreamId {
    /// `0-0`, which no entry has.
    pub(crate) const MIN: Self = Self { ms: 0, seq: 0 };
    pub(crate) const MAX: Self = Self { ms: u64::MAX, seq: u64::MAX };

    /// The one right behind, `None` behind the last.
    pub(crate) fn next(self) -> Option<Self> {
        match self.seq.checked_add(1) {
            Some(seq) => Some(Self { seq, ..self }),
            None => Some(Self { ms: self.ms.checked_add(1)?, seq: 0 }),
        }
    }

    /// The one right before, `None` before the first.
    pub(crate) fn previous(self) -> Option<Self> {
        match self.seq.checked_sub(1) {
            Some(seq) => Some(Self { seq, ..self }),
            None => Some(Self { ms: self.ms.checked_sub(1)?, seq: u64::MAX }),
        }
    }

    /// Reads `<ms>-<seq>`, or `<ms>` with `missing_seq` for the rest.
    pub(crate) fn parse(word: &[u8], missing_seq: u64) -> Option<Self> {
        let (ms, seq) = halves(word);
        Some(Self { ms: parse_half(ms)?, seq: seq.map_or(Some(missing_seq), parse_half)? })
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.ms, self.seq)
    }
}

/// What XADD is told of the identifier of a new entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NewId {
    /// `*`: the time, or what follows the last entry if that is later.
    Auto,
    /// `<ms>-*`: the next one of that millisecond.
    Within(u64),
    Given(StreamId),
}

impl NewId {
    /// Reads `*`, `<ms>-*`, `<ms>` or `<ms>-<seq>`.
    pub(crate) fn parse(word: &[u8]) -> Option<Self> {
        match halves(word) {
            (b"*", None) => Some(Self::Auto),
            (ms, Some(b"*")) => Some(Self::Within(parse_half(ms)?)),
            _ => StreamId::parse(word, 0).map(Self::Given),
        }
    }

    /// The identifier at `now_ms` behind the `last` one; `None` if it would not be behind it.
    pub(crate) fn resolve(self, last: StreamId, now_ms: u64) -> Option<StreamId> {
        let id = match self {
            Self::Auto if now_ms > last.ms => StreamId { ms: now_ms, seq: 0 },
            Self::Auto => last.next()?,
            Self::Within(ms) if ms == last.ms => StreamId { ms, seq: last.seq.checked_add(1)? },
            Self::Within(ms) => StreamId { ms, seq: 0 },
            Self::Given(id) => id,
        };
        (id > last).then_some(id)
    }
}

fn halves(word: &[u8]) -> (&[u8], Option<&[u8]>) {
    match word.iter().position(|byte| *byte == b'-') {
        Some(dash) => (&word[..dash], Some(&word[dash + 1..])),
        None => (word, None),
    }
}

/// A number as Redis reads it here, which is more lenient than elsewhere: blanks and a plus may stand before it.
fn parse_half(half: &[u8]) -> Option<u64> {
    let is_blank = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0x0b;
    let blanks = half.iter().take_while(|byte| is_blank(byte)).count();
    str::from_utf8(&half[blanks..]).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn id(ms: u64, seq: u64) -> StreamId {
        StreamId { ms, seq }
    }

    #[test]
    fn identifiers_are_read() {
        for (word, read) in [
            ("1-2", Some(id(1, 2))),
            ("1", Some(id(1, 9))),
            ("18446744073709551615-18446744073709551615", Some(StreamId::MAX)),
            ("18446744073709551616-0", None),
            ("", None),
            ("-", None),
            ("+", None),
            ("1-", None),
            ("-1", None),
            ("1--1", None),
            ("1-2-3", None),
            ("1-*", None),
            ("a", None),
        ] {
            assert_eq!(StreamId::parse(word.as_bytes(), 9), read, "{word}");
        }
    }

    #[test]
    fn neighbours_cross_the_millisecond() {
        assert_eq!(id(1, u64::MAX).next(), Some(id(2, 0)));
        assert_eq!(id(2, 0).previous(), Some(id(1, u64::MAX)));
        assert_eq!(StreamId::MAX.next(), None);
        assert_eq!(StreamId::MIN.previous(), None);
    }

    #[test]
    fn a_new_identifier_lies_behind_the_last() {
        let last = id(100, 5);
        for (word, now_ms, resolved) in [
            ("*", 101, Some(id(101, 0))),
            ("*", 99, Some(id(100, 6))),
            ("100-*", 0, Some(id(100, 6))),
            ("101-*", 0, Some(id(101, 0))),
            ("99-*", 0, None),
            ("100-5", 0, None),
            ("101", 0, Some(id(101, 0))),
        ] {
            assert_eq!(NewId::parse(word.as_bytes()).unwrap().resolve(last, now_ms), resolved, "{word}");
        }
        assert_eq!(NewId::Within(7).resolve(id(7, u64::MAX), 0), None);
        assert_eq!(NewId::Within(0).resolve(StreamId::MIN, 0), Some(id(0, 1)));
    }
}
