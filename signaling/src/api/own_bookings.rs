// SPDX-License-Identifier: MPL-2.0
//! What viewers book themselves, and the feed by which their calendars follow.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Extension;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::{SignedDuration, Timestamp};
use porthole_protocol::grant::Permission;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::bookings::{BookingView, or_default};
use super::caller::{Body, Caller, Name, Params, Person};
use super::settled;
use crate::access::OwnFields;
use crate::error::ApiError;
use crate::icalendar::{self, Event};
use crate::lock::lock;
use crate::model::{SelfBookingRule, Window};
use crate::registry::SecretDigest;
use crate::rights::BookedWindow;
use crate::self_booking::Own;
use crate::state::{Connection, Shared};

/// Weeks that a page is told of: as far ahead as anyone may book.
const MAX_WEEKS: usize = 54;
/// Cameras that a page is told of.
const MAX_CAMERAS: usize = 200;
/// Longest secret of a feed that is looked up; see `random_secret`.
const MAX_TOKEN_BYTES: usize = 64;
const CALENDAR: &str = "text/calendar; charset=utf-8";

/// The name of a person with an account: nobody else books.
fn user(shared: &Shared, caller: &Caller) -> Result<String, ApiError> {
    match caller.is_user() && shared.access.user(&caller.rights.user).is_ok() {
        true => Ok(caller.rights.user.to_string()),
        false => Err(ApiError::not_permitted("only users with an account book")),
    }
}

/// What a viewer may book itself.
#[derive(Serialize, ToSchema)]
pub(super) struct Offer {
    /// At most 200.
    cameras: Vec<OfferedCamera>,
}

#[derive(Serialize, ToSchema)]
struct OfferedCamera {
    id: String,
    name: String,
    /// Any that allows a booking is enough.
    rules: Vec<OfferedRule>,
}

#[derive(Serialize, ToSchema)]
struct OfferedRule {
    #[schema(value_type = Vec<super::Permission>)]
    perms: BTreeSet<Permission>,
    /// How long one booking may be, in seconds.
    longest: i64,
    /// When a booking may end at the latest.
    latest: Timestamp,
    /// How much is left of each week.
    weeks: Vec<Week>,
}

#[derive(Serialize, ToSchema)]
struct Week {
    start: Timestamp,
    end: Timestamp,
    /// In seconds.
    left: i64,
}

fn offered(rule: &SelfBookingRule, own: &[Own], now: Timestamp) -> OfferedRule {
    let latest = now + rule.ahead;
    let mut weeks = Vec::new();
    let mut week = rule.week_of(now);
    while week.start < latest && weeks.len() < MAX_WEEKS {
        let left = rule.week - rule.used(week, own);
        weeks.push(Week {
            start: week.start,
            end: week.end,
            left: left.max(SignedDuration::ZERO).as_secs(),
        });
        week = rule.week_of(week.end);
    }
    OfferedRule {
        perms: rule.perms.clone(),
        longest: rule.longest.as_secs(),
        latest,
        weeks,
    }
}

/// What I may book myself
#[utoipa::path(
    get, path = "/api/me/self-booking", operation_id = "getMySelfBooking", tag = "viewer",
    responses((status = 200, body = Offer), (status = 403, description = "`not-permitted`"))
)]
pub(super) async fn offer(
    State(shared): State<Arc<Shared>>,
    Person(caller): Person,
) -> Result<Json<Offer>, ApiError> {
    let user = user(&shared, &caller)?;
    let (access, now) = (shared.access.clone(), Timestamp::now());
    let asked = user.clone();
    let (rules, own) = settled(async move { access.own_rules(&asked, now).await }).await?;
    let known: Vec<_> = {
        let registry = lock(&shared.registry);
        let is_named = |id: &str| rules.iter().any(|rule| rule.is_for(&user, id));
        let all = registry.cameras_after(None).map(|camera| &camera.entry);
        let named = all.filter(|entry| is_named(&entry.id));
        let pair = named.map(|entry| (entry.id.clone(), entry.name.clone()));
        pair.take(MAX_CAMERAS).collect()
    };
    let camera = |(id, name): (String, String)| OfferedCamera {
        rules: rules
            .iter()
            .filter(|rule| rule.is_for(&user, &id))
            .map(|rule| offered(rule, &own, now))
            .collect(),
        id,
        name,
    };
    Ok(Json(Offer {
        cameras: known.into_iter().map(camera).collect(),
    }))
}

/// Of what, and when.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    camera: String,
    /// Windows that end after this.
    from: Timestamp,
    /// Windows that start before this, at most 31 days later.
    to: Timestamp,
}

/// When a camera is booked.
#[derive(Serialize, ToSchema)]
pub(super) struct FreeBusy {
    /// By their start, at most 1000.
    items: Vec<BusyWindow>,
}

#[derive(Serialize, ToSchema)]
struct BusyWindow {
    start: Timestamp,
    end: Timestamp,
    /// Whether it is one's own. Whose the others are is not told.
    own: bool,
    /// Whether it has `control`, which no other may have at the same time.
    control: bool,
    /// Of one that the user has made itself: its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
}

/// When a camera is booked
///
/// For those who may book it themselves.
#[utoipa::path(
    get, path = "/api/me/free-busy", operation_id = "getFreeBusy", tag = "viewer", params(Which),
    responses(
        (status = 200, body = FreeBusy),
        (status = 403, description = "`not-permitted`"),
        (status = 404, description = "`not-found`"),
        (status = 422, description = "`bad-window`"),
    )
)]
pub(super) async fn free_busy(
    State(shared): State<Arc<Shared>>,
    Person(caller): Person,
    Params(which): Params<Which>,
) -> Result<Json<FreeBusy>, ApiError> {
    let user = user(&shared, &caller)?;
    let range = Window {
        start: which.from,
        end: which.to,
    };
    let (access, asked) = (shared.access.clone(), user.clone());
    let busy = settled(async move { access.busy(&asked, &which.camera, range).await }).await?;
    let view = |(booking, window): (crate::model::Booking, Window)| {
        let own = booking.user == user;
        BusyWindow {
            start: window.start,
            end: window.end,
            own,
            control: booking.perms.contains(&Permission::Control),
            id: (own && booking.own).then_some(booking.id),
        }
    };
    let items = busy.into_iter().map(view).collect();
    Ok(Json(FreeBusy { items }))
}

/// What to book.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewOwn {
    /// A UUID of your own making. Asked again under the same id, what is there is the answer, so that nothing is booked twice.
    #[schema(pattern = "^[0-9a-fA-F-]{36}$")]
    id: Option<String>,
    camera: String,
    start: Timestamp,
    end: Timestamp,
    /// `view` and `listen` if nothing is said.
    #[schema(value_type = Option<Vec<super::Permission>>)]
    perms: Option<BTreeSet<Permission>>,
    #[serde(default)]
    #[schema(max_length = 500)]
    note: String,
}

/// Book for myself
///
/// As far as an administrator lets viewers book themselves.
#[utoipa::path(
    post, path = "/api/me/bookings", operation_id = "bookMyself", tag = "viewer", request_body = NewOwn,
    responses(
        (status = 201, body = BookingView),
        (status = 403, description = "`not-permitted`: no rule lets you book this"),
        (status = 409, description = "`id-taken`, `control-taken` with the `start` and `end` of the other, `week-full` with how many \
                                      seconds are `left`, `too-many`"),
        (status = 422, description = "`bad-window` with `latest` or `longest` where that is why, `bad-value`"),
    )
)]
pub(super) async fn book(
    State(shared): State<Arc<Shared>>,
    Person(caller): Person,
    Body(new): Body<NewOwn>,
) -> Result<(StatusCode, Json<BookingView>), ApiError> {
    let user = user(&shared, &caller)?;
    let fields = OwnFields {
        id: new.id,
        camera: new.camera,
        window: Window {
            start: new.start,
            end: new.end,
        },
        perms: or_default(new.perms),
        note: new.note,
    };
    let (access, by) = (shared.access.clone(), caller.by());
    let booking = settled(async move { access.book_self(&by, &user, fields).await }).await?;
    Ok((StatusCode::CREATED, Json(booking.into())))
}

/// Cancel what I booked
///
/// Of a booking that has begun, what was used stays and counts.
#[utoipa::path(
    delete, path = "/api/me/bookings/{id}", operation_id = "cancelMyBooking", tag = "viewer",
    params(("id" = String, Path, description = "The booking's id")),
    responses(
        (status = 204, description = "It is cancelled"),
        (status = 403, description = "`not-permitted`"),
        (status = 404, description = "`not-found`: there is none that you have made"),
        (status = 422, description = "`bad-window`: it is over"),
    )
)]
pub(super) async fn cancel(
    State(shared): State<Arc<Shared>>,
    Person(caller): Person,
    Name(id): Name,
) -> Result<StatusCode, ApiError> {
    let user = user(&shared, &caller)?;
    let (access, by) = (shared.access.clone(), caller.by());
    settled(async move { access.cancel_own(&by, &user, &id).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Whether one's calendar follows.
#[derive(Serialize, ToSchema)]
pub(super) struct FeedView {
    /// Since when there is a feed; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<Timestamp>,
}

/// A feed and its address.
#[derive(Serialize, ToSchema)]
pub(super) struct FeedLink {
    /// Shown this once. Whoever has it reads when and which camera you have booked, and nothing else.
    #[schema(example = "https://cameras.example.org/api/v1/me/bookings.ics?token=...")]
    link: String,
}

/// Whether my calendar follows
#[utoipa::path(
    get, path = "/api/me/feed", operation_id = "getMyFeed", tag = "viewer",
    responses((status = 200, body = FeedView), (status = 403, description = "`not-permitted`"))
)]
pub(super) async fn feed(
    State(shared): State<Arc<Shared>>,
    Person(caller): Person,
) -> Result<Json<FeedView>, ApiError> {
    let user = user(&shared, &caller)?;
    let access = shared.access.clone();
    let created = settled(async move { access.feed(&user).await }).await?;
    Ok(Json(FeedView { created }))
}

/// Have my calendar follow
///
/// By a secret address, which takes the place of the one before.
#[utoipa::path(
    post, path = "/api/me/feed", operation_id = "makeMyFeed", tag = "viewer",
    responses((status = 200, body = FeedLink), (status = 403, description = "`not-permitted`"))
)]
pub(super) async fn make_feed(
    State(shared): State<Arc<Shared>>,
    Person(caller): Person,
    headers: HeaderMap,
) -> Result<Json<FeedLink>, ApiError> {
    let user = user(&shared, &caller)?;
    let url = shared.base(&headers, &caller.connection)?;
    let (access, by) = (shared.access.clone(), caller.by());
    let token = settled(async move { access.new_feed(&by, &user).await }).await?;
    let link = url.join("api/v1/me/bookings.ics");
    let mut link = link.map_err(|_| ApiError::wrong_host())?;
    link.query_pairs_mut().append_pair("token", &token);
    Ok(Json(FeedLink {
        link: link.to_string(),
    }))
}

/// Have no calendar follow
#[utoipa::path(
    delete, path = "/api/me/feed", operation_id = "removeMyFeed", tag = "viewer",
    responses(
        (status = 204, description = "Its address is void"),
        (status = 403, description = "`not-permitted`"),
    )
)]
pub(super) async fn remove_feed(
    State(shared): State<Arc<Shared>>,
    Person(caller): Person,
) -> Result<StatusCode, ApiError> {
    let user = user(&shared, &caller)?;
    let (access, by) = (shared.access.clone(), caller.by());
    settled(async move { access.remove_feed(&by, &user).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The same as long as it is the same: of what recurs each window is one of its own, by when it begins.
fn uid(booked: &BookedWindow) -> String {
    match booked.recurring {
        true => format!(
            "{}.{}@porthole",
            booked.booking,
            booked.window.start.as_second()
        ),
        false => format!("{}@porthole", booked.booking),
    }
}

/// By what a calendar reads.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct FeedToken {
    /// The secret in the feed's address.
    #[serde(default)]
    token: String,
}

/// Read a feed
///
/// For calendars, which show nothing else than its address: the windows of its user's bookings that are not over (iCalendar, RFC
/// 5545). Nothing else is had by this secret.
#[utoipa::path(
    get, path = "/api/me/bookings.ics", operation_id = "readFeed", tag = "anyone", security(()), params(FeedToken),
    responses(
        (status = 200, description = "A calendar", body = String, content_type = CALENDAR),
        (status = 401, description = "`wrong-credentials`"),
    )
)]
pub(super) async fn read_feed(
    State(shared): State<Arc<Shared>>,
    Extension(connection): Extension<Connection>,
    headers: HeaderMap,
    Params(FeedToken { token }): Params<FeedToken>,
) -> Result<Response, ApiError> {
    let url = shared.base(&headers, &connection)?;
    let now = Timestamp::now();
    let known = if token.is_empty() || token.len() > MAX_TOKEN_BYTES {
        Err(crate::access::AccessError::WrongSecret.into())
    } else {
        let (access, digest) = (shared.access.clone(), SecretDigest::of(&token));
        settled(async move { access.read_feed(&digest, now).await }).await
    };
    let booked = known?;
    let names: Vec<_> = {
        let registry = lock(&shared.registry);
        let name = |id: &str| registry.camera(id).map(|camera| camera.entry.name.clone());
        let names = booked.iter().map(|booked| name(&booked.camera));
        names.map(Option::unwrap_or_default).collect()
    };
    let events = booked.iter().zip(&names).map(|(booked, name)| Event {
        uid: uid(booked),
        window: booked.window,
        summary: name,
        url: url.as_str(),
    });
    let text = icalendar::calendar("Porthole", events, now);
    Ok(([(header::CONTENT_TYPE, CALENDAR)], text).into_response())
}
