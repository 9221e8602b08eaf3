//! What the session's user may do: asked before each request, again in EXEC, and of subscriptions when rules change.

use fanfare_fanout::Kind;
use fanfare_wire::Request;

use super::{ConnId, Worker};
use crate::acl::{Denied, PatternCheck, Reason, Refusal, User};
use crate::client::Client;
use crate::close::CloseReason;
use crate::command::{ChannelAccess, CommandSpec};
use crate::session::Session;

impl Worker {
    /// How the settings want patterns to be compared.
    pub(crate) fn pattern_check(&self) -> PatternCheck {
        if self.settings.acl_pattern_subset { PatternCheck::Subset } else { PatternCheck::Literal }
    }

    /// The refusal of a request that the session's user may not make; it is in the ACL log then.
    pub(super) fn no_permission(
        &mut self,
        session: &mut Session,
        conn: ConnId,
        spec: &CommandSpec,
        request: &Request<'_>,
    ) -> Option<String> {
        if session.user.is_unrestricted() {
            return None;
        }
        if !self.renew_user(session) {
            return Some("NOAUTH Authentication required.".to_owned());
        }
        let denied = session.user.check(spec, request, self.pattern_check()).err()?;
        self.log_denied(session, conn, spec, request, denied);
        Some(match denied {
            Denied::Command => {
                format!("NOPERM this user has no permissions to run the '{}' command", spec.full_name)
            }
            Denied::Key(_) => {
                "NOPERM this user has no permissions to access one of the keys used as arguments".to_owned()
            }
            Denied::Channel(_) => {
                "NOPERM this user has no permissions to access one of the channels used as arguments".to_owned()
            }
        })
    }

    /// The refusal in EXEC of a request that could still be queued.
    pub(super) fn no_longer_permitted(
        &mut self,
        session: &mut Session,
        conn: ConnId,
        spec: &CommandSpec,
        request: &Request<'_>,
    ) -> Option<String> {
        if session.user.is_unrestricted() {
            return None;
        }
        let denied = if self.renew_user(session) {
            session.user.check(spec, request, self.pattern_check()).err()?
        } else {
            Denied::Command
        };
        self.log_denied(session, conn, spec, request, denied);
        let reason = match denied {
            Denied::Command => "no permission to execute the command or subcommand",
            Denied::Key(_) => "no permission to touch the specified keys",
            Denied::Channel(_) => "no permission to access one of the channels used as arguments",
        };
        Some(format!(
            "NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. This \
             command is no longer allowed for the following reason: {reason}"
        ))
    }

    /// Lets the session have its user's rights of now; without such a user it ends.
    fn renew_user(&self, session: &mut Session) -> bool {
        if session.user.is_outdated() {
            match self.broker.acl.get(&session.user.name) {
                Some(user) => session.user = user,
                None => {
                    self.begin_close(session, CloseReason::AccessRevoked);
                    return false;
                }
            }
        }
        true
    }

    fn log_denied(
        &mut self,
        session: &Session,
        conn: ConnId,
        spec: &CommandSpec,
        request: &Request<'_>,
        denied: Denied,
    ) {
        let (reason, object) = match denied {
            Denied::Command => (Reason::Command, spec.full_name.as_bytes()),
            Denied::Key(at) => (Reason::Key, &request[at]),
            Denied::Channel(at) => (Reason::Channel, &request[at]),
        };
        self.log_refusal(session, conn, request, reason, object, &session.user.name);
    }

    /// Enters a refusal into the ACL log.
    pub(crate) fn log_refusal(
        &mut self,
        session: &Session,
        conn: ConnId,
        request: &Request<'_>,
        reason: Reason,
        object: &[u8],
        user: &[u8],
    ) {
        self.broker.stats.count_refusal(reason);
        let line = self.client_line(session, conn, request);
        let refusal = Refusal {
            reason,
            in_transaction: self.in_exec || session.transaction.is_some(),
            object: object.to_vec(),
            user: user.to_vec(),
        };
        self.broker.acl.log.lock().push(refusal, line, self.now.unix_us, self.settings.acllog_max_len);
    }

    /// Whether `user` may have all the subscriptions that `client` has.
    pub(crate) fn covers_subscriptions(&self, user: &User, client: &Client) -> bool {
        if client.subscription_count() == 0 {
            return true;
        }
        let patterns = self.pattern_check();
        let subscriptions = client.subscriptions();
        [Kind::Channel, Kind::Pattern, Kind::Shard].into_iter().all(|kind| {
            let access = if kind == Kind::Pattern { ChannelAccess::PatternSubscribe } else { ChannelAccess::Subscribe };
            subscriptions.of(kind).keys().all(|name| user.allows_channel(access, name, patterns))
        })
    }

    /// Ends the session if it has just subscribed to what another worker has taken from its user at the same time, and
    /// so could not know to close it.
    pub(crate) fn recheck_subscriptions(&self, session: &mut Session) {
        if session.user.is_outdated()
            && self.renew_user(session)
            && !self.covers_subscriptions(&session.user, &session.client)
        {
            self.begin_close(session, CloseReason::AccessRevoked);
        }
    }
}
