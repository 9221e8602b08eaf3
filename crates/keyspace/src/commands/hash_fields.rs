//! Commands on the deadlines of hash fields. Source: Redis command pages, group "hash", since 7.4 and 8.0.

use crate::call::{Call, Outcome};
use crate::error::CommandError;
use crate::number::parse_integer;
use crate::values::hash::Hash;

/// The last time, in Unix milliseconds, at which a field may expire.
const DEADLINE_MAX_MS: i64 = (1 << 46) - 1;

/// What the commands answer for a field that is not there.
const NO_FIELD: i64 = -2;
/// And for one that has no deadline.
const NO_DEADLINE: i64 = -1;

const FIELDS_MISSING: CommandError =
    CommandError::new("ERR Mandatory argument FIELDS is missing or not at the right position");
const COUNT_NOT_POSITIVE: CommandError = CommandError::new("ERR Number of fields must be a positive integer");
const COUNT_DIFFERS: CommandError =
    CommandError::new("ERR The `numfields` parameter must match the number of arguments");

/// How a command tells a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Clock {
    /// Milliseconds of its unit.
    unit_ms: i64,
    /// Whether it counts from now, and not from 1970.
    is_relative: bool,
}

impl Clock {
    const EX: Self = Self { unit_ms: 1000, is_relative: true };
    const PX: Self = Self { unit_ms: 1, is_relative: true };
    const EXAT: Self = Self { unit_ms: 1000, is_relative: false };
    const PXAT: Self = Self { unit_ms: 1, is_relative: false };

    /// The clock that a keyword names.
    fn of(word: &[u8]) -> Option<Self> {
        [("EX", Self::EX), ("PX", Self::PX), ("EXAT", Self::EXAT), ("PXAT", Self::PXAT)]
            .into_iter()
            .find(|(keyword, _)| word.eq_ignore_ascii_case(keyword.as_bytes()))
            .map(|(_, clock)| clock)
    }

    const fn base_ms(self, call: &Call<'_>) -> i64 {
        if self.is_relative { call.keys.now_ms() as i64 } else { 0 }
    }

    /// The word at `index` as Unix milliseconds; `command` in lower case.
    fn deadline(self, call: &Call<'_>, index: usize, command: &str) -> Result<u64, CommandError> {
        let time = call.integer(index)?;
        if time < 0 {
            return Err(CommandError::new("ERR invalid expire time, must be >= 0"));
        }
        let deadline = time.checked_mul(self.unit_ms).and_then(|time| time.checked_add(self.base_ms(call)));
        match deadline {
            Some(deadline) if deadline <= DEADLINE_MAX_MS => Ok(deadline as u64),
            _ => Err(CommandError::invalid_expire(command)),
        }
    }

    /// A deadline as this clock tells it, rounded up.
    fn told(self, call: &Call<'_>, deadline_ms: u64) -> i64 {
        (deadline_ms as i64 - self.base_ms(call) + self.unit_ms - 1) / self.unit_ms
    }
}

/// Checks `FIELDS numfields field [field ...]` at `index`; returns where the fields begin.
fn fields_at(call: &Call<'_>, index: usize, not_positive: CommandError) -> Result<usize, CommandError> {
    if !call.is_word(index, "FIELDS") {
        return Err(FIELDS_MISSING);
    }
    let count = parse_integer(call.word(index + 1)).filter(|count| *count > 0).ok_or(not_positive)?;
    if usize::try_from(count).ok() != call.len().checked_sub(index + 2) {
        return Err(COUNT_DIFFERS);
    }
    Ok(index + 2)
}

/// When HEXPIRE and its like change a deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Condition {
    Always,
    /// NX: the field has none.
    Without,
    /// XX: it has one.
    With,
    /// GT: it has an earlier one; none is later than any.
    Later,
    /// LT: it has a later one, or none.
    Earlier,
}

impl Condition {
    /// The condition that a keyword names.
    fn of(word: &[u8]) -> Option<Self> {
        [("NX", Self::Without), ("XX", Self::With), ("GT", Self::Later), ("LT", Self::Earlier)]
            .into_iter()
            .find(|(keyword, _)| word.eq_ignore_ascii_case(keyword.as_bytes()))
            .map(|(_, condition)| condition)
    }

    fn allows(self, before: Option<u64>, deadline_ms: u64) -> bool {
        match self {
            Self::Always => true,
            Self::Without => before.is_none(),
            Self::With => before.is_some(),
            Self::Later => before.is_some_and(|before| deadline_ms > before),
            Self::Earlier => before.is_none_or(|before| deadline_ms < before),
        }
    }
}

/// `HEXPIRE key seconds [NX | XX | GT | LT] FIELDS numfields field [field ...]`.
pub fn hexpire(call: &mut Call<'_>) -> Outcome {
    expire(call, "hexpire", Clock::EX)
}

/// `HPEXPIRE key milliseconds [NX | XX | GT | LT] FIELDS numfields field [field ...]`.
pub fn hpexpire(call: &mut Call<'_>) -> Outcome {
    expire(call, "hpexpire", Clock::PX)
}

/// `HEXPIREAT key unix-time-seconds [NX | XX | GT | LT] FIELDS numfields field [field ...]`.
pub fn hexpireat(call: &mut Call<'_>) -> Outcome {
    expire(call, "hexpireat", Clock::EXAT)
}

/// `HPEXPIREAT key unix-time-milliseconds [NX | XX | GT | LT] FIELDS numfields field [field ...]`.
pub fn hpexpireat(call: &mut Call<'_>) -> Outcome {
    expire(call, "hpexpireat", Clock::PXAT)
}

fn expire(call: &mut Call<'_>, command: &str, clock: Clock) -> Outcome {
    let key = call.word(1);
    call.keys.write_as::<Hash>(key)?;
    let deadline_ms = clock.deadline(call, 2, command)?;
    let condition = Condition::of(call.word(3));
    let not_positive = CommandError::new("ERR Parameter `numFields` should be greater than 0");
    let first = fields_at(call, 3 + usize::from(condition.is_some()), not_positive)?;
    let condition = condition.unwrap_or(Condition::Always);
    let fields = call.words(first);
    let is_past = deadline_ms <= call.keys.now_ms();
    let mut hash = call.keys.write_as::<Hash>(key)?;
    let mut changed = Vec::new();
    call.reply.array(fields.len());
    for field in fields {
        let answer = match &mut hash {
            Some(hash) if hash.contains(field) => {
                if condition.allows(hash.deadline(field), deadline_ms) {
                    changed.push(field);
                    set_deadline(hash, field, deadline_ms, is_past)
                } else {
                    0
                }
            }
            _ => NO_FIELD,
        };
        call.reply.integer(answer);
    }
    if !changed.is_empty() {
        call.keys.touched(key);
        notify_expire(call, &changed, is_past);
    }
    Ok(())
}

/// Gives a field a deadline, or takes it out if that has passed; returns what HEXPIRE answers.
fn set_deadline(hash: &mut Hash, field: &[u8], deadline_ms: u64, is_past: bool) -> i64 {
    if is_past {
        hash.remove(field);
        2
    } else {
        hash.set_deadline(field, deadline_ms);
        1
    }
}

/// Says that fields have another deadline, or went since that has passed.
fn notify_expire(call: &mut Call<'_>, changed: &[&[u8]], is_past: bool) {
    let key = call.word(1);
    call.keys.notify_fields(if is_past { "hdel" } else { "hexpire" }, key, changed.iter().copied());
    call.keys.remove_if_empty(key);
}

/// `HTTL key FIELDS numfields field [field ...]`.
pub fn httl(call: &mut Call<'_>) -> Outcome {
    tell(call, Clock::EX)
}

/// `HPTTL key FIELDS numfields field [field ...]`.
pub fn hpttl(call: &mut Call<'_>) -> Outcome {
    tell(call, Clock::PX)
}

/// `HEXPIRETIME key FIELDS numfields field [field ...]`.
pub fn hexpiretime(call: &mut Call<'_>) -> Outcome {
    tell(call, Clock::EXAT)
}

/// `HPEXPIRETIME key FIELDS numfields field [field ...]`.
pub fn hpexpiretime(call: &mut Call<'_>) -> Outcome {
    tell(call, Clock::PXAT)
}

fn tell(call: &mut Call<'_>, clock: Clock) -> Outcome {
    let key = call.word(1);
    call.keys.read_as::<Hash>(key)?;
    let first = fields_at(call, 2, COUNT_NOT_POSITIVE)?;
    let fields = call.words(first);
    call.reply.array(fields.len());
    for field in fields {
        let answer = match call.keys.again::<Hash>(key) {
            Some(hash) if hash.contains(field) => {
                hash.deadline(field).map_or(NO_DEADLINE, |deadline_ms| clock.told(call, deadline_ms))
            }
            _ => NO_FIELD,
        };
        call.reply.integer(answer);
    }
    Ok(())
}

/// `HPERSIST key FIELDS numfields field [field ...]`.
pub fn hpersist(call: &mut Call<'_>) -> Outcome {
    let key = call.word(1);
    call.keys.write_as::<Hash>(key)?;
    let first = fields_at(call, 2, COUNT_NOT_POSITIVE)?;
    let fields = call.words(first);
    let mut hash = call.keys.write_as::<Hash>(key)?;
    let mut changed = Vec::new();
    call.reply.array(fields.len());
    for field in fields {
        let is_lifted = hash.as_mut().is_some_and(|hash| hash.lift_deadline(field));
        changed.extend(is_lifted.then_some(field));
        let exists = hash.as_ref().is_some_and(|hash| hash.contains(field));
        call.reply.integer(match (is_lifted, exists) {
            (true, _) => 1,
            (false, true) => NO_DEADLINE,
            (false, false) => NO_FIELD,
        });
    }
    if !changed.is_empty() {
        call.keys.touched(key);
        call.keys.notify_fields("hpersist", key, changed);
    }
    Ok(())
}

/// `HGETDEL key FIELDS numfields field [field ...]`.
pub fn hgetdel(call: &mut Call<'_>) -> Outcome {
    let key = call.word(1);
    call.keys.write_as::<Hash>(key)?;
    let first = fields_at(call, 2, COUNT_NOT_POSITIVE)?;
    let fields = call.words(first);
    let mut hash = call.keys.write_as::<Hash>(key)?;
    let mut gone = Vec::new();
    call.reply.array(fields.len());
    for field in fields {
        match hash.as_ref().and_then(|hash| hash.get(field)) {
            Some(value) => call.reply.bulk(value),
            None => call.reply.null(),
        };
        if hash.as_mut().is_some_and(|hash| hash.remove(field)) {
            gone.push(field);
        }
    }
    if !gone.is_empty() {
        call.keys.touched(key);
        call.keys.notify_fields("hdel", key, gone);
        call.keys.remove_if_empty(key);
    }
    Ok(())
}

/// `HGETEX key [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | PERSIST] FIELDS
/// numfields field [field ...]`.
pub fn hgetex(call: &mut Call<'_>) -> Outcome {
    let key = call.word(1);
    call.keys.write_as::<Hash>(key)?;
    let deadline_ms = Clock::of(call.word(2)).map(|clock| clock.deadline(call, 3, "hgetex")).transpose()?;
    let persists = call.is_word(2, "PERSIST");
    let at = 2 + if deadline_ms.is_some() { 2 } else { usize::from(persists) };
    let first = fields_at(call, at, COUNT_NOT_POSITIVE)?;
    let fields = call.words(first);
    let is_past = deadline_ms.is_some_and(|deadline_ms| deadline_ms <= call.keys.now_ms());
    let mut hash = call.keys.write_as::<Hash>(key)?;
    let mut changed = Vec::new();
    call.reply.array(fields.len());
    for field in fields {
        let Some(hash) = hash.as_mut().filter(|hash| hash.contains(field)) else {
            call.reply.null();
            continue;
        };
        call.reply.bulk(hash.get(field).unwrap_or_default());
        let is_changed = match deadline_ms {
            Some(deadline_ms) => set_deadline(hash, field, deadline_ms, is_past) > 0,
            None => persists && hash.lift_deadline(field),
        };
        changed.extend(is_changed.then_some(field));
    }
    if !changed.is_empty() {
        call.keys.touched(key);
        match persists {
            true => call.keys.notify_fields("hpersist", key, changed),
            false => notify_expire(call, &changed, is_past),
        }
    }
    Ok(())
}

/// Which fields HSETEX wants to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Presence {
    /// FNX: none of them.
    None,
    /// FXX: all of them.
    All,
}

/// What becomes of the deadlines of the fields that HSETEX sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lifetime {
    Keep,
    Until(u64),
}

/// `HSETEX key [FNX | FXX] [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds |
/// KEEPTTL] FIELDS numfields field value [field value ...]`.
pub fn hsetex(call: &mut Call<'_>) -> Outcome {
    let (key, limits, now_ms) = (call.word(1), call.keys.limits(), call.keys.now_ms());
    let (presence, lifetime, first) = hsetex_options(call)?;
    let fields: Vec<&[u8]> = call.words(first).step_by(2).collect();
    let values = call.words(first + 1).step_by(2);
    let hash = call.keys.write_as::<Hash>(key)?;
    let has = |field: &&[u8]| hash.as_ref().is_some_and(|hash| hash.contains(field));
    let is_wanted = match presence {
        None => true,
        Some(Presence::None) => !fields.iter().any(has),
        Some(Presence::All) => fields.iter().all(has),
    };
    if !is_wanted {
        return call.count(0);
    }
    let hash = call.keys.write_or_create::<Hash>(key)?;
    let is_past = matches!(lifetime, Some(Lifetime::Until(deadline_ms)) if deadline_ms <= now_ms);
    for (field, value) in fields.iter().zip(values) {
        hash.set(field, value, &limits);
        match lifetime {
            None => _ = hash.lift_deadline(field),
            Some(Lifetime::Keep) => {}
            Some(Lifetime::Until(deadline_ms)) => _ = set_deadline(hash, field, deadline_ms, is_past),
        }
    }
    call.keys.touched(key);
    call.keys.notify_fields("hset", key, fields.iter().copied());
    if let Some(Lifetime::Until(_)) = lifetime {
        notify_expire(call, &fields, is_past);
    }
    call.count(1)
}

/// Reads the options of HSETEX, which may stand in any order; returns where its fields begin as well.
fn hsetex_options(call: &Call<'_>) -> Result<(Option<Presence>, Option<Lifetime>, usize), CommandError> {
    let (mut presence, mut lifetime) = (None, None);
    let mut at = 2;
    while at < call.len() {
        let word = call.word(at);
        let own_presence = match () {
            () if call.is_word(at, "FNX") => Some(Presence::None),
            () if call.is_word(at, "FXX") => Some(Presence::All),
            () => None,
        };
        if call.is_word(at, "FIELDS") {
            return Ok((presence, lifetime, pairs_at(call, at)?));
        } else if own_presence.is_some() {
            if presence.is_some() {
                return Err(CommandError::new("ERR Only one of FXX or FNX arguments can be specified"));
            }
            presence = own_presence;
        } else if Clock::of(word).is_some() || call.is_word(at, "KEEPTTL") {
            if lifetime.is_some() {
                let text = "ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified";
                return Err(CommandError::new(text));
            }
            lifetime = Some(Lifetime::Keep);
            if let Some(clock) = Clock::of(word) {
                at += 1;
                if at == call.len() {
                    return Err(CommandError::new("ERR missing expire time"));
                }
                lifetime = Some(Lifetime::Until(clock.deadline(call, at, "hsetex")?));
            }
        } else {
            return Err(CommandError::owned([b"ERR unknown argument: ", word].concat()));
        }
        at += 1;
    }
    Err(CommandError::wrong_arity("hsetex"))
}

/// Checks `FIELDS numfields field value [field value ...]` at `index`; returns where the fields begin.
fn pairs_at(call: &Call<'_>, index: usize) -> Result<usize, CommandError> {
    let first = index + 2;
    if call.len() < first + 2 {
        return Err(CommandError::wrong_arity("hsetex"));
    }
    let count = parse_integer(call.word(index + 1)).filter(|count| (1..=i64::from(i32::MAX)).contains(count));
    let count = count.ok_or(CommandError::new("ERR invalid number of fields"))?;
    if (call.len() - first) as u64 != 2 * count as u64 {
        return Err(CommandError::wrong_arity("hsetex"));
    }
    Ok(first)
}

#[cfg(test)]
mod tests;
