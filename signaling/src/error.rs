// SPDX-License-Identifier: MPL-2.0
//! HTTP errors: problem documents (RFC 9457) with a stable code and a sentence that says what to do.

use std::borrow::Cow;
use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::access::{AccessError, Ceremony};
use crate::backend::TokenError;

/// When to try again after there were too many connections: some may have ended by then.
const CONNECTIONS_RETRY: Duration = Duration::from_secs(10);
/// When to try again what could not be done at this moment.
const SOON: Duration = Duration::from_secs(2);
/// Longest detail, in characters: it may quote what was sent.
const MAX_DETAIL_CHARS: usize = 300;

/// Why a request was not followed.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "type": "about:blank",
    "title": "Conflict",
    "status": 409,
    "detail": "control of this camera is booked from 2026-12-01T10:00:00Z to 2026-12-01T11:00:00Z: choose another time",
    "code": "control-taken",
    "message": "control of this camera is booked from 2026-12-01T10:00:00Z to 2026-12-01T11:00:00Z: choose another time",
    "start": "2026-12-01T10:00:00Z",
    "end": "2026-12-01T11:00:00Z",
}))]
pub(crate) struct Problem {
    /// Always `about:blank`: the code says more.
    #[serde(rename = "type")]
    kind: &'static str,
    /// What the status means.
    title: &'static str,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// A sentence that says what to do.
    detail: String,
    /// Stable, in kebab-case.
    #[schema(pattern = "^[a-z-]+$")]
    code: &'static str,
    /// The same as `detail`.
    message: String,
    /// What else there is to say: `start` and `end` with `control-taken`, `opens` with `link-not-yet`,
    /// `secret`, `link`, `qr` and `enrolment` with `second-factor-needed`, `app` with `code-needed`, and `passkey` with both
    /// where there can be one: `options` for the browser, and the `challenge` that goes back with its answer.
    #[serde(flatten)]
    #[schema(inline, value_type = Object)]
    more: Map<String, Value>,
}

#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    /// Spelt like `wire::Code` where both mean the same.
    code: &'static str,
    detail: Cow<'static, str>,
    retry_after: Option<Duration>,
    more: Map<String, Value>,
}

impl ApiError {
    pub(crate) fn new(
        status: StatusCode,
        code: &'static str,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            status,
            code,
            detail: detail.into(),
            retry_after: None,
            more: Map::new(),
        }
    }

    pub(crate) fn unauthorized(message: &'static str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", message)
    }

    /// A token that the backend has signed, and that is not good here or now.
    pub(crate) fn token_refused(why: &TokenError) -> Self {
        let (code, what) = match why {
            TokenError::Expired => ("token-expired", "sign in again where it is from"),
            TokenError::NotYet => ("token-not-yet", "look whether the clocks agree"),
            _ => (
                "token-refused",
                "it is signed by the service that is configured here, which has to make it another way",
            ),
        };
        let detail = format!("the token is not taken: {why}; {what}");
        Self::new(StatusCode::UNAUTHORIZED, code, detail)
    }

    pub(crate) fn credential_too_large(most: usize) -> Self {
        let detail = format!("the credential has more than {most} bytes");
        let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        Self::new(status, "credential-too-large", detail)
    }

    pub(crate) fn not_permitted(message: &'static str) -> Self {
        Self::new(StatusCode::FORBIDDEN, "not-permitted", message)
    }

    pub(crate) fn wrong_host() -> Self {
        let message = "this server does not answer to this host name: use its address, or set url or allowed-hosts \
                       in its configuration";
        Self::new(StatusCode::MISDIRECTED_REQUEST, "wrong-host", message)
    }

    pub(crate) fn backend_unavailable() -> Self {
        let message = "the service that knows you does not answer: try again later";
        let error = Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "backend-unavailable",
            message,
        );
        Self {
            retry_after: Some(CONNECTIONS_RETRY),
            ..error
        }
    }

    pub(crate) fn too_many_rows(most: usize) -> Self {
        let detail = format!("these are more than {most} at once: import them in parts");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", detail)
    }

    pub(crate) fn no_url() -> Self {
        let message = "the server does not know where it is reached from outside: set url in its configuration";
        Self::new(StatusCode::CONFLICT, "no-url", message)
    }

    pub(crate) fn no_websocket() -> Self {
        let message = "this address speaks WebSocket (RFC 6455) only";
        Self::new(StatusCode::UPGRADE_REQUIRED, "bad-message", message)
    }

    pub(crate) fn too_many_connections() -> Self {
        let message = "there are too many connections from this address: close some pages, and try again later";
        let error = Self::new(StatusCode::TOO_MANY_REQUESTS, "too-many", message);
        error.after(CONNECTIONS_RETRY)
    }

    pub(crate) fn too_many_requests(wait: Duration) -> Self {
        let message = "there are too many requests from this address: wait a moment";
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too-many", message).after(wait)
    }

    pub(crate) fn too_many_failures(wait: Duration) -> Self {
        let message =
            "too many wrong credentials from this address: check the key or link, and wait";
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too-many", message).after(wait)
    }

    /// A part of the server did not answer in time.
    pub(crate) fn stuck() -> Self {
        let message = "the server did not answer in time: try again";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "not-ready", message).after(SOON)
    }

    /// What the error is called and what it says.
    #[cfg(feature = "adapters")]
    pub(crate) fn words(&self) -> (&'static str, &str) {
        (self.code, &self.detail)
    }

    /// The same as it stands in an event.
    #[cfg(feature = "adapters")]
    pub(crate) fn as_event(&self) -> Value {
        json!({"code": self.code, "message": self.detail})
    }

    #[cfg(feature = "adapters")]
    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// Sessions of Socket.IO in all.
    #[cfg(feature = "adapters")]
    pub(crate) fn too_many_sessions() -> Self {
        let message = "the server is full: try again later";
        let error = Self::new(StatusCode::SERVICE_UNAVAILABLE, "too-many", message);
        error.after(CONNECTIONS_RETRY)
    }

    pub(crate) fn after(self, wait: Duration) -> Self {
        Self {
            retry_after: Some(wait),
            ..self
        }
    }

    pub(crate) fn with(mut self, name: &str, value: impl Serialize) -> Self {
        self.more.insert(name.to_owned(), json!(value));
        self
    }

    fn with_passkey(self, ceremony: Option<&Ceremony>) -> Self {
        match ceremony {
            Some(Ceremony { options, challenge }) => self.with(
                "passkey",
                json!({ "options": options, "challenge": challenge }),
            ),
            None => self,
        }
    }

    /// The same for a user who is logged in and typed the own password wrong: that log-in is fine.
    pub(crate) fn of_own_password(error: AccessError) -> Self {
        let forbidden = matches!(
            error,
            AccessError::WrongPassword | AccessError::WrongPasskey
        );
        let mut error = Self::from(error);
        if forbidden {
            error.status = StatusCode::FORBIDDEN;
        }
        error
    }
}

impl From<AccessError> for ApiError {
    fn from(error: AccessError) -> Self {
        use crate::self_booking::SelfBookingRefused as R;
        use AccessError as E;
        use StatusCode as S;
        let (status, code) = match &error {
            E::NoDatabase => (S::CONFLICT, "no-database"),
            E::Exists(_) => (S::CONFLICT, "exists"),
            E::IdTaken(_) => (S::CONFLICT, "id-taken"),
            E::NotFound(_) => (S::NOT_FOUND, "not-found"),
            E::NoSuch("camera") => (S::UNPROCESSABLE_ENTITY, "no-such-camera"),
            E::NoSuch(_) => (S::UNPROCESSABLE_ENTITY, "no-such-user"),
            E::InTheFile => (S::CONFLICT, "in-file"),
            E::BadName(_) => (S::UNPROCESSABLE_ENTITY, "bad-name"),
            E::BadWindow(_) => (S::UNPROCESSABLE_ENTITY, "bad-window"),
            E::BadRule(_) => (S::UNPROCESSABLE_ENTITY, "bad-rule"),
            E::BadValue(_) => (S::UNPROCESSABLE_ENTITY, "bad-value"),
            E::WeakPassword(_) => (S::UNPROCESSABLE_ENTITY, "weak-password"),
            E::ControlTaken(_) => (S::CONFLICT, "control-taken"),
            E::SelfBooking(R::NotYours | R::Permissions) => (S::FORBIDDEN, "not-permitted"),
            E::SelfBooking(R::WeekFull(_)) => (S::CONFLICT, "week-full"),
            E::SelfBooking(R::TooMany) => (S::CONFLICT, "too-many"),
            E::SelfBooking(_) => (S::UNPROCESSABLE_ENTITY, "bad-window"),
            E::LastAdministrator => (S::CONFLICT, "last-administrator"),
            E::TooManyCameras(_) => (S::CONFLICT, "too-many"),
            E::WrongPassword | E::WrongSecret => (S::UNAUTHORIZED, "wrong-credentials"),
            E::CodeNeeded(_) => (S::UNAUTHORIZED, "code-needed"),
            E::WrongPasskey => (S::UNAUTHORIZED, "wrong-passkey"),
            E::ChallengeOver => (S::FORBIDDEN, "challenge-over"),
            E::NoPasskeys(_) => (S::CONFLICT, "no-passkeys"),
            E::TooManyPasskeys(_) => (S::CONFLICT, "too-many"),
            E::LogInAgain => (S::FORBIDDEN, "log-in-again"),
            E::LastSecondFactor => (S::CONFLICT, "last-second-factor"),
            E::WrongCode => (S::UNAUTHORIZED, "wrong-code"),
            E::EnrolmentNeeded(_) => (S::FORBIDDEN, "second-factor-needed"),
            E::EnrolmentOver => (S::FORBIDDEN, "enrolment-over"),
            E::SecondFactorLost => (S::CONFLICT, "second-factor-lost"),
            E::LinkWithoutCode => (S::FORBIDDEN, "not-permitted"),
            E::LinkSpent => (S::GONE, "link-spent"),
            E::CallElsewhere => (S::CONFLICT, "call-elsewhere"),
            E::LinkNotYet(_) => (S::FORBIDDEN, "link-not-yet"),
            E::TooMany(_) => (S::TOO_MANY_REQUESTS, "too-many"),
            E::Busy => (S::SERVICE_UNAVAILABLE, "busy"),
            E::Database => (S::SERVICE_UNAVAILABLE, "database"),
        };
        let problem = Self::new(status, code, error.to_string());
        match error {
            E::ControlTaken(window) => problem.with("start", window.start).with("end", window.end),
            E::SelfBooking(R::TooFar(latest)) => problem.with("latest", latest),
            E::SelfBooking(R::TooLong(longest)) => problem.with("longest", longest.as_secs()),
            E::SelfBooking(R::WeekFull(left)) => problem.with("left", left.as_secs()),
            E::LinkNotYet(opens) => problem.with("opens", opens),
            E::EnrolmentNeeded(enrolment) => problem
                .with("secret", &enrolment.secret)
                .with("link", &enrolment.link)
                .with("qr", &enrolment.qr)
                .with("enrolment", &enrolment.sealed)
                .with_passkey(enrolment.passkey.as_ref()),
            E::CodeNeeded(asked) => problem
                .with("app", asked.app)
                .with_passkey(asked.passkey.as_ref()),
            E::TooMany(wait) => problem.after(wait),
            E::Busy | E::Database => problem.after(SOON),
            _ => problem,
        }
    }
}

/// What an answer says is wrong, for who would rather read a page than JSON.
#[derive(Clone)]
pub(crate) struct Said(pub(crate) String);

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let detail: String = self.detail.chars().take(MAX_DETAIL_CHARS).collect();
        let problem = Problem {
            kind: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            message: detail.clone(),
            detail,
            code: self.code,
            more: self.more,
        };
        let said = Said(problem.detail.clone());
        let mut response = (self.status, Json(problem)).into_response();
        response.extensions_mut().insert(said);
        let headers = response.headers_mut();
        let json = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, json);
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
