//! Does one Redis glob match everything that another one matches?

use fanfare_wire::glob_match;

/// Above so many groups of `*` Redis's match gives up, so a pattern no longer matches all it seems to.
const STARS_MAX: usize = 1000;

/// Whether every text that `inner` matches is matched by `outer` too.
///
/// A yes is certain; a no may only mean that it is not obvious. The time is at most the product of the two lengths.
pub(super) fn is_subset(inner: &[u8], outer: &[u8]) -> bool {
    if inner == outer {
        return true;
    }
    // The empty text is matched by the empty pattern only, which matches nothing else.
    if inner.is_empty() || outer.is_empty() {
        return false;
    }
    let outer: Vec<Token<'_>> = Tokens(outer).collect();
    if outer.iter().filter(|token| matches!(token, Token::Star)).count() > STARS_MAX {
        return false;
    }
    // The places in `outer` that the tokens of `inner` so far can have led to, whichever bytes they stand for.
    let mut places = vec![false; outer.len() + 1];
    places[0] = true;
    pass_stars(&mut places, &outer);
    for token in Tokens(inner) {
        let mut next = vec![false; outer.len() + 1];
        for (at, step) in outer.iter().enumerate().filter(|(at, _)| places[*at]) {
            match step {
                // A star takes anything, another star too.
                Token::Star => next[at] = true,
                _ if token.takes_no_more_than(step) => next[at + 1] = true,
                _ => {}
            }
        }
        if !next.contains(&true) {
            return false;
        }
        pass_stars(&mut next, &outer);
        places = next;
    }
    places[outer.len()]
}

/// A star may also take nothing.
fn pass_stars(places: &mut [bool], outer: &[Token<'_>]) {
    for (at, step) in outer.iter().enumerate() {
        if places[at] && matches!(step, Token::Star) {
            places[at + 1] = true;
        }
    }
}

/// One step of a pattern.
enum Token<'a> {
    Star,
    Any,
    Byte(u8),
    /// As it stands in the pattern, brackets included.
    Class(&'a [u8]),
}

impl Token<'_> {
    /// Whether every byte this one takes is taken by `other`, which is no star.
    fn takes_no_more_than(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Star, _) => false,
            (_, Self::Any) => true,
            (Self::Byte(byte), _) => other.takes(*byte),
            _ => (0..=u8::MAX).all(|byte| !self.takes(byte) || other.takes(byte)),
        }
    }

    fn takes(&self, byte: u8) -> bool {
        match self {
            Self::Star | Self::Any => true,
            Self::Byte(literal) => *literal == byte,
            Self::Class(class) => glob_match(class, &[byte]),
        }
    }
}

/// The steps of a pattern, as Redis reads them.
struct Tokens<'a>(&'a [u8]);

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        let (token, length) = match self.0 {
            [] => return None,
            [b'*', ..] => (Token::Star, 1),
            [b'?', ..] => (Token::Any, 1),
            [b'\\', escaped, ..] => (Token::Byte(*escaped), 2),
            [b'[', rest @ ..] => {
                let length = 1 + class_length(rest);
                (Token::Class(&self.0[..length]), length)
            }
            [byte, ..] => (Token::Byte(*byte), 1),
        };
        self.0 = &self.0[length..];
        Some(token)
    }
}

/// The bytes up to the `]` that closes a class, it included, or to the end of a pattern that lacks it.
fn class_length(rest: &[u8]) -> usize {
    let mut at = usize::from(rest.first() == Some(&b'^'));
    loop {
        at += match &rest[at..] {
            [] => return at,
            [b'\\', _, ..] => 2,
            [b']', ..] => return at + 1,
            [_, b'-', _, ..] => 3,
            _ => 1,
        };
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn narrower_patterns_are_found() {
        for (inner, outer) in [
            ("a:b:*", "a:*"),
            ("a:b", "a:*"),
            ("a:?:c", "a:*:c"),
            ("a:*:b:*", "a:*"),
            ("a:*:b:*", "a:*b*"),
            ("a[bc]", "a[a-d]"),
            ("a[bc]", "a?"),
            (r"a\*", "a*"),
            (r"a\*", r"a\*"),
            ("**", "*"),
            ("*", "**"),
            ("[^a]", "?"),
            ("a", r"\a"),
        ] {
            assert!(is_subset(inner.as_bytes(), outer.as_bytes()), "{inner} within {outer}");
        }
    }

    #[test]
    fn wider_patterns_are_refused() {
        for (inner, outer) in [
            ("*", "a:*"),
            ("a*", "a:*"),
            ("a:*", "a:b:*"),
            ("a:*", r"a:\*"),
            ("a?", "a[a-z]"),
            ("[^a]", "[a-z]"),
            ("", "*"),
            ("*", ""),
            ("a*", "a"),
            ("a*b", "a*b?"),
        ] {
            assert!(!is_subset(inner.as_bytes(), outer.as_bytes()), "{inner} within {outer}");
        }
    }

    #[test]
    fn patterns_that_redis_gives_up_on_have_no_subsets() {
        let outer = "*a".repeat(STARS_MAX + 1);
        assert!(is_subset(outer.as_bytes(), b"*"));
        assert!(!is_subset(b"aaaa", outer.as_bytes()));
    }

    fn pattern() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            4 => "[abc]",
            2 => Just("*".to_owned()),
            1 => Just("?".to_owned()),
            2 => r"\[\^?[abc\]-]{0,3}\]?",
            1 => r"\\[abc*]?",
        ];
        proptest::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat().into_bytes())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn what_the_inner_matches_the_outer_matches(
            inner in pattern(),
            outer in pattern(),
            texts in proptest::collection::vec(r"[abc\]*-]{0,5}", 40),
        ) {
            if is_subset(&inner, &outer) {
                for text in texts.iter().filter(|text| glob_match(&inner, text.as_bytes())) {
                    prop_assert!(glob_match(&outer, text.as_bytes()), "{text:?}");
                }
            }
        }

        /// Replacing stars by text narrows a pattern, and that is always seen where the text has no stars.
        #[test]
        fn a_pattern_with_its_stars_filled_in_is_a_subset(
            first in "[abc]{1,3}",
            others in proptest::collection::vec("[abc]{0,3}", 1..5),
            fill in "[ab?]{1,2}",
        ) {
            let parts = [&[first], &others[..]].concat();
            let (outer, inner) = (parts.join("*"), parts.join(&fill));
            prop_assert!(is_subset(inner.as_bytes(), outer.as_bytes()), "{inner} within {outer}");
        }
    }
}
