// SPDX-License-Identifier: MPL-2.0
//! Bookings come, change and go, and what runs follows at once.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use porthole_protocol::grant::Permission;
use serde_json::json;

use super::{Access, AccessError, By, Result, validate};
use crate::lock::lock;
use crate::model::{Booking, Recurrence, Window};
use crate::recur::expand;
use crate::store::{BookingFilter, Changed, Put, StoreError};

/// Windows that one look at the calendar shows: more would not be read.
pub(crate) const MAX_CALENDAR: u32 = 1000;
/// Days that one look at the calendar may span: two months.
pub(crate) const MAX_CALENDAR_DAYS: i64 = 62;

/// What a booking is of.
#[derive(Clone)]
pub(crate) struct BookingFields {
    /// Chosen by whoever asks, so that it may ask again; made here if there is none.
    pub(crate) id: Option<String>,
    pub(crate) camera: String,
    pub(crate) user: String,
    pub(crate) start: Timestamp,
    pub(crate) end: Timestamp,
    pub(crate) perms: BTreeSet<Permission>,
    pub(crate) saving: bool,
    pub(crate) recurrence: Option<Recurrence>,
    pub(crate) note: String,
    pub(crate) own: bool,
}

/// What is to be another.
#[derive(Clone, Default)]
pub(crate) struct BookingChange {
    pub(crate) start: Option<Timestamp>,
    pub(crate) end: Option<Timestamp>,
    pub(crate) perms: Option<BTreeSet<Permission>>,
    pub(crate) saving: Option<bool>,
    /// `Some(None)` takes it away.
    pub(crate) recurrence: Option<Option<Recurrence>>,
    pub(crate) note: Option<String>,
}

/// What to look up in the calendar.
#[derive(Clone)]
pub(crate) struct CalendarRange {
    pub(crate) from: Timestamp,
    pub(crate) to: Timestamp,
    pub(crate) camera: Option<String>,
    pub(crate) user: Option<String>,
    pub(crate) search: Option<String>,
}

/// Windows, by their start.
pub(crate) struct Calendar {
    pub(crate) windows: Vec<(Booking, Window)>,
    /// Whether there are more than are told.
    pub(crate) more: bool,
}

pub(super) fn of_store(error: StoreError) -> AccessError {
    AccessError::of_store(error, "a booking of this id", "no booking of this id")
}

impl Access {
    /// Adds a booking. One that is there under the id that was asked for, and is the same, is what was asked for.
    pub(crate) async fn add_booking(&self, by: &By, fields: BookingFields) -> Result<Booking> {
        let store = self.store()?;
        let is_given = fields.id.is_some();
        let (booking, windows) = checked(by, fields)?;
        let _order = self.order().await?;
        if is_given {
            match store.booking(&booking.id).await {
                Err(StoreError::NotFound) => (),
                found => {
                    let (found, _) = found.map_err(of_store)?;
                    let created = found.created;
                    if found != (Booking { created, ..booking }) {
                        return Err(AccessError::IdTaken("a booking of this id"));
                    }
                    // The answer may have been lost, and with it what memory was to hear.
                    self.follow(Changed::Booking(found.id.clone())).await;
                    return Ok(found);
                }
            }
        }
        self.check_ends(&booking)?;
        let audit = entry(by, "booking.added", &booking);
        let put = store.put_booking(&booking, &windows, Put::New, &audit);
        let put = self.change(Changed::Booking(booking.id.clone()), put);
        put.await.map_err(of_store)?;
        Ok(booking)
    }

    pub(crate) async fn change_booking(
        &self,
        by: &By,
        id: &str,
        change: BookingChange,
    ) -> Result<Booking> {
        let store = self.store()?;
        let _order = self.order().await?;
        let changed = || Changed::Booking(id.to_owned());
        // One that the database does not have goes from memory too: the answer to its removal was lost.
        let stored = self.change(changed(), store.booking(id)).await;
        let (mut booking, _) = stored.map_err(of_store)?;
        let start = change.start.unwrap_or(booking.window.start);
        let end = change.end.unwrap_or(booking.window.end);
        booking.window = validate::window(start, end, by.at)?;
        booking.perms = change.perms.unwrap_or(booking.perms);
        booking.saving = change.saving.unwrap_or(booking.saving);
        booking.recurrence = change.recurrence.unwrap_or(booking.recurrence);
        booking.note = change.note.unwrap_or(booking.note);
        let windows = check(&booking)?;
        let audit = entry(by, "booking.changed", &booking);
        let put = store.put_booking(&booking, &windows, Put::Existing, &audit);
        let put = self.change(changed(), put);
        put.await.map_err(of_store)?;
        Ok(booking)
    }

    pub(crate) async fn remove_booking(&self, by: &By, id: &str) -> Result<()> {
        let store = self.store()?;
        let _order = self.order().await?;
        let changed = || Changed::Booking(id.to_owned());
        let stored = self.change(changed(), store.booking(id)).await;
        let (booking, _) = stored.map_err(of_store)?;
        let audit = entry(by, "booking.removed", &booking);
        let removed = self.change(changed(), store.remove_booking(id, &audit));
        removed.await.map_err(of_store)
    }

    pub(crate) async fn booking(&self, id: &str) -> Result<Booking> {
        let found = self.store()?.booking(id).await;
        Ok(found.map_err(of_store)?.0)
    }

    /// Bookings in the order of their ids, the oldest first.
    pub(crate) async fn bookings(&self, filter: &BookingFilter) -> Result<Vec<Booking>> {
        let found = self.store()?.bookings(filter).await.map_err(of_store)?;
        Ok(found.into_iter().map(|(booking, _)| booking).collect())
    }

    /// The windows that touch a range of time.
    pub(crate) async fn calendar(&self, range: CalendarRange) -> Result<Calendar> {
        let store = self.store()?;
        let span = range.to.duration_since(range.from);
        if span <= SignedDuration::ZERO || span > SignedDuration::from_hours(24 * MAX_CALENDAR_DAYS)
        {
            return Err(AccessError::BadWindow(
                "from is before to, and at most 62 days before it",
            ));
        }
        let filter = BookingFilter {
            camera: range.camera,
            user: range.user,
            search: range.search,
            from: Some(range.from),
            to: Some(range.to),
            ..BookingFilter::default()
        };
        let windows = store.calendar(&filter, MAX_CALENDAR + 1).await;
        let mut windows = windows.map_err(of_store)?;
        let more = windows.len() > MAX_CALENDAR as usize;
        windows.truncate(MAX_CALENDAR as usize);
        Ok(Calendar { windows, more })
    }

    fn check_ends(&self, booking: &Booking) -> Result<()> {
        let ledger = lock(&self.ledger);
        if !ledger.cameras.contains_key(&booking.camera) {
            return Err(AccessError::NoSuch("camera"));
        }
        if ledger.user(&booking.user).is_none() {
            return Err(AccessError::NoSuch("user"));
        }
        Ok(())
    }
}

/// The booking that is wanted, and its windows, if nothing is wrong with it by itself.
pub(super) fn checked(by: &By, fields: BookingFields) -> Result<(Booking, Vec<Window>)> {
    let window = validate::window(fields.start, fields.end, by.at)?;
    let booking = Booking {
        id: validate::uuid(fields.id)?,
        camera: fields.camera,
        user: fields.user,
        window,
        perms: fields.perms,
        saving: fields.saving,
        recurrence: fields.recurrence,
        note: fields.note,
        own: fields.own,
        created: by.at,
    };
    let windows = check(&booking)?;
    Ok((booking, windows))
}

/// Checks what does not depend on others, and returns the booking's windows.
fn check(booking: &Booking) -> Result<Vec<Window>> {
    validate::perms(&booking.perms)?;
    validate::note(&booking.note)?;
    match &booking.recurrence {
        None => Ok(vec![booking.window]),
        Some(recurrence) => {
            let windows = expand(booking.window, recurrence);
            windows.map_err(|error| AccessError::BadRule(error.to_string()))
        }
    }
}

pub(super) fn entry(by: &By, action: &str, booking: &Booking) -> crate::model::AuditEntry {
    crate::model::AuditEntry {
        camera: Some(booking.camera.clone()),
        user: Some(booking.user.clone()),
        subject: Some(booking.id.clone()),
        details: json!({
            "start": booking.window.start,
            "end": booking.window.end,
            "perms": booking.perms,
            "saving": (!booking.saving).then_some(false),
            "rule": booking.recurrence.as_ref().map(|r| &r.rule),
        }),
        ..by.entry(action)
    }
}
