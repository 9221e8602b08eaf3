//! Removes from an answer what no Redis promises, and nothing else.
//!
//! Answers are compared byte by byte first; only where they differ, both sides go through here and are compared again.

use super::model::Effects;
use crate::frame::Frame;

/// The fields of HELLO's answer that name the server.
const HELLO_OWN: [&[u8]; 3] = [b"server", b"version", b"id"];

/// `bytes` with undefined orders and server-specific values made equal; `None` if they are not whole RESP values.
///
/// `effects` says what the step behind this answer may have left undefined.
#[must_use]
pub fn canonical(bytes: &[u8], effects: &Effects) -> Option<Vec<u8>> {
    let mut frames = Frame::parse_all(bytes).ok()?;
    sort_pattern_messages(&mut frames);
    if effects.hello {
        frames.iter_mut().for_each(blank_hello);
    }
    if effects.client_id {
        for frame in &mut frames {
            if let Frame::Line(b':', text) = frame {
                *text = b"<id>".to_vec();
            }
        }
    }
    if effects.listing {
        for frame in &mut frames {
            if let Frame::Aggregate(b'*', items) = frame {
                items.sort_by(|left, right| left.bytes().cmp(right.bytes()));
            }
        }
    }
    if effects.unsubscribe_all {
        sort_unsubscribed(&mut frames);
    }
    let mut out = Vec::with_capacity(bytes.len());
    for frame in &frames {
        frame.encode(&mut out);
    }
    Some(out)
}

/// One publication reaches a client once for each matching pattern, in no defined order.
fn sort_pattern_messages(frames: &mut [Frame]) {
    let same = |left: &Frame, right: &Frame| {
        is_kind(left, b"pmessage") && is_kind(right, b"pmessage") && left.items()[2..] == right.items()[2..]
    };
    for run in frames.chunk_by_mut(same) {
        run.sort_by(|left, right| second(left).cmp(second(right)));
    }
}

/// UNSUBSCRIBE without names takes them in no defined order; the counts beside them are defined.
fn sort_unsubscribed(frames: &mut [Frame]) {
    for kind in [b"unsubscribe".as_slice(), b"punsubscribe", b"sunsubscribe"] {
        for run in frames.chunk_by_mut(|left, right| is_kind(left, kind) && is_kind(right, kind)) {
            if !is_kind(&run[0], kind) {
                continue;
            }
            let mut names: Vec<Frame> = run.iter().map(|frame| frame.items()[1].clone()).collect();
            names.sort_by(|left, right| left.bytes().cmp(right.bytes()));
            for (frame, name) in run.iter_mut().zip(names) {
                if let Frame::Aggregate(_, items) = frame {
                    items[1] = name;
                }
            }
        }
    }
}

/// Blanks the values of HELLO's answer that differ from server to server, inside an answer of EXEC too.
fn blank_hello(frame: &mut Frame) {
    let Frame::Aggregate(_, items) = frame else {
        return;
    };
    if items.first().is_some_and(|first| first.bytes() == b"server") {
        for pair in items.chunks_exact_mut(2) {
            if HELLO_OWN.contains(&pair[0].bytes()) {
                pair[1] = Frame::Line(b'+', b"<own>".to_vec());
            }
        }
        return;
    }
    items.iter_mut().for_each(blank_hello);
}

fn is_kind(frame: &Frame, kind: &[u8]) -> bool {
    frame.items().len() >= 3 && frame.items()[0].bytes() == kind
}

fn second(frame: &Frame) -> &[u8] {
    frame.items()[1].bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn equal(left: &[u8], right: &[u8], effects: &Effects) -> bool {
        canonical(left, effects).unwrap() == canonical(right, effects).unwrap()
    }

    #[test]
    fn only_what_is_undefined_is_made_equal() {
        let plain = Effects::default();
        let one = b">4\r\n$8\r\npmessage\r\n$1\r\n*\r\n$1\r\na\r\n$1\r\nx\r\n>4\r\n$8\r\npmessage\r\n$2\r\na*\r\n$1\r\na\r\n$1\r\nx\r\n";
        let other = b">4\r\n$8\r\npmessage\r\n$2\r\na*\r\n$1\r\na\r\n$1\r\nx\r\n>4\r\n$8\r\npmessage\r\n$1\r\n*\r\n$1\r\na\r\n$1\r\nx\r\n";
        assert!(equal(one, other, &plain));
        let later = b">4\r\n$8\r\npmessage\r\n$2\r\na*\r\n$1\r\na\r\n$1\r\ny\r\n>4\r\n$8\r\npmessage\r\n$1\r\n*\r\n$1\r\na\r\n$1\r\nx\r\n";
        assert!(!equal(one, later, &plain));

        let listed = Effects { listing: true, ..Effects::default() };
        assert!(equal(b"*2\r\n$1\r\na\r\n$1\r\nb\r\n", b"*2\r\n$1\r\nb\r\n$1\r\na\r\n", &listed));
        assert!(!equal(b"*2\r\n$1\r\na\r\n$1\r\nb\r\n", b"*2\r\n$1\r\nb\r\n$1\r\na\r\n", &plain));

        let all = Effects { unsubscribe_all: true, ..Effects::default() };
        let gone = b"*3\r\n$11\r\nunsubscribe\r\n$1\r\na\r\n:1\r\n*3\r\n$11\r\nunsubscribe\r\n$1\r\nb\r\n:0\r\n";
        let gone_too = b"*3\r\n$11\r\nunsubscribe\r\n$1\r\nb\r\n:1\r\n*3\r\n$11\r\nunsubscribe\r\n$1\r\na\r\n:0\r\n";
        assert!(equal(gone, gone_too, &all));
        assert!(!equal(gone, gone_too, &plain));
    }
}
