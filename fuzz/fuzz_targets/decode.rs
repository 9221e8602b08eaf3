//! The reply decoder: no panic, the same for all cuts, within its limits.
//!
//! The first byte of an input says how the rest is cut and under which limits it is decoded.
#![no_main]

use fanfare_wire::{DecodeError, DecodeLimits, Decoder, Value, decode};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((&control, input)) = data.split_first() else {
        return;
    };
    let limits = match control & 128 {
        0 => DecodeLimits::DEFAULT,
        _ => DecodeLimits { depth_max: 3, values_max: 10, bytes_max: 50 },
    };
    let whole = decode(input, &limits);
    let piece = usize::from(control & 127) + 1;
    // Debug text, since not-a-number is not equal to itself.
    assert_eq!(format!("{:?}", arrive(input, piece, limits)), format!("{whole:?}"), "in pieces of {piece}");

    if let Ok(Some((value, length))) = whole {
        assert!(length <= input.len().min(limits.bytes_max));
        let (depth, values) = measure(&value);
        assert!(depth <= limits.depth_max && values <= limits.values_max);
    }
});

fn arrive(input: &[u8], piece: usize, limits: DecodeLimits) -> Result<Option<(Value, usize)>, DecodeError> {
    let mut decoder = Decoder::new(limits);
    let mut end = 0;
    while end < input.len() {
        end = input.len().min(end + piece);
        let decoded = decoder.decode(&input[..end])?;
        if decoded.is_some() {
            return Ok(decoded);
        }
    }
    Ok(None)
}

/// How deep aggregates are nested, and how many values there are in all.
fn measure(value: &Value) -> (usize, usize) {
    let inside: Vec<&Value> = match value {
        Value::Map(pairs) => pairs.iter().flat_map(|(key, value)| [key, value]).collect(),
        _ => match value.as_elements() {
            Some(elements) => elements.iter().collect(),
            None => return (0, 1),
        },
    };
    inside.into_iter().map(measure).fold((1, 1), |sum, one| (sum.0.max(one.0 + 1), sum.1 + one.1))
}
