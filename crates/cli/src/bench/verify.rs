//! Whether a subscriber got each message of its channel once, in order and unharmed.

use std::fmt;

use serde::Serialize;

use super::frames::{STAMP_LEN, Shape, Stamp, read_stamp};

/// What one subscriber got so far.
#[derive(Debug)]
pub(super) struct Ledger {
    /// The sequence number each publisher's next message has.
    next: Vec<u64>,
    received: u64,
    faults: Faults,
}

/// What was wrong with the deliveries of a run, by count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Faults {
    pub(super) lost: u64,
    pub(super) repeated: u64,
    pub(super) out_of_order: u64,
    pub(super) wrong_content: u64,
    /// Places where one or more messages were missing at the time.
    pub(super) gaps: u64,
}

impl Faults {
    pub(super) fn add(&mut self, other: Self) {
        self.lost += other.lost;
        self.repeated += other.repeated;
        self.out_of_order += other.out_of_order;
        self.wrong_content += other.wrong_content;
        self.gaps += other.gaps;
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { lost, repeated, out_of_order, wrong_content, gaps } = self;
        write!(f, "{lost} lost, {out_of_order} out of order")?;
        for (count, what) in [(repeated, "repeated"), (wrong_content, "with wrong content"), (gaps, "gaps")] {
            if *count > 0 {
                write!(f, ", {count} {what}")?;
            }
        }
        Ok(())
    }
}

/// Bytes that are no message of the run; where the next one begins is unknown then.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Foreign(String);

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it got what is no message of this run: {}", self.0)
    }
}

impl std::error::Error for Foreign {}

impl Foreign {
    pub(super) fn new(bytes: &[u8]) -> Self {
        Self(bytes[..bytes.len().min(96)].escape_ascii().to_string())
    }
}

impl Ledger {
    pub(super) fn new(publishers: u32) -> Self {
        Self { next: vec![0; publishers as usize], received: 0, faults: Faults::default() }
    }

    pub(super) fn received(&self) -> u64 {
        self.received
    }

    /// Takes the whole frames at the start of `bytes` and says how long they are together. What the server wants to know
    /// in between is answered in `out`.
    ///
    /// # Errors
    ///
    /// A frame begins as none of this channel does. A frame that is cut off in `bytes` is judged by what is there, so
    /// that an error or a farewell shorter than a frame is seen too.
    pub(super) fn scan(
        &mut self,
        shape: &Shape,
        channel: u32,
        bytes: &[u8],
        out: &mut Vec<u8>,
        mut on_message: impl FnMut(Stamp),
    ) -> Result<usize, Foreign> {
        let head = shape.head(channel);
        let mut used = self.scan_frames(shape, head, bytes, &mut on_message);
        while let Some(len) = shape.protocol().answer_ping(&bytes[used..], out) {
            used += len;
            used += self.scan_frames(shape, head, &bytes[used..], &mut on_message);
        }
        let rest = &bytes[used..];
        let known = rest.len().min(head.len());
        if rest[..known] != head[..known] && !shape.protocol().may_be_ping(rest) {
            return Err(Foreign::new(rest));
        }
        Ok(used)
    }

    /// Takes whole frames up to what is none, and says how long they are together.
    fn scan_frames(&mut self, shape: &Shape, head: &[u8], bytes: &[u8], mut on_message: impl FnMut(Stamp)) -> usize {
        let tail = shape.tail();
        let mut used = 0;
        for frame in bytes.chunks_exact(shape.frame_len()) {
            let (start, body) = frame.split_at(head.len());
            if start != head {
                break;
            }
            if let Some(stamp) = self.take(body, tail) {
                on_message(stamp);
            }
            used += frame.len();
        }
        used
    }

    /// Notes a message that ends with `body`; what it is, if that is right.
    #[inline]
    pub(super) fn take(&mut self, body: &[u8], tail: &[u8]) -> Option<Stamp> {
        self.received += 1;
        let (stamp, fill) = body.split_at(STAMP_LEN);
        let stamp = read_stamp(stamp).filter(|&stamp| fill == tail && self.note(stamp));
        self.faults.wrong_content += u64::from(stamp.is_none());
        stamp
    }

    /// False if there is no such publisher.
    fn note(&mut self, stamp: Stamp) -> bool {
        let Some(next) = self.next.get_mut(stamp.publisher as usize) else { return false };
        if stamp.sequence == *next {
            *next += 1;
        } else if stamp.sequence > *next {
            self.faults.gaps += 1;
            *next = stamp.sequence + 1;
        } else {
            self.faults.out_of_order += 1;
        }
        true
    }

    /// What was wrong, if `expected` messages were published to the channel in all.
    pub(super) fn faults(&self, expected: u64) -> Faults {
        Faults {
            lost: expected.saturating_sub(self.received),
            repeated: self.received.saturating_sub(expected),
            ..self.faults
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::protocol::Protocol;
    use super::*;

    fn shape() -> Shape {
        Shape::new(Protocol::Resp, 5, 3, 24)
    }

    fn frame(shape: &Shape, publisher: u32, sequence: u64) -> Vec<u8> {
        let stamp = format!("{publisher:04}{sequence:012}");
        [shape.head(1), stamp.as_bytes(), shape.tail()].concat()
    }

    fn stream(shape: &Shape, messages: &[(u32, u64)]) -> Vec<u8> {
        messages.iter().flat_map(|&(publisher, sequence)| frame(shape, publisher, sequence)).collect()
    }

    fn faults(messages: &[(u32, u64)], expected: u64) -> Faults {
        let (shape, mut ledger) = (shape(), Ledger::new(2));
        let bytes = stream(&shape, messages);
        assert_eq!(ledger.scan(&shape, 1, &bytes, &mut Vec::new(), |_| {}), Ok(bytes.len()));
        ledger.faults(expected)
    }

    #[test]
    fn frames_split_anywhere_are_the_same_frames() {
        let shape = shape();
        let messages = [(0, 0), (1, 0), (0, 1), (1, 1)];
        let bytes = stream(&shape, &messages);
        for first in 0..=bytes.len() {
            for second in [first, (first + 1).min(bytes.len()), bytes.len()] {
                let (mut ledger, mut seen, mut kept) = (Ledger::new(2), Vec::new(), Vec::new());
                for part in [&bytes[..first], &bytes[first..second], &bytes[second..]] {
                    kept.extend_from_slice(part);
                    let used = ledger
                        .scan(&shape, 1, &kept, &mut Vec::new(), |stamp| seen.push((stamp.publisher, stamp.sequence)))
                        .expect("the frames are good");
                    kept.drain(..used);
                }
                assert_eq!((seen.as_slice(), kept.len()), (&messages[..], 0), "split at {first} and {second}");
                assert_eq!(ledger.faults(4), Faults::default());
            }
        }
    }

    #[test]
    fn a_loss_is_seen_in_the_middle_and_at_the_end() {
        assert_eq!(faults(&[(0, 0), (0, 2)], 3), Faults { lost: 1, gaps: 1, ..Faults::default() });
        assert_eq!(faults(&[(0, 0), (0, 1)], 3), Faults { lost: 1, ..Faults::default() });
    }

    #[test]
    fn a_swap_is_seen() {
        assert_eq!(
            faults(&[(0, 0), (0, 2), (0, 1), (0, 3)], 4),
            Faults { out_of_order: 1, gaps: 1, ..Faults::default() }
        );
        // Publishers are ordered each for itself.
        assert_eq!(faults(&[(1, 0), (0, 0), (0, 1), (1, 1)], 4), Faults::default());
    }

    #[test]
    fn a_repetition_is_seen_even_beside_a_loss() {
        assert_eq!(faults(&[(0, 0), (0, 0)], 1), Faults { repeated: 1, out_of_order: 1, ..Faults::default() });
        assert_eq!(faults(&[(0, 0), (0, 0), (0, 2)], 3), Faults { out_of_order: 1, gaps: 1, ..Faults::default() });
    }

    #[test]
    fn wrong_content_is_seen_at_every_byte() {
        let shape = shape();
        let good = frame(&shape, 0, 0);
        for at in 0..good.len() {
            let mut bytes = good.clone();
            bytes[at] ^= 1;
            let mut ledger = Ledger::new(1);
            match ledger.scan(&shape, 1, &bytes, &mut Vec::new(), |_| {}) {
                Ok(_) => assert_ne!(ledger.faults(1), Faults::default(), "at {at}"),
                Err(Foreign(_)) => assert!(at < shape.head(1).len(), "at {at}"),
            }
        }
    }

    #[test]
    fn what_is_shorter_than_a_frame_is_not_waited_for() {
        let shape = shape();
        assert!(Ledger::new(1).scan(&shape, 1, b"-ERR go away\r\n", &mut Vec::new(), |_| {}).is_err());
        // The right frame of the wrong channel.
        assert!(Ledger::new(1).scan(&shape, 2, &frame(&shape, 0, 0), &mut Vec::new(), |_| {}).is_err());
    }

    #[test]
    fn a_question_between_frames_is_answered() {
        let shape = Shape::new(Protocol::Nats, 5, 3, 24);
        let bytes = [&frame(&shape, 0, 0), &b"PING\r\nPING\r\n"[..], &frame(&shape, 0, 1), b"PING\r\n"].concat();
        for cut in 0..=bytes.len() {
            let (mut ledger, mut out) = (Ledger::new(1), Vec::new());
            let used = ledger.scan(&shape, 1, &bytes[..cut], &mut out, |_| {}).expect("all is as it should be");
            let rest = ledger.scan(&shape, 1, &bytes[used..], &mut out, |_| {}).expect("all is as it should be");
            assert_eq!((used + rest, out.as_slice()), (bytes.len(), &b"PONG\r\n".repeat(3)[..]), "cut at {cut}");
            assert_eq!(ledger.faults(2), Faults::default());
        }
    }

    #[test]
    fn a_publisher_that_is_not_there_is_wrong_content() {
        assert_eq!(faults(&[(2, 0)], 1), Faults { wrong_content: 1, ..Faults::default() });
    }
}
