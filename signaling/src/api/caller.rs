// SPDX-License-Identifier: MPL-2.0
//! Who asks, and what for: extractors that answer with a problem document when something is not as it should be.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use utoipa::IntoParams;

use super::{DEFAULT_LIMIT, cookies};
use crate::access::{By, Known};
use crate::auth::identify;
use crate::control::OWNER;
use crate::error::ApiError;
use crate::model::Role;
use crate::qr;
use crate::registry::SecretDigest;
use crate::rights::{Cameras, Rights};
use crate::room::Principal;
use crate::state::{Connection, Shared};
use crate::store::MAX_ROWS;

/// Whoever asks, once it has shown who it is.
pub(super) struct Caller {
    pub(super) rights: Arc<Rights>,
    pub(super) role: Role,
    pub(super) connection: Connection,
    known: Known,
    is_guest: bool,
    /// Of a credential that is the cookie.
    cookie: Option<SecretDigest>,
}

/// A viewer or an administrator.
pub(super) struct Person(pub(super) Caller);

/// An administrator.
pub(super) struct Admin(pub(super) Caller);

impl Caller {
    /// Whoever may open the socket in the data directory could read the database as well.
    fn owner(connection: Connection) -> Self {
        Self {
            rights: Rights::always(OWNER, Cameras::All, &[], 0).into(),
            role: Role::Administrator,
            connection,
            known: Known::default(),
            is_guest: true,
            cookie: None,
        }
    }

    /// As whom it changes something.
    pub(super) fn by(&self) -> By {
        By::now(&self.rights.user)
    }

    /// What is known of the browser, with a cookie only if the caller was known by it.
    pub(super) fn known(&self) -> Known {
        Known {
            cookie: self.cookie,
            ..self.known.clone()
        }
    }

    /// Whether it is one person with an account.
    pub(super) fn is_user(&self) -> bool {
        !self.is_guest && !self.rights.shared
    }
}

impl FromRequestParts<Arc<Shared>> for Person {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, ApiError> {
        let connection = parts.extensions.get::<Connection>().cloned();
        let connection = connection.ok_or_else(ApiError::stuck)?;
        let headers = &parts.headers;
        if connection.is_owner {
            return Ok(Self(Caller::owner(connection)));
        }
        let identity = identify(shared, headers, None, connection.peer).await?;
        identity.check_request(&parts.method, headers, &shared.hosts)?;
        let (is_guest, by_cookie) = (identity.is_guest(), identity.is_by_cookie());
        let Principal::Viewer(rights) = identity.principal else {
            return Err(ApiError::not_permitted(
                "a camera's key is for its connection alone: use a user's link, or log in",
            ));
        };
        Ok(Self(Caller {
            rights,
            role: identity.role,
            known: cookies::known(shared, headers),
            connection,
            is_guest,
            cookie: identity.credential.filter(|_| by_cookie),
        }))
    }
}

impl FromRequestParts<Arc<Shared>> for Admin {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, ApiError> {
        let Person(caller) = Person::from_request_parts(parts, shared).await?;
        match caller.role {
            Role::Administrator => Ok(Self(caller)),
            Role::Viewer => Err(ApiError::not_permitted(
                "this is for administrators: log in as one",
            )),
        }
    }
}

/// The JSON in a request.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let Json(value) = Json::from_request(request, state).await.map_err(bad_body)?;
        Ok(Self(value))
    }
}

/// What is wrong with a body.
pub(super) fn bad_body(rejection: JsonRejection) -> ApiError {
    let code = match rejection.status() {
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "unsupported-media-type",
        StatusCode::PAYLOAD_TOO_LARGE => "too-large",
        StatusCode::UNPROCESSABLE_ENTITY => "bad-value",
        _ => "bad-json",
    };
    let text = rejection.body_text();
    // What is wrong stands behind it, and where.
    let text = text.strip_prefix(TARGET_TYPE).unwrap_or(&text).to_owned();
    ApiError::new(rejection.status(), code, text)
}

/// How a text about a value begins.
const TARGET_TYPE: &str = "Failed to deserialize the JSON body into the target type: ";

/// No name has it, and not every database takes it.
const NUL: &str = "there is a character in it that nothing has in its name";

/// What stands after `?`.
pub(super) struct Params<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        if parts.uri.query().is_some_and(|query| query.contains("%00")) {
            return Err(bad_query(NUL.to_owned()));
        }
        let query = Query::from_request_parts(parts, state).await;
        let bad = |rejection: QueryRejection| bad_query(rejection.body_text());
        let Query(value) = query.map_err(bad)?;
        Ok(Self(value))
    }
}

fn bad_query(detail: String) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, "bad-query", detail)
}

/// Whether a secret is to come as a picture as well.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct WithQr {
    /// Whether to answer with a QR code of the secret too: `qr`, an image as a `data:` address. It is absent of what is too long
    /// for one.
    #[serde(default)]
    #[param(required = false)]
    qr: bool,
}

impl WithQr {
    /// The picture of this, if it is wanted.
    pub(super) fn of(&self, text: &str) -> Option<String> {
        self.qr.then(|| qr::picture(text)).flatten()
    }
}

/// The part of the address that names something.
pub(super) struct Name(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for Name {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        let bad = |detail| ApiError::new(StatusCode::BAD_REQUEST, "bad-address", detail);
        match path {
            Ok(Path(name)) if name.contains('\0') => Err(bad(NUL.to_owned())),
            Ok(Path(name)) => Ok(Self(name)),
            Err(rejection) => Err(bad(rejection.body_text())),
        }
    }
}

/// Which part of a list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct CutParams {
    /// What comes after the entry of this key, as `next` said.
    after: Option<String>,
    /// So many entries at most.
    #[param(minimum = 1, maximum = 500, default = 100)]
    limit: Option<u32>,
    /// Those in whose names this is, in small letters or capitals.
    #[param(max_length = 100)]
    search: Option<String>,
}

/// The same, checked.
pub(super) struct Cut {
    pub(super) after: Option<String>,
    pub(super) limit: u32,
    /// In small letters.
    search: Option<String>,
}

/// Longest text that is searched for: the longest name.
const MAX_SEARCH_CHARS: usize = 100;

impl Cut {
    /// Whether something is searched for.
    pub(super) fn is_search(&self) -> bool {
        self.search.is_some()
    }

    /// Whether what is searched for is in any of these.
    pub(super) fn finds(&self, texts: &[&str]) -> bool {
        let search = self.search.as_ref();
        search.is_none_or(|search| {
            texts
                .iter()
                .any(|text| text.to_lowercase().contains(search))
        })
    }
}

impl Cut {
    /// So many items, and one to see whether there are more.
    pub(super) fn and_one(&self) -> usize {
        self.limit as usize + 1
    }

    pub(super) fn after(&self) -> Option<&str> {
        self.after.as_deref()
    }
}

impl CutParams {
    pub(super) fn check(self) -> Result<Cut, ApiError> {
        Ok(Cut {
            after: self.after,
            limit: limit(self.limit)?,
            search: search(self.search)?.map(|search| search.to_lowercase()),
        })
    }
}

/// What is searched for, if that is not too long; nothing is searched for by an empty text.
pub(super) fn search(search: Option<String>) -> Result<Option<String>, ApiError> {
    let search = search.filter(|search| !search.is_empty());
    match search.as_ref().map_or(0, |s| s.chars().count()) > MAX_SEARCH_CHARS {
        true => Err(bad_query(format!(
            "search has up to {MAX_SEARCH_CHARS} characters"
        ))),
        false => Ok(search),
    }
}

/// So many entries as were asked for, if that is a number that makes sense.
pub(super) fn limit(limit: Option<u32>) -> Result<u32, ApiError> {
    let limit = limit.unwrap_or(DEFAULT_LIMIT);
    match (1..=MAX_ROWS).contains(&limit) {
        true => Ok(limit),
        false => Err(bad_query(format!("limit is 1 to {MAX_ROWS}"))),
    }
}
