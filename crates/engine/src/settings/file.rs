//! The configuration file in the syntax of `redis.conf`: reading it, and writing changes back.

use std::fmt::{self, Display, Formatter};
use std::io;

use super::foreign::{REFUSED, no_effect};
use super::table::{SETTINGS, Setting, Settings, UserLine};
use super::value::{Kind, memory_with_unit};
use super::{nearest, one_line};
use crate::acl::user_of_line;

/// Reads the text of a configuration file over `base`, with the warnings about what Redis knows and Fanfare has not.
///
/// `origin` names the file in messages. `include` returns the text of the file that an `include` directive names.
///
/// # Errors
/// The first line that cannot be followed; nothing of the file applies then.
pub fn parse_file(
    text: &str,
    origin: &str,
    base: Settings,
    include: &mut dyn FnMut(&str) -> io::Result<String>,
) -> Result<(Settings, Vec<Warning>), FileError> {
    let mut reading = Reading { settings: base, warnings: Vec::new(), include, files: 0 };
    reading.file(text, origin, 0)?;
    Ok((reading.settings, reading.warnings))
}

/// A directive that was skipped because it means nothing here.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Warning {
    /// The file it stands in.
    pub file: String,
    /// Its line, counted from 1.
    pub line: usize,
    /// Its name, in lower case.
    pub directive: String,
    /// Why it means nothing.
    pub reason: &'static str,
}

impl Display for Warning {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { file, line, directive, reason } = self;
        write!(f, "{file}:{line}: '{directive}' has no effect: {reason}")
    }
}

/// A line of a configuration file that cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileError {
    /// The file it stands in.
    pub file: String,
    /// Its number, counted from 1.
    pub line: usize,
    /// Its text, shortened and without secrets.
    pub text: String,
    /// What is wrong with it.
    pub reason: String,
    /// The setting that was perhaps meant.
    pub hint: Option<&'static str>,
}

impl Display for FileError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { file, line, text, reason, hint } = self;
        write!(f, "{file}:{line}: {reason}")?;
        if let Some(hint) = hint {
            write!(f, ", did you mean '{hint}'?")?;
        }
        write!(f, " (in `{text}`)")
    }
}

impl std::error::Error for FileError {}

/// The text of a configuration file after `CONFIG REWRITE`: `original` with what differs from it changed or appended.
///
/// Comments, order and lines that still hold stay as they are. `defaults` is what applies where the file is silent. A
/// line of an included file stays there: if `original` includes files, give what they set as `defaults`.
pub fn rewrite(original: &str, settings: &Settings, defaults: &Settings) -> String {
    let mut holds = defaults.clone();
    let mut named = Vec::new();
    for line in original.lines() {
        named.extend(apply_known(line, &mut holds));
    }
    let changed: Vec<&Setting> =
        SETTINGS.iter().filter(|setting| setting.get(settings) != setting.get(&holds)).collect();
    let is_changed = |setting: &Setting| changed.iter().any(|other| other.name == setting.name);

    let mut text = String::with_capacity(original.len());
    let mut written: Vec<&str> = Vec::new();
    let mut users = settings.users.iter();
    for line in original.split_inclusive('\n') {
        if defines_user(line) {
            // Users stand where users stood.
            users.next().map(user_directive).iter().for_each(|line| text.push_str(line));
            continue;
        }
        match apply_known(line, &mut holds) {
            Some(setting) if is_changed(setting) => {
                // One line says it; further lines of the same setting would undo that.
                if !written.contains(&setting.name) {
                    written.push(setting.name);
                    text.push_str(&directive(setting, settings));
                    text.push('\n');
                }
            }
            _ => text.push_str(line),
        }
    }

    let missing = changed.iter().filter(|setting| !named.iter().any(|other| other.name == setting.name));
    let mut missing = missing
        .map(|setting| format!("{}\n", directive(setting, settings)))
        .chain(users.map(user_directive))
        .peekable();
    if missing.peek().is_some() {
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        if !text.lines().any(|line| line == REWRITE_HEADER) {
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(REWRITE_HEADER);
            text.push('\n');
        }
    }
    text.extend(missing);
    text
}

/// The line of a configuration file that gives a setting the value it has in `settings`.
pub(super) fn directive(setting: &Setting, settings: &Settings) -> String {
    let value = setting.get(settings);
    let value = match setting.kind {
        Kind::Text | Kind::Secret => quoted(&value),
        Kind::Addresses | Kind::EventClasses if value.is_empty() => quoted(&value),
        Kind::Addresses => {
            let words = value.split(|byte| *byte == b' ');
            let plain = |word: &[u8]| word.iter().all(|byte| byte.is_ascii_graphic() && !b"\"'\\#".contains(byte));
            let words = words.map(|word| if plain(word) { one_line(word) } else { quoted(word) });
            words.collect::<Vec<_>>().join(" ")
        }
        Kind::Memory { .. } => with_unit(&one_line(&value)),
        Kind::OutputLimits => {
            let words = one_line(&value);
            let words = words.split(' ').enumerate().map(|(at, word)| match (at % 4, word) {
                (0, "slave") => "replica".to_owned(),
                (1 | 2, bytes) => with_unit(bytes),
                _ => word.to_owned(),
            });
            words.collect::<Vec<_>>().join(" ")
        }
        _ => one_line(&value),
    };
    format!("{} {value}", setting.name)
}

struct Reading<'a> {
    settings: Settings,
    warnings: Vec<Warning>,
    include: &'a mut dyn FnMut(&str) -> io::Result<String>,
    files: usize,
}

impl Reading<'_> {
    fn file(&mut self, text: &str, origin: &str, depth: usize) -> Result<(), FileError> {
        self.files += 1;
        // Editors of one platform put it there, and it would become part of the first name.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        for (at, line) in text.split('\n').enumerate() {
            let line = line.trim_matches(BLANKS);
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            self.line(line, origin, at + 1, depth)?;
        }
        Ok(())
    }

    fn line(&mut self, line: &str, file: &str, number: usize, depth: usize) -> Result<(), FileError> {
        let error = |reason: String, hint: Option<&'static str>| FileError {
            file: file.to_owned(),
            line: number,
            text: shown(line, hint),
            reason,
            hint,
        };
        let Some(words) = split_words(line) else {
            return Err(error("Unbalanced quotes in configuration line".into(), None));
        };
        let [name, values @ ..] = words.as_slice() else {
            return Ok(());
        };
        let values: Vec<&[u8]> = values.iter().map(Vec::as_slice).collect();
        let name = one_line(name).to_ascii_lowercase();

        if name == "include" {
            let [path] = values.as_slice() else {
                return Err(error("wrong number of arguments".into(), None));
            };
            let path = std::str::from_utf8(path).map_err(|_| error("the path is not UTF-8".into(), None))?;
            if depth + 1 >= INCLUDE_DEPTH_MAX || self.files >= INCLUDE_FILES_MAX {
                return Err(error("too many files include each other".into(), None));
            }
            let text = (self.include)(path).map_err(|cause| error(format!("cannot read '{path}': {cause}"), None))?;
            return self.file(&text, path, depth + 1);
        }
        if name == "user" {
            return self.user(&values).map_err(|reason| error(reason, None));
        }
        if let Some(setting) = Setting::find(name.as_bytes()) {
            if values.is_empty() {
                return Err(error("wrong number of arguments".into(), None));
            }
            return setting.set_words(&mut self.settings, &values).map_err(|reason| error(reason, None));
        }
        if let Some(refused) = REFUSED.iter().find(|refused| refused.name == name) {
            return Err(error(refused.reason.into(), None));
        }
        if let Some(reason) = no_effect(&name) {
            self.warnings.push(Warning { file: file.to_owned(), line: number, directive: name, reason });
            return Ok(());
        }
        let hint = nearest(&name);
        Err(error(format!("unknown setting '{}'", shortened(&name)), hint))
    }

    /// Takes the line of a user, whose rules must be right.
    fn user(&mut self, values: &[&[u8]]) -> Result<(), String> {
        let [name, rules @ ..] = values else {
            return Err("wrong number of arguments".into());
        };
        let line = UserLine { name: (*name).into(), rules: rules.iter().map(|rule| rule.to_vec()).collect() };
        if self.settings.users.iter().any(|known| known.name == line.name) {
            return Err("Duplicate user found. A user can only be defined once in config files".into());
        }
        user_of_line(&line, self.settings.acl_pubsub_default)?;
        self.settings.users.push(line);
        Ok(())
    }
}

/// The line of a configuration file that defines a user.
fn user_directive(line: &UserLine) -> String {
    let plain = |word: &[u8]| word.iter().all(|byte| byte.is_ascii_graphic() && !b"\"'\\".contains(byte));
    let words = std::iter::once(&*line.name).chain(line.rules.iter().map(Vec::as_slice));
    let words = words.map(|word| if plain(word) { one_line(word) } else { quoted(word) });
    format!("user {}\n", words.collect::<Vec<_>>().join(" "))
}

fn defines_user(line: &str) -> bool {
    line.trim_matches(BLANKS).split(BLANKS).next().is_some_and(|name| name.eq_ignore_ascii_case("user"))
}

/// Follows a line if it names a setting and is right, and returns which.
fn apply_known(line: &str, settings: &mut Settings) -> Option<&'static Setting> {
    let line = line.trim_matches(BLANKS);
    if line.starts_with('#') {
        return None;
    }
    let words = split_words(line)?;
    let (name, values) = words.split_first()?;
    let setting = Setting::find(name)?;
    let values: Vec<&[u8]> = values.iter().map(Vec::as_slice).collect();
    setting.set_words(settings, &values).ok()?;
    Some(setting)
}

/// Splits a line into words as Redis does: quotes group, escapes work in double quotes; `None` if quotes do not match.
fn split_words(line: &str) -> Option<Vec<Vec<u8>>> {
    let mut rest = line.as_bytes();
    let mut words = Vec::new();
    loop {
        rest = rest.trim_ascii_start();
        if rest.is_empty() {
            return Some(words);
        }
        let mut word = Vec::new();
        loop {
            match rest {
                [] => break,
                [b'"', tail @ ..] => rest = double_quoted(tail, &mut word)?,
                [b'\'', tail @ ..] => rest = single_quoted(tail, &mut word)?,
                [byte, tail @ ..] => {
                    rest = tail;
                    if byte.is_ascii_whitespace() || *byte == 0 {
                        break;
                    }
                    word.push(*byte);
                    continue;
                }
            }
            // A closing quote ends the word.
            break;
        }
        words.push(word);
    }
}

/// Takes text up to its closing double quote, which only a blank or the end may follow.
fn double_quoted<'a>(mut rest: &'a [u8], word: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        match rest {
            [] => return None,
            [b'\\', b'x', high, low, tail @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
                word.push(digit(high)? << 4 | digit(low)?);
                rest = tail;
            }
            [b'\\', byte, tail @ ..] => {
                word.push(match byte {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 0x08,
                    b'a' => 0x07,
                    other => *other,
                });
                rest = tail;
            }
            [b'"', tail @ ..] => return ends_word(tail),
            [byte, tail @ ..] => {
                word.push(*byte);
                rest = tail;
            }
        }
    }
}

/// Takes text up to its closing single quote, which only a blank or the end may follow.
fn single_quoted<'a>(mut rest: &'a [u8], word: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        match rest {
            [] => return None,
            [b'\\', b'\'', tail @ ..] => {
                word.push(b'\'');
                rest = tail;
            }
            [b'\'', tail @ ..] => return ends_word(tail),
            [byte, tail @ ..] => {
                word.push(*byte);
                rest = tail;
            }
        }
    }
}

fn ends_word(rest: &[u8]) -> Option<&[u8]> {
    match rest.first() {
        Some(byte) if !byte.is_ascii_whitespace() => None,
        _ => Some(rest),
    }
}

fn quoted(text: &[u8]) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for byte in text {
        match byte {
            b'"' | b'\\' => quoted.extend(['\\', char::from(*byte)]),
            b' '..=b'~' => quoted.push(char::from(*byte)),
            byte => quoted.push_str(&format!("\\x{byte:02x}")),
        }
    }
    quoted.push('"');
    quoted
}

fn with_unit(bytes: &str) -> String {
    bytes.parse().map_or_else(|_| bytes.to_owned(), memory_with_unit)
}

/// A line for a message: not longer than one wants to read, and without what may be a secret.
fn shown(line: &str, hint: Option<&str>) -> String {
    let (name, values) = line.split_once(BLANKS).unwrap_or((line, ""));
    let lower = name.to_ascii_lowercase();
    let is_secret = |name: &str| {
        matches!(Setting::find(name.as_bytes()), Some(setting) if setting.kind == Kind::Secret)
            || ["auth", "pass", "user"].iter().any(|word| name.contains(word))
    };
    if !values.is_empty() && (is_secret(&lower) || hint.is_some_and(is_secret)) {
        return format!("{} ...", shortened(name));
    }
    shortened(line)
}

fn shortened(text: &str) -> String {
    let mut chars = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter });
    let mut short: String = chars.by_ref().take(SHOWN_CHARS_MAX).collect();
    if chars.next().is_some() {
        short.push_str("...");
    }
    short
}

const BLANKS: &[char] = &[' ', '\t', '\r', '\n'];

const REWRITE_HEADER: &str = "# Generated by CONFIG REWRITE";

/// How deep files may include each other; a file that includes itself ends here.
const INCLUDE_DEPTH_MAX: usize = 16;

/// How many files may be read in all: two includes per file would otherwise make 2^16 of them.
const INCLUDE_FILES_MAX: usize = 256;

const SHOWN_CHARS_MAX: usize = 120;
