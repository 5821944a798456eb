// SPDX-License-Identifier: MPL-2.0
//! The peer: a WebSocket server that hands on what one of two clients says to the other, as people build it without a gateway.

use std::net::SocketAddr;

use futures_util::StreamExt as _;
use tokio::{net::TcpListener, runtime::Runtime};
use tokio_tungstenite::accept_async;

/// Runs until it is dropped.
pub(crate) struct Relay {
    pub(crate) address: SocketAddr,
    _runtime: Runtime,
}

impl Relay {
    pub(crate) fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(async move {
            let mut both = Vec::new();
            while both.len() < 2 {
                let (stream, _) = listener.accept().await.unwrap();
                stream.set_nodelay(true).unwrap();
                both.push(accept_async(stream).await.unwrap().split());
            }
            let [(to_one, of_one), (to_other, of_other)] = both.try_into().ok().unwrap();
            let there = tokio::spawn(of_one.forward(to_other));
            let _ = of_other.forward(to_one).await;
            let _ = there.await;
        });
        Self {
            address,
            _runtime: runtime,
        }
    }
}
