//! The values that forms of commands name. There are few of each, so that commands meet.

use super::KEYS;
use super::form::Draw;

/// Longer than what Redis keeps in its compact encodings.
const LONG: &[u8] = &[b'L'; 70];

const MEMBERS: [&[u8]; 9] = [b"a", b"b", b"c", b"d", b"1", b"2", b"-3", b"", b"x\r\ny\x00\xff"];
const STRINGS: [&[u8]; 13] = [
    b"hello",
    b"",
    b"0",
    b"10",
    b"-7",
    b"3.0",
    b"1e3",
    b"abc def",
    b"9223372036854775807",
    b"-9223372036854775808",
    b" 1",
    b"x\r\ny\x00\xff",
    b"12345678901234567890123456789012345678901234",
];
const INTEGERS: [&[u8]; 14] = [
    b"0",
    b"1",
    b"-1",
    b"2",
    b"5",
    b"-3",
    b"100",
    b"9223372036854775807",
    b"-9223372036854775808",
    b"9223372036854775808",
    b"1.0",
    b"abc",
    b"",
    b" 3",
];
const FLOATS: [&[u8]; 14] = [
    b"0", b"1", b"0.1", b"-0.1", b"1.5", b"3e2", b"-2.25", b"1e-5", b"1e17", b"inf", b"-inf", b"nan", b"abc", b"1e400",
];
const SCORES: [&[u8]; 16] = [
    b"0",
    b"1",
    b"2",
    b"3",
    b"2",
    b"1.5",
    b"-1",
    b"0.1",
    b"3.3",
    b"1e21",
    b"17179869184",
    b"inf",
    b"-inf",
    b"-0",
    b"nan",
    b"abc",
];
const SCORE_BOUNDS: [&[u8]; 12] =
    [b"-inf", b"+inf", b"0", b"1", b"(1", b"2", b"(2", b"3", b"-inf", b"+inf", b"1.5", b"(x"];
const LEX_BOUNDS: [&[u8]; 11] = [b"-", b"+", b"[a", b"(a", b"[b", b"[c", b"(c", b"-", b"+", b"a", b"["];
const IDS: [&[u8]; 17] = [
    b"1-1",
    b"1-2",
    b"2-1",
    b"2-*",
    b"3-1",
    b"3-*",
    b"4-0",
    b"5",
    b"5-*",
    b"6-1",
    b"7-1",
    b"0-1",
    b"0-0",
    b"0-*",
    b"18446744073709551615-18446744073709551615",
    b"abc",
    b"1-x",
];
const RANGE_IDS: [&[u8]; 14] =
    [b"-", b"+", b"0", b"1", b"2", b"1-1", b"(1-1", b"3-1", b"5", b"-", b"+", b"(5", b"abc", b"(-"];
const PATTERNS: [&[u8]; 9] = [b"*", b"?", b"[ab]", b"[^a]", b"k*", b"a", b"", b"*\xff", b"[0-9]"];

/// A value of the kind `name`.
///
/// # Panics
///
/// If a form names a kind that is not here.
pub(super) fn value(draw: &mut Draw<'_>, name: &str) -> Vec<u8> {
    let pool: &[&[u8]] = match name {
        "key" | "source" => {
            let keys = if draw.rng.one_in(12) { &KEYS } else { draw.keys };
            return draw.rng.pick(keys).to_vec();
        }
        "member" | "field" if draw.rng.one_in(40) => return LONG.to_vec(),
        "value" if draw.rng.one_in(30) => return LONG.to_vec(),
        "member" | "field" => &MEMBERS,
        "value" => &STRINGS,
        "int" => &INTEGERS[..if draw.rng.one_in(4) { INTEGERS.len() } else { 7 }],
        "float" => &FLOATS[..if draw.rng.one_in(4) { FLOATS.len() } else { 9 }],
        "score" => &SCORES[..if draw.rng.one_in(6) { SCORES.len() } else { 11 }],
        "score-bound" => &SCORE_BOUNDS,
        "lex-bound" => &LEX_BOUNDS,
        "id" => &IDS[..if draw.rng.one_in(4) { IDS.len() } else { 11 }],
        "entry" => &IDS[..5],
        "range-id" => &RANGE_IDS,
        "pattern" => &PATTERNS,
        "group" => &[b"g", b"h", b"g"],
        "consumer" => &[b"alice", b"bob", b""],
        "db" => &[b"0", b"1", b"0", b"1", b"0", b"1", b"0", b"1", b"16", b"-1", b"abc"],
        "index" => return (draw.rng.below(9) as i64 - 4).to_string().into_bytes(),
        "count" => &[b"1", b"2", b"3", b"100", b"0", b"1", b"2", b"-1", b"abc"],
        "positive" => &[b"1", b"2", b"3", b"100"],
        "all" => &[b"100", b"1000", b"99999"],
        "offset" => &[b"0", b"1", b"2", b"5", b"20", b"-1", b"abc", b"536870912", b"9223372036854775807"],
        // Far away or past, in whole seconds: what expires meanwhile would be a matter of time.
        "seconds" => &[b"100", b"1000", b"100000", b"1000", b"100", b"0", b"-1", b"9223372036854775807", b"abc"],
        "ms" => &[b"100000", b"1000000", b"100000", b"1000000", b"0", b"-1", b"9223372036854775807", b"abc"],
        "at" => &[b"4102444800", b"4102444900", b"4102444800", b"9223372036854775807", b"-9223372036854775808", b"abc"],
        "at-ms" => &[b"4102444800000", b"4102444900000", b"4102444800000", b"9223372036854775807", b"-1", b"abc"],
        "past" => &[b"1", b"1000000000"],
        "word" => &[b"x", b"NOSUCH", b"COUNT", b"*"],
        _ => unreachable!("a form names {name:?}, which is no kind of value"),
    };
    draw.rng.pick(pool).to_vec()
}
