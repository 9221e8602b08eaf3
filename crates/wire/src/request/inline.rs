//! Inline requests: a line of words, some of them quoted, as people type it into a raw connection.

use super::{ProtocolError, RequestArgs};

#[cfg(test)]
mod tests;

/// Splits `line`, which starts at the first byte of the input, into words.
pub(super) fn split(line: &[u8], args: &mut RequestArgs) -> Result<(), ProtocolError> {
    if memchr::memchr2(b'"', b'\'', line).is_some() {
        return split_quoted(line, args);
    }
    let mut position = 0;
    while let Some(start) = skip_spaces(line, position) {
        position = word_end(line, start);
        args.ranges.push(start..position);
    }
    Ok(())
}

/// As `split`, for a line with quotes: the words are written out without quotes and escapes.
fn split_quoted(line: &[u8], args: &mut RequestArgs) -> Result<(), ProtocolError> {
    args.is_owned = true;
    let mut position = 0;
    while let Some(start) = skip_spaces(line, position) {
        let owned_start = args.owned.len();
        position = word_end(line, start);
        let word = &line[start..position];
        // A quote may open inside of a word, too.
        let quote = memchr::memchr2(b'"', b'\'', word);
        args.owned.extend_from_slice(&word[..quote.unwrap_or(word.len())]);
        if let Some(at) = quote {
            let inside = start + at + 1;
            let length = match word[at] {
                b'"' => double_quoted(&line[inside..], &mut args.owned),
                _ => single_quoted(&line[inside..], &mut args.owned),
            };
            position = inside + length.ok_or(ProtocolError::QuotesUnbalanced)?;
            // The closing quote ends the word, and only a space may follow.
            if line.get(position).is_some_and(|&byte| !is_space(byte)) {
                return Err(ProtocolError::QuotesUnbalanced);
            }
        }
        args.ranges.push(owned_start..args.owned.len());
    }
    Ok(())
}

/// Writes out what stands before the closing `"`; returns the length with it, or nothing if it is missing.
fn double_quoted(text: &[u8], out: &mut Vec<u8>) -> Option<usize> {
    let mut position = 0;
    loop {
        match text[position..] {
            [] => return None,
            [b'"', ..] => return Some(position + 1),
            [b'\\', b'x', high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                out.push(hex_digit(high) << 4 | hex_digit(low));
                position += 4;
            }
            [b'\\', escaped, ..] => {
                out.push(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 0x08,
                    b'a' => 0x07,
                    other => other,
                });
                position += 2;
            }
            [byte, ..] => {
                out.push(byte);
                position += 1;
            }
        }
    }
}

/// As `double_quoted`, for `'`, where `\'` is the only escape.
fn single_quoted(text: &[u8], out: &mut Vec<u8>) -> Option<usize> {
    let mut position = 0;
    loop {
        match text[position..] {
            [] => return None,
            [b'\'', ..] => return Some(position + 1),
            [b'\\', b'\'', ..] => {
                out.push(b'\'');
                position += 2;
            }
            [byte, ..] => {
                out.push(byte);
                position += 1;
            }
        }
    }
}

fn skip_spaces(line: &[u8], from: usize) -> Option<usize> {
    line[from..].iter().position(|&byte| !is_space(byte)).map(|at| from + at)
}

/// Where the unquoted word at `from` ends. Redis separates words at fewer bytes than it skips between them: a vertical
/// tab inside a word belongs to it.
fn word_end(line: &[u8], from: usize) -> usize {
    let ends = |&byte: &u8| matches!(byte, b' ' | b'\n' | b'\r' | b'\t');
    line[from..].iter().position(ends).map_or(line.len(), |at| from + at)
}

/// C's `isspace`.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

fn hex_digit(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        _ => digit - b'A' + 10,
    }
}
