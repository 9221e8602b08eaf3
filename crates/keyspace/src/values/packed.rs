//! Byte strings one behind another in one piece of memory: how small lists, sets, hashes and sorted sets are kept.
//!
//! It takes a byte or two for each string beside its bytes, and every search walks it, so it is for few and short ones.

/// A sequence of byte strings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Packed {
    /// Each string behind its length: seven bits a byte, the lowest first, the top bit set while more follow.
    bytes: Vec<u8>,
    len: u32,
}

impl Packed {
    /// The number of strings.
    pub(crate) const fn len(&self) -> usize {
        self.len as usize
    }

    /// The bytes of all, their lengths included.
    pub(crate) const fn byte_len(&self) -> usize {
        self.bytes.len()
    }

    /// The bytes of memory it holds.
    pub(crate) const fn heap_bytes(&self) -> usize {
        self.bytes.capacity()
    }

    /// All strings in order.
    pub(crate) fn iter(&self) -> Iter<'_> {
        Iter { rest: &self.bytes, left: self.len }
    }

    /// The string at `index`.
    pub(crate) fn get(&self, index: usize) -> Option<&[u8]> {
        self.iter().nth(index)
    }

    /// Where a string is for the first time.
    pub(crate) fn position(&self, string: &[u8]) -> Option<usize> {
        self.iter().position(|own| own == string)
    }

    /// Appends a string.
    pub(crate) fn push(&mut self, string: &[u8]) {
        self.splice(self.bytes.len(), self.bytes.len(), &[string]);
        self.len += 1;
    }

    /// Puts a string in front of the one at `index`, behind all if there is none.
    pub(crate) fn insert(&mut self, index: usize, string: &[u8]) {
        let at = self.offset(index);
        self.splice(at, at, &[string]);
        self.len += 1;
    }

    /// Puts another string in the place of the one at `index`.
    ///
    /// # Panics
    /// If there is none.
    pub(crate) fn replace(&mut self, index: usize, string: &[u8]) {
        assert!(index < self.len(), "there is a string at {index}");
        let (from, to) = (self.offset(index), self.offset(index + 1));
        self.splice(from, to, &[string]);
    }

    /// Takes out `count` strings from `index` on, fewer if there are fewer.
    pub(crate) fn remove(&mut self, index: usize, count: usize) {
        let index = index.min(self.len());
        let count = count.min(self.len() - index);
        let (from, to) = (self.offset(index), self.offset(index + count));
        self.splice(from, to, &[]);
        self.len -= count as u32;
    }

    /// Where the string at `index` begins, or the end.
    fn offset(&self, index: usize) -> usize {
        if index >= self.len() {
            return self.bytes.len();
        }
        let mut iter = self.iter();
        if index > 0 {
            iter.nth(index - 1);
        }
        self.bytes.len() - iter.rest.len()
    }

    fn splice(&mut self, from: usize, to: usize, strings: &[&[u8]]) {
        let mut fresh = Vec::with_capacity(strings.iter().map(|string| string.len() + 5).sum());
        for string in strings {
            append(&mut fresh, string);
        }
        // What is small stays small: no room is kept for what may never come.
        self.bytes.reserve_exact((self.bytes.len() + fresh.len() - (to - from)).saturating_sub(self.bytes.len()));
        self.bytes.splice(from..to, fresh);
    }
}

/// Appends a string behind its length.
pub(crate) fn append(bytes: &mut Vec<u8>, string: &[u8]) {
    let mut len = string.len();
    while len >= 0x80 {
        bytes.push(len as u8 | 0x80);
        len >>= 7;
    }
    bytes.push(len as u8);
    bytes.extend_from_slice(string);
}

impl<S: AsRef<[u8]>> FromIterator<S> for Packed {
    fn from_iter<I: IntoIterator<Item = S>>(strings: I) -> Self {
        let mut packed = Self::default();
        for string in strings {
            packed.push(string.as_ref());
        }
        packed
    }
}

/// The strings of a [`Packed`], or of bytes that were made by [`append`].
#[derive(Clone)]
pub(crate) struct Iter<'a> {
    rest: &'a [u8],
    left: u32,
}

impl<'a> Iter<'a> {
    /// The `len` strings that `bytes` are made of.
    pub(crate) const fn new(bytes: &'a [u8], len: u32) -> Self {
        Self { rest: bytes, left: len }
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        let mut len = usize::from(first & 0x7f);
        let (mut byte, mut shift) = (first, 0);
        while byte & 0x80 != 0 {
            (byte, self.rest) = self.rest.split_first()?;
            shift += 7;
            len |= usize::from(byte & 0x7f) << shift;
        }
        let (string, rest) = self.rest.split_at(len);
        self.rest = rest;
        self.left -= 1;
        Some(string)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left as usize, Some(self.left as usize))
    }
}

impl ExactSizeIterator for Iter<'_> {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_behaves_as_a_vector(ops in prop::collection::vec((0..4_u8, 0..12_usize, 0..300_usize), 0..40)) {
            let (mut packed, mut model) = (Packed::default(), Vec::<Vec<u8>>::new());
            for (op, index, len) in ops {
                let string = vec![len as u8; len];
                match op {
                    0 => {
                        packed.push(&string);
                        model.push(string);
                    }
                    1 => {
                        packed.insert(index, &string);
                        model.insert(index.min(model.len()), string);
                    }
                    2 if index < model.len() => {
                        packed.replace(index, &string);
                        model[index] = string;
                    }
                    _ => {
                        packed.remove(index, len % 3);
                        let index = index.min(model.len());
                        model.drain(index..(index + len % 3).min(model.len()));
                    }
                }
                prop_assert_eq!(packed.len(), model.len());
                prop_assert!(packed.iter().eq(model.iter().map(Vec::as_slice)));
                prop_assert_eq!(packed.get(index), model.get(index).map(Vec::as_slice));
            }
        }
    }
}
