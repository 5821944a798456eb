// SPDX-License-Identifier: MPL-2.0
//! The tables `[[notify]]` of the configuration file.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use url::{Host, Url};

use super::secret;
use super::values::check_user;
use crate::notify::{
    Address, Filter, KindOptions, MailOptions, MailTls, NotifyOptions, NtfyOptions, PushOptions,
    TargetOptions, TelegramOptions, WebhookOptions, WebhookPicture,
};

/// Telegram's own.
const TELEGRAM: &str = "https://api.telegram.org/";
/// Shorter secrets could be guessed by whoever has one message.
const MIN_SECRET_CHARS: usize = 16;

/// A target. Which keys it has is said by its kind.
#[derive(Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct NotifyTable {
    kind: Kind,
    users: Option<BTreeSet<String>>,
    cameras: Option<BTreeSet<String>>,
    url: Option<Url>,
    topic: Option<OneOrEach>,
    token_file: Option<PathBuf>,
    click: Option<Url>,
    chat: Option<OneOrEach>,
    server: Option<String>,
    port: Option<u16>,
    tls: Option<TlsWord>,
    login: Option<String>,
    password_file: Option<PathBuf>,
    from: Option<String>,
    to: Option<OneOrEach>,
    secret_file: Option<PathBuf>,
    snapshot: Option<SnapshotWord>,
    contact: Option<String>,
    to_private: Option<bool>,
    enabled: Option<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Ntfy,
    Telegram,
    Mail,
    Webhook,
    WebPush,
}

#[derive(Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
enum TlsWord {
    Starttls,
    Tls,
    None,
}

#[derive(Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
enum SnapshotWord {
    Inline,
    Url,
    None,
}

/// An address of all, or of each by name.
#[derive(Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(
    untagged,
    expecting = "write one for all, or one for each user: {alice = \"...\", bob = \"...\"}"
)]
enum OneOrEach {
    One(String),
    Each(BTreeMap<String, String>),
}

impl fmt::Debug for NotifyTable {
    /// Addresses are secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NotifyTable")
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ntfy => "ntfy",
            Self::Telegram => "telegram",
            Self::Mail => "mail",
            Self::Webhook => "webhook",
            Self::WebPush => "web-push",
        })
    }
}

/// Puts the tables together, the files of them seen from `folder`, or says what is wrong with them.
pub(super) fn notifiers(tables: &[NotifyTable], folder: &Path) -> Result<NotifyOptions, String> {
    let mut options = NotifyOptions::default();
    let mut has_push = false;
    for table in tables {
        table.check()?;
        let wrong = |what: String| table.wrong(&what);
        if table.kind == Kind::WebPush {
            if std::mem::replace(&mut has_push, true) {
                return Err(table.wrong("is there twice: remove one"));
            }
            options.push = table.push();
        } else if table.enabled != Some(false) {
            let kind = table.read(folder).map_err(wrong)?;
            let filter = table.filter();
            options.targets.push(TargetOptions { filter, kind });
        }
    }
    Ok(options)
}

impl NotifyTable {
    fn wrong(&self, what: &str) -> String {
        format!("[[notify]] kind = \"{}\": {what}", self.kind)
    }

    /// What can be seen without its files.
    pub(super) fn check(&self) -> Result<(), String> {
        self.keys()
            .and_then(|()| self.names())
            .and_then(|()| self.values())
            .map_err(|what| self.wrong(&what))
    }

    /// Each kind has keys of its own.
    fn keys(&self) -> Result<(), String> {
        use Kind::{Mail, Ntfy, Telegram, WebPush, Webhook};
        let keys: [(&str, bool, &[Kind]); 17] = [
            ("url", self.url.is_some(), &[Ntfy, Telegram, Webhook]),
            ("topic", self.topic.is_some(), &[Ntfy]),
            ("token-file", self.token_file.is_some(), &[Ntfy, Telegram]),
            ("click", self.click.is_some(), &[Ntfy]),
            ("chat", self.chat.is_some(), &[Telegram]),
            ("server", self.server.is_some(), &[Mail]),
            ("port", self.port.is_some(), &[Mail]),
            ("tls", self.tls.is_some(), &[Mail]),
            ("login", self.login.is_some(), &[Mail]),
            ("password-file", self.password_file.is_some(), &[Mail]),
            ("from", self.from.is_some(), &[Mail]),
            ("to", self.to.is_some(), &[Mail]),
            ("secret-file", self.secret_file.is_some(), &[Webhook]),
            ("snapshot", self.snapshot.is_some(), &[Webhook]),
            ("contact", self.contact.is_some(), &[WebPush]),
            ("to-private", self.to_private.is_some(), &[WebPush]),
            ("kind", true, &[Ntfy, Telegram, Mail, Webhook, WebPush]),
        ];
        let foreign = keys
            .iter()
            .find(|(_, given, of)| *given && !of.contains(&self.kind));
        if let Some((key, _, of)) = foreign {
            let of: Vec<_> = of.iter().map(|kind| format!("\"{kind}\"")).collect();
            return Err(format!(
                "{key} is of kind = {}: remove it",
                of.join(" and ")
            ));
        }
        let needed: &[&str] = match self.kind {
            Ntfy => &["url", "topic"],
            Telegram => &["token-file", "chat"],
            Mail => &["server", "from", "to"],
            Webhook => &["url"],
            WebPush => &[],
        };
        let missing = keys
            .iter()
            .find(|(key, given, _)| !given && needed.contains(key));
        match missing {
            Some((key, ..)) => Err(format!("{key} is missing")),
            None => Ok(()),
        }
    }

    fn names(&self) -> Result<(), String> {
        let each = [&self.topic, &self.chat, &self.to].into_iter().flatten();
        let each = each.filter_map(|address| match address {
            OneOrEach::One(_) => None,
            OneOrEach::Each(each) => Some(each.keys()),
        });
        let users = self.users.iter().flatten();
        for user in each.flatten().chain(users) {
            check_user(user).map_err(|what| format!("users: \"{user}\": {what}"))?;
        }
        let is_id = |id: &&String| !porthole_protocol::key::is_camera_id(id);
        match self.cameras.iter().flatten().find(is_id) {
            Some(id) => Err(format!(
                "cameras: no camera has the id \"{id}\": use 1 to 64 of a-z, 0-9 and -"
            )),
            None => Ok(()),
        }
    }

    fn values(&self) -> Result<(), String> {
        for (key, url) in [("url", &self.url), ("click", &self.click)] {
            let Some(url) = url else { continue };
            if !matches!(url.scheme(), "https" | "http") || !url.has_host() {
                return Err(format!("{key}: give an address with https://"));
            }
            if url.scheme() == "http" && key == "url" && !is_at_home(url) {
                return Err(format!(
                    "{key}: by http:// whoever is on the way reads it and has the link: use https://, or a server in your own network"
                ));
            }
        }
        if self.login.is_some() != self.password_file.is_some() {
            return Err("login and password-file belong together: give both or neither".to_owned());
        }
        let is_contact =
            |text: &&String| text.starts_with("mailto:") || text.starts_with("https://");
        if self.contact.as_ref().is_some_and(|text| !is_contact(&text)) {
            return Err("contact: write it as mailto:you@example.org or https://".to_owned());
        }
        Ok(())
    }

    fn filter(&self) -> Filter {
        Filter {
            users: self.users.clone(),
            cameras: self.cameras.clone(),
        }
    }

    fn push(&self) -> PushOptions {
        PushOptions {
            enabled: self.enabled != Some(false),
            filter: self.filter(),
            contact: self.contact.clone(),
            to_private: self.to_private == Some(true),
        }
    }

    fn read(&self, folder: &Path) -> Result<KindOptions, String> {
        let file = |key: &str, file: &Option<PathBuf>| {
            let text = file.as_deref().map(|file| secret::text(folder, file));
            let text = text.transpose().map_err(|e| format!("{key}: {e}"))?;
            match text {
                Some(text) if text.is_empty() || text.contains(char::is_control) => Err(format!(
                    "{key}: there is no secret in it, which is one line"
                )),
                text => Ok(text),
            }
        };
        let missing = |key: &str| format!("{key} is missing");
        let address = |address: &Option<OneOrEach>, key| match address {
            Some(OneOrEach::One(one)) => Ok(Address::All(one.clone())),
            Some(OneOrEach::Each(each)) => Ok(Address::Each(each.clone())),
            None => Err(missing(key)),
        };
        let url = || self.url.clone().ok_or_else(|| missing("url"));
        Ok(match self.kind {
            Kind::Ntfy => KindOptions::Ntfy(NtfyOptions {
                url: url()?,
                topic: address(&self.topic, "topic")?,
                token: file("token-file", &self.token_file)?,
                click: self.click.clone(),
            }),
            Kind::Telegram => KindOptions::Telegram(TelegramOptions {
                url: self
                    .url
                    .clone()
                    .map_or_else(|| TELEGRAM.parse(), Ok)
                    .map_err(|_| missing("url"))?,
                token: file("token-file", &self.token_file)?
                    .ok_or_else(|| missing("token-file"))?,
                chat: address(&self.chat, "chat")?,
            }),
            Kind::Mail => KindOptions::Mail(MailOptions {
                server: self.server.clone().ok_or_else(|| missing("server"))?,
                port: self.port,
                tls: match self.tls {
                    None | Some(TlsWord::Starttls) => MailTls::Starttls,
                    Some(TlsWord::Tls) => MailTls::Tls,
                    Some(TlsWord::None) => MailTls::None,
                },
                login: self
                    .login
                    .clone()
                    .zip(file("password-file", &self.password_file)?),
                from: self.from.clone().ok_or_else(|| missing("from"))?,
                to: address(&self.to, "to")?,
            }),
            Kind::Webhook => {
                let secret = file("secret-file", &self.secret_file)?;
                if secret
                    .as_ref()
                    .is_some_and(|s| s.chars().count() < MIN_SECRET_CHARS)
                {
                    return Err(format!(
                        "secret-file: use {MIN_SECRET_CHARS} characters or more"
                    ));
                }
                KindOptions::Webhook(WebhookOptions {
                    url: url()?,
                    secret,
                    picture: match self.snapshot {
                        None | Some(SnapshotWord::Inline) => WebhookPicture::Inline,
                        Some(SnapshotWord::Url) => WebhookPicture::Url,
                        Some(SnapshotWord::None) => WebhookPicture::None,
                    },
                })
            }
            Kind::WebPush => return Err("it is put together elsewhere".to_owned()),
        })
    }
}

/// Whether it is on this machine or in a network of one's own, as a home's notifiers are.
fn is_at_home(url: &Url) -> bool {
    let is_private = |address: IpAddr| match address.to_canonical() {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    };
    match url.host() {
        Some(Host::Ipv4(address)) => is_private(address.into()),
        Some(Host::Ipv6(address)) => is_private(address.into()),
        Some(Host::Domain(name)) => {
            // A name without a dot, or one that no public server has.
            let ends = [
                ".local",
                ".lan",
                ".home",
                ".home.arpa",
                ".internal",
                ".localdomain",
            ];
            !name.contains('.') || ends.iter().any(|end| name.ends_with(end))
        }
        None => false,
    }
}

#[cfg(test)]
#[path = "notifiers_tests.rs"]
mod tests;
