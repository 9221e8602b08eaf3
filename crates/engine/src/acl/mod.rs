//! Users and what they may do. Source: Redis, "ACL", and the answers of a running server.
//!
//! A user is made of rules, one word each ([`User::apply`]). What is changed is a copy that takes the place of the user in
//! [`Acl`]; sessions keep the one they have, see at its flag that another one has come, and fetch that. So a request costs
//! no lock: a user that may do everything is two flags, any other one bits and globs.

mod failures;
mod log;
mod rule;
mod selector;
mod subset;
mod user;

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::{Mutex, RwLock};

pub use failures::FailedLogin;
pub(crate) use failures::{FailedLogins, Failures, source};
pub(crate) use log::{Entry, Log, Reason, Refusal};
pub(crate) use selector::{Denied, PatternCheck, Selector};
pub(crate) use user::{DEFAULT_USER, User, join_selectors};

use crate::settings::{PubsubDefault, UserLine};

/// A user as sessions hold it: what it may do does not change any more.
#[derive(Debug)]
pub(crate) struct Identity {
    user: User,
    is_unrestricted: bool,
    is_outdated: AtomicBool,
}

impl Identity {
    fn new(user: User) -> Arc<Self> {
        Arc::new(Self { is_unrestricted: user.is_unrestricted(), user, is_outdated: AtomicBool::new(false) })
    }

    /// Whether everything may be done, and nothing has changed about that.
    pub(crate) fn is_unrestricted(&self) -> bool {
        self.is_unrestricted && !self.is_outdated()
    }

    /// Whether the user has changed since, or is gone.
    pub(crate) fn is_outdated(&self) -> bool {
        self.is_outdated.load(Ordering::Acquire)
    }
}

impl Deref for Identity {
    type Target = User;

    fn deref(&self) -> &User {
        &self.user
    }
}

type Users = BTreeMap<Box<[u8]>, Arc<Identity>>;

/// All users, the log of refusals, and the failed logins of the last minute.
#[derive(Debug)]
pub(crate) struct Acl {
    users: RwLock<Users>,
    /// Nobody has to log in.
    is_open: AtomicBool,
    pub(crate) log: Mutex<Log>,
    pub(crate) failures: Mutex<Failures>,
}

impl Acl {
    /// The default user alone, with that password; an empty one means none.
    pub(crate) fn new(password: &[u8]) -> Self {
        let acl = Self {
            users: RwLock::default(),
            is_open: AtomicBool::new(true),
            log: Mutex::default(),
            failures: Mutex::default(),
        };
        acl.replace_all(vec![default_user(password)]);
        acl
    }

    /// Whether new connections need no password.
    pub(crate) fn is_open(&self) -> bool {
        self.is_open.load(Ordering::Acquire)
    }

    pub(crate) fn get(&self, name: &[u8]) -> Option<Arc<Identity>> {
        self.users.read().get(name).cloned()
    }

    /// The user of new connections.
    pub(crate) fn default_user(&self) -> Arc<Identity> {
        // It can't be removed; were it missing, nothing would be allowed.
        self.get(DEFAULT_USER).unwrap_or_else(|| Identity::new(User::new(DEFAULT_USER, PubsubDefault::ResetChannels)))
    }

    /// The user of that name if the password is right and it is on.
    pub(crate) fn log_in(&self, name: &[u8], password: &[u8]) -> Option<Arc<Identity>> {
        self.get(name).filter(|user| user.accepts(password))
    }

    /// All of them in the order of their names.
    pub(crate) fn all(&self) -> Vec<Arc<Identity>> {
        self.users.read().values().cloned().collect()
    }

    /// Changes a user, or makes it, by all of the rules or none.
    ///
    /// # Errors
    /// The text of the reply.
    pub(crate) fn set_user<'a>(
        &self,
        name: &[u8],
        rules: impl IntoIterator<Item = &'a [u8]>,
        channels: PubsubDefault,
    ) -> Result<(), Vec<u8>> {
        if !User::is_valid_name(name) {
            return Err(b"ERR Usernames can't contain spaces or null characters".to_vec());
        }
        let rules = join_selectors(rules)
            .map_err(|word| [b"ERR Unmatched parenthesis in acl selector starting at '", cut(&word), b"'."].concat())?;
        // Locked from reading to writing, so that no change is lost.
        let mut users = self.users.write();
        let mut user = users.get(name).map_or_else(|| User::new(name, channels), |known| known.user.clone());
        for rule in &rules {
            user.apply(rule, channels).map_err(|error| {
                [b"ERR Error in ACL SETUSER modifier '", cut(rule), b"': ", error.text().as_bytes()].concat()
            })?;
        }
        self.put(&mut users, user);
        Ok(())
    }

    /// `requirepass`: the default user's only password, or none.
    pub(crate) fn set_default_password(&self, password: &[u8]) {
        let mut users = self.users.write();
        let user = users.get(DEFAULT_USER).map_or_else(User::default_user, |known| known.user.clone());
        self.put(&mut users, with_password(user, password));
    }

    fn put(&self, users: &mut Users, user: User) {
        if &*user.name == DEFAULT_USER {
            self.is_open.store(user.is_open(), Ordering::Release);
        }
        if let Some(before) = users.insert(user.name.clone(), Identity::new(user)) {
            before.is_outdated.store(true, Ordering::Release);
        }
    }

    /// Whether there was one to remove.
    pub(crate) fn remove(&self, name: &[u8]) -> bool {
        let removed = self.users.write().remove(name);
        if let Some(user) = &removed {
            user.is_outdated.store(true, Ordering::Release);
        }
        removed.is_some()
    }

    /// Puts these users in the place of all that are there.
    pub(crate) fn replace_all(&self, fresh: Vec<User>) {
        let mut users = self.users.write();
        let before = std::mem::take(&mut *users);
        for user in fresh {
            self.put(&mut users, user);
        }
        for user in before.values() {
            user.is_outdated.store(true, Ordering::Release);
        }
    }

    /// The text of the ACL file.
    pub(crate) fn print(&self) -> Vec<u8> {
        let mut text = Vec::new();
        for user in self.all() {
            text.extend_from_slice(&user.print());
            text.push(b'\n');
        }
        text
    }

    /// The `user` lines of a config file that has this `requirepass`.
    pub(crate) fn lines(&self, password: &[u8]) -> Vec<UserLine> {
        let words = |rules: Vec<u8>| rules.split(|byte| *byte == b' ').map(<[u8]>::to_vec).collect();
        let line = |user: &Arc<Identity>| UserLine { name: user.name.clone(), rules: words(user.print_rules()) };
        // What follows from requirepass needs no line.
        let implied = default_user(password);
        self.all().iter().filter(|user| user.user != implied).map(line).collect()
    }
}

/// The users of the config file, the default one among them.
///
/// # Errors
/// The first rule that is none, as a sentence.
pub(crate) fn users_of_lines(
    lines: &[UserLine],
    password: &[u8],
    channels: PubsubDefault,
) -> Result<Vec<User>, String> {
    let mut users = Vec::with_capacity(lines.len() + 1);
    for line in lines {
        users.push(user_of_line(line, channels)?);
    }
    if !users.iter().any(|user| &*user.name == DEFAULT_USER) {
        users.push(default_user(password));
    }
    Ok(users)
}

/// The user that a line of the config file makes.
///
/// # Errors
/// What is wrong with it, as a sentence.
pub(crate) fn user_of_line(line: &UserLine, channels: PubsubDefault) -> Result<User, String> {
    let name = one_line(&line.name);
    if !User::is_valid_name(&line.name) {
        return Err(format!("Error in user declaration '{name}': spaces are not allowed in user names"));
    }
    let rules = join_selectors(line.rules.iter().map(Vec::as_slice)).map_err(|word| unmatched(&word))?;
    let mut user = User::new(&line.name, channels);
    for rule in &rules {
        user.apply(rule, channels)
            .map_err(|error| format!("Error in user declaration '{name}': '{}': {}", shown(rule), error.text()))?;
    }
    Ok(user)
}

/// The users of an ACL file: one in each line, all of it right or none of it used.
///
/// Without a line for the default user it keeps the password of `requirepass`.
///
/// # Errors
/// Everything that is wrong with it, one sentence after the other.
pub(crate) fn users_of_file(
    text: &[u8],
    path: &str,
    password: &[u8],
    channels: PubsubDefault,
) -> Result<Vec<User>, String> {
    let mut users: Vec<User> = Vec::new();
    let mut errors = String::new();
    for (at, line) in text.split(|byte| *byte == b'\n').enumerate() {
        let number = at + 1;
        let line = line.trim_ascii();
        if line.is_empty() {
            continue;
        }
        let mut words = line.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
        let (Some(b"user"), Some(name)) = (words.next(), words.next()) else {
            errors += &format!("{path}:{number} should start with user keyword followed by the username. ");
            continue;
        };
        if !User::is_valid_name(name) {
            errors += &format!("{path}:{number}: username '{}' contains invalid characters. ", one_line(name));
            continue;
        }
        if users.iter().any(|user| &*user.name == name) {
            errors += &format!("WARNING: Duplicate user '{}' found on line {number}. ", one_line(name));
            continue;
        }
        let mut user = User::new(name, channels);
        match join_selectors(words) {
            Err(word) => errors += &format!("{path}:{number}: {} ", unmatched(&word)),
            Ok(rules) => {
                for rule in rules {
                    if let Err(error) = user.apply(&rule, channels) {
                        let rule = shown(&rule);
                        errors += &format!("{path}:{number}: Error in applying operation '{rule}': {}. ", error.text());
                    }
                }
            }
        }
        users.push(user);
    }
    if !errors.is_empty() {
        return Err(errors + "WARNING: ACL errors detected, no change to the previously active ACL rules was performed");
    }
    if !users.iter().any(|user| &*user.name == DEFAULT_USER) {
        users.push(default_user(password));
    }
    Ok(users)
}

/// The default user under `requirepass`.
fn default_user(password: &[u8]) -> User {
    with_password(User::default_user(), password)
}

fn with_password(mut user: User, password: &[u8]) -> User {
    let rules = if password.is_empty() {
        vec![b"nopass".to_vec()]
    } else {
        vec![b"resetpass".to_vec(), [b">", password].concat()]
    };
    for rule in rules {
        let applied = user.apply(&rule, PubsubDefault::ResetChannels);
        debug_assert!(applied.is_ok(), "any password is one");
    }
    user
}

fn unmatched(word: &[u8]) -> String {
    format!("Unmatched parenthesis in acl selector starting at '{}'.", shown(word))
}

/// A rule for a message that may get into the log: what could be a password is left out, also one without its sign.
fn shown(rule: &[u8]) -> String {
    match rule {
        [b'+' | b'-' | b'~' | b'&' | b'%' | b'(', ..] => one_line(rule),
        [sign @ (b'>' | b'<' | b'#' | b'!'), ..] => format!("{}...", char::from(*sign)),
        _ => "...".to_owned(),
    }
}

fn one_line(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace(['\r', '\n'], " ")
}

/// Bytes for a reply, up to a NUL byte as Redis does.
fn cut(bytes: &[u8]) -> &[u8] {
    bytes.split(|byte| *byte == 0).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESET: PubsubDefault = PubsubDefault::ResetChannels;

    fn of_file(text: &str) -> Result<Vec<String>, String> {
        let users = users_of_file(text.as_bytes(), "u.acl", b"", RESET)?;
        Ok(users.iter().map(|user| String::from_utf8_lossy(&user.print()).into_owned()).collect())
    }

    #[test]
    fn what_a_session_holds_says_when_it_is_outdated() {
        let acl = Acl::new(b"");
        let held = acl.default_user();
        assert!(held.is_unrestricted() && acl.is_open());
        acl.set_user(b"default", [&b"-get"[..]], RESET).unwrap();
        assert!(held.is_outdated() && !held.is_unrestricted());
        let fresh = acl.default_user();
        assert!(!fresh.is_outdated() && !fresh.is_unrestricted());
        acl.replace_all(vec![User::default_user()]);
        assert!(fresh.is_outdated() && acl.default_user().is_unrestricted());
    }

    #[test]
    fn a_refused_rule_changes_nothing() {
        let acl = Acl::new(b"");
        let held = acl.default_user();
        assert_eq!(
            acl.set_user(b"default", [&b"-get"[..], b"nonsense"], RESET),
            Err(b"ERR Error in ACL SETUSER modifier 'nonsense': Syntax error".to_vec())
        );
        assert!(!held.is_outdated());
        assert!(acl.set_user(b"new", [&b"nonsense"[..]], RESET).is_err() && acl.get(b"new").is_none());
        assert!(acl.set_user(b"a b", [], RESET).is_err());
    }

    #[test]
    fn requirepass_is_the_password_of_the_default_user() {
        let acl = Acl::new(b"secret");
        assert!(!acl.is_open());
        assert!(acl.log_in(b"default", b"secret").is_some() && acl.log_in(b"default", b"other").is_none());
        acl.set_default_password(b"");
        assert!(acl.is_open() && acl.log_in(b"default", b"other").is_some());
        acl.set_user(b"default", [&b"off"[..]], RESET).unwrap();
        assert!(!acl.is_open() && acl.log_in(b"default", b"other").is_none());
    }

    #[test]
    fn a_file_is_read_as_it_is_written() {
        let acl = Acl::new(b"");
        acl.set_user(b"alice", [&b"on"[..], b">a", b"&x", b"(+get", b"~a)"], RESET).unwrap();
        let text = String::from_utf8(acl.print()).unwrap();
        assert_eq!(of_file(&text).unwrap(), text.lines().map(str::to_owned).collect::<Vec<_>>());
        let lines = users_of_lines(&acl.lines(b""), b"", RESET).unwrap();
        assert_eq!(lines, acl.all().iter().map(|user| user.user.clone()).collect::<Vec<_>>());
    }

    #[test]
    fn everything_wrong_with_a_file_is_said() {
        assert_eq!(
            of_file("user alice on\n\nuser bob +nosuch >x\nuser alice off\nfoo\nuser\nuser carl (+get\nuser d #12\n"),
            Err("u.acl:3: Error in applying operation '+nosuch': Unknown command or category name in ACL. \
                 WARNING: Duplicate user 'alice' found on line 4. \
                 u.acl:5 should start with user keyword followed by the username. \
                 u.acl:6 should start with user keyword followed by the username. \
                 u.acl:7: Unmatched parenthesis in acl selector starting at '(+get'. \
                 u.acl:8: Error in applying operation '#...': The password hash must be exactly 64 characters and \
                 contain only lowercase hexadecimal characters. \
                 WARNING: ACL errors detected, no change to the previously active ACL rules was performed"
                .to_owned())
        );
    }

    #[test]
    fn without_its_line_the_default_user_keeps_requirepass() {
        let users = users_of_file(b"user alice on\n", "u.acl", b"secret", RESET).unwrap();
        assert!(users.iter().any(|user| &*user.name == DEFAULT_USER && user.accepts(b"secret") && !user.is_open()));
    }
}
