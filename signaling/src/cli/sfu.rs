// SPDX-License-Identifier: MPL-2.0
//! The table `[sfu]` of the configuration file.

use std::path::{Path, PathBuf};

use super::secret;
use crate::sfu::SfuOptions;

/// An uplink of 10 Mbit/s carries that many pictures of 2 Mbit/s.
const FROM_VIEWERS: usize = 4;

/// Where some watch.
#[derive(Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct SfuTable {
    whep: String,
    token_file: Option<PathBuf>,
    #[serde(default = "from_viewers")]
    from_viewers: usize,
}

fn from_viewers() -> usize {
    FROM_VIEWERS
}

impl SfuTable {
    /// Files are seen from `folder`; what runs is written down in `data`.
    pub(super) fn options(&self, folder: &Path, data: Option<&Path>) -> Result<SfuOptions, String> {
        let token = self.token_file.as_deref();
        let token = token.map(|file| secret::text(folder, file));
        let options = SfuOptions {
            whep: self.whep.clone(),
            token: token.transpose().map_err(|e| format!("token-file: {e}"))?,
            from_viewers: self.from_viewers,
            kept: data.map(|data| data.join("sfu-sessions")),
        };
        options
            .endpoint("camera")
            .map_err(|e| format!("whep: {e}"))?;
        if !self.whep.contains("{camera}") {
            return Err(format!(
                "whep: {}: write {{camera}} where the camera's id stands, as in https://sfu.example.org/{{camera}}/whep",
                self.whep
            ));
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(text: &str) -> Result<SfuOptions, String> {
        let table: SfuTable =
            toml_edit::de::from_str(text).map_err(|error| error.message().to_owned())?;
        table.options(Path::new("/nowhere"), None)
    }

    #[test]
    fn an_endpoint_is_an_address_with_the_camera_in_it() {
        let fine = options("whep = \"https://sfu.example.org/{camera}/whep\"").unwrap();
        let url = fine.endpoint("front").unwrap();
        assert_eq!(url.as_str(), "https://sfu.example.org/front/whep");
        assert_eq!((fine.from_viewers, fine.token), (4, None));
        for (text, words) in [
            ("whep = \"https://sfu.example.org/whep\"", "write {camera}"),
            ("whep = \"sfu.example.org/{camera}\"", "whep: "),
            ("whep = \"rtsp://sfu.example.org/{camera}\"", "https://"),
            ("", "whep"),
            (
                "whep = \"https://a/{camera}\"\ntoken-file = \"none\"",
                "token-file: /nowhere/none",
            ),
            ("whep = \"https://a/{camera}\"\nthreshold = 1", "threshold"),
        ] {
            let error = options(text).unwrap_err();
            assert!(error.contains(words), "{text}: {error}");
        }
    }
}
