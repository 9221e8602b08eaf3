//! A RESP reader for what the tests inspect: replies and pushes as values, and values back to bytes.

/// One RESP2 or RESP3 value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Frame {
    /// `*`, `>`, `~` or `%` with its items; a map's items are its keys and values in turn.
    Aggregate(u8, Vec<Self>),
    /// `$` or another length-prefixed kind with its bytes.
    Bulk(u8, Vec<u8>),
    /// A one-line kind (`+`, `-`, `:`, `_`, `#`, `,`, `(`) with its text.
    Line(u8, Vec<u8>),
    /// `$-1` or `*-1`.
    Null(u8),
}

impl Frame {
    /// Reads one value from the front of `bytes`: the value and its length, or `None` if it is not complete.
    ///
    /// # Errors
    ///
    /// If `bytes` does not start with a RESP value.
    pub fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, String> {
        Self::parse_with(bytes, &mut None)
    }

    /// Reads one value; messages between the items of an array go into `hoisted`, if there is such a list.
    fn parse_with(bytes: &[u8], hoisted: &mut Option<Vec<Self>>) -> Result<Option<(Self, usize)>, String> {
        let Some(line_end) = bytes.windows(2).position(|pair| pair == b"\r\n") else {
            return Ok(None);
        };
        let kind = bytes[0];
        let line = &bytes[1..line_end];
        let mut at = line_end + 2;
        match kind {
            b'+' | b'-' | b':' | b'_' | b'#' | b',' | b'(' => Ok(Some((Self::Line(kind, line.to_vec()), at))),
            b'$' | b'=' | b'!' => {
                let Some(length) = length_of(line)? else {
                    return Ok(Some((Self::Null(kind), at)));
                };
                if bytes.len() < at + length + 2 {
                    return Ok(None);
                }
                Ok(Some((Self::Bulk(kind, bytes[at..at + length].to_vec()), at + length + 2)))
            }
            b'*' | b'>' | b'~' | b'%' => {
                let Some(length) = length_of(line)? else {
                    return Ok(Some((Self::Null(kind), at)));
                };
                let count = if kind == b'%' { length * 2 } else { length };
                let mut items = Vec::new();
                while items.len() < count {
                    let Some((item, used)) = Self::parse_with(&bytes[at..], hoisted)? else {
                        return Ok(None);
                    };
                    at += used;
                    match hoisted {
                        Some(list) if item.is_message() => list.push(item),
                        _ => items.push(item),
                    }
                }
                Ok(Some((Self::Aggregate(kind, items), at)))
            }
            _ => Err(format!("not a RESP value: {}", bytes[..bytes.len().min(64)].escape_ascii())),
        }
    }

    /// Reads all values of `bytes`, which must end with the last of them.
    ///
    /// # Errors
    ///
    /// If something in `bytes` is not a RESP value, or the last one is not complete.
    pub fn parse_all(bytes: &[u8]) -> Result<Vec<Self>, String> {
        Self::parse_all_with(bytes, None)
    }

    /// As [`Frame::parse_all`], but a message between the items of an array is taken out and put behind the array.
    ///
    /// # Errors
    ///
    /// As [`Frame::parse_all`].
    pub fn parse_all_hoisting_messages(bytes: &[u8]) -> Result<Vec<Self>, String> {
        Self::parse_all_with(bytes, Some(Vec::new()))
    }

    fn parse_all_with(bytes: &[u8], mut hoisted: Option<Vec<Self>>) -> Result<Vec<Self>, String> {
        let mut frames = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            let Some((frame, used)) = Self::parse_with(&bytes[at..], &mut hoisted)? else {
                return Err("the last value is not complete".to_owned());
            };
            frames.push(frame);
            frames.extend(hoisted.iter_mut().flat_map(std::mem::take));
            at += used;
        }
        Ok(frames)
    }

    /// Removes fields with their values from a reply that lists names and values in turn, and from the lists in it.
    pub fn remove_fields(&mut self, names: &[&[u8]]) {
        let Self::Aggregate(_, items) = self else {
            return;
        };
        while let Some(at) = items.iter().position(|item| names.contains(&item.bytes())) {
            items.drain(at..(at + 2).min(items.len()));
        }
        items.iter_mut().for_each(|item| item.remove_fields(names));
    }

    /// Whether this is a message to a subscriber, of any of the three kinds.
    #[must_use]
    pub fn is_message(&self) -> bool {
        match self.items() {
            [kind, _, _] => matches!(kind.bytes(), b"message" | b"smessage"),
            [kind, _, _, _] => kind.bytes() == b"pmessage",
            _ => false,
        }
    }

    /// Appends the bytes of this value to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Aggregate(kind, items) => {
                let length = if *kind == b'%' { items.len() / 2 } else { items.len() };
                out.push(*kind);
                out.extend_from_slice(format!("{length}\r\n").as_bytes());
                for item in items {
                    item.encode(out);
                }
            }
            Self::Bulk(kind, bytes) => {
                out.push(*kind);
                out.extend_from_slice(format!("{}\r\n", bytes.len()).as_bytes());
                out.extend_from_slice(bytes);
                out.extend_from_slice(b"\r\n");
            }
            Self::Line(kind, text) => {
                out.push(*kind);
                out.extend_from_slice(text);
                out.extend_from_slice(b"\r\n");
            }
            Self::Null(kind) => {
                out.push(*kind);
                out.extend_from_slice(b"-1\r\n");
            }
        }
    }

    /// The items, if this is an aggregate.
    #[must_use]
    pub fn items(&self) -> &[Self] {
        match self {
            Self::Aggregate(_, items) => items,
            _ => &[],
        }
    }

    /// The bytes of a bulk or of a line.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Bulk(_, bytes) | Self::Line(_, bytes) => bytes,
            _ => b"",
        }
    }

    /// The number, if this is an integer.
    #[must_use]
    pub fn integer(&self) -> Option<i64> {
        match self {
            Self::Line(b':', text) => std::str::from_utf8(text).ok()?.parse().ok(),
            _ => None,
        }
    }
}

/// The bytes of a command, as a client sends it.
#[must_use]
pub fn command<A: AsRef<[u8]>>(arguments: &[A]) -> Vec<u8> {
    let mut out = format!("*{}\r\n", arguments.len()).into_bytes();
    for argument in arguments {
        let argument = argument.as_ref();
        out.extend_from_slice(format!("${}\r\n", argument.len()).as_bytes());
        out.extend_from_slice(argument);
        out.extend_from_slice(b"\r\n");
    }
    out
}

/// A length as the wire has it; `None` for -1.
fn length_of(line: &[u8]) -> Result<Option<usize>, String> {
    let text = std::str::from_utf8(line).map_err(|error| error.to_string())?;
    if text == "-1" {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|error| format!("length {text:?}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_survive_a_round_trip() {
        let bytes = b"*2\r\n$1\r\na\r\n%1\r\n+k\r\n:1\r\n$-1\r\n_\r\n>1\r\n$0\r\n\r\n";
        let mut out = Vec::new();
        for frame in Frame::parse_all(bytes).unwrap() {
            frame.encode(&mut out);
        }
        assert_eq!(out, bytes);
        assert_eq!(Frame::parse(b"$3\r\nab").unwrap(), None);
        assert!(Frame::parse(b"nonsense\r\n").is_err());
    }
}
