// SPDX-License-Identifier: MPL-2.0
//! Programs that speak, in one process that takes little of the machine: it is the camera that is measured.

use std::{
    net::SocketAddr,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::{
    net::TcpListener,
    time::{MissedTickBehavior, interval},
};
use tokio_tungstenite::{
    accept_async, connect_async_with_config,
    tungstenite::{Error, Message},
};

use crate::Failure;

/// Milliseconds since 1970, as a page's clock says them.
fn clock() -> String {
    let time = SystemTime::now().duration_since(UNIX_EPOCH);
    let time = time.unwrap_or_default().as_secs_f64() * 1e3;
    format!("{time:.3}")
}

async fn tell(url: String, period: Duration, first: Duration) -> Result<(), Error> {
    let (socket, _) = connect_async_with_config(url, None, true).await?;
    let (mut to, mut from) = socket.split();
    // What reads answers pings.
    let hearing = tokio::spawn(async move { while from.next().await.is_some() {} });
    tokio::time::sleep(first).await;
    let mut due = interval(period);
    due.set_missed_tick_behavior(MissedTickBehavior::Burst);
    loop {
        due.tick().await;
        if let Err(error) = to.send(Message::text(clock())).await {
            hearing.abort();
            return Err(error);
        }
    }
}

/// As many programs at the gateway at `url` as `count`, which speak so often a second each, one after the other. Or, where `url` is
/// empty, to somebody else, who listens and does nothing. It says "connected" when it begins.
pub(crate) fn tell_at(url: &str, count: u32, rate: u32) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let url = match url {
            "" => format!("ws://{}", listen().await?),
            url => url.to_owned(),
        };
        let period = Duration::from_secs(1) / rate;
        let programs = (0..count).map(|number| {
            let url = format!("{url}/service{number}");
            tokio::spawn(tell(url, period, period * number / count))
        });
        let programs: Vec<_> = programs.collect();
        println!("connected");
        for program in programs {
            program.await??;
        }
        Ok(())
    })
}

/// Somebody who listens to whoever comes.
async fn listen() -> Result<SocketAddr, Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                if let Ok(mut socket) = accept_async(stream).await {
                    while socket.next().await.is_some() {}
                }
            });
        }
    });
    Ok(address)
}
