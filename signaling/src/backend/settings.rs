// SPDX-License-Identifier: MPL-2.0
//! The table `[auth]` of a configuration file.

use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use url::Url;

use super::{Backend, Keys};

/// Largest file with a key set or a secret.
const MAX_FILE_BYTES: u64 = 256 * 1024;

/// What an existing backend is, and where. Exactly one of its kinds is given: `jwks-url`, `jwks-file`, `hs256-secret` or
/// its file, or `webhook`.
#[derive(Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    issuer: Option<String>,
    audience: Option<String>,
    jwks_url: Option<Url>,
    jwks_file: Option<PathBuf>,
    hs256_secret: Option<String>,
    hs256_secret_file: Option<PathBuf>,
    webhook: Option<Url>,
    webhook_secret: Option<String>,
    webhook_secret_file: Option<PathBuf>,
}

impl fmt::Debug for Settings {
    /// Secrets stand in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Settings(..)")
    }
}

impl Settings {
    /// The backend; files are looked for from `folder`.
    ///
    /// # Errors
    /// A sentence that says which key is wrong, and what to do.
    pub fn read(&self, folder: &Path) -> Result<Backend, String> {
        let kinds = [
            self.jwks_url.is_some(),
            self.jwks_file.is_some(),
            self.hs256_secret.is_some() || self.hs256_secret_file.is_some(),
            self.webhook.is_some(),
        ];
        if kinds.into_iter().filter(|given| *given).count() != 1 {
            return Err("give one of jwks-url, jwks-file, hs256-secret and webhook".to_owned());
        }
        let is_webhook_s = self.webhook_secret.is_some() || self.webhook_secret_file.is_some();
        let is_tokens = self.issuer.is_some() || self.audience.is_some();
        match &self.webhook {
            None if is_webhook_s => Err("webhook-secret belongs to webhook".to_owned()),
            Some(_) if is_tokens => {
                Err("issuer and audience are for tokens: leave them out with webhook".to_owned())
            }
            Some(url) => {
                let secret = either(
                    "webhook-secret",
                    self.webhook_secret.as_deref(),
                    self.webhook_secret_file.as_deref(),
                    folder,
                )?;
                Backend::with_webhook(url, secret.as_deref()).map_err(|error| error.to_string())
            }
            None => self.tokens(folder),
        }
    }

    fn tokens(&self, folder: &Path) -> Result<Backend, String> {
        let issuer = self.issuer.as_deref().unwrap_or_default();
        let audience = self.audience.as_deref().unwrap_or_default();
        let backend = if let Some(url) = &self.jwks_url {
            Backend::with_jwks_url(url, issuer, audience)
        } else if let Some(file) = &self.jwks_file {
            let text = text_of("jwks-file", &folder.join(file))?;
            Keys::from_jwks(&text).and_then(|keys| Backend::with_keys(keys, issuer, audience))
        } else {
            let (text, file) = (
                self.hs256_secret.as_deref(),
                self.hs256_secret_file.as_deref(),
            );
            let secret = either("hs256-secret", text, file, folder)?.unwrap_or_default();
            Keys::from_secret(&secret).and_then(|keys| Backend::with_keys(keys, issuer, audience))
        };
        backend.map_err(|error| error.to_string())
    }
}

/// A secret that stands in the table or in a file; the space around it there is none of it.
fn either(
    key: &str,
    text: Option<&str>,
    file: Option<&Path>,
    folder: &Path,
) -> Result<Option<String>, String> {
    let text = match (text, file) {
        (Some(_), Some(_)) => return Err(format!("give either {key} or {key}-file")),
        (None, Some(file)) => Some(text_of(&format!("{key}-file"), &folder.join(file))?),
        (text, None) => text.map(str::to_owned),
    };
    Ok(text.map(|text| text.trim().to_owned()))
}

fn text_of(key: &str, path: &Path) -> Result<String, String> {
    let mut text = String::new();
    let file = File::open(path).map(|file| file.take(MAX_FILE_BYTES));
    let read = file.and_then(|mut file| file.read_to_string(&mut text));
    read.map_err(|error| format!("{key} {}: {error}", path.display()))?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    fn read(table: Value) -> Result<Backend, String> {
        let settings: Settings =
            serde_json::from_value(table).map_err(|error| error.to_string())?;
        assert_eq!(format!("{settings:?}"), "Settings(..)");
        settings.read(Path::new("/nowhere"))
    }

    #[test]
    fn each_kind_is_enough_by_itself() {
        for table in [
            json!({ "issuer": "i", "audience": "a", "hs256-secret": SECRET }),
            json!({ "issuer": "i", "audience": "a", "jwks-url": "https://id.example/keys" }),
            json!({ "webhook": "https://app.example/who" }),
            json!({ "webhook": "http://localhost:8000/who", "webhook-secret": "s" }),
        ] {
            assert!(read(table.clone()).is_ok(), "{table}");
        }
        let webhook = read(json!({ "webhook": "https://app.example/who" }))
            .ok()
            .unwrap();
        assert!(webhook.takes_passwords());
    }

    #[test]
    fn what_is_missing_or_too_much_is_said_so() {
        for (table, error) in [
            (json!({}), "give one of jwks-url"),
            (
                json!({ "issuer": "i", "audience": "a" }),
                "give one of jwks-url",
            ),
            (
                json!({ "webhook": "https://a.example", "hs256-secret": SECRET }),
                "give one of jwks-url",
            ),
            (
                json!({ "hs256-secret": SECRET }),
                "issuer and audience are needed",
            ),
            (
                json!({ "issuer": "i", "audience": "", "hs256-secret": SECRET }),
                "issuer and audience are needed",
            ),
            (
                json!({ "issuer": "i", "audience": "a", "hs256-secret": "short" }),
                "hs256-secret has fewer than 32 bytes",
            ),
            (
                json!({ "issuer": "i", "audience": "a", "hs256-secret": SECRET, "hs256-secret-file": "f" }),
                "give either hs256-secret or hs256-secret-file",
            ),
            (
                json!({ "issuer": "i", "audience": "a", "hs256-secret-file": "f" }),
                "hs256-secret-file /nowhere/f: ",
            ),
            (
                json!({ "issuer": "i", "audience": "a", "jwks-file": "f" }),
                "jwks-file /nowhere/f: ",
            ),
            (
                json!({ "issuer": "i", "audience": "a", "jwks-url": "http://id.example" }),
                "jwks-url must be an https:// URL",
            ),
            (
                json!({ "issuer": "i", "audience": "a", "hs256-secret": SECRET, "webhook-secret": "s" }),
                "webhook-secret belongs to webhook",
            ),
            (
                json!({ "issuer": "i", "webhook": "https://a.example" }),
                "issuer and audience are for tokens",
            ),
            (
                json!({ "webhook": "http://a.example" }),
                "webhook must be an https:// URL",
            ),
            (
                json!({ "webhok": "https://a.example" }),
                "unknown field `webhok`",
            ),
        ] {
            let said = read(table.clone()).err().unwrap();
            assert!(said.contains(error), "{table}: {said}");
            assert!(!said.contains(SECRET));
        }
    }
}
