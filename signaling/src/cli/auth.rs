// SPDX-License-Identifier: MPL-2.0
//! The table `[auth]` of the configuration file.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use porthole_protocol::grant::Permission;
use porthole_protocol::key::is_camera_id;
use url::Url;

use super::openid::OpenidTable;
use super::secret::text;
use crate::backend::{Backend, Group, Keys, Mapping, SetupError};
use crate::model::Role;
use crate::openid::OpenidOptions;
use crate::registry::SecretDigest;
use crate::rights::Cameras;

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
    name_claim: Option<String>,
    groups_claim: Option<String>,
    #[serde(default)]
    group: Vec<GroupTable>,
    openid: Option<OpenidTable>,
}

/// What a group of the provider's may do here.
#[derive(Clone, Debug, serde::Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct GroupTable {
    name: String,
    role: Option<Role>,
    /// Ids, or `"*"` in their place.
    #[serde(default)]
    cameras: Vec<String>,
    perms: Option<BTreeSet<Permission>>,
}

impl fmt::Debug for AuthTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthTable")
            .field("issuer", &self.issuer)
            .finish_non_exhaustive()
    }
}

const ONE_OF: &str = "give one of jwks-url, jwks-file, hs256-secret, hs256-secret-file and webhook, or [auth.openid]";

impl AuthTable {
    /// The backend, its files seen from `folder`, if there is one besides the identity provider.
    pub(super) fn read(&self, folder: &Path) -> Result<Option<Backend>, String> {
        match self.ways().into_iter().filter(|given| *given).count() {
            0 if self.openid.is_some() => return Ok(None),
            1 => (),
            _ => return Err(ONE_OF.to_owned()),
        }
        let said = |e: SetupError| e.to_string();
        let mapping = self.mapping()?;
        if let Some(url) = &self.webhook {
            let has_mapping = self.name_claim.is_some() || self.groups_claim.is_some();
            if has_mapping && self.openid.is_none() {
                return Err("name-claim and groups-claim are for tokens: a webhook says role, cameras and perms itself".to_owned());
            }
            let file = self.webhook_secret_file.as_deref();
            let secret = file.map(|file| text(folder, file)).transpose()?;
            let backend = Backend::with_webhook(url, secret.as_deref());
            return backend.map(Some).map_err(said);
        }
        let issuer = self.issuer.as_deref().unwrap_or_default();
        let audience = self.audience.as_deref().unwrap_or_default();
        if let Some(url) = &self.jwks_url {
            let backend = Backend::with_jwks_url(url, issuer, audience).map_err(said)?;
            return Ok(Some(backend.mapped(mapping)));
        }
        let keys = if let Some(file) = &self.jwks_file {
            Keys::from_jwks(&text(folder, file)?)
        } else if let Some(file) = &self.hs256_secret_file {
            Keys::from_secret(&text(folder, file)?)
        } else {
            Keys::from_secret(self.hs256_secret.as_deref().unwrap_or_default())
        };
        let backend = Backend::with_keys(keys.map_err(said)?, issuer, audience).map_err(said)?;
        Ok(Some(backend.mapped(mapping)))
    }

    /// The identity provider for the page, its files seen from `folder`.
    pub(super) fn openid(&self, folder: &Path) -> Result<Option<OpenidOptions>, String> {
        let table = self.openid.as_ref();
        let read = |table: &OpenidTable| table.read(folder, self.mapping()?);
        table.map(read).transpose()
    }

    /// Which ways to the backend are given.
    fn ways(&self) -> [bool; 5] {
        [
            self.jwks_url.is_some(),
            self.jwks_file.is_some(),
            self.hs256_secret.is_some(),
            self.hs256_secret_file.is_some(),
            self.webhook.is_some(),
        ]
    }

    /// Whether it knows people by their tokens or passwords.
    pub(super) fn has_backend(&self) -> bool {
        self.openid.is_none() || self.ways().into_iter().any(|given| given)
    }

    /// Whether people log in to the page with the same provider.
    pub(super) fn has_openid_of(&self, other: &Self) -> bool {
        self.openid == other.openid
    }

    /// Whether people log in to the page with a provider.
    pub(super) fn has_openid(&self) -> bool {
        self.openid.is_some()
    }

    /// What is in its files, as digests: another key in the same file is another backend.
    pub(super) fn contents(&self, folder: &Path) -> Result<Vec<SecretDigest>, String> {
        let files = [
            &self.jwks_file,
            &self.hs256_secret_file,
            &self.webhook_secret_file,
        ];
        let texts = files.into_iter().flatten().map(|file| text(folder, file));
        texts.map(|text| Ok(SecretDigest::of(&text?))).collect()
    }

    fn mapping(&self) -> Result<Mapping, String> {
        let groups = match (&self.groups_claim, self.group.is_empty()) {
            (None, true) => None,
            (Some(claim), false) => Some((claim.clone(), groups(&self.group)?)),
            (Some(_), true) => return Err(NO_GROUP.to_owned()),
            (None, false) => {
                return Err(
                    "[[auth.group]] needs groups-claim: the claim with the groups".to_owned(),
                );
            }
        };
        Ok(Mapping {
            name_claim: self.name_claim.clone(),
            groups,
        })
    }
}

const NO_GROUP: &str =
    "groups-claim needs at least one [[auth.group]]: without one nobody may do anything";

fn groups(tables: &[GroupTable]) -> Result<BTreeMap<String, Group>, String> {
    let mut groups = BTreeMap::new();
    for table in tables {
        let name = &table.name;
        let cameras = match table.cameras.iter().any(|id| id == "*") {
            true => Cameras::All,
            false => Cameras::Only(table.cameras.iter().cloned().collect()),
        };
        if let Cameras::Only(ids) = &cameras
            && let Some(id) = ids.iter().find(|id| !is_camera_id(id))
        {
            return Err(format!(
                "[[auth.group]] {name:?}: no camera has the id {id:?}"
            ));
        }
        let perms = table.perms.clone();
        let group = Group {
            role: table.role.unwrap_or(Role::Viewer),
            cameras,
            perms: perms.unwrap_or_else(|| [Permission::View, Permission::Listen].into()),
        };
        if groups.insert(name.clone(), group).is_some() {
            return Err(format!("[[auth.group]] {name:?} is there twice"));
        }
    }
    Ok(groups)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Backend, String> {
        let table: AuthTable = toml_edit::de::from_str(text).map_err(|e| e.to_string())?;
        let backend = table.read(Path::new("/nowhere"))?;
        backend.ok_or_else(|| "none".to_owned())
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
