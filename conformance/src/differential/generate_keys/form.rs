//! Forms of commands, and random commands of these forms.
//!
//! A form reads like a synopsis in Redis's documentation. A word stands for itself, `<name>` for a value of that kind and
//! `<name=>` for the same value once more; `[a|b]` is one of them or nothing, `(a|b)` is one of them, a `+` behind either
//! or behind a value repeats it up to three times, and `;` begins another command. A `!` in front keeps the form from being
//! spoilt: what a wrong argument would make of it is not determined.

use std::collections::BTreeMap;

use super::values::value;
use crate::rng::Rng;

/// Arguments that fit nowhere. None is a number of keys to pick at random or of milliseconds to live: both would leave the
/// outcome to chance.
const ODD: [&[u8]; 14] = [
    b"",
    b"abc",
    b"0",
    b"-1",
    b"1.5",
    b" 1",
    b"01",
    b"+1",
    b"9223372036854775807",
    b"9223372036854775808",
    b"-9223372036854775808",
    b"nan",
    b"inf",
    b"x\r\n\xff",
];

/// Draws commands; the keys are those that most of them are about.
#[derive(Debug)]
pub(super) struct Draw<'a> {
    pub(super) rng: &'a mut Rng,
    /// The keys that the group of the command uses most of the time.
    pub(super) keys: &'a [&'static [u8]],
    /// What was drawn last for each kind of value.
    last: BTreeMap<String, Vec<u8>>,
    commands: Vec<Vec<Vec<u8>>>,
    lowercase: bool,
}

impl<'a> Draw<'a> {
    pub(super) fn new(rng: &'a mut Rng, keys: &'a [&'static [u8]]) -> Self {
        let lowercase = rng.one_in(5);
        Self { rng, keys, last: BTreeMap::new(), commands: vec![Vec::new()], lowercase }
    }

    /// The words of the commands of `form`, of which one in fourteen is wrong somehow.
    pub(super) fn commands(mut self, form: &str) -> Vec<Vec<Vec<u8>>> {
        let (fixed, form) = form.strip_prefix('!').map_or((false, form), |rest| (true, rest));
        self.expand(form);
        if !fixed && self.rng.one_in(14) {
            for command in &mut self.commands {
                spoil(self.rng, command);
            }
        }
        self.commands
    }

    fn expand(&mut self, form: &str) {
        for token in split(form, ' ') {
            let (token, times) = match token.strip_suffix('+') {
                Some(repeated) if !repeated.is_empty() => (repeated, 1 + self.rng.below(3)),
                _ => (token, 1),
            };
            for _ in 0..times {
                self.expand_token(token);
            }
        }
    }

    fn expand_token(&mut self, token: &str) {
        let inner = || &token[1..token.len() - 1];
        match token.as_bytes() {
            [] => {}
            b";" => self.commands.push(Vec::new()),
            [b'[', ..] if self.rng.one_in(2) => {}
            [b'[' | b'(', ..] => {
                let choices = split(inner(), '|');
                let choice = choices[self.rng.below(choices.len())];
                self.expand(choice);
            }
            [b'<', .., b'=', b'>'] => {
                let word = self.last[&token[1..token.len() - 2]].clone();
                self.push(word);
            }
            [b'<', ..] => {
                let word = value(self, inner());
                self.last.insert(inner().to_owned(), word.clone());
                self.push(word);
            }
            word if self.lowercase => self.push(word.to_ascii_lowercase()),
            word => self.push(word.to_vec()),
        }
    }

    fn push(&mut self, word: Vec<u8>) {
        if let Some(command) = self.commands.last_mut() {
            command.push(word);
        }
    }
}

/// Splits at `separator` outside of brackets.
fn split(form: &str, separator: char) -> Vec<&str> {
    let mut depth = 0;
    form.split(|each: char| {
        match each {
            '[' | '(' => depth += 1,
            ']' | ')' => depth -= 1,
            _ => {}
        }
        depth == 0 && each == separator
    })
    .collect()
}

fn spoil(rng: &mut Rng, command: &mut Vec<Vec<u8>>) {
    let at = rng.below(command.len());
    match rng.below(5) {
        0 if command.len() > 1 => {
            command.pop();
        }
        1 => command.push(rng.pick(&ODD).to_vec()),
        2 if at > 0 => {
            let again = command[at].clone();
            command.insert(at, again);
        }
        3 if at > 1 => command.swap(at - 1, at),
        _ if at > 0 => command[at] = rng.pick(&ODD).to_vec(),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_makes_the_commands_it_says() {
        for seed in 0..100 {
            let mut rng = Rng::new(seed);
            let mut draw = Draw::new(&mut rng, &[b"k"]);
            draw.lowercase = false;
            let commands = draw.commands("!SET <key> (a b|c) [NX|XX] ; DEL <key=>");
            assert_eq!(commands.len(), 2);
            let words: Vec<&[u8]> = commands[0].iter().map(Vec::as_slice).collect();
            let rest = words[2..].strip_prefix([b"c".as_slice()].as_slice());
            let rest = rest.or_else(|| words[2..].strip_prefix([b"a".as_slice(), b"b"].as_slice())).unwrap();
            assert!(rest.is_empty() || rest == [b"NX"] || rest == [b"XX"], "{rest:?}");
            assert_eq!(commands[1], [b"DEL".to_vec(), words[1].to_vec()]);
        }
    }
}
