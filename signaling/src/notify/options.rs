// SPDX-License-Identifier: MPL-2.0
//! What is configured of notifiers. None of it is shown by `Debug` that could be a secret.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use url::Url;

/// All notifiers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NotifyOptions {
    /// Those that were configured.
    pub targets: Vec<TargetOptions>,
    /// Web Push, which is on where there is a database and a `url`.
    pub push: PushOptions,
}

/// Of whom, and of which cameras, a target is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// `None`: everybody.
    pub users: Option<BTreeSet<String>>,
    /// `None`: all.
    pub cameras: Option<BTreeSet<String>>,
}

impl Filter {
    pub(super) fn has(&self, user: &str, camera: Option<&str>) -> bool {
        let is_in = |names: &Option<BTreeSet<String>>, name: &str| {
            names.as_ref().is_none_or(|names| names.contains(name))
        };
        is_in(&self.users, user) && camera.is_none_or(|camera| is_in(&self.cameras, camera))
    }
}

/// Where people are told: all at one address, or each at one of its own.
#[derive(Clone, PartialEq, Eq)]
pub enum Address {
    /// The same for all.
    All(String),
    /// By user. Others are not told.
    Each(BTreeMap<String, String>),
}

impl Address {
    pub(super) fn of(&self, user: &str) -> Option<&str> {
        match self {
            Self::All(address) => Some(address),
            Self::Each(addresses) => addresses.get(user).map(String::as_str),
        }
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &str> {
        let (one, each) = match self {
            Self::All(address) => (Some(address), None),
            Self::Each(addresses) => (None, Some(addresses.values())),
        };
        one.into_iter()
            .chain(each.into_iter().flatten())
            .map(String::as_str)
    }
}

/// A target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetOptions {
    /// Whom it is for.
    pub filter: Filter,
    /// What it is.
    pub kind: KindOptions,
}

/// What kind of target it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KindOptions {
    /// A topic of an ntfy server.
    Ntfy(NtfyOptions),
    /// A chat with a bot.
    Telegram(TelegramOptions),
    /// Mail.
    Mail(MailOptions),
    /// A program that is asked by HTTP.
    Webhook(WebhookOptions),
}

/// A topic of an ntfy server.
#[derive(Clone, PartialEq, Eq)]
pub struct NtfyOptions {
    /// The server.
    pub url: Url,
    /// Whoever knows a topic reads it, so that it is a secret.
    pub topic: Address,
    /// An access token of the server.
    pub token: Option<String>,
    /// What a touch opens in the place of the call's link.
    pub click: Option<Url>,
}

/// A chat with a bot of Telegram.
#[derive(Clone, PartialEq, Eq)]
pub struct TelegramOptions {
    /// The Bot API: Telegram's, or a server of one's own.
    pub url: Url,
    /// The bot's token.
    pub token: String,
    /// Ids of chats.
    pub chat: Address,
}

/// Mail by one server.
#[derive(Clone, PartialEq, Eq)]
pub struct MailOptions {
    /// Its name, which its certificate has to have.
    pub server: String,
    /// `None`: the usual one.
    pub port: Option<u16>,
    /// How the way to it is encrypted.
    pub tls: MailTls,
    /// Name and password there.
    pub login: Option<(String, String)>,
    /// Who writes.
    pub from: String,
    /// To whom.
    pub to: Address,
}

/// How the way to a mail server is encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MailTls {
    /// From the greeting on; a server that cannot is not written to. Port 587.
    #[default]
    Starttls,
    /// From the beginning. Port 465.
    Tls,
    /// Not at all: on this machine alone. Port 25.
    None,
}

/// A program that is asked by HTTP.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookOptions {
    /// Where.
    pub url: Url,
    /// What it is signed with.
    pub secret: Option<String>,
    /// How it has the picture.
    pub picture: WebhookPicture,
}

/// How a program has the picture of a press.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WebhookPicture {
    /// In the message, as base64.
    #[default]
    Inline,
    /// By its address at this server, which wants a log-in.
    Url,
    /// Not at all: it is not waited for.
    None,
}

/// Web Push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushOptions {
    /// `false`: none.
    pub enabled: bool,
    /// Whom it is for.
    pub filter: Filter,
    /// Where push services reach whoever runs this server: `mailto:` or `https:`. Without it `url` is, by https.
    pub contact: Option<String>,
    /// Lets a push service be in a private network, where users could otherwise have this server ask what only it reaches.
    pub to_private: bool,
}

impl Default for PushOptions {
    fn default() -> Self {
        Self {
            enabled: true,
            filter: Filter::default(),
            contact: None,
            to_private: false,
        }
    }
}

/// Addresses and tokens are secrets.
macro_rules! shows_its_name_alone {
    ($($name:ident)*) => {
        $(impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        })*
    };
}

shows_its_name_alone!(Address NtfyOptions TelegramOptions MailOptions WebhookOptions);
