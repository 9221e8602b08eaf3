//! The arguments of a request: where they lie, how they are read, how they are sent.

use std::fmt;
use std::ops::{Index, Range};

/// Where the arguments of a request lie: filled by [`RequestParser::parse`](super::RequestParser::parse), read through [`Request`].
///
/// Almost always these are ranges of the input, so nothing is copied. Only an inline line with quotes needs bytes that
/// are not in the input; they are kept here. One value can serve all connections of a worker, one request at a time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestArgs {
    pub(super) ranges: Vec<Range<usize>>,
    pub(super) owned: Vec<u8>,
    /// Whether `ranges` point into `owned` and not into the input.
    pub(super) is_owned: bool,
}

impl RequestArgs {
    /// No arguments, no allocation.
    #[must_use]
    pub const fn new() -> Self {
        Self { ranges: Vec::new(), owned: Vec::new(), is_owned: false }
    }

    /// The number of arguments, the command's name included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ranges.len()
    }

    /// Whether there are no arguments, as after an empty line; there is nothing to answer then.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Forgets the arguments but keeps the memory.
    pub fn clear(&mut self) {
        self.ranges.clear();
        self.owned.clear();
        self.is_owned = false;
    }
}

/// Copies arguments, so that a request can outlive its input; read it with `Request::new(&[], &args)`.
impl<A: AsRef<[u8]>> FromIterator<A> for RequestArgs {
    fn from_iter<I: IntoIterator<Item = A>>(args: I) -> Self {
        let mut copied = Self { is_owned: true, ..Self::new() };
        for arg in args {
            let start = copied.owned.len();
            copied.owned.extend_from_slice(arg.as_ref());
            copied.ranges.push(start..copied.owned.len());
        }
        copied
    }
}

/// The arguments of one request, the command's name first.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    bytes: &'a [u8],
    ranges: &'a [Range<usize>],
}

impl<'a> Request<'a> {
    /// Looks at `args` in the `input` they were parsed from.
    #[must_use]
    pub fn new(input: &'a [u8], args: &'a RequestArgs) -> Self {
        Self { bytes: if args.is_owned { &args.owned } else { input }, ranges: &args.ranges }
    }

    /// The number of arguments, the command's name included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ranges.len()
    }

    /// Whether this is an empty request, which is ignored.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// The command's name as sent, empty for an empty request.
    #[must_use]
    pub fn name(&self) -> &'a [u8] {
        self.get(0).unwrap_or_default()
    }

    /// The argument at `index`; 0 is the command's name.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<&'a [u8]> {
        self.bytes.get(self.ranges.get(index)?.clone())
    }

    /// All arguments, the command's name first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &'a [u8]> + ExactSizeIterator + use<'a> {
        let bytes = self.bytes;
        self.ranges.iter().map(move |range| &bytes[range.clone()])
    }
}

/// # Panics
///
/// If there is no argument at `index`.
impl Index<usize> for Request<'_> {
    type Output = [u8];

    fn index(&self, index: usize) -> &[u8] {
        &self.bytes[self.ranges[index].clone()]
    }
}

impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(<[u8]>::escape_ascii).map(|arg| format!("{arg}"))).finish()
    }
}

/// Appends `args` as a multibulk request, the form clients send.
///
/// ```
/// let mut out = Vec::new();
/// fanfare_wire::encode_request(&mut out, &["PUBLISH", "news", "hi"]);
/// assert_eq!(out, b"*3\r\n$7\r\nPUBLISH\r\n$4\r\nnews\r\n$2\r\nhi\r\n");
/// ```
pub fn encode_request<A: AsRef<[u8]>>(out: &mut Vec<u8>, args: &[A]) {
    let mut digits = itoa::Buffer::new();
    out.push(b'*');
    out.extend_from_slice(digits.format(args.len()).as_bytes());
    out.extend_from_slice(b"\r\n");
    for arg in args {
        let arg = arg.as_ref();
        out.push(b'$');
        out.extend_from_slice(digits.format(arg.len()).as_bytes());
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(arg);
        out.extend_from_slice(b"\r\n");
    }
}
