// SPDX-License-Identifier: MPL-2.0
//! The table `[auth]` of the configuration file.

use std::path::{Path, PathBuf};
use std::{fmt, fs};

use url::Url;

use crate::backend::{Backend, Keys, SetupError};

/// An existing backend: where its keys are, the secret it signs with, or where it is asked.
#[derive(serde::Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct AuthTable {
    jwks_url: Option<Url>,
    jwks_file: Option<PathBuf>,
    hs256_secret: Option<String>,
    hs256_secret_file: Option<PathBuf>,
    webhook: Option<Url>,
    webhook_secret_file: Option<PathBuf>,
    issuer: Option<String>,
    audience: Option<String>,
}

impl fmt::Debug for AuthTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthTable")
            .field("issuer", &self.issuer)
            .finish_non_exhaustive()
    }
}

const ONE_OF: &str = "give one of jwks-url, jwks-file, hs256-secret, hs256-secret-file and webhook";

impl AuthTable {
    /// The backend, its files seen from `folder`.
    pub(super) fn read(&self, folder: &Path) -> Result<Backend, String> {
        let ways = [
            self.jwks_url.is_some(),
            self.jwks_file.is_some(),
            self.hs256_secret.is_some(),
            self.hs256_secret_file.is_some(),
            self.webhook.is_some(),
        ];
        if ways.into_iter().filter(|given| *given).count() != 1 {
            return Err(ONE_OF.to_owned());
        }
        let said = |e: SetupError| e.to_string();
        if let Some(url) = &self.webhook {
            let file = self.webhook_secret_file.as_deref();
            let secret = file.map(|file| text(folder, file)).transpose()?;
            return Backend::with_webhook(url, secret.as_deref()).map_err(said);
        }
        let issuer = self.issuer.as_deref().unwrap_or_default();
        let audience = self.audience.as_deref().unwrap_or_default();
        if let Some(url) = &self.jwks_url {
            return Backend::with_jwks_url(url, issuer, audience).map_err(said);
        }
        let keys = if let Some(file) = &self.jwks_file {
            Keys::from_jwks(&text(folder, file)?)
        } else if let Some(file) = &self.hs256_secret_file {
            Keys::from_secret(&text(folder, file)?)
        } else {
            Keys::from_secret(self.hs256_secret.as_deref().unwrap_or_default())
        };
        Backend::with_keys(keys.map_err(said)?, issuer, audience).map_err(said)
    }
}

fn text(folder: &Path, file: &Path) -> Result<String, String> {
    let file = folder.join(file);
    let text = fs::read_to_string(&file).map_err(|e| format!("{}: {e}", file.display()))?;
    Ok(text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Backend, String> {
        let table: AuthTable = toml_edit::de::from_str(text).map_err(|e| e.to_string())?;
        table.read(Path::new("/nowhere"))
    }

    #[test]
    fn one_way_is_needed_and_no_more() {
        let secret = "hs256-secret = \"0123456789abcdef0123456789abcdef\"\nissuer = \"i\"\naudience = \"a\"\n";
        assert!(read(secret).is_ok());
        assert_eq!(read("").err().as_deref(), Some(ONE_OF));
        let both = format!("{secret}webhook = \"https://x.example/\"");
        assert_eq!(read(&both).err().as_deref(), Some(ONE_OF));
    }

    #[test]
    fn what_cannot_be_used_says_why() {
        let cases = [
            (
                "hs256-secret = \"short\"\nissuer = \"i\"\naudience = \"a\"",
                "hs256-secret",
            ),
            (
                "hs256-secret = \"0123456789abcdef0123456789abcdef\"",
                "issuer and audience",
            ),
            ("jwks-file = \"x\"", "/nowhere/x"),
        ];
        for (text, expected) in cases {
            let error = read(text).err().unwrap_or_default();
            assert!(error.contains(expected), "{error}");
        }
    }
}
