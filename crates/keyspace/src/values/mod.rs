//! The types of values. One file for each; this one says what they have in common.

pub(crate) mod hash;
pub(crate) mod list;
pub(crate) mod packed;
pub(crate) mod ranked;
pub(crate) mod set;
pub(crate) mod sorted_set;
pub(crate) mod stream;
pub(crate) mod string;

use self::hash::Hash;
use self::list::List;
use self::set::Set;
use self::sorted_set::SortedSet;
use self::stream::Stream;
use self::string::Str;
use crate::keyspace::EncodingLimits;

/// What a key holds.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    String(Str),
    List(List),
    Set(Set),
    Hash(Hash),
    SortedSet(SortedSet),
    Stream(Box<Stream>),
}

impl Value {
    /// A value with the same content for another key.
    pub(crate) fn duplicate(&self) -> Self {
        let mut value = self.clone();
        if let Self::Hash(hash) = &mut value {
            // The timer knows the original only.
            hash.unschedule();
        }
        value
    }
}

/// One of the types of values.
pub(crate) trait Typed: Sized {
    fn of(value: &Value) -> Option<&Self>;
    fn of_mut(value: &mut Value) -> Option<&mut Self>;
    fn into_value(self) -> Value;
}

macro_rules! types {
    ($($type:ty: $variant:ident = $name:literal;)*) => {
        $(impl Typed for $type {
            fn of(value: &Value) -> Option<&Self> {
                match value {
                    Value::$variant(own) => Some(own),
                    _ => None,
                }
            }

            fn of_mut(value: &mut Value) -> Option<&mut Self> {
                match value {
                    Value::$variant(own) => Some(own),
                    _ => None,
                }
            }

            fn into_value(self) -> Value {
                Value::$variant(self)
            }
        })*

        impl Value {
            /// The type's name, as TYPE answers.
            pub(crate) const fn type_name(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => $name,)*
                }
            }

            /// Redis's name of the way the value is kept.
            pub(crate) fn encoding(&self, limits: &EncodingLimits) -> &'static str {
                match self {
                    $(Self::$variant(own) => own.encoding(limits),)*
                }
            }

            /// Whether nothing is in it, so that its key has to go; never so for a string or a stream.
            pub(crate) fn is_empty(&self) -> bool {
                match self {
                    $(Self::$variant(own) => own.is_empty(),)*
                }
            }

            /// Its bytes on the heap, about; in constant time.
            pub(crate) fn heap_bytes(&self) -> usize {
                match self {
                    $(Self::$variant(own) => own.heap_bytes(),)*
                }
            }
        }
    };
}

types! {
    Str: String = "string";
    List: List = "list";
    Set: Set = "set";
    Hash: Hash = "hash";
    SortedSet: SortedSet = "zset";
    Box<Stream>: Stream = "stream";
}
