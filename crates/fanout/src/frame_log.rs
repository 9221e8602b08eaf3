//! The log of one worker and dialect: each message encoded once, however many subscribers it goes to.
//!
//! Frames get ascending positions. Who still needs a range of them holds a reference on the segment it lies in; a
//! segment without references is recycled. A range never crosses a segment.
//!
//! A few referenced bytes must not pin whole segments: [`FrameLog::compact`] copies what is still referenced out of
//! segments that are mostly dead. Positions stay valid, so nobody has to be told.

use std::collections::VecDeque;
use std::sync::Arc;

use fanfare_wire::{Dialect, FrameView, Message};

use crate::mailbox::{Payload, SHARED_PAYLOAD_BYTES_MIN};

/// Bytes of an ordinary segment: a few hundred microseconds of sending, and small next to the cache.
const SEGMENT_BYTES: usize = 256 * 1024;

/// Room for the head of a frame beside its names: kinds, lengths, line ends.
const HEAD_BYTES_MAX: usize = 128;

/// Spare segments kept for reuse, since fresh memory costs page faults.
const SPARE_SEGMENTS_MAX: usize = 8;

/// Places of freed segments that may lie between live ones before they are taken out.
const FREE_PLACES_MAX: usize = 64;

/// What the log may hold beyond twice the referenced bytes.
const SLACK_BYTES: usize = 4 * 1024 * 1024;

/// A range of whole frames in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameRange {
    pub(crate) start: u64,
    pub(crate) len: u32,
}

impl FrameRange {
    pub(crate) const fn end(self) -> u64 {
        self.start + self.len as u64
    }
}

struct Segment {
    base: u64,
    /// Positions it covers; at least the bytes it holds.
    len: u64,
    /// Ranges in outboxes that lie in it.
    references: u64,
    store: Store,
}

enum Store {
    /// All bytes from `base` on.
    Dense(Vec<u8>),
    /// One frame whose payload is shared by all workers.
    Shared { head: Box<[u8]>, payload: Arc<[u8]>, tail: Box<[u8]> },
    /// What was referenced when most of it had become dead; runs ascend and never touch.
    Sparse { runs: Vec<Run>, bytes: Box<[u8]> },
    /// Nothing is referenced any more; keeps its place until all before it are gone.
    Free,
}

struct Run {
    start: u64,
    offset: u32,
}

impl Store {
    fn resident_bytes(&self) -> usize {
        match self {
            Self::Dense(bytes) => bytes.capacity(),
            Self::Shared { head, payload, tail } => head.len() + payload.len() + tail.len(),
            Self::Sparse { runs, bytes } => runs.capacity() * size_of::<Run>() + bytes.len(),
            Self::Free => 0,
        }
    }
}

/// An append-only sequence of frames in one dialect.
pub(crate) struct FrameLog {
    dialect: &'static dyn Dialect,
    segments: VecDeque<Segment>,
    spare: Vec<Vec<u8>>,
    scratch: Vec<u8>,
    head: u64,
    resident_bytes: usize,
    /// Sum over all references; at least the distinct bytes referenced.
    referenced_bytes: u64,
    compact_above_bytes: usize,
    /// Segments from this position on have not been through [`FrameLog::compact`].
    compacted_to: u64,
    /// Segments pushed since the last sweep; older ones are freed when their last range is released.
    unswept: usize,
    /// Places of freed segments among the live ones. One old reference in front would let them grow without end.
    free_places: usize,
}

impl FrameLog {
    pub(crate) fn new(dialect: &'static dyn Dialect) -> Self {
        Self {
            dialect,
            segments: VecDeque::new(),
            spare: Vec::new(),
            scratch: Vec::new(),
            head: 0,
            resident_bytes: 0,
            referenced_bytes: 0,
            compact_above_bytes: SLACK_BYTES,
            compacted_to: 0,
            unswept: 0,
            free_places: 0,
        }
    }

    /// Bytes of memory in segments.
    pub(crate) const fn resident_bytes(&self) -> usize {
        self.resident_bytes
    }

    /// Encodes `message` at the end; `payload` and `batch` are where its payload lies.
    ///
    /// The range is not referenced yet: the caller retains it before the next [`FrameLog::sweep`].
    pub(crate) fn append(&mut self, message: &Message<'_>, payload: &Payload) -> FrameRange {
        match payload {
            Payload::Shared(shared) if shared.len() >= SHARED_PAYLOAD_BYTES_MIN => self.append_shared(message, shared),
            _ => self.append_copied(message),
        }
    }

    fn append_copied(&mut self, message: &Message<'_>) -> FrameRange {
        let names = message.channel.len()
            + match message.kind {
                fanfare_wire::MessageKind::Pattern(pattern) => pattern.len(),
                _ => 0,
            };
        let needed = HEAD_BYTES_MAX + names + message.payload.len();
        let start = self.head;
        let dialect = self.dialect;
        let segment = self.head_segment(needed);
        let Store::Dense(bytes) = &mut segment.store else { unreachable!("the head segment takes appends") };
        let before = bytes.len();
        dialect.encode_head(message, bytes);
        bytes.extend_from_slice(message.payload);
        dialect.encode_tail(bytes);
        let len = bytes.len() - before;
        debug_assert!(len <= needed, "a dialect needs more than {HEAD_BYTES_MAX} bytes beside names and payload");
        segment.len += len as u64;
        self.head += len as u64;
        FrameRange { start, len: len as u32 }
    }

    fn append_shared(&mut self, message: &Message<'_>, payload: &Arc<[u8]>) -> FrameRange {
        self.scratch.clear();
        self.dialect.encode_head(message, &mut self.scratch);
        let head: Box<[u8]> = self.scratch.as_slice().into();
        self.scratch.clear();
        self.dialect.encode_tail(&mut self.scratch);
        let tail: Box<[u8]> = self.scratch.as_slice().into();
        let len = head.len() + payload.len() + tail.len();
        if self.scratch.capacity() > SEGMENT_BYTES {
            // A name may be as long as a payload.
            self.scratch = Vec::new();
        }
        self.push_segment(Store::Shared { head, payload: Arc::clone(payload), tail }, len as u64);
        let start = self.head;
        self.head += len as u64;
        FrameRange { start, len: len as u32 }
    }

    /// The segment at the end, with room for `needed` bytes.
    fn head_segment(&mut self, needed: usize) -> &mut Segment {
        let fits = matches!(
            self.segments.back(),
            Some(Segment { store: Store::Dense(bytes), .. }) if bytes.capacity() - bytes.len() >= needed
        );
        if !fits {
            let bytes = match self.spare.pop() {
                Some(bytes) if bytes.capacity() >= needed => bytes,
                _ => Vec::with_capacity(needed.max(SEGMENT_BYTES)),
            };
            self.push_segment(Store::Dense(bytes), 0);
        }
        self.segments.back_mut().expect("a segment was just pushed or found")
    }

    fn push_segment(&mut self, store: Store, len: u64) {
        self.resident_bytes += store.resident_bytes();
        self.segments.push_back(Segment { base: self.head, len, references: 0, store });
        self.unswept += 1;
    }

    /// Index of the segment that `position` lies in.
    fn index(&self, position: u64) -> usize {
        let last = self.segments.len() - 1;
        if self.segments[last].base <= position {
            return last;
        }
        self.segments.partition_point(|segment| segment.base <= position) - 1
    }

    /// Keeps the range's bytes until it is released.
    pub(crate) fn retain(&mut self, range: FrameRange) {
        let at = self.index(range.start);
        self.segments[at].references += 1;
        self.referenced_bytes += u64::from(range.len);
    }

    /// Whether `second` continues `first` in the same segment, so that both are one range.
    pub(crate) fn touches(&self, first: FrameRange, second: FrameRange) -> bool {
        if first.end() != second.start {
            return false;
        }
        let segment = &self.segments[self.index(second.start)];
        segment.base <= first.start && matches!(segment.store, Store::Dense(_))
    }

    /// Lets the retained `first` grow by `second` if they touch.
    pub(crate) fn extend(&mut self, first: FrameRange, second: FrameRange) -> bool {
        let touches = self.touches(first, second);
        if touches {
            self.referenced_bytes += u64::from(second.len);
        }
        touches
    }

    /// Gives the range's bytes up.
    pub(crate) fn release(&mut self, range: FrameRange) {
        let at = self.index(range.start);
        self.referenced_bytes -= u64::from(range.len);
        let segment = &mut self.segments[at];
        segment.references -= 1;
        if segment.references == 0 && at + 1 < self.segments.len() {
            self.free(at);
            self.pop_free();
        }
    }

    /// Frees what nobody retained; call when all appended ranges have been handed out.
    pub(crate) fn sweep(&mut self) {
        let Some(last) = self.segments.len().checked_sub(1) else { return };
        let first = last.saturating_sub(std::mem::take(&mut self.unswept));
        for at in first..last {
            if self.segments[at].references == 0 {
                self.free(at);
            }
        }
        self.pop_free();
        if self.free_places > FREE_PLACES_MAX && 2 * self.free_places > self.segments.len() {
            self.segments.retain(|segment| !matches!(segment.store, Store::Free));
            self.free_places = 0;
        }
        // With everything sent the log starts over in the same memory, which is still in the cache.
        let head = self.head;
        let Some(segment) = self.segments.back_mut() else { return };
        if segment.references == 0 && segment.len > 0 {
            match &mut segment.store {
                Store::Dense(bytes) if bytes.capacity() <= 2 * SEGMENT_BYTES => {
                    bytes.clear();
                    segment.base = head;
                    segment.len = 0;
                }
                _ => {
                    self.free(self.segments.len() - 1);
                    self.pop_free();
                }
            }
        }
    }

    fn free(&mut self, at: usize) {
        let store = std::mem::replace(&mut self.segments[at].store, Store::Free);
        self.resident_bytes -= store.resident_bytes();
        self.free_places += !matches!(store, Store::Free) as usize;
        if let Store::Dense(mut bytes) = store
            && bytes.capacity() == SEGMENT_BYTES
            && self.spare.len() < SPARE_SEGMENTS_MAX
        {
            bytes.clear();
            self.spare.push(bytes);
        }
    }

    fn pop_free(&mut self) {
        while matches!(self.segments.front(), Some(Segment { store: Store::Free, .. })) {
            self.segments.pop_front();
            self.free_places -= 1;
        }
    }

    /// Appends the slices of `range`, without its first `skip` bytes, to `push`.
    pub(crate) fn slices<'a>(&'a self, range: FrameRange, skip: usize, mut push: impl FnMut(&'a [u8])) {
        let segment = &self.segments[self.index(range.start)];
        match &segment.store {
            Store::Shared { head, payload, tail } => {
                let mut skip = skip;
                for part in [&head[..], &payload[..], &tail[..]] {
                    let from = skip.min(part.len());
                    skip -= from;
                    if from < part.len() {
                        push(&part[from..]);
                    }
                }
            }
            _ => push(&self.contiguous(range)[skip..]),
        }
    }

    /// The bytes of `range`, of a shared frame only its head.
    fn contiguous(&self, range: FrameRange) -> &[u8] {
        let segment = &self.segments[self.index(range.start)];
        match &segment.store {
            Store::Dense(bytes) => {
                let from = (range.start - segment.base) as usize;
                &bytes[from..from + range.len as usize]
            }
            Store::Sparse { runs, bytes } => {
                let run = &runs[runs.partition_point(|run| run.start <= range.start) - 1];
                let from = run.offset as usize + (range.start - run.start) as usize;
                &bytes[from..from + range.len as usize]
            }
            Store::Shared { head, .. } => head,
            Store::Free => unreachable!("a retained range lies in a live segment"),
        }
    }

    /// Hands the range of each frame in `range` and what its head says to `each`.
    pub(crate) fn for_each_frame<'a>(&'a self, range: FrameRange, mut each: impl FnMut(FrameRange, FrameView<'a>)) {
        self.frames_while(range, |frame, view| {
            each(frame, view);
            true
        });
    }

    /// As [`FrameLog::for_each_frame`], up to the first frame for which `each` is false.
    pub(crate) fn frames_while<'a>(
        &'a self,
        range: FrameRange,
        mut each: impl FnMut(FrameRange, FrameView<'a>) -> bool,
    ) {
        let mut bytes = self.contiguous(range);
        let mut start = range.start;
        while start < range.end() {
            let view = self.dialect.view(bytes).expect("the log holds whole frames of its dialect");
            if !each(FrameRange { start, len: view.len as u32 }, view) {
                return;
            }
            start += view.len as u64;
            bytes = bytes.get(view.len..).unwrap_or_default();
        }
    }

    /// Whether so much more is held than referenced that [`FrameLog::compact`] pays.
    pub(crate) const fn wants_compaction(&self) -> bool {
        self.resident_bytes > self.compact_above_bytes
            || self.resident_bytes as u64 > SLACK_BYTES as u64 + 2 * self.referenced_bytes
    }

    /// Whether it holds so much that a look at what is still referenced can pay.
    pub(crate) const fn has_outgrown_slack(&self) -> bool {
        self.resident_bytes > SLACK_BYTES
    }

    /// Where what was appended since the last compaction begins.
    pub(crate) const fn compacted_to(&self) -> u64 {
        self.compacted_to
    }

    /// Copies what `live` refers to out of segments that are mostly dead, from position `from` on: 0 for all, or
    /// [`FrameLog::compacted_to`], since looking at every old range again would cost a long queue's length each time.
    /// `live` has every retained range that begins there or later. False if it has to be done again for all.
    pub(crate) fn compact(&mut self, mut live: Vec<FrameRange>, from: u64) -> bool {
        live.sort_unstable_by_key(|range| range.start);
        let segments = self.segments.split_off(self.segments.partition_point(|segment| segment.base < from));
        for segment in &segments {
            self.resident_bytes -= segment.store.resident_bytes();
            self.free_places -= matches!(segment.store, Store::Free) as usize;
        }
        let mut distinct_bytes = 0;
        let mut next = 0;
        let last = segments.len().saturating_sub(1);
        for (at, segment) in segments.into_iter().enumerate() {
            let end = segment.base + segment.len;
            let first = next;
            while next < live.len() && live[next].start < end {
                next += 1;
            }
            let runs = union(&live[first..next]);
            let needed: usize = runs.iter().map(|run| run.len as usize).sum();
            distinct_bytes += needed;
            let movable = matches!(segment.store, Store::Dense(_) | Store::Sparse { .. });
            let wasteful = 2 * needed < segment.store.resident_bytes();
            if at == last || !movable || !wasteful {
                self.resident_bytes += segment.store.resident_bytes();
                self.free_places += matches!(segment.store, Store::Free) as usize;
                self.segments.push_back(segment);
            } else if needed > 0 {
                self.push_sparse(segment, runs);
            }
        }
        self.unswept = 0;
        // The last one still grows.
        self.compacted_to = self.segments.back().map_or(self.head, |segment| segment.base);
        if from == 0 {
            self.compact_above_bytes = 2 * distinct_bytes.max(self.resident_bytes / 2) + SLACK_BYTES;
            return true;
        }
        // With less room than this the next time would come too soon.
        !self.wants_compaction() && self.resident_bytes <= self.compact_above_bytes - SLACK_BYTES / 2
    }

    /// Appends a copy of `runs` of `segment`, to the sparse segment before it where there is one.
    fn push_sparse(&mut self, segment: Segment, runs: Vec<FrameRange>) {
        let (mut base, mut references, mut kept, mut bytes) =
            (segment.base, segment.references, Vec::new(), Vec::new());
        if let Some(Segment { store: Store::Sparse { bytes: before, .. }, .. }) = self.segments.back()
            && before.len() < SEGMENT_BYTES / 2
            && let Some(previous) = self.segments.pop_back()
        {
            self.resident_bytes -= previous.store.resident_bytes();
            base = previous.base;
            references += previous.references;
            if let Store::Sparse { runs, bytes: before } = previous.store {
                kept = runs;
                bytes = before.into_vec();
            }
        }
        let end = segment.base + segment.len;
        // Read through a log of that one segment: one way to find bytes, whatever the store.
        let source = Self { segments: VecDeque::from([segment]), ..Self::new(self.dialect) };
        for run in runs {
            kept.push(Run { start: run.start, offset: bytes.len() as u32 });
            bytes.extend_from_slice(source.contiguous(run));
        }
        kept.shrink_to_fit();
        let store = Store::Sparse { runs: kept, bytes: bytes.into() };
        self.resident_bytes += store.resident_bytes();
        self.segments.push_back(Segment { base, len: end - base, references, store });
    }
}

/// The union of sorted ranges, those that touch joined.
fn union(sorted: &[FrameRange]) -> Vec<FrameRange> {
    let mut runs: Vec<FrameRange> = Vec::new();
    for range in sorted {
        match runs.last_mut() {
            Some(last) if range.start <= last.end() => {
                let end = last.end().max(range.end());
                last.len = (end - last.start) as u32;
            }
            _ => runs.push(*range),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;
    use fanfare_wire::{MessageKind, Resp2};

    fn append(log: &mut FrameLog, channel: &str, payload: &[u8]) -> FrameRange {
        let message = Message { kind: MessageKind::Channel, channel: channel.as_bytes(), payload };
        let shared = Payload::Shared(payload.into());
        log.append(&message, if payload.len() >= SHARED_PAYLOAD_BYTES_MIN { &shared } else { &Payload::Copied(0..0) })
    }

    fn bytes(log: &FrameLog, range: FrameRange, skip: usize) -> Vec<u8> {
        let mut all = Vec::new();
        log.slices(range, skip, |slice| all.extend_from_slice(slice));
        all
    }

    #[test]
    fn everything_sent_starts_over_in_the_same_memory() {
        let mut log = FrameLog::new(&Resp2);
        for _ in 0..10_000 {
            let range = append(&mut log, "news", &[b'x'; 1000]);
            log.retain(range);
            assert_eq!(bytes(&log, range, 0).len(), range.len as usize);
            log.release(range);
            log.sweep();
        }
        assert!(log.resident_bytes() <= 2 * SEGMENT_BYTES);
        assert_eq!(log.segments.len(), 1);
    }

    #[test]
    fn a_large_payload_is_not_copied() {
        let mut log = FrameLog::new(&Resp2);
        let payload: Arc<[u8]> = vec![7; 1 << 20].into();
        let message = Message { kind: MessageKind::Channel, channel: b"c", payload: &payload };
        let range = log.append(&message, &Payload::Shared(Arc::clone(&payload)));
        log.retain(range);
        assert_eq!(Arc::strong_count(&payload), 2);
        let mut slices = Vec::new();
        log.slices(range, 0, |slice| slices.push(slice));
        assert!(std::ptr::eq(slices[1], &*payload));
        assert_eq!(bytes(&log, range, 100).len(), range.len as usize - 100);
        log.release(range);
        log.sweep();
        assert_eq!(Arc::strong_count(&payload), 1);
    }

    #[test]
    fn a_nearly_idle_subscriber_pins_its_bytes_and_no_segments() {
        let mut log = FrameLog::new(&Resp2);
        let mut pinned = Vec::new();
        for i in 0..100_000_u32 {
            let range = append(&mut log, "busy", &[b'x'; 1000]);
            log.retain(range);
            if i % 1000 == 0 {
                pinned.push((range, bytes(&log, range, 0)));
            } else {
                log.release(range);
            }
            log.sweep();
            if log.wants_compaction() {
                let from = log.compacted_to();
                let live = |from| pinned.iter().map(|(range, _)| *range).filter(|range| range.start >= from).collect();
                if !log.compact(live(from), from) {
                    log.compact(live(0), 0);
                }
            }
        }
        let distinct: usize = pinned.iter().map(|(range, _)| range.len as usize).sum();
        assert!(log.resident_bytes() <= 2 * distinct + SLACK_BYTES, "{} for {distinct}", log.resident_bytes());
        for (range, expected) in &pinned {
            assert_eq!(&bytes(&log, *range, 0), expected);
        }
        for (range, _) in pinned {
            log.release(range);
        }
        log.sweep();
        assert!(log.resident_bytes() <= 2 * SEGMENT_BYTES);
    }

    #[test]
    fn a_long_queue_is_not_looked_at_again_with_each_compaction() {
        let mut log = FrameLog::new(&Resp2);
        let mut pinned = Vec::new();
        let mut looked_at = 0;
        for i in 0..200_000_u32 {
            let range = append(&mut log, "busy", &[b'x'; 1000]);
            // A long queue of small pieces first, then few more of them.
            if i < 50_000 || i % 100 == 0 {
                let rare = append(&mut log, "rare", &i.to_be_bytes());
                log.retain(rare);
                pinned.push((rare, bytes(&log, rare, 0)));
            }
            log.sweep();
            if log.wants_compaction() {
                let live = |from| pinned.iter().map(|(range, _)| *range).filter(|range| range.start >= from).collect();
                let from = log.compacted_to();
                let young: Vec<FrameRange> = live(from);
                looked_at += young.len();
                if !log.compact(young, from) {
                    looked_at += pinned.len();
                    log.compact(live(0), 0);
                }
            }
            assert!(log.segments.len() < 200 && range.len > 0);
        }
        assert!(looked_at < 5 * pinned.len(), "{looked_at} for {}", pinned.len());
        for (range, expected) in &pinned {
            assert_eq!(&bytes(&log, *range, 0), expected);
        }
        for (range, _) in pinned {
            log.release(range);
        }
        log.sweep();
        assert!(log.resident_bytes() <= 2 * SEGMENT_BYTES);
    }

    #[test]
    fn one_old_reference_does_not_keep_the_places_of_all_segments_behind_it() {
        let mut log = FrameLog::new(&Resp2);
        let old = append(&mut log, "idle", b"1");
        log.retain(old);
        let expected = bytes(&log, old, 0);
        for _ in 0..10_000 {
            let range = append(&mut log, "busy", &[b'x'; SHARED_PAYLOAD_BYTES_MIN]);
            log.retain(range);
            log.sweep();
            log.release(range);
        }
        log.sweep();
        assert!(log.segments.len() <= 2 * FREE_PLACES_MAX + 2, "{}", log.segments.len());
        assert_eq!(bytes(&log, old, 0), expected);
        log.release(old);
        log.sweep();
        assert_eq!((log.resident_bytes(), log.free_places, log.segments.len()), (0, 0, 0));
    }

    #[test]
    fn frames_of_a_range_are_found_again() {
        let mut log = FrameLog::new(&Resp2);
        let a = append(&mut log, "a", b"1");
        let b = append(&mut log, "bb", b"22");
        log.retain(a);
        assert!(log.extend(a, b));
        let mut seen = Vec::new();
        log.for_each_frame(FrameRange { start: a.start, len: a.len + b.len }, |range, view| {
            seen.push((range, view.channel.to_vec()));
        });
        assert_eq!(seen, [(a, b"a".to_vec()), (b, b"bb".to_vec())]);
    }
}
