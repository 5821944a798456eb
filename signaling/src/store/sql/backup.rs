// SPDX-License-Identifier: MPL-2.0
//! A copy of the data file, made while the server runs.

use std::path::Path;

use sqlx::query;

use super::super::file::create_private;
use super::super::{Result, StoreError};
use super::{Kind, Sql};

/// SQLite writes the copy as of one moment, while others read and write the original.
pub(super) async fn backup(store: &Sql, to: &Path) -> Result<()> {
    if store.kind != Kind::Sqlite {
        let words = "PostgreSQL has tools of its own for backups: use pg_dump";
        return Err(StoreError::Unusable(words.to_owned()));
    }
    let name = to.to_str().ok_or_else(|| {
        StoreError::Unusable("the copy needs a name that is valid UTF-8".to_owned())
    })?;
    let file = create_private(to).map_err(|error| StoreError::file(to, &error))?;
    let copied = query("VACUUM INTO $1").bind(name).execute(&store.readers);
    let copied = match copied.await {
        Ok(_) => file
            .sync_all()
            .map_err(|error| StoreError::file(to, &error)),
        Err(error) => Err(error.into()),
    };
    if copied.is_err() {
        // It is ours: it was not there before, and is of no use to anyone.
        let _ = std::fs::remove_file(to);
    }
    copied
}
