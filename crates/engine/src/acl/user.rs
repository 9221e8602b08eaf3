//! One user: who may log in as it, and what it may do.

use std::fmt;

use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use super::rule::RuleError;
use super::selector::{Denied, PatternCheck, Selector};
use crate::command::{ChannelAccess, CommandSpec, Words};
use crate::settings::PubsubDefault;

/// The SHA-256 of a password, all that is kept of it.
#[derive(Clone, PartialEq, Eq)]
struct PasswordHash([u8; 32]);

impl PasswordHash {
    fn of(password: &[u8]) -> Self {
        Self(Sha256::digest(password).into())
    }

    fn parse(digits: &[u8]) -> Result<Self, RuleError> {
        let mut hash = [0; 32];
        let is_lower = !digits.iter().any(u8::is_ascii_uppercase);
        match hex::decode_to_slice(digits, &mut hash) {
            Ok(()) if is_lower => Ok(Self(hash)),
            _ => Err(RuleError::BadHash),
        }
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(..)")
    }
}

/// A user as rules have made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) name: Box<[u8]>,
    is_on: bool,
    takes_any_password: bool,
    passwords: Vec<PasswordHash>,
    root: Selector,
    selectors: Vec<Selector>,
}

impl User {
    /// A new user: off, and allowed nothing, but for the channels if `channels` says so.
    pub(crate) fn new(name: &[u8], channels: PubsubDefault) -> Self {
        let mut user = Self {
            name: name.into(),
            is_on: false,
            takes_any_password: false,
            passwords: Vec::new(),
            root: Selector::new(),
            selectors: Vec::new(),
        };
        user.reset(channels);
        user
    }

    /// The user that exists without being made: allowed everything, without a password.
    pub(crate) fn default_user() -> Self {
        let mut user = Self::new(DEFAULT_USER, PubsubDefault::AllChannels);
        for rule in ["on", "nopass", "allkeys", "allcommands"] {
            let applied = user.apply(rule.as_bytes(), PubsubDefault::AllChannels);
            debug_assert!(applied.is_ok(), "{rule} is a rule");
        }
        user
    }

    /// Whether the name can stand in a line of rules.
    pub(crate) fn is_valid_name(name: &[u8]) -> bool {
        !name.iter().any(|byte| byte.is_ascii_whitespace() || matches!(byte, 0 | 0x0b))
    }

    /// Follows one rule; `channels` counts for `reset`.
    pub(crate) fn apply(&mut self, word: &[u8], channels: PubsubDefault) -> Result<(), RuleError> {
        let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
        if word.is_empty() {
            return Ok(());
        }
        if is("on") {
            self.is_on = true;
        } else if is("off") {
            self.is_on = false;
        } else if is("nopass") {
            self.takes_any_password = true;
            self.passwords.clear();
        } else if is("resetpass") {
            self.takes_any_password = false;
            self.passwords.clear();
        } else if is("reset") {
            self.reset(channels);
        } else if is("clearselectors") {
            self.selectors.clear();
        } else if is("sanitize-payload") || is("skip-sanitize-payload") {
            // Values that clients bring along are always checked.
        } else {
            match word {
                [b'>', password @ ..] => self.add_password(PasswordHash::of(password)),
                [b'#', digits @ ..] => self.add_password(PasswordHash::parse(digits)?),
                [b'<', password @ ..] => self.remove_password(&PasswordHash::of(password))?,
                [b'!', digits @ ..] => self.remove_password(&PasswordHash::parse(digits)?)?,
                [b'(', rules @ .., b')'] => {
                    let mut selector = Selector::new();
                    if channels == PubsubDefault::AllChannels {
                        selector.apply(b"allchannels")?;
                    }
                    for rule in rules.split(u8::is_ascii_whitespace).filter(|rule| !rule.is_empty()) {
                        // In a line of rules the selector would end there.
                        if rule.ends_with(b")") {
                            return Err(RuleError::Syntax);
                        }
                        selector.apply(rule)?;
                    }
                    self.selectors.push(selector);
                }
                _ => self.root.apply(word)?,
            }
        }
        Ok(())
    }

    fn reset(&mut self, channels: PubsubDefault) {
        self.is_on = false;
        self.takes_any_password = false;
        self.passwords.clear();
        self.selectors.clear();
        self.root = Selector::new();
        if channels == PubsubDefault::AllChannels {
            let applied = self.root.apply(b"allchannels");
            debug_assert!(applied.is_ok(), "it is a rule");
        }
    }

    fn add_password(&mut self, hash: PasswordHash) {
        if !self.passwords.contains(&hash) {
            self.passwords.push(hash);
        }
        self.takes_any_password = false;
    }

    fn remove_password(&mut self, hash: &PasswordHash) -> Result<(), RuleError> {
        let at = self.passwords.iter().position(|known| known == hash).ok_or(RuleError::NoSuchPassword)?;
        self.passwords.remove(at);
        Ok(())
    }

    /// Whether whoever gives this password may log in; it takes the same time whichever byte is wrong.
    pub(crate) fn accepts(&self, password: &[u8]) -> bool {
        let given = PasswordHash::of(password);
        let is_right = self.passwords.iter().fold(Choice::from(0), |found, hash| found | hash.0.ct_eq(&given.0));
        self.is_on && (self.takes_any_password || bool::from(is_right))
    }

    /// Whether nobody has to say a password to be this user.
    pub(crate) const fn is_open(&self) -> bool {
        self.is_on && self.takes_any_password
    }

    /// Whether anyone can log in as this user.
    pub(crate) const fn is_on(&self) -> bool {
        self.is_on
    }

    /// Whether logging in takes no password, also while it is off.
    pub(crate) const fn takes_any_password(&self) -> bool {
        self.takes_any_password
    }

    /// Whether nothing has to be checked.
    pub(crate) fn is_unrestricted(&self) -> bool {
        self.every_selector().any(Selector::is_unrestricted)
    }

    /// Whether one selector allows all of the request; if none does, what the one that got furthest says.
    pub(crate) fn check(
        &self,
        spec: &CommandSpec,
        request: &(impl Words + ?Sized),
        patterns: PatternCheck,
    ) -> Result<(), Denied> {
        let mut furthest = Denied::Command;
        for selector in self.every_selector() {
            match selector.check(spec, request, patterns) {
                Ok(()) => return Ok(()),
                Err(denied) => furthest = furthest.max(denied),
            }
        }
        Err(furthest)
    }

    /// Whether a subscription may go on.
    pub(crate) fn allows_channel(&self, access: ChannelAccess, name: &[u8], patterns: PatternCheck) -> bool {
        self.every_selector().any(|selector| selector.allows_channel(access, name, patterns))
    }

    /// The rules that decide about a request: those of the selector that allows it or, if none does, got furthest.
    pub(crate) fn deciding_rules(
        &self,
        spec: &CommandSpec,
        request: &(impl Words + ?Sized),
        patterns: PatternCheck,
    ) -> Vec<Vec<u8>> {
        let verdict = self.check(spec, request, patterns);
        let mut selectors = self.every_selector();
        let deciding = selectors.find(|selector| selector.check(spec, request, patterns) == verdict);
        deciding.unwrap_or(&self.root).deciding_rules(spec, request, patterns)
    }

    fn every_selector(&self) -> impl Iterator<Item = &Selector> {
        std::iter::once(&self.root).chain(&self.selectors)
    }

    /// The rules that no selector has of its own.
    pub(crate) const fn root(&self) -> &Selector {
        &self.root
    }

    /// The selectors in brackets.
    pub(crate) fn selectors(&self) -> &[Selector] {
        &self.selectors
    }

    /// Its flags, as ACL GETUSER has them.
    pub(crate) fn flags(&self) -> impl ExactSizeIterator<Item = &'static str> + use<> {
        let words: &[&str] = match (self.is_on, self.takes_any_password) {
            (true, true) => &["on", "nopass"],
            (true, false) => &["on"],
            (false, true) => &["off", "nopass"],
            (false, false) => &["off"],
        };
        words.iter().copied()
    }

    /// The hashes of its passwords, in hexadecimal digits.
    pub(crate) fn password_hashes(&self) -> impl ExactSizeIterator<Item = String> {
        self.passwords.iter().map(|hash| hex::encode(hash.0))
    }

    /// Its line in ACL LIST and in the ACL file.
    pub(crate) fn print(&self) -> Vec<u8> {
        [&b"user "[..], &self.name, b" ", &self.print_rules()].concat()
    }

    /// The rules that make it, its name left out.
    pub(crate) fn print_rules(&self) -> Vec<u8> {
        let mut words: Vec<Vec<u8>> = self.flags().map(|flag| flag.as_bytes().to_vec()).collect();
        words.extend(self.password_hashes().map(|hash| format!("#{hash}").into_bytes()));
        words.push(self.root.print());
        words.extend(self.selectors.iter().map(|selector| [&b"("[..], &selector.print(), b")"].concat()));
        words.join(&b' ')
    }
}

/// The user of connections that have not logged in as another one.
pub(crate) const DEFAULT_USER: &[u8] = b"default";

/// Joins what belongs together in brackets, which clients and files may bring as several words.
///
/// # Errors
/// The word that opens a bracket which is never closed.
pub(crate) fn join_selectors<'a>(words: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<Vec<u8>>, Vec<u8>> {
    let mut joined = Vec::new();
    let mut open: Option<(&[u8], Vec<u8>)> = None;
    for word in words {
        let (first, mut text) = match open.take() {
            Some((first, text)) => (first, [&text[..], b" ", word].concat()),
            None if word.starts_with(b"(") => (word, word.to_vec()),
            None => {
                joined.push(word.to_vec());
                continue;
            }
        };
        if word.ends_with(b")") {
            joined.push(std::mem::take(&mut text));
        } else {
            open = Some((first, text));
        }
    }
    match open {
        None => Ok(joined),
        Some((first, _)) => Err(first.to_vec()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::command::resolve;

    fn user(rules: &str) -> User {
        let mut user = User::new(b"u", PubsubDefault::ResetChannels);
        for rule in join_selectors(rules.split(' ').map(str::as_bytes)).unwrap() {
            let text = String::from_utf8_lossy(&rule).into_owned();
            user.apply(&rule, PubsubDefault::ResetChannels).unwrap_or_else(|error| panic!("{text}: {}", error.text()));
        }
        user
    }

    fn check(rules: &str, request: &str) -> Result<(), Denied> {
        let words: Vec<&str> = request.split(' ').collect();
        user(rules).check(resolve(&words[..]).unwrap(), &words[..], PatternCheck::Literal)
    }

    #[test]
    fn users_print_as_redis_prints_them() {
        let a = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb";
        for (rules, printed) in [
            ("", "off resetchannels -@all".to_owned()),
            ("on nopass ~* &* +@all", "on nopass ~* &* +@all".to_owned()),
            (
                "on >a +@read -get ~a* %R~b &x (+set %W~k)",
                format!("on #{a} ~a* %R~b resetchannels &x -@all +@read -get (%W~k resetchannels -@all +set)"),
            ),
            ("() nopass reset", "off resetchannels -@all".to_owned()),
            ("()", "off resetchannels -@all (resetchannels -@all)".to_owned()),
            ("nopass >a >a", format!("off #{a} resetchannels -@all")),
            (">a nopass", "off nopass resetchannels -@all".to_owned()),
        ] {
            let made = user(rules);
            assert_eq!(String::from_utf8(made.print()).unwrap(), format!("user u {printed}"));
            assert_eq!(user(&printed), made);
        }
        assert_eq!(User::default_user().print(), b"user default on nopass ~* &* +@all");
    }

    #[test]
    fn passwords_come_and_go() {
        let mut user = user("on >a >b");
        assert!(user.accepts(b"a") && user.accepts(b"b") && !user.accepts(b"c") && !user.accepts(b""));
        let mut apply = |rule: &str| user.apply(rule.as_bytes(), PubsubDefault::ResetChannels);
        assert_eq!(apply("<a"), Ok(()));
        assert_eq!(apply("<a"), Err(RuleError::NoSuchPassword));
        assert_eq!(apply("#12"), Err(RuleError::BadHash));
        assert_eq!(apply(&format!("#{}", "A".repeat(64))), Err(RuleError::BadHash));
        assert_eq!(apply(&format!("!{}", "0".repeat(64))), Err(RuleError::NoSuchPassword));
        assert!(!user.accepts(b"a") && user.accepts(b"b"));
        user.apply(b"off", PubsubDefault::ResetChannels).unwrap();
        assert!(!user.accepts(b"b"));
    }

    #[test]
    fn one_selector_must_allow_the_whole_request() {
        let rules = "(%R~r* +@all) (%W~w* +@all)";
        assert_eq!(check(rules, "GET r"), Ok(()));
        assert_eq!(check(rules, "LPUSH w x"), Ok(()));
        assert_eq!(check(rules, "COPY r w"), Err(Denied::Key(2)));
        assert_eq!(check("+mget ~key (+mget ~key ~other)", "MGET key other third"), Err(Denied::Key(3)));
        assert_eq!(check("+mget ~key (+mget ~key ~other)", "GET key"), Err(Denied::Command));
        assert_eq!(check("+publish (+subscribe &a)", "PUBLISH a x"), Err(Denied::Channel(1)));
    }

    #[test]
    fn words_in_brackets_are_one_rule() {
        let join = |words: &[&str]| join_selectors(words.iter().map(|word| word.as_bytes()));
        assert_eq!(join(&["on", "(", "~a", "+get", ")", "~b"]).unwrap(), [&b"on"[..], b"( ~a +get )", b"~b"]);
        assert_eq!(join(&["on", "(~a", "+get"]), Err(b"(~a".to_vec()));
        assert_eq!(join(&[")"]).unwrap(), [b")"]);
    }

    fn any_rule() -> impl Strategy<Value = Vec<u8>> {
        let known = [
            "on",
            "off",
            "nopass",
            "resetpass",
            "reset",
            "clearselectors",
            "allkeys",
            "resetkeys",
            "allchannels",
            "resetchannels",
            "allcommands",
            "nocommands",
            ">a",
            ">b",
            "<a",
            "~a*",
            "%R~a*",
            "%W~b",
            "~*",
            "&a",
            "%P&a",
            "%S&b*",
            "&*",
            "+@all",
            "-@all",
            "+@read",
            "-@read",
            "+@pubsub",
            "-@dangerous",
            "+get",
            "-get",
            "+client",
            "-client",
            "+client|id",
            "-client|kill",
            "+select|0",
            "+select|1",
            "-select",
            "+debug|object",
            "-debug",
            "(+get ~a)",
            "(%R~x &y +@all -get)",
            "()",
        ];
        prop_oneof![
            9 => proptest::sample::select(known.to_vec()).prop_map(|rule| rule.as_bytes().to_vec()),
            1 => proptest::collection::vec(any::<u8>(), 0..6),
            1 => "[~&%+(>#!<|@-][a-z|@*()~&R ]{0,8}".prop_map(String::into_bytes),
        ]
    }

    proptest! {
        #[test]
        fn what_is_printed_makes_the_same_user(rules in proptest::collection::vec(any_rule(), 0..12)) {
            let mut made = User::new(b"u", PubsubDefault::ResetChannels);
            for rule in &rules {
                let before = made.clone();
                if made.apply(rule, PubsubDefault::ResetChannels).is_err() {
                    prop_assert!(made == before, "a refused rule changes nothing");
                }
            }
            let printed = made.print_rules();
            let mut read = User::new(b"u", PubsubDefault::ResetChannels);
            for rule in join_selectors(printed.split(|byte| *byte == b' ')).unwrap() {
                prop_assert_eq!(read.apply(&rule, PubsubDefault::ResetChannels), Ok(()), "{}", rule.escape_ascii());
            }
            prop_assert_eq!(read.print_rules().escape_ascii().to_string(), printed.escape_ascii().to_string());
            prop_assert!(read == made, "{}", printed.escape_ascii());
        }
    }

    #[test]
    fn a_bad_rule_in_brackets_leaves_nothing() {
        let mut user = user("on");
        for (rule, error) in [("(on)", RuleError::Syntax), ("(&* &a)", RuleError::AfterAllChannels)] {
            assert_eq!(user.apply(rule.as_bytes(), PubsubDefault::ResetChannels), Err(error));
        }
        assert!(user.selectors().is_empty());
    }
}
