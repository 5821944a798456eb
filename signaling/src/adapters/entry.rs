// SPDX-License-Identifier: MPL-2.0
//! Who a foreign client is. It shows a credential with the connection, as our own do, or else with its first word, since the
//! guides that people followed have it there.

use std::net::IpAddr;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::Value;

use crate::auth::{Identity, identify};
use crate::error::ApiError;
use crate::state::Shared;
use crate::timings::Timings;

/// For a client to show who it is, and to say that it is there: as long as for two heads of requests, which is many round trips,
/// and too short to pile up in.
pub(super) fn first_word(timings: Timings) -> Duration {
    timings.header * 2
}

/// How a token is called in the query, and in what clients send.
const TOKEN: &str = "token";

/// Whom a request is from; `None` where it shows no credential, and none has to be.
pub(super) async fn at_the_door(
    shared: &Shared,
    headers: &HeaderMap,
    query: Option<&str>,
    peer: IpAddr,
) -> Result<Option<Identity>, ApiError> {
    let pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    let mut tokens = pairs
        .filter(|(key, _)| key == TOKEN)
        .map(|(_, token)| token);
    let shown = match tokens.next() {
        Some(token) if !headers.contains_key(header::AUTHORIZATION) => {
            by_token(shared, &token, peer).await
        }
        _ => identify(shared, headers, query, peer).await,
    };
    let is_by_header = headers.contains_key(header::AUTHORIZATION) || query.is_some_and(has_token);
    match shown {
        Ok(identity) => {
            identity.check_origin(headers, &shared.hosts)?;
            Ok(Some(identity))
        }
        // It may show one yet.
        Err(error) if error.status() == StatusCode::UNAUTHORIZED && !is_by_header => Ok(None),
        Err(error) => Err(error),
    }
}

fn has_token(query: &str) -> bool {
    form_urlencoded::parse(query.as_bytes()).any(|(key, _)| key == TOKEN || key == "access_token")
}

/// Whose token this is.
pub(super) async fn by_token(
    shared: &Shared,
    token: &str,
    peer: IpAddr,
) -> Result<Identity, ApiError> {
    let bearer = HeaderValue::try_from(format!("Bearer {token}"));
    let mut headers = HeaderMap::new();
    // What cannot stand in a header is nobody's token, and counts as one.
    let bearer = bearer.unwrap_or(HeaderValue::from_static("Bearer"));
    headers.insert(header::AUTHORIZATION, bearer);
    identify(shared, &headers, None, peer).await
}

/// The token in what a client says first.
pub(super) fn token_in(data: &Value) -> Option<&str> {
    let keys = [TOKEN, "access_token", "accessToken"];
    keys.iter().find_map(|key| data.get(key)?.as_str())
}
