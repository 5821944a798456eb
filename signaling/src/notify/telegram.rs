// SPDX-License-Identifier: MPL-2.0
//! Chats with a bot of Telegram: a photograph with a caption, which says later what became of the call.

use std::sync::Arc;

use async_trait::async_trait;
use axum::body::Bytes;
use axum::http::Request;
use axum::http::header::CONTENT_TYPE;
use porthole_protocol::random_secret;
use serde_json::{Value, json};

use super::channel::{Channel, Failure, News, Picture, Receipt, What};
use super::http::{Answer, Http, shortened, unusable};
use super::options::TelegramOptions;
use super::text;
use crate::calls::RingNotice;

pub(super) struct Telegram {
    options: TelegramOptions,
    http: Http,
}

struct Chat {
    telegram: Arc<Telegram>,
    id: String,
}

impl Telegram {
    pub(super) fn new(options: TelegramOptions, http: Http) -> Self {
        Self { options, http }
    }

    pub(super) fn channel(self: &Arc<Self>, user: &str) -> Option<Arc<dyn Channel>> {
        let id = self.options.chat.of(user)?.to_owned();
        let telegram = self.clone();
        Some(Arc::new(Chat { telegram, id }))
    }

    /// Calls a method of the Bot API. The token is in the address, which is shown nowhere.
    async fn call(&self, method: &str, kind: &str, body: Bytes) -> Result<Value, Failure> {
        let base = self.options.url.as_str().trim_end_matches('/');
        let request = Request::post(format!("{base}/bot{}/{method}", self.options.token))
            .header(CONTENT_TYPE, kind)
            .body(body)
            .map_err(unusable)?;
        let answer = self.http.ask(request).await?;
        let said = answer.body.as_deref();
        let said: Value = said
            .and_then(|body| serde_json::from_slice(body).ok())
            .unwrap_or_default();
        match answer.status.is_success() {
            true => Ok(said),
            false => Err(refused(&answer, &said)),
        }
    }
}

/// What it says is in its JSON, how long to wait too.
fn refused(answer: &Answer, said: &Value) -> Failure {
    let mut failure = answer.refusal();
    if let Some(description) = said["description"].as_str() {
        failure.words = format!(
            "HTTP {}: {}",
            answer.status.as_u16(),
            shortened(description.as_bytes())
        );
    }
    if let (What::Later(None), Some(seconds)) =
        (failure.what, said["parameters"]["retry_after"].as_u64())
    {
        failure.what = What::Later(Some(std::time::Duration::from_secs(seconds)));
    }
    failure
}

#[async_trait]
impl Channel for Chat {
    /// There would be two of it.
    fn is_repeatable(&self) -> bool {
        false
    }

    async fn send(&self, ring: &RingNotice, picture: Picture) -> Result<Receipt, Failure> {
        let words = words(ring, &text::rings(ring), text::open(ring));
        let (said, kind) = match &picture {
            None => {
                let message = json!({
                    "chat_id": self.id,
                    "text": words,
                    // Nobody but who reads it is to open what is in it.
                    "link_preview_options": {"is_disabled": true},
                });
                let body = Bytes::from(message.to_string());
                (
                    self.telegram
                        .call("sendMessage", "application/json", body)
                        .await?,
                    "text",
                )
            }
            Some(picture) => {
                let fields = [("chat_id", &*self.id), ("caption", &words)];
                let (kind, body) = form(&fields, picture);
                (self.telegram.call("sendPhoto", &kind, body).await?, "photo")
            }
        };
        let id = said["result"]["message_id"].as_i64();
        Ok(id.map(|id| format!("{kind} {id}")))
    }

    fn follows(&self) -> bool {
        true
    }

    async fn follow(
        &self,
        ring: &RingNotice,
        receipt: &Receipt,
        news: &News,
    ) -> Result<(), Failure> {
        let sent = receipt
            .as_deref()
            .and_then(|receipt| receipt.split_once(' '));
        let Some((kind, id)) = sent else {
            return Ok(());
        };
        let words = words(ring, &text::news(news), None);
        let (method, field) = match kind {
            "photo" => ("editMessageCaption", "caption"),
            _ => ("editMessageText", "text"),
        };
        let edit = json!({"chat_id": self.id, "message_id": id.parse::<i64>().unwrap_or_default(), field: words});
        let body = Bytes::from(edit.to_string());
        self.telegram.call(method, "application/json", body).await?;
        Ok(())
    }
}

fn words(ring: &RingNotice, what: &str, open: Option<&str>) -> String {
    let words = format!("{}: {what}", text::title(ring));
    match open {
        Some(open) => format!("{words}\n{open}"),
        None => words,
    }
}

/// A form with a photograph (RFC 7578), and its content type.
fn form(fields: &[(&str, &str)], photo: &[u8]) -> (String, Bytes) {
    // Random, so that nothing in it can be the same.
    let boundary = random_secret();
    let mut body = Vec::with_capacity(photo.len() + 1024);
    for (name, value) in fields {
        let part = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
        );
        body.extend_from_slice(part.as_bytes());
    }
    let part = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"door.jpg\"\r\nContent-Type: image/jpeg\r\n\r\n"
    );
    body.extend_from_slice(part.as_bytes());
    body.extend_from_slice(photo);
    body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    (
        format!("multipart/form-data; boundary={boundary}"),
        body.into(),
    )
}
