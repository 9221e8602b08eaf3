//! ACL. Source: Redis, the subcommands' pages and the answers of a running server.

use std::sync::Arc;

use fanfare_keyspace::parse_integer;
use fanfare_wire::{ReplyWriter, Request};

use super::client::quoting;
use crate::acl::{DEFAULT_USER, Denied, Entry, Identity, Selector};
use crate::close::CloseReason;
use crate::command::{CommandId as Id, CommandSpec, LookupError, resolve};
use crate::session::Session;
use crate::worker::{ConnId, Worker};

/// What ACL LOG shows unless it is told.
const LOG_ENTRIES_DEFAULT: usize = 10;

/// The bits of a generated password unless it is told.
const PASSWORD_BITS_DEFAULT: i64 = 256;

const PASSWORD_BITS_MAX: i64 = 4096;

const NO_ACL_FILE: &str = "ERR This Redis instance is not configured to use an ACL file. You may want to specify users \
                           via the ACL SETUSER command and then issue a CONFIG REWRITE (assuming you have a Redis \
                           configuration file set) in order to store users in the Redis configuration.";

impl Worker {
    pub(super) fn acl_command(&mut self, session: &mut Session, conn: ConnId, id: Id, request: &Request<'_>) {
        match id {
            Id::AclDeluser => self.delete_users(session, conn, request),
            Id::AclDryrun => self.dry_run(session, request),
            Id::AclExplain => self.explain(session, request),
            Id::AclGenpass => self.generate_password(session, request),
            Id::AclGetuser => self.get_user(session, &request[2]),
            Id::AclList => {
                let users = self.broker.acl.all();
                let mut reply = self.reply(session);
                reply.array(users.len());
                users.iter().for_each(|user| _ = reply.bulk(&user.print()));
            }
            Id::AclLoad => self.load_users(session, conn),
            Id::AclLog => self.acl_log(session, request),
            Id::AclSave => self.save_users(session),
            Id::AclSetuser => self.set_user(session, conn, request),
            Id::AclUsers => {
                let users = self.broker.acl.all();
                let mut reply = self.reply(session);
                reply.array(users.len());
                users.iter().for_each(|user| _ = reply.bulk(&user.name));
            }
            // ACL WHOAMI.
            _ => {
                let name = session.client.user_name();
                self.reply(session).bulk(&name);
            }
        }
    }

    /// `ACL SETUSER name [rule ...]`: all rules or none. The answer waits until nobody has subscriptions that the user
    /// may no longer have.
    fn set_user(&mut self, session: &mut Session, conn: ConnId, request: &Request<'_>) {
        let start = self.out.len();
        let (name, channels) = (&request[2], self.broker.settings().acl_pubsub_default);
        if let Err(text) = self.broker.acl.set_user(name, request.iter().skip(3), channels) {
            self.reply(session).error_bytes(&text);
            return;
        }
        self.reply(session).simple("OK");
        self.close_uncovered(session, conn, start, |user| user == name);
    }

    /// `ACL DELUSER name [name ...]`: how many there were.
    fn delete_users(&mut self, session: &mut Session, conn: ConnId, request: &Request<'_>) {
        let start = self.out.len();
        if request.iter().skip(2).any(|name| name == DEFAULT_USER) {
            self.reply(session).error("ERR The 'default' user cannot be removed");
            return;
        }
        let removed = request.iter().skip(2).filter(|name| self.broker.acl.remove(name)).count();
        self.reply(session).integer(removed as i64);
        self.close_uncovered(session, conn, start, |user| request.iter().skip(2).any(|name| name == user));
    }

    /// `ACL LOAD`: the users of the file take the place of all that are there.
    fn load_users(&mut self, session: &mut Session, conn: ConnId) {
        let start = self.out.len();
        if self.settings.aclfile.is_empty() {
            self.reply(session).error(NO_ACL_FILE);
            return;
        }
        if let Err(text) = self.broker.load_users() {
            self.reply(session).error(&format!("ERR {text}"));
            return;
        }
        self.reply(session).simple("OK");
        self.close_uncovered(session, conn, start, |_| true);
    }

    /// Closes those clients of the users that `is_affected` tells by name whose user is gone, or who have subscriptions
    /// that it may no longer have.
    fn close_uncovered(
        &mut self,
        session: &mut Session,
        conn: ConnId,
        start: usize,
        is_affected: impl Fn(&[u8]) -> bool,
    ) {
        let mut clients = self.broker.clients.snapshot();
        clients.retain(|client| {
            let name = client.user_name();
            is_affected(&name)
                && self.broker.acl.get(&name).is_none_or(|user| !self.covers_subscriptions(&user, client))
        });
        self.close_clients(session, conn, start, &clients, CloseReason::AccessRevoked);
    }

    /// `ACL SAVE`.
    fn save_users(&mut self, session: &Session) {
        let broker = Arc::clone(&self.broker);
        let path = &self.settings.aclfile;
        if path.is_empty() {
            self.reply(session).error(NO_ACL_FILE);
            return;
        }
        let written = (broker.write_file)(path, &broker.acl.print());
        let mut reply = self.reply(session);
        match written {
            Ok(()) => reply.simple("OK"),
            Err(reason) => reply.error(&format!("ERR There was an error trying to save the ACLs: {reason}")),
        };
    }

    /// `ACL GETUSER name`: a map of flags, passwords, rules, and selectors with their rules; null for nobody.
    fn get_user(&mut self, session: &Session, name: &[u8]) {
        let user = self.broker.acl.get(name);
        let mut reply = self.reply(session);
        let Some(user) = user else {
            reply.null();
            return;
        };
        reply.map(6);
        reply.bulk(b"flags").set(user.flags().len());
        user.flags().for_each(|flag| _ = reply.bulk(flag.as_bytes()));
        reply.bulk(b"passwords").array(user.password_hashes().len());
        user.password_hashes().for_each(|hash| _ = reply.bulk(hash.as_bytes()));
        write_selector(user.root(), &mut reply);
        reply.bulk(b"selectors").array(user.selectors().len());
        for selector in user.selectors() {
            reply.map(3);
            write_selector(selector, &mut reply);
        }
    }

    /// `ACL DRYRUN name command [arg ...]`: OK, or what the user may not do.
    fn dry_run(&mut self, session: &Session, request: &Request<'_>) {
        let verdict = self.rehearse(request).map(|rehearsal| rehearsal.refusal(self));
        let mut reply = self.reply(session);
        match verdict {
            Err(text) => reply.error_bytes(&text),
            Ok(None) => reply.simple("OK"),
            Ok(Some(text)) => reply.bulk(&text),
        };
    }

    /// `ACL EXPLAIN name command [arg ...]`: what ACL DRYRUN says, which tools compare word by word, and the rules that
    /// decide, each once.
    fn explain(&mut self, session: &Session, request: &Request<'_>) {
        match self.rehearse(request) {
            Err(text) => {
                self.reply(session).error_bytes(&text);
            }
            Ok(rehearsal) => {
                let refusal = rehearsal.refusal(self);
                let Rehearsal { user, spec, words } = &rehearsal;
                let rules = user.deciding_rules(spec, &words[..], self.pattern_check());
                let mut reply = self.reply(session);
                reply.map(2);
                reply.bulk(b"verdict").bulk(refusal.as_deref().unwrap_or(b"OK"));
                reply.bulk(b"rules").array(rules.len());
                rules.iter().for_each(|rule| _ = reply.bulk(rule));
            }
        }
    }

    /// The user and the request that DRYRUN names.
    fn rehearse<'a>(&self, request: &Request<'a>) -> Result<Rehearsal<'a>, Vec<u8>> {
        let name = &request[2];
        let user = self.broker.acl.get(name).ok_or_else(|| quoting("ERR User '", name, "' not found"))?;
        let words: Vec<&[u8]> = request.iter().skip(3).collect();
        let spec = resolve(&words[..]).map_err(|error| match error {
            LookupError::Arity(_) => error.message(&words[..]),
            _ => quoting("ERR Command '", words[0], "' not found"),
        })?;
        Ok(Rehearsal { user, spec, words })
    }

    /// `ACL GENPASS [bits]`: hexadecimal digits.
    fn generate_password(&mut self, session: &Session, request: &Request<'_>) {
        let bits = match request.get(2) {
            _ if request.len() > 3 => {
                self.refuse_words(session, request);
                return;
            }
            None => Some(PASSWORD_BITS_DEFAULT),
            Some(bits) => parse_integer(bits),
        };
        let Some(bits) = bits else {
            self.reply(session).error("ERR value is not an integer or out of range");
            return;
        };
        if !(1..=PASSWORD_BITS_MAX).contains(&bits) {
            self.reply(session).error(
                "ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to \
                 4096",
            );
            return;
        }
        let digits = (bits as usize).div_ceil(4);
        let mut bytes = vec![0; digits.div_ceil(2)];
        if (self.broker.fill_random)(&mut bytes) {
            let text = hex::encode(bytes);
            self.reply(session).bulk(&text.as_bytes()[..digits]);
        } else {
            self.reply(session).error("ERR the system gives no random numbers");
        }
    }

    /// `ACL LOG [count|RESET]`: an array with a map for each refusal, newest first.
    fn acl_log(&mut self, session: &Session, request: &Request<'_>) {
        if request.len() > 3 {
            self.refuse_words(session, request);
            return;
        }
        let count = match request.get(2) {
            None => LOG_ENTRIES_DEFAULT,
            Some(word) if word.eq_ignore_ascii_case(b"reset") => {
                self.broker.acl.log.lock().entries.clear();
                self.reply(session).simple("OK");
                return;
            }
            Some(word) => match parse_integer(word) {
                // A negative number shows nothing, as in Redis.
                Some(count) => usize::try_from(count).unwrap_or(0),
                None => {
                    self.reply(session).error("ERR value is not an integer or out of range");
                    return;
                }
            },
        };
        let entries: Vec<Entry> = self.broker.acl.log.lock().entries.iter().take(count).cloned().collect();
        let now_us = self.now.unix_us;
        let mut reply = self.reply(session);
        reply.array(entries.len());
        for Entry { id, count, refusal, created_us, updated_us, client } in &entries {
            reply.map(10);
            reply.bulk(b"count").integer(*count as i64);
            reply.bulk(b"reason").bulk(refusal.reason.name().as_bytes());
            reply.bulk(b"context").bulk(if refusal.in_transaction { b"multi" } else { b"toplevel" });
            reply.bulk(b"object").bulk(&refusal.object);
            reply.bulk(b"username").bulk(&refusal.user);
            reply.bulk(b"age-seconds").double((now_us.saturating_sub(*created_us) / 1000) as f64 / 1000.0);
            reply.bulk(b"client-info").bulk(client);
            reply.bulk(b"entry-id").integer(*id as i64);
            reply.bulk(b"timestamp-created").integer((created_us / 1000) as i64);
            reply.bulk(b"timestamp-last-updated").integer((updated_us / 1000) as i64);
        }
    }

    fn refuse_words(&mut self, session: &Session, request: &Request<'_>) {
        let text =
            quoting("ERR unknown subcommand or wrong number of arguments for '", &request[1], "'. Try ACL HELP.");
        self.reply(session).error_bytes(&text);
    }
}

/// A request as a user would make it.
struct Rehearsal<'a> {
    user: Arc<Identity>,
    spec: &'static CommandSpec,
    words: Vec<&'a [u8]>,
}

impl Rehearsal<'_> {
    /// What the user may not do.
    fn refusal(&self, worker: &Worker) -> Option<Vec<u8>> {
        let denied = self.user.check(self.spec, &self.words[..], worker.pattern_check()).err()?;
        let (before, what, after) = match denied {
            Denied::Command => ("run the '", self.spec.full_name.as_bytes(), "' command"),
            Denied::Key(at) => ("access the '", self.words[at], "' key"),
            Denied::Channel(at) => ("access the '", self.words[at], "' channel"),
        };
        Some(quoting(&format!("This user has no permissions to {before}"), what, after))
    }
}

/// The rules of a selector, three fields of a map.
fn write_selector(selector: &Selector, reply: &mut ReplyWriter<'_>) {
    reply.bulk(b"commands").bulk(&selector.print_commands());
    reply.bulk(b"keys").bulk(&selector.print_keys());
    reply.bulk(b"channels").bulk(&selector.print_channels());
}
