//! Every input here is also cut, see `request::tests`. What is expected was asked of a Redis 7.0.

use proptest::prelude::*;

use super::super::tests::{PING, accepts, outcome, refuses, waits};
use super::*;

#[test]
fn words() {
    accepts(b"PING\r\n", &[PING]);
    accepts(b"PING\n", &[PING]);
    accepts(b"\rPING\r\r\n", &[PING]);
    accepts(b"  PING\t \r\n", &[PING]);
    accepts(b"\tECHO\ta\rb \n", &[&[b"ECHO", b"a", b"b"]]);
    // These two are skipped before a word but do not end one.
    accepts(b"\x0b\x0cECHO\x0ba\x0c b\n", &[&[b"ECHO\x0ba\x0c", b"b"]]);
    accepts(b"ECHO a\\nb \xa0\x85\n", &[&[b"ECHO", b"a\\nb", b"\xa0\x85"]]);
    accepts(b"$4\r\nPING\r\n", &[&[b"$4"], PING]);
    // Where Redis stalls, its strings ending there.
    accepts(b"PI\x00NG \x00\r\n", &[&[b"PI\x00NG", b"\x00"]]);
    waits(b"PING\r");
    waits(b"\x00");
    waits(b"ECHO \"");
}

#[test]
fn quotes() {
    accepts(b"ECHO \"a b\"\r\nPING\r\n", &[&[b"ECHO", b"a b"], PING]);
    accepts(b"ECHO \"\" ''\n", &[&[b"ECHO", b"", b""]]);
    accepts(b"\"\"\n", &[&[b""]]);
    accepts(b"\"PI\"\t'NG' x\n", &[&[b"PI", b"NG", b"x"]]);
    accepts(b"ECHO a'b c' d\"e\"\n", &[&[b"ECHO", b"ab c", b"de"]]);
    accepts(b"ECHO \"a\"\x0bb\n", &[&[b"ECHO", b"a", b"b"]]);
    accepts(b"ECHO \"a\rb\x00\"\r\r\n", &[&[b"ECHO", b"a\rb\x00"]]);
}

#[test]
fn escapes() {
    accepts(b"E \"\\x41\\n\\r\\t\\b\\a\\q\\\"\\\\'\"\r\n", &[&[b"E", b"A\n\r\t\x08\x07q\"\\'"]]);
    accepts(b"E \"\\xAf\\xfA\\x4\\xzz\\x\"\r\n", &[&[b"E", b"\xaf\xfax4xzzx"]]);
    accepts(b"E 'a\\'b\\n\"\\x41'\r\n", &[&[b"E", b"a'b\\n\"\\x41"]]);
}

#[test]
fn quotes_unbalanced() {
    for line in [
        &b"ECHO \"a"[..],
        b"ECHO 'a",
        b"ECHO \"a\"b",
        b"ECHO 'a'b",
        b"ECHO 'a''b'",
        b"ECHO a\"b",
        b"ECHO a\"b c\"d",
        b"ECHO \"a\\\"",
        b"ECHO \"a\\",
        b"ECHO 'a\\'",
        b"ECHO 'a\\\\'",
        b"ECHO \"\\x",
        b"ECHO \"a\"\x00b",
        b"\"",
        b"'",
    ] {
        refuses(&[line, b"\r\nPING\r\n"].concat(), ProtocolError::QuotesUnbalanced);
    }
}

/// An argument as an inline word: quoted, with every byte that means something escaped.
fn quoted(arg: &[u8], single: bool, raw: bool) -> Vec<u8> {
    let mut word = vec![if single { b'\'' } else { b'"' }];
    for &byte in arg {
        match byte {
            b'\'' if single => word.extend(b"\\'"),
            _ if single => word.push(byte),
            b'"' | b'\\' => word.extend([b'\\', byte]),
            b'\n' => word.extend(b"\\n"),
            _ if raw => word.push(byte),
            _ => word.extend(format!("\\x{byte:02x}").bytes()),
        }
    }
    word.push(word[0]);
    word
}

proptest! {
    #[test]
    fn quoted_words_parse_to_themselves(
        args in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..20), any::<bool>(), any::<bool>()), 1..5),
    ) {
        let mut line = Vec::new();
        let mut expected = Vec::new();
        for (arg, single, raw) in args {
            // What single quotes cannot say: a line end, a backslash before the closing quote or another one.
            let single = single && !arg.contains(&b'\n') && !arg.contains(&b'\\');
            line.extend(quoted(&arg, single, raw));
            line.push(b' ');
            expected.push(arg);
        }
        line.push(b'\n');
        prop_assert_eq!(outcome(&line), (vec![expected], Ok(0)));
    }
}
