// SPDX-License-Identifier: MPL-2.0
//! Where things are: a data directory, a configuration file, or both.

use std::env;
use std::path::{Path, PathBuf};

use clap::Args;
use porthole_protocol::grant::GrantSigner;

use super::Failure;
use super::config::Config;
use super::file::{grant_signer_at, read, read_or_default};
use crate::data_dir::DataDir;

/// Where a system service keeps its data.
const SYSTEM_DATA: &str = "/var/lib/porthole";
/// The configuration of a system service, as packages install it. Root's commands go by it, so that they act on what
/// the service keeps, also while it is stopped.
const SYSTEM_CONFIG: &str = "/etc/porthole/signaling.toml";

/// What was typed of it.
#[derive(Debug, Args)]
pub(super) struct Where {
    /// The data directory, as `init` makes it [default: data-dir of the configuration file, else
    /// /var/lib/porthole for root, else porthole in the user's own data directory]
    #[arg(long, global = true, value_name = "DIR", env = "PORTHOLE_DATA_DIR")]
    data_dir: Option<PathBuf>,
    /// The configuration file [default: /etc/porthole/signaling.toml for root, if it is there, else config.toml in the
    /// data directory]
    #[arg(long, global = true, value_name = "FILE", env = "PORTHOLE_CONFIG")]
    config: Option<PathBuf>,
}

/// What a command works on.
pub(super) enum Place {
    /// A file alone, as small set-ups have it.
    File(PathBuf),
    /// A data directory.
    Data(Box<Kept>),
}

/// A data directory, and what the configuration says.
pub(super) struct Kept {
    pub(super) dir: DataDir,
    /// From where the configuration was read.
    pub(super) config_path: PathBuf,
    pub(super) config: Config,
}

impl Where {
    pub(super) fn resolve(&self) -> Result<Place, Failure> {
        if let Some(path) = &self.data_dir {
            return self.in_data_dir(path.clone());
        }
        if let Some(file) = &self.config() {
            // One that is not there yet may be begun by `camera add`.
            let config = match file.exists() {
                true => read(file)?,
                false => return Ok(Place::File(file.clone())),
            };
            return Ok(match config.data_dir(file) {
                None => Place::File(file.clone()),
                Some(path) => Place::Data(Box::new(Kept {
                    dir: DataDir::at(path),
                    config_path: file.clone(),
                    config,
                })),
            });
        }
        let path = default_data_dir()?;
        if !path.is_dir() {
            let path = path.display();
            return Err(Failure::input(format!(
                "there is no data directory {path}: make one with `porthole-signaling init`, or say where it is with \
                 --data-dir, or where a configuration file is with --config"
            )));
        }
        self.in_data_dir(path)
    }

    pub(super) fn in_data_dir(&self, path: PathBuf) -> Result<Place, Failure> {
        if !path.is_dir() {
            return Err(Failure::input(format!(
                "--data-dir {0}: there is no such directory: make it with `porthole-signaling init --data-dir {0}`",
                path.display()
            )));
        }
        let given = self.config();
        let (config_path, config) = match given {
            Some(given) => (given.clone(), read(&given)?),
            None => {
                let own = path.join("config.toml");
                let config = read_or_default(&own)?;
                (own, config)
            }
        };
        Ok(Place::Data(Box::new(Kept {
            dir: DataDir::at(path),
            config_path,
            config,
        })))
    }

    /// The data directory that this command needs.
    pub(super) fn data(&self) -> Result<Kept, Failure> {
        match self.resolve()? {
            Place::Data(data) => Ok(*data),
            Place::File(file) => Err(Failure::input(format!(
                "{} names no data directory, and without one there are no accounts: add data-dir, or give --data-dir",
                file.display()
            ))),
        }
    }

    /// The configuration file that this command needs.
    pub(super) fn file(&self) -> Result<&Path, Failure> {
        self.config.as_deref().ok_or_else(|| {
            Failure::input(
                "--config FILE is missing: viewers of this kind stand in a configuration file",
            )
        })
    }

    /// The configuration that was given, or a system service's.
    pub(super) fn config(&self) -> Option<PathBuf> {
        let is_systems = self.data_dir.is_none() && rustix::process::geteuid().is_root();
        let systems =
            || Some(PathBuf::from(SYSTEM_CONFIG)).filter(|path| is_systems && path.is_file());
        self.config.clone().or_else(systems)
    }

    /// Where to make a new data directory.
    pub(super) fn new_data_dir(&self) -> Result<PathBuf, Failure> {
        if let Some(path) = &self.data_dir {
            return Ok(path.clone());
        }
        match self.config() {
            Some(file) => read(&file)?.data_dir(&file).ok_or_else(|| {
                let file = file.display();
                Failure::input(format!(
                    "{file} names no data directory: add data-dir, or give --data-dir"
                ))
            }),
            None => default_data_dir(),
        }
    }
}

fn default_data_dir() -> Result<PathBuf, Failure> {
    if rustix::process::geteuid().is_root() {
        return Ok(SYSTEM_DATA.into());
    }
    let folder = |name| env::var_os(name).map(PathBuf::from);
    let data = folder("XDG_DATA_HOME").filter(|path| path.is_absolute());
    let home = || Some(folder("HOME")?.join(".local/share"));
    let data = data.or_else(home).map(|path| path.join("porthole"));
    data.ok_or_else(|| {
        Failure::input("HOME is not set: say where the data directory is with --data-dir")
    })
}

impl Kept {
    /// The database: an SQLite file here, unless `database.url` names another.
    pub(super) fn database(&self) -> String {
        let here = || self.dir.database().display().to_string();
        self.config.database_url().map_or_else(here, str::to_owned)
    }

    pub(super) fn signer(&self) -> Result<GrantSigner, Failure> {
        grant_signer_at(&self.dir.grant_key())
    }
}
