// SPDX-License-Identifier: MPL-2.0
//! A backend over HTTP: its keys, its word, and what happens when it has none.
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use crate::serve::serve;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{any, post};
use axum::{Json, Router};
use jiff::Timestamp;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use porthole_signaling::backend::{Backend, BackendError, Credential, Identity, TokenError};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use url::Url;

const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));

/// Answers everything like this, and counts.
async fn always(
    answer: impl Fn() -> Response + Clone + Send + Sync + 'static,
) -> (Url, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let router = Router::new().fallback(any(move || async move {
        count.fetch_add(1, SeqCst);
        answer()
    }));
    (serve(router).await, asked)
}

async fn show(backend: &Backend, token: &str) -> Result<Identity, BackendError> {
    backend
        .verify(Credential::Token { token }, PEER, Timestamp::now())
        .await
}

fn is_unavailable(answer: &Result<Identity, BackendError>) -> bool {
    matches!(answer, Err(BackendError::Unavailable(_)))
}

/// A key of the backend's, its set of it, and a token signed with it.
fn key(id: &str) -> (Value, String) {
    let pair = rcgen::KeyPair::generate().unwrap();
    let key = EncodingKey::from_ec_der(&pair.serialize_der());
    let mut jwk = Jwk::from_encoding_key(&key, Algorithm::ES256).unwrap();
    jwk.common.key_id = Some(id.to_owned());
    let header = Header {
        kid: Some(id.to_owned()),
        ..Header::new(Algorithm::ES256)
    };
    let exp = Timestamp::now().as_second() + 600;
    let claims = json!({ "iss": "https://id.example", "aud": "porthole", "sub": "anna", "exp": exp, "cameras": "*" });
    (
        json!({ "keys": [jwk] }),
        encode(&header, &claims, &key).unwrap(),
    )
}

fn jwks(url: &Url) -> Backend {
    Backend::with_jwks_url(url, "https://id.example", "porthole").unwrap()
}

fn webhook(url: &Url) -> Backend {
    Backend::with_webhook(url, None).unwrap()
}

#[tokio::test]
async fn keys_are_fetched_once_for_all_who_come() {
    let (set, token) = key("a");
    let (url, asked) = always(move || Json(set.clone()).into_response()).await;
    let backend = Arc::new(jwks(&url));
    let people = (0..10).map(|_| {
        let (backend, token) = (backend.clone(), token.clone());
        tokio::spawn(async move { show(&backend, &token).await })
    });
    for person in people.collect::<Vec<_>>() {
        assert_eq!(&*person.await.unwrap().unwrap().rights.user, "anna");
    }
    assert_eq!(asked.load(SeqCst), 1);
    // Invented keys make no questions: it was asked just before.
    let (_, stranger) = key("b");
    for _ in 0..10 {
        assert_eq!(
            show(&backend, &stranger).await,
            Err(TokenError::UnknownKey.into())
        );
    }
    assert_eq!(asked.load(SeqCst), 1);
    let password = Credential::Password {
        user: "anna",
        password: "secret",
    };
    let refused = backend.verify(password, PEER, Timestamp::now()).await;
    assert_eq!(refused, Err(BackendError::Refused));
}

#[tokio::test]
async fn without_its_keys_nobody_is_let_in() {
    let (set, token) = key("a");
    let large = "x".repeat(1024 * 1024);
    let answers: [Box<dyn Fn() -> Response + Send + Sync>; 5] = [
        Box::new(|| StatusCode::INTERNAL_SERVER_ERROR.into_response()),
        Box::new(|| "<html>".into_response()),
        Box::new(|| Json(json!({ "keys": [] })).into_response()),
        Box::new(|| Redirect::temporary("/elsewhere").into_response()),
        Box::new(move || Json(json!({ "keys": set["keys"], "padding": large })).into_response()),
    ];
    for answer in answers {
        let answer = Arc::new(answer);
        let (url, asked) = always(move || answer()).await;
        let backend = jwks(&url);
        let refused = show(&backend, &token).await;
        assert!(is_unavailable(&refused), "{refused:?}");
        let again = show(&backend, &token).await;
        assert!(is_unavailable(&again), "{again:?}");
        assert_eq!(
            asked.load(SeqCst),
            1,
            "asked again at once, or followed elsewhere"
        );
    }
}

#[tokio::test]
async fn a_backend_that_is_not_there_lets_nobody_in() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let (plain, _) = always(|| Json(json!({ "user": "anna" })).into_response()).await;
    let (_, token) = key("a");
    for url in [
        format!("http://127.0.0.1:{port}/"),
        format!("https://127.0.0.1:{}/", plain.port().unwrap()),
    ] {
        let url = url.parse().unwrap();
        for backend in [jwks(&url), webhook(&url)] {
            let refused = show(&backend, &token).await;
            assert!(is_unavailable(&refused), "{url}: {refused:?}");
        }
    }
}

/// Takes the few seconds that the server waits.
#[tokio::test]
async fn a_backend_that_says_nothing_lets_nobody_in() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", silent.local_addr().unwrap())
        .parse()
        .unwrap();
    let (backend, keys) = (webhook(&url), jwks(&url));
    let (asked, fetched) = tokio::join!(show(&backend, "token"), show(&keys, "token"));
    assert!(
        is_unavailable(&asked) && is_unavailable(&fetched),
        "{asked:?} {fetched:?}"
    );
}

#[tokio::test]
async fn the_webhook_is_told_who_asks_and_is_obeyed() {
    type Seen = Arc<Mutex<Vec<(Option<String>, Value)>>>;
    async fn answer(
        State(seen): State<Seen>,
        headers: HeaderMap,
        Json(question): Json<Value>,
    ) -> Json<Value> {
        let secret = headers.get(header::AUTHORIZATION);
        let secret = secret.map(|value| value.to_str().unwrap().to_owned());
        seen.lock().unwrap().push((secret, question));
        Json(json!({ "user": "anna", "cameras": ["front"], "perms": ["view"] }))
    }
    let seen = Seen::default();
    let url = serve(
        Router::new()
            .route("/", post(answer))
            .with_state(seen.clone()),
    )
    .await;
    let backend = Backend::with_webhook(&url, Some("of-this-server")).unwrap();
    let anna = show(&backend, "a-token").await.unwrap();
    assert_eq!(&*anna.rights.user, "anna");
    let password = Credential::Password {
        user: "anna",
        password: "\"\n",
    };
    backend
        .verify(password, PEER, Timestamp::now())
        .await
        .unwrap();
    // What was just asked is not asked again; from elsewhere, it is.
    show(&backend, "a-token").await.unwrap();
    let token = Credential::Token { token: "a-token" };
    backend
        .verify(token, Ipv4Addr::LOCALHOST.into(), Timestamp::now())
        .await
        .unwrap();
    let secret = Some("Bearer of-this-server".to_owned());
    let expected = [
        json!({ "token": "a-token", "peer": "192.0.2.7" }),
        json!({ "user": "anna", "password": "\"\n", "peer": "192.0.2.7" }),
        json!({ "token": "a-token", "peer": "127.0.0.1" }),
    ];
    assert_eq!(
        *seen.lock().unwrap(),
        expected.map(|question| (secret.clone(), question))
    );
}

#[tokio::test]
async fn no_is_remembered_and_a_failure_is_not() {
    let (url, asked) = always(|| StatusCode::FORBIDDEN.into_response()).await;
    let backend = webhook(&url);
    for _ in 0..3 {
        assert_eq!(show(&backend, "token").await, Err(BackendError::Refused));
    }
    assert_eq!(asked.load(SeqCst), 1);
    for answer in [
        StatusCode::BAD_GATEWAY,
        StatusCode::NO_CONTENT,
        StatusCode::OK,
    ] {
        let (url, asked) = always(move || answer.into_response()).await;
        let backend = webhook(&url);
        for _ in 0..3 {
            let refused = show(&backend, "token").await;
            assert!(is_unavailable(&refused), "{answer}: {refused:?}");
        }
        assert_eq!(asked.load(SeqCst), 3, "{answer}");
    }
}

#[tokio::test]
async fn a_crowd_does_not_ask_all_at_once() {
    const AT_ONCE: usize = 16;
    #[derive(Clone)]
    struct Door {
        inside: Arc<AtomicUsize>,
        most: Arc<AtomicUsize>,
        open: Arc<watch::Sender<bool>>,
    }
    async fn answer(State(door): State<Door>) -> Json<Value> {
        let inside = door.inside.fetch_add(1, SeqCst) + 1;
        door.most.fetch_max(inside, SeqCst);
        if inside == AT_ONCE {
            door.open.send_replace(true);
        }
        door.open.subscribe().wait_for(|open| *open).await.unwrap();
        door.inside.fetch_sub(1, SeqCst);
        Json(json!({ "user": "anna" }))
    }
    let door = Door {
        inside: Arc::default(),
        most: Arc::default(),
        open: Arc::new(watch::channel(false).0),
    };
    let url = serve(
        Router::new()
            .route("/", post(answer))
            .with_state(door.clone()),
    )
    .await;
    let backend = Arc::new(webhook(&url));
    let crowd = (0..3 * AT_ONCE).map(|number| {
        let backend = backend.clone();
        tokio::spawn(async move { show(&backend, &number.to_string()).await })
    });
    for person in crowd.collect::<Vec<_>>() {
        person.await.unwrap().unwrap();
    }
    assert_eq!(door.most.load(SeqCst), AT_ONCE);
}
