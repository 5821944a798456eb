// SPDX-License-Identifier: MPL-2.0
//! From a request to a WebSocket.

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use hyper::upgrade::OnUpgrade;
use tungstenite::handshake::server::create_response;

use crate::error::ApiError;

/// The answer that agrees to it, and the connection once that was sent.
pub(crate) fn upgrade(request: Request) -> Result<(Response, OnUpgrade), ApiError> {
    let (mut parts, _) = request.into_parts();
    let upgrade = parts.extensions.remove::<OnUpgrade>();
    let answer = create_response(&axum::http::Request::from_parts(parts, ())).ok();
    let (answer, upgrade) = answer.zip(upgrade).ok_or_else(ApiError::no_websocket)?;
    Ok((answer.map(|()| Body::empty()), upgrade))
}
