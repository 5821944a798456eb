// SPDX-License-Identifier: MPL-2.0
//! The configuration file and the grant key beside it, on disk. Both are for their owner alone.

use std::fs::{self, File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};

use porthole_protocol::grant::GrantSigner;
use toml_edit::{ArrayOfTables, DocumentMut, Item, Table};

use super::config::Config;
use super::environment::overlay;
use super::mistake::located;
use super::{Failure, remark};
use crate::private_file::{self, create, unfinished};

/// Reads the configuration.
pub(super) fn read(path: &Path) -> Result<Config, Failure> {
    let text = fs::read_to_string(path).map_err(|e| cannot_read(path, &e))?;
    warn_if_readable_by_others(path);
    parse_with_environment(&text, path)
}

/// The configuration, with what the environment says over it.
fn parse_with_environment(text: &str, path: &Path) -> Result<Config, Failure> {
    let (_, mut document) = parse_to_edit(text, path)?;
    let used = overlay(&mut document, text_variables())?;
    if used.is_empty() {
        return Config::parse(text, path);
    }
    let said = format!("{} with {}", path.display(), used.join(", "));
    Config::parse(&document.to_string(), Path::new(&said))
}

/// Those that are text; what is none can be no value of ours.
pub(super) fn text_variables() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, text)| Some((name.into_string().ok()?, text.into_string().ok()?)))
}

/// Reads the configuration of a data directory, which need not have one.
pub(super) fn read_or_default(path: &Path) -> Result<Config, Failure> {
    if path.exists() {
        read(path)
    } else {
        parse_with_environment("", path)
    }
}

/// Reads the configuration to change it. One that does not exist is empty.
pub(super) fn read_to_edit(path: &Path) -> Result<(Config, DocumentMut), Failure> {
    let text = match fs::read_to_string(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => String::new(),
        text => text.map_err(|e| cannot_read(path, &e))?,
    };
    parse_to_edit(&text, path)
}

fn parse_to_edit(text: &str, path: &Path) -> Result<(Config, DocumentMut), Failure> {
    let config = Config::parse(text, path)?;
    let document = text.parse::<DocumentMut>();
    let document =
        document.map_err(|e| Failure::Input(located(path, text, e.span(), e.message())))?;
    Ok((config, document))
}

/// Appends a `[[name]]` table.
pub(super) fn append(document: &mut DocumentMut, name: &str, table: Table) {
    let tables = document
        .entry(name)
        .or_insert(Item::ArrayOfTables(ArrayOfTables::new()));
    match tables {
        Item::ArrayOfTables(tables) => tables.push(table),
        // Written as `name = [{...}]`.
        other => {
            let mut tables = std::mem::take(other)
                .into_array_of_tables()
                .unwrap_or_default();
            tables.push(table);
            *other = Item::ArrayOfTables(tables);
        }
    }
}

/// Removes the `[[name]]` table in which `key` is `value`, and says whether there was one.
pub(super) fn remove(document: &mut DocumentMut, name: &str, key: &str, value: &str) -> bool {
    let matches = |item: Option<&Item>| item.and_then(Item::as_str) == Some(value);
    match document.get_mut(name) {
        Some(Item::ArrayOfTables(tables)) => {
            let before = tables.len();
            tables.retain(|table| !matches(table.get(key)));
            tables.len() < before
        }
        Some(Item::Value(toml_edit::Value::Array(tables))) => {
            let before = tables.len();
            tables.retain(|table| {
                table
                    .as_inline_table()
                    .and_then(|table| table.get(key)?.as_str())
                    != Some(value)
            });
            tables.len() < before
        }
        _ => false,
    }
}

/// Replaces the configuration.
pub(super) fn write(path: &Path, document: &DocumentMut) -> Result<(), Failure> {
    replace(path, &document.to_string())
}

/// Replaces a file in one step, and keeps its owner and mode.
fn replace(path: &Path, text: &str) -> Result<(), Failure> {
    let failed = |e: io::Error| cannot_write(path, &e);
    // Behind a symbolic link, the file it points to is the one to replace.
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let new = unfinished(path);
    let _ = fs::remove_file(&new);
    let mut file = create(&new).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    if let Ok(old) = fs::metadata(path) {
        file.set_permissions(Permissions::from_mode(old.mode()))
            .map_err(failed)?;
        // Only root can and has to: a server that runs as another user must still read it.
        let _ = chown(&new, Some(old.uid()), Some(old.gid()));
    }
    file.sync_all().map_err(failed)?;
    fs::rename(&new, path).map_err(failed)
}

/// The key that signs grants of a configuration file's server. It is made when nobody depends on it yet; all camera
/// keys hold its public half, so a lost one cannot be replaced silently.
pub(super) fn grant_signer(path: &Path, config: &Config) -> Result<GrantSigner, Failure> {
    let key_path = grant_key_beside(path);
    if !key_path.exists() && config.cameras().next().is_none() {
        return new_grant_signer(&key_path);
    }
    grant_signer_at(&key_path)
}

/// Where the key of a configuration file's server is.
pub(super) fn grant_key_beside(path: &Path) -> PathBuf {
    beside(path, ".grant-key")
}

/// The key that signs grants, from its file.
pub(super) fn grant_signer_at(path: &Path) -> Result<GrantSigner, Failure> {
    match fs::read_to_string(path) {
        Ok(text) => {
            warn_if_readable_by_others(path);
            text.parse().map_err(|_| {
                Failure::input(format!(
                    "{}:1: this is not a grant key: put back the one that was here, or delete the \
                     file and enrol all cameras again",
                    path.display()
                ))
            })
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => Err(Failure::input(format!(
            "{} is missing, and the cameras' keys depend on it: put it back, or remove all cameras \
             and enrol them again",
            path.display()
        ))),
        Err(e) => Err(cannot_read(path, &e)),
    }
}

/// Makes a key that signs grants.
pub(super) fn new_grant_signer(path: &Path) -> Result<GrantSigner, Failure> {
    let signer = GrantSigner::generate().map_err(Failure::system)?;
    write_new(path, &signer.to_string())?;
    Ok(signer)
}

/// Puts the next key that signs grants in the place of the one in this file. A server that runs has to be told.
pub(super) fn rotate_grant_signer(path: &Path) -> Result<GrantSigner, Failure> {
    let next = grant_signer_at(path)?.rotated().map_err(Failure::system)?;
    replace(path, &next.to_string())?;
    Ok(next)
}

/// Writes a file that was not there, for its owner alone, as a whole or not at all.
pub(super) fn write_new(path: &Path, text: &str) -> Result<(), Failure> {
    private_file::write_new(path, text).map_err(|e| cannot_write(path, &e))
}

/// A file for its owner alone that was not there before. It is removed again unless it is kept.
pub(super) struct NewFile {
    path: PathBuf,
    file: File,
    kept: bool,
}

impl NewFile {
    pub(super) fn create(path: &Path) -> Result<Self, Failure> {
        let file = create(path).map_err(|e| match e.kind() {
            io::ErrorKind::AlreadyExists => {
                let path = path.display();
                Failure::input(format!(
                    "--output {path}: there is such a file already: give another"
                ))
            }
            _ => cannot_write(path, &e),
        })?;
        Ok(Self {
            path: path.to_owned(),
            file,
            kept: false,
        })
    }

    pub(super) fn write(mut self, text: &str) -> Result<Self, Failure> {
        let written = self.file.write_all(text.as_bytes());
        let written = written.and_then(|()| self.file.sync_all());
        written.map_err(|e| cannot_write(&self.path, &e))?;
        Ok(self)
    }

    pub(super) fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.kept {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn cannot_write(path: &Path, error: &io::Error) -> Failure {
    Failure::system(format!("cannot write {}: {error}", path.display()))
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn cannot_read(path: &Path, error: &io::Error) -> Failure {
    Failure::Input(format!("cannot read {}: {error}", path.display()))
}

fn warn_if_readable_by_others(path: &Path) {
    if fs::metadata(path).is_ok_and(|metadata| metadata.mode() & 0o004 != 0) {
        let path = path.display();
        remark(format!(
            "warning: {path} is readable by everyone on this machine: chmod 600 {path}"
        ));
    }
}
