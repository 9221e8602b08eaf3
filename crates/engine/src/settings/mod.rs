//! The settings of the server: one table, from which every way to read or change them is derived.
//!
//! Start with [`Settings`] (the values) and [`SETTINGS`] (the table). Files and the environment are read by the caller.

mod docs;
mod file;
mod foreign;
mod table;
mod value;

use std::fmt::{self, Display, Formatter};

use fanfare_wire::glob_match;

pub use docs::{docs, sample};
pub use file::{FileError, Warning, parse_file, rewrite};
pub use table::{Group, SETTINGS, Setting, Settings, UserLine};
pub use value::{
    AppendSync, Kind, LogLevel, OutputLimit, OutputLimits, Password, PubsubDefault, SlowSubscriberPolicy,
    TlsAuthClients, TlsAuthClientsUser,
};

/// Names that Redis had before and still takes, with those of today.
const OLD_NAMES: [(&str, &str); 5] = [
    ("hash-max-ziplist-entries", "hash-max-listpack-entries"),
    ("hash-max-ziplist-value", "hash-max-listpack-value"),
    ("list-max-ziplist-size", "list-max-listpack-size"),
    ("zset-max-ziplist-entries", "zset-max-listpack-entries"),
    ("zset-max-ziplist-value", "zset-max-listpack-value"),
];

impl Setting {
    /// The row with this name, or with this one as its old name, in any case.
    pub fn find(name: &[u8]) -> Option<&'static Self> {
        let is_old = |(old, _): &&(&str, &str)| old.as_bytes().eq_ignore_ascii_case(name);
        let name = OLD_NAMES.iter().find(is_old).map_or(name, |(_, new)| new.as_bytes());
        SETTINGS.iter().find(|setting| setting.name.as_bytes().eq_ignore_ascii_case(name))
    }

    /// The value in `settings`, as `CONFIG GET` prints it.
    pub fn get(&self, settings: &Settings) -> Vec<u8> {
        (self.print)(settings, &self.kind)
    }

    /// Changes the value in `settings`, which may be text of several words if the kind is.
    ///
    /// # Errors
    /// The reason, in Redis's words where Redis refuses the value too; `settings` is then unchanged.
    pub fn set(&self, settings: &mut Settings, value: &[u8]) -> Result<(), String> {
        if self.kind.multi_arg() {
            let words: Vec<&[u8]> = value.split(|byte| *byte == b' ').collect();
            self.set_words(settings, &words)
        } else {
            self.set_words(settings, &[value])
        }
    }

    /// Changes the value in `settings` to one that is already split into words.
    ///
    /// # Errors
    /// The reason, as for [`Setting::set`].
    pub fn set_words(&self, settings: &mut Settings, words: &[&[u8]]) -> Result<(), String> {
        (self.read)(settings, &self.kind, words).map_err(String::from)
    }
}

impl Settings {
    /// Changes one setting, from whatever source the value comes.
    ///
    /// # Errors
    /// An unknown name or a refused value; nothing is changed then.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), SettingError> {
        let Some(setting) = Setting::find(name.as_bytes()) else {
            return Err(SettingError::Unknown { name: name.to_owned(), hint: nearest(name) });
        };
        setting.set(self, value.as_bytes()).map_err(|reason| SettingError::Refused { name: setting.name, reason })
    }

    /// Refuses combinations with which the server could not do anything.
    ///
    /// # Errors
    /// The reason, as a sentence for the operator.
    pub fn validate(&self) -> Result<(), String> {
        if self.unixsocket.is_empty() && self.bind.is_empty() {
            return Err("configured to not listen anywhere: set bind, or unixsocket".into());
        }
        if self.tls_port != 0 && self.tls_port == self.port {
            return Err("port and tls-port are the same: give one of them another number, or set port 0".into());
        }
        if !self.aclfile.is_empty() && !self.users.is_empty() {
            return Err("users are defined both by `user` and by the file of `aclfile`: only one of them may".into());
        }
        Ok(())
    }

    /// What these settings become by a `CONFIG SET` of these names and values: all of them, or an error and none.
    ///
    /// # Errors
    /// The text of the error reply, as Redis 7.0 gives it.
    pub fn apply_at_runtime(&self, pairs: &[(&[u8], &[u8])]) -> Result<Self, String> {
        // Redis looks at all names first, so a bad name is reported before a bad value in front of it.
        let mut changes: Vec<(&Setting, &[u8])> = Vec::with_capacity(pairs.len().min(SETTINGS.len()));
        for (name, value) in pairs {
            let Some(setting) = Setting::find(name) else {
                return Err(unknown(name));
            };
            // Tools that set what they have read, to restore it, change nothing and are let through.
            if !setting.mutable && setting.get(self) != *value {
                return Err(failed(name, "can't set immutable config"));
            }
            if changes.iter().any(|(earlier, _)| earlier.name == setting.name) {
                return Err(failed(name, "duplicate parameter"));
            }
            changes.push((setting, value));
        }
        let mut changed = self.clone();
        for (setting, value) in changes {
            setting.set(&mut changed, value).map_err(|reason| failed(setting.name.as_bytes(), &reason))?;
        }
        Ok(changed)
    }

    /// The value of one setting as `CONFIG GET` prints it, with anything that is not UTF-8 replaced.
    pub fn get(&self, name: &str) -> Option<String> {
        let setting = Setting::find(name.as_bytes())?;
        Some(String::from_utf8_lossy(&setting.get(self)).into_owned())
    }

    /// Names and values of the settings a `CONFIG GET` pattern matches, in the order of the table.
    pub fn matching(&self, glob: &[u8]) -> impl Iterator<Item = (&'static str, Vec<u8>)> + '_ {
        // Names have no capitals, so a pattern in lower case matches as one without regard to case.
        let glob = glob.to_ascii_lowercase();
        SETTINGS
            .iter()
            .filter(move |setting| glob_match(&glob, setting.name.as_bytes()))
            .map(|setting| (setting.name, setting.get(self)))
    }

    /// As [`Settings::matching`] for several patterns; each setting comes once.
    pub fn matching_any(&self, globs: &[&[u8]]) -> impl Iterator<Item = (&'static str, Vec<u8>)> + '_ {
        let globs: Vec<Vec<u8>> = globs.iter().map(|glob| glob.to_ascii_lowercase()).collect();
        let old = OLD_NAMES.iter().filter_map(|(old, new)| Some((*old, Setting::find(new.as_bytes())?)));
        SETTINGS
            .iter()
            .map(|setting| (setting.name, setting))
            .chain(old)
            .filter(move |(name, _)| globs.iter().any(|glob| glob_match(glob, name.as_bytes())))
            .map(|(name, setting)| (name, setting.get(self)))
    }
}

/// Why [`Settings::set`] changed nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SettingError {
    /// The setting exists, the value is not one of its values.
    Refused {
        /// The setting's name as the table has it.
        name: &'static str,
        /// Why, in Redis's words where Redis refuses it too.
        reason: String,
    },
    /// There is no such setting.
    Unknown {
        /// The name asked for.
        name: String,
        /// The name that was perhaps meant.
        hint: Option<&'static str>,
    },
}

impl Display for SettingError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { name, reason } => write!(f, "setting '{name}': {reason}"),
            Self::Unknown { name, hint: Some(hint) } => write!(f, "unknown setting '{name}', did you mean '{hint}'?"),
            Self::Unknown { name, hint: None } => write!(f, "unknown setting '{name}'"),
        }
    }
}

impl std::error::Error for SettingError {}

impl SettingError {
    /// The text of the error reply to a `CONFIG SET`, as Redis 7.0 gives it.
    pub(crate) fn reply(&self) -> String {
        match self {
            Self::Refused { name, reason } => failed(name.as_bytes(), reason),
            Self::Unknown { name, .. } => unknown(name.as_bytes()),
        }
    }
}

fn failed(name: &[u8], reason: &str) -> String {
    format!(
        "ERR CONFIG SET failed (possibly related to argument '{}') - {}",
        one_line(name),
        one_line(reason.as_bytes())
    )
}

fn unknown(name: &[u8]) -> String {
    format!("ERR Unknown option or number of arguments for CONFIG SET - '{}'", one_line(name))
}

/// The setting whose name is so close to `name` that it was probably meant.
fn nearest(name: &str) -> Option<&'static str> {
    // Names are short; without this a long word costs time for nothing.
    if name.len() > 2 * NAME_BYTES_MAX {
        return None;
    }
    // Underscores for dashes are the commonest slip.
    let name = name.to_ascii_lowercase().replace('_', "-");
    let distances = SETTINGS.iter().map(|setting| (distance(name.as_bytes(), setting.name.as_bytes()), setting.name));
    let (steps, closest) = distances.min()?;
    (steps <= (closest.len() / 3).clamp(1, 3)).then_some(closest)
}

/// The edit distance of two words: insertions, deletions and replacements, and swaps of neighbours, to get from one to
/// the other.
fn distance(from: &[u8], to: &[u8]) -> usize {
    let mut before: Vec<usize> = vec![0; to.len() + 1];
    let mut above: Vec<usize> = (0..=to.len()).collect();
    for (row, have) in from.iter().enumerate() {
        let mut line = vec![row + 1; to.len() + 1];
        for (column, want) in to.iter().enumerate() {
            let replaced = above[column] + usize::from(have != want);
            let mut best = replaced.min(above[column + 1] + 1).min(line[column] + 1);
            if row > 0 && column > 0 && from[row - 1] == *want && to[column - 1] == *have {
                best = best.min(before[column - 1] + 1);
            }
            line[column + 1] = best;
        }
        before = std::mem::replace(&mut above, line);
    }
    above[to.len()]
}

/// Text from a peer or a file as part of a one-line message.
fn one_line(text: &[u8]) -> String {
    String::from_utf8_lossy(text).replace(['\r', '\n'], " ")
}

const NAME_BYTES_MAX: usize = 32;

#[cfg(test)]
mod tests;
