//! MULTI, EXEC, DISCARD, WATCH, UNWATCH. Source: Redis, "Transactions".

use std::sync::atomic::Ordering;

use fanfare_wire::Request;

use crate::command::CommandId as Id;
use crate::session::Session;
use crate::worker::{ConnId, Worker};

impl Worker {
    pub(super) fn transaction_command(&mut self, session: &mut Session, conn: ConnId, id: Id, request: &Request<'_>) {
        match id {
            Id::Watch if session.transaction.is_some() => {
                self.reply(session).error("ERR WATCH inside MULTI is not allowed");
            }
            Id::Watch => {
                self.watch(session, request);
                self.reply(session).simple("OK");
            }
            Id::Unwatch => {
                self.unwatch(session);
                self.reply(session).simple("OK");
            }
            Id::Multi if session.transaction.is_some() => {
                self.reply(session).error("ERR MULTI calls can not be nested");
            }
            Id::Multi => {
                session.transaction = Some(Box::default());
                session.client.multi.store(0, Ordering::Relaxed);
                self.reply(session).simple("OK");
            }
            Id::Discard if session.transaction.is_some() => {
                session.discard_transaction();
                self.unwatch(session);
                self.reply(session).simple("OK");
            }
            Id::Discard => {
                self.reply(session).error("ERR DISCARD without MULTI");
            }
            _ => match session.transaction.take() {
                None => {
                    self.reply(session).error("ERR EXEC without MULTI");
                }
                Some(transaction) if transaction.aborted => {
                    session.discard_transaction();
                    self.unwatch(session);
                    self.reply(session).error("EXECABORT Transaction discarded because of previous errors.");
                }
                Some(transaction) => {
                    self.in_exec = true;
                    // The keys stay this worker's until the end: nobody changes them between the check and the commands.
                    if self.unwatch(session) {
                        self.release_keyspace();
                        session.discard_transaction();
                        self.reply(session).null_array();
                        return;
                    }
                    self.exec(session, conn, *transaction);
                    session.client.multi.store(-1, Ordering::Relaxed);
                    if self.may_have_told(session) {
                        self.catch_up(conn);
                    }
                }
            },
        }
    }
}
