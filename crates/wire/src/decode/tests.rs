//! Every input here is also cut at every offset and fed byte by byte.

use proptest::prelude::*;

use super::*;
use crate::{Protocol, ReplyWriter};

type Outcome = Result<Option<(Value, usize)>, DecodeError>;

fn arrive(input: &[u8], limits: &DecodeLimits, cuts: impl IntoIterator<Item = usize>) -> Outcome {
    let mut decoder = Decoder::new(*limits);
    for cut in cuts {
        let decoded = decoder.decode(&input[..cut])?;
        if decoded.is_some() {
            return Ok(decoded);
        }
    }
    decoder.decode(input)
}

/// The outcome, which must be the same for all cuts.
fn outcome_within(input: &[u8], limits: &DecodeLimits) -> Outcome {
    let whole = decode(input, limits);
    let shown = || input[..input.len().min(100)].escape_ascii();
    for cut in (0..input.len()).step_by(1 + input.len() / 500) {
        assert_eq!(arrive(input, limits, [cut]), whole, "cut at {cut}: {}", shown());
    }
    assert_eq!(arrive(input, limits, 0..input.len()), whole, "byte by byte: {}", shown());
    whole
}

fn accepts(input: &[u8], value: Value) {
    let behind = [input, b"+OK\r\n"].concat();
    for input in [input, &behind] {
        let expected = Ok(Some((value.clone(), behind.len() - 5)));
        assert_eq!(outcome_within(input, &DecodeLimits::DEFAULT), expected, "{}", input.escape_ascii());
    }
}

fn refuses(input: &[u8], error: DecodeError) {
    assert_eq!(outcome_within(input, &DecodeLimits::DEFAULT), Err(error), "{}", input.escape_ascii());
}

fn waits(input: &[u8]) {
    assert_eq!(outcome_within(input, &DecodeLimits::DEFAULT), Ok(None), "{}", input.escape_ascii());
}

fn bulk(text: &str) -> Value {
    Value::Bulk(text.into())
}

#[test]
fn scalars() {
    accepts(b"+OK\r\n", Value::Simple(b"OK".to_vec()));
    accepts(b"+\r\n", Value::Simple(vec![]));
    accepts(b"-ERR no\r\n", Value::Error(b"ERR no".to_vec()));
    accepts(b"!6\r\nERR\r\n1\r\n", Value::Error(b"ERR\r\n1".to_vec()));
    accepts(b":-7\r\n", Value::Integer(-7));
    accepts(b":9223372036854775807\r\n", Value::Integer(i64::MAX));
    accepts(b"$2\r\n\r\n\r\n", bulk("\r\n"));
    accepts(b"$0\r\n\r\n", bulk(""));
    accepts(b"$-1\r\n", Value::Null);
    accepts(b"*-1\r\n", Value::Null);
    accepts(b"_\r\n", Value::Null);
    accepts(b"#t\r\n", Value::Boolean(true));
    accepts(b"#f\r\n", Value::Boolean(false));
    accepts(b",1.5e+3\r\n", Value::Double(1500.0));
    accepts(b",-inf\r\n", Value::Double(f64::NEG_INFINITY));
    accepts(b"(-123456789012345678901234567890\r\n", Value::BigNumber(b"-123456789012345678901234567890".to_vec()));
    accepts(b"=6\r\ntxt:hi\r\n", Value::Verbatim { format: *b"txt", text: b"hi".to_vec() });
    let nan = decode(b",nan\r\n", &DecodeLimits::DEFAULT);
    assert!(matches!(nan, Ok(Some((Value::Double(value), 6))) if value.is_nan()));
}

#[test]
fn aggregates() {
    accepts(b"*0\r\n", Value::Array(vec![]));
    accepts(b"%0\r\n", Value::Map(vec![]));
    accepts(
        b"*2\r\n*1\r\n*0\r\n:1\r\n",
        Value::Array(vec![Value::Array(vec![Value::Array(vec![])]), Value::Integer(1)]),
    );
    accepts(b">3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$0\r\n\r\n", Value::Push(vec![bulk("message"), bulk("c"), bulk("")]));
    accepts(b"~2\r\n:1\r\n_\r\n", Value::Set(vec![Value::Integer(1), Value::Null]));
    accepts(
        b"%2\r\n+a\r\n%1\r\n:1\r\n:2\r\n+b\r\n*1\r\n:3\r\n",
        Value::Map(vec![
            (Value::Simple(b"a".to_vec()), Value::Map(vec![(Value::Integer(1), Value::Integer(2))])),
            (Value::Simple(b"b".to_vec()), Value::Array(vec![Value::Integer(3)])),
        ]),
    );
}

#[test]
fn attributes_are_read_over() {
    accepts(b"|1\r\n+ttl\r\n:5\r\n$1\r\na\r\n", bulk("a"));
    accepts(
        b"*2\r\n|0\r\n:1\r\n|1\r\n+a\r\n|1\r\n+b\r\n+c\r\n*0\r\n:2\r\n",
        Value::Array(vec![Value::Integer(1), Value::Integer(2)]),
    );
    waits(b"|1\r\n+ttl\r\n:5\r\n");
}

#[test]
fn parts_of_replies_wait() {
    for input in [
        &b""[..],
        b"+",
        b"+OK\r",
        b":1",
        b"$3\r\n",
        b"$3\r\nabc\r",
        b"*2\r\n:1\r\n",
        b"%1\r\n:1\r\n",
        b"$536870912\r\n",
    ] {
        waits(input);
    }
}

#[test]
fn malformed_replies() {
    use DecodeError::*;
    for (input, error) in [
        (&b"x\r\n"[..], UnknownType(b'x')),
        (b"\r\n", UnknownType(b'\r')),
        (b"OK\r\n", UnknownType(b'O')),
        (b"+OK\n", MissingLineEnd),
        (b"\n", MissingLineEnd),
        (b"$1\r\nabc", MissingLineEnd),
        (b":\r\n", InvalidNumber),
        (b":1x\r\n", InvalidNumber),
        (b":9223372036854775808\r\n", InvalidNumber),
        (b",x\r\n", InvalidNumber),
        (b"(\r\n", InvalidNumber),
        (b"(1.5\r\n", InvalidNumber),
        (b"$\r\n", InvalidLength),
        (b"$-2\r\n", InvalidLength),
        (b"$+1\r\n", InvalidLength),
        (b"$?\r\n", InvalidLength),
        (b"*?\r\n", InvalidLength),
        (b"!-1\r\n", InvalidLength),
        (b"%-1\r\n", InvalidLength),
        (b"%18446744073709551615\r\n", InvalidLength),
        (b"$99999999999999999999\r\n", InvalidLength),
        (b"#x\r\n", InvalidConstant),
        (b"_x\r\n", InvalidConstant),
        (b"=3\r\ntxt\r\n", InvalidVerbatim),
        (b"=4\r\ntext\r\n", InvalidVerbatim),
        (b"$18446744073709551615\r\n", TooLong),
        (b"*18446744073709551615\r\n", TooManyValues),
        (b"*2\r\n:1\r\n*16777216\r\n", TooManyValues),
    ] {
        refuses(input, error);
    }
    refuses(&[b'+'; 65536], TooLong);
    waits(&[b'+'; 65535]);
}

#[test]
fn limits_hold() {
    let limits = DecodeLimits { depth_max: 2, values_max: 4, bytes_max: 20 };
    let end = |input: &[u8]| outcome_within(input, &limits).map(|decoded| decoded.map(|(_, length)| length));
    assert_eq!(end(b"*1\r\n*1\r\n:1\r\n"), Ok(Some(12)));
    assert_eq!(end(b"*1\r\n*1\r\n*0\r\n"), Err(DecodeError::TooDeep));
    assert_eq!(end(b"*3\r\n:1\r\n:1\r\n:1\r\n"), Ok(Some(16)));
    assert_eq!(end(b"*4\r\n"), Err(DecodeError::TooManyValues));
    assert_eq!(end(b"*2\r\n*1\r\n:1\r\n:1\r\n:1\r\n"), Ok(Some(16)));
    assert_eq!(end(b"*2\r\n*0\r\n*1\r\n*1\r\n"), Err(DecodeError::TooDeep));
    assert_eq!(end(b"|1\r\n:1\r\n:1\r\n:1\r\n"), Ok(Some(16)));
    assert_eq!(end(b"|1\r\n:1\r\n:1\r\n*1\r\n"), Err(DecodeError::TooManyValues));
    assert_eq!(end(b"$13\r\n0123456789abc\r\n"), Ok(Some(20)));
    assert_eq!(end(b"$14\r\n"), Err(DecodeError::TooLong));
    assert_eq!(end(b"*2\r\n:1\r\n$5\r\n"), Ok(None));
    assert_eq!(end(b"*2\r\n:1\r\n$7\r\n"), Err(DecodeError::TooLong));
    assert_eq!(end(b"*9\r\n"), Err(DecodeError::TooManyValues));
}

#[test]
fn nesting_to_the_limit() {
    let nested = |depth: usize| [b"*1\r\n".repeat(depth), b":1\r\n".to_vec()].concat();
    assert!(matches!(outcome_within(&nested(32), &DecodeLimits::DEFAULT), Ok(Some((_, 132)))));
    refuses(&nested(33), DecodeError::TooDeep);
    refuses(&nested(100_000), DecodeError::TooDeep);
}

/// Shown by spoiling what was seen before each call: if it were looked at again, the outcome would differ.
#[test]
fn decoded_values_are_not_looked_at_again() {
    let input = b"*3\r\n%1\r\n+a\r\n:1\r\n$1\r\nx\r\n#t\r\n";
    let mut decoder = Decoder::new(DecodeLimits::DEFAULT);
    assert_eq!(decoder.decode(&input[..23]), Ok(None));
    let mut spoiled = input.to_vec();
    spoiled[..23].fill(b'!');
    let Ok(Some((value, length))) = decoder.decode(&spoiled) else {
        panic!("the reply is whole");
    };
    assert_eq!((length, value.as_elements().map(<[_]>::len)), (input.len(), Some(3)));
    assert_eq!(decoder.decode(b":1\r\n"), Ok(Some((Value::Integer(1), 4))), "the decoder is at a start again");
}

#[test]
fn what_the_reply_writer_writes() {
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        let mut out = Vec::new();
        ReplyWriter::new(&mut out, protocol)
            .array(7)
            .simple("OK")
            .null()
            .null_array()
            .map(1)
            .bulk(b"k")
            .double(0.1)
            .boolean(true)
            .verbatim("txt", b"v")
            .push(1)
            .error("ERR no");
        let Ok(Some((value, length))) = outcome_within(&out, &DecodeLimits::DEFAULT) else {
            panic!("{} decodes", out.escape_ascii());
        };
        assert_eq!(length, out.len());
        let elements = value.as_elements().unwrap();
        assert_eq!(elements[1], Value::Null);
        assert_eq!(elements[5].as_bytes(), Some(&b"v"[..]));
        assert_eq!(elements[6].as_elements().map(|push| push[0].as_bytes()), Some(Some(&b"ERR no"[..])));
        match protocol {
            Protocol::Resp2 => assert_eq!(elements[4].as_integer(), Some(1)),
            Protocol::Resp3 => assert_eq!(elements[3], Value::Map(vec![(bulk("k"), Value::Double(0.1))])),
        }
    }
}

proptest! {
    #[test]
    fn cuts_change_nothing(input in "([*%$:+|>#_,=(!~-][0-3tf]?\r\n|[a:1]{0,3}\r\n){0,12}") {
        let limits = DecodeLimits { depth_max: 3, values_max: 20, bytes_max: 60 };
        let _ = outcome_within(input.as_bytes(), &limits);
    }

    #[test]
    fn doubles_read_back(bits in any::<u64>()) {
        let value = f64::from_bits(bits);
        let mut out = Vec::new();
        ReplyWriter::new(&mut out, Protocol::Resp3).double(value);
        let decoded = decode(&out, &DecodeLimits::DEFAULT);
        prop_assert!(
            matches!(&decoded, Ok(Some((Value::Double(read), _))) if read.to_bits() == bits || (read.is_nan() && value.is_nan())),
            "{decoded:?}"
        );
    }
}
