// SPDX-License-Identifier: MPL-2.0
//! Pages of other sites that show our cameras, and those that would like to.
use std::net::SocketAddr;

use crate::common::{Answer, Client, http, options, start};
use porthole_signaling::{Server, ServerError, ServerOptions, ViewerEntry};
use serde_json::{Value, json};

const NAMED: &str = "https://www.example.org";
const BEARER: (&str, &str) = ("authorization", "Bearer alice-token");
const PROTOCOLS: &str = "porthole, porthole.bearer.alice-token";
const SCRIPT: &str = "GET /porthole-client.js";

/// Origins that are not the one that is named, however much they look like it.
const OTHERS: [&str; 13] = [
    "null",
    "http://www.example.org",
    "https://www.example.org:8443",
    "https://www.example.org:443",
    "https://example.org",
    "https://x.www.example.org",
    "https://www.example.org.evil.example",
    "https://evil-www.example.org",
    "https://www.example.org@evil.example",
    "https://www.example.orgx",
    "HTTPS://WWW.EXAMPLE.ORG",
    "https://evil.example",
    "*",
];

fn naming(origins: &[&str]) -> ServerOptions {
    let mut options = options();
    options.embed_origins = origins.iter().map(|origin| (*origin).to_owned()).collect();
    options
}

fn with_alice(options: ServerOptions) -> Server {
    let server = start(options);
    server.add_viewer(ViewerEntry::new("alice", "alice-token"));
    server
}

fn allowed(answer: &Answer) -> Option<&str> {
    answer.header("access-control-allow-origin")
}

async fn socket(server: &Server, headers: &[(&'static str, &str)]) -> Result<Client, (u16, Value)> {
    let mut client = Client::connect(server.local_addr(), "/ws", headers).await?;
    assert_eq!(client.recv().await["type"], "welcome");
    Ok(client)
}

/// The cookie of alice's log-in at the server itself.
async fn cookie(address: SocketAddr) -> String {
    let own = format!("http://{address}");
    let answer = http(address, "POST /api/session", &[BEARER, ("origin", &own)]).await;
    answer.cookies()
}

#[tokio::test]
async fn a_server_that_names_nobody_says_nothing_to_other_sites() {
    let server = with_alice(options());
    let address = server.local_addr();
    for request in ["GET /", "GET /api/config", SCRIPT, "OPTIONS /api/config"] {
        let answer = http(address, request, &[("origin", NAMED)]).await;
        assert_eq!(allowed(&answer), None, "{request}");
        assert_eq!(answer.header("cross-origin-resource-policy"), None);
        assert!(!answer.head.contains("vary: origin"), "{request}");
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.ends_with("frame-ancestors 'none'"), "{policy}");
    }
    let shown = [("sec-websocket-protocol", PROTOCOLS), ("origin", NAMED)];
    let refused = socket(&server, &shown).await.err().unwrap();
    assert_eq!(
        (refused.0, &refused.1["code"]),
        (403, &json!("not-permitted"))
    );
}

#[tokio::test]
async fn a_named_page_may_ask_with_a_token_and_read_the_configuration_and_the_scripts() {
    let server = with_alice(naming(&[NAMED]));
    let address = server.local_addr();
    let question = [
        ("origin", NAMED),
        ("access-control-request-method", "GET"),
        ("access-control-request-headers", "authorization"),
    ];
    let answer = http(address, "OPTIONS /api/config", &question).await;
    assert_eq!((answer.status, allowed(&answer)), (204, Some(NAMED)));
    assert_eq!(
        answer.header("access-control-allow-headers"),
        Some("authorization")
    );
    for request in ["GET /api/config", "GET /api/v1/config", SCRIPT] {
        let answer = http(address, request, &[BEARER, ("origin", NAMED)]).await;
        assert_eq!((answer.status, allowed(&answer)), (200, Some(NAMED)));
        assert_eq!(
            answer.header("access-control-allow-credentials"),
            None,
            "{request}"
        );
        assert_eq!(
            answer.header("cross-origin-resource-policy"),
            Some("cross-origin")
        );
        assert!(answer.head.contains("vary: origin"), "{}", answer.head);
        if request != SCRIPT {
            assert_eq!(answer.json()["user"], "alice");
        }
    }
    // The agreed subprotocol has no token in it, or the client would not have taken it.
    let shown = [("sec-websocket-protocol", PROTOCOLS), ("origin", NAMED)];
    socket(&server, &shown).await.unwrap();
}

#[tokio::test]
async fn what_looks_like_a_named_origin_is_another_and_is_told_nothing() {
    let server = with_alice(naming(&[NAMED]));
    let address = server.local_addr();
    for origin in OTHERS {
        let question = [("origin", origin), ("access-control-request-method", "GET")];
        for (request, headers) in [
            ("OPTIONS /api/config", &question[..]),
            ("GET /api/config", &[BEARER, ("origin", origin)][..]),
            (SCRIPT, &question[..1]),
        ] {
            let answer = http(address, request, headers).await;
            assert_eq!(allowed(&answer), None, "{request} of {origin}");
            assert!(answer.head.contains("vary: origin"), "{}", answer.head);
        }
        let shown = [("sec-websocket-protocol", PROTOCOLS), ("origin", origin)];
        let refused = socket(&server, &shown).await.err().unwrap();
        assert_eq!(refused.0, 403, "{origin}");
    }
    // Programs say no origin.
    let shown = [("sec-websocket-protocol", PROTOCOLS)];
    socket(&server, &shown).await.unwrap();
    let own = format!("http://{address}");
    let shown = [("sec-websocket-protocol", PROTOCOLS), ("origin", &own)];
    socket(&server, &shown).await.unwrap();
}

#[tokio::test]
async fn a_cookie_counts_for_nothing_on_a_page_of_another_site_named_or_not() {
    let server = with_alice(naming(&[NAMED]));
    let address = server.local_addr();
    let cookie = cookie(address).await;
    let own = format!("http://{address}");
    socket(&server, &[("cookie", &cookie), ("origin", &own)])
        .await
        .unwrap();
    for (origin, status) in [(NAMED, 401), ("https://evil.example", 403)] {
        let shown = [("cookie", cookie.as_str()), ("origin", origin)];
        let refused = socket(&server, &shown).await.err().unwrap();
        assert_eq!(refused.0, status, "{origin}");
        // Nor as the second way in, beside a token that is wrong.
        let shown = [
            ("cookie", cookie.as_str()),
            ("origin", origin),
            ("sec-websocket-protocol", "porthole, porthole.bearer.wrong"),
        ];
        assert_eq!(socket(&server, &shown).await.err().unwrap().0, 401);
    }
    let config = [("cookie", cookie.as_str()), ("origin", NAMED)];
    let config = http(address, "GET /api/config", &config).await;
    assert_eq!(config.json()["authenticated"], false);
    // It cannot be got there, and what changes something cannot be asked for.
    let answer = http(address, "POST /api/session", &[BEARER, ("origin", NAMED)]).await;
    assert_eq!(answer.problem(), (403, "not-permitted".to_owned()));
    assert!(answer.header("set-cookie").is_none());
    let with = [("cookie", cookie.as_str()), ("origin", NAMED)];
    let answer = http(address, "DELETE /api/session", &with).await;
    assert!(
        answer
            .header("set-cookie")
            .is_none_or(|set| !set.contains("alice"))
    );
    let still = http(address, "GET /api/me", &[("cookie", cookie.as_str())]).await;
    assert_eq!(still.status, 200, "nobody was signed out");
    let me = http(address, "GET /api/me", &[BEARER, ("origin", NAMED)]).await;
    assert_eq!(allowed(&me), None, "the page cannot read it");
}

#[tokio::test]
async fn the_cookie_of_our_own_page_counts_where_a_proxy_hides_that_it_is_our_own() {
    let server = with_alice(naming(&[NAMED]));
    let address = server.local_addr();
    let cookie = cookie(address).await;
    let own = [
        ("cookie", cookie.as_str()),
        ("origin", NAMED),
        ("sec-fetch-site", "same-origin"),
    ];
    let config = http(address, "GET /api/config", &own).await;
    assert_eq!(config.json()["user"], "alice");
}

#[tokio::test]
async fn where_anyone_may_watch_named_pages_need_no_token_and_others_get_nothing() {
    let mut options = naming(&[NAMED]);
    options.open_access = true;
    let server = start(options);
    socket(&server, &[("origin", NAMED)]).await.unwrap();
    for origin in OTHERS {
        let refused = socket(&server, &[("origin", origin)]).await.err().unwrap();
        assert_eq!(refused.0, 403, "{origin}");
    }
}

#[tokio::test]
async fn the_viewers_page_may_stand_in_a_frame_of_a_named_page_and_no_other_page_may() {
    let server = start(naming(&[NAMED, "http://127.0.0.1:3000"]));
    let policy = async |request: &str| {
        let answer = http(server.local_addr(), request, &[]).await;
        let policy = answer.header("content-security-policy").unwrap().to_owned();
        policy.rsplit("; ").next().unwrap().to_owned()
    };
    let own = format!("frame-ancestors {NAMED} http://127.0.0.1:3000");
    assert_eq!(policy("GET /").await, own);
    for request in ["GET /admin", "GET /calls", "GET /api/config", "GET /x"] {
        assert_eq!(policy(request).await, "frame-ancestors 'none'", "{request}");
    }
}

#[tokio::test]
async fn a_name_that_leads_here_is_refused_also_when_a_named_page_asks() {
    let server = with_alice(naming(&[NAMED]));
    let address = server.local_addr();
    let headers = [("host", "evil.example"), ("origin", NAMED), BEARER];
    let mut request = String::new();
    for (name, value) in headers {
        request += &format!("{name}: {value}\r\n");
    }
    let text = format!("GET /api/config HTTP/1.1\r\nConnection: close\r\n{request}\r\n");
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 421"), "{answer}");
    assert!(!answer.contains("access-control"), "{answer}");
}

#[tokio::test]
async fn an_origin_that_is_none_is_an_error_at_the_start() {
    for (origin, why) in [
        ("*", "name each one"),
        ("https://www.example.org/", "is no origin"),
        ("null", "is no origin"),
    ] {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let runtime = tokio::runtime::Handle::current();
        let started = Server::start(naming(&[origin]), listener, &runtime);
        let Err(ServerError::Embed(error)) = started else {
            panic!("{origin} was taken");
        };
        assert!(error.contains(why), "{error}");
    }
}
