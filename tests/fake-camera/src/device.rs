// SPDX-License-Identifier: MPL-2.0
//! The devices: files in a folder, each of which one process may have open once.

use std::{
    env, fs,
    fs::{File, TryLockError},
    io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use crate::{
    FOLDER_VARIABLE,
    behaviour::{Behaviour, Fault},
};

static FOLDER: Mutex<Option<PathBuf>> = Mutex::new(None);

/// Names the folder of the cameras, in place of the environment.
pub fn set_folder(folder: impl Into<PathBuf>) {
    *FOLDER.lock().unwrap_or_else(PoisonError::into_inner) = Some(folder.into());
}

fn folder() -> Option<PathBuf> {
    let folder = FOLDER.lock().unwrap_or_else(PoisonError::into_inner);
    let named = || env::var_os(FOLDER_VARIABLE).map(PathBuf::from);
    folder.clone().or_else(named)
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(['.', '/'])
}

/// The names of all that are plugged in, in order.
pub(crate) fn names() -> Vec<String> {
    let entries = folder().and_then(|folder| fs::read_dir(folder).ok());
    let names = entries.into_iter().flatten().flatten();
    let names = names.filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<_> = names.filter(|name| is_name(name)).collect();
    names.sort_unstable();
    names
}

/// Why a device cannot be used. The texts are those of the kernel.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum DeviceError {
    Missing,
    Busy,
    Denied,
    /// The test is wrong.
    Senseless(String),
}

/// A device, plugged in or not.
#[derive(Clone, Debug)]
pub(crate) struct Device {
    file: PathBuf,
}

impl Device {
    pub(crate) fn named(name: &str) -> Option<Self> {
        let folder = folder().filter(|_| is_name(name))?;
        Some(Self {
            file: folder.join(name),
        })
    }

    /// What it does now.
    pub(crate) fn behaviour(&self) -> Result<Behaviour, DeviceError> {
        let text = fs::read_to_string(&self.file).map_err(|_| DeviceError::Missing)?;
        text.parse().map_err(DeviceError::Senseless)
    }

    pub(crate) fn open(&self) -> Result<Opened, DeviceError> {
        if self.behaviour()?.fault == Some(Fault::Denied) {
            return Err(DeviceError::Denied);
        }
        let missing = |_: io::Error| DeviceError::Missing;
        let lock = File::create(self.file.with_extension("lock")).map_err(missing)?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => DeviceError::Busy,
            TryLockError::Error(_) => DeviceError::Missing,
        })?;
        let counts = self.file.with_extension("opened");
        let opens = opens(&counts) + 1;
        write(&counts, 1, opens).map_err(missing)?;
        Ok(Opened {
            counts,
            opens,
            _lock: lock,
        })
    }
}

/// How often the device has been opened so far.
fn opens(counts: &Path) -> u64 {
    let text = fs::read_to_string(counts).unwrap_or_default();
    let opens = text.split_whitespace().find_map(|part| {
        let count = part.strip_prefix("opens=")?;
        count.parse().ok()
    });
    opens.unwrap_or(0)
}

/// In one step, so that nobody reads half of it.
fn write(counts: &Path, open: u32, opens: u64) -> io::Result<()> {
    let new = counts.with_extension("counting");
    fs::write(&new, format!("open={open} opens={opens}\n"))?;
    fs::rename(new, counts)
}

/// A device that is open. Dropping it closes it.
#[derive(Debug)]
pub(crate) struct Opened {
    counts: PathBuf,
    opens: u64,
    /// The kernel takes the lock back when this is closed, also if the process dies.
    _lock: File,
}

impl Drop for Opened {
    fn drop(&mut self) {
        // The test may be over, and its folder gone.
        let _ = write(&self.counts, 0, self.opens);
    }
}
