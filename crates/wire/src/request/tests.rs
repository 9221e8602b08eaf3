//! Every input here is also cut at every offset and fed byte by byte. What is expected was asked of a Redis 7.0.

use proptest::prelude::*;

use super::*;

/// The requests of an input, and what came behind them: an error, or how many bytes wait for more.
pub(super) type Outcome = (Vec<Vec<Vec<u8>>>, Result<usize, ProtocolError>);

/// Parses `input` as it arrives: up to each of `cuts`, which ascend, and then in whole.
fn arrive(input: &[u8], limits: &RequestLimits, cuts: impl IntoIterator<Item = usize>) -> Outcome {
    let (mut parser, mut args) = (RequestParser::new(), RequestArgs::new());
    let (mut requests, mut start) = (Vec::new(), 0);
    for end in cuts.into_iter().chain([input.len()]) {
        loop {
            let here = &input[start..end];
            match parser.parse(here, limits, &mut args) {
                Ok(Parsed::Complete { consumed }) => {
                    assert!((1..=here.len()).contains(&consumed), "consumed {consumed} of {}", here.len());
                    assert!(!parser.is_mid_request());
                    let request = Request::new(here, &args);
                    assert_eq!(request.len(), args.len());
                    requests.push(request.iter().map(<[u8]>::to_vec).collect());
                    start += consumed;
                }
                Ok(Parsed::Incomplete { needed }) => {
                    assert!(needed >= 1 && args.is_empty());
                    assert_eq!(parser.is_mid_request(), !here.is_empty());
                    break;
                }
                Err(error) => {
                    assert!(args.is_empty());
                    return (requests, Err(error));
                }
            }
        }
    }
    (requests, Ok(input.len() - start))
}

/// The outcome, which must be the same for all cuts.
fn outcome_within(input: &[u8], limits: &RequestLimits) -> Outcome {
    let whole = arrive(input, limits, []);
    for cut in (0..input.len()).step_by(1 + input.len() / 500) {
        assert_eq!(arrive(input, limits, [cut]), whole, "cut at {cut}: {}", shown(input));
    }
    assert_eq!(arrive(input, limits, 0..input.len()), whole, "byte by byte: {}", shown(input));
    whole
}

pub(super) fn outcome(input: &[u8]) -> Outcome {
    outcome_within(input, &RequestLimits::DEFAULT)
}

fn agree(input: &[u8], expected: Outcome) {
    let got = outcome(input);
    // Not `assert_eq!`, which would show all of an input of 64 KiB.
    assert!(got == expected, "{}: {:.999}", shown(input), format!("{got:?}, not {expected:?}"));
}

fn shown(input: &[u8]) -> String {
    input[..input.len().min(100)].escape_ascii().to_string()
}

pub(super) fn accepts(input: &[u8], requests: &[&[&[u8]]]) {
    let requests = requests.iter().map(|args| args.iter().map(|arg| arg.to_vec()).collect()).collect();
    agree(input, (requests, Ok(0)));
}

pub(super) fn refuses(input: &[u8], error: ProtocolError) {
    agree(input, (vec![], Err(error)));
}

pub(super) fn waits(input: &[u8]) {
    agree(input, (vec![], Ok(input.len())));
}

pub(super) const PING: &[&[u8]] = &[b"PING"];
const NOTHING: &[&[u8]] = &[];

#[test]
fn multibulk() {
    accepts(b"", &[]);
    accepts(b"*1\r\n$4\r\nPING\r\n", &[PING]);
    accepts(b"*2\r\n$4\r\nECHO\r\n$0\r\n\r\n", &[&[b"ECHO", b""]]);
    accepts(b"*1\r\n$0\r\n\r\n", &[&[b""]]);
    accepts(b"*2\r\n$4\r\nECHO\r\n$6\r\n\r\n\x00\xff*1\r\n", &[&[b"ECHO", b"\r\n\x00\xff*1"]]);
    accepts(b"*1\r\n$4\r\nPING\r\nPING\n*1\r\n$1\r\na\r\n", &[PING, PING, &[b"a"]]);
    accepts(b"*10\r\n$1\r\n0\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n$1\r\n4\r\n$1\r\n5\r\n$1\r\n6\r\n$1\r\n7\r\n$1\r\n8\r\n$1\r\n9\r\n", &[
        &[b"0", b"1", b"2", b"3", b"4", b"5", b"6", b"7", b"8", b"9"],
    ]);
}

#[test]
fn requests_without_arguments_are_consumed() {
    for empty in [&b"*0\r\n"[..], b"*-1\r\n", b"*-5\r\n", b"*-9223372036854775808\r\n", b"\r\n", b"\n", b" \t \r\n"] {
        accepts(&[empty, b"PING\r\n"].concat(), &[NOTHING, PING]);
    }
}

/// Redis steps over the second byte of a line end and both behind a bulk without a look at them.
#[test]
fn line_ends_are_not_checked() {
    accepts(b"*1\rX$4\rYPINGxy*1\r\n$4\r\nPING\r\n", &[PING, PING]);
    refuses(b"*1\n$4\r\nPING\r\n", ProtocolError::MultibulkLengthInvalid);
    refuses(b"*1\r\r\n$4\r\nPING\r\n", ProtocolError::DollarExpected(b'\n'));
    refuses(b"*1\r\n$4\n\r\nPING\r\n", ProtocolError::BulkLengthInvalid);
}

#[test]
fn multibulk_lengths() {
    for length in ["", "+1", "01", "00", "-0", "-", " 1", "1 ", "1a", "x", "--1", "1\n", "99999999999999999999"] {
        refuses(format!("*{length}\r\n").as_bytes(), ProtocolError::MultibulkLengthInvalid);
    }
    refuses(b"*\x00\r\n", ProtocolError::MultibulkLengthInvalid);
    refuses(b"*-9223372036854775809\r\n", ProtocolError::MultibulkLengthInvalid);
    refuses(b"*1048577\r\n", ProtocolError::MultibulkLengthInvalid);
    refuses(b"*2147483648\r\n", ProtocolError::MultibulkLengthInvalid);
    refuses(b"*9223372036854775807\r\n", ProtocolError::MultibulkLengthInvalid);
    waits(b"*1048576\r\n");
    waits(b"*");
    waits(b"*1");
    waits(b"*1\r");
    waits(b"*x");
}

#[test]
fn bulk_lengths() {
    for length in ["", "+4", "04", "-0", "-1", "-2", " 4", "4 ", "4x", "$4", "536870913", "99999999999999999999"] {
        refuses(format!("*1\r\n${length}\r\nPING\r\n").as_bytes(), ProtocolError::BulkLengthInvalid);
    }
    waits(b"*1\r\n$536870912\r\n");
    waits(b"*1\r\n$1\r\n");
    waits(b"*1\r\n$4\r\nPING\r");
    waits(b"*1\r\nx");
}

#[test]
fn bulks_begin_with_a_dollar() {
    refuses(b"*1\r\nx4\r\n", ProtocolError::DollarExpected(b'x'));
    refuses(b"*1\r\n\r\n", ProtocolError::DollarExpected(b'\r'));
    refuses(b"*1\r\n\xff\r\n", ProtocolError::DollarExpected(0xff));
    refuses(b"*1\r\n*4\r\nPING\r\n", ProtocolError::DollarExpected(b'*'));
    refuses(b"*2\r\n$1\r\na\r\n:1\r\n", ProtocolError::DollarExpected(b':'));
    // Where Redis stalls, its strings ending there.
    refuses(b"*1\r\n\x00\r\n", ProtocolError::DollarExpected(0));
}

#[test]
fn lines_without_an_end() {
    let padded = |start: &[u8], len: usize| [start, &vec![b'1'; len - 1]].concat();
    waits(&padded(b"*", 65536));
    refuses(&padded(b"*", 65537), ProtocolError::MultibulkCountTooLong);
    refuses(&[padded(b"*", 65536), b"\r\n".to_vec()].concat(), ProtocolError::MultibulkLengthInvalid);
    refuses(&[padded(b"*", 70000), b"\r\n".to_vec()].concat(), ProtocolError::MultibulkCountTooLong);
    let bulk = |start: &[u8], len| [b"*1\r\n".to_vec(), padded(start, len)].concat();
    waits(&bulk(b"$", 65536));
    refuses(&bulk(b"$", 65537), ProtocolError::BulkCountTooLong);
    waits(&bulk(b"x", 65536));
    refuses(&bulk(b"x", 65537), ProtocolError::BulkCountTooLong);
    waits(&padded(b"a", 65536));
    refuses(&padded(b"a", 65537), ProtocolError::InlineTooLong);
    let longest = padded(b"a", 65536);
    accepts(&[&longest, &b"\n"[..]].concat(), &[&[&longest]]);
    refuses(&[&longest, &b"\r\n"[..]].concat(), ProtocolError::InlineTooLong);
}

#[test]
fn limits_are_settings() {
    let limits = RequestLimits { bulk_bytes_max: 3, args_max: 2, inline_bytes_max: 5, authenticated: true };
    assert_eq!(outcome_within(b"*2\r\n$1\r\na\r\n$3\r\nabc\r\n", &limits).1, Ok(0));
    assert_eq!(outcome_within(b"*3\r\n", &limits).1, Err(ProtocolError::MultibulkLengthInvalid));
    assert_eq!(outcome_within(b"*1\r\n$4\r\n", &limits).1, Err(ProtocolError::BulkLengthInvalid));
    assert_eq!(outcome_within(b"abcde\n", &limits).1, Ok(0));
    assert_eq!(outcome_within(b"abcdef\n", &limits).1, Err(ProtocolError::InlineTooLong));
    let unlimited = RequestLimits {
        bulk_bytes_max: usize::MAX,
        args_max: usize::MAX,
        inline_bytes_max: usize::MAX,
        authenticated: true,
    };
    assert_eq!(outcome_within(b"*1\r\n$9223372036854775807\r\nab", &unlimited).1, Ok(28));
    assert_eq!(outcome_within(b"*9223372036854775807\r\n$1\r\na\r\n", &unlimited).1, Ok(29));
}

#[test]
fn the_unauthenticated_may_send_less() {
    let limits = RequestLimits { authenticated: false, ..RequestLimits::DEFAULT };
    let end = |input: &[u8]| outcome_within(input, &limits).1;
    assert_eq!(end(b"*10\r\n"), Ok(5));
    assert_eq!(end(b"*11\r\n"), Err(ProtocolError::MultibulkLengthUnauthenticated));
    assert_eq!(end(b"*11x\r\n"), Err(ProtocolError::MultibulkLengthInvalid));
    assert_eq!(end(b"*1\r\n$16384\r\n"), Ok(12));
    assert_eq!(end(b"*1\r\n$16385\r\n"), Err(ProtocolError::BulkLengthUnauthenticated));
    assert_eq!(end(b"*1\r\n$-1\r\n"), Err(ProtocolError::BulkLengthInvalid));
    assert_eq!(end(b"*1\r\n$600000000\r\n"), Err(ProtocolError::BulkLengthInvalid));
    assert_eq!(end(b"ECHO 1 2 3 4 5 6 7 8 9 10 11 12\r\n"), Ok(0));
}

#[test]
fn errors_end_what_was_right_before() {
    let (requests, end) = outcome(b"PING\r\n*1\r\n$1\r\na\r\n*x\r\nPING\r\n");
    assert_eq!((requests.len(), end), (2, Err(ProtocolError::MultibulkLengthInvalid)));
}

#[test]
fn texts_are_those_of_redis() {
    for (input, text) in [
        (&b"*x\r\n"[..], "Protocol error: invalid multibulk length"),
        (b"*1\r\n$x\r\n", "Protocol error: invalid bulk length"),
        (b"*1\r\nx\r\n", "Protocol error: expected '$', got 'x'"),
        (b"'\r\n", "Protocol error: unbalanced quotes in request"),
    ] {
        assert_eq!(outcome(input).1.unwrap_err().to_string(), text);
    }
    for (error, text) in [
        (ProtocolError::BulkCountTooLong, "Protocol error: too big bulk count string"),
        (ProtocolError::BulkLengthUnauthenticated, "Protocol error: unauthenticated bulk length"),
        (ProtocolError::InlineTooLong, "Protocol error: too big inline request"),
        (ProtocolError::MultibulkCountTooLong, "Protocol error: too big mbulk count string"),
        (ProtocolError::MultibulkLengthUnauthenticated, "Protocol error: unauthenticated multibulk length"),
    ] {
        assert_eq!(error.to_string(), text);
    }
}

#[test]
fn needed_is_what_the_bulk_lacks() {
    let (mut parser, mut args) = (RequestParser::new(), RequestArgs::new());
    let mut needed = |input: &[u8]| parser.parse(input, &RequestLimits::DEFAULT, &mut args);
    assert_eq!(needed(b""), Ok(Parsed::Incomplete { needed: 1 }));
    assert_eq!(needed(b"*1\r\n$100\r"), Ok(Parsed::Incomplete { needed: 1 }));
    assert_eq!(needed(b"*1\r\n$100\r\n"), Ok(Parsed::Incomplete { needed: 102 }));
    assert_eq!(needed(b"*1\r\n$100\r\nabc"), Ok(Parsed::Incomplete { needed: 99 }));
}

/// Shown by spoiling what was seen before each call: if it were looked at again, the outcome would differ.
#[test]
fn nothing_is_looked_at_twice() {
    for input in [&b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$12\r\nhello, world\r\n"[..], b"ECHO a bcd\r\n"] {
        let (mut parser, mut args) = (RequestParser::new(), RequestArgs::new());
        for end in 1..input.len() {
            let mut spoiled = input[..end].to_vec();
            if let Some(resume) = &parser.resume {
                let Progress { position, scanned, bulk, .. } = resume.progress;
                // The digits of a length are read once the line has ended; the rest was seen for good. The first byte
                // says what kind of request it is.
                let is_length = input[0] == b'*' && bulk.is_none();
                let seen = if is_length { position } else { position.max(scanned).max(end - 1) };
                spoiled[1.min(seen)..seen].fill(b'\n');
            }
            let parsed = parser.parse(&spoiled, &RequestLimits::DEFAULT, &mut args);
            assert!(matches!(parsed, Ok(Parsed::Incomplete { .. })), "{parsed:?} at {end}");
        }
        let parsed = parser.parse(input, &RequestLimits::DEFAULT, &mut args);
        assert_eq!(parsed, Ok(Parsed::Complete { consumed: input.len() }));
        assert_eq!(args.len(), 3);
    }
}

#[test]
fn idle_parsers_are_small() {
    assert_eq!(size_of::<RequestParser>(), 8);
}

#[test]
fn copied_arguments_outlive_their_input() {
    let args: RequestArgs = ["SUBSCRIBE", "", "a"].into_iter().collect();
    let request = Request::new(b"something else", &args);
    assert_eq!((request.len(), request.name(), request.get(1)), (3, &b"SUBSCRIBE"[..], Some(&b""[..])));
    assert_eq!((&request[2], request.get(3)), (&b"a"[..], None));
    assert_eq!(format!("{request:?}"), r#"["SUBSCRIBE", "", "a"]"#);
}

proptest! {
    #[test]
    fn encoded_requests_parse_to_themselves(
        requests in prop::collection::vec(prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..6), 0..4),
        mut cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let mut input = Vec::new();
        for args in &requests {
            encode_request(&mut input, args);
        }
        let mut cuts: Vec<_> = cuts.drain(..).map(|cut| cut.index(input.len() + 1)).collect();
        cuts.sort_unstable();
        prop_assert_eq!(arrive(&input, &RequestLimits::DEFAULT, cuts), (requests, Ok(0)));
    }

    #[test]
    fn cuts_change_nothing(input in "[*$0-3a\"' \\\\x\r\n\0]{0,40}", prefix in 0_usize..3) {
        let prefix = [&b""[..], b"*2\r\n", b"*2\r\n$1\r\na\r\n"][prefix];
        let _ = outcome(&[prefix, input.as_bytes()].concat());
    }
}
