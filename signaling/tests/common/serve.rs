// SPDX-License-Identifier: MPL-2.0
//! A backend of the test's own.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use axum::Router;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tower::ServiceExt as _;
use url::Url;

/// Serves this on a free port of loopback until the test ends.
pub(crate) async fn serve(router: Router) -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    serve_on(listener, router);
    url.parse().unwrap()
}

/// The same on this listener.
#[allow(dead_code, reason = "not each test file needs it")]
pub(crate) fn serve_on(listener: TcpListener, router: Router) {
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let router = router.clone();
            let service = service_fn(move |request| router.clone().oneshot(request));
            let served = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            tokio::spawn(served);
        }
    });
}
