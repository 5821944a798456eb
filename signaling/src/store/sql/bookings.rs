// SPDX-License-Identifier: MPL-2.0
//! Bookings and their windows.

use std::collections::BTreeMap;

use futures_util::TryStreamExt as _;
use jiff::Timestamp;
use porthole_protocol::grant::Permission;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, FromRow, Row, query, query_as};

use super::{Question, all, changed, like};
use crate::model::{Booking, Window};
use crate::store::rows::{perms_text, time};
use crate::store::{BookingFilter, MAX_WINDOWS, Put, Result, StoreError};

/// A booking with windows of its own.
type Booked = (Booking, Vec<Window>);

pub(super) async fn put(
    tx: &mut AnyConnection,
    booking: &Booking,
    windows: &[Window],
    put: Put,
) -> Result<()> {
    let over = windows.iter().map(|window| window.end).max();
    let over = over.filter(|_| windows.len() <= MAX_WINDOWS);
    let over = over.ok_or(StoreError::Windows)?;
    lock(tx, booking).await?;
    let sql = match put {
        Put::New => {
            "INSERT INTO bookings \
             (id, camera, user_name, start_ms, end_ms, over_ms, perms, rule, zone, note, created_ms, saving, own) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
        }
        Put::Existing => {
            "UPDATE bookings SET camera = $2, user_name = $3, start_ms = $4, end_ms = $5, over_ms = $6, perms = $7, \
             rule = $8, zone = $9, note = $10, created_ms = $11, saving = $12, own = $13 WHERE id = $1"
        }
    };
    let recurrence = booking.recurrence.as_ref();
    let done = query(sql)
        .bind(&booking.id)
        .bind(&booking.camera)
        .bind(&booking.user)
        .bind(booking.window.start.as_millisecond())
        .bind(booking.window.end.as_millisecond())
        .bind(over.as_millisecond())
        .bind(perms_text(&booking.perms))
        .bind(recurrence.map(|recurrence| &recurrence.rule))
        .bind(recurrence.map(|recurrence| &recurrence.zone))
        .bind(&booking.note)
        .bind(booking.created.as_millisecond())
        .bind(i64::from(booking.saving))
        .bind(i64::from(booking.own))
        .execute(&mut *tx);
    changed(done.await?)?;
    put_windows(tx, booking, windows).await
}

/// Makes other bookings of the same camera wait until this one is through, so that the look for others with `control`
/// sees them all. An update that changes nothing locks its row in PostgreSQL; SQLite has one writer at a time.
async fn lock(tx: &mut AnyConnection, booking: &Booking) -> Result<()> {
    let camera = query("UPDATE cameras SET id = id WHERE id = $1").bind(&booking.camera);
    if camera.execute(&mut *tx).await?.rows_affected() == 0 {
        return Err(StoreError::NoSuch("camera"));
    }
    let user = query("SELECT 1 FROM users WHERE name = $1").bind(&booking.user);
    let user = user.fetch_optional(tx).await?;
    user.map(|_| ()).ok_or(StoreError::NoSuch("user"))
}

async fn put_windows(tx: &mut AnyConnection, booking: &Booking, windows: &[Window]) -> Result<()> {
    let old = query("DELETE FROM windows WHERE booking = $1").bind(&booking.id);
    old.execute(&mut *tx).await?;
    let has_control = booking.perms.contains(&Permission::Control);
    if has_control && let Some(other) = other_control(tx, booking, windows).await? {
        return Err(StoreError::ControlTaken(other));
    }
    let rows: Vec<_> = (0..windows.len())
        .map(|row| format!("($1, $2, $3, ${}, ${})", 2 * row + 4, 2 * row + 5))
        .collect();
    let sql = format!(
        "INSERT INTO windows (booking, camera, control, start_ms, end_ms) VALUES {}",
        rows.join(", ")
    );
    let mut insert = query(AssertSqlSafe(sql))
        .persistent(rows.len() == 1)
        .bind(&booking.id)
        .bind(&booking.camera)
        .bind(i64::from(has_control));
    for window in windows {
        insert = insert
            .bind(window.start.as_millisecond())
            .bind(window.end.as_millisecond());
    }
    insert.execute(tx).await?;
    Ok(())
}

/// A window of another booking that has `control` of the camera in one of these windows. Since such windows do not
/// overlap, the last one that begins before a window ends is the only one to look at.
async fn other_control(
    tx: &mut AnyConnection,
    booking: &Booking,
    windows: &[Window],
) -> Result<Option<Window>> {
    for window in windows {
        let last = query_as(
            "SELECT start_ms, end_ms FROM windows WHERE control = 1 AND camera = $1 AND start_ms < $2 \
             ORDER BY start_ms DESC LIMIT 1",
        );
        let last = last.bind(&booking.camera).bind(window.end.as_millisecond());
        let last: Option<Window> = last.fetch_optional(&mut *tx).await?;
        if last.is_some_and(|other| other.end > window.start) {
            return Ok(last);
        }
    }
    Ok(None)
}

pub(super) async fn remove(tx: &mut AnyConnection, id: &str) -> Result<()> {
    let change = query("DELETE FROM bookings WHERE id = $1").bind(id);
    changed(change.execute(tx).await?)
}

pub(super) async fn get(tx: &mut AnyConnection, id: &str) -> Result<Booked> {
    let booking = query_as("SELECT * FROM bookings WHERE id = $1").bind(id);
    let booking = booking.fetch_optional(&mut *tx).await?;
    let windows =
        query_as("SELECT start_ms, end_ms FROM windows WHERE booking = $1 ORDER BY start_ms");
    let windows = windows.bind(id).fetch_all(tx).await?;
    Ok((booking.ok_or(StoreError::NotFound)?, windows))
}

/// So many of the bookings that the filter leaves, in the order of their ids.
pub(super) async fn list(
    tx: &mut AnyConnection,
    filter: &BookingFilter,
    limit: i64,
) -> Result<Vec<Booked>> {
    let (of_booking, of_window) = conditions(filter);
    let sql = format!(
        "SELECT b.* FROM bookings b WHERE {of_booking} \
         AND EXISTS (SELECT 1 FROM windows w WHERE w.booking = b.id AND {of_window}) ORDER BY b.id LIMIT $6"
    );
    let bookings = bind_filter(query(AssertSqlSafe(sql)), filter)
        .bind(limit)
        .bind(filter.search.as_deref().map(like));
    let bookings: Vec<Booking> = all(bookings.fetch_all(&mut *tx).await?)?;
    let Some(last) = bookings.last() else {
        return Ok(Vec::new());
    };
    let sql = format!(
        "SELECT w.* FROM bookings b JOIN windows w ON w.booking = b.id \
         WHERE {of_booking} AND {of_window} AND b.id <= $6 ORDER BY w.booking, w.start_ms"
    );
    let windows = bind_filter(query(AssertSqlSafe(sql)), filter)
        .bind(&last.id)
        .bind(filter.search.as_deref().map(like));
    let mut of: BTreeMap<String, Vec<Window>> = BTreeMap::new();
    for row in windows.fetch_all(tx).await? {
        let windows = of.entry(row.try_get("booking")?).or_default();
        windows.push(Window::from_row(&row)?);
    }
    let with_windows = |booking: Booking| {
        let windows = of.remove(&booking.id).unwrap_or_default();
        (booking, windows)
    };
    Ok(bookings.into_iter().map(with_windows).collect())
}

/// One booking, with the end of its last window.
pub(super) async fn row(tx: &mut AnyConnection, id: &str) -> Result<Option<(Booking, Timestamp)>> {
    let row = query("SELECT * FROM bookings WHERE id = $1").bind(id);
    let row = row.fetch_optional(tx).await?;
    let booked = |row: AnyRow| Ok((Booking::from_row(&row)?, time(&row, "over_ms")?));
    row.map(booked).transpose()
}

/// Those that are not over, each with the end of its last window.
pub(super) async fn not_over(
    tx: &mut AnyConnection,
    now: Timestamp,
) -> Result<Vec<(Booking, Timestamp)>> {
    let rows = query("SELECT * FROM bookings WHERE over_ms > $1").bind(now.as_millisecond());
    let mut rows = rows.fetch(tx);
    let mut bookings = Vec::new();
    // Row by row: of a hundred thousand, two copies need not be there at once.
    while let Some(row) = rows.try_next().await? {
        bookings.push((Booking::from_row(&row)?, time(&row, "over_ms")?));
    }
    Ok(bookings)
}

/// So many of the windows that the filter leaves, by their start, each with its booking.
pub(super) async fn calendar(
    tx: &mut AnyConnection,
    filter: &BookingFilter,
    limit: i64,
) -> Result<Vec<(Booking, Window)>> {
    let (of_booking, of_window) = conditions(filter);
    let sql = format!(
        "SELECT b.*, w.start_ms AS from_ms, w.end_ms AS to_ms FROM windows w JOIN bookings b ON b.id = w.booking \
         WHERE {of_booking} AND {of_window} ORDER BY w.start_ms, w.end_ms, w.booking LIMIT $6"
    );
    let rows = bind_filter(query(AssertSqlSafe(sql)), filter)
        .bind(limit)
        .bind(filter.search.as_deref().map(like));
    let rows = rows.fetch_all(tx).await?;
    let window = |row: &AnyRow| -> Result<_> {
        let window = Window {
            start: time(row, "from_ms")?,
            end: time(row, "to_ms")?,
        };
        Ok((Booking::from_row(row)?, window))
    };
    rows.iter().map(window).collect()
}

/// Whether what is searched for is in it.
const FOUND: &str = "(LOWER(b.note) LIKE $7 ESCAPE '!' OR LOWER(b.user_name) LIKE $7 ESCAPE '!' OR LOWER(b.camera) LIKE $7 ESCAPE '!' \
     OR b.camera IN (SELECT id FROM cameras WHERE LOWER(name) LIKE $7 ESCAPE '!'))";

/// What must hold of a booking `b`, and of a window `w`. Only what is asked for stands there, so that an index serves it.
fn conditions(filter: &BookingFilter) -> (String, String) {
    let (has_from, has_to) = (filter.from.is_some(), filter.to.is_some());
    let of_booking = [
        ("b.camera = $1", filter.camera.is_some()),
        ("b.user_name = $2", filter.user.is_some()),
        ("b.over_ms > $3", has_from),
        ("b.id > $5", filter.after.is_some()),
        (FOUND, filter.search.is_some()),
    ];
    let of_window = [("w.end_ms > $3", has_from), ("w.start_ms < $4", has_to)];
    (
        super::conditions(&of_booking),
        super::conditions(&of_window),
    )
}

fn bind_filter<'q>(query: Question<'q>, filter: &'q BookingFilter) -> Question<'q> {
    query
        .bind(&filter.camera)
        .bind(&filter.user)
        .bind(filter.from.map(Timestamp::as_millisecond))
        .bind(filter.to.map(Timestamp::as_millisecond))
        .bind(&filter.after)
}

pub(super) async fn forget(tx: &mut AnyConnection, before: Timestamp, at_most: u32) -> Result<u64> {
    let old = query(
        "DELETE FROM bookings WHERE id IN \
         (SELECT id FROM bookings WHERE over_ms < $1 ORDER BY over_ms LIMIT $2)",
    );
    let old = old.bind(before.as_millisecond()).bind(i64::from(at_most));
    Ok(old.execute(tx).await?.rows_affected())
}
