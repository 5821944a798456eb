// SPDX-License-Identifier: MPL-2.0
//! Share links, for administrators.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp};
use porthole_protocol::grant::Permission;
use serde::{Deserialize, Serialize};
use url::Url;
use utoipa::ToSchema;

use super::bookings::{or_default, yes};
use super::caller::{Admin, Body, CutParams, Name, Params, WithQr};
use super::{Page, settled};
use crate::access::{ShareFields, Told};
use crate::error::ApiError;
use crate::model::Share;
use crate::state::Shared;
use crate::token::share_fragment;

/// A link that lets whoever has it look through one camera for a while.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Share)]
pub(super) struct ShareView {
    id: String,
    #[schema(example = "front")]
    camera: String,
    start: Timestamp,
    end: Timestamp,
    #[schema(value_type = Vec<super::Permission>)]
    perms: BTreeSet<Permission>,
    /// As of a booking.
    saving: bool,
    /// How many browsers have opened it.
    uses: u32,
    /// How many may.
    max_uses: u32,
    note: String,
    created: Timestamp,
}

impl From<Share> for ShareView {
    fn from(share: Share) -> Self {
        Self {
            id: share.id,
            camera: share.camera,
            start: share.window.start,
            end: share.window.end,
            perms: share.perms,
            saving: share.saving,
            uses: share.uses,
            max_uses: share.max_uses,
            note: share.note,
            created: share.created,
        }
    }
}

/// A share link and its address.
#[derive(Serialize, ToSchema)]
pub(super) struct WithLink {
    share: ShareView,
    /// Shown this once.
    #[schema(example = "https://cameras.example.org/#share=...")]
    link: String,
    /// The link as a QR code, an image as a `data:` address, if that was asked for. Shown this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    qr: Option<String>,
}

impl WithLink {
    fn new(mut link: Url, (share, secret): (Share, String), qr: &WithQr) -> Self {
        link.set_fragment(Some(&share_fragment(&secret)));
        Self {
            share: share.into(),
            qr: qr.of(link.as_str()),
            link: link.to_string(),
        }
    }
}

/// A link to make: for so long, or until some time.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewShare {
    /// A UUID of your own making. Asked again under the same id, a link that nobody has opened yet is not made twice:
    /// the answer has a new address for it. Another link under it is refused with `id-taken`.
    #[schema(
        pattern = "^[0-9a-fA-F-]{36}$",
        example = "018f2b7e-6f4a-7c3d-9e21-0a1b2c3d4e5f"
    )]
    id: Option<String>,
    #[schema(example = "front")]
    camera: String,
    /// Such as `2h`, `90m` or `1d 12h`. Instead of `end`.
    #[serde(rename = "for")]
    #[schema(example = "2h", max_length = 50)]
    lasts: Option<String>,
    /// Now, if nothing is said.
    start: Option<Timestamp>,
    end: Option<Timestamp>,
    /// How many browsers may open it.
    #[serde(default = "once")]
    #[schema(minimum = 1, maximum = 100, default = 1)]
    uses: u32,
    /// `view` and `listen` if nothing is said.
    #[schema(value_type = Option<Vec<super::Permission>>)]
    perms: Option<BTreeSet<Permission>>,
    /// Whether the viewer's page offers to save pictures and clips. A courtesy of the page and no boundary: a screen can be
    /// filmed.
    #[serde(default = "yes")]
    #[schema(default = true)]
    saving: bool,
    #[serde(default)]
    #[schema(max_length = 500)]
    note: String,
}

fn once() -> u32 {
    1
}

impl NewShare {
    /// Its window when it is made at `now`.
    fn window(&self, now: Timestamp) -> Result<(Timestamp, Timestamp), ApiError> {
        let start = self.start.unwrap_or(now);
        match (&self.lasts, self.end) {
            (Some(lasts), None) => {
                let end = length(lasts).and_then(|length| start.checked_add(length).ok());
                let end = end.ok_or_else(|| bad("for is a time such as 2h, 90m or 1d 12h"))?;
                Ok((start, end))
            }
            (None, Some(end)) => Ok((start, end)),
            _ => Err(bad("say either for, or end")),
        }
    }
}

/// A day has 24 hours here: the server does not know whose days they are.
fn length(text: &str) -> Option<SignedDuration> {
    let span: Span = text.parse().ok()?;
    span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()
}

fn bad(detail: &'static str) -> ApiError {
    ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "bad-window", detail)
}

/// List share links
///
/// Those that are not over, the oldest first.
#[utoipa::path(
    get, path = "/api/shares", operation_id = "listShares", tag = "administrator", params(CutParams),
    responses((status = 200, body = Page<ShareView>))
)]
pub(super) async fn list(
    State(shared): State<Arc<Shared>>,
    _: Admin,
    Params(cut): Params<CutParams>,
) -> Result<Json<Page<ShareView>>, ApiError> {
    let cut = cut.check()?;
    let (after, most) = (cut.after(), cut.and_one());
    let found = |share: &Share| cut.finds(&[&share.camera, &share.note, &share.id]);
    let shares = shared.access.shares(after, most, Timestamp::now(), found)?;
    let key = |share: &Share| share.id.clone();
    Ok(Json(Page::of(shares, &cut, key, ShareView::from)))
}

/// Make a share link
#[utoipa::path(
    post, path = "/api/shares", operation_id = "addShare", tag = "administrator", params(WithQr),
    request_body = NewShare,
    responses(
        (status = 201, body = WithLink),
        (status = 409, description = "`id-taken`"),
        (status = 422, description = "`bad-window`, `bad-value`, `no-such-camera`"),
    )
)]
pub(super) async fn add(
    State(shared): State<Arc<Shared>>,
    Admin(caller): Admin,
    Params(qr): Params<WithQr>,
    headers: HeaderMap,
    Body(new): Body<NewShare>,
) -> Result<(StatusCode, Json<WithLink>), ApiError> {
    let url = shared.base(&headers, &caller.connection)?;
    let (access, by) = (shared.access.clone(), caller.by());
    let (start, end) = new.window(by.at)?;
    let told = Told {
        start: new.start.is_some(),
        end: new.end.is_some(),
    };
    let fields = ShareFields {
        id: new.id,
        camera: new.camera,
        start,
        end,
        told,
        perms: or_default(new.perms),
        saving: new.saving,
        max_uses: new.uses,
        note: new.note,
    };
    let added = settled(async move { access.add_share(&by, fields).await }).await?;
    let link = WithLink::new(url, added, &qr);
    Ok((StatusCode::CREATED, Json(link)))
}

/// Show a share link
#[utoipa::path(
    get, path = "/api/shares/{id}", operation_id = "getShare", tag = "administrator",
    params(("id" = String, Path, description = "The link's id")),
    responses((status = 200, body = ShareView), (status = 404, description = "`not-found`"))
)]
pub(super) async fn get(
    State(shared): State<Arc<Shared>>,
    _: Admin,
    Name(id): Name,
) -> Result<Json<ShareView>, ApiError> {
    Ok(Json(shared.access.share(&id)?.into()))
}

/// Take a share link back
///
/// What is watched by it ends.
#[utoipa::path(
    delete, path = "/api/shares/{id}", operation_id = "removeShare", tag = "administrator",
    params(("id" = String, Path, description = "The link's id")),
    responses((status = 204, description = "It is void"), (status = 404, description = "`not-found`"))
)]
pub(super) async fn remove(
    State(shared): State<Arc<Shared>>,
    Admin(caller): Admin,
    Name(id): Name,
) -> Result<StatusCode, ApiError> {
    let (access, by) = (shared.access.clone(), caller.by());
    settled(async move { access.remove_share(&by, &id).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Put a share link back
///
/// One that was taken back at this server within the last minute. It has its secret and all its uses again: whoever had it open
/// opens it again.
#[utoipa::path(
    post, path = "/api/shares/{id}/restore", operation_id = "restoreShare", tag = "administrator",
    params(("id" = String, Path, description = "The link's id")),
    responses(
        (status = 200, body = ShareView),
        (status = 404, description = "`not-found`: there was none, or it is too late"),
        (status = 410, description = "`link-spent`: its time is over"),
        (status = 422, description = "`no-such-camera`"),
    )
)]
pub(super) async fn restore(
    State(shared): State<Arc<Shared>>,
    Admin(caller): Admin,
    Name(id): Name,
) -> Result<Json<ShareView>, ApiError> {
    let (access, by) = (shared.access.clone(), caller.by());
    let restored = settled(async move { access.restore_share(&by, &id).await });
    Ok(Json(restored.await?.into()))
}

/// Give a share link another secret
///
/// The old one is void, what is watched by it ends, and the link has all its uses again.
#[utoipa::path(
    post, path = "/api/shares/{id}/rotate", operation_id = "rotateShare", tag = "administrator",
    params(("id" = String, Path, description = "The link's id"), WithQr),
    responses(
        (status = 200, body = WithLink),
        (status = 404, description = "`not-found`"),
        (status = 410, description = "`link-spent`: its time is over"),
    )
)]
pub(super) async fn rotate(
    State(shared): State<Arc<Shared>>,
    Admin(caller): Admin,
    Name(id): Name,
    Params(qr): Params<WithQr>,
    headers: HeaderMap,
) -> Result<Json<WithLink>, ApiError> {
    let url = shared.base(&headers, &caller.connection)?;
    let (access, by) = (shared.access.clone(), caller.by());
    let rotated = settled(async move { access.rotate_share(&by, &id).await }).await?;
    Ok(Json(WithLink::new(url, rotated, &qr)))
}
