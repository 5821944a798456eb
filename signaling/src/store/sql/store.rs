// SPDX-License-Identifier: MPL-2.0
//! What a store does, as transactions.

use std::path::Path;
use std::slice::from_ref;
use std::sync::Mutex;
#[cfg(feature = "postgres")]
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::{AnyConnection, query};
use tokio::sync::mpsc;

#[cfg(feature = "postgres")]
use super::Shared;
use super::{
    Sql, audit, backup, bookings, calls, cameras, import, limit, logins, of_booking, of_camera,
    of_user, passkeys, push, second_factors, self_booking, shares, users,
};
use crate::digest::SecretDigest;
use crate::lock::lock;
use crate::model::{
    AuditEntry, Booking, CallRecord, Camera, Feed, Holder, Login, Passkey, PushSubscription,
    SecondFactor, SelfBookingRule, Share, User, Window,
};
use crate::self_booking::Own;
use crate::sentences;
#[cfg(feature = "postgres")]
use crate::store::watch;
use crate::store::{
    Answered, AuditFilter, Batch, BookingFilter, CallFilter, Changed, Heard, Item, PasskeyKind,
    Put, Result, Row, Snapshot, Store, StoreError,
};

/// Tries of one change, when others that ran at the same time were in its way. Each try has to wait for the locks of
/// those before, so few lose twice.
const MAX_TRIES: u32 = 5;
/// For PostgreSQL to close the connection of a server that has ended. So long a start takes longer while calls run elsewhere.
#[cfg(feature = "postgres")]
const LAST_BREATH: Duration = Duration::from_millis(500);

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

    async fn next_fence(&self, camera: &str) -> Result<u64> {
        change!(self, &[], None, |tx| cameras::next_fence(tx, camera))
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

    async fn book_self(&self, booking: &Booking, now: Timestamp, audit: &AuditEntry) -> Result<()> {
        change!(self, from_ref(audit), of_booking(&booking.id), |tx| {
            self_booking::book(tx, booking, now)
        })
    }

    async fn own_windows(&self, user: &str, now: Timestamp) -> Result<Vec<Own>> {
        self_booking::own(&mut *self.begin_questions().await?, user, now).await
    }

    async fn self_booking_rules(&self) -> Result<Vec<SelfBookingRule>> {
        self_booking::rules(&mut *self.begin_questions().await?).await
    }

    async fn put_self_booking_rule(
        &self,
        rule: &SelfBookingRule,
        put: Put,
        audit: &AuditEntry,
    ) -> Result<()> {
        change!(self, from_ref(audit), None, |tx| self_booking::put_rule(
            tx, rule, put
        ))
    }

    async fn remove_self_booking_rule(&self, id: &str, audit: &AuditEntry) -> Result<()> {
        change!(self, from_ref(audit), None, |tx| self_booking::remove_rule(
            tx, id
        ))
    }

    async fn put_feed(&self, feed: &Feed, audit: &AuditEntry) -> Result<()> {
        change!(self, from_ref(audit), None, |tx| self_booking::put_feed(
            tx, feed
        ))
    }

    async fn remove_feed(&self, user: &str, audit: &AuditEntry) -> Result<()> {
        change!(self, from_ref(audit), None, |tx| self_booking::remove_feed(
            tx, user
        ))
    }

    async fn feed(&self, user: &str) -> Result<Option<Timestamp>> {
        self_booking::feed(&mut *self.begin_questions().await?, user).await
    }

    async fn feed_by(&self, token: &SecretDigest) -> Result<Option<String>> {
        self_booking::feed_by(&mut *self.begin_questions().await?, token).await
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
                logins::end_all(tx, &name, None)
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

    async fn passkeys(&self, user: &str) -> Result<Vec<Passkey>> {
        passkeys::list(&mut *self.begin_questions().await?, user).await
    }

    async fn add_passkey(
        &self,
        passkey: &Passkey,
        kind: PasskeyKind<'_>,
        answered: &Answered,
        save: Option<&SecretDigest>,
        audit: &AuditEntry,
    ) -> Result<()> {
        let holder = Holder::User(passkey.user.clone());
        change!(self, from_ref(audit), of_logins(&holder), |tx| {
            passkeys::add(tx, passkey, kind, answered, save)
        })
    }

    async fn use_passkey(&self, passkey: &Passkey, answered: &Answered) -> Result<()> {
        change!(self, &[], None, |tx| passkeys::take_use(
            tx, passkey, answered
        ))
    }

    async fn rename_passkey(
        &self,
        user: &str,
        id: &str,
        name: &str,
        audit: &AuditEntry,
    ) -> Result<()> {
        change!(self, from_ref(audit), None, |tx| passkeys::rename(
            tx, user, id, name
        ))
    }

    async fn remove_passkey(
        &self,
        user: &str,
        id: &str,
        keep_one: bool,
        save: Option<&SecretDigest>,
        audit: &AuditEntry,
    ) -> Result<()> {
        let holder = Holder::User(user.to_owned());
        change!(self, from_ref(audit), of_logins(&holder), |tx| {
            passkeys::remove(tx, user, id, keep_one, save)
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

    async fn put_calls(&self, calls: &[CallRecord]) -> Result<()> {
        let own = self.own();
        change!(self, &[], None, |tx| calls::put(tx, calls, own))
    }

    async fn take_calls(&self) -> Result<Vec<CallRecord>> {
        #[cfg(feature = "postgres")]
        if let Some(own) = self.own() {
            let taken = change!(self, &[], None, |tx| calls::take(tx, own));
            let (calls, others) = taken?;
            if others == 0 {
                return Ok(calls);
            }
            // A server that was ended a moment ago is seen to be gone when PostgreSQL has closed its connection.
            tokio::time::sleep(LAST_BREATH).await;
            let taken = change!(self, &[], None, |tx| calls::take(tx, own));
            return taken.map(|(calls, _)| calls);
        }
        let running = CallFilter {
            running: true,
            ..CallFilter::default()
        };
        self.calls(&running).await
    }

    async fn is_call_elsewhere(&self, link: &str) -> Result<bool> {
        match self.own() {
            Some(own) => calls::is_elsewhere(&mut *self.begin_questions().await?, link, own).await,
            None => Ok(false),
        }
    }

    fn is_shared(&self) -> bool {
        self.own().is_some()
    }

    async fn calls(&self, filter: &CallFilter) -> Result<Vec<CallRecord>> {
        calls::list(&mut *self.begin_questions().await?, filter).await
    }

    async fn put_call_snapshot(&self, call: &str, jpeg: &[u8], at: Timestamp) -> Result<()> {
        change!(self, &[], None, |tx| calls::put_snapshot(
            tx, call, jpeg, at
        ))
    }

    async fn put_call_door(&self, call: &str, camera: &str, at: Timestamp) -> Result<()> {
        change!(self, &[], None, |tx| calls::put_door(tx, call, camera, at))
    }

    async fn call_snapshot(&self, call: &str) -> Result<Option<Vec<u8>>> {
        calls::snapshot(&mut *self.begin_questions().await?, call).await
    }

    async fn forget_calls(&self, before: Timestamp, snapshots: u64, at_most: u32) -> Result<u64> {
        change!(self, &[], None, |tx| calls::forget(
            tx, before, snapshots, at_most
        ))
    }

    async fn push_subscriptions(&self, user: &str) -> Result<Vec<PushSubscription>> {
        push::list(&mut *self.begin_questions().await?, user).await
    }

    async fn put_push_subscription(
        &self,
        subscription: &PushSubscription,
        keep: u32,
        audit: &AuditEntry,
    ) -> Result<()> {
        change!(self, from_ref(audit), None, |tx| push::put(
            tx,
            subscription,
            keep
        ))
    }

    async fn remove_push_subscription(
        &self,
        user: &str,
        endpoint: &SecretDigest,
        audit: &AuditEntry,
    ) -> Result<()> {
        change!(self, from_ref(audit), None, |tx| push::remove(
            tx, user, endpoint
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
