// SPDX-License-Identifier: MPL-2.0
//! What viewers may book themselves, for administrators.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use porthole_protocol::grant::Permission;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::bookings::{or_default, yes};
use super::caller::{Admin, Body, Name};
use super::settled;
use crate::access::RuleFields;
use crate::error::ApiError;
use crate::model::SelfBookingRule;
use crate::state::Shared;

/// That viewers may book some cameras themselves, and how much of them. Any rule that allows a booking is enough.
#[derive(Serialize, ToSchema)]
#[schema(as = SelfBookingRule)]
pub(super) struct RuleView {
    id: String,
    /// For whom; absent where it is for everyone who has an account.
    #[serde(skip_serializing_if = "Option::is_none")]
    users: Option<BTreeSet<String>>,
    /// Which cameras; absent where it is for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    cameras: Option<BTreeSet<String>>,
    /// The most that a booking may permit.
    #[schema(value_type = Vec<super::Permission>)]
    perms: BTreeSet<Permission>,
    /// Whether the page offers to save pictures and clips.
    saving: bool,
    /// How far ahead a booking may end, in seconds.
    ahead: i64,
    /// How much one may book in a week, from Monday to Monday, in seconds.
    week: i64,
    /// How long one booking may be, in seconds.
    longest: i64,
    /// Where weeks begin at midnight.
    zone: String,
    created: Timestamp,
}

impl From<SelfBookingRule> for RuleView {
    fn from(rule: SelfBookingRule) -> Self {
        Self {
            id: rule.id,
            users: rule.users,
            cameras: rule.cameras,
            perms: rule.perms,
            saving: rule.saving,
            ahead: rule.ahead.as_secs(),
            week: rule.week.as_secs(),
            longest: rule.longest.as_secs(),
            zone: rule.zone,
            created: rule.created,
        }
    }
}

/// What a rule is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewRule {
    /// Everyone who has an account if nothing is said.
    users: Option<BTreeSet<String>>,
    /// All if nothing is said.
    cameras: Option<BTreeSet<String>>,
    /// `view` and `listen` if nothing is said.
    #[schema(value_type = Option<Vec<super::Permission>>)]
    perms: Option<BTreeSet<Permission>>,
    /// Whether the page offers to save pictures and clips.
    #[serde(default = "yes")]
    #[schema(default = true)]
    saving: bool,
    /// Seconds, up to 366 days.
    #[schema(minimum = 1, maximum = 31_622_400, example = 1_209_600)]
    ahead: i64,
    /// Seconds, up to 168 h.
    #[schema(minimum = 1, maximum = 604_800, example = 18_000)]
    week: i64,
    /// Seconds, from 5 min to 168 h.
    #[schema(minimum = 300, maximum = 604_800, example = 7200)]
    longest: i64,
    #[schema(example = "Europe/Berlin")]
    zone: String,
}

impl From<NewRule> for RuleFields {
    fn from(new: NewRule) -> Self {
        Self {
            users: new.users,
            cameras: new.cameras,
            perms: or_default(new.perms),
            saving: new.saving,
            ahead: SignedDuration::from_secs(new.ahead),
            week: SignedDuration::from_secs(new.week),
            longest: SignedDuration::from_secs(new.longest),
            zone: new.zone,
        }
    }
}

/// All rules.
#[derive(Serialize, ToSchema)]
pub(super) struct Rules {
    /// At most 100.
    items: Vec<RuleView>,
}

/// List what viewers may book themselves
#[utoipa::path(
    get, path = "/api/self-booking", operation_id = "listSelfBooking", tag = "administrator",
    responses((status = 200, body = Rules))
)]
pub(super) async fn list(
    State(shared): State<Arc<Shared>>,
    _: Admin,
) -> Result<Json<Rules>, ApiError> {
    let access = shared.access.clone();
    let rules = settled(async move { access.self_booking_rules().await }).await?;
    let items = rules.into_iter().map(RuleView::from).collect();
    Ok(Json(Rules { items }))
}

/// Let viewers book themselves
#[utoipa::path(
    post, path = "/api/self-booking", operation_id = "addSelfBooking", tag = "administrator",
    request_body = NewRule,
    responses(
        (status = 201, body = RuleView),
        (status = 422, description = "`bad-value`, `no-such-camera`, `no-such-user`"),
    )
)]
pub(super) async fn add(
    State(shared): State<Arc<Shared>>,
    Admin(caller): Admin,
    Body(new): Body<NewRule>,
) -> Result<(StatusCode, Json<RuleView>), ApiError> {
    let fields = RuleFields::from(new);
    let (access, by) = (shared.access.clone(), caller.by());
    let added = settled(async move { access.put_self_booking_rule(&by, None, fields).await });
    Ok((StatusCode::CREATED, Json(added.await?.into())))
}

/// Change what viewers may book themselves
///
/// What is booked already stays.
#[utoipa::path(
    put, path = "/api/self-booking/{id}", operation_id = "changeSelfBooking", tag = "administrator",
    request_body = NewRule,
    params(("id" = String, Path, description = "The rule's id")),
    responses(
        (status = 200, body = RuleView),
        (status = 404, description = "`not-found`"),
        (status = 422, description = "`bad-value`, `no-such-camera`, `no-such-user`"),
    )
)]
pub(super) async fn change(
    State(shared): State<Arc<Shared>>,
    Admin(caller): Admin,
    Name(id): Name,
    Body(new): Body<NewRule>,
) -> Result<Json<RuleView>, ApiError> {
    let fields = RuleFields::from(new);
    let (access, by) = (shared.access.clone(), caller.by());
    let changed =
        settled(async move { access.put_self_booking_rule(&by, Some(&id), fields).await });
    Ok(Json(changed.await?.into()))
}

/// Let viewers book no more
///
/// What is booked already stays.
#[utoipa::path(
    delete, path = "/api/self-booking/{id}", operation_id = "removeSelfBooking", tag = "administrator",
    params(("id" = String, Path, description = "The rule's id")),
    responses((status = 204, description = "It is gone"), (status = 404, description = "`not-found`"))
)]
pub(super) async fn remove(
    State(shared): State<Arc<Shared>>,
    Admin(caller): Admin,
    Name(id): Name,
) -> Result<StatusCode, ApiError> {
    let (access, by) = (shared.access.clone(), caller.by());
    settled(async move { access.remove_self_booking_rule(&by, &id).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}
