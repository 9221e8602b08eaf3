//! A set of rules that a request has to satisfy all by itself: what a user has one or several of.

use fanfare_fanout::LAG_CHANNEL;
use fanfare_wire::glob_match;

use super::rule::{CommandRule, CommandSet, Pattern, Realm, Rights, RuleError, Target, every_command};
use super::subset::is_subset;
use crate::broker::DRAIN_CHANNEL;
use crate::command::{ChannelAccess, CommandId, CommandSpec, Flags, KeyFlags, Words};

/// What a request may not do, the rarer kind of refusal above the commoner one: of several selectors the one that got
/// furthest tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Denied {
    /// Run the command.
    Command,
    /// Touch the key in this word.
    Key(usize),
    /// Use the channel in this word.
    Channel(usize),
}

/// How patterns of PSUBSCRIBE are compared with those of the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PatternCheck {
    /// They must be equal, as in Redis.
    Literal,
    /// They may also be narrower.
    Subset,
}

/// Commands, keys and channels that are allowed together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Selector {
    /// The rules on commands begin with all or with none.
    starts_with_all: bool,
    /// In the order they apply, without those that a later one replaces.
    rules: Vec<CommandRule>,
    /// What follows from them.
    commands: CommandSet,
    /// Commands that are allowed with a certain first argument only.
    first_args: Vec<(CommandId, Box<[u8]>)>,
    all_keys: bool,
    keys: Vec<Pattern>,
    all_channels: bool,
    channels: Vec<Pattern>,
}

impl Selector {
    /// Allows nothing.
    pub(crate) const fn new() -> Self {
        Self {
            starts_with_all: false,
            rules: Vec::new(),
            commands: CommandSet::new(false),
            first_args: Vec::new(),
            all_keys: false,
            keys: Vec::new(),
            all_channels: false,
            channels: Vec::new(),
        }
    }

    /// Follows one rule.
    pub(crate) fn apply(&mut self, word: &[u8]) -> Result<(), RuleError> {
        let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
        if is("allkeys") {
            self.all_keys = true;
            self.keys.clear();
        } else if is("resetkeys") {
            self.all_keys = false;
            self.keys.clear();
        } else if is("allchannels") {
            self.all_channels = true;
            self.channels.clear();
        } else if is("resetchannels") {
            self.all_channels = false;
            self.channels.clear();
        } else if is("allcommands") || is("+@all") {
            self.set_all_commands(true);
        } else if is("nocommands") || is("-@all") {
            self.set_all_commands(false);
        } else {
            match word {
                [b'~' | b'&' | b'%', ..] => self.add_pattern(word)?,
                [b'+', name @ ..] => self.add_rule(CommandRule::parse(true, name)?),
                [b'-', name @ ..] => self.add_rule(CommandRule::parse(false, name)?),
                _ => return Err(RuleError::Syntax),
            }
        }
        Ok(())
    }

    fn set_all_commands(&mut self, are_allowed: bool) {
        self.starts_with_all = are_allowed;
        self.rules.clear();
        self.derive_commands();
    }

    fn add_rule(&mut self, rule: CommandRule) {
        self.rules.retain(|earlier| !rule.replaces(earlier));
        self.rules.push(rule);
        // Right behind all or nothing, more of the same says nothing.
        let said = self.rules.iter().take_while(|rule| rule.allows == self.starts_with_all).count();
        self.rules.drain(..said);
        self.derive_commands();
    }

    fn derive_commands(&mut self) {
        self.commands = CommandSet::new(self.starts_with_all);
        self.first_args.clear();
        for rule in &self.rules {
            if let Target::FirstArg(spec, arg) = &rule.target {
                self.first_args.push((spec.id, arg.clone()));
                continue;
            }
            for spec in every_command().filter(|spec| rule.is_about(spec, None)) {
                self.commands.put(spec.id, rule.allows);
                self.first_args.retain(|(id, _)| *id != spec.id);
            }
        }
    }

    fn add_pattern(&mut self, word: &[u8]) -> Result<(), RuleError> {
        let (realm, pattern) = Pattern::parse(word)?;
        let is_all = &*pattern.text == b"*" && pattern.rights == Rights::BOTH;
        let (has_all, patterns, error) = match realm {
            Realm::Channels => (&mut self.all_channels, &mut self.channels, RuleError::AfterAllChannels),
            Realm::Keys => (&mut self.all_keys, &mut self.keys, RuleError::AfterAllKeys),
        };
        if is_all {
            *has_all = true;
            patterns.clear();
        } else if *has_all {
            return Err(error);
        } else if let Some(known) = patterns.iter_mut().find(|known| known.text == pattern.text) {
            known.rights = known.rights.union(pattern.rights);
        } else {
            patterns.push(pattern);
        }
        Ok(())
    }

    /// Whether it allows everything.
    pub(crate) fn is_unrestricted(&self) -> bool {
        self.starts_with_all && self.rules.is_empty() && self.all_keys && self.all_channels
    }

    /// Whether a request may be executed; its number of words has been checked.
    pub(crate) fn check(
        &self,
        spec: &CommandSpec,
        request: &(impl Words + ?Sized),
        patterns: PatternCheck,
    ) -> Result<(), Denied> {
        if !self.allows_command(spec, request) {
            return Err(Denied::Command);
        }
        if !self.all_keys {
            for keys in spec.keys.iter().filter(|keys| !keys.is_not_key()) {
                let needed = needed_rights(keys.flags_for(request));
                // Words that do not fit are for the command to refuse.
                for at in keys.positions(request).into_iter().flatten() {
                    if self.key_rule(needed, request.word(at).unwrap_or_default()).is_none() {
                        return Err(Denied::Key(at));
                    }
                }
            }
        }
        if let Some(channels) = spec.channels
            && !self.all_channels
        {
            for at in channels.positions(request.count()) {
                if !self.allows_channel(channels.access, request.word(at).unwrap_or_default(), patterns) {
                    return Err(Denied::Channel(at));
                }
            }
        }
        Ok(())
    }

    fn allows_command(&self, spec: &CommandSpec, request: &(impl Words + ?Sized)) -> bool {
        self.commands.contains(spec.id)
            // What a client needs to become another user, or to leave.
            || spec.flags.contains(Flags::NO_AUTH)
            || self.first_args.iter().any(|(id, arg)| {
                *id == spec.id && request.word(1).is_some_and(|first| first.eq_ignore_ascii_case(arg))
            })
    }

    /// Whether a channel, or a pattern of channels, may be used like this.
    pub(crate) fn allows_channel(&self, access: ChannelAccess, name: &[u8], patterns: PatternCheck) -> bool {
        self.all_channels
            || access == ChannelAccess::Unsubscribe
            // They tell a client about itself and the server, nothing of others.
            || access == ChannelAccess::Subscribe && (name == LAG_CHANNEL || name == DRAIN_CHANNEL)
            || self.channel_rule(access, name, patterns).is_some()
    }

    fn key_rule(&self, needed: Rights, key: &[u8]) -> Option<&Pattern> {
        self.keys.iter().find(|pattern| pattern.rights.contains(needed) && glob_match(&pattern.text, key))
    }

    fn channel_rule(&self, access: ChannelAccess, name: &[u8], patterns: PatternCheck) -> Option<&Pattern> {
        let needed = if access == ChannelAccess::Publish { Rights::PUBLISH } else { Rights::SUBSCRIBE };
        self.channels.iter().find(|pattern| {
            pattern.rights.contains(needed)
                && match (access, patterns) {
                    (ChannelAccess::PatternSubscribe, PatternCheck::Literal) => &*pattern.text == name,
                    (ChannelAccess::PatternSubscribe, PatternCheck::Subset) => is_subset(name, &pattern.text),
                    _ => glob_match(&pattern.text, name),
                }
        })
    }

    /// The rules that decide about a request, in the order of the checks, up to the one that denies it.
    ///
    /// Where a key or channel is denied since no pattern covers it, there is no rule to name.
    pub(crate) fn deciding_rules(
        &self,
        spec: &CommandSpec,
        request: &(impl Words + ?Sized),
        patterns: PatternCheck,
    ) -> Vec<Vec<u8>> {
        let denied = self.check(spec, request, patterns).err();
        let mut found = vec![self.command_rule(spec, request.word(1))];
        if denied == Some(Denied::Command) {
            return found;
        }
        for keys in spec.keys.iter().filter(|keys| !keys.is_not_key()) {
            let needed = needed_rights(keys.flags_for(request));
            for at in keys.positions(request).into_iter().flatten() {
                let rule = self.key_rule(needed, request.word(at).unwrap_or_default());
                found.extend(rule.map(|rule| rule.print(Realm::Keys)).or(self.all_keys.then(|| b"~*".to_vec())));
            }
        }
        if let Some(channels) = spec.channels.filter(|channels| channels.access != ChannelAccess::Unsubscribe)
            && !matches!(denied, Some(Denied::Key(_)))
        {
            for at in channels.positions(request.count()) {
                let rule = self.channel_rule(channels.access, request.word(at).unwrap_or_default(), patterns);
                found
                    .extend(rule.map(|rule| rule.print(Realm::Channels)).or(self.all_channels.then(|| b"&*".to_vec())));
            }
        }
        let mut seen = Vec::new();
        found.retain(|rule| {
            !seen.contains(rule) && {
                seen.push(rule.clone());
                true
            }
        });
        found
    }

    fn command_rule(&self, spec: &CommandSpec, first_arg: Option<&[u8]>) -> Vec<u8> {
        let deciding = self.rules.iter().rev().find(|rule| rule.is_about(spec, first_arg));
        deciding.map_or_else(|| self.print_start().to_vec(), CommandRule::print)
    }

    const fn print_start(&self) -> &'static [u8] {
        if self.starts_with_all { b"+@all" } else { b"-@all" }
    }

    /// The rules on commands, as ACL GETUSER has them.
    pub(crate) fn print_commands(&self) -> Vec<u8> {
        let mut words = vec![self.print_start().to_vec()];
        words.extend(self.rules.iter().map(CommandRule::print));
        words.join(&b' ')
    }

    /// The rules on keys, as ACL GETUSER has them.
    pub(crate) fn print_keys(&self) -> Vec<u8> {
        if self.all_keys {
            return b"~*".to_vec();
        }
        self.keys.iter().map(|pattern| pattern.print(Realm::Keys)).collect::<Vec<_>>().join(&b' ')
    }

    /// The rules on channels, as ACL GETUSER has them.
    pub(crate) fn print_channels(&self) -> Vec<u8> {
        if self.all_channels {
            return b"&*".to_vec();
        }
        self.channels.iter().map(|pattern| pattern.print(Realm::Channels)).collect::<Vec<_>>().join(&b' ')
    }

    /// All of it in one line, as ACL LIST has it: rules that make the same selector again.
    pub(crate) fn print(&self) -> Vec<u8> {
        let mut words = vec![self.print_keys()];
        if !self.all_channels {
            words.push(b"resetchannels".to_vec());
        }
        words.extend([self.print_channels(), self.print_commands()]);
        words.retain(|word| !word.is_empty());
        words.join(&b' ')
    }
}

/// The rights that a pattern must have for what a command does to a key; none where any pattern will do.
fn needed_rights(flags: KeyFlags) -> Rights {
    let mut needed = Rights::NONE;
    if flags.contains(KeyFlags::ACCESS) {
        needed = needed.union(Rights::READ);
    }
    if [KeyFlags::INSERT, KeyFlags::DELETE, KeyFlags::UPDATE].into_iter().any(|flag| flags.contains(flag)) {
        needed = needed.union(Rights::WRITE);
    }
    needed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::resolve;

    fn selector(rules: &str) -> Selector {
        let mut selector = Selector::new();
        for rule in rules.split_whitespace() {
            selector.apply(rule.as_bytes()).unwrap_or_else(|error| panic!("{rule}: {}", error.text()));
        }
        selector
    }

    fn check_with(rules: &str, request: &str, patterns: PatternCheck) -> Result<(), Denied> {
        let words: Vec<&str> = request.split(' ').collect();
        selector(rules).check(resolve(&words[..]).unwrap(), &words[..], patterns)
    }

    fn check(rules: &str, request: &str) -> Result<(), Denied> {
        check_with(rules, request, PatternCheck::Literal)
    }

    #[test]
    fn rules_print_as_redis_prints_them() {
        for (rules, printed) in [
            ("", "resetchannels -@all"),
            ("~* &* +@all", "~* &* +@all"),
            ("allkeys allchannels allcommands", "~* &* +@all"),
            ("+@read -get +client|id", "resetchannels -@all +@read -get +client|id"),
            ("+@all -client +client|id", "resetchannels +@all -client +client|id"),
            ("+memory|doctor +memory", "resetchannels -@all +memory"),
            ("+@all -memory|doctor -memory", "resetchannels +@all -memory"),
            ("+@all +client|id", "resetchannels +@all"),
            ("-@all -get", "resetchannels -@all"),
            ("+@all -get +get", "resetchannels +@all"),
            ("+get -@read +get", "resetchannels -@all +get"),
            ("+select|a +select|b", "resetchannels -@all +select|a +select|b"),
            ("+select|a +get -select", "resetchannels -@all +get -select"),
            ("%R~foo %W~foo %RW~bar", "~foo ~bar resetchannels -@all"),
            ("%R~a ~b %W~c &x %P&y", "%R~a ~b %W~c resetchannels &x %P&y -@all"),
            ("%P&a %S&a", "resetchannels &a -@all"),
            ("+debug|object +debug", "resetchannels -@all +debug"),
            ("+@all -debug +debug|object", "resetchannels +@all -debug +debug|object"),
        ] {
            assert_eq!(String::from_utf8(selector(rules).print()).unwrap(), printed, "{rules}");
            assert_eq!(selector(printed), selector(rules), "{rules}");
        }
    }

    #[test]
    fn a_category_is_printed_as_itself() {
        for name in crate::command::Categories::every().names() {
            assert_eq!(selector(&format!("+@{name}")).print_commands(), format!("-@all +@{name}").as_bytes());
            assert_eq!(selector(&format!("+@all -@{name}")).print_commands(), format!("+@all -@{name}").as_bytes());
        }
    }

    #[test]
    fn the_last_rule_about_a_command_decides() {
        assert_eq!(check("+@all ~*", "GET a"), Ok(()));
        assert_eq!(check("+@all -@read ~*", "GET a"), Err(Denied::Command));
        assert_eq!(check("+@all -@read +get ~*", "GET a"), Ok(()));
        assert_eq!(check("+client -client|kill", "CLIENT ID"), Ok(()));
        assert_eq!(check("+client -client|kill", "CLIENT KILL a"), Err(Denied::Command));
        assert_eq!(check("+client|id", "CLIENT ID"), Ok(()));
        assert_eq!(check("+client|id", "CLIENT LIST"), Err(Denied::Command));
        assert_eq!(check("+@stream ~*", "XINFO STREAM a"), Ok(()));
        assert_eq!(check("+select|0", "SELECT 0"), Ok(()));
        assert_eq!(check("+select|0", "SELECT 1"), Err(Denied::Command));
        assert_eq!(check("+select|0 -@connection", "SELECT 0"), Err(Denied::Command));
        assert_eq!(check("", "AUTH a"), Ok(()));
    }

    #[test]
    fn keys_need_a_pattern_with_the_rights_for_what_is_done() {
        assert_eq!(check("+@all %R~r* %W~w*", "GET r"), Ok(()));
        assert_eq!(check("+@all %R~r* %W~w*", "GET w"), Err(Denied::Key(1)));
        assert_eq!(check("+@all %R~r* %W~w*", "SET w x"), Ok(()));
        assert_eq!(check("+@all %R~r* %W~w*", "SET w x GET"), Err(Denied::Key(1)));
        assert_eq!(check("+@all %R~r* %W~w*", "COPY r w"), Ok(()));
        assert_eq!(check("+@all %R~r* %W~w*", "COPY w r"), Err(Denied::Key(1)));
        assert_eq!(check("+@all %R~r* %W~w*", "EXISTS r w"), Ok(()));
        assert_eq!(check("+@all %R~r* %W~w*", "EXISTS x"), Err(Denied::Key(1)));
        assert_eq!(check("+@all ~a", "MGET a a b"), Err(Denied::Key(3)));
        assert_eq!(check("+@all ~a", "LMPOP 7 b LEFT"), Ok(()));
    }

    #[test]
    fn channels_match_and_patterns_are_compared() {
        assert_eq!(check("+@all &a:*", "PUBLISH a:b x"), Ok(()));
        assert_eq!(check("+@all &a:*", "PUBLISH b x"), Err(Denied::Channel(1)));
        assert_eq!(check("+@all &a:*", "SUBSCRIBE a:b b"), Err(Denied::Channel(2)));
        assert_eq!(check("+@all &a:*", "MPUBLISH a:b x b y"), Err(Denied::Channel(3)));
        assert_eq!(check("+@all &a:*", "PSUBSCRIBE a:*"), Ok(()));
        assert_eq!(check("+@all &a:*", "PSUBSCRIBE a:b:*"), Err(Denied::Channel(1)));
        assert_eq!(check_with("+@all &a:*", "PSUBSCRIBE a:b:*", PatternCheck::Subset), Ok(()));
        assert_eq!(check_with("+@all &a:*", "PSUBSCRIBE *", PatternCheck::Subset), Err(Denied::Channel(1)));
        assert_eq!(check("+@all &a:*", "UNSUBSCRIBE b"), Ok(()));
        assert_eq!(check("+@all", "SUBSCRIBE __fanfare__:lag"), Ok(()));
        assert_eq!(check("+@all", "PSUBSCRIBE __fanfare__:lag"), Err(Denied::Channel(1)));
    }

    #[test]
    fn publishing_and_subscribing_are_given_apart() {
        let rules = "+@all %P&p %S&s";
        assert_eq!(check(rules, "PUBLISH p x"), Ok(()));
        assert_eq!(check(rules, "SPUBLISH p x"), Ok(()));
        assert_eq!(check(rules, "PUBLISH s x"), Err(Denied::Channel(1)));
        assert_eq!(check(rules, "SUBSCRIBE s"), Ok(()));
        assert_eq!(check(rules, "PSUBSCRIBE s"), Ok(()));
        assert_eq!(check(rules, "SSUBSCRIBE p"), Err(Denied::Channel(1)));
        assert_eq!(check(rules, "PSUBSCRIBE p"), Err(Denied::Channel(1)));
        assert_eq!(check("+@all %P&* %S&s", "PUBLISH x x"), Ok(()));
        assert_eq!(check("+@all %P&* %S&s", "SUBSCRIBE x"), Err(Denied::Channel(1)));
    }

    #[test]
    fn a_pattern_behind_everything_is_refused() {
        assert_eq!(selector("~*").apply(b"%R~a"), Err(RuleError::AfterAllKeys));
        assert_eq!(selector("&*").apply(b"%P&a"), Err(RuleError::AfterAllChannels));
    }

    #[test]
    fn the_deciding_rules_are_named() {
        let rules = |rules: &str, request: &str| {
            let words: Vec<&str> = request.split(' ').collect();
            let spec = resolve(&words[..]).unwrap();
            let found = selector(rules).deciding_rules(spec, &words[..], PatternCheck::Literal);
            String::from_utf8(found.join(&b' ')).unwrap()
        };
        assert_eq!(rules("+@all ~*", "GET a"), "+@all ~*");
        assert_eq!(rules("+@all -@read +mget ~a* ~b", "MGET a1 a2 b"), "+mget ~a* ~b");
        assert_eq!(rules("+@all -@read ~*", "GET a"), "-@read");
        assert_eq!(rules("+@all ~a", "GET b"), "+@all");
        assert_eq!(rules("+select|0", "SELECT 0"), "+select|0");
        assert_eq!(rules("+select|0", "SELECT 1"), "-@all");
        assert_eq!(rules("+@pubsub %P&a", "PUBLISH a x"), "+@pubsub %P&a");
    }
}
