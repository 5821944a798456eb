// SPDX-License-Identifier: MPL-2.0
//! Files for their owner alone.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::StoreError;

impl StoreError {
    pub(super) fn file(path: &Path, error: &io::Error) -> Self {
        Self::Unusable(format!("{}: {error}", path.display()))
    }
}

/// Makes a file that only its owner may read.
pub(super) fn create_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600).open(path)
}
