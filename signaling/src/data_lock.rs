// SPDX-License-Identifier: MPL-2.0
//! Who may change the database in a data directory.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

/// That no other server, and no command without a server, changes the database in a data directory while this is kept. The
/// system lets go of it when a process ends, however it ends.
#[derive(Debug)]
pub struct DataDirLock {
    _dir: File,
}

impl DataDirLock {
    /// The lock of this directory, unless someone else has it.
    pub(crate) fn of(path: &Path) -> io::Result<Option<Self>> {
        // The directory itself: a file in it might belong to another user who was first.
        let dir = File::open(path)?;
        match dir.try_lock() {
            Ok(()) => Ok(Some(Self { _dir: dir })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(e)) => Err(e),
        }
    }
}
