//! What one connection still has to be sent: ranges of the frame logs and bytes of its own, in one order.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use fanfare_wire::{Dialect, Message, MessageKind};

use crate::frame_log::{FrameLog, FrameRange};

/// Channel on which a subscriber hears, for itself only, what was dropped from its queue.
pub const LAG_CHANNEL: &[u8] = b"__fanfare__:lag";

/// Channels named in one notice; the others are counted together.
const NOTICE_CHANNELS_MAX: usize = 32;

/// From this size on a piece of its own bytes takes no more: what the socket took is freed piece by piece, also when
/// the queue never gets empty.
const OWN_BYTES_MAX: usize = 64 * 1024;

/// How a connection wants its messages encoded: an index into the worker's dialects.
pub type DialectId = usize;

/// Shows other workers how many bytes are queued for a connection.
pub(crate) type Gauge = Arc<AtomicUsize>;

/// What happens to a subscriber that falls behind its limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SlowPolicy {
    /// Close its connection, as Redis does.
    #[default]
    Disconnect,
    /// Drop the oldest messages until the rest fits.
    DropOldest,
    /// Above the soft limit keep only the newest message of each channel.
    Latest,
}

impl SlowPolicy {
    /// The policy's name, as the setting `slow-subscriber-policy` spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Disconnect => "disconnect",
            Self::DropOldest => "drop-oldest",
            Self::Latest => "latest",
        }
    }
}

/// Limits of one connection's outbox; 0 means none. Source: Redis, `client-output-buffer-limit`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutboxLimits {
    /// Never more than this many bytes.
    pub hard_bytes: usize,
    /// Not more than this many bytes for longer than `soft_ms`.
    pub soft_bytes: usize,
    /// Milliseconds above the soft limit until the policy applies.
    pub soft_ms: u64,
    /// What happens then.
    pub policy: SlowPolicy,
}

/// Why an outbox can't be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    /// Above the hard limit.
    Hard,
    /// Above the soft limit for too long.
    Soft,
}

/// What was dropped from an outbox since the last notice.
#[derive(Debug, Default)]
pub(crate) struct Dropped {
    pub(crate) count: u64,
    pub(crate) bytes: u64,
    channels: BTreeMap<Box<[u8]>, u64>,
    other_channels: u64,
}

impl Dropped {
    fn add(&mut self, channel: &[u8], bytes: usize) {
        self.count += 1;
        self.bytes += bytes as u64;
        if let Some(count) = self.channels.get_mut(channel) {
            *count += 1;
        } else if self.channels.len() < NOTICE_CHANNELS_MAX {
            self.channels.insert(channel.into(), 1);
        } else {
            self.other_channels += 1;
        }
    }

    /// `{"count":3,"bytes":120,"policy":"latest","channels":[{"name":"a","count":3}],"other_channels":0}`; a name
    /// that is not UTF-8 comes as `name_hex`. `other_channels` counts messages of channels not named.
    fn notice(&self, policy: SlowPolicy) -> String {
        let mut json =
            format!(r#"{{"count":{},"bytes":{},"policy":"{}","channels":["#, self.count, self.bytes, policy.name());
        for (at, (name, count)) in self.channels.iter().enumerate() {
            json.push_str(if at == 0 { "{" } else { ",{" });
            match str::from_utf8(name) {
                Ok(name) => {
                    json.push_str(r#""name":"#);
                    push_json_string(&mut json, name);
                }
                Err(_) => {
                    json.push_str(r#""name_hex":""#);
                    json.extend(name.iter().map(|byte| format!("{byte:02x}")));
                    json.push('"');
                }
            }
            json.push_str(&format!(r#","count":{count}}}"#));
        }
        json.push_str(&format!(r#"],"other_channels":{}}}"#, self.other_channels));
        json
    }
}

/// Appends `text` as a JSON string (RFC 8259, section 7).
fn push_json_string(json: &mut String, text: &str) {
    json.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => json.extend(['\\', c]),
            c if c < ' ' => json.push_str(&format!("\\u{:04x}", c as u32)),
            c => json.push(c),
        }
    }
    json.push('"');
}

#[derive(Debug)]
pub(crate) enum Piece {
    Frames { dialect: DialectId, range: FrameRange },
    Own(Vec<u8>),
}

impl Piece {
    const fn len(&self) -> usize {
        match self {
            Self::Frames { range, .. } => range.len as usize,
            Self::Own(bytes) => bytes.len(),
        }
    }
}

/// The queue of one connection.
pub(crate) struct Outbox {
    pub(crate) dialect: DialectId,
    pub(crate) limits: OutboxLimits,
    /// Above this many bytes the limits have to be looked at.
    pub(crate) watch_bytes: usize,
    pub(crate) pieces: VecDeque<Piece>,
    /// Bytes of the first piece that the socket has taken.
    front_sent: usize,
    pub(crate) bytes: usize,
    /// Queued for the flusher.
    pub(crate) dirty: bool,
    /// `bytes` when it was queued: what has come on top is the flusher's lag.
    pub(crate) bytes_before: usize,
    /// The round of visits that it was last visited in.
    pub(crate) visited_in: u32,
    /// It lags by more than the publish window.
    pub(crate) lagging: bool,
    /// The socket takes no more; the flusher leaves it alone until it does.
    pub(crate) blocked: bool,
    /// Channels, shard channels and patterns it gets messages of.
    pub(crate) subscriptions: u32,
    /// It has subscribed to [`LAG_CHANNEL`].
    pub(crate) wants_notice: bool,
    soft_since_ms: Option<u64>,
    /// Size after the last thinning to the newest messages: the next one waits for some growth.
    thinned_bytes: usize,
    dropped: Option<Box<Dropped>>,
    /// `bytes` as other workers may read it: exact while blocked.
    gauge: Gauge,
    /// First piece of the distribution under way, when it may need sorting.
    pub(crate) unsorted_from: Option<u32>,
}

impl Outbox {
    pub(crate) fn new(dialect: DialectId, gauge: Gauge) -> Self {
        Self {
            dialect,
            limits: OutboxLimits::default(),
            watch_bytes: usize::MAX,
            pieces: VecDeque::new(),
            front_sent: 0,
            bytes: 0,
            dirty: false,
            bytes_before: 0,
            visited_in: 0,
            lagging: false,
            blocked: false,
            subscriptions: 0,
            wants_notice: false,
            soft_since_ms: None,
            thinned_bytes: 0,
            dropped: None,
            gauge,
            unsorted_from: None,
        }
    }

    /// Whether `gauge` is this connection's, and not that of an earlier one with the same number.
    pub(crate) fn is_shown_by(&self, gauge: &Gauge) -> bool {
        Arc::ptr_eq(&self.gauge, gauge)
    }

    pub(crate) fn set_limits(&mut self, limits: OutboxLimits) {
        self.limits = limits;
        let or_none = |bytes: usize| if bytes == 0 { usize::MAX } else { bytes };
        self.watch_bytes = or_none(limits.hard_bytes).min(or_none(limits.soft_bytes));
    }

    /// Appends a range of its dialect's log.
    pub(crate) fn push_frames(&mut self, range: FrameRange, log: &mut FrameLog) {
        self.bytes += range.len as usize;
        // Ranges of a subscriber with several subscriptions may yet have to be sorted: see `sort_new`.
        if self.unsorted_from.is_none()
            && let Some(Piece::Frames { dialect, range: last }) = self.pieces.back_mut()
            && *dialect == self.dialect
            && log.extend(*last, range)
        {
            last.len += range.len;
        } else {
            log.retain(range);
            self.pieces.push_back(Piece::Frames { dialect: self.dialect, range });
        }
        if self.blocked {
            self.publish_gauge();
        }
    }

    /// Puts the pieces of this distribution into the order of the log, which is the order of publication.
    ///
    /// `scratch` is empty before and after; it is passed in so that no delivery allocates.
    pub(crate) fn sort_new(&mut self, log: &mut FrameLog, scratch: &mut Vec<FrameRange>) {
        let Some(from) = self.unsorted_from.take() else { return };
        scratch.extend(self.pieces.drain(from as usize..).map(|piece| match piece {
            Piece::Frames { range, .. } => range,
            Piece::Own(_) => unreachable!("a distribution adds only frames"),
        }));
        scratch.sort_unstable_by_key(|range| range.start);
        for range in scratch.drain(..) {
            if let Some(Piece::Frames { dialect, range: last }) = self.pieces.back_mut()
                && *dialect == self.dialect
                && log.extend(*last, range)
            {
                last.len += range.len;
                log.release(range);
            } else {
                self.pieces.push_back(Piece::Frames { dialect: self.dialect, range });
            }
        }
    }

    /// Its ranges of a dialect's log that begin at `from` or later, the last one first.
    pub(crate) fn frames_from(&self, dialect: DialectId, from: u64) -> impl Iterator<Item = FrameRange> + '_ {
        let ranges = self.pieces.iter().rev().filter_map(move |piece| match piece {
            Piece::Frames { dialect: at, range } if *at == dialect => Some(*range),
            _ => None,
        });
        ranges.take_while(move |range| range.start >= from)
    }

    /// Appends bytes of its own: replies, confirmations, notices.
    pub(crate) fn push_own(&mut self, bytes: &[u8], spare: &mut Vec<Vec<u8>>) {
        self.bytes += bytes.len();
        if let Some(Piece::Own(last)) = self.pieces.back_mut()
            && last.len() < OWN_BYTES_MAX
        {
            last.extend_from_slice(bytes);
        } else {
            let mut own = spare.pop().unwrap_or_default();
            own.extend_from_slice(bytes);
            self.pieces.push_back(Piece::Own(own));
        }
        if self.blocked {
            self.publish_gauge();
        }
    }

    /// Fills the empty piece that keeps a place.
    pub(crate) fn fill_own(&mut self, bytes: &[u8]) {
        let place = self.pieces.iter().rposition(|piece| matches!(piece, Piece::Own(own) if own.is_empty()));
        let Some(place) = place else { return };
        if bytes.is_empty() {
            self.pieces.remove(place);
            return;
        }
        self.pieces[place] = Piece::Own(bytes.to_vec());
        self.bytes += bytes.len();
    }

    /// Hands the slices to send next, at most `max`, to `push`; returns their total length.
    pub(crate) fn slices<'a>(&'a self, logs: &'a [FrameLog], max: usize, mut push: impl FnMut(&'a [u8])) -> usize {
        let (mut count, mut total) = (0, 0);
        let mut skip = self.front_sent;
        for piece in &self.pieces {
            // A piece of a large payload takes three slices.
            if count + 3 > max {
                break;
            }
            let mut each = |slice: &'a [u8]| {
                count += 1;
                total += slice.len();
                push(slice);
            };
            match piece {
                Piece::Frames { dialect, range } => logs[*dialect].slices(*range, skip, each),
                Piece::Own(bytes) => each(&bytes[skip..]),
            }
            skip = 0;
        }
        total
    }

    /// Takes note that the socket took `sent` bytes.
    pub(crate) fn consume(&mut self, mut sent: usize, logs: &mut [FrameLog], spare: &mut Vec<Vec<u8>>) {
        self.bytes -= sent;
        while sent > 0 {
            let Some(front) = self.pieces.front() else { break };
            let left = front.len() - self.front_sent;
            if sent < left {
                self.front_sent += sent;
                break;
            }
            sent -= left;
            self.front_sent = 0;
            if let Some(piece) = self.pieces.pop_front() {
                release(piece, logs, spare);
            }
        }
        self.note_shrunk();
    }

    /// Frees the room of a queue that is found empty.
    ///
    /// Called some times a second and not with each visit: messages of several subscriptions are many pieces until
    /// they are sorted, and must not cost an allocation each time.
    pub(crate) fn give_back(&mut self) {
        if self.pieces.is_empty() {
            self.pieces = VecDeque::new();
        }
    }

    /// Bytes have gone: the time above the soft limit ends with the first look below it, and what was thinned out is
    /// no more than what is there.
    fn note_shrunk(&mut self) {
        if self.bytes <= self.limits.soft_bytes {
            self.soft_since_ms = None;
        }
        self.thinned_bytes = self.thinned_bytes.min(self.bytes);
    }

    /// Gives up everything queued.
    pub(crate) fn clear(&mut self, logs: &mut [FrameLog], spare: &mut Vec<Vec<u8>>) {
        for piece in std::mem::take(&mut self.pieces) {
            release(piece, logs, spare);
        }
        self.bytes = 0;
        self.front_sent = 0;
        self.publish_gauge();
    }

    pub(crate) fn publish_gauge(&self) {
        self.gauge.store(self.bytes, Ordering::Relaxed);
    }

    /// Applies the limits; what was dropped is returned, or why the connection can't be kept.
    pub(crate) fn enforce(&mut self, now_ms: u64, logs: &mut [FrameLog]) -> Result<(u64, u64), Overflow> {
        let OutboxLimits { hard_bytes, soft_bytes, soft_ms, policy } = self.limits;
        let over_hard = hard_bytes > 0 && self.bytes > hard_bytes;
        let over_soft = soft_bytes > 0 && self.bytes > soft_bytes;
        let soft_expired = if over_soft {
            now_ms.saturating_sub(*self.soft_since_ms.get_or_insert(now_ms)) > soft_ms
        } else {
            self.soft_since_ms = None;
            false
        };
        let mut dropped = (0, 0);
        let mut account = |(count, bytes): (u64, u64)| {
            dropped.0 += count;
            dropped.1 += bytes;
        };
        match policy {
            SlowPolicy::Disconnect => {}
            SlowPolicy::DropOldest if over_hard => account(self.drop_oldest(hard_bytes, logs)),
            SlowPolicy::DropOldest if soft_expired => account(self.drop_oldest(soft_bytes, logs)),
            SlowPolicy::DropOldest => {}
            SlowPolicy::Latest => {
                // Each pass costs the whole queue, so it waits until the queue has grown by a quarter.
                let grown = self.bytes > self.thinned_bytes + self.thinned_bytes / 4;
                if over_hard || (over_soft && grown) {
                    account(self.keep_newest(logs));
                }
                if hard_bytes > 0 && self.bytes > hard_bytes {
                    // Some room, since with that many channels each message would cost a pass.
                    account(self.drop_oldest(hard_bytes - hard_bytes / 8, logs));
                }
            }
        }
        if self.blocked {
            self.publish_gauge();
        }
        if hard_bytes > 0 && self.bytes > hard_bytes {
            return Err(Overflow::Hard);
        }
        if soft_expired && policy == SlowPolicy::Disconnect {
            return Err(Overflow::Soft);
        }
        Ok(dropped)
    }

    /// The socket takes bytes again: thins a queue of the newest out once more and tells what was dropped.
    pub(crate) fn unblock(&mut self, dialect: &dyn Dialect, logs: &mut [FrameLog]) -> (u64, u64) {
        self.blocked = false;
        // Exact again when it blocks the next time; until then what is queued is about to be sent.
        self.gauge.store(0, Ordering::Relaxed);
        let mut dropped = (0, 0);
        let soft_bytes = self.limits.soft_bytes;
        if self.limits.policy == SlowPolicy::Latest && soft_bytes > 0 && self.bytes > soft_bytes {
            dropped = self.keep_newest(logs);
        }
        self.tell_dropped(dialect, logs);
        dropped
    }

    /// Puts the notice of what was dropped where it was: before all that is newer, after the frame that has begun.
    pub(crate) fn tell_dropped(&mut self, dialect: &dyn Dialect, logs: &mut [FrameLog]) {
        let Some(record) = self.dropped.take() else { return };
        if !self.wants_notice {
            return;
        }
        let payload = record.notice(self.limits.policy);
        let message = Message { kind: MessageKind::Channel, channel: LAG_CHANNEL, payload: payload.as_bytes() };
        let mut frame = Vec::new();
        dialect.encode_head(&message, &mut frame);
        frame.extend_from_slice(message.payload);
        dialect.encode_tail(&mut frame);
        self.bytes += frame.len();
        let at = self.isolate_begun_frame(logs);
        self.pieces.insert(at, Piece::Own(frame));
    }

    /// Splits the first piece so that a frame that has begun to be sent stands alone; returns how many pieces must
    /// stay in front.
    fn isolate_begun_frame(&mut self, logs: &mut [FrameLog]) -> usize {
        if self.front_sent == 0 {
            return 0;
        }
        let Some(Piece::Frames { dialect, range }) = self.pieces.front() else { return 1 };
        let (dialect, range) = (*dialect, *range);
        let cut = range.start + self.front_sent as u64;
        let mut begun = None;
        logs[dialect].for_each_frame(range, |frame, _| {
            if frame.start < cut && cut < frame.end() {
                begun = Some(frame);
            }
        });
        let log = &mut logs[dialect];
        // Sent exactly up to the end of a frame: nothing has begun, what is sent can go.
        let (keep, rest_start) = begun.map_or((None, cut), |frame| (Some(frame), frame.end()));
        let rest = FrameRange { start: rest_start, len: (range.end() - rest_start) as u32 };
        self.pieces.pop_front();
        if rest.len > 0 {
            log.retain(rest);
            self.pieces.push_front(Piece::Frames { dialect, range: rest });
        }
        if let Some(frame) = keep {
            log.retain(frame);
            self.pieces.push_front(Piece::Frames { dialect, range: frame });
            self.front_sent = (cut - frame.start) as usize;
        } else {
            self.front_sent = 0;
        }
        log.release(range);
        keep.is_some() as usize
    }

    /// Drops messages from the front until at most `target` bytes are left; never replies.
    ///
    /// It costs what it drops, not what is queued: a subscriber at its limit comes here with every message.
    fn drop_oldest(&mut self, target: usize, logs: &mut [FrameLog]) -> (u64, u64) {
        let begun = self.isolate_begun_frame(logs);
        let mut excess = self.bytes.saturating_sub(target);
        let mut record = self.dropped.take().unwrap_or_default();
        let (count, bytes) = (record.count, record.bytes);
        let mut kept: Vec<Piece> = Vec::new();
        while excess > 0 {
            match self.pieces.pop_front() {
                None => break,
                Some(piece) if kept.len() < begun => kept.push(piece),
                Some(Piece::Own(own)) => match kept.last_mut() {
                    // An empty one keeps a place; the others join, so that the next call has few to pass.
                    Some(Piece::Own(last)) if !last.is_empty() && !own.is_empty() && last.len() < OWN_BYTES_MAX => {
                        last.extend_from_slice(&own);
                    }
                    _ => kept.push(Piece::Own(own)),
                },
                Some(Piece::Frames { dialect, range }) => {
                    let mut rest = range;
                    logs[dialect].frames_while(range, |frame, view| {
                        record.add(view.channel, view.len);
                        excess = excess.saturating_sub(view.len);
                        rest = FrameRange { start: frame.end(), len: (range.end() - frame.end()) as u32 };
                        excess > 0
                    });
                    if rest.len > 0 {
                        logs[dialect].retain(rest);
                        self.pieces.push_front(Piece::Frames { dialect, range: rest });
                    }
                    logs[dialect].release(range);
                }
            }
        }
        for piece in kept.into_iter().rev() {
            self.pieces.push_front(piece);
        }
        self.note_dropped(record, count, bytes)
    }

    /// Keeps of each channel (and of each pattern and channel) the newest message only.
    fn keep_newest(&mut self, logs: &mut [FrameLog]) -> (u64, u64) {
        let begun = self.isolate_begun_frame(logs);
        let mut newest: HashMap<(DialectId, MessageKind<'_>, &[u8]), u64> = HashMap::new();
        for piece in self.pieces.iter().skip(begun) {
            if let Piece::Frames { dialect, range } = piece {
                logs[*dialect].for_each_frame(*range, |frame, view| {
                    newest.insert((*dialect, view.kind, view.channel), frame.start);
                });
            }
        }
        let kept: std::collections::HashSet<(DialectId, u64)> =
            newest.into_iter().map(|((dialect, ..), start)| (dialect, start)).collect();
        let dropped = self.retain_frames(logs, |dialect, frame, _| kept.contains(&(dialect, frame.start)));
        self.thinned_bytes = self.bytes;
        dropped
    }

    /// Drops the messages that `keep` does not want, except one that has begun to be sent.
    fn retain_frames(
        &mut self,
        logs: &mut [FrameLog],
        mut keep: impl FnMut(DialectId, FrameRange, &[u8]) -> bool,
    ) -> (u64, u64) {
        let begun = self.isolate_begun_frame(logs);
        let mut record = self.dropped.take().unwrap_or_default();
        let (count, bytes) = (record.count, record.bytes);
        let mut pieces: VecDeque<Piece> = VecDeque::new();
        for (at, piece) in std::mem::take(&mut self.pieces).into_iter().enumerate() {
            let Piece::Frames { dialect, range } = piece else {
                pieces.push_back(piece);
                continue;
            };
            if at < begun {
                pieces.push_back(Piece::Frames { dialect, range });
                continue;
            }
            let mut kept: Vec<FrameRange> = Vec::new();
            logs[dialect].for_each_frame(range, |frame, view| {
                if keep(dialect, frame, view.channel) {
                    match kept.last_mut() {
                        Some(last) if last.end() == frame.start => last.len += frame.len,
                        _ => kept.push(frame),
                    }
                } else {
                    record.add(view.channel, view.len);
                }
            });
            for range in kept {
                logs[dialect].retain(range);
                pieces.push_back(Piece::Frames { dialect, range });
            }
            logs[dialect].release(range);
        }
        self.pieces = pieces;
        self.note_dropped(record, count, bytes)
    }

    /// Keeps `record`, which had `count` and `bytes` before; returns what was added to it.
    fn note_dropped(&mut self, record: Box<Dropped>, count: u64, bytes: u64) -> (u64, u64) {
        let dropped = (record.count - count, record.bytes - bytes);
        self.bytes -= dropped.1 as usize;
        if record.count > 0 {
            self.dropped = Some(record);
        }
        self.note_shrunk();
        dropped
    }
}

fn release(piece: Piece, logs: &mut [FrameLog], spare: &mut Vec<Vec<u8>>) {
    match piece {
        Piece::Frames { dialect, range } => logs[dialect].release(range),
        Piece::Own(mut bytes) => {
            // Small buffers serve the next reply; there are as many as there are connections in one turn.
            if bytes.capacity() <= 16 * 1024 && spare.len() < 64 {
                bytes.clear();
                spare.push(bytes);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_bytes_that_were_sent_are_freed_though_the_queue_never_gets_empty() {
        let mut outbox = Outbox::new(0, Arc::default());
        let mut spare = Vec::new();
        outbox.push_own(&[b'+'; 1000], &mut spare);
        for _ in 0..1_000 {
            outbox.push_own(&[b'+'; 1000], &mut spare);
            outbox.consume(1000, &mut [], &mut spare);
        }
        assert_eq!(outbox.bytes, 1000);
        let held: usize = outbox.pieces.iter().map(Piece::len).sum();
        assert!(held <= 2 * OWN_BYTES_MAX, "{held}");
    }
}
