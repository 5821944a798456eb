// SPDX-License-Identifier: MPL-2.0
//! Bookings and the calendar, for administrators.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jiff::Timestamp;
use porthole_protocol::grant::Permission;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::caller::{Admin, Body, Name, Params, limit, search};
use super::{Page, settled};
use crate::access::{BookingChange, BookingFields, CalendarRange};
use crate::error::ApiError;
use crate::model::{Booking, Recurrence, Window};
use crate::state::Shared;
use crate::store::BookingFilter;

/// That a user may look through a camera for a while.
#[derive(Serialize, ToSchema)]
#[schema(as = Booking)]
pub(super) struct BookingView {
    id: String,
    #[schema(example = "front")]
    camera: String,
    #[schema(example = "alice")]
    user: String,
    /// The start of the window, or of the first of those that recur.
    start: Timestamp,
    /// The first moment after it.
    end: Timestamp,
    #[schema(value_type = Vec<super::Permission>)]
    perms: BTreeSet<Permission>,
    /// Whether the viewer's page offers to save pictures and clips. A courtesy of the page and no boundary: a screen can be
    /// filmed.
    saving: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    recurrence: Option<RecurrenceView>,
    note: String,
    /// Whether its user made it: it may cancel it, and it counts among what it may book.
    own: bool,
    created: Timestamp,
}

/// How a booking recurs.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Recurrence)]
pub(super) struct RecurrenceView {
    /// An RRULE (RFC 5545), with COUNT or UNTIL.
    #[schema(example = "FREQ=WEEKLY;COUNT=10")]
    rule: String,
    /// The time zone in which it recurs at the same time of day.
    #[schema(example = "Europe/Berlin")]
    zone: String,
}

impl From<RecurrenceView> for Recurrence {
    fn from(RecurrenceView { rule, zone }: RecurrenceView) -> Self {
        Self { rule, zone }
    }
}

impl From<Recurrence> for RecurrenceView {
    fn from(Recurrence { rule, zone }: Recurrence) -> Self {
        Self { rule, zone }
    }
}

impl From<Booking> for BookingView {
    fn from(booking: Booking) -> Self {
        Self {
            id: booking.id,
            camera: booking.camera,
            user: booking.user,
            start: booking.window.start,
            end: booking.window.end,
            perms: booking.perms,
            saving: booking.saving,
            recurrence: booking.recurrence.map(RecurrenceView::from),
            note: booking.note,
            own: booking.own,
            created: booking.created,
        }
    }
}

/// What to book.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewBooking {
    /// A UUID of your own making. Asked again under the same id, what is there is the answer, so that nothing is booked
    /// twice; another booking under it is refused with `id-taken`.
    #[schema(
        pattern = "^[0-9a-fA-F-]{36}$",
        example = "018f2b7e-6f4a-7c3d-9e21-0a1b2c3d4e5f"
    )]
    id: Option<String>,
    #[schema(example = "front")]
    camera: String,
    #[schema(example = "alice")]
    user: String,
    start: Timestamp,
    end: Timestamp,
    /// `view` and `listen` if nothing is said. At most one booking of a camera at a time has `control`.
    #[schema(value_type = Option<Vec<super::Permission>>)]
    perms: Option<BTreeSet<Permission>>,
    /// Whether the viewer's page offers to save pictures and clips. A courtesy of the page and no boundary: a screen can be
    /// filmed.
    #[serde(default = "yes")]
    #[schema(default = true)]
    saving: bool,
    recurrence: Option<RecurrenceView>,
    #[serde(default)]
    #[schema(max_length = 500)]
    note: String,
    /// Whether it is as if its user had made it: that one may cancel it, and it counts among what it may book.
    #[serde(default)]
    own: bool,
}

impl From<NewBooking> for BookingFields {
    fn from(new: NewBooking) -> Self {
        Self {
            id: new.id,
            camera: new.camera,
            user: new.user,
            start: new.start,
            end: new.end,
            perms: or_default(new.perms),
            saving: new.saving,
            recurrence: new.recurrence.map(Recurrence::from),
            note: new.note,
            own: new.own,
        }
    }
}

/// What is to be another.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BookingPatch {
    start: Option<Timestamp>,
    end: Option<Timestamp>,
    #[schema(value_type = Option<Vec<super::Permission>>)]
    perms: Option<BTreeSet<Permission>>,
    saving: Option<bool>,
    /// `null` takes it away.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<RecurrenceView>)]
    recurrence: Option<Option<RecurrenceView>>,
    #[schema(max_length = 500)]
    note: Option<String>,
}

/// Tells `null` from nothing.
fn present<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Option<RecurrenceView>>, D::Error> {
    Option::deserialize(d).map(Some)
}

/// Whether pages may save what they show where nothing is said.
pub(super) fn yes() -> bool {
    true
}

/// What viewers may do for whom nothing is said.
pub(super) fn or_default(perms: Option<BTreeSet<Permission>>) -> BTreeSet<Permission> {
    perms.unwrap_or_else(|| [Permission::View, Permission::Listen].into())
}

/// Which bookings.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    /// Of this camera.
    camera: Option<String>,
    /// Of this user.
    user: Option<String>,
    /// With a window that ends after this.
    from: Option<Timestamp>,
    /// With a window that starts before this.
    to: Option<Timestamp>,
    /// With this in its note, its user's name, its camera's id or name, in small letters or capitals.
    #[param(max_length = 100)]
    search: Option<String>,
    /// What comes after the booking of this id, as `next` said.
    after: Option<String>,
    /// So many at most.
    #[param(minimum = 1, maximum = 500, default = 100)]
    limit: Option<u32>,
}

/// List bookings
///
/// In the order in which they were made.
#[utoipa::path(
    get, path = "/api/bookings", operation_id = "listBookings", tag = "administrator", params(Which),
    responses((status = 200, body = Page<BookingView>))
)]
pub(super) async fn list(
    State(shared): State<Arc<Shared>>,
    _: Admin,
    Params(which): Params<Which>,
) -> Result<Json<Page<BookingView>>, ApiError> {
    let limit = limit(which.limit)?;
    let filter = BookingFilter {
        camera: which.camera,
        user: which.user,
        from: which.from,
        to: which.to,
        search: search(which.search)?,
        after: which.after,
        limit,
    };
    let access = shared.access.clone();
    let found = settled(async move { access.bookings(&filter).await }).await?;
    let is_full = found.len() == limit as usize;
    let next = found.last().filter(|_| is_full).map(|b| b.id.clone());
    let items = found.into_iter().map(BookingView::from).collect();
    Ok(Json(Page { items, next }))
}

/// Book
#[utoipa::path(
    post, path = "/api/bookings", operation_id = "addBooking", tag = "administrator",
    request_body = NewBooking,
    responses(
        (status = 201, body = BookingView),
        (status = 409, description = "`id-taken`, `control-taken` with the `start` and `end` of the other"),
        (status = 422, description = "`bad-window`, `bad-rule`, `bad-value`, `no-such-camera`, `no-such-user`"),
    )
)]
pub(super) async fn add(
    State(shared): State<Arc<Shared>>,
    Admin(caller): Admin,
    Body(new): Body<NewBooking>,
) -> Result<(StatusCode, Json<BookingView>), ApiError> {
    let fields = BookingFields::from(new);
    let (access, by) = (shared.access.clone(), caller.by());
    let booking = settled(async move { access.add_booking(&by, fields).await }).await?;
    Ok((StatusCode::CREATED, Json(booking.into())))
}

/// Show a booking
#[utoipa::path(
    get, path = "/api/bookings/{id}", operation_id = "getBooking", tag = "administrator",
    params(("id" = String, Path, description = "The booking's id")),
    responses((status = 200, body = BookingView), (status = 404, description = "`not-found`"))
)]
pub(super) async fn get(
    State(shared): State<Arc<Shared>>,
    _: Admin,
    Name(id): Name,
) -> Result<Json<BookingView>, ApiError> {
    let access = shared.access.clone();
    let booking = settled(async move { access.booking(&id).await }).await?;
    Ok(Json(booking.into()))
}

/// Change a booking
///
/// What runs by it follows at once.
#[utoipa::path(
    patch, path = "/api/bookings/{id}", operation_id = "changeBooking", tag = "administrator",
    request_body = BookingPatch,
    params(("id" = String, Path, description = "The booking's id")),
    responses(
        (status = 200, body = BookingView),
        (status = 404, description = "`not-found`"),
        (status = 409, description = "`control-taken` with the `start` and `end` of the other"),
        (status = 422, description = "`bad-window`, `bad-rule`, `bad-value`"),
    )
)]
pub(super) async fn change(
    State(shared): State<Arc<Shared>>,
    Admin(caller): Admin,
    Name(id): Name,
    Body(patch): Body<BookingPatch>,
) -> Result<Json<BookingView>, ApiError> {
    let change = BookingChange {
        start: patch.start,
        end: patch.end,
        perms: patch.perms,
        saving: patch.saving,
        recurrence: patch.recurrence.map(|wanted| wanted.map(Recurrence::from)),
        note: patch.note,
    };
    let (access, by) = (shared.access.clone(), caller.by());
    let changed = settled(async move { access.change_booking(&by, &id, change).await });
    Ok(Json(changed.await?.into()))
}

/// Remove a booking
///
/// What runs by it ends.
#[utoipa::path(
    delete, path = "/api/bookings/{id}", operation_id = "removeBooking", tag = "administrator",
    params(("id" = String, Path, description = "The booking's id")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 404, description = "`not-found`"),
    )
)]
pub(super) async fn remove(
    State(shared): State<Arc<Shared>>,
    Admin(caller): Admin,
    Name(id): Name,
) -> Result<StatusCode, ApiError> {
    let (access, by) = (shared.access.clone(), caller.by());
    settled(async move { access.remove_booking(&by, &id).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What to look up.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Range {
    /// Windows that end after this.
    from: Timestamp,
    /// Windows that start before this, at most 62 days later.
    to: Timestamp,
    /// Of this camera.
    camera: Option<String>,
    /// Of this user.
    user: Option<String>,
    /// Of bookings with this in the note, the user's name, the camera's id or name, in small letters or capitals.
    #[param(max_length = 100)]
    search: Option<String>,
}

/// Windows of bookings.
#[derive(Serialize, ToSchema)]
#[schema(as = Calendar)]
pub(super) struct CalendarView {
    /// By their start, at most 1000.
    items: Vec<WindowView>,
    /// Whether there are more: ask for a shorter time.
    more: bool,
}

/// One window of a booking.
#[derive(Serialize, ToSchema)]
#[schema(as = Window)]
struct WindowView {
    /// The id of the booking.
    booking: String,
    camera: String,
    user: String,
    start: Timestamp,
    end: Timestamp,
    #[schema(value_type = Vec<super::Permission>)]
    perms: BTreeSet<Permission>,
    /// Whether it is one of several.
    recurring: bool,
    note: String,
}

/// Show the calendar
#[utoipa::path(
    get, path = "/api/calendar", operation_id = "getCalendar", tag = "administrator", params(Range),
    responses((status = 200, body = CalendarView), (status = 422, description = "`bad-window`"))
)]
pub(super) async fn calendar(
    State(shared): State<Arc<Shared>>,
    _: Admin,
    Params(range): Params<Range>,
) -> Result<Json<CalendarView>, ApiError> {
    let range = CalendarRange {
        from: range.from,
        to: range.to,
        camera: range.camera,
        user: range.user,
        search: search(range.search)?,
    };
    let access = shared.access.clone();
    let calendar = settled(async move { access.calendar(range).await }).await?;
    let view = |(booking, window): (Booking, Window)| WindowView {
        booking: booking.id,
        camera: booking.camera,
        user: booking.user,
        start: window.start,
        end: window.end,
        perms: booking.perms,
        recurring: booking.recurrence.is_some(),
        note: booking.note,
    };
    Ok(Json(CalendarView {
        items: calendar.windows.into_iter().map(view).collect(),
        more: calendar.more,
    }))
}
