// SPDX-License-Identifier: MPL-2.0
//! The table `[turn]` of the configuration file.

use std::path::{Path, PathBuf};
use std::{fmt, fs};

use crate::turn::Turn;

/// A TURN server, and the secret it shares with this one or the file that holds it.
#[derive(serde::Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct TurnTable {
    urls: Vec<String>,
    secret: Option<String>,
    secret_file: Option<PathBuf>,
}

impl fmt::Debug for TurnTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TurnTable")
            .field("urls", &self.urls)
            .finish_non_exhaustive()
    }
}

impl TurnTable {
    /// The server, its secret's file seen from `folder`.
    pub(super) fn read(&self, folder: &Path) -> Result<Turn, String> {
        let secret = match (&self.secret, &self.secret_file) {
            (Some(secret), None) => secret.clone(),
            (None, Some(file)) => {
                let file = folder.join(file);
                let text = fs::read_to_string(&file);
                let text = text.map_err(|e| format!("secret-file {}: {e}", file.display()))?;
                text.trim().to_owned()
            }
            _ => return Err("give either secret or secret-file".to_owned()),
        };
        Turn::new(self.urls.clone(), secret).map_err(|e| e.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "0123456789abcdef";

    fn table(secret: Option<&str>, file: Option<&str>) -> TurnTable {
        TurnTable {
            urls: vec!["turn:t".to_owned()],
            secret: secret.map(str::to_owned),
            secret_file: file.map(PathBuf::from),
        }
    }

    #[test]
    fn the_secret_is_in_the_table_or_in_a_file_beside_the_configuration() {
        let folder = std::env::temp_dir().join(format!("porthole-turn-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("secret"), format!("{SECRET}\n")).unwrap();
        let here = table(Some(SECRET), None).read(&folder);
        let there = table(None, Some("secret")).read(&folder);
        fs::remove_dir_all(&folder).unwrap();
        assert!(here.is_ok() && here == there);
        assert!(!format!("{:?}", table(Some(SECRET), None)).contains(SECRET));
    }

    #[test]
    fn a_secret_that_is_missing_given_twice_or_short_is_said_so() {
        let error = |secret, file| table(secret, file).read(Path::new("/nowhere")).unwrap_err();
        assert_eq!(error(None, None), "give either secret or secret-file");
        assert_eq!(
            error(Some(SECRET), Some("x")),
            "give either secret or secret-file"
        );
        assert!(error(None, Some("x")).starts_with("secret-file /nowhere/x: No such file"));
        assert!(error(Some("x"), None).starts_with("secret: use 16 characters"));
    }
}
