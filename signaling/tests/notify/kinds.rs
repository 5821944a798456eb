// SPDX-License-Identifier: MPL-2.0
//! What each kind sends, to receivers that look at it. The first try of each is refused until the picture is there.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::Arc;

use axum::response::IntoResponse as _;
use porthole_signaling::notify::{
    Address, KindOptions, NtfyOptions, TelegramOptions, WebhookOptions, WebhookPicture,
};
use serde_json::json;
use tokio::sync::Notify;

use crate::receiver::{Door, RING, Receiver, Says, jpeg, json_answer, status, told_by};

fn ntfy(url: url::Url) -> KindOptions {
    KindOptions::Ntfy(NtfyOptions {
        url,
        topic: Address::Each(BTreeMap::from([("root".to_owned(), "door-r".to_owned())])),
        token: Some("tk_secret".to_owned()),
        click: None,
    })
}

#[tokio::test]
async fn ntfy_gets_the_picture_a_link_and_what_became_of_it() {
    let there = Arc::new(Notify::new());
    let busy = Says::After(there.clone(), status(503));
    let (receiver, url) = Receiver::start([busy]).await;
    let mut door = Door::new(told_by([ntfy(url)])).await;
    let call = door.ring(RING).await;
    let first = receiver.wait_for(1).await.remove(0);
    assert_eq!((&*first.method, &*first.path), ("PUT", "/door-r"));
    let picture = jpeg(50_000);
    door.put(&picture).await;
    there.notify_one();
    let second = receiver.wait_for(2).await.remove(1);
    assert_eq!(second.body, picture);
    assert_eq!(second.header("authorization"), "Bearer tk_secret");
    assert_eq!(second.header("x-title"), "front");
    assert!(second.header("x-message").starts_with("Somebody rings"));
    assert_eq!(
        (second.header("x-priority"), second.header("x-tags")),
        ("5", "bell")
    );
    assert_eq!(second.header("x-filename"), "door.jpg");
    let link = second.header("x-click");
    assert!(
        link.contains("#share=") && link.ends_with(&format!("&call={call}")),
        "{link}"
    );
    assert_eq!(
        second.header("x-sequence-id"),
        first.header("x-sequence-id")
    );

    door.say("answerCall", &call).await;
    let third = receiver.wait_for(3).await.remove(2);
    assert_eq!(third.header("x-sequence-id"), first.header("x-sequence-id"));
    assert_eq!(
        (third.header("x-message"), third.header("x-priority")),
        ("root has answered", "1")
    );
    door.say("hangUp", &call).await;
    let last = receiver.wait_for(4).await.remove(3);
    assert_eq!(last.header("x-message"), "root has answered; it is over");
    assert!(last.body.is_empty());
    let metrics = door.metrics().await;
    let sent = "porthole_notifications_total{kind=\"ntfy\",result=\"sent\"} 1";
    assert!(metrics.contains(sent), "{metrics}");
}

fn telegram(url: url::Url) -> KindOptions {
    KindOptions::Telegram(TelegramOptions {
        url,
        token: "123:bot-secret".to_owned(),
        chat: Address::All("-100200".to_owned()),
    })
}

#[tokio::test]
async fn telegram_gets_a_photograph_whose_caption_says_later_what_became_of_it() {
    let there = Arc::new(Notify::new());
    let mut wait = json_answer(
        &json!({"ok": false, "description": "Too Many Requests", "parameters": {"retry_after": 1}}),
    );
    *wait.status_mut() = axum::http::StatusCode::TOO_MANY_REQUESTS;
    let (receiver, url) = Receiver::start([Says::After(there.clone(), wait)]).await;
    let mut door = Door::new(told_by([telegram(url)])).await;
    let call = door.ring(RING).await;
    // The first, without a picture, is text that nobody opens to look at it.
    let first = receiver.wait_for(1).await.remove(0);
    assert_eq!(first.path, "/bot123:bot-secret/sendMessage");
    let text = first.json();
    assert_eq!(
        (
            &text["chat_id"],
            &text["link_preview_options"]["is_disabled"]
        ),
        (&json!("-100200"), &json!(true))
    );
    assert!(
        text["text"]
            .as_str()
            .unwrap()
            .starts_with("front: Somebody rings")
    );
    let picture = jpeg(60_000);
    door.put(&picture).await;
    there.notify_one();
    let second = receiver.wait_for(2).await.remove(1);
    assert_eq!(second.path, "/bot123:bot-secret/sendPhoto");
    let kind = second.header("content-type");
    let boundary = kind.strip_prefix("multipart/form-data; boundary=").unwrap();
    let parts = split(&second.body, format!("--{boundary}").as_bytes());
    let [empty, chat, caption, photo, end] = &parts[..] else {
        panic!("{} parts", parts.len());
    };
    assert!(empty.is_empty() && *end == b"--\r\n");
    assert!(chat.ends_with(b"name=\"chat_id\"\r\n\r\n-100200\r\n"));
    let caption = std::str::from_utf8(caption).unwrap();
    assert!(
        caption.contains("front: Somebody rings") && caption.contains("#share="),
        "{caption}"
    );
    let head = photo
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap();
    assert_eq!(&photo[head + 4..photo.len() - 2], &picture[..]);

    door.say("answerCall", &call).await;
    let edited = receiver.wait_for(3).await.remove(2);
    assert_eq!(edited.path, "/bot123:bot-secret/editMessageCaption");
    let edit = edited.json();
    assert_eq!(
        (&edit["message_id"], &edit["caption"]),
        (&json!(7), &json!("front: root has answered"))
    );
}

fn split<'a>(body: &'a [u8], by: &[u8]) -> Vec<&'a [u8]> {
    let mut parts = Vec::new();
    let mut rest = body;
    while let Some(at) = rest.windows(by.len()).position(|part| part == by) {
        parts.push(&rest[..at]);
        rest = &rest[at + by.len()..];
    }
    parts.push(rest);
    parts
}

/// As docs/notify.md has it for whoever writes a receiver.
fn verify(secret: &str, time: &str, body: &[u8], signature: &str) -> bool {
    let page = include_str!("../../../docs/notify.md");
    let begin = "<!-- run by signaling/tests/notify/kinds.rs -->\n```python\n";
    let (_, rest) = page.split_once(begin).unwrap();
    let program = rest.split_once("```").unwrap().0;
    let mut python = Command::new("python3")
        .args(["-c", program, secret, time, signature])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    python.stdin.take().unwrap().write_all(body).unwrap();
    python.wait().unwrap().success()
}

#[tokio::test]
async fn a_webhook_is_signed_and_has_the_picture_in_it() {
    let there = Arc::new(Notify::new());
    let (receiver, url) = Receiver::start([Says::After(there.clone(), status(500))]).await;
    let hook = KindOptions::Webhook(WebhookOptions {
        url: url.join("/ring?x=1").unwrap(),
        secret: Some("a secret of the house".to_owned()),
        picture: WebhookPicture::Inline,
    });
    let mut door = Door::new(told_by([hook])).await;
    let call = door.ring(RING).await;
    receiver.wait_for(1).await;
    let picture = jpeg(40_000);
    door.put(&picture).await;
    there.notify_one();
    let asked = receiver.wait_for(2).await;
    let [first, second] = &asked[..] else {
        panic!("{asked:?}");
    };
    assert_eq!(
        first.header("porthole-delivery"),
        second.header("porthole-delivery")
    );
    let told = second.json();
    assert_eq!(
        (&told["v"], &told["kind"], &told["call"]),
        (&json!(1), &json!("ring"), &json!(call))
    );
    assert_eq!(
        (&told["camera"], &told["user"]),
        (&json!("front"), &json!("root"))
    );
    let snapshot = told["snapshot"].as_str().unwrap();
    assert_eq!(
        data_encoding::BASE64.decode(snapshot.as_bytes()).unwrap(),
        picture
    );
    assert!(told["link"].as_str().unwrap().contains("#share="));
    let (time, signature) = (
        second.header("porthole-timestamp"),
        second.header("porthole-signature"),
    );
    assert!(verify(
        "a secret of the house",
        time,
        &second.body,
        signature
    ));
    assert!(!verify(
        "another secret of it",
        time,
        &second.body,
        signature
    ));
    assert!(!verify(
        "a secret of the house",
        time,
        &first.body,
        signature
    ));

    door.say("nobodyHome", &call).await;
    let over = receiver.wait_for(3).await.remove(2);
    assert_ne!(
        over.header("porthole-delivery"),
        second.header("porthole-delivery")
    );
    let over = over.json();
    assert_eq!(
        (&over["kind"], &over["reason"]),
        (&json!("ended"), &json!("nobody-home"))
    );
}

#[tokio::test]
async fn a_test_is_told_by_all_and_says_what_each_has_answered() {
    let (_, good) = Receiver::start([]).await;
    let (_, bad) = Receiver::start([Says::This(
        (axum::http::StatusCode::UNAUTHORIZED, "who are you?").into_response(),
    )])
    .await;
    let door = Door::new(told_by([ntfy(good), telegram(bad)])).await;
    let answer = door
        .house
        .admin
        .post("/api/notify/test", &json!({"user": "root"}))
        .await;
    let items = answer.json()["items"].clone();
    assert_eq!(
        (&items[0]["kind"], &items[0]["told"]),
        (&json!("ntfy"), &json!(true)),
        "{items}"
    );
    assert_eq!(
        (&items[1]["kind"], &items[1]["told"]),
        (&json!("telegram"), &json!(false))
    );
    let error = items[1]["error"].as_str().unwrap();
    assert!(
        error.starts_with("HTTP 401: look at the token") && error.contains("who are you?"),
        "{error}"
    );
    // A topic for root alone: nobody else is told by it.
    let answer = door
        .house
        .admin
        .post("/api/notify/test", &json!({"user": "nobody"}))
        .await;
    assert_eq!(answer.json()["items"].as_array().unwrap().len(), 1);
    let user = door.house.user("plain").await;
    let answer = user
        .post("/api/notify/test", &json!({"user": "root"}))
        .await;
    assert_eq!(answer.status, 403);
}
