// SPDX-License-Identifier: MPL-2.0
//! Topics of an ntfy server: a notification with the picture attached, which becomes another one when the call is answered.

use std::sync::Arc;

use async_trait::async_trait;
use axum::body::Bytes;
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderValue, Request, request::Builder};
use url::Url;

use super::channel::{Channel, Failure, News, Picture, Receipt};
use super::http::{Http, unusable};
use super::options::NtfyOptions;
use super::text;
use crate::calls::RingNotice;
use crate::digest::SecretDigest;

pub(super) struct Ntfy {
    options: NtfyOptions,
    http: Http,
}

/// A topic.
struct Topic {
    ntfy: Arc<Ntfy>,
    url: Url,
}

impl Ntfy {
    pub(super) fn new(options: NtfyOptions, http: Http) -> Self {
        Self { options, http }
    }

    pub(super) fn channel(self: &Arc<Self>, user: &str) -> Option<Arc<dyn Channel>> {
        let topic = self.options.topic.of(user)?;
        let mut url = self.options.url.clone();
        url.path_segments_mut().ok()?.pop_if_empty().push(topic);
        let ntfy = self.clone();
        Some(Arc::new(Topic { ntfy, url }))
    }
}

impl Topic {
    /// What all messages of a person's notification have: among them what shows that they are of one.
    fn message(&self, ring: &RingNotice, message: &str) -> Result<Builder, Failure> {
        let sequence = SecretDigest::of(&format!("{} {}", ring.call, ring.user)).to_hex();
        let mut request = Request::put(self.url.as_str())
            .header("X-Sequence-ID", &sequence[..32])
            .header("X-Title", header(&text::title(ring))?)
            .header("X-Message", header(message)?);
        if let Some(token) = &self.ntfy.options.token {
            let mut bearer = header(&format!("Bearer {token}"))?;
            bearer.set_sensitive(true);
            request = request.header(AUTHORIZATION, bearer);
        }
        Ok(request)
    }
}

#[async_trait]
impl Channel for Topic {
    /// A second message of the same sequence takes the place of the first.
    fn is_repeatable(&self) -> bool {
        true
    }

    async fn send(&self, ring: &RingNotice, picture: Picture) -> Result<Receipt, Failure> {
        let mut request = self
            .message(ring, &text::rings(ring))?
            .header("X-Priority", "5")
            .header("X-Tags", "bell");
        let click = self.ntfy.options.click.as_ref().map(Url::as_str);
        if let Some(open) = click.or_else(|| text::open(ring)) {
            request = request.header("X-Click", header(open)?);
        }
        if let Some(open) = text::open(ring) {
            request = request.header(
                "X-Actions",
                header(&format!("view, Open, {open}, clear=true"))?,
            );
        }
        let body = match picture {
            Some(picture) => {
                request = request.header("X-Filename", "door.jpg");
                Bytes::copy_from_slice(&picture)
            }
            None => Bytes::new(),
        };
        let request = request.body(body).map_err(unusable)?;
        self.ntfy.http.hand_over(request).await?;
        Ok(None)
    }

    fn follows(&self) -> bool {
        true
    }

    /// Without a sound.
    async fn follow(&self, ring: &RingNotice, _: &Receipt, news: &News) -> Result<(), Failure> {
        let request = self.message(ring, &text::news(news))?;
        let request = request.header("X-Priority", "1").body(Bytes::new());
        let request = request.map_err(unusable)?;
        self.ntfy.http.hand_over(request).await?;
        Ok(())
    }
}

/// As UTF-8, which the server reads.
fn header(text: &str) -> Result<HeaderValue, Failure> {
    HeaderValue::from_bytes(text.as_bytes())
        .map_err(|_| Failure::never("there is a character in it that no HTTP header can carry"))
}
