//! The request parser: what arrives in pieces must come to the same as what arrives at once.
//!
//! The first byte of an input says how the rest is cut and under which limits it is parsed.
#![no_main]

use fanfare_wire::{Parsed, ProtocolError, Request, RequestArgs, RequestLimits, RequestParser, encode_request};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((&control, input)) = data.split_first() else {
        return;
    };
    let limits = match control >> 6 {
        0 => RequestLimits::DEFAULT,
        1 => RequestLimits { authenticated: false, ..RequestLimits::DEFAULT },
        2 => RequestLimits { bulk_bytes_max: 16, args_max: 4, inline_bytes_max: 16, authenticated: true },
        _ => RequestLimits {
            bulk_bytes_max: usize::MAX,
            args_max: usize::MAX,
            inline_bytes_max: usize::MAX,
            authenticated: true,
        },
    };
    let (requests, end) = arrive(input, input.len(), &limits);
    let piece = usize::from(control & 63) + 1;
    assert_eq!(arrive(input, piece, &limits), (requests.clone(), end), "in pieces of {piece}");

    // What was understood can be said again.
    let mut encoded = Vec::new();
    requests.iter().for_each(|args| encode_request(&mut encoded, args));
    let (again, _) = arrive(&encoded, encoded.len(), &RequestLimits::DEFAULT);
    assert_eq!(again, requests);
});

/// The requests, and the error or the number of bytes left waiting behind them.
fn arrive(input: &[u8], piece: usize, limits: &RequestLimits) -> (Vec<Vec<Vec<u8>>>, Result<usize, ProtocolError>) {
    let (mut parser, mut args) = (RequestParser::new(), RequestArgs::new());
    let (mut requests, mut start, mut end) = (Vec::new(), 0, 0);
    while end < input.len() {
        end = input.len().min(end + piece);
        loop {
            let here = &input[start..end];
            match parser.parse(here, limits, &mut args) {
                Ok(Parsed::Complete { consumed }) => {
                    assert!((1..=here.len()).contains(&consumed));
                    requests.push(Request::new(here, &args).iter().map(<[u8]>::to_vec).collect());
                    start += consumed;
                }
                Ok(Parsed::Incomplete { needed }) => {
                    assert!(needed > 0 && args.is_empty());
                    break;
                }
                Err(error) => return (requests, Err(error)),
            }
        }
    }
    (requests, Ok(input.len() - start))
}
