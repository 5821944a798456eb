// SPDX-License-Identifier: MPL-2.0
//! The description of the API (OpenAPI 3.1), and the page that shows it.

use std::sync::Arc;

use axum::Router;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::routing::get;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{Content, OpenApi, Ref, RefOr, Response};
use utoipa::{OpenApi as _, ToSchema as _};

use super::VERSION;
use crate::asset::Asset;
use crate::error::Problem;
use crate::files::DOCS;
use crate::state::Shared;

/// On the page that shows the description: it needs no more than its own script and style.
const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; \
                   form-action 'none'; frame-ancestors 'none'";

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Porthole",
        description = "Who may look through which camera, and when. Times are RFC 3339 with any offset in a request \
                       and UTC in an answer. A request that is not followed is answered with a problem document \
                       (RFC 9457) whose `code` is stable. What is at /api/v1 is at /api as well, for those who came \
                       before there were versions. Within a version, fields and codes are added and none is taken away.",
    ),
    tags(
        (name = "anyone", description = "For anyone who reaches the server"),
        (name = "viewer", description = "For whoever is logged in"),
        (name = "administrator", description = "For administrators"),
        (name = "camera", description = "For a camera itself, with the secret in its key as bearer token"),
    ),
    components(schemas(Problem))
)]
struct Base;

/// The description before any route is in it.
pub(super) fn base() -> OpenApi {
    let mut api = Base::openapi();
    let components = api.components.get_or_insert_default();
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer);
    let bearer = bearer
        .description(Some("The token of a personal link"))
        .build();
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    let cookie = "The cookie of a log-in, called porthole- and the server's port, behind __Host- by HTTPS. On requests that change something it \
                  counts only for the server's own pages";
    let cookie = ApiKeyValue::with_description("porthole-8080", cookie);
    components.add_security_scheme("cookie", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
    api
}

/// Adds to each route what holds for all: how one shows who one is, and what a problem looks like.
pub(super) fn finish(mut api: OpenApi) -> OpenApi {
    let paths = std::mem::take(&mut api.paths.paths);
    for (path, mut item) in paths {
        for operation in operations(&mut item) {
            complete(operation);
        }
        let path = match path.strip_prefix("/api/") {
            Some(rest) => format!("{VERSION}/{rest}"),
            None => path,
        };
        api.paths.paths.insert(path, item);
    }
    api
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let PathItem {
        get,
        put,
        post,
        delete,
        patch,
        ..
    } = item;
    [get, put, post, delete, patch].into_iter().flatten()
}

fn complete(operation: &mut Operation) {
    let restricted = |tag: &String| tag != "anyone";
    if operation.tags.iter().flatten().any(restricted) {
        let ways = ["bearer", "cookie"];
        let ways = ways.map(|way| SecurityRequirement::new(way, Vec::<String>::new()));
        operation.security = Some(ways.to_vec());
    }
    let any = Response::new("Something else is wrong: see `code`");
    let responses = &mut operation.responses.responses;
    responses.insert("default".to_owned(), RefOr::T(any));
    for (status, response) in responses {
        if let RefOr::T(response) = response
            && response.content.is_empty()
            && (status == "default" || status.starts_with(['4', '5']))
        {
            let problem = Content::new(Some(Ref::from_schema_name(Problem::name())));
            let kind = "application/problem+json".to_owned();
            response.content.insert(kind, RefOr::T(problem));
        }
    }
}

/// The description, and the page that shows it.
pub(super) fn routes(api: OpenApi) -> Router<Arc<Shared>> {
    let text: Arc<str> = api.to_json().unwrap_or_default().into();
    let json = [(CONTENT_TYPE, "application/json")];
    let router = Router::new().route(
        "/api/openapi.json",
        get(move || async move { (json, text.to_string()) }),
    );
    DOCS.iter().fold(router, |router, file| {
        let asset = Arc::new(Asset::new(file));
        let policy = [(CONTENT_SECURITY_POLICY, CSP)];
        let answer = async move |request: HeaderMap| (policy, asset.answer(&request));
        router.route(file.path, get(answer))
    })
}
