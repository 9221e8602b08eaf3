//! Redis glob patterns: does a pattern match a channel, and which bytes must such a channel contain.
//!
//! Patterns are read as Redis 7.0 reads them, oddities included: a class that is never closed ends with the pattern,
//! ranges compare signed bytes, and nothing but the empty pattern matches the empty text.

use std::ops::Range;

use memchr::memchr;

/// Whether `pattern` matches all of `text`, as Redis decides it (case-sensitive).
///
/// `*` stands for any bytes, `?` for one byte, `[...]` and `[^...]` for one byte in or not in a set, and `\` takes the
/// next byte as it is. The time is at most the product of the two lengths, and no memory is allocated.
///
/// ```
/// # use fanfare_wire::glob_match;
/// assert!(glob_match(b"news:*", b"news:eu"));
/// assert!(glob_match(b"h[a-e]llo", b"hello"));
/// assert!(!glob_match(b"*", b""));
/// ```
pub fn glob_match(pattern: &[u8], text: &[u8]) -> bool {
    if text.is_empty() {
        // Redis does not look at the pattern then, so not even `*` matches.
        return pattern.is_empty();
    }
    let (mut pattern_at, mut text_at) = (0, 0);
    // Where to resume when the tokens behind the last star do not fit: the pattern behind it, and the first text byte
    // it may leave to them. Earlier stars need no second try: a longer one only takes bytes from the last.
    let mut resume: Option<(usize, usize)> = None;
    let mut stars = 0;
    loop {
        let fits = match Token::next(pattern, &mut pattern_at) {
            None if text_at == text.len() => return true,
            Some(Token::Star) => {
                while pattern.get(pattern_at) == Some(&b'*') {
                    pattern_at += 1;
                }
                if pattern_at == pattern.len() {
                    return true;
                }
                stars += 1;
                if stars > STARS_MAX {
                    return false;
                }
                resume = Some((pattern_at, text_at));
                false
            }
            Some(token) if text_at < text.len() && token.matches(pattern, text[text_at]) => {
                text_at += 1;
                true
            }
            _ => false,
        };
        if !fits {
            let Some((behind_star, from)) = resume else {
                return false;
            };
            // What follows a star always takes a byte, so go on at the first it could take.
            let Some(found) = skip(pattern, behind_star, text, from) else {
                return false;
            };
            resume = Some((behind_star, found + 1));
            (pattern_at, text_at) = (behind_star, found);
        }
    }
}

/// The bytes that every text matched by a pattern contains, and where.
///
/// ```
/// # use fanfare_wire::Literals;
/// let literals = Literals::of(br"news:*sport*\*[ab]:live");
/// assert_eq!(literals.prefix(), b"news:");
/// assert_eq!(literals.suffix(), b":live");
/// assert!(literals.runs().eq([&b"news:"[..], b"sport", b"*", b":live"]));
/// assert_eq!(literals.exact(), None);
/// assert_eq!(Literals::of(br"a\*").exact(), Some(&b"a*"[..]));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Literals {
    /// All runs, one after the other.
    bytes: Vec<u8>,
    /// Where each run lies in `bytes`; none is empty.
    runs: Vec<Range<usize>>,
    /// The first run stands at the start of the text.
    starts: bool,
    /// The last run stands at the end of the text.
    ends: bool,
    /// Nothing but literals: the text is exactly `bytes`.
    exact: bool,
}

impl Literals {
    /// The literals of `pattern`.
    pub fn of(pattern: &[u8]) -> Self {
        let mut literals = Self {
            bytes: Vec::with_capacity(pattern.len()),
            runs: Vec::new(),
            starts: false,
            ends: false,
            exact: true,
        };
        let mut at = 0;
        let mut run_start = 0;
        while let Some(token) = Token::next(pattern, &mut at) {
            if let Token::Byte(byte) = token {
                literals.starts |= literals.bytes.is_empty() && literals.exact;
                literals.bytes.push(byte);
                literals.ends = true;
            } else {
                literals.end_run(&mut run_start);
                literals.ends = false;
                literals.exact = false;
            }
        }
        literals.end_run(&mut run_start);
        literals
    }

    /// The only text the pattern matches, if it has no wildcard.
    pub fn exact(&self) -> Option<&[u8]> {
        self.exact.then_some(&self.bytes)
    }

    /// What every matching text starts with; may be empty.
    pub fn prefix(&self) -> &[u8] {
        match self.runs.first() {
            Some(run) if self.starts => &self.bytes[run.clone()],
            _ => &[],
        }
    }

    /// What every matching text ends with; may be empty.
    pub fn suffix(&self) -> &[u8] {
        match self.runs.last() {
            Some(run) if self.ends => &self.bytes[run.clone()],
            _ => &[],
        }
    }

    /// All runs of literal bytes between wildcards, prefix and suffix included.
    ///
    /// Every matching text contains them in this order and without overlap; none is empty.
    pub fn runs(&self) -> impl Iterator<Item = &[u8]> {
        self.runs.iter().map(|run| &self.bytes[run.clone()])
    }

    fn end_run(&mut self, run_start: &mut usize) {
        let end = self.bytes.len();
        if *run_start < end {
            self.runs.push(*run_start..end);
            *run_start = end;
        }
    }
}

/// Redis gives up on a pattern with more groups of `*` than this (one at the very end is not counted).
const STARS_MAX: u32 = 1000;

/// The first place at or behind `from` whose byte the token at `pattern_at` takes.
fn skip(pattern: &[u8], pattern_at: usize, text: &[u8], from: usize) -> Option<usize> {
    let rest = text.get(from..)?;
    let found = match Token::next(pattern, &mut { pattern_at })? {
        Token::Byte(byte) => memchr(byte, rest)?,
        token => rest.iter().position(|byte| token.matches(pattern, *byte))?,
    };
    Some(from + found)
}

/// One step of a pattern; all but `Star` take exactly one byte of the text.
enum Token {
    Star,
    Any,
    Byte(u8),
    /// Members start at this index, behind `[` or `[^`.
    Class {
        members: usize,
        negated: bool,
    },
}

impl Token {
    /// Reads the token at `at` and moves behind it; `None` at the end of the pattern.
    fn next(pattern: &[u8], at: &mut usize) -> Option<Self> {
        let first = *pattern.get(*at)?;
        *at += 1;
        Some(match first {
            b'*' => Self::Star,
            b'?' => Self::Any,
            b'[' => {
                let negated = pattern.get(*at) == Some(&b'^');
                *at += usize::from(negated);
                let members = *at;
                while Member::next(pattern, at).is_some() {}
                Self::Class { members, negated }
            }
            b'\\' => match pattern.get(*at) {
                Some(escaped) => {
                    *at += 1;
                    Self::Byte(*escaped)
                }
                None => Self::Byte(b'\\'),
            },
            byte => Self::Byte(byte),
        })
    }

    /// Whether this token takes `byte`; a star is not asked.
    fn matches(&self, pattern: &[u8], byte: u8) -> bool {
        match *self {
            Self::Star => false,
            Self::Any => true,
            Self::Byte(literal) => literal == byte,
            Self::Class { members, negated } => {
                let mut at = members;
                let mut found = false;
                while let Some(member) = Member::next(pattern, &mut at) {
                    found |= member.contains(byte);
                }
                found != negated
            }
        }
    }
}

/// One member of a class: the bytes from `low` to `high` in the order of signed bytes, as on the machines Redis is
/// mostly run on.
struct Member {
    low: i8,
    high: i8,
}

impl Member {
    /// Reads the member at `at` and moves behind it; at the end of the class moves behind its `]`, if any.
    fn next(pattern: &[u8], at: &mut usize) -> Option<Self> {
        let (ends, length) = match pattern.get(*at..)? {
            [] => return None,
            [b'\\', escaped, ..] => ([*escaped; 2], 2),
            [b']', ..] => {
                *at += 1;
                return None;
            }
            // The end of a range may be any byte, even `]` or `\`.
            [start, b'-', end, ..] => ([*start, *end], 3),
            [byte, ..] => ([*byte; 2], 1),
        };
        *at += length;
        let [start, end] = ends.map(u8::cast_signed);
        Some(Self { low: start.min(end), high: start.max(end) })
    }

    fn contains(&self, byte: u8) -> bool {
        (self.low..=self.high).contains(&byte.cast_signed())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn odd_patterns_as_redis_reads_them() {
        let cases: &[(&[u8], &[u8], bool)] = &[
            // Plain wildcards.
            (b"news:*", b"news:", true),
            (b"news:*", b"news:a:b", true),
            (b"*:eu", b"news:eu", true),
            (b"h?llo", b"hello", true),
            (b"h?llo", b"hllo", false),
            (b"a*b*c", b"a1b2b3c", true),
            (b"a*b*c", b"a1c2b", false),
            (b"Hello", b"hello", false),
            // The empty text is matched by the empty pattern only.
            (b"", b"", true),
            (b"", b"a", false),
            (b"*", b"", false),
            (b"**", b"", false),
            (b"*", b"a", true),
            (b"a**", b"a", true),
            (b"**a", b"a", true),
            (b"*?", b"a", true),
            (b"a*?", b"a", false),
            // Classes.
            (b"h[ae]llo", b"hallo", true),
            (b"h[ae]llo", b"hillo", false),
            (b"h[^ae]llo", b"hillo", true),
            (b"h[^ae]llo", b"hello", false),
            (b"[a^]", b"^", true),
            (b"[a-c]", b"b", true),
            (b"[c-a]", b"b", true),
            (b"[-a]", b"-", true),
            (b"[*]", b"a", false),
            (b"[*]", b"*", true),
            // `]` closes at once: nothing, or anything.
            (b"[]a", b"a", false),
            (b"[^]", b"a", true),
            (b"[^]a", b"xa", true),
            // The end of a range may be `]` or `\`.
            (b"[a-]", b"a", true),
            (b"[a-]", b"`", true),
            (b"[a-]", b"-", false),
            (b"[a-]]", b"^", true),
            (br"[]-a]", b"a", false),
            (br"[A-\]]", br"\]", true),
            // An escape in a class starts no range.
            (br"[\a-c]", b"b", false),
            (br"[\a-c]", b"-", true),
            (br"[\]]", b"]", true),
            (br"[\", br"\", true),
            (br"[\]", b"]", true),
            // Never closed: ends with the pattern.
            (b"[ab", b"b", true),
            (b"[a-c", b"b", true),
            (b"[a-", b"-", true),
            (b"[", b"[", false),
            (b"[^", b"[", true),
            (b"x[a*", b"xa", true),
            (b"x[a*", b"xab", false),
            // Escapes.
            (br"\*", b"*", true),
            (br"\*", b"a", false),
            (br"\a", b"a", true),
            (br"a\", br"a\", true),
            (br"\\", br"\", true),
            // Bytes are signed in ranges, and zero is a byte like any other.
            (b"[\x80-\x7f]", b"\x00", true),
            (b"[\x01-\x80]", b"\x00", true),
            (b"[\x01-\x80]", b"\x7f", false),
            (b"[\x01-\x80]", b"\xff", true),
            (b"[\xf0-\xff]", b"\xf8", true),
            (b"a\x00?", b"a\x00\x00", true),
            (b"a\x00", b"a", false),
        ];
        for (pattern, text, expected) in cases {
            let shown = (pattern.escape_ascii().to_string(), text.escape_ascii().to_string());
            assert_eq!(glob_match(pattern, text), *expected, "{shown:?}");
        }
    }

    #[test]
    fn gives_up_after_a_thousand_stars() {
        let text = [b'a'; 1001];
        assert!(glob_match(&b"*a".repeat(1000), &text));
        assert!(glob_match(&[&b"*a".repeat(1000)[..], b"*"].concat(), &text));
        assert!(!glob_match(&b"*a".repeat(1001), &text));
        assert!(glob_match(&[&b"*".repeat(5000)[..], b"a"].concat(), &text));
    }

    #[test]
    fn many_stars_take_no_exponential_time() {
        let pattern = [&b"*a".repeat(500)[..], b"*b"].concat();
        assert!(!glob_match(&pattern, &[b'a'; 10_000]));
    }

    #[test]
    fn literals_of_wildcards_and_escapes() {
        let of = |pattern: &[u8]| {
            let literals = Literals::of(pattern);
            let runs: Vec<Vec<u8>> = literals.runs().map(<[u8]>::to_vec).collect();
            (literals.prefix().to_vec(), runs, literals.suffix().to_vec(), literals.exact().map(<[u8]>::to_vec))
        };
        let bytes = |text: &str| text.as_bytes().to_vec();
        assert_eq!(of(b""), (vec![], vec![], vec![], Some(vec![])));
        assert_eq!(of(b"**?"), (vec![], vec![], vec![], None));
        assert_eq!(of(br"a\"), (bytes(r"a\"), vec![bytes(r"a\")], bytes(r"a\"), Some(bytes(r"a\"))));
        assert_eq!(of(b"ab*"), (bytes("ab"), vec![bytes("ab")], vec![], None));
        assert_eq!(of(b"*ab"), (vec![], vec![bytes("ab")], bytes("ab"), None));
        assert_eq!(of(b"?ab[x]cd[y"), (vec![], vec![bytes("ab"), bytes("cd")], vec![], None));
        assert_eq!(of(br"a*\[b]"), (bytes("a"), vec![bytes("a"), bytes("[b]")], bytes("[b]"), None));
    }

    fn reference(pattern: &[u8], text: &[u8]) -> bool {
        if text.is_empty() { pattern.is_empty() } else { reference_rest(pattern, text) }
    }

    /// Tries every length for every star.
    fn reference_rest(pattern: &[u8], text: &[u8]) -> bool {
        let Some((byte, text_rest)) = text.split_first() else {
            return pattern.iter().all(|byte| *byte == b'*');
        };
        match pattern {
            [] => false,
            [b'*', rest @ ..] => reference_rest(rest, text) || reference_rest(pattern, text_rest),
            [b'?', rest @ ..] => reference_rest(rest, text_rest),
            [b'[', b'^', rest @ ..] => {
                let (set, rest) = reference_class(rest);
                !set.contains(byte) && reference_rest(rest, text_rest)
            }
            [b'[', rest @ ..] => {
                let (set, rest) = reference_class(rest);
                set.contains(byte) && reference_rest(rest, text_rest)
            }
            [b'\\', literal, rest @ ..] | [literal, rest @ ..] => literal == byte && reference_rest(rest, text_rest),
        }
    }

    /// The members of a class, one by one, and the pattern behind it.
    fn reference_class(mut rest: &[u8]) -> (Vec<u8>, &[u8]) {
        let mut set = Vec::new();
        loop {
            rest = match rest {
                [] => return (set, rest),
                [b'\\', byte, rest @ ..] => {
                    set.push(*byte);
                    rest
                }
                [b']', rest @ ..] => return (set, rest),
                [start, b'-', end, rest @ ..] => {
                    let (start, end) = (*start as i8, *end as i8);
                    set.extend((start.min(end)..=start.max(end)).map(|byte| byte as u8));
                    rest
                }
                [byte, rest @ ..] => {
                    set.push(*byte);
                    rest
                }
            }
        }
    }

    fn pattern() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            4 => prop::sample::select(b"abc".to_vec()).prop_map(|byte| vec![byte]),
            4 => prop::sample::select(b"[]^-\\*?".to_vec()).prop_map(|byte| vec![byte]),
            1 => prop::sample::select(b"\x00\x7f\x80\xff".to_vec()).prop_map(|byte| vec![byte]),
            1 => prop::sample::select(vec![&b"[^a]"[..], b"[a-b]", b"[\xff-a]", b"\\*", b"[b\\]]"]).prop_map(<[u8]>::to_vec),
        ];
        prop::collection::vec(piece, 0..9).prop_map(|pieces| pieces.concat())
    }

    fn text() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![4 => prop::sample::select(b"abc".to_vec()), 1 => prop::sample::select(b"[]^-\\*?\x00\x7f\x80\xff".to_vec())];
        prop::collection::vec(byte, 0..9)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(5000))]

        #[test]
        fn matches_what_the_reference_matches(pattern in pattern(), text in text()) {
            prop_assert_eq!(glob_match(&pattern, &text), reference(&pattern, &text));
        }

        #[test]
        fn every_match_contains_the_literals(pattern in pattern(), text in text()) {
            if glob_match(&pattern, &text) {
                let literals = Literals::of(&pattern);
                prop_assert!(text.starts_with(literals.prefix()));
                prop_assert!(text.ends_with(literals.suffix()));
                let mut rest = &text[..];
                for run in literals.runs() {
                    let at = rest.windows(run.len()).position(|window| window == run);
                    prop_assert!(at.is_some(), "{run:?} is missing");
                    rest = &rest[at.unwrap() + run.len()..];
                }
                prop_assert!(literals.exact().is_none_or(|exact| exact == text));
            }
        }
    }
}
