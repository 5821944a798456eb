// SPDX-License-Identifier: MPL-2.0
//! Receivers that hang, refuse, drip and lie; servers that stop and change meanwhile.

use std::sync::Arc;
use std::time::Duration;

use porthole_signaling::notify::{Address, KindOptions, NotifyOptions, NtfyOptions};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::time::timeout;
use url::Url;

use crate::common::PATIENCE;
use crate::receiver::{Door, RING, Receiver, Says, status, told_by};

const OTHER: &str = "018f2b7e-6f4a-7c3d-9e21-0a1b2c3d4e02";

fn topic(url: Url, topic: &str) -> KindOptions {
    KindOptions::Ntfy(NtfyOptions {
        url,
        topic: Address::All(topic.to_owned()),
        token: None,
        click: None,
    })
}

/// A peer that says this to each who connects, over and over, and reads what it is told.
async fn endless(head: &'static str, more: &'static [u8]) -> (Url, Arc<Notify>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let gone = Arc::new(Notify::new());
    let is_gone = gone.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let is_gone = is_gone.clone();
            tokio::spawn(async move {
                let mut buffer = [0; 4096];
                let _ = stream.read(&mut buffer).await;
                let mut done = stream.write_all(head.as_bytes()).await;
                while done.is_ok() && !more.is_empty() {
                    done = stream.write_all(more).await;
                }
                // What is neither closed nor answered is waited for.
                while matches!(stream.read(&mut buffer).await, Ok(1..)) {}
                is_gone.notify_one();
            });
        }
    });
    (url.parse().unwrap(), gone)
}

#[tokio::test]
async fn one_that_hangs_holds_up_neither_the_bell_nor_the_others() {
    let (hangs, _) = endless("", b"").await;
    let (receiver, url) = Receiver::start([]).await;
    let mut door = Door::new(told_by([topic(hangs, "a"), topic(url, "b")])).await;
    let call = door.ring(RING).await;
    let asked = receiver.wait_for(1).await;
    assert_eq!(asked[0].path, "/b");
    door.say("answerCall", &call).await;
    door.say("hangUp", &call).await;
    receiver.wait_for(3).await;
}

#[tokio::test]
async fn an_answer_without_an_end_is_an_answer_of_which_the_beginning_is_read() {
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let (url, gone) = endless(head, b"10\r\n0123456789abcdef\r\n").await;
    let mut door = Door::new(told_by([topic(url, "a")])).await;
    door.ring(RING).await;
    // It is let go of.
    timeout(PATIENCE, gone.notified())
        .await
        .expect("it is still read");
    let metrics = door.metrics().await;
    assert!(
        metrics.contains("{kind=\"ntfy\",result=\"sent\"} 1"),
        "{metrics}"
    );
}

#[tokio::test]
async fn headers_without_an_end_are_refused() {
    let (url, gone) = endless(
        "HTTP/1.1 200 OK\r\n",
        b"X-More: 0123456789abcdef0123456789abcdef\r\n",
    )
    .await;
    let mut door = Door::new(told_by([topic(url, "a")])).await;
    door.ring(RING).await;
    timeout(PATIENCE, gone.notified())
        .await
        .expect("it is still read");
}

#[tokio::test]
async fn nobody_is_sent_elsewhere() {
    let (receiver, elsewhere) = Receiver::start([]).await;
    let mut answer = status(307);
    answer
        .headers_mut()
        .insert("location", elsewhere.as_str().parse().unwrap());
    let (sends_on, url) = Receiver::start([Says::This(answer)]).await;
    let mut door = Door::new(told_by([topic(url, "a")])).await;
    door.ring(RING).await;
    sends_on.wait_for(1).await;
    let failed = async {
        while !door
            .metrics()
            .await
            .contains("{kind=\"ntfy\",result=\"failed\"} 1")
        {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, failed).await.expect("it is tried again");
    assert_eq!((sends_on.count(), receiver.count()), (1, 0));
}

#[tokio::test]
async fn a_call_that_was_answered_is_not_told_to_one_that_was_busy() {
    let there = Arc::new(Notify::new());
    let (receiver, url) = Receiver::start([Says::After(there.clone(), status(503))]).await;
    let mut door = Door::new(told_by([topic(url, "a")])).await;
    let call = door.ring(RING).await;
    receiver.wait_for(1).await;
    door.say("answerCall", &call).await;
    there.notify_one();
    let late = async {
        while !door
            .metrics()
            .await
            .contains("{kind=\"ntfy\",result=\"late\"} 1")
        {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, late).await.expect("it is told");
    assert_eq!(receiver.count(), 1);
}

#[tokio::test]
async fn other_targets_take_the_place_of_those_of_before_and_what_waited_there_is_not_sent() {
    let (old, url) = Receiver::start([Says::Nothing]).await;
    let (kept, kept_url) = Receiver::start([]).await;
    let kept_target = topic(kept_url, "kept");
    let mut door = Door::new(told_by([topic(url, "old"), kept_target.clone()])).await;
    let call = door.ring(RING).await;
    old.wait_for(1).await;
    kept.wait_for(1).await;
    let (new, url) = Receiver::start([]).await;
    let options = told_by([kept_target, topic(url, "new")]);
    door.server().set_notifiers(&options).unwrap();
    // What stays goes on with the call that it has told of; what is new hears of the next one.
    door.say("nobodyHome", &call).await;
    kept.wait_for(2).await;
    door.ring(OTHER).await;
    new.wait_for(1).await;
    assert_eq!(old.count(), 1);
    door.server()
        .set_notifiers(&NotifyOptions::default())
        .unwrap();
}

#[tokio::test]
async fn a_server_that_stops_waits_for_nobody_who_hangs() {
    let (receiver, url) = Receiver::start([Says::Nothing]).await;
    let mut door = Door::new(told_by([topic(url, "a")])).await;
    door.ring(RING).await;
    receiver.wait_for(1).await;
    door.server().shutdown();
    let closed = timeout(Duration::from_secs(9), door.server().closed());
    closed.await.expect("it waits for what hangs");
}
