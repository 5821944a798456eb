// SPDX-License-Identifier: MPL-2.0
//! One target: whom it is for, and what it needs.

use std::sync::Arc;

use super::channel::Channel;
use super::http::Http;
use super::mail::Mail;
use super::ntfy::Ntfy;
use super::options::{Filter, KindOptions, PushOptions, TargetOptions};
use super::push::WebPush;
use super::telegram::Telegram;
use super::webhook::Webhook;

pub(super) struct Target {
    pub(super) made_of: MadeOf,
    filter: Filter,
    kind: Kind,
}

/// By what it is seen whether another one is the same.
#[derive(PartialEq, Eq)]
pub(super) enum MadeOf {
    Table(TargetOptions),
    Push(PushOptions),
    #[cfg(test)]
    Test,
}

enum Kind {
    Ntfy(Arc<Ntfy>),
    Telegram(Arc<Telegram>),
    Mail(Arc<Mail>),
    Webhook(Arc<Webhook>),
    WebPush(Arc<WebPush>),
    #[cfg(test)]
    Test(Arc<dyn Channel>),
}

impl Target {
    pub(super) fn new(options: &TargetOptions, http: &Http) -> Result<Self, String> {
        let http = http.clone();
        let kind = match options.kind.clone() {
            KindOptions::Ntfy(ntfy) => Kind::Ntfy(Arc::new(Ntfy::new(ntfy, http))),
            KindOptions::Telegram(bot) => Kind::Telegram(Arc::new(Telegram::new(bot, http))),
            KindOptions::Mail(mail) => Kind::Mail(Arc::new(Mail::new(mail)?)),
            KindOptions::Webhook(hook) => Kind::Webhook(Arc::new(Webhook::new(hook, http))),
        };
        Ok(Self {
            filter: options.filter.clone(),
            made_of: MadeOf::Table(options.clone()),
            kind,
        })
    }

    pub(super) fn push(options: &PushOptions, push: WebPush) -> Self {
        Self {
            filter: options.filter.clone(),
            made_of: MadeOf::Push(options.clone()),
            kind: Kind::WebPush(Arc::new(push)),
        }
    }

    #[cfg(test)]
    pub(super) fn test(channel: Arc<dyn Channel>) -> Self {
        Self {
            filter: Filter::default(),
            made_of: MadeOf::Test,
            kind: Kind::Test(channel),
        }
    }

    /// Whether it is told of this person, and of this camera, if it is one that rings.
    pub(super) fn is_for(&self, user: &str, camera: Option<&str>) -> bool {
        self.filter.has(user, camera)
    }

    /// The addresses of a person.
    pub(super) async fn channels(&self, user: &str) -> Result<Vec<Arc<dyn Channel>>, String> {
        let one = match &self.kind {
            Kind::Ntfy(ntfy) => ntfy.channel(user),
            Kind::Telegram(telegram) => telegram.channel(user),
            Kind::Mail(mail) => mail.channel(user),
            Kind::Webhook(webhook) => Some(webhook.channel()),
            Kind::WebPush(push) => return push.channels(user).await,
            #[cfg(test)]
            Kind::Test(channel) => Some(channel.clone()),
        };
        Ok(one.into_iter().collect())
    }

    /// What it is called in the configuration, in the log and among the metrics.
    pub(super) fn kind(&self) -> &'static str {
        match self.kind {
            Kind::Ntfy(_) => "ntfy",
            Kind::Telegram(_) => "telegram",
            Kind::Mail(_) => "mail",
            Kind::Webhook(_) => "webhook",
            Kind::WebPush(_) => "web-push",
            #[cfg(test)]
            Kind::Test(_) => "test",
        }
    }
}
