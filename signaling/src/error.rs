// SPDX-License-Identifier: MPL-2.0
//! HTTP errors: JSON with a stable code and a sentence that says what to do.

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// When to try again after there were too many connections: some may have ended by then.
const CONNECTIONS_RETRY: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    /// Spelt like `wire::Code` where both mean the same.
    code: &'static str,
    message: &'static str,
    retry_after: Option<Duration>,
}

impl ApiError {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: &'static str) -> Self {
        Self {
            status,
            code,
            message,
            retry_after: None,
        }
    }

    pub(crate) fn unauthorized(message: &'static str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", message)
    }

    pub(crate) fn not_permitted(message: &'static str) -> Self {
        Self::new(StatusCode::FORBIDDEN, "not-permitted", message)
    }

    pub(crate) fn wrong_host() -> Self {
        let message = "this server does not answer to this host name: use its address, or set url or allowed-hosts \
                       in its configuration";
        Self::new(StatusCode::MISDIRECTED_REQUEST, "wrong-host", message)
    }

    pub(crate) fn too_many_connections() -> Self {
        let message = "there are too many connections from this address: close some pages, and try again later";
        let error = Self::new(StatusCode::TOO_MANY_REQUESTS, "too-many", message);
        Self {
            retry_after: Some(CONNECTIONS_RETRY),
            ..error
        }
    }

    pub(crate) fn too_many_failures(wait: Duration) -> Self {
        let message =
            "too many wrong credentials from this address: check the key or link, and wait";
        let error = Self::new(StatusCode::TOO_MANY_REQUESTS, "too-many", message);
        Self {
            retry_after: Some(wait),
            ..error
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = Json(json!({ "code": self.code, "message": self.message }));
        let mut response = (self.status, body).into_response();
        let headers = response.headers_mut();
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(wait) = self.retry_after {
            // Whole seconds, rounded up, as RFC 9110 has it.
            headers.insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs() + 1));
        }
        response
    }
}
