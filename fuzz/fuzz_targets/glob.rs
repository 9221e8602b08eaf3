//! The glob matcher against a plain recursive one.
//!
//! An input is a pattern, a line end, and the text.
#![no_main]

use fanfare_wire::glob_match;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut halves = data.splitn(2, |&byte| byte == b'\n');
    let (pattern, text) = (halves.next().unwrap_or_default(), halves.next().unwrap_or_default());
    let matched = glob_match(pattern, text);
    // The reference takes exponential time in the stars.
    let stars = pattern.iter().filter(|&&byte| byte == b'*').count();
    if stars <= 3 && text.len() <= 64 || stars <= 6 && text.len() <= 16 {
        // On an empty text Redis does not look at the pattern.
        let expected = if text.is_empty() { pattern.is_empty() } else { reference(pattern, text) };
        assert_eq!(matched, expected, "{} on {}", pattern.escape_ascii(), text.escape_ascii());
    }
});

fn reference(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern, text) {
        ([], []) => true,
        ([b'*', rest @ ..], _) => reference(rest, text) || (!text.is_empty() && reference(pattern, &text[1..])),
        ([], _) | (_, []) => false,
        ([b'?', rest @ ..], [_, behind @ ..]) => reference(rest, behind),
        ([b'[', class @ ..], [byte, behind @ ..]) => {
            let (matches, rest) = reference_class(class, *byte);
            matches && reference(rest, behind)
        }
        ([b'\\', literal, rest @ ..], [byte, behind @ ..]) | ([literal, rest @ ..], [byte, behind @ ..]) => {
            literal == byte && reference(rest, behind)
        }
    }
}

/// Whether `byte` is in the class that begins behind a `[`, and what follows the class.
fn reference_class(class: &[u8], byte: u8) -> (bool, &[u8]) {
    let (negated, mut class) = match class {
        [b'^', class @ ..] => (true, class),
        _ => (false, class),
    };
    let mut found = false;
    loop {
        class = match class {
            [b'\\', literal, rest @ ..] => {
                found |= *literal == byte;
                rest
            }
            [b']', rest @ ..] => return (found != negated, rest),
            // A class that is not closed ends with the pattern.
            [] => return (found != negated, &[]),
            [from, b'-', to, rest @ ..] => {
                // Redis compares C's `char`, which is signed.
                let (from, to) = (*from as i8, *to as i8);
                found |= (from.min(to)..=from.max(to)).contains(&(byte as i8));
                rest
            }
            [literal, rest @ ..] => {
                found |= *literal == byte;
                rest
            }
        };
    }
}
