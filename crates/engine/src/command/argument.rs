//! What may follow the name of a command, for `COMMAND DOCS`, `HELP` and the reference page.

/// One argument of a command, possibly made of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Argument {
    /// Name shown to people.
    pub name: &'static str,
    /// What may stand there.
    pub kind: ArgumentKind,
    /// Keyword before the value, or the value itself for [`ArgumentKind::PureToken`].
    pub token: Option<&'static str>,
    /// First version that takes the argument, where it is younger than the command.
    pub since: Option<&'static str>,
    /// Version that deprecated the argument.
    pub deprecated_since: Option<&'static str>,
    /// May be left out.
    pub optional: bool,
    /// May be repeated.
    pub multiple: bool,
    /// Is repeated with its token.
    pub multiple_token: bool,
    /// Which of the command's key specs finds it, for [`ArgumentKind::Key`].
    pub key_spec: usize,
    /// Parts of a block, choices of a `oneof`.
    pub parts: &'static [Self],
}

impl Argument {
    pub(super) const fn new(name: &'static str, kind: ArgumentKind) -> Self {
        Self {
            name,
            kind,
            token: None,
            since: None,
            deprecated_since: None,
            optional: false,
            multiple: false,
            multiple_token: false,
            key_spec: 0,
            parts: &[],
        }
    }

    pub(super) const fn word(name: &'static str, token: &'static str) -> Self {
        Self::new(name, ArgumentKind::PureToken).token(token)
    }

    pub(super) const fn key(name: &'static str, key_spec: usize) -> Self {
        let mut argument = Self::new(name, ArgumentKind::Key);
        argument.key_spec = key_spec;
        argument
    }

    pub(super) const fn token(mut self, token: &'static str) -> Self {
        self.token = Some(token);
        self
    }

    pub(super) const fn since(mut self, version: &'static str) -> Self {
        self.since = Some(version);
        self
    }

    pub(super) const fn deprecated(mut self, since: &'static str) -> Self {
        self.deprecated_since = Some(since);
        self
    }

    pub(super) const fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    pub(super) const fn multiple(mut self) -> Self {
        self.multiple = true;
        self
    }

    pub(super) const fn multiple_token(mut self) -> Self {
        self.multiple_token = true;
        self.multiple()
    }

    pub(super) const fn parts(mut self, parts: &'static [Self]) -> Self {
        self.parts = parts;
        self
    }

    /// The arguments in the notation of the reference page, such as `<channel> [<channel> ...]`.
    pub(super) fn syntax_of(arguments: &[Self]) -> String {
        arguments.iter().map(Self::syntax).collect::<Vec<_>>().join(" ")
    }

    fn syntax(&self) -> String {
        let text = self.chosen_syntax();
        if self.optional { format!("[{text}]") } else { text }
    }

    /// The argument where it is given, be it optional or not.
    fn chosen_syntax(&self) -> String {
        let value = match self.kind {
            ArgumentKind::Block => Self::syntax_of(self.parts),
            ArgumentKind::OneOf => {
                let choices = self.parts.iter().map(Self::chosen_syntax).collect::<Vec<_>>().join("|");
                // Brackets of an optional argument already hold the choices together.
                if self.optional && self.token.is_none() { choices } else { format!("({choices})") }
            }
            ArgumentKind::PureToken => self.token.unwrap_or_default().to_owned(),
            ArgumentKind::Double
            | ArgumentKind::Integer
            | ArgumentKind::Key
            | ArgumentKind::Pattern
            | ArgumentKind::String
            | ArgumentKind::UnixTime => format!("<{}>", self.name),
        };
        let text = match self.token {
            Some(token) if self.kind != ArgumentKind::PureToken => format!("{token} {value}"),
            _ => value.clone(),
        };
        let repeated = if self.multiple_token { &text } else { &value };
        match (self.multiple, repeated.len()) {
            (false, _) => text,
            (true, ..=REPEATED_CHARS_MAX) => format!("{text} [{repeated} ...]"),
            (true, _) => format!("{text} [...]"),
        }
    }
}

/// What may stand in the place of an [`Argument`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgumentKind {
    /// Several arguments in a row.
    Block,
    /// A decimal number that may have a fraction.
    Double,
    /// A whole decimal number.
    Integer,
    /// A key name.
    Key,
    /// One of several arguments.
    OneOf,
    /// A glob.
    Pattern,
    /// A keyword.
    PureToken,
    /// Any bytes.
    String,
    /// A point in time, counted from 1970.
    UnixTime,
}

impl ArgumentKind {
    /// Redis's name of the kind.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Block => "block",
            Self::Double => "double",
            Self::Integer => "integer",
            Self::Key => "key",
            Self::OneOf => "oneof",
            Self::Pattern => "pattern",
            Self::PureToken => "pure-token",
            Self::String => "string",
            Self::UnixTime => "unix-time",
        }
    }
}

/// A longer value is not written out again to show that it may be repeated.
const REPEATED_CHARS_MAX: usize = 40;

#[cfg(test)]
mod tests {
    use super::super::lookup_full_name;

    #[test]
    fn syntax_shows_options_choices_and_repeats() {
        for (name, syntax) in [
            ("ping", "[<message>]"),
            ("publish", "<channel> <message>"),
            ("subscribe", "<channel> [<channel> ...]"),
            ("unsubscribe", "[<channel> [<channel> ...]]"),
            ("mpublish", "<channel> <payload> [<channel> <payload> ...]"),
            ("hello", "[<protover> [AUTH <username> <password>] [SETNAME <clientname>]]"),
            ("flushall", "[ASYNC|SYNC]"),
            ("client|reply", "(ON|OFF|SKIP)"),
            ("client|id", ""),
            ("lmpop", "<numkeys> <key> [<key> ...] (LEFT|RIGHT) [COUNT <count>]"),
            (
                "client|tracking",
                "(ON|OFF) [REDIRECT <client-id>] [PREFIX <prefix> [PREFIX <prefix> ...]] [BCAST] [OPTIN] [OPTOUT] \
                 [NOLOOP]",
            ),
        ] {
            assert_eq!(lookup_full_name(name.as_bytes()).unwrap().syntax(), syntax, "{name}");
        }
    }
}
