// SPDX-License-Identifier: MPL-2.0
//! A program that is told by HTTP: for SMS, for home automation, for whatever is missing here.

use std::sync::Arc;

use async_trait::async_trait;
use aws_lc_rs::hmac;
use axum::body::Bytes;
use axum::http::Request;
use axum::http::header::CONTENT_TYPE;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::channel::{Channel, Failure, News, Picture, Receipt};
use super::http::{Http, unusable};
use super::options::{WebhookOptions, WebhookPicture};
use crate::calls::RingNotice;
use crate::digest::SecretDigest;

/// Version of what is sent.
const VERSION: u32 = 1;

pub(super) struct Webhook {
    options: WebhookOptions,
    key: Option<hmac::Key>,
    http: Http,
}

struct Person(Arc<Webhook>);

impl Webhook {
    pub(super) fn new(options: WebhookOptions, http: Http) -> Self {
        let secret = options.secret.as_ref();
        let key = secret.map(|secret| hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()));
        Self { options, key, http }
    }

    pub(super) fn channel(self: &Arc<Self>) -> Arc<dyn Channel> {
        Arc::new(Person(self.clone()))
    }

    async fn post(&self, id: &str, message: &Value) -> Result<(), Failure> {
        let body = message.to_string();
        let mut request = Request::post(self.options.url.as_str())
            .header(CONTENT_TYPE, "application/json")
            .header("Porthole-Delivery", id);
        if let Some(key) = &self.key {
            // The time too, so that what somebody has kept is worth nothing later.
            let time = Timestamp::now().as_second().to_string();
            let mut context = hmac::Context::with_key(key);
            context.update(time.as_bytes());
            context.update(b".");
            context.update(body.as_bytes());
            let signature = data_encoding::HEXLOWER.encode(context.sign().as_ref());
            request = request
                .header("Porthole-Timestamp", time)
                .header("Porthole-Signature", format!("sha256={signature}"));
        }
        let request = request.body(Bytes::from(body)).map_err(unusable)?;
        self.http.hand_over(request).await?;
        Ok(())
    }
}

/// By what the same is known again.
fn delivery(ring: &RingNotice, kind: &str) -> String {
    let id = SecretDigest::of(&format!("{} {} {kind}", ring.call, ring.user)).to_hex();
    id[..32].to_owned()
}

#[async_trait]
impl Channel for Person {
    fn shows_picture(&self) -> bool {
        self.0.options.picture != WebhookPicture::None
    }

    fn is_repeatable(&self) -> bool {
        true
    }

    async fn send(&self, ring: &RingNotice, picture: Picture) -> Result<Receipt, Failure> {
        let mut message = json!({
            "v": VERSION,
            "kind": "ring",
            "call": ring.call,
            "camera": ring.camera,
            "name": ring.name,
            "user": ring.user,
            "rang": ring.rang,
            "until": ring.until,
        });
        for (key, url) in [("page", &ring.page), ("link", &ring.link)] {
            if let Some(url) = url {
                message[key] = json!(url.as_str());
            }
        }
        match (self.0.options.picture, picture, &ring.page) {
            (WebhookPicture::Inline, Some(picture), _) => {
                message["snapshot"] = json!(BASE64_STANDARD.encode(&*picture));
            }
            (WebhookPicture::Url, Some(_), Some(page)) => {
                let path = format!("api/v1/calls/{}/snapshot", ring.call);
                if let Ok(mut url) = page.join(&path) {
                    url.set_fragment(None);
                    message["snapshotUrl"] = json!(url.as_str());
                }
            }
            _ => (),
        }
        self.0.post(&delivery(ring, "ring"), &message).await?;
        Ok(None)
    }

    fn follows(&self) -> bool {
        true
    }

    async fn follow(&self, ring: &RingNotice, _: &Receipt, news: &News) -> Result<(), Failure> {
        let (kind, mut message) = super::push::news_json(&ring.call, news);
        message["camera"] = json!(ring.camera);
        message["user"] = json!(ring.user);
        self.0.post(&delivery(ring, kind), &message).await
    }
}
