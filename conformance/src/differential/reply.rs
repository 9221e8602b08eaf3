//! What is defined about a reply, and whether two replies are alike in that.

use crate::frame::Frame;

/// Times in replies may differ by what lies between asking one server and the other.
const TIME_TOLERANCE_MS: i64 = 5_000;

/// Deadlines further away than this were given as a point in time, so that how far away they are may be rounded
/// differently a moment later.
const POINT_IN_TIME_SECONDS: i64 = 1_000_000;

/// Errors of Redis 7.0 and what 7.2 says instead.
const NEWER_ERRORS: [(&str, &str); 2] = [
    (
        "ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' must be specified.",
        "ERR Unbalanced 'xread' list of streams: for each stream key an ID or '$' must be specified.",
    ),
    (
        "ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' must be specified.",
        "ERR Unbalanced 'xreadgroup' list of streams: for each stream key an ID or '>' must be specified.",
    ),
];

/// Fields of XINFO that Redis 7.2 added.
const NEW_FIELDS: [&[u8]; 2] = [b"inactive", b"active-time"];

/// Fields of XINFO that tell a time.
const TIME_FIELDS: [&[u8]; 2] = [b"idle", b"seen-time"];

/// What is defined about the reply to a command.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Reply {
    /// A number that need only be about the same: milliseconds, seconds of idleness.
    About,
    /// The value of each number, not its digits: Redis 7.0 prints doubles with 17 of them, later versions with as few as
    /// tell the number.
    Doubles,
    /// An encoding, of which 7.2 has one more for small lists and sets.
    Encoding,
    /// Every byte.
    Exact,
    /// The answers of EXEC.
    Exec(Vec<Self>),
    /// All but what names the server.
    Hello,
    /// Entries of XPENDING, with the milliseconds since their delivery.
    Pending,
    /// Every byte, unless time has gone on.
    Seconds,
    /// A cursor and items without an order.
    Scan,
    /// A cursor and pairs without an order.
    ScanPairs,
    /// A cursor and pairs with scores, without an order.
    ScanScores,
    /// A random choice: kinds and lengths.
    Shape,
    /// XINFO: fields new in 7.2 left out, and times.
    StreamInfo,
    /// Items without an order.
    Unordered,
    /// Pairs without an order.
    UnorderedPairs,
    /// Members with scores without an order.
    UnorderedScores,
}

impl Reply {
    /// Whether a subject may reply so where the reference replies so; `late` if seconds may have gone by since the
    /// sequence began.
    #[must_use]
    pub fn allows(&self, reference: &Frame, subject: &Frame, late: bool) -> bool {
        if reference == subject {
            return true;
        }
        if let (Frame::Line(b'-', reference), Frame::Line(b'-', subject)) = (reference, subject) {
            return NEWER_ERRORS.iter().any(|(old, new)| old.as_bytes() == reference && new.as_bytes() == subject);
        }
        let both = |change: fn(&mut Frame)| {
            let (mut left, mut right) = (reference.clone(), subject.clone());
            change(&mut left);
            change(&mut right);
            left == right
        };
        match self {
            Self::Exact => false,
            Self::Doubles => both(by_value),
            Self::Encoding => matches!(
                (reference.bytes(), subject.bytes()),
                (b"quicklist", b"listpack") | (b"hashtable", b"listpack")
            ),
            Self::Exec(replies) => match (reference, subject) {
                (Frame::Aggregate(b'*', left), Frame::Aggregate(b'*', right)) => {
                    left.len() == replies.len()
                        && right.len() == replies.len()
                        && replies
                            .iter()
                            .zip(left)
                            .zip(right)
                            .all(|((reply, left), right)| reply.allows(left, right, late))
                }
                _ => false,
            },
            Self::Hello => both(super::canonical::blank_hello),
            Self::About => near(reference, subject, TIME_TOLERANCE_MS),
            Self::Pending => {
                let (left, right) = (reference.items(), subject.items());
                left.len() == right.len() && left.iter().zip(right).all(|(left, right)| pending_alike(left, right))
            }
            Self::Seconds => {
                let far = reference.integer().is_some_and(|seconds| seconds > POINT_IN_TIME_SECONDS);
                near(reference, subject, if late { TIME_TOLERANCE_MS / 1000 } else { i64::from(far) })
            }
            Self::Scan => both(|frame| in_second(frame, sort)),
            Self::ScanPairs => both(|frame| in_second(frame, sort_pairs)),
            Self::ScanScores => both(|frame| {
                by_value(frame);
                in_second(frame, sort_pairs);
            }),
            Self::Shape => same_shape(reference, subject),
            Self::StreamInfo => both(|frame| {
                frame.remove_fields(&NEW_FIELDS);
                without_times(frame);
            }),
            Self::Unordered => both(sort),
            Self::UnorderedPairs => both(sort_pairs),
            Self::UnorderedScores => both(|frame| {
                by_value(frame);
                sort_pairs(frame);
            }),
        }
    }
}

fn near(reference: &Frame, subject: &Frame, tolerance: i64) -> bool {
    match (reference.integer(), subject.integer()) {
        // Negative ones are no times but say why there is none.
        (Some(left), Some(right)) if left >= 0 && right >= 0 => left.abs_diff(right) <= tolerance.unsigned_abs(),
        _ => false,
    }
}

/// An entry of XPENDING: ID, consumer, idle time, deliveries.
fn pending_alike(reference: &Frame, subject: &Frame) -> bool {
    let (left, right) = (reference.items(), subject.items());
    left.len() == 4
        && right.len() == 4
        && (0..4).all(|at| left[at] == right[at] || at == 2 && near(&left[2], &right[2], TIME_TOLERANCE_MS))
}

fn same_shape(reference: &Frame, subject: &Frame) -> bool {
    match (reference, subject) {
        (Frame::Aggregate(left_kind, left), Frame::Aggregate(right_kind, right)) => {
            left_kind == right_kind
                && left.len() == right.len()
                && left.iter().zip(right).all(|(left, right)| same_shape(left, right))
        }
        (Frame::Bulk(left, _), Frame::Bulk(right, _)) => left == right,
        // Scores and numbers.
        (Frame::Line(left @ (b',' | b':'), _), Frame::Line(right, _)) => left == right,
        _ => reference == subject,
    }
}

/// Every number with a fraction or an exponent in one form.
fn by_value(frame: &mut Frame) {
    match frame {
        Frame::Aggregate(_, items) => items.iter_mut().for_each(by_value),
        Frame::Bulk(_, text) | Frame::Line(b',', text) => {
            let number = std::str::from_utf8(text).ok().and_then(|text| text.parse::<f64>().ok());
            if let Some(number) = number.filter(|_| text.iter().any(u8::is_ascii_digit)) {
                // Adding a zero makes one of the two zeros.
                *text = format!("{:?}", number + 0.0).into_bytes();
            }
        }
        _ => {}
    }
}

fn in_second(frame: &mut Frame, change: fn(&mut Frame)) {
    if let Frame::Aggregate(_, items) = frame
        && let [_, second] = items.as_mut_slice()
    {
        change(second);
    }
}

fn encoded(frames: &[Frame]) -> Vec<u8> {
    let mut out = Vec::new();
    frames.iter().for_each(|frame| frame.encode(&mut out));
    out
}

fn sort(frame: &mut Frame) {
    if let Frame::Aggregate(_, items) = frame {
        items.sort_by_cached_key(|item| encoded(std::slice::from_ref(item)));
    }
}

/// Sorts pairs, which are arrays of two or lie flat.
fn sort_pairs(frame: &mut Frame) {
    let Frame::Aggregate(_, items) = frame else {
        return;
    };
    if items.iter().all(|item| matches!(item, Frame::Aggregate(..))) {
        sort(frame);
        return;
    }
    let mut pairs: Vec<Vec<Frame>> = items.chunks(2).map(<[Frame]>::to_vec).collect();
    pairs.sort_by_cached_key(|pair| encoded(pair));
    *items = pairs.concat();
}

fn without_times(frame: &mut Frame) {
    match frame {
        Frame::Aggregate(_, items) => {
            for at in 1..items.len() {
                if TIME_FIELDS.contains(&items[at - 1].bytes()) {
                    items[at] = Frame::Null(b'$');
                }
            }
            items.iter_mut().for_each(without_times);
        }
        // When something was delivered, in milliseconds since 1970.
        Frame::Line(b':', text) if text.len() == 13 => *text = b"<time>".to_vec(),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(bytes: &[u8]) -> Frame {
        Frame::parse(bytes).unwrap().unwrap().0
    }

    #[track_caller]
    fn check(reply: &Reply, reference: &[u8], alike: &[u8], other: &[u8]) {
        assert!(reply.allows(&frame(reference), &frame(alike), false));
        assert!(!reply.allows(&frame(reference), &frame(other), false));
    }

    #[test]
    fn a_reply_allows_what_is_undefined_and_nothing_else() {
        check(&Reply::Exact, b":1\r\n", b":1\r\n", b":2\r\n");
        check(&Reply::Doubles, b",0.10000000000000001\r\n", b",0.1\r\n", b",0.2\r\n");
        check(&Reply::Doubles, b"$2\r\n-0\r\n", b"$1\r\n0\r\n", b"$1\r\n1\r\n");
        check(&Reply::Unordered, b"*2\r\n:1\r\n:2\r\n", b"*2\r\n:2\r\n:1\r\n", b"*2\r\n:2\r\n:2\r\n");
        let (pairs, swapped) = (b"*4\r\n:1\r\n:2\r\n:3\r\n:4\r\n", b"*4\r\n:3\r\n:4\r\n:1\r\n:2\r\n");
        check(&Reply::UnorderedPairs, pairs, swapped, b"*4\r\n:1\r\n:4\r\n:3\r\n:2\r\n");
        check(&Reply::Seconds, b":2000000\r\n", b":2000001\r\n", b":2000002\r\n");
        check(&Reply::Seconds, b":100\r\n", b":100\r\n", b":101\r\n");
        check(&Reply::About, b":1000\r\n", b":1001\r\n", b":-1\r\n");
        check(&Reply::Shape, b"$1\r\na\r\n", b"$1\r\nb\r\n", b"$-1\r\n");
        check(&Reply::Encoding, b"$9\r\nquicklist\r\n", b"$8\r\nlistpack\r\n", b"$3\r\nraw\r\n");
        let (plain, newer) = (b"*2\r\n$4\r\nidle\r\n:1\r\n", b"*4\r\n$4\r\nidle\r\n:2\r\n$8\r\ninactive\r\n:1\r\n");
        check(&Reply::StreamInfo, plain, newer, b"*2\r\n$4\r\nname\r\n:1\r\n");
        check(&Reply::Exec(vec![Reply::Shape]), b"*1\r\n$1\r\na\r\n", b"*1\r\n$1\r\nb\r\n", b"*1\r\n:1\r\n");
    }
}
