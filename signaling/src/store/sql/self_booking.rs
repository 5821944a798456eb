// SPDX-License-Identifier: MPL-2.0
//! What viewers may book themselves, what they have booked, and by what secret their calendars read it.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, FromRow, Row, query};

use super::{all, bookings, changed};
use crate::digest::SecretDigest;
use crate::model::{Booking, Feed, SelfBookingRule, Window};
use crate::self_booking::{Own, check};
use crate::store::rows::{perms_text, time};
use crate::store::{Put, Result, StoreError};

/// How far back what was booked still counts: the week that runs, with an hour to spare for its clocks.
const COUNTS_FOR: SignedDuration = SignedDuration::from_hours(7 * 24 + 1);

/// In the order in which they were made.
pub(super) async fn rules(tx: &mut AnyConnection) -> Result<Vec<SelfBookingRule>> {
    let rules = query("SELECT * FROM self_booking ORDER BY created_ms, id");
    all(rules.fetch_all(tx).await?)
}

pub(super) async fn put_rule(
    tx: &mut AnyConnection,
    rule: &SelfBookingRule,
    put: Put,
) -> Result<()> {
    let sql = match put {
        Put::New => {
            "INSERT INTO self_booking \
             (id, users, cameras, perms, saving, ahead_ms, week_ms, longest_ms, zone, created_ms) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
        }
        Put::Existing => {
            "UPDATE self_booking SET users = $2, cameras = $3, perms = $4, saving = $5, ahead_ms = $6, week_ms = $7, \
             longest_ms = $8, zone = $9, created_ms = $10 WHERE id = $1"
        }
    };
    let names = |names: &Option<BTreeSet<String>>| names.as_ref().map(json);
    let done = query(sql)
        .bind(&rule.id)
        .bind(names(&rule.users))
        .bind(names(&rule.cameras))
        .bind(perms_text(&rule.perms))
        .bind(i64::from(rule.saving))
        .bind(ms(rule.ahead))
        .bind(ms(rule.week))
        .bind(ms(rule.longest))
        .bind(&rule.zone)
        .bind(rule.created.as_millisecond())
        .execute(tx);
    changed(done.await?)
}

pub(super) async fn remove_rule(tx: &mut AnyConnection, id: &str) -> Result<()> {
    let change = query("DELETE FROM self_booking WHERE id = $1").bind(id);
    changed(change.execute(tx).await?)
}

/// Takes a camera that is removed, or a user, out of all rules: its name may be given to another. A rule that is for nobody
/// any more, or for nothing, goes.
pub(super) async fn forget(
    tx: &mut AnyConnection,
    camera: Option<&str>,
    user: Option<&str>,
) -> Result<()> {
    for mut rule in rules(&mut *tx).await? {
        let without = |names: &mut Option<BTreeSet<String>>, name: Option<&str>| {
            let names = names.as_mut()?;
            name.is_some_and(|name| names.remove(name))
                .then_some(names.is_empty())
        };
        let of_camera = without(&mut rule.cameras, camera);
        match of_camera.or(without(&mut rule.users, user)) {
            Some(true) => remove_rule(&mut *tx, &rule.id).await?,
            Some(false) => put_rule(&mut *tx, &rule, Put::Existing).await?,
            None => (),
        }
    }
    Ok(())
}

/// What a user has booked itself, as far as it counts at `now` or later.
pub(super) async fn own(tx: &mut AnyConnection, user: &str, now: Timestamp) -> Result<Vec<Own>> {
    let own = query(
        "SELECT w.camera, w.start_ms, w.end_ms FROM windows w JOIN bookings b ON b.id = w.booking \
         WHERE b.user_name = $1 AND b.own = 1 AND b.over_ms > $2",
    );
    let since = (now - COUNTS_FOR).as_millisecond();
    let rows = own.bind(user).bind(since).fetch_all(tx).await?;
    let own = |row: &AnyRow| {
        Ok(Own {
            camera: row.try_get("camera")?,
            window: Window::from_row(row)?,
        })
    };
    rows.iter().map(own).collect()
}

/// Adds a booking that its user makes, if a rule allows it.
pub(super) async fn book(tx: &mut AnyConnection, booking: &Booking, now: Timestamp) -> Result<()> {
    let user = &booking.user;
    // An update that changes nothing makes others of this user wait in PostgreSQL, so that none of them counts wrong; SQLite
    // has one writer at a time.
    let locked = query("UPDATE users SET name = name WHERE name = $1").bind(user);
    if locked.execute(&mut *tx).await?.rows_affected() == 0 {
        return Err(StoreError::NoSuch("user"));
    }
    let rules = rules(&mut *tx).await?;
    let own = own(&mut *tx, user, now).await?;
    let wanted = (booking.window, &booking.perms);
    let allowed = check(&rules, (user, &booking.camera), wanted, &own, now);
    allowed.map_err(StoreError::SelfBooking)?;
    bookings::put(tx, booking, &[booking.window], Put::New).await
}

pub(super) async fn put_feed(tx: &mut AnyConnection, feed: &Feed) -> Result<()> {
    let put = query(
        "INSERT INTO feeds (user_name, token, created_ms) VALUES ($1, $2, $3) \
         ON CONFLICT (user_name) DO UPDATE SET token = excluded.token, created_ms = excluded.created_ms",
    );
    let put = put.bind(&feed.user).bind(feed.token.to_hex());
    let put = put.bind(feed.created.as_millisecond()).execute(tx);
    changed(put.await?)
}

pub(super) async fn remove_feed(tx: &mut AnyConnection, user: &str) -> Result<()> {
    let change = query("DELETE FROM feeds WHERE user_name = $1").bind(user);
    changed(change.execute(tx).await?)
}

/// A user's, and since when it is.
pub(super) async fn feed(tx: &mut AnyConnection, user: &str) -> Result<Option<Timestamp>> {
    let feed = query("SELECT created_ms FROM feeds WHERE user_name = $1").bind(user);
    let row = feed.fetch_optional(tx).await?;
    Ok(row.map(|row| time(&row, "created_ms")).transpose()?)
}

/// Whose it is.
pub(super) async fn feed_by(
    tx: &mut AnyConnection,
    token: &SecretDigest,
) -> Result<Option<String>> {
    let feed = query("SELECT user_name FROM feeds WHERE token = $1").bind(token.to_hex());
    let row = feed.fetch_optional(tx).await?;
    Ok(row.map(|row| row.try_get("user_name")).transpose()?)
}

fn json(names: &BTreeSet<String>) -> String {
    serde_json::json!(names).to_string()
}

fn ms(span: SignedDuration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}
