// SPDX-License-Identifier: MPL-2.0
//! What runs at the SFU, by session; on disk as well, where there is a place for it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::private_file;
use crate::whip_client::Resource;

#[derive(Default)]
pub(super) struct Kept {
    file: Option<PathBuf>,
    sessions: BTreeMap<String, Resource>,
}

impl Kept {
    /// With what is in the file: a line for each.
    pub(super) async fn open(file: Option<PathBuf>) -> Self {
        let text = file.clone().map(|file| {
            tokio::task::spawn_blocking(move || fs::read_to_string(file).unwrap_or_default())
        });
        let text = match text {
            Some(read) => read.await.unwrap_or_default(),
            None => String::new(),
        };
        let line = |line: &str| {
            let (session, resource) = line.split_once(' ')?;
            Some((session.to_owned(), Resource::parse(resource)?))
        };
        Self {
            file,
            sessions: text.lines().filter_map(line).collect(),
        }
    }

    /// Adds one, which is on disk when this returns.
    pub(super) async fn add(&mut self, session: &str, resource: Resource) -> io::Result<()> {
        self.sessions.insert(session.to_owned(), resource);
        self.write().await
    }

    /// Takes one out. On disk it stays until the next comes: that it is ended twice is no harm.
    pub(super) fn take(&mut self, session: &str) -> Option<Resource> {
        self.sessions.remove(session)
    }

    pub(super) fn take_all(&mut self) -> Vec<Resource> {
        std::mem::take(&mut self.sessions).into_values().collect()
    }

    /// Nothing runs any more.
    pub(super) async fn close(&self) {
        let _ = self.write().await;
    }

    async fn write(&self) -> io::Result<()> {
        let Some(file) = self.file.clone() else {
            return Ok(());
        };
        let line = |(session, resource): (&String, &Resource)| {
            format!("{session} {}\n", resource.as_str())
        };
        let text: String = self.sessions.iter().map(line).collect();
        let written = tokio::task::spawn_blocking(move || replace(&file, &text));
        written.await.map_err(io::Error::other)?
    }
}

/// Whoever finds the file finds all of the old text or of the new one.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let new = private_file::unfinished(path);
    let _ = fs::remove_file(&new);
    let mut file = private_file::create(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_there_when_a_server_was_killed_is_there_for_the_next() {
        let folder = std::env::temp_dir().join(format!("porthole-kept-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join("sfu-sessions");
        let resource = |n: u32| Resource::parse(&format!("http://192.0.2.1/sessions/{n}")).unwrap();
        let mut kept = Kept::open(Some(file.clone())).await;
        assert!(kept.take_all().is_empty());
        kept.add("a", resource(1)).await.unwrap();
        kept.add("b", resource(2)).await.unwrap();
        assert_eq!(kept.take("a"), Some(resource(1)));
        // Killed.
        let mut next = Kept::open(Some(file.clone())).await;
        assert_eq!(next.take_all(), [resource(1), resource(2)]);
        next.close().await;
        assert!(Kept::open(Some(file)).await.take_all().is_empty());
        fs::remove_dir_all(folder).unwrap();
    }
}
