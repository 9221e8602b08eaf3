//! Numbers in requests, as strictly as Redis reads them.

use crate::error::CommandError;

/// Reads an integer in the only form that Redis takes: no spaces, no plus sign, no leading zeros.
#[must_use]
pub fn parse_integer(bytes: &[u8]) -> Option<i64> {
    let digits = bytes.strip_prefix(b"-").unwrap_or(bytes);
    let is_canonical = match digits {
        [b'0'] => digits.len() == bytes.len(),
        [b'1'..=b'9', rest @ ..] => rest.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    is_canonical.then(|| str::from_utf8(bytes).ok()?.parse().ok()).flatten()
}

/// Reads an integer, or says that it is none.
pub(crate) fn integer(bytes: &[u8]) -> Result<i64, CommandError> {
    parse_integer(bytes).ok_or(CommandError::NOT_INTEGER)
}

/// Reads a number; infinities by their name, never what is not a number, or is none of 64 bits.
pub(crate) fn parse_float(bytes: &[u8]) -> Option<f64> {
    let number: f64 = str::from_utf8(bytes).ok()?.parse().ok()?;
    let is_held = match number {
        0.0 => !bytes.iter().take_while(|byte| !matches!(byte, b'e' | b'E')).any(|byte| matches!(byte, b'1'..=b'9')),
        _ if number.is_infinite() => !bytes.iter().any(u8::is_ascii_digit),
        _ => !number.is_nan(),
    };
    is_held.then_some(number)
}

/// Reads a number, or says that it is none.
pub(crate) fn float(bytes: &[u8]) -> Result<f64, CommandError> {
    parse_float(bytes).ok_or(CommandError::NOT_FLOAT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_canonical_form_of_an_integer_is_one() {
        for (text, value) in
            [("0", 0), ("-1", -1), ("9223372036854775807", i64::MAX), ("-9223372036854775808", i64::MIN)]
        {
            assert_eq!(parse_integer(text.as_bytes()), Some(value));
        }
        for text in ["", "-", "-0", "01", "+1", " 1", "1 ", "1.0", "9223372036854775808", "0x1"] {
            assert_eq!(parse_integer(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn floats_may_be_infinite_but_have_to_be_numbers() {
        assert_eq!(parse_float(b"-inf"), Some(f64::NEG_INFINITY));
        assert_eq!(parse_float(b"1e3"), Some(1000.0));
        for text in ["-0.0e5", "+.5", "1.", "5e-324", "INFINITY", "+inf"] {
            assert!(parse_float(text.as_bytes()).is_some(), "{text:?}");
        }
        for text in ["nan", "", " 1", "1 ", "abc", "1e400", "-1e400", "0.1e-400", "."] {
            assert_eq!(parse_float(text.as_bytes()), None, "{text:?}");
        }
    }
}
