//! One connection's reading: bytes from the socket to the engine, while the engine wants them.

use std::rc::Rc;

use fanfare_engine::ConnId;
use tokio::sync::Notify;

use crate::stream::Stream;
use crate::worker::{Read, Shared};

/// Reads until the connection closes; whoever closes it aborts this task.
pub(crate) async fn read(shared: Rc<Shared>, conn: ConnId, stream: Rc<Stream>, gate: Rc<Notify>) {
    loop {
        if !shared.core.borrow().worker.may_read(conn) {
            gate.notified().await;
            continue;
        }
        // An error shows in the read that follows.
        let _ = stream.readable().await;
        let read = shared.core.borrow_mut().read(&shared, conn, &stream);
        match read {
            Read::Closed => return,
            Read::Later => {}
            // Others and the flusher get their turn first.
            Read::More => tokio::task::yield_now().await,
        }
    }
}
