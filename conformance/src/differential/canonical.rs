//! Removes from an answer what no Redis promises, and nothing else.
//!
//! Answers are compared byte by byte first; only where they differ, both sides go through here and are compared again.

use super::model::Effects;
use crate::frame::Frame;

/// The fields of HELLO's answer that name the server.
const HELLO_OWN: [&[u8]; 3] = [b"server", b"version", b"id"];

/// Whether a subject may answer so where the reference answers so.
///
/// `effects` says what the step behind these answers may have left undefined.
#[must_use]
pub fn equal(reference: &[u8], subject: &[u8], effects: &Effects) -> bool {
    if reference == subject {
        return true;
    }
    if effects.keys {
        return replies_alike(reference, subject, effects);
    }
    let all = |bytes| Frame::parse_all(bytes).ok().map(|frames| canonical(frames, effects));
    let (plain, wanted) = (all(reference), all(subject));
    if plain.is_some() && plain == wanted {
        return true;
    }
    if !effects.sent {
        return false;
    }
    // Redis 7.0 gives a client its own publication before the reply, and inside EXEC's answer; later versions, and
    // Fanfare, behind them.
    let (Ok(mut early), Ok(mut late)) =
        (Frame::parse_all_hoisting_messages(reference), Frame::parse_all_hoisting_messages(subject))
    else {
        return false;
    };
    if effects.exec || effects.silenced {
        // A SUBSCRIBE of several names makes an answer of EXEC longer than it says, so where it ends is not known; nor is
        // where a swallowed reply would stand.
        for frames in [&mut early, &mut late] {
            frames.sort_by_key(Frame::is_message);
            if effects.hello {
                frames.iter_mut().for_each(as_push);
            }
        }
    } else {
        replies_first(&mut early);
    }
    canonical(early, effects) == canonical(late, effects)
}

/// Compares reply by reply: who works with keys subscribes to nothing, so that each command has one and the fence the last.
fn replies_alike(reference: &[u8], subject: &[u8], effects: &Effects) -> bool {
    let (Ok(left), Ok(right)) = (Frame::parse_all(reference), Frame::parse_all(subject)) else {
        return false;
    };
    left.len() == effects.replies.len() + 1
        && left.len() == right.len()
        && left.last() == right.last()
        && effects
            .replies
            .iter()
            .zip(&left)
            .zip(&right)
            .all(|((reply, left), right)| reply.allows(left, right, effects.late))
}

/// Makes a message one of RESP3: within a transaction HELLO may come between publishing and delivery.
fn as_push(frame: &mut Frame) {
    if frame.is_message()
        && let Frame::Aggregate(kind, _) = frame
    {
        *kind = b'>';
    }
}

/// Moves the messages of one publication behind the reply to it.
fn replies_first(frames: &mut [Frame]) {
    let mut run_start = 0;
    for at in 0..frames.len() {
        if frames[at].is_message() {
            continue;
        }
        if matches!(frames[at], Frame::Line(b':', _)) {
            frames[run_start..=at].rotate_right(1);
        }
        run_start = at + 1;
    }
}

/// The bytes of `frames` with undefined orders and server-specific values made equal.
fn canonical(mut frames: Vec<Frame>, effects: &Effects) -> Vec<u8> {
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
    let mut out = Vec::new();
    for frame in &frames {
        frame.encode(&mut out);
    }
    out
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
pub(super) fn blank_hello(frame: &mut Frame) {
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
        let before = b">3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nx\r\n:1\r\n:0\r\n";
        let behind = b":1\r\n>3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nx\r\n:0\r\n";
        let sent = Effects { sent: true, ..Effects::default() };
        assert!(equal(before, behind, &sent));
        assert!(!equal(before, behind, &plain));
        assert!(!equal(behind, before, &sent));

        assert!(equal(gone, gone_too, &all));
        assert!(!equal(gone, gone_too, &plain));
    }
}
