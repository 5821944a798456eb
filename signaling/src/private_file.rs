// SPDX-License-Identifier: MPL-2.0
//! Files for their owner alone, which are there as a whole or not at all.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, fchown};
use std::path::{Path, PathBuf};

/// Nobody else reads or writes it.
const OWNER_ONLY: u32 = 0o600;
/// Behind the name of one that is being written. What a crash leaves is written over.
const UNFINISHED: &str = ".new";

/// Makes a file that was not there.
pub(crate) fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(OWNER_ONLY)
        .open(path)
}

/// Where a file stands until it is whole.
pub(crate) fn unfinished(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(UNFINISHED);
    name.into()
}

/// Writes a file that was not there: whoever finds it finds all of it, also after a crash.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`] if it is there, which stays as it is
pub(crate) fn write_new(path: &Path, text: &str) -> io::Result<()> {
    let new = unfinished(path);
    let _ = fs::remove_file(&new);
    let mut file = create(&new)?;
    file.write_all(text.as_bytes())?;
    let folder = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    // What root makes in a service's directory is the service's, as all else there. Only root can do that, or has to.
    let owner = fs::metadata(folder)?;
    let _ = fchown(&file, Some(owner.uid()), Some(owner.gid()));
    file.sync_all()?;
    let named = match fs::hard_link(&new, path) {
        // Where a file has one name only, as on a card that a camera wrote: nobody else makes this one at the same time.
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists && !path.exists() => {
            fs::rename(&new, path)
        }
        linked => linked,
    };
    let _ = fs::remove_file(&new);
    named?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_file_is_whole_its_owners_and_takes_nothing_elses_place() {
        let folder = std::env::temp_dir().join(format!("porthole-file-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("key");
        fs::write(unfinished(&path), "hal").unwrap();
        write_new(&path, "whole").unwrap();
        let again = write_new(&path, "other").map_err(|e| e.kind());
        let found = fs::read_to_string(&path).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        let names = fs::read_dir(&folder).unwrap().count();
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!((found.as_str(), mode, names), ("whole", 0o600, 1));
        assert_eq!(again, Err(io::ErrorKind::AlreadyExists));
    }
}
