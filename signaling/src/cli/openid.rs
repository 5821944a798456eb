// SPDX-License-Identifier: MPL-2.0
//! The table `[auth.openid]` of the configuration file.

use std::path::{Path, PathBuf};

use url::Url;

use super::secret::text;
use crate::backend::Mapping;
use crate::openid::OpenidOptions;

/// What most providers need to be asked for, to say someone's name.
const SCOPES: [&str; 2] = ["profile", "email"];

/// An identity provider with which people log in to the page.
#[derive(serde::Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct OpenidTable {
    issuer: String,
    client_id: String,
    client_secret_file: Option<PathBuf>,
    scopes: Option<Vec<String>>,
    name: Option<String>,
    #[serde(default)]
    log_out: bool,
}

impl OpenidTable {
    /// The provider, its secret's file seen from `folder`.
    pub(super) fn read(&self, folder: &Path, mapping: Mapping) -> Result<OpenidOptions, String> {
        let secret = self.client_secret_file.as_deref();
        let secret = secret.map(|file| text(folder, file)).transpose()?;
        if secret.as_deref() == Some("") {
            return Err("client-secret-file is empty: leave it out for a public client".to_owned());
        }
        let own = || SCOPES.map(str::to_owned).to_vec();
        let scopes = self.scopes.clone().unwrap_or_else(own);
        if let Some(scope) = scopes.iter().find(|scope| !is_scope(scope)) {
            return Err(format!("scopes: {scope:?} is none: use one text for each"));
        }
        let host = || {
            let url: Url = self.issuer.parse().ok()?;
            url.host_str().map(str::to_owned)
        };
        let name = self.name.clone().or_else(host);
        Ok(OpenidOptions {
            issuer: self.issuer.clone(),
            client_id: self.client_id.clone(),
            client_secret: secret,
            scopes: scopes.into_iter().filter(|s| s != "openid").collect(),
            name: name.unwrap_or_default(),
            log_out: self.log_out,
            mapping,
        })
    }
}

/// RFC 6749, 3.3.
fn is_scope(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_graphic() && c != '"' && c != '\\';
    !text.is_empty() && text.chars().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<OpenidOptions, String> {
        let table: OpenidTable = toml_edit::de::from_str(text).map_err(|e| e.to_string())?;
        table.read(Path::new("/nowhere"), Mapping::default())
    }

    #[test]
    fn what_is_not_said_is_what_most_want() {
        let options = read("issuer = \"https://id.example/x\"\nclient-id = \"porthole\"").unwrap();
        assert_eq!(options.name, "id.example");
        assert_eq!(options.scopes, SCOPES);
        assert!(options.client_secret.is_none() && !options.log_out);
        let scopes =
            "issuer = \"i\"\nclient-id = \"c\"\nscopes = [\"openid\", \"groups\"]\nname = \"Us\"";
        let options = read(scopes).unwrap();
        assert_eq!(
            (&*options.name, options.scopes),
            ("Us", vec!["groups".to_owned()])
        );
    }

    #[test]
    fn what_cannot_be_used_says_why() {
        for (text, expected) in [
            ("issuer = \"i\"", "client-id"),
            (
                "issuer = \"i\"\nclient-id = \"c\"\nclient-secret = \"x\"",
                "client-secret",
            ),
            (
                "issuer = \"i\"\nclient-id = \"c\"\nclient-secret-file = \"x\"",
                "/nowhere/x",
            ),
            (
                "issuer = \"i\"\nclient-id = \"c\"\nscopes = [\"profile email\"]",
                "scopes",
            ),
        ] {
            let error = read(text).err().unwrap_or_default();
            assert!(error.contains(expected), "{error}");
        }
    }
}
