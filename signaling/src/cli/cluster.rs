// SPDX-License-Identifier: MPL-2.0
//! The table `[cluster]` of the configuration file.

use std::fmt;
use std::path::{Path, PathBuf};

use url::{Host, Url};

use crate::cluster::ClusterOptions;

/// What the servers of one service have in common where nothing else is said.
const NAME: &str = "porthole";
/// A word of a NATS subject, in which a dot or a star would mean something.
const MAX_NAME: usize = 32;

/// How several servers are one.
#[derive(serde::Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct ClusterTable {
    nats: Url,
    credentials_file: Option<PathBuf>,
    ca_file: Option<PathBuf>,
    cert_file: Option<PathBuf>,
    key_file: Option<PathBuf>,
    name: Option<String>,
}

impl fmt::Debug for ClusterTable {
    /// The address may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClusterTable(..)")
    }
}

impl ClusterTable {
    /// Whether it makes sense; files are looked at when the server starts.
    pub(super) fn check(&self, has_database: bool) -> Result<(), String> {
        if !has_database {
            return Err(
                "several servers share a PostgreSQL database, and an SQLite file is one server's: set [database] url, or leave [cluster] out"
                    .to_owned(),
            );
        }
        self.options(Path::new("")).map(|_| ())
    }

    /// Whether what is said on the way can be read there.
    pub(super) fn is_plain(&self) -> bool {
        self.nats.scheme() == "nats" && !is_here(&self.nats)
    }

    /// Files are seen from `folder`.
    pub(super) fn options(&self, folder: &Path) -> Result<ClusterOptions, String> {
        if !matches!(self.nats.scheme(), "nats" | "tls") || self.nats.host().is_none() {
            return Err(
                "nats: an address such as tls://nats.example.org:4222, or nats:// without TLS"
                    .to_owned(),
            );
        }
        let certificate = match (&self.cert_file, &self.key_file) {
            (Some(certificate), Some(key)) => Some((folder.join(certificate), folder.join(key))),
            (None, None) => None,
            _ => return Err("cert-file and key-file belong together".to_owned()),
        };
        let shows_something = !self.nats.username().is_empty()
            || self.credentials_file.is_some()
            || certificate.is_some();
        if !shows_something && !is_here(&self.nats) {
            return Err(
                "nats: whoever reaches that NATS server could speak for this one: give a name and a password in the address, credentials-file, or cert-file and key-file"
                    .to_owned(),
            );
        }
        let name = self.name.as_deref().unwrap_or(NAME);
        let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if name.is_empty() || name.len() > MAX_NAME || !name.chars().all(is_word) {
            return Err(format!(
                "name: up to {MAX_NAME} letters, digits, - and _, as in \"{NAME}\""
            ));
        }
        Ok(ClusterOptions {
            nats: self.nats.clone(),
            credentials: self.credentials_file.as_ref().map(|file| folder.join(file)),
            ca: self.ca_file.as_ref().map(|file| folder.join(file)),
            certificate,
            name: name.to_owned(),
        })
    }
}

/// Whether it is on this machine.
fn is_here(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        // What the URL parser does not know the scheme of has its addresses as names.
        Some(Host::Domain(name)) => {
            name == "localhost"
                || (name.parse::<std::net::IpAddr>()).is_ok_and(|address| address.is_loopback())
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Result<ClusterTable, String> {
        toml_edit::de::from_str(text).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn an_address_with_a_credential_is_taken_and_what_would_be_open_is_not() {
        let fine = table("nats = \"tls://porthole:s@nats.example.org\"").unwrap();
        let options = fine.options(Path::new("/etc")).unwrap();
        assert_eq!(options.name, "porthole");
        assert!(!format!("{options:?} {fine:?}").contains("s@"));
        assert!(!fine.is_plain());
        assert!(
            table("nats = \"nats://a:b@nats.example.org\"")
                .unwrap()
                .is_plain()
        );
        let own = table("nats = \"nats://127.0.0.1:4222\"\nname = \"fleet-2\"").unwrap();
        assert!(own.check(true).is_ok() && !own.is_plain());
        let files = "nats = \"tls://n\"\ncredentials-file = \"nats.creds\"\nca-file = \"ca.pem\"";
        let options = table(files).unwrap().options(Path::new("/etc")).unwrap();
        assert_eq!(options.credentials, Some("/etc/nats.creds".into()));
        for (text, words) in [
            (
                "nats = \"nats://nats.example.org\"",
                "could speak for this one",
            ),
            ("nats = \"https://a:b@nats.example.org\"", "tls://"),
            ("nats = \"nats.example.org\"", "URL"),
            ("nats = \"tls://a:b@n\"\nname = \"a.b\"", "name: up to 32"),
            ("nats = \"tls://n\"\ncert-file = \"c\"", "belong together"),
            ("", "nats"),
            ("nats = \"tls://a:b@n\"\nnode = 1", "node"),
        ] {
            let error = table(text).and_then(|table| table.check(true)).unwrap_err();
            assert!(error.contains(words), "{text}: {error}");
        }
        let alone = own.check(false).unwrap_err();
        assert!(alone.contains("[database] url"), "{alone}");
    }
}
