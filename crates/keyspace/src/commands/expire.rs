//! Deadlines of keys. Source: Redis command pages, EXPIRE and those that it names.

use crate::call::{Call, Outcome};
use crate::database::NO_DEADLINE;
use crate::error::CommandError;
use crate::event::EventClasses;

/// When a new deadline is taken.
#[derive(Clone, Copy, Debug, Default)]
struct Condition {
    /// NX: only if there is none.
    none: bool,
    /// XX: only if there is one.
    some: bool,
    /// GT: only if it is later.
    later: bool,
    /// LT: only if it is earlier.
    earlier: bool,
}

impl Condition {
    /// Reads the words from `first` on.
    fn parse(call: &Call<'_>, first: usize) -> Result<Self, CommandError> {
        let mut condition = Self::default();
        for word in call.words(first) {
            match word.to_ascii_uppercase().as_slice() {
                b"NX" => condition.none = true,
                b"XX" => condition.some = true,
                b"GT" => condition.later = true,
                b"LT" => condition.earlier = true,
                _ => {
                    let text = [b"ERR Unsupported option ", word].concat();
                    return Err(CommandError::owned(text));
                }
            }
        }
        if condition.none && (condition.some || condition.later || condition.earlier) {
            let text = "ERR NX and XX, GT or LT options at the same time are not compatible";
            return Err(CommandError::new(text));
        }
        if condition.later && condition.earlier {
            return Err(CommandError::new("ERR GT and LT options at the same time are not compatible"));
        }
        Ok(condition)
    }

    /// Whether `next_ms` may take the place of `now_ms`; no deadline is later than every other.
    fn allows(self, now_ms: u64, next_ms: i64) -> bool {
        let (is_set, next_ms) = (now_ms != NO_DEADLINE, u64::try_from(next_ms).unwrap_or(0));
        (!self.none || !is_set)
            && (!self.some || is_set)
            && (!self.later || next_ms > now_ms)
            && (!self.earlier || next_ms < now_ms)
    }
}

/// `EXPIRE key seconds [NX|XX|GT|LT]`.
pub fn expire(call: &mut Call<'_>) -> Outcome {
    let now_ms = call.keys.now_ms();
    set(call, "expire", 1000, now_ms)
}

/// `PEXPIRE key milliseconds [NX|XX|GT|LT]`.
pub fn pexpire(call: &mut Call<'_>) -> Outcome {
    let now_ms = call.keys.now_ms();
    set(call, "pexpire", 1, now_ms)
}

/// `EXPIREAT key unix-time-seconds [NX|XX|GT|LT]`.
pub fn expireat(call: &mut Call<'_>) -> Outcome {
    set(call, "expireat", 1000, 0)
}

/// `PEXPIREAT key unix-time-milliseconds [NX|XX|GT|LT]`.
pub fn pexpireat(call: &mut Call<'_>) -> Outcome {
    set(call, "pexpireat", 1, 0)
}

/// Sets a deadline of so many times `factor` milliseconds after `start_ms`; what is past already deletes the key.
fn set(call: &mut Call<'_>, command: &str, factor: i64, start_ms: u64) -> Outcome {
    let condition = Condition::parse(call, 3)?;
    let time = call.integer(2)?.checked_mul(factor).and_then(|time| time.checked_add(start_ms.cast_signed()));
    let deadline_ms = time.ok_or_else(|| CommandError::invalid_expire(command))?;
    let key = call.word(1);
    let now_ms = call.keys.now_ms();
    let Some(before_ms) = call.keys.peek(key).map(|entry| entry.deadline_ms) else { return call.count(0) };
    if !condition.allows(before_ms, deadline_ms) {
        return call.count(0);
    }
    match u64::try_from(deadline_ms) {
        Ok(deadline_ms) if deadline_ms > now_ms => {
            call.keys.set_deadline(key, Some(deadline_ms));
            call.keys.changed(EventClasses::GENERIC, "expire", key);
        }
        _ => {
            call.keys.delete(key);
        }
    }
    call.count(1)
}

/// `PERSIST key`.
pub fn persist(call: &mut Call<'_>) -> Outcome {
    let key = call.word(1);
    let had_deadline = call.keys.deadline(key).is_some();
    if had_deadline {
        call.keys.set_deadline(key, None);
        call.keys.changed(EventClasses::GENERIC, "persist", key);
    }
    call.count(usize::from(had_deadline))
}

/// `TTL key`.
pub fn ttl(call: &mut Call<'_>) -> Outcome {
    let now_ms = call.keys.now_ms();
    reply_time(call, |at| seconds(at - now_ms))
}

/// `PTTL key`.
pub fn pttl(call: &mut Call<'_>) -> Outcome {
    let now_ms = call.keys.now_ms();
    reply_time(call, |at| at - now_ms)
}

/// `EXPIRETIME key`.
pub fn expiretime(call: &mut Call<'_>) -> Outcome {
    reply_time(call, seconds)
}

/// `PEXPIRETIME key`.
pub fn pexpiretime(call: &mut Call<'_>) -> Outcome {
    reply_time(call, |at| at)
}

const fn seconds(ms: u64) -> u64 {
    (ms + 500) / 1000
}

/// Replies with what `time` makes of the deadline, -1 for a key without one, -2 for a missing key.
fn reply_time(call: &mut Call<'_>, time: impl FnOnce(u64) -> u64) -> Outcome {
    let reply = match call.keys.inspect(call.request.get(1).unwrap_or_default()).map(|entry| entry.deadline_ms) {
        None => -2,
        Some(NO_DEADLINE) => -1,
        Some(at) => time(at).cast_signed(),
    };
    call.reply.integer(reply);
    Ok(())
}
