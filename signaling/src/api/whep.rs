// SPDX-License-Identifier: MPL-2.0
//! `/whep/{camera}`: what of WHEP (draft-ietf-wish-whep) is HTTP. Not part of the API: the draft describes it.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, FromRequest as _, Path, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{options, post};
use axum::{Extension, Router};
use porthole_protocol::limits::MAX_DESCRIPTION_BYTES;
use porthole_protocol::wire::{Code, IceServer};
use tokio::time::timeout;

use crate::auth::{Identity, identify, shows_token};
use crate::error::ApiError;
use crate::rights::{Rights, RightsId};
use crate::room::Principal;
use crate::state::{Connection, Shared, is_uncounted};
use crate::whep::{Address, Answered, Asked, Condition, NotFollowed, NotOpened, Refused, Whep};

const SDP: &str = "application/sdp";
const FRAGMENT: &str = "application/trickle-ice-sdpfrag";
const ACCEPT_PATCH: HeaderName = HeaderName::from_static("accept-patch");
const ACCEPT_POST: HeaderName = HeaderName::from_static("accept-post");

/// When to look again whether a camera is there: it connects within seconds of its start.
const OFFLINE_RETRY: Duration = Duration::from_secs(5);
/// When to ask again where there is no place: somebody may have left.
const FULL_RETRY: Duration = Duration::from_secs(10);

/// Where these are.
pub(crate) const PREFIX: &str = "/whep/";
/// Largest body there.
pub(crate) const MAX_BYTES: usize = MAX_DESCRIPTION_BYTES;

const ENDPOINT_METHODS: &str = "POST, OPTIONS";
const SESSION_METHODS: &str = "PATCH, DELETE, OPTIONS";
/// For pages, and with PATCH in them mediamtx sends its candidates.
const ALL_METHODS: &str = "POST, PATCH, DELETE, OPTIONS";

/// The routes, if WHEP is offered.
pub(crate) fn routes(shared: &Arc<Shared>) -> Router<Arc<Shared>> {
    let Some(whep) = &shared.whep else {
        return Router::new();
    };
    Router::new()
        .route("/whep/{camera}", post(open).options(ask))
        .route(
            "/whep/{camera}/{session}",
            options(ask_session).patch(trickle).delete(end),
        )
        .layer(DefaultBodyLimit::max(MAX_BYTES))
        .layer(from_fn_with_state(whep.clone(), share))
}

/// Lets pages of the configured origins read the answers.
async fn share(State(whep): State<Arc<Whep>>, request: Request, next: Next) -> Response {
    let origin = request.headers().get(header::ORIGIN).cloned();
    let mut response = next.run(request).await;
    let Some(allowed) = origin.and_then(|origin| allowed(&whep, &origin)) else {
        return response;
    };
    let fields = [
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed),
        (
            header::ACCESS_CONTROL_ALLOW_METHODS,
            HeaderValue::from_static(ALL_METHODS),
        ),
        (
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            HeaderValue::from_static("Authorization, Content-Type, If-Match"),
        ),
        (
            header::ACCESS_CONTROL_EXPOSE_HEADERS,
            HeaderValue::from_static("Location, Link, ETag, Accept-Patch, Retry-After"),
        ),
        (header::VARY, HeaderValue::from_static("Origin")),
    ];
    response.headers_mut().extend(fields);
    response
}

/// What `Access-Control-Allow-Origin` says for pages of this origin.
fn allowed(whep: &Whep, origin: &HeaderValue) -> Option<HeaderValue> {
    let origins = &whep.options.allow_origins;
    if origins.contains("*") {
        return Some(HeaderValue::from_static("*"));
    }
    let is_known = origin.to_str().is_ok_and(|origin| origins.contains(origin));
    is_known.then(|| origin.clone())
}

/// Who asks, which must be a viewer.
async fn viewer(
    shared: &Shared,
    whep: &Whep,
    headers: &HeaderMap,
    query: Option<&str>,
    connection: &Connection,
) -> Result<(Identity, Arc<Rights>), ApiError> {
    let identity = identify(shared, headers, query, connection.peer).await?;
    // A cookie counts on our own pages alone, whoever else may ask.
    let origin = headers.get(header::ORIGIN);
    let is_allowed = origin.is_some_and(|origin| allowed(whep, origin).is_some());
    if identity.is_by_cookie() || !is_allowed {
        identity.check_origin(headers, &shared.hosts)?;
    }
    match &identity.principal {
        Principal::Viewer(rights) => {
            let rights = rights.clone();
            Ok((identity, rights))
        }
        Principal::Camera { .. } => Err(ApiError::not_permitted("a camera's key watches nothing")),
    }
}

fn offered(shared: &Shared) -> Result<&Arc<Whep>, ApiError> {
    shared.whep.as_ref().ok_or_else(ApiError::stuck)
}

async fn open(
    State(shared): State<Arc<Shared>>,
    Extension(connection): Extension<Connection>,
    Path(camera): Path<String>,
    request: Request,
) -> Result<Response, ApiError> {
    let whep = offered(&shared)?;
    let (parts, body) = request.into_parts();
    let query = parts.uri.query();
    let (identity, rights) = viewer(&shared, whep, &parts.headers, query, &connection).await?;
    if !shared.hub.admits().await {
        return Err(ApiError::stuck());
    }
    check_type(&parts.headers, SDP)?;
    let offer = text(&shared, Request::from_parts(parts, body)).await?;
    if !offer.starts_with("v=0") {
        let message = "the body is no session description: send an offer (SDP)";
        return Err(ApiError::new(
            StatusCode::BAD_REQUEST,
            "bad-description",
            message,
        ));
    }
    let counted = !is_uncounted(connection.peer, &shared.trusted_proxies);
    let of_address = counted.then(|| shared.sockets.take(connection.peer));
    let place = match of_address {
        Some(None) => return Err(ApiError::too_many_connections()),
        place => place.flatten(),
    };
    let asked = Asked {
        rights,
        credential: identity.credential,
        login: identity.login,
        address: connection.peer,
        camera: camera.clone(),
        offer,
    };
    let answered = whep
        .open(&shared.hub, asked, shared.timings.answer, place)
        .await;
    Ok(created(&shared, &camera, answered.map_err(not_opened)?))
}

fn created(shared: &Shared, camera: &str, answered: Answered) -> Response {
    let Answered { id, tag, opened } = answered;
    // A proxy takes its folder off.
    let folder = shared.url.as_ref().map_or("", |url| url.path());
    let folder = folder.trim_end_matches('/');
    let mut response = (StatusCode::CREATED, Body::from(opened.answer)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(SDP));
    headers.insert(ACCEPT_PATCH, HeaderValue::from_static(FRAGMENT));
    let location = format!("{folder}{PREFIX}{camera}/{id}");
    for (name, value) in [
        (header::LOCATION, location),
        (header::ETAG, format!("\"{tag}\"")),
    ] {
        if let Ok(value) = value.parse() {
            headers.insert(name, value);
        }
    }
    link(headers, &opened.ice_servers);
    response
}

/// Names STUN and TURN servers as RFC 9725 (4.6) has it.
fn link(headers: &mut HeaderMap, servers: &[IceServer]) {
    for server in servers {
        for url in &server.urls {
            let mut value = format!("<{url}>; rel=\"ice-server\"");
            let (username, credential) = (&server.username, &server.credential);
            if let (Some(username), Some(credential)) = (username, credential) {
                let [username, credential] = [username, credential].map(|text| quoted(text));
                value += &format!(
                    "; username={username}; credential={credential}; credential-type=\"password\""
                );
            }
            if let Ok(mut value) = value.parse::<HeaderValue>() {
                // It has a password in it.
                value.set_sensitive(true);
                headers.append(header::LINK, value);
            }
        }
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

async fn ask(
    State(shared): State<Arc<Shared>>,
    Extension(connection): Extension<Connection>,
    request: Request,
) -> Response {
    let mut response = methods(ENDPOINT_METHODS);
    response
        .headers_mut()
        .insert(ACCEPT_POST, HeaderValue::from_static(SDP));
    // A browser asks first whether it may ask, and shows nobody then. Who is let in hears of the servers before its offer.
    let (headers, query) = (request.headers(), request.uri().query());
    if shows_token(headers, query)
        && let Ok(whep) = offered(&shared)
        && viewer(&shared, whep, headers, query, &connection)
            .await
            .is_ok()
    {
        link(response.headers_mut(), shared.ice.fixed());
    }
    response
}

async fn ask_session() -> Response {
    let mut response = methods(SESSION_METHODS);
    let fragment = HeaderValue::from_static(FRAGMENT);
    response.headers_mut().insert(ACCEPT_PATCH, fragment);
    response
}

fn methods(allow: &'static str) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let allow = HeaderValue::from_static(allow);
    response.headers_mut().insert(header::ALLOW, allow);
    response
}

/// Who asks about a session, if it shows that.
async fn owner(
    shared: &Shared,
    whep: &Whep,
    headers: &HeaderMap,
    query: Option<&str>,
    connection: &Connection,
) -> Result<Option<RightsId>, ApiError> {
    if !shows_token(headers, query) {
        return Ok(None);
    }
    let (_, rights) = viewer(shared, whep, headers, query, connection).await?;
    Ok(Some(rights.id()))
}

async fn trickle(
    State(shared): State<Arc<Shared>>,
    Extension(connection): Extension<Connection>,
    Path((camera, id)): Path<(String, String)>,
    request: Request,
) -> Result<Response, ApiError> {
    let whep = offered(&shared)?;
    let (headers, query) = (request.headers(), request.uri().query());
    let who = owner(&shared, whep, headers, query, &connection).await?;
    check_type(request.headers(), FRAGMENT)?;
    let condition = request.headers().get(header::IF_MATCH).cloned();
    let fragment = text(&shared, request).await?;
    let condition = condition.as_ref().map(|value| value.to_str().unwrap_or(""));
    let condition = match condition {
        None => Condition::None,
        Some("*") => Condition::Any,
        Some(tags) => Condition::Tags(tags),
    };
    let address = Address {
        camera: &camera,
        id: &id,
        who: who.as_ref(),
    };
    let taken = whep.trickle(address, condition, &fragment).await;
    taken.map_err(not_followed)?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn end(
    State(shared): State<Arc<Shared>>,
    Extension(connection): Extension<Connection>,
    Path((camera, id)): Path<(String, String)>,
    request: Request,
) -> Result<Response, ApiError> {
    let whep = offered(&shared)?;
    let (headers, query) = (request.headers(), request.uri().query());
    let who = owner(&shared, whep, headers, query, &connection).await?;
    let address = Address {
        camera: &camera,
        id: &id,
        who: who.as_ref(),
    };
    whep.end(address).await.map_err(not_followed)?;
    Ok(StatusCode::OK.into_response())
}

fn check_type(headers: &HeaderMap, wanted: &'static str) -> Result<(), ApiError> {
    let sent = headers.get(header::CONTENT_TYPE);
    let sent = sent.and_then(|value| value.to_str().ok()?.split(';').next());
    if sent.is_some_and(|sent| sent.trim().eq_ignore_ascii_case(wanted)) {
        return Ok(());
    }
    let message = format!("this address takes the content type {wanted}");
    Err(ApiError::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "bad-type",
        message,
    ))
}

/// The body as text, as long as it comes in time.
async fn text(shared: &Shared, request: Request) -> Result<String, ApiError> {
    let body = timeout(shared.timings.header, Bytes::from_request(request, &()));
    let Ok(body) = body.await else {
        let message = "the request body did not come in time";
        return Err(ApiError::new(
            StatusCode::REQUEST_TIMEOUT,
            "too-slow",
            message,
        ));
    };
    let body = body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            let message = "the request body is larger than 24 KiB: offer fewer codecs";
            ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", message)
        }
        _ => bad_text(),
    })?;
    String::from_utf8(body.into()).map_err(|_| bad_text())
}

fn bad_text() -> ApiError {
    let message = "the request body is no text";
    ApiError::new(StatusCode::BAD_REQUEST, "bad-description", message)
}

fn not_opened(error: NotOpened) -> ApiError {
    let Refused {
        code,
        details,
        next,
    } = match error {
        NotOpened::Refused(refused) => refused,
        NotOpened::Silent => {
            let message = "the camera does not answer: try again later";
            let error = ApiError::new(StatusCode::GATEWAY_TIMEOUT, "no-answer", message);
            return error.after(OFFLINE_RETRY);
        }
        NotOpened::Stuck => return ApiError::stuck(),
    };
    use StatusCode as S;
    let (status, name, retry) = match code {
        Code::Unauthorized => (S::UNAUTHORIZED, "unauthorized", None),
        Code::NoSuchCamera => (S::NOT_FOUND, "no-such-camera", None),
        // The draft's word for what cannot be watched yet.
        Code::CameraOffline => (S::CONFLICT, "camera-offline", Some(OFFLINE_RETRY)),
        Code::CameraGone => (S::CONFLICT, "camera-gone", Some(OFFLINE_RETRY)),
        Code::CameraFull => (S::SERVICE_UNAVAILABLE, "camera-full", Some(FULL_RETRY)),
        Code::TooMany => (S::SERVICE_UNAVAILABLE, "too-many", Some(FULL_RETRY)),
        Code::MediaFailed => (S::SERVICE_UNAVAILABLE, "media-failed", Some(FULL_RETRY)),
        Code::NoBooking => (S::FORBIDDEN, "no-booking", None),
        Code::LeaseEnded => (S::FORBIDDEN, "lease-ended", None),
        Code::Revoked => (S::FORBIDDEN, "revoked", None),
        Code::GrantRefused => (S::FORBIDDEN, "grant-refused", None),
        Code::NotPermitted => (S::FORBIDDEN, "not-permitted", None),
        Code::TooLarge => (S::PAYLOAD_TOO_LARGE, "too-large", None),
        Code::BadDescription => (S::UNPROCESSABLE_ENTITY, "bad-description", None),
        Code::OfferRefused => (S::UNPROCESSABLE_ENTITY, "offer-refused", None),
        Code::BadMessage => (S::BAD_REQUEST, "bad-message", None),
        _ => return ApiError::stuck(),
    };
    let details = match (details.is_empty(), code) {
        (false, _) => details,
        (true, Code::BadDescription) => "the camera cannot work with this offer".to_owned(),
        (true, Code::OfferRefused) => {
            "the camera sends none of the codecs in this offer".to_owned()
        }
        (true, Code::CameraFull) => "the camera has as many viewers as it takes".to_owned(),
        (true, _) => "the camera does not show this".to_owned(),
    };
    let error = ApiError::new(status, name, details);
    let error = match retry {
        Some(wait) => error.after(wait),
        None => error,
    };
    match next {
        Some(next) => error.with("next_booking", next),
        None => error,
    }
}

fn not_followed(error: NotFollowed) -> ApiError {
    use StatusCode as S;
    let (status, code, message) = match error {
        NotFollowed::TooMany(wait) => return ApiError::too_many_requests(wait),
        NotFollowed::Stuck => return ApiError::stuck(),
        NotFollowed::NoSuchSession => (
            S::NOT_FOUND,
            "no-such-session",
            "there is no such session of yours: it may have ended",
        ),
        NotFollowed::NoTag => (
            S::PRECONDITION_REQUIRED,
            "no-tag",
            "say in If-Match what ETag was in the answer",
        ),
        NotFollowed::OtherTag => (
            S::PRECONDITION_FAILED,
            "other-tag",
            "this is about an ICE session that is not the present one",
        ),
        NotFollowed::Restart => (
            S::UNPROCESSABLE_ENTITY,
            "no-restart",
            "ICE does not start again here: ask for another session",
        ),
        NotFollowed::NoSuchMedia => (
            S::BAD_REQUEST,
            "no-such-media",
            "the offer has no media line with this mid",
        ),
        NotFollowed::NoFragment => (
            S::BAD_REQUEST,
            "bad-fragment",
            "the request body is no fragment of a description (RFC 8840)",
        ),
    };
    ApiError::new(status, code, message)
}
