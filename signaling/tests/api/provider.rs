// SPDX-License-Identifier: MPL-2.0
//! An identity provider of the test's own, which does what it should until it is told otherwise: what it answers, and in
//! which order, was compared with that of npm's oidc-provider 9, which tests/browser/openid.test.mjs signs in with.

use std::collections::HashMap;
use std::future::pending;
use std::sync::{Arc, Mutex};

use aws_lc_rs::digest::{SHA256, digest};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD, Engine as _};
use jsonwebtoken::Algorithm;
use porthole_signaling::OpenidOptions;
use porthole_signaling::backend::Mapping;
use serde_json::{Value, json};
use url::Url;

use crate::backend::Provider;
use crate::serve::serve;

pub(crate) const CLIENT: &str = "porthole";

/// What it does.
pub(crate) struct Manners {
    /// What it says of itself, over what is usual.
    pub(crate) document: Value,
    /// What its ID tokens say, over what is usual; `null` takes a claim away.
    pub(crate) claims: Value,
    /// What it says of a person besides.
    pub(crate) user_info: Value,
    /// For so many seconds its ID tokens are good.
    pub(crate) lasts: i64,
    /// What it signs with.
    pub(crate) key: Arc<Provider>,
    /// What it says it signs with.
    pub(crate) published: Vec<Value>,
    /// In the place of each ID token.
    pub(crate) forged: Option<String>,
    /// Takes a code as often as it comes, and whoever brings it.
    pub(crate) is_lax: bool,
    pub(crate) secret: Option<&'static str>,
    /// What is never answered.
    pub(crate) hangs: &'static str,
    /// The codes, each with the `nonce` and the challenge that it was asked for with.
    codes: HashMap<String, (String, String)>,
    /// How often it was asked for what.
    pub(crate) asked: HashMap<&'static str, usize>,
}

#[derive(Clone)]
pub(crate) struct Fake {
    pub(crate) issuer: String,
    manners: Arc<Mutex<Manners>>,
}

impl Fake {
    pub(crate) async fn start() -> Self {
        let mut fake = Self::new(String::new());
        let router = fake.router();
        let url = serve(router).await;
        url.as_str()
            .trim_end_matches('/')
            .clone_into(&mut fake.issuer);
        fake.with(|manners| manners.document = document(&fake.issuer));
        fake
    }

    /// One that is served by someone else, at this address.
    pub(crate) fn new(issuer: String) -> Self {
        let key = Arc::new(Provider::new(Algorithm::RS256, "first"));
        let manners = Manners {
            document: document(&issuer),
            claims: json!({}),
            user_info: json!({}),
            lasts: 600,
            published: vec![json!(key.jwk)],
            key,
            forged: None,
            is_lax: false,
            secret: None,
            hangs: "",
            codes: HashMap::new(),
            asked: HashMap::new(),
        };
        Self {
            issuer,
            manners: Arc::new(Mutex::new(manners)),
        }
    }

    pub(crate) fn router(&self) -> Router {
        Router::new()
            .route("/.well-known/openid-configuration", get(describe))
            .route("/jwks", get(keys))
            .route("/token", post(tokens))
            .route("/me", get(user_info))
            .with_state(self.manners.clone())
    }

    pub(crate) fn with<T>(&self, change: impl FnOnce(&mut Manners) -> T) -> T {
        change(&mut self.manners.lock().unwrap())
    }

    /// For a server that is a public client of this, and takes the claim `groups`.
    pub(crate) fn options(&self, mapping: Mapping) -> OpenidOptions {
        OpenidOptions {
            issuer: self.issuer.clone(),
            client_id: CLIENT.to_owned(),
            client_secret: None,
            scopes: vec!["profile".to_owned()],
            name: "Example".to_owned(),
            log_out: true,
            mapping,
        }
    }

    /// Someone whose browser was sent here says yes: what it is sent back with.
    pub(crate) fn allow(&self, location: &Url) -> String {
        let asked: HashMap<_, _> = location.query_pairs().into_owned().collect();
        assert_eq!(location.path(), "/auth");
        let expected = [
            ("response_type", "code"),
            ("client_id", CLIENT),
            ("scope", "openid profile"),
            ("code_challenge_method", "S256"),
        ];
        for (name, value) in expected {
            assert_eq!(asked[name], value);
        }
        let code = porthole_protocol::random_secret();
        let kept = (asked["nonce"].clone(), asked["code_challenge"].clone());
        self.with(|manners| manners.codes.insert(code.clone(), kept));
        format!("code={code}&state={}", asked["state"])
    }
}

fn document(issuer: &str) -> Value {
    json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/auth"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/jwks"),
        "userinfo_endpoint": format!("{issuer}/me"),
        "end_session_endpoint": format!("{issuer}/end"),
        "response_types_supported": ["code"],
        "id_token_signing_alg_values_supported": ["RS256", "ES256"],
        "code_challenge_methods_supported": ["S256"],
    })
}

type Shared = State<Arc<Mutex<Manners>>>;

async fn ask(manners: &Mutex<Manners>, what: &'static str) {
    let hangs = {
        let mut manners = manners.lock().unwrap();
        *manners.asked.entry(what).or_default() += 1;
        manners.hangs == what
    };
    if hangs {
        pending::<()>().await;
    }
}

async fn describe(State(manners): Shared) -> Response {
    ask(&manners, "discovery").await;
    axum::Json(manners.lock().unwrap().document.clone()).into_response()
}

async fn keys(State(manners): Shared) -> Response {
    ask(&manners, "keys").await;
    let keys = manners.lock().unwrap().published.clone();
    axum::Json(json!({ "keys": keys })).into_response()
}

async fn user_info(State(manners): Shared, headers: HeaderMap) -> Response {
    ask(&manners, "userinfo").await;
    assert_eq!(headers["authorization"], "Bearer access");
    axum::Json(manners.lock().unwrap().user_info.clone()).into_response()
}

fn refused(status: StatusCode, error: &str) -> Response {
    (status, axum::Json(json!({ "error": error }))).into_response()
}

async fn tokens(State(manners): Shared, headers: HeaderMap, body: Bytes) -> Response {
    ask(&manners, "token").await;
    let mut manners = manners.lock().unwrap();
    let form: HashMap<_, _> = url::form_urlencoded::parse(&body).into_owned().collect();
    let basic = headers
        .get("authorization")
        .map(|value| value.to_str().unwrap().to_owned());
    let expected = manners.secret.map(|secret| {
        format!(
            "Basic {}",
            BASE64_STANDARD.encode(format!("{CLIENT}:{secret}"))
        )
    });
    if basic != expected || expected.is_none() && form["client_id"] != CLIENT {
        return refused(StatusCode::UNAUTHORIZED, "invalid_client");
    }
    assert_eq!(form["grant_type"], "authorization_code");
    assert!(form["redirect_uri"].ends_with("/api/openid/callback"));
    let code = &form["code"];
    let known = match manners.is_lax {
        true => manners.codes.get(code).cloned(),
        false => manners.codes.remove(code),
    };
    let Some((nonce, challenge)) = known else {
        return refused(StatusCode::BAD_REQUEST, "invalid_grant");
    };
    let hashed = BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, form["code_verifier"].as_bytes()));
    if hashed != challenge && !manners.is_lax {
        return refused(StatusCode::BAD_REQUEST, "invalid_grant");
    }
    let issuer = manners.document["issuer"].clone();
    let mut claims =
        json!({"iss": issuer, "aud": CLIENT, "sub": "anna", "nonce": nonce, "groups": ["family"]});
    for (name, value) in manners.claims.as_object().unwrap() {
        match value {
            Value::Null => claims.as_object_mut().unwrap().remove(name),
            value => claims
                .as_object_mut()
                .unwrap()
                .insert(name.clone(), value.clone()),
        };
    }
    let token = manners.key.token("JWT", &claims, manners.lasts);
    let token = manners.forged.clone().unwrap_or(token);
    let answer = json!({"id_token": token, "access_token": "access", "token_type": "Bearer", "expires_in": 600});
    axum::Json(answer).into_response()
}
