// SPDX-License-Identifier: MPL-2.0
//! Who gets in, by which way, and what the HTTP side answers.
use crate::common::{Client, http, options, start, start_with_alice};
use serde_json::json;

const BEARER: (&str, &str) = ("authorization", "Bearer alice-token");

/// Logs alice in and returns the `Cookie` header.
async fn log_in(address: std::net::SocketAddr) -> String {
    let answer = http(address, "POST /api/session", &[BEARER]).await;
    assert_eq!(
        (answer.status, answer.json()),
        (200, json!({"user":"alice","role":"viewer","shared":false}))
    );
    let cookie = answer.header("set-cookie").unwrap();
    assert!(
        cookie.starts_with(&format!("porthole-{}=", address.port())),
        "{cookie}"
    );
    assert!(
        cookie.ends_with("HttpOnly; SameSite=Strict; Path=/"),
        "{cookie}"
    );
    cookie.split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn without_or_with_a_wrong_credential_there_is_no_websocket() {
    let (server, _) = start_with_alice();
    let wrong = [("authorization", "Bearer nope")];
    for (path, headers) in [
        ("/ws", &[][..]),
        ("/ws", &wrong),
        ("/ws?access_token=nope", &[]),
    ] {
        let (status, body) = Client::connect(server.local_addr(), path, headers)
            .await
            .err()
            .unwrap();
        assert_eq!((status, &body["code"]), (401, &json!("unauthorized")));
    }
}

#[tokio::test]
async fn header_query_and_cookie_each_let_in() {
    let (server, secret) = start_with_alice();
    let address = server.local_addr();
    let cookie = log_in(address).await;
    let origin = format!("http://{address}");
    let camera_path = format!("/ws?access_token={secret}");
    let ways: [(&str, &[(&str, &str)]); 4] = [
        ("/ws", &[BEARER]),
        ("/ws?access_token=alice-token", &[]),
        ("/ws", &[("cookie", &cookie), ("origin", &origin)]),
        (&camera_path, &[]),
    ];
    for (path, headers) in ways {
        let mut client = Client::connect(address, path, headers).await.unwrap();
        assert_eq!(client.recv().await["type"], "welcome");
    }
}

#[tokio::test]
async fn a_cookie_from_a_page_of_another_site_is_refused() {
    let (server, _) = start_with_alice();
    let address = server.local_addr();
    let cookie = log_in(address).await;
    let other_port = format!("http://127.0.0.1:{}", address.port() ^ 1);
    for origin in [
        None,
        Some("https://evil.example"),
        Some("null"),
        Some(other_port.as_str()),
    ] {
        let mut headers = vec![("cookie", cookie.as_str())];
        headers.extend(origin.map(|origin| ("origin", origin)));
        let (status, body) = Client::connect(address, "/ws", &headers)
            .await
            .err()
            .unwrap();
        assert_eq!(
            (status, &body["code"]),
            (403, &json!("not-permitted")),
            "{origin:?}"
        );
        let answer = http(address, "POST /api/session", &headers).await;
        assert_eq!(answer.status, 403);
    }
}

#[tokio::test]
async fn logging_out_ends_the_cookie() {
    let (server, _) = start_with_alice();
    let address = server.local_addr();
    let cookie = log_in(address).await;
    let origin = format!("http://{address}");
    let headers = [("cookie", cookie.as_str()), ("origin", origin.as_str())];
    let foreign = http(address, "DELETE /api/session", &headers[..1]).await;
    assert_eq!(foreign.status, 403);
    let answer = http(address, "DELETE /api/session", &headers).await;
    assert_eq!(answer.status, 204);
    assert!(answer.header("set-cookie").unwrap().contains("Max-Age=0"));
    assert_eq!(
        Client::connect(address, "/ws", &headers)
            .await
            .err()
            .unwrap()
            .0,
        401
    );
}

#[tokio::test]
async fn a_camera_does_not_log_in_as_a_page() {
    let (server, secret) = start_with_alice();
    let bearer = format!("Bearer {secret}");
    let answer = http(
        server.local_addr(),
        "POST /api/session",
        &[("authorization", &bearer)],
    )
    .await;
    assert_eq!(
        (answer.status, &answer.json()["code"]),
        (403, &json!("not-permitted"))
    );
}

#[tokio::test]
async fn a_removed_viewer_loses_token_cookie_and_connection() {
    let (server, _) = start_with_alice();
    let address = server.local_addr();
    let cookie = log_in(address).await;
    let origin = format!("http://{address}");
    let mut client = Client::viewer(&server, "alice-token").await;
    server.remove_viewer("alice");
    assert_eq!(client.recv().await["code"], "revoked");
    assert_eq!(
        client.recv().await,
        json!({"close": 1008, "reason": "revoked"})
    );
    for headers in [&[BEARER][..], &[("cookie", &cookie), ("origin", &origin)]] {
        assert_eq!(
            Client::connect(address, "/ws", headers)
                .await
                .err()
                .unwrap()
                .0,
            401
        );
    }
}

#[tokio::test]
async fn open_access_lets_guests_in_but_not_wrong_keys_or_other_sites() {
    let mut options = options();
    options.open_access = true;
    let server = start(options);
    let address = server.local_addr();
    assert!(Client::connect(address, "/ws", &[]).await.is_ok());
    assert!(
        Client::connect(address, "/ws", &[("cookie", "porthole-1=old")])
            .await
            .is_ok()
    );
    let wrong = Client::connect(address, "/ws", &[("authorization", "Bearer x")]).await;
    assert_eq!(wrong.err().unwrap().0, 401);
    let foreign = Client::connect(address, "/ws", &[("origin", "https://evil.example")]).await;
    assert_eq!(foreign.err().unwrap().0, 403);
}

#[tokio::test]
async fn wrong_credentials_are_limited_and_right_ones_never_locked_out() {
    let (server, _) = start_with_alice();
    let address = server.local_addr();
    let mut answers = Vec::new();
    for n in 0..21 {
        let wrong = format!("Bearer x{n}");
        let headers = [("authorization", wrong.as_str())];
        answers.push(http(address, "POST /api/session", &headers).await);
    }
    assert!(answers[..20].iter().all(|answer| answer.status == 401));
    assert_eq!(
        (answers[20].status, &answers[20].json()["code"]),
        (429, &json!("too-many"))
    );
    assert!(
        (1..=61).contains(
            &answers[20]
                .header("retry-after")
                .unwrap()
                .parse::<u32>()
                .unwrap()
        )
    );
    log_in(address).await;
}

#[tokio::test]
async fn health_and_config_tell_what_anyone_may_know() {
    let (server, secret) = start_with_alice();
    let address = server.local_addr();
    let _camera = Client::camera(&server, &secret, json!(null)).await;
    let health = http(address, "GET /health", &[]).await.json();
    let version = env!("CARGO_PKG_VERSION");
    // Not whether someone watches.
    assert_eq!(health, json!({"status":"ok","version":version}));
    let counts = server.counts();
    assert_eq!((counts.cameras, counts.sessions), (1, 0));
    let mut expected = json!({
        "version": version, "openAccess": false, "passwords": false, "authenticated": false, "iceServers": [], "websocket": "/ws",
    });
    assert_eq!(http(address, "GET /api/config", &[]).await.json(), expected);
    let cookie = log_in(address).await;
    expected["authenticated"] = true.into();
    expected["user"] = "alice".into();
    assert_eq!(
        http(address, "GET /api/config", &[("cookie", &cookie)])
            .await
            .json(),
        expected
    );
}

#[tokio::test]
async fn config_holds_back_the_credentials_of_turn_servers() {
    let mut options = options();
    let turn = json!({"urls":["turn:t"],"username":"u","credential":"hush"});
    options.ice_servers = serde_json::from_value(json!([{"urls":["stun:s"]}, turn])).unwrap();
    let server = start(options);
    let config = http(server.local_addr(), "GET /api/config", &[])
        .await
        .json();
    assert_eq!(config["iceServers"], json!([{"urls":["stun:s"]}]));
}

#[tokio::test]
async fn http_errors_are_json_with_a_code() {
    let (server, _) = start_with_alice();
    let cases = [
        ("GET /nowhere", &[][..], 404, "not-found"),
        ("PUT /health", &[], 405, "method-not-allowed"),
        (
            "POST /api/session",
            &[("content-length", "50000")],
            413,
            "too-large",
        ),
        ("GET /ws", &[BEARER], 426, "bad-message"),
    ];
    for (request, headers, status, code) in cases {
        let answer = http(server.local_addr(), request, headers).await;
        assert_eq!(
            (answer.status, &answer.json()["code"]),
            (status, &json!(code)),
            "{request}"
        );
        assert!(answer.json()["message"].is_string());
    }
}

#[tokio::test]
async fn the_page_comes_with_its_types_and_the_security_headers() {
    let (server, _) = start_with_alice();
    let files = [
        ("/", "text/html"),
        ("/parts/style.css", "text/css"),
        ("/watch/main.js", "text/javascript"),
        ("/porthole-client.js", "text/javascript"),
        ("/client/session.js", "text/javascript"),
        ("/client/rules.js", "text/javascript"),
        ("/client/latency-clock.js", "text/javascript"),
        ("/client/access.js", "text/javascript"),
        ("/client/media.js", "text/javascript"),
        ("/watch/page.js", "text/javascript"),
        ("/calls", "text/html"),
        ("/manifest.webmanifest", "application/manifest+json"),
        ("/service-worker.js", "text/javascript"),
        ("/icons/icon.svg", "image/svg+xml"),
    ];
    for (path, content_type) in files {
        let answer = http(server.local_addr(), &format!("GET {path}"), &[]).await;
        assert_eq!(answer.status, 200);
        assert!(
            answer
                .header("content-type")
                .unwrap()
                .starts_with(content_type)
        );
        assert_eq!(answer.header("cache-control"), Some("no-cache"));
        // A page that is loaded again is asked for and not sent.
        let etag = [("if-none-match", answer.header("etag").unwrap())];
        let again = http(server.local_addr(), &format!("GET {path}"), &etag).await;
        assert_eq!((again.status, again.body.as_str()), (304, ""));
        assert_eq!(again.header("etag"), answer.header("etag"));
        let policy = answer.header("content-security-policy").unwrap();
        for part in [
            "default-src 'none'",
            "worker-src 'self';",
            "manifest-src 'self';",
            "frame-ancestors 'none'",
        ] {
            assert!(policy.contains(part), "{policy}");
        }
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
        assert!(answer.header("access-control-allow-origin").is_none());
    }
}
