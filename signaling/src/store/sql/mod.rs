// SPDX-License-Identifier: MPL-2.0
//! The store in an SQL database. Both kinds take the same statements, numbered parameters and types (`BIGINT`, `TEXT`);
//! where they differ is in `open`.

mod audit;
mod backup;
mod bookings;
mod cameras;
mod import;
mod logins;
mod second_factors;
mod shares;
mod users;

use std::path::Path;
use std::slice::from_ref;
use std::sync::Mutex;

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::any::{AnyArguments, AnyQueryResult, AnyRow};
use sqlx::{Any, AnyConnection, AnyPool, FromRow, query};
use tokio::sync::mpsc;

#[cfg(feature = "postgres")]
use super::watch;
use super::{
    AuditFilter, Batch, BookingFilter, Changed, Heard, Item, MAX_ROWS, Put, Result, Row, Snapshot,
    Store, StoreError,
};
use crate::digest::SecretDigest;
use crate::lock::lock;
use crate::model::{AuditEntry, Booking, Camera, Holder, Login, SecondFactor, Share, User, Window};
use crate::sentences;

/// Tries of one change, when others that ran at the same time were in its way. Each try has to wait for the locks of
/// those before, so few lose twice.
const MAX_TRIES: u32 = 5;

/// A database, by its connections.
pub(super) struct Sql {
    pub(super) kind: Kind,
    /// For changes. SQLite has one of these, and so never two writers.
    pub(super) writers: AnyPool,
    pub(super) readers: AnyPool,
    /// Of a database that others may change as well.
    #[cfg(feature = "postgres")]
    pub(super) shared: Option<Shared>,
}

/// How others on the same database are heard and told.
#[cfg(feature = "postgres")]
pub(super) struct Shared {
    /// Where the database is.
    pub(super) url: String,
    /// By what one's own word is known from that of others.
    pub(super) own: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Sqlite,
    #[cfg(feature = "postgres")]
    Postgres,
}

impl Kind {
    /// Begins a change. SQLite takes its lock at once: one that read first could not get it later.
    fn begin_change(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN IMMEDIATE",
            #[cfg(feature = "postgres")]
            Self::Postgres => "BEGIN ISOLATION LEVEL READ COMMITTED",
        }
    }

    /// Begins questions that are answered as of one moment.
    fn begin_questions(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN",
            #[cfg(feature = "postgres")]
            Self::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY",
        }
    }
}

type Question<'q> = sqlx::query::Query<'q, Any, AnyArguments>;
type Transaction = sqlx::Transaction<'static, Any>;

impl Sql {
    async fn begin_change(&self) -> Result<Transaction> {
        Ok(self.writers.begin_with(self.kind.begin_change()).await?)
    }

    /// Tells others what has changed, once this is through.
    #[cfg(feature = "postgres")]
    async fn tell(&self, tx: &mut AnyConnection, changed: Option<Changed>) -> Result<()> {
        match (&self.shared, changed) {
            (Some(shared), Some(changed)) => watch::tell(tx, &shared.own, &changed).await,
            _ => Ok(()),
        }
    }

    #[cfg(not(feature = "postgres"))]
    async fn tell(&self, _: &mut AnyConnection, _: Option<Changed>) -> Result<()> {
        Ok(())
    }

    /// Nothing of it remains, so it is dropped when it was answered.
    async fn begin_questions(&self) -> Result<Transaction> {
        Ok(self.readers.begin_with(self.kind.begin_questions()).await?)
    }
}

/// Does one change, writes what the audit log says of it and tells others what has changed, all or nothing; again, if another change was in the way.
/// A macro, since what a function would take here, an asynchronous closure that borrows, cannot be said to be `Send`.
macro_rules! change {
    ($store:expr, $audit:expr, $changed:expr, |$tx:ident| $work:expr) => {{
        let mut tries = 1;
        loop {
            let done = async {
                let mut transaction = $store.begin_change().await?;
                let $tx = &mut *transaction;
                let done = $work.await?;
                audit::write(&mut transaction, $audit).await?;
                let changed: Option<Changed> = $changed;
                $store.tell(&mut transaction, changed).await?;
                transaction.commit().await?;
                Ok(done)
            };
            match done.await {
                Err(StoreError::Database(error)) if tries < MAX_TRIES && was_in_the_way(&error) => {
                    tries += 1;
                }
                done => {
                    if done.is_ok() {
                        sentences::say($audit);
                    }
                    break done;
                }
            }
        }
    }};
}

/// Whether it was another change at the same time: a deadlock, a failed serialization, a row that went or came
/// between looking for it and referring to it. The next try sees what the other one did.
fn was_in_the_way(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    matches!(code.as_deref(), Some("40001" | "40P01" | "23503" | "23P01"))
}

fn of_user(name: &str) -> Option<Changed> {
    Some(Changed::User(name.to_owned()))
}

fn of_camera(id: &str) -> Option<Changed> {
    Some(Changed::Camera(id.to_owned()))
}

fn of_booking(id: &str) -> Option<Changed> {
    Some(Changed::Booking(id.to_owned()))
}

fn of_share(id: &str) -> Option<Changed> {
    Some(Changed::Share(id.to_owned()))
}

fn of_logins(holder: &Holder) -> Option<Changed> {
    Some(Changed::Logins(holder.clone()))
}

/// Of whoever opened a link: the link too, which has one use less.
fn of_holder(holder: &Holder) -> Option<Changed> {
    match holder {
        Holder::Share(id) => of_share(id),
        Holder::User(_) => of_logins(holder),
    }
}

/// Whether a change found its row.
fn changed(done: AnyQueryResult) -> Result<()> {
    match done.rows_affected() {
        0 => Err(StoreError::NotFound),
        _ => Ok(()),
    }
}

fn limit(asked: u32) -> i64 {
    match asked {
        0 => MAX_ROWS.into(),
        asked => asked.min(MAX_ROWS).into(),
    }
}

/// Those that are wanted, joined.
fn conditions(all: &[(&str, bool)]) -> String {
    let wanted = all.iter().filter(|(_, wanted)| *wanted);
    let wanted: Vec<_> = wanted.map(|(condition, _)| *condition).collect();
    match wanted.is_empty() {
        true => "1 = 1".to_owned(),
        false => wanted.join(" AND "),
    }
}

fn all<T: for<'r> FromRow<'r, AnyRow>>(rows: Vec<AnyRow>) -> Result<Vec<T>> {
    Ok(rows.iter().map(T::from_row).collect::<sqlx::Result<_>>()?)
}

#[async_trait]
impl Store for Sql {
    async fn snapshot(&self, now: Timestamp) -> Result<Snapshot> {
        let mut tx = self.begin_questions().await?;
        Ok(Snapshot {
            users: users::list(&mut tx).await?,
            cameras: cameras::list(&mut tx).await?,
            bookings: bookings::not_over(&mut tx, now).await?,
            shares: shares::list(&mut tx, now).await?,
            logins: logins::list(&mut tx, now).await?,
        })
    }

    async fn row(&self, changed: &Changed, now: Timestamp) -> Result<Row> {
        let mut tx = self.begin_questions().await?;
        Ok(match changed {
            Changed::User(name) => {
                let holder = Holder::User(name.clone());
                let user = users::get(&mut tx, name).await?;
                Row::User(user, logins::of(&mut tx, &holder, now).await?)
            }
            Changed::Camera(id) => Row::Camera(cameras::get(&mut tx, id).await?),
            Changed::Booking(id) => Row::Booking(bookings::row(&mut tx, id).await?),
            Changed::Share(id) => {
                let holder = Holder::Share(id.clone());
                let share = shares::get(&mut tx, id).await?;
                Row::Share(share, logins::of(&mut tx, &holder, now).await?)
            }
            Changed::Logins(holder) => Row::Logins(logins::of(&mut tx, holder, now).await?),
        })
    }

    async fn watch(&self) -> Result<Option<mpsc::Receiver<Heard>>> {
        #[cfg(feature = "postgres")]
        if let Some(Shared { url, own }) = &self.shared {
            return Ok(Some(watch::watch(url.clone(), own.clone()).await?));
        }
        Ok(None)
    }

    async fn put_user(&self, user: &User, put: Put, audit: &AuditEntry) -> Result<()> {
        change!(self, from_ref(audit), of_user(&user.name), |tx| users::put(
            tx, user, put
        ))
    }

    async fn put_user_anew(
        &self,
        user: &User,
        save: Option<&SecretDigest>,
        audit: &AuditEntry,
    ) -> Result<()> {
        change!(self, from_ref(audit), of_user(&user.name), |tx| {
            users::put_anew(tx, user, save)
        })
    }

    async fn remove_user(&self, name: &str, audit: &AuditEntry) -> Result<()> {
        change!(self, from_ref(audit), of_user(name), |tx| users::remove(
            tx, name
        ))
    }

    async fn put_camera(&self, camera: &Camera, put: Put, audit: &AuditEntry) -> Result<()> {
        change!(self, from_ref(audit), of_camera(&camera.id), |tx| {
            cameras::put(tx, camera, put)
        })
    }

    async fn remove_camera(&self, id: &str, audit: &AuditEntry) -> Result<()> {
        change!(self, from_ref(audit), of_camera(id), |tx| cameras::remove(
            tx, id
        ))
    }

    async fn cameras_seen(&self, seen: &[(String, Timestamp)]) -> Result<()> {
        change!(self, &[], None, |tx| cameras::seen(tx, seen))
    }

    async fn put_booking(
        &self,
        booking: &Booking,
        windows: &[Window],
        put: Put,
        audit: &AuditEntry,
    ) -> Result<()> {
        change!(self, from_ref(audit), of_booking(&booking.id), |tx| {
            bookings::put(tx, booking, windows, put)
        })
    }

    async fn remove_booking(&self, id: &str, audit: &AuditEntry) -> Result<()> {
        change!(
            self,
            from_ref(audit),
            of_booking(id),
            |tx| bookings::remove(tx, id)
        )
    }

    async fn booking(&self, id: &str) -> Result<(Booking, Vec<Window>)> {
        bookings::get(&mut *self.begin_questions().await?, id).await
    }

    async fn bookings(&self, filter: &BookingFilter) -> Result<Vec<(Booking, Vec<Window>)>> {
        let mut tx = self.begin_questions().await?;
        bookings::list(&mut tx, filter, limit(filter.limit)).await
    }

    async fn calendar(&self, filter: &BookingFilter, limit: u32) -> Result<Vec<(Booking, Window)>> {
        let mut tx = self.begin_questions().await?;
        bookings::calendar(&mut tx, filter, limit.into()).await
    }

    async fn put_share(&self, share: &Share, put: Put, audit: &AuditEntry) -> Result<()> {
        change!(
            self,
            from_ref(audit),
            of_share(&share.id),
            |tx| shares::put(tx, share, put)
        )
    }

    async fn remove_share(&self, id: &str, audit: &AuditEntry) -> Result<()> {
        change!(self, from_ref(audit), of_share(id), |tx| shares::remove(
            tx, id
        ))
    }

    async fn shares(&self, from: Timestamp) -> Result<Vec<Share>> {
        shares::list(&mut *self.begin_questions().await?, from).await
    }

    async fn use_share(
        &self,
        secret: &SecretDigest,
        login: &Login,
        now: Timestamp,
        audit: &AuditEntry,
    ) -> Result<Share> {
        change!(self, from_ref(audit), of_holder(&login.holder), |tx| {
            shares::take_use(tx, secret, login, now)
        })
    }

    async fn import(
        &self,
        batch: &Batch,
        keep: bool,
        audit: &[AuditEntry],
    ) -> std::result::Result<(), (Item, StoreError)> {
        let at = Mutex::new(Item::User(0));
        let done: Result<()> = change!(self, audit, None, |tx| {
            import::put_all(self, tx, batch, keep, &at)
        });
        match done {
            Err(StoreError::NotKept) => Ok(()),
            done => done.map_err(|error| (*lock(&at), error)),
        }
    }

    async fn add_login(&self, login: &Login, now: Timestamp, audit: &AuditEntry) -> Result<()> {
        change!(self, from_ref(audit), of_logins(&login.holder), |tx| {
            logins::add(tx, login, now)
        })
    }

    async fn rotate_login(&self, old: &SecretDigest, new: &Login) -> Result<()> {
        change!(self, &[], of_logins(&new.holder), |tx| logins::rotate(
            tx, old, new
        ))
    }

    async fn remove_logins(
        &self,
        holder: &Holder,
        cookies: &[SecretDigest],
        audit: &AuditEntry,
    ) -> Result<()> {
        change!(self, from_ref(audit), of_logins(holder), |tx| {
            logins::remove(tx, cookies)
        })
    }

    async fn second_factor(&self, user: &str) -> Result<Option<SecondFactor>> {
        second_factors::get(&mut *self.begin_questions().await?, user).await
    }

    async fn end_logins_without_second_factor(&self) -> Result<()> {
        let without = second_factors::without(&mut *self.begin_questions().await?).await?;
        for name in without {
            let holder = Holder::User(name.clone());
            change!(self, &[], of_logins(&holder), |tx| {
                second_factors::end_logins(tx, &name)
            })?;
        }
        Ok(())
    }

    async fn add_second_factor(&self, factor: &SecondFactor, audit: &AuditEntry) -> Result<()> {
        let holder = Holder::User(factor.user.clone());
        change!(self, from_ref(audit), of_logins(&holder), |tx| {
            second_factors::add(tx, factor)
        })
    }

    async fn use_code(&self, user: &str, step: i64) -> Result<()> {
        change!(self, &[], None, |tx| second_factors::use_code(
            tx, user, step
        ))
    }

    async fn use_recovery_code(
        &self,
        user: &str,
        code: &SecretDigest,
        audit: &AuditEntry,
    ) -> Result<()> {
        change!(self, from_ref(audit), None, |tx| {
            second_factors::use_recovery(tx, user, code)
        })
    }

    async fn remove_second_factor(&self, user: &str, audit: &AuditEntry) -> Result<()> {
        let holder = Holder::User(user.to_owned());
        change!(self, from_ref(audit), of_logins(&holder), |tx| {
            second_factors::remove(tx, user)
        })
    }

    async fn log(&self, entries: &[AuditEntry]) -> Result<()> {
        // Whoever has them written says them.
        change!(self, &[], None, |tx| audit::write(tx, entries))
    }

    async fn audit(&self, filter: &AuditFilter) -> Result<Vec<(i64, AuditEntry)>> {
        audit::list(&mut *self.begin_questions().await?, filter).await
    }

    async fn forget(&self, before: Timestamp, at_most: u32) -> Result<u64> {
        change!(self, &[], None, |tx| forget(tx, before, at_most))
    }

    async fn forget_surplus(&self, keep: u64, at_most: u32) -> Result<u64> {
        change!(self, &[], None, |tx| audit::forget_surplus(
            tx, keep, at_most
        ))
    }

    async fn ping(&self) -> Result<()> {
        query("SELECT 1").execute(&self.readers).await?;
        Ok(())
    }

    async fn backup(&self, to: &Path) -> Result<()> {
        backup::backup(self, to).await
    }
}

async fn forget(tx: &mut AnyConnection, before: Timestamp, at_most: u32) -> Result<u64> {
    let entries = audit::forget(tx, before, at_most).await?;
    let bookings = bookings::forget(tx, before, at_most).await?;
    let shares = shares::forget(tx, before, at_most).await?;
    Ok(entries + bookings + shares)
}
