// SPDX-License-Identifier: MPL-2.0
//! Web Push: browsers that want to be told of calls, also while no page is open.

use std::borrow::Cow;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use serde::{Deserialize, Serialize};
use url::{Host, Url};
use utoipa::ToSchema;

use super::caller::{Body, Caller, Person};
use super::settled;
use crate::error::ApiError;
use crate::lock::lock;
use crate::model::PushSubscription;
use crate::network::is_public;
use crate::registry::SecretDigest;
use crate::state::{Push, Shared};

/// Longest endpoint: those of the large push services have 150 to 500 bytes.
const MAX_ENDPOINT_BYTES: usize = 2048;
/// A point of P-256, uncompressed (RFC 8291, 3.1).
const POINT_BYTES: usize = 65;
/// RFC 8291, 3.2.
const AUTH_BYTES: usize = 16;

/// By what push services know this server.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct PushKey {
    /// For `applicationServerKey` of `PushManager.subscribe`: a point of P-256, uncompressed, in base64url.
    public_key: String,
}

/// What `PushSubscription.toJSON()` has in a browser. Other fields are not looked at.
#[derive(Deserialize, ToSchema)]
pub(super) struct Subscription {
    #[schema(max_length = 2048)]
    endpoint: String,
    keys: SubscriptionKeys,
}

/// With what the browser reads what it is told.
#[derive(Deserialize, ToSchema)]
pub(super) struct SubscriptionKeys {
    /// A point of P-256, uncompressed, in base64url.
    p256dh: String,
    /// 16 bytes in base64url.
    auth: String,
}

/// Which one.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Endpoint {
    endpoint: String,
}

fn push(shared: &Shared) -> Result<Push, ApiError> {
    let push = lock(&shared.push).clone();
    push.ok_or_else(|| {
        ApiError::new(
            StatusCode::NOT_FOUND,
            "no-push",
            "there is no Web Push here: it wants a data directory and url in the configuration",
        )
    })
}

/// Only who has an account here has any.
fn owner(shared: &Shared, caller: &Caller) -> Result<String, ApiError> {
    let name = &caller.rights.user;
    match caller.is_user() && shared.access.user(name).is_ok() {
        true => Ok(name.to_string()),
        false => Err(ApiError::not_permitted(
            "only users with an account of this server are told by Web Push",
        )),
    }
}

fn bad(detail: impl Into<Cow<'static, str>>) -> ApiError {
    ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "bad-value", detail)
}

/// Where the server would send what is for this browser: to a push service, not to what stands beside the server.
fn check_endpoint(text: &str, private: bool) -> Result<(), ApiError> {
    let url = Url::parse(text).ok();
    let url = url.filter(|url| text.len() <= MAX_ENDPOINT_BYTES && url.scheme() == "https");
    let url = url.filter(|url| url.username().is_empty() && url.password().is_none());
    let host = url.as_ref().and_then(Url::host);
    let host = host.ok_or_else(|| bad("endpoint is no https:// address of a push service"))?;
    let is_public = match host {
        Host::Ipv4(address) => is_public(address.into()),
        Host::Ipv6(address) => is_public(address.into()),
        // Looked at again once it is resolved.
        Host::Domain(name) => name.contains('.'),
    };
    match is_public || private {
        true => Ok(()),
        false => Err(bad(
            "endpoint is in a private network, which no push service is",
        )),
    }
}

fn has_bytes(text: &str, bytes: usize, begin: Option<u8>) -> bool {
    let read = BASE64_URL_SAFE_NO_PAD.decode(text.trim_end_matches('='));
    read.is_ok_and(|read| read.len() == bytes && begin.is_none_or(|begin| read[0] == begin))
}

/// The key for Web Push
///
/// With it a page asks its browser for a subscription.
#[utoipa::path(
    get, path = "/api/push", operation_id = "getPushKey", tag = "viewer",
    responses((status = 200, body = PushKey), (status = 404, description = "`no-push`"))
)]
pub(super) async fn key(
    State(shared): State<Arc<Shared>>,
    Person(_caller): Person,
) -> Result<Json<PushKey>, ApiError> {
    let public_key = push(&shared)?.public_key;
    Ok(Json(PushKey { public_key }))
}

/// Have this browser told of calls
///
/// Of one user's browsers the eight latest are told. To say the same again changes nothing; a page says it whenever it is
/// opened, since signing out everywhere and a new password end it. What comes is encrypted for the browser alone: docs/notify.md.
#[utoipa::path(
    post, path = "/api/me/push", operation_id = "addMyPush", tag = "viewer",
    request_body = Subscription,
    responses(
        (status = 204, description = "It is told"),
        (status = 403, description = "`not-permitted`"),
        (status = 404, description = "`no-push`"),
        (status = 422, description = "`bad-value`"),
    )
)]
pub(super) async fn add(
    State(shared): State<Arc<Shared>>,
    Person(caller): Person,
    Body(Subscription { endpoint, keys }): Body<Subscription>,
) -> Result<StatusCode, ApiError> {
    let user = owner(&shared, &caller)?;
    check_endpoint(&endpoint, push(&shared)?.to_private)?;
    if !has_bytes(&keys.p256dh, POINT_BYTES, Some(4)) {
        return Err(bad("keys.p256dh is no point of P-256 in base64url"));
    }
    if !has_bytes(&keys.auth, AUTH_BYTES, None) {
        return Err(bad("keys.auth is not 16 bytes in base64url"));
    }
    let (access, by) = (shared.access.clone(), caller.by());
    let subscription = PushSubscription {
        user,
        endpoint,
        p256dh: keys.p256dh,
        auth: keys.auth,
        created: by.at,
    };
    settled(async move { access.add_push(&by, subscription).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Have this browser told no more
#[utoipa::path(
    delete, path = "/api/me/push", operation_id = "removeMyPush", tag = "viewer",
    request_body = Endpoint,
    responses(
        (status = 204, description = "It is not"),
        (status = 403, description = "`not-permitted`"),
    )
)]
pub(super) async fn remove(
    State(shared): State<Arc<Shared>>,
    Person(caller): Person,
    Body(Endpoint { endpoint }): Body<Endpoint>,
) -> Result<StatusCode, ApiError> {
    let user = owner(&shared, &caller)?;
    let (access, by) = (shared.access.clone(), caller.by());
    let endpoint = SecretDigest::of(&endpoint);
    settled(async move { access.remove_push(&by, &user, &endpoint).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_a_public_address_by_https() {
        for good in [
            "https://fcm.googleapis.com/fcm/send/abc:def",
            "https://updates.push.services.mozilla.com/wpush/v2/x",
            "https://web.push.apple.com:443/x",
            "https://198.41.0.4/x",
        ] {
            assert!(check_endpoint(good, false).is_ok(), "{good}");
        }
        let long = format!("https://push.example/{}", "x".repeat(MAX_ENDPOINT_BYTES));
        for other in [
            "",
            "push",
            "http://push.example/x",
            "file:///etc/passwd",
            "https://user:secret@push.example/",
            "https://localhost/",
            "https://router/",
            "https://127.0.0.1/",
            "https://0x7f.1/",
            "https://2130706433/",
            "https://192.168.1.1:8443/",
            "https://169.254.169.254/latest",
            "https://[::1]/",
            "https://[::ffff:10.0.0.1]/",
            "https://[fd00::1]/",
            &long,
        ] {
            assert!(check_endpoint(other, false).is_err(), "{other}");
        }
        assert!(check_endpoint("https://127.0.0.1:1/", true).is_ok());
        assert!(check_endpoint("http://127.0.0.1:1/", true).is_err());
    }
}
