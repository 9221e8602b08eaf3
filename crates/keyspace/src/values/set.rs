//! Sets: sorted integers or one piece of memory while small, a table beyond.

use indexmap::IndexSet;

use super::packed::{self, Packed};
use crate::keyspace::EncodingLimits;
use crate::number::parse_integer;

/// A set value.
#[derive(Clone, Debug)]
pub(crate) enum Set {
    /// In ascending order.
    Integers(Vec<i64>),
    Packed(Packed),
    /// Boxed, so that a key whose set is small, as most are, has no room for this.
    Table(Box<Table>),
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    members: IndexSet<Box<[u8]>, foldhash::fast::RandomState>,
    /// The lengths of all members together.
    bytes: usize,
}

/// A member of a set, as it is kept or as a request names it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Member<'a> {
    Integer(i64),
    Bytes(&'a [u8]),
}

impl Member<'_> {
    /// Hands the member's bytes to `with`.
    pub(crate) fn with_bytes<R>(self, with: impl FnOnce(&[u8]) -> R) -> R {
        match self {
            Self::Integer(integer) => with(itoa::Buffer::new().format(integer).as_bytes()),
            Self::Bytes(bytes) => with(bytes),
        }
    }

    fn integer(self) -> Option<i64> {
        match self {
            Self::Integer(integer) => Some(integer),
            Self::Bytes(bytes) => parse_integer(bytes),
        }
    }
}

impl<'a> From<&'a [u8]> for Member<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Bytes(bytes)
    }
}

impl Set {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Integers(integers) => integers.len(),
            Self::Packed(packed) => packed.len(),
            Self::Table(table) => table.members.len(),
        }
    }

    /// All members.
    pub(crate) fn iter(&self) -> Iter<'_> {
        match self {
            Self::Integers(integers) => Iter::Integers(integers.iter()),
            Self::Packed(packed) => Iter::Packed(packed.iter()),
            Self::Table(table) => Iter::Table(table.members.iter()),
        }
    }

    /// The member at a place, which it keeps until members are removed.
    pub(crate) fn get(&self, index: usize) -> Option<Member<'_>> {
        match self {
            Self::Integers(integers) => integers.get(index).copied().map(Member::Integer),
            Self::Packed(packed) => packed.get(index).map(Member::Bytes),
            Self::Table(table) => table.members.get_index(index).map(|member| Member::Bytes(member)),
        }
    }

    pub(crate) fn contains<'m>(&self, member: impl Into<Member<'m>>) -> bool {
        let member = member.into();
        match self {
            Self::Integers(integers) => member.integer().is_some_and(|own| integers.binary_search(&own).is_ok()),
            Self::Packed(packed) => member.with_bytes(|bytes| packed.position(bytes).is_some()),
            Self::Table(table) => member.with_bytes(|bytes| table.members.contains(bytes)),
        }
    }

    /// Puts a member in; false if it is there.
    pub(crate) fn insert<'m>(&mut self, member: impl Into<Member<'m>>, limits: &EncodingLimits) -> bool {
        let member = member.into();
        if let Self::Integers(integers) = self {
            match member.integer() {
                Some(integer) => {
                    let Err(at) = integers.binary_search(&integer) else { return false };
                    if integers.len() < limits.set_max_intset_entries {
                        // What is small stays small: no room is kept for what may never come.
                        integers.reserve_exact(1);
                        integers.insert(at, integer);
                        return true;
                    }
                    self.make_table();
                }
                None => self.make_packed(limits),
            }
        }
        member.with_bytes(|bytes| self.insert_bytes(bytes, limits))
    }

    fn insert_bytes(&mut self, member: &[u8], limits: &EncodingLimits) -> bool {
        if let Self::Packed(packed) = self {
            if packed.position(member).is_some() {
                return false;
            }
            if packed.len() < limits.set_max_listpack_entries && member.len() <= limits.set_max_listpack_value {
                packed.push(member);
                return true;
            }
            self.make_table();
        }
        let Self::Table(table) = self else { unreachable!("integers were made something else") };
        let is_new = table.members.insert(member.into());
        table.bytes += if is_new { member.len() } else { 0 };
        is_new
    }

    /// Takes a member out; false if it is not there.
    pub(crate) fn remove<'m>(&mut self, member: impl Into<Member<'m>>) -> bool {
        let member = member.into();
        let index = match self {
            Self::Integers(integers) => member.integer().and_then(|own| integers.binary_search(&own).ok()),
            Self::Packed(packed) => member.with_bytes(|bytes| packed.position(bytes)),
            Self::Table(table) => member.with_bytes(|bytes| table.members.get_index_of(bytes)),
        };
        if let Some(index) = index {
            self.remove_at(index);
        }
        index.is_some()
    }

    /// Takes out the member at a place, which exists; in a table the last one moves there, as a scan needs it.
    pub(crate) fn remove_at(&mut self, index: usize) {
        match self {
            Self::Integers(integers) => {
                integers.remove(index);
            }
            Self::Packed(packed) => packed.remove(index, 1),
            Self::Table(table) => {
                let member = table.members.swap_remove_index(index).expect("there is a member at that place");
                table.bytes -= member.len();
                if table.members.len() < table.members.capacity() / 8 {
                    table.members.shrink_to(table.members.len() * 2);
                }
            }
        }
    }

    /// Makes ready for `more` members, the first of which is given: what will soon be a table becomes one at once.
    pub(crate) fn reserve(&mut self, first: &[u8], more: usize, limits: &EncodingLimits) {
        let is_empty = self.is_empty();
        let max = match self {
            Self::Integers(_) if !is_empty || parse_integer(first).is_some() => limits.set_max_intset_entries,
            Self::Integers(_) | Self::Packed(_) => limits.set_max_listpack_entries,
            Self::Table(_) => return,
        };
        if more > max {
            self.make_table();
        }
    }

    /// Leaves the integers for one piece of memory if it may hold one member more, else for a table.
    fn make_packed(&mut self, limits: &EncodingLimits) {
        let longest = self.iter().map(|member| member.with_bytes(<[u8]>::len)).max().unwrap_or(0);
        if self.len() < limits.set_max_listpack_entries && longest <= limits.set_max_listpack_value {
            let mut packed = Packed::default();
            self.iter().for_each(|member| member.with_bytes(|bytes| packed.push(bytes)));
            *self = Self::Packed(packed);
        } else {
            self.make_table();
        }
    }

    fn make_table(&mut self) {
        let mut table = Table::default();
        table.members.reserve(self.len() + 1);
        for member in self.iter() {
            member.with_bytes(|bytes| {
                table.bytes += bytes.len();
                table.members.insert(bytes.into());
            });
        }
        *self = Self::Table(Box::new(table));
    }

    pub(crate) const fn encoding(&self, _: &EncodingLimits) -> &'static str {
        match self {
            Self::Integers(_) => "intset",
            Self::Packed(_) => "listpack",
            Self::Table(_) => "hashtable",
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        match self {
            Self::Integers(integers) => integers.capacity() * size_of::<i64>(),
            Self::Packed(packed) => packed.heap_bytes(),
            Self::Table(table) => {
                // The string's place and hash, and the index in the table.
                let of_member = size_of::<Box<[u8]>>() + 2 * size_of::<usize>();
                size_of::<Table>() + table.members.capacity() * of_member + table.bytes
            }
        }
    }
}

impl Default for Set {
    fn default() -> Self {
        Self::Integers(Vec::new())
    }
}

/// Members of a [`Set`].
#[derive(Clone)]
pub(crate) enum Iter<'a> {
    Integers(std::slice::Iter<'a, i64>),
    Packed(packed::Iter<'a>),
    Table(indexmap::set::Iter<'a, Box<[u8]>>),
}

impl<'a> Iterator for Iter<'a> {
    type Item = Member<'a>;

    fn next(&mut self) -> Option<Member<'a>> {
        match self {
            Self::Integers(iter) => iter.next().copied().map(Member::Integer),
            Self::Packed(iter) => iter.next().map(Member::Bytes),
            Self::Table(iter) => iter.next().map(|member| Member::Bytes(member)),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match self {
            Self::Integers(iter) => iter.size_hint(),
            Self::Packed(iter) => iter.size_hint(),
            Self::Table(iter) => iter.size_hint(),
        }
    }
}

impl ExactSizeIterator for Iter<'_> {}

/// The members that are in every one of the sets.
pub(crate) fn intersection<'a>(mut sets: Vec<&'a Set>) -> impl Iterator<Item = Member<'a>> {
    // The smallest is walked; the others are asked, small ones first, since they say no more often.
    sets.sort_by_key(|set| set.len());
    let smallest = sets.first().copied().map(Set::iter);
    smallest.into_iter().flatten().filter(move |member| sets[1..].iter().all(|set| set.contains(*member)))
}

/// The members of any of the sets.
pub(crate) fn union(sets: &[&Set], limits: &EncodingLimits) -> Set {
    let mut union = Set::default();
    for member in sets.iter().flat_map(|set| set.iter()) {
        union.insert(member, limits);
    }
    union
}

/// The members of the first set that are in none of the others.
pub(crate) fn difference(first: &Set, others: &[&Set], limits: &EncodingLimits) -> Set {
    let members_of_others: usize = others.iter().map(|set| set.len()).sum();
    let mut difference = Set::default();
    // Asking all others for each member, or taking each of their members out: whichever is less.
    if first.len().saturating_mul(others.len()) <= first.len() + members_of_others {
        for member in first.iter().filter(|member| !others.iter().any(|set| set.contains(*member))) {
            difference.insert(member, limits);
        }
    } else {
        first.iter().for_each(|member| {
            difference.insert(member, limits);
        });
        for member in others.iter().flat_map(|set| set.iter()) {
            difference.remove(member);
        }
    }
    difference
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// So small that a few members take a set through all forms.
    const LIMITS: EncodingLimits = EncodingLimits {
        hash_max_listpack_entries: 0,
        hash_max_listpack_value: 0,
        list_max_listpack_size: 0,
        set_max_intset_entries: 6,
        set_max_listpack_entries: 4,
        set_max_listpack_value: 3,
        zset_max_listpack_entries: 0,
        zset_max_listpack_value: 0,
        stream_node_max_entries: 0,
    };

    fn texts<'a>(members: impl Iterator<Item = Member<'a>>) -> BTreeSet<String> {
        members.map(|member| member.with_bytes(|bytes| String::from_utf8_lossy(bytes).into_owned())).collect()
    }

    fn set_of(members: &BTreeSet<String>) -> Set {
        let mut set = Set::default();
        members.iter().for_each(|member| assert!(set.insert(member.as_bytes(), &LIMITS)));
        set
    }

    proptest! {
        #[test]
        fn it_behaves_as_a_tree_in_all_forms(
            ops in prop::collection::vec((0..3_u8, "-?[0-9]{1,2}|[0-9]{1,2}|[ab]{0,4}"), 0..60)
        ) {
            let (mut set, mut model) = (Set::default(), BTreeSet::new());
            for (op, member) in ops {
                if op > 0 {
                    prop_assert_eq!(set.insert(member.as_bytes(), &LIMITS), model.insert(member.clone()));
                } else {
                    prop_assert_eq!(set.remove(member.as_bytes()), model.remove(&member));
                }
                prop_assert_eq!(set.contains(member.as_bytes()), model.contains(&member));
                prop_assert_eq!(set.len(), model.len());
                prop_assert_eq!(texts(set.iter()), model.clone());
                prop_assert_eq!(texts((0..set.len()).filter_map(|place| set.get(place))), model.clone());
                if let Set::Table(table) = &set {
                    prop_assert_eq!(table.bytes, model.iter().map(String::len).sum::<usize>());
                }
            }
        }

        #[test]
        fn sets_combine_whatever_their_forms(
            models in prop::collection::vec(prop::collection::btree_set("[0-9]|1[0-9]|[a-c]|[ab]{4}", 0..9), 1..5)
        ) {
            let sets: Vec<Set> = models.iter().map(set_of).collect();
            let sets: Vec<&Set> = sets.iter().collect();
            let (first, others) = (models[0].clone(), &models[1..]);
            let common = others.iter().fold(first.clone(), |a, b| &a & b);
            let any = others.iter().fold(first.clone(), |a, b| &a | b);
            let only = others.iter().fold(first, |a, b| &a - b);
            prop_assert_eq!(texts(intersection(sets.clone())), common);
            prop_assert_eq!(texts(union(&sets, &LIMITS).iter()), any);
            prop_assert_eq!(texts(difference(sets[0], &sets[1..], &LIMITS).iter()), only);
        }
    }

    #[test]
    fn the_form_follows_what_is_in_it() {
        let cases: [(&[&str], &str); 10] = [
            (&["1", "2", "3", "4", "5", "6"], "intset"),
            (&["1", "2", "3", "4", "5", "6", "7"], "hashtable"),
            (&["01"], "listpack"),
            (&["1", "2", "3", "a"], "listpack"),
            (&["1", "2", "3", "4", "a"], "hashtable"),
            (&["1", "1234", "a"], "hashtable"),
            (&["a", "1", "2", "3"], "listpack"),
            (&["a", "1", "2", "3", "4"], "hashtable"),
            (&["aaa"], "listpack"),
            (&["aaaa"], "hashtable"),
        ];
        for (members, encoding) in cases {
            let mut set = Set::default();
            members.iter().for_each(|member| assert!(set.insert(member.as_bytes(), &LIMITS)));
            assert_eq!(set.encoding(&LIMITS), encoding, "{members:?}");
        }
        for (first, more, encoding) in [("1", 6, "intset"), ("1", 7, "hashtable"), ("a", 5, "hashtable")] {
            let mut set = Set::default();
            set.reserve(first.as_bytes(), more, &LIMITS);
            assert_eq!(set.encoding(&LIMITS), encoding, "{first} {more}");
        }
    }

    #[test]
    fn a_table_gives_its_memory_back() {
        let mut set = Set::default();
        (0..10_000).for_each(|member| assert!(set.insert(Member::Integer(member), &LIMITS)));
        assert!(set.heap_bytes() > 300_000);
        (0..9_900).for_each(|member| assert!(set.remove(Member::Integer(member))));
        assert!(set.heap_bytes() < 40_000);
    }
}
