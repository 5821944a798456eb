// SPDX-License-Identifier: MPL-2.0
//! Web Push (RFC 8030): browsers are told by the service of their vendor, which can read nothing of it.
//!
//! - `encrypt` is what the browser alone reads (RFC 8291), `vapid` says to the service who sends (RFC 8292).

mod encrypt;
mod vapid;

use std::sync::Arc;

use async_trait::async_trait;
use axum::body::Bytes;
use axum::http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::{Request, StatusCode};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use jiff::Timestamp;
use serde_json::{Value, json};
use url::Url;

use super::channel::{Channel, Failure, News, Picture, Receipt, What};
use super::http::{Http, unusable};
use super::text;
use crate::access::{Access, By};
use crate::calls::RingNotice;
use crate::digest::SecretDigest;
use crate::model::PushSubscription;
pub use vapid::PushKey;
use vapid::Vapid;

/// Version of what is sent.
const VERSION: u32 = 1;
/// Of how many characters the push service's name for all messages of a call may be (RFC 8030, 5.4).
const TOPIC_CHARS: usize = 32;

pub(super) struct WebPush {
    access: Arc<Access>,
    vapid: Vapid,
    http: Http,
}

/// A browser.
struct Browser {
    push: Arc<WebPush>,
    subscription: PushSubscription,
}

impl WebPush {
    pub(super) fn new(
        access: Arc<Access>,
        key: &PushKey,
        contact: Option<String>,
        http: Http,
    ) -> Self {
        let vapid = Vapid::new(key, contact);
        Self {
            access,
            vapid,
            http,
        }
    }

    pub(super) async fn channels(
        self: &Arc<Self>,
        user: &str,
    ) -> Result<Vec<Arc<dyn Channel>>, String> {
        let found = self.access.push_subscriptions(user).await;
        let browsers = found.map_err(|error| error.to_string())?.into_iter();
        let browsers = browsers.map(|subscription| {
            let push = self.clone();
            Arc::new(Browser { push, subscription }) as Arc<dyn Channel>
        });
        Ok(browsers.collect())
    }
}

impl Browser {
    async fn push(&self, ring: &RingNotice, message: &Value) -> Result<(), Failure> {
        let subscription = &self.subscription;
        let now = Timestamp::now();
        let body = encrypt::encrypt(message.to_string().as_bytes(), subscription)
            .map_err(|_| Failure::never("its browser gave a key that is none"))?;
        let endpoint = Url::parse(&subscription.endpoint)
            .map_err(|_| Failure::never("its browser gave an address that is none"))?;
        let authorization = self.push.vapid.authorization(&endpoint, now);
        let authorization = authorization
            .ok_or_else(|| Failure::never("the server's key for Web Push cannot be used"))?;
        // A telephone that comes back later has nothing to answer any more.
        let rest = ring.until.duration_since(now).as_secs().max(0);
        let topic = BASE64_URL_SAFE_NO_PAD.encode(SecretDigest::of(&ring.call).half());
        let request = Request::post(endpoint.as_str())
            .header(AUTHORIZATION, authorization)
            .header(CONTENT_ENCODING, "aes128gcm")
            .header(CONTENT_TYPE, "application/octet-stream")
            .header("TTL", rest)
            .header("Urgency", "high")
            // What a telephone has not had yet gives way to what is newer.
            .header("Topic", &topic[..topic.len().min(TOPIC_CHARS)])
            .body(Bytes::from(body))
            .map_err(unusable)?;
        let answer = self.push.http.ask(request).await?;
        match answer.status {
            status if status.is_success() => Ok(()),
            StatusCode::NOT_FOUND | StatusCode::GONE => {
                let words = "this browser does not want it any more";
                Err(Failure::new(What::Gone, words))
            }
            _ => Err(answer.refusal()),
        }
    }
}

#[async_trait]
impl Channel for Browser {
    /// It comes with the page.
    fn shows_picture(&self) -> bool {
        false
    }

    /// The page shows one notification of a call.
    fn is_repeatable(&self) -> bool {
        true
    }

    async fn send(&self, ring: &RingNotice, _: Picture) -> Result<Receipt, Failure> {
        let mut message = json!({
            "v": VERSION,
            "kind": "ring",
            "call": ring.call,
            "camera": ring.camera,
            "name": text::title(ring),
            "rang": ring.rang,
            "until": ring.until,
        });
        for (key, url) in [("page", &ring.page), ("link", &ring.link)] {
            if let Some(url) = url {
                message[key] = json!(url.as_str());
            }
        }
        self.push(ring, &message).await?;
        Ok(None)
    }

    fn follows(&self) -> bool {
        true
    }

    async fn follow(&self, ring: &RingNotice, _: &Receipt, news: &News) -> Result<(), Failure> {
        let (_, message) = news_json(&ring.call, news);
        self.push(ring, &message).await
    }

    async fn forget(&self) {
        let (user, id) = (&self.subscription.user, self.subscription.id());
        let by = By::now("server");
        if let Err(error) = self.push.access.remove_push(&by, user, &id).await {
            tracing::warn!(user, %error, "a browser that is there no more could not be forgotten");
        }
    }
}

/// What became of a call, as pages and programs read it, and of which kind that is.
pub(super) fn news_json(call: &str, news: &News) -> (&'static str, Value) {
    let (kind, by, reason) = match news {
        News::Answered { by } => ("answered", by, None),
        News::Ended { by, reason } => ("ended", by, *reason),
    };
    let mut message = json!({"v": VERSION, "kind": kind, "call": call});
    if let Some(by) = by {
        message["by"] = json!(by);
    }
    if let Some(reason) = reason {
        message["reason"] = json!(reason);
    }
    (kind, message)
}
