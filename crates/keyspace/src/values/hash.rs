//! Hashes: fields and their values, and the deadlines of those fields that have one.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use indexmap::IndexMap;

use super::packed::{self, Packed};
use crate::keyspace::EncodingLimits;

/// A hash value.
#[derive(Clone, Debug)]
pub(crate) enum Hash {
    /// No field has a deadline, which costs nothing then.
    Plain(Fields),
    Expiring(Box<Expiring>),
}

/// The fields and their values.
#[derive(Clone, Debug)]
pub(crate) enum Fields {
    /// Field, value, field, value.
    Packed(Packed),
    Table(Box<Table>),
}

/// Many fields, or long ones.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    entries: IndexMap<Box<[u8]>, Box<[u8]>, foldhash::fast::RandomState>,
    /// The bytes of all fields and values.
    bytes: usize,
}

/// Fields of which some have a deadline: Unix milliseconds after which the field is gone.
#[derive(Debug)]
pub(crate) struct Expiring {
    fields: Fields,
    by_field: HashMap<Arc<[u8]>, u64, foldhash::fast::RandomState>,
    by_deadline: BTreeSet<(u64, Arc<[u8]>)>,
    /// The bytes of the fields that have a deadline.
    bytes: usize,
    /// The deadline under which the database has put the hash on its list.
    scheduled_ms: Option<u64>,
}

/// A table keeps room for this many entries, however few are left.
const TABLE_ROOM_MIN: usize = 256;

impl Hash {
    pub(crate) const fn fields(&self) -> &Fields {
        match self {
            Self::Plain(fields) => fields,
            Self::Expiring(expiring) => &expiring.fields,
        }
    }

    const fn fields_mut(&mut self) -> &mut Fields {
        match self {
            Self::Plain(fields) => fields,
            Self::Expiring(expiring) => &mut expiring.fields,
        }
    }

    /// The number of fields.
    pub(crate) fn len(&self) -> usize {
        match self.fields() {
            Fields::Packed(packed) => packed.len() / 2,
            Fields::Table(table) => table.entries.len(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value of a field.
    pub(crate) fn get(&self, field: &[u8]) -> Option<&[u8]> {
        match self.fields() {
            Fields::Packed(packed) => pairs(packed).find(|(own, _)| *own == field).map(|(_, value)| value),
            Fields::Table(table) => table.entries.get(field).map(|value| &**value),
        }
    }

    pub(crate) fn contains(&self, field: &[u8]) -> bool {
        self.get(field).is_some()
    }

    /// All fields with their values.
    pub(crate) fn iter(&self) -> Iter<'_> {
        match self.fields() {
            Fields::Packed(packed) => Iter::Packed(packed.iter()),
            Fields::Table(table) => Iter::Table(table.entries.iter()),
        }
    }

    /// The field at `index` with its value. It has to walk there in a small hash.
    pub(crate) fn entry(&self, index: usize) -> Option<(&[u8], &[u8])> {
        match self.fields() {
            Fields::Packed(packed) => pairs(packed).nth(index),
            Fields::Table(table) => table.entries.get_index(index).map(|(field, value)| (&**field, &**value)),
        }
    }

    /// Whether [`Hash::entry`] walks, so that many entries are better collected first.
    pub(crate) const fn is_packed(&self) -> bool {
        matches!(self.fields(), Fields::Packed(_))
    }

    /// Sets a field; a deadline stays. True if the field is new.
    pub(crate) fn set(&mut self, field: &[u8], value: &[u8], limits: &EncodingLimits) -> bool {
        let fields = self.fields_mut();
        if field.len().max(value.len()) > limits.hash_max_listpack_value {
            fields.unpack();
        }
        match fields {
            Fields::Packed(packed) => {
                if let Some(index) = pairs(packed).position(|(own, _)| own == field) {
                    packed.replace(2 * index + 1, value);
                    return false;
                }
                packed.push(field);
                packed.push(value);
                if packed.len() / 2 > limits.hash_max_listpack_entries {
                    fields.unpack();
                }
                true
            }
            Fields::Table(table) => table.set(field, value),
        }
    }

    /// Takes a field out, its deadline as well; false if there is none.
    pub(crate) fn remove(&mut self, field: &[u8]) -> bool {
        let is_removed = match self.fields_mut() {
            Fields::Packed(packed) => {
                let index = pairs(packed).position(|(own, _)| own == field);
                index.map(|index| packed.remove(2 * index, 2)).is_some()
            }
            Fields::Table(table) => table.remove(field),
        };
        if is_removed {
            self.lift_deadline(field);
        }
        is_removed
    }

    /// The Unix time in milliseconds after which a field is gone.
    pub(crate) fn deadline(&self, field: &[u8]) -> Option<u64> {
        match self {
            Self::Plain(_) => None,
            Self::Expiring(expiring) => expiring.by_field.get(field).copied(),
        }
    }

    /// Sets the time after which a field that exists is gone.
    pub(crate) fn set_deadline(&mut self, field: &[u8], deadline_ms: u64) {
        self.lift_deadline(field);
        if let Self::Plain(fields) = self {
            *self = Self::Expiring(Box::new(Expiring::new(std::mem::take(fields))));
        }
        let Self::Expiring(expiring) = self else { unreachable!("it was just made one") };
        let field: Arc<[u8]> = field.into();
        expiring.bytes += field.len();
        expiring.by_deadline.insert((deadline_ms, Arc::clone(&field)));
        expiring.by_field.insert(field, deadline_ms);
    }

    /// Lets a field stay for good; false if it has no deadline.
    pub(crate) fn lift_deadline(&mut self, field: &[u8]) -> bool {
        let Self::Expiring(expiring) = self else { return false };
        let Some((field, deadline_ms)) = expiring.by_field.remove_entry(field) else { return false };
        expiring.bytes -= field.len();
        expiring.by_deadline.remove(&(deadline_ms, field))
    }

    /// The fields that have a deadline, the next one first.
    pub(crate) fn deadlines(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let by_deadline = match self {
            Self::Plain(_) => None,
            Self::Expiring(expiring) => Some(&expiring.by_deadline),
        };
        by_deadline.into_iter().flatten().map(|(deadline_ms, field)| (*deadline_ms, &**field))
    }

    /// The next deadline of a field.
    pub(crate) fn next_deadline(&self) -> Option<u64> {
        match self {
            Self::Plain(_) => None,
            Self::Expiring(expiring) => expiring.by_deadline.first().map(|(deadline_ms, _)| *deadline_ms),
        }
    }

    /// Takes out the fields whose time has come, at most `max` of them, the oldest first.
    pub(crate) fn take_due(&mut self, now_ms: u64, max: usize) -> Vec<Arc<[u8]>> {
        let mut gone = Vec::new();
        while gone.len() < max
            && let Self::Expiring(expiring) = self
            && let Some((deadline_ms, field)) = expiring.by_deadline.first()
            && *deadline_ms < now_ms
        {
            let field = Arc::clone(field);
            self.remove(&field);
            gone.push(field);
        }
        gone
    }

    /// Notes that the database puts the hash on its list under its next deadline. Returns the deadline under which it
    /// was until now and the next one, `None` if these are the same.
    pub(crate) fn reschedule(&mut self) -> Option<(Option<u64>, Option<u64>)> {
        let next = self.next_deadline();
        let Self::Expiring(expiring) = self else { return None };
        let before = std::mem::replace(&mut expiring.scheduled_ms, next);
        if next.is_none() {
            *self = Self::Plain(std::mem::take(&mut expiring.fields));
        }
        (before != next).then_some((before, next))
    }

    /// Notes that the hash is not on the database's list any more; returns the deadline under which it was.
    pub(crate) fn unschedule(&mut self) -> Option<u64> {
        match self {
            Self::Plain(_) => None,
            Self::Expiring(expiring) => expiring.scheduled_ms.take(),
        }
    }

    pub(crate) const fn encoding(&self, _: &EncodingLimits) -> &'static str {
        match self {
            Self::Plain(Fields::Packed(_)) => "listpack",
            // So named since Redis 7.4.
            Self::Expiring(expiring) if matches!(expiring.fields, Fields::Packed(_)) => "listpackex",
            _ => "hashtable",
        }
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        let fields = match self.fields() {
            Fields::Packed(packed) => packed.heap_bytes(),
            Fields::Table(table) => {
                // An entry is its hash and two boxes, and has a place in the index with a byte of control beside it.
                let entry = size_of::<(u64, Box<[u8]>, Box<[u8]>)>() + size_of::<usize>() + 1;
                size_of::<Table>() + table.bytes + table.entries.capacity() * entry
            }
        };
        match self {
            Self::Plain(_) => fields,
            Self::Expiring(expiring) => {
                // The counts of the Arc, an entry of the tree and one of the map.
                let entry = 2 * size_of::<usize>() + 2 * size_of::<(u64, Arc<[u8]>)>();
                fields + size_of::<Expiring>() + expiring.bytes + expiring.by_field.len() * entry
            }
        }
    }
}

impl Default for Hash {
    fn default() -> Self {
        Self::Plain(Fields::default())
    }
}

impl Default for Fields {
    fn default() -> Self {
        Self::Packed(Packed::default())
    }
}

impl Fields {
    /// Makes it a table.
    fn unpack(&mut self) {
        if let Self::Packed(packed) = self {
            let mut table = Table::default();
            table.entries.reserve(packed.len() / 2);
            for (field, value) in pairs(packed) {
                table.set(field, value);
            }
            *self = Self::Table(Box::new(table));
        }
    }
}

impl Table {
    fn set(&mut self, field: &[u8], value: &[u8]) -> bool {
        self.bytes += value.len();
        if let Some(own) = self.entries.get_mut(field) {
            self.bytes -= own.len();
            *own = value.into();
            return false;
        }
        self.bytes += field.len();
        self.entries.insert(field.into(), value.into());
        true
    }

    fn remove(&mut self, field: &[u8]) -> bool {
        // A scan goes from the last entry down, so the one that moves into the gap is not missed.
        let Some((field, value)) = self.entries.swap_remove_entry(field) else { return false };
        self.bytes -= field.len() + value.len();
        let room = self.entries.capacity();
        if room > TABLE_ROOM_MIN && self.entries.len() < room / 8 {
            self.entries.shrink_to(room / 4);
        }
        true
    }
}

impl Expiring {
    fn new(fields: Fields) -> Self {
        Self { fields, by_field: HashMap::default(), by_deadline: BTreeSet::new(), bytes: 0, scheduled_ms: None }
    }
}

/// The copy is on no list.
impl Clone for Expiring {
    fn clone(&self) -> Self {
        Self {
            fields: self.fields.clone(),
            by_field: self.by_field.clone(),
            by_deadline: self.by_deadline.clone(),
            bytes: self.bytes,
            scheduled_ms: None,
        }
    }
}

fn pairs(packed: &Packed) -> Iter<'_> {
    Iter::Packed(packed.iter())
}

/// Fields with their values.
pub(crate) enum Iter<'a> {
    Packed(packed::Iter<'a>),
    Table(indexmap::map::Iter<'a, Box<[u8]>, Box<[u8]>>),
}

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Packed(strings) => Some((strings.next()?, strings.next()?)),
            Self::Table(entries) => entries.next().map(|(field, value)| (&**field, &**value)),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let len = match self {
            Self::Packed(strings) => strings.len() / 2,
            Self::Table(entries) => entries.len(),
        };
        (len, Some(len))
    }
}

impl ExactSizeIterator for Iter<'_> {}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Op {
        Set(u8, usize),
        Remove(u8),
        Deadline(u8, u64),
        Lift(u8),
        TakeDue(u64, usize),
    }

    fn op() -> impl Strategy<Value = Op> {
        prop_oneof![
            (0..20_u8, 0..12_usize).prop_map(|(field, len)| Op::Set(field, len)),
            (0..20_u8).prop_map(Op::Remove),
            (0..20_u8, 1..9_u64).prop_map(|(field, at)| Op::Deadline(field, at)),
            (0..20_u8).prop_map(Op::Lift),
            (0..9_u64, 0..4_usize).prop_map(|(now, max)| Op::TakeDue(now, max)),
        ]
    }

    proptest! {
        #[test]
        fn it_behaves_as_a_map_with_deadlines(
            ops in prop::collection::vec(op(), 0..120),
            max_entries in 0..16_usize,
            max_value in 6..12_usize,
        ) {
            let limits = EncodingLimits {
                hash_max_listpack_entries: max_entries,
                hash_max_listpack_value: max_value,
                ..EncodingLimits::default()
            };
            let mut hash = Hash::default();
            let mut model = BTreeMap::<Vec<u8>, (Vec<u8>, Option<u64>)>::new();
            let name = |field: u8| vec![field; usize::from(field) % 5];
            for op in ops {
                match op {
                    Op::Set(field, len) => {
                        let value = vec![b'v'; len];
                        let is_new = hash.set(&name(field), &value, &limits);
                        prop_assert_eq!(is_new, !model.contains_key(&name(field)));
                        model.entry(name(field)).or_default().0 = value;
                    }
                    Op::Remove(field) => {
                        prop_assert_eq!(hash.remove(&name(field)), model.remove(&name(field)).is_some());
                    }
                    Op::Deadline(field, at) => {
                        if let Some(own) = model.get_mut(&name(field)) {
                            own.1 = Some(at);
                            hash.set_deadline(&name(field), at);
                        }
                    }
                    Op::Lift(field) => {
                        let had = model.get_mut(&name(field)).and_then(|own| own.1.take());
                        prop_assert_eq!(hash.lift_deadline(&name(field)), had.is_some());
                    }
                    Op::TakeDue(now, max) => {
                        let due = model.values().filter(|own| own.1.is_some_and(|at| at < now)).count();
                        let gone = hash.take_due(now, max);
                        prop_assert_eq!(gone.len(), due.min(max));
                        for field in gone {
                            let own = model.remove(&*field);
                            prop_assert!(own.is_some_and(|own| own.1.is_some_and(|at| at < now)));
                        }
                    }
                }
                prop_assert_eq!(hash.len(), model.len());
                prop_assert_eq!(hash.next_deadline(), model.values().filter_map(|own| own.1).min());
                let all: BTreeMap<&[u8], &[u8]> = hash.iter().collect();
                prop_assert!(all.iter().map(|(f, v)| (*f, *v)).eq(model.iter().map(|(f, own)| (&**f, &*own.0))));
                for (index, (field, value)) in hash.iter().enumerate() {
                    prop_assert_eq!(hash.entry(index), Some((field, value)));
                    prop_assert_eq!(hash.get(field), Some(value));
                    prop_assert_eq!(hash.deadline(field), model[field].1);
                }
                if let Fields::Table(table) = hash.fields() {
                    let bytes: usize = table.entries.iter().map(|(field, value)| field.len() + value.len()).sum();
                    prop_assert_eq!(table.bytes, bytes);
                }
            }
            hash.reschedule();
            prop_assert_eq!(matches!(hash, Hash::Expiring(_)), hash.next_deadline().is_some());
        }
    }

    #[test]
    fn the_encoding_follows_size_and_deadlines_and_a_table_gives_its_room_back() {
        let limits = EncodingLimits { hash_max_listpack_entries: 2, ..EncodingLimits::default() };
        let mut hash = Hash::default();
        hash.set(b"a", b"1", &limits);
        assert_eq!(hash.encoding(&limits), "listpack");
        hash.set_deadline(b"a", 1);
        assert_eq!(hash.encoding(&limits), "listpackex");
        hash.set(b"b", &[0; 65], &limits);
        assert_eq!(hash.encoding(&limits), "hashtable");
        for number in 0..10_000_u32 {
            hash.set(&number.to_be_bytes(), b"v", &limits);
        }
        let full = hash.heap_bytes();
        for number in 0..10_000_u32 {
            hash.remove(&number.to_be_bytes());
        }
        assert!(hash.heap_bytes() < full / 8, "{} of {full}", hash.heap_bytes());
        assert!(size_of::<Hash>() <= size_of::<Packed>(), "a hash is no larger than what it is mostly made of");
    }
}
