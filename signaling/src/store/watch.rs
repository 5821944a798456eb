// SPDX-License-Identifier: MPL-2.0
//! What other servers on the same PostgreSQL change, as it tells: `NOTIFY` in the transaction of each change, `LISTEN` here.

use std::time::Duration;

use sqlx::postgres::PgListener;
use sqlx::{AnyConnection, query};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::{sleep, timeout};

use super::changed::{Changed, Heard};
use super::{Result, StoreError};

/// What PostgreSQL calls it.
const CHANNEL: &str = "porthole_changed";
/// Changes of others that wait to be read. Beyond that they wait with PostgreSQL.
const MAX_HEARD: usize = 4096;
/// How often the connection is tried while nothing is heard: one that is cut off in silence is noticed.
const TRY_EVERY: Duration = Duration::from_secs(5);
/// How long that, and a new connection, may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// Between two tries to connect.
const RETRY: Duration = Duration::from_millis(250);

/// Tells the others what this transaction changes, once it is through. `own` says whose word it is.
pub(super) async fn tell(tx: &mut AnyConnection, own: &str, changed: &Changed) -> Result<()> {
    query("SELECT pg_notify($1, $2)")
        .bind(CHANNEL)
        .bind(format!("{own} {}", changed.to_text()))
        .execute(tx)
        .await?;
    Ok(())
}

/// A lock that a server holds for as long as it lives, and PostgreSQL with it: by it others see that it is there. A shared one: the
/// server's next connection does not wait for PostgreSQL to notice the end of that before.
pub(super) const LIFE: &str = "SELECT pg_advisory_lock_shared(hashtextextended($1, 0))";
/// Whether the server with that lock is there no more. Until the end of the transaction nobody else finds that out.
pub(super) const IS_GONE: &str =
    "SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0)) AS gone";

/// Hears what others change from now on, until the receiver is dropped. What is one's `own` is left out.
pub(super) async fn watch(url: String, own: String) -> Result<Receiver<Heard>> {
    let listener = listen(&url, &own).await?;
    let (sender, receiver) = channel(MAX_HEARD);
    tokio::spawn(async move {
        tokio::select! {
            () = run(listener, url, own, &sender) => (),
            () = sender.closed() => (),
        }
    });
    Ok(receiver)
}

async fn listen(url: &str, own: &str) -> Result<PgListener> {
    let listening = async {
        let mut listener = PgListener::connect(url).await?;
        // With a connection that was cut off goes its lock, at the latest when PostgreSQL notices.
        query(LIFE).bind(own).execute(&mut listener).await?;
        listener.listen(CHANNEL).await?;
        Ok(listener)
    };
    let listening = timeout(ANSWER_WITHIN, listening).await;
    listening.unwrap_or_else(|_| Err(StoreError::Late))
}

async fn run(mut listener: PgListener, url: String, own: String, heard: &Sender<Heard>) {
    loop {
        while heard_all(&mut listener, &own, heard).await.is_ok() {}
        tracing::warn!("what other servers change cannot be heard: connecting again");
        listener = loop {
            match listen(&url, &own).await {
                Ok(listener) => break listener,
                Err(_) => sleep(RETRY).await,
            }
        };
        if heard.send(Heard::Missed).await.is_err() {
            return;
        }
    }
}

/// Hears one word, or finds out that the connection is there still. `Err` if it is not.
async fn heard_all(
    listener: &mut PgListener,
    own: &str,
    heard: &Sender<Heard>,
) -> std::result::Result<(), ()> {
    let notification = match timeout(TRY_EVERY, listener.try_recv()).await {
        Ok(Ok(Some(notification))) => notification,
        // Also if it has connected again by itself, since that connection holds no lock.
        Ok(Ok(None) | Err(_)) => return Err(()),
        Err(_) => {
            let answered = timeout(ANSWER_WITHIN, query("SELECT 1").execute(listener)).await;
            return answered.map_err(|_| ())?.map(|_| ()).map_err(|_| ());
        }
    };
    let word = match notification.payload().split_once(' ') {
        Some((whose, _)) if whose == own => return Ok(()),
        Some((_, text)) => Changed::of_text(text),
        None => None,
    };
    let word = match word {
        Some(changed) => Heard::Changed(changed),
        // A later version says something that this one does not know.
        None => Heard::Missed,
    };
    heard.send(word).await.map_err(|_| ())
}
