// SPDX-License-Identifier: MPL-2.0
//! The REST API: one file a resource. Each route says in its tag who may use it, and its description is made from
//! the code.

mod audit;
mod bookings;
mod caller;
mod calls;
mod cameras;
mod cookies;
mod doc;
mod import;
mod login;
mod me;
mod nodes;
#[cfg(feature = "notify")]
mod notify;
mod openid;
mod overview;
mod own_bookings;
mod passkeys;
mod push;
mod self_booking;
mod sessions;
mod shares;
mod snapshots;
mod status;
mod users;
pub(crate) mod whep;

pub(crate) use import::MAX_IMPORT_BYTES;
pub(crate) use status::open_metrics;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use porthole_protocol::ring::MAX_SNAPSHOT_BYTES;
use serde::Serialize;
use tokio::time::timeout;
use utoipa::ToSchema;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouterExt as _};
use utoipa_axum::routes;

use crate::access::AccessError;
use crate::error::ApiError;
use crate::state::Shared;

/// For a change to be on the disk, and for passwords before it in the queue. Beyond it something is broken; what was
/// begun is finished nevertheless.
const CHANGE_TIMEOUT: Duration = Duration::from_secs(15);
/// For the hub to answer. It takes microseconds for what is before it in its queue.
const HUB_TIMEOUT: Duration = Duration::from_secs(2);
/// Entries of a list for whoever does not say how many.
const DEFAULT_LIMIT: u32 = 100;

/// Where the first version of the API is, which is at `/api` as well.
pub(crate) const VERSION: &str = "/api/v1";

/// Where a body may be large.
pub(crate) const IMPORT: &str = "/api/import";

/// The largest body that a path of a snapshot takes; `None` for other paths.
pub(crate) fn snapshot_bytes(path: &str) -> Option<usize> {
    let (_, ring) = path.strip_prefix("/api/cameras/")?.split_once('/')?;
    ring.starts_with("snapshots/").then_some(MAX_SNAPSHOT_BYTES)
}

/// The routes under their addresses.
pub(crate) fn routes(shared: &Arc<Shared>) -> Router<Arc<Shared>> {
    let documented = documented();
    #[cfg(feature = "notify")]
    let documented = documented.routes(routes!(notify::test));
    let (router, api) = documented.split_for_parts();
    let rotated = router.layer(from_fn_with_state(shared.clone(), cookies::rotate));
    rotated.merge(doc::routes(doc::finish(api)))
}

fn documented() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::with_openapi(doc::base())
        .routes(routes!(login::log_in, login::log_out))
        .routes(routes!(openid::begin))
        .routes(routes!(openid::finish))
        .routes(routes!(status::config))
        .routes(routes!(me::me))
        .routes(routes!(me::ice_servers))
        .routes(routes!(me::change_password))
        .routes(routes!(own_bookings::offer))
        .routes(routes!(own_bookings::free_busy))
        .routes(routes!(own_bookings::book))
        .routes(routes!(own_bookings::cancel))
        .routes(routes!(own_bookings::read_feed))
        .routes(routes!(
            own_bookings::feed,
            own_bookings::make_feed,
            own_bookings::remove_feed
        ))
        .routes(routes!(passkeys::list, passkeys::add))
        .routes(routes!(passkeys::begin))
        .routes(routes!(passkeys::rename, passkeys::remove))
        .routes(routes!(push::key))
        .routes(routes!(push::add, push::remove))
        .routes(routes!(users::list, users::add))
        .routes(routes!(users::get, users::change, users::remove))
        .routes(routes!(users::sign_out))
        .routes(routes!(users::token))
        .routes(routes!(users::reset_second_factor))
        .routes(routes!(cameras::list, cameras::add))
        .routes(routes!(cameras::get, cameras::change, cameras::remove))
        .routes(routes!(cameras::rotate))
        .routes(routes!(calls::ring))
        .routes(routes!(snapshots::put).layer(DefaultBodyLimit::max(MAX_SNAPSHOT_BYTES)))
        .routes(routes!(calls::list))
        .routes(routes!(calls::decline))
        .routes(routes!(snapshots::show))
        .routes(routes!(bookings::list, bookings::add))
        .routes(routes!(bookings::get, bookings::change, bookings::remove))
        .routes(routes!(bookings::calendar))
        .routes(routes!(self_booking::list, self_booking::add))
        .routes(routes!(self_booking::change, self_booking::remove))
        .routes(routes!(import::import).layer(DefaultBodyLimit::max(MAX_IMPORT_BYTES)))
        .routes(routes!(shares::list, shares::add))
        .routes(routes!(shares::get, shares::remove))
        .routes(routes!(shares::rotate))
        .routes(routes!(shares::restore))
        .routes(routes!(sessions::list))
        .routes(routes!(sessions::end))
        .routes(routes!(nodes::list))
        .routes(routes!(nodes::drain))
        .routes(routes!(audit::list))
        .routes(routes!(overview::show))
        .routes(routes!(status::health))
        .routes(routes!(status::ready))
        .routes(routes!(status::metrics))
}

/// Runs a change to its end, whatever becomes of whoever asked: half a change would be in the database and not in
/// memory.
async fn settled<T: Send + 'static>(
    change: impl Future<Output = Result<T, AccessError>> + Send + 'static,
) -> Result<T, ApiError> {
    Ok(tried(change).await??)
}

/// The same, for those who tell its errors apart.
async fn tried<T: Send + 'static>(
    change: impl Future<Output = Result<T, AccessError>> + Send + 'static,
) -> Result<Result<T, AccessError>, ApiError> {
    // Boxed: each kind of future has all of tokio's code for a task compiled anew, and there are thirty kinds of changes.
    let change: Pin<Box<dyn Future<Output = _> + Send>> = Box::pin(change);
    match timeout(CHANGE_TIMEOUT, tokio::spawn(change)).await {
        Ok(Ok(result)) => Ok(result),
        Ok(Err(_)) | Err(_) => Err(ApiError::stuck()),
    }
}

/// A part of a list.
#[derive(Serialize, ToSchema)]
struct Page<T> {
    items: Vec<T>,
    /// Ask for what comes `after` this for the next part; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

impl<T> Page<T> {
    /// A part of a list, of which one item more than fits was asked for, to see whether there is one.
    fn of<U>(
        mut items: Vec<U>,
        cut: &caller::Cut,
        key: impl Fn(&U) -> String,
        view: impl Fn(U) -> T,
    ) -> Self {
        let more = items.len() >= cut.and_one();
        items.truncate(cut.limit as usize);
        let next = items.last().filter(|_| more).map(&key);
        Self {
            items: items.into_iter().map(view).collect(),
            next,
        }
    }
}

/// What a viewer may do in a session.
#[derive(ToSchema)]
#[schema(as = Permission, rename_all = "kebab-case")]
#[expect(dead_code, reason = "only its description is used")]
enum Permission {
    View,
    Listen,
    Talk,
    Control,
    Door,
}
