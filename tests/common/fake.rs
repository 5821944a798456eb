// SPDX-License-Identifier: MPL-2.0
//! Cameras that fail on command; see `tests/fake-camera`.

use std::{
    fs,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError, Weak},
    thread,
    time::{Duration, Instant},
};

use super::{Folder, PATIENCE, init, step};

/// How often one looks whether a device is open. Short beside all that is measured.
const LOOK: Duration = Duration::from_millis(2);

/// The cameras of a test. All tests of a process share a folder, so that each has to take names of its own. When the test is
/// over its cameras are unplugged, and what hangs in them goes on.
pub struct FakeCameras {
    folder: Arc<Folder>,
    mine: Mutex<Vec<String>>,
}

impl Drop for FakeCameras {
    fn drop(&mut self) {
        let mine = self.mine.get_mut().unwrap_or_else(PoisonError::into_inner);
        for name in mine {
            let _ = fs::remove_file(self.folder.path(name));
        }
    }
}

impl FakeCameras {
    pub fn new() -> Self {
        static FOLDER: Mutex<Weak<Folder>> = Mutex::new(Weak::new());
        init();
        let mut shared = FOLDER.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = shared.upgrade().unwrap_or_else(|| {
            gstfakecamera::plugin_register_static().unwrap();
            let folder = Folder::new();
            gstfakecamera::set_folder(folder.path(""));
            Arc::new(folder)
        });
        *shared = Arc::downgrade(&folder);
        Self {
            folder,
            mine: Mutex::default(),
        }
    }

    /// A test's one camera.
    pub fn with(name: &str, text: &str) -> Self {
        let cameras = Self::new();
        cameras.set(name, text);
        cameras
    }

    /// Plugs in a camera that works.
    pub fn plug(&self, name: &str) {
        self.set(name, "ok");
    }

    /// Has a camera do as told, in one of the words of `gstfakecamera::behaviour`; plugs it in if it is not.
    pub fn set(&self, name: &str, text: &str) {
        text.parse::<gstfakecamera::behaviour::Behaviour>().unwrap();
        let mut mine = self.mine.lock().unwrap();
        if !mine.iter().any(|known| known == name) {
            mine.push(name.to_owned());
        }
        // In one step, so that the camera reads no half of it.
        let new = self.folder.path(&format!("{name}.new"));
        fs::write(&new, text).unwrap();
        fs::rename(new, self.folder.path(name)).unwrap();
    }

    pub fn unplug(&self, name: &str) {
        fs::remove_file(self.folder.path(name)).unwrap();
    }

    pub fn is_open(&self, name: &str) -> bool {
        self.count(name, "open=") == 1
    }

    /// How often it has been opened so far.
    pub fn opens(&self, name: &str) -> u64 {
        self.count(name, "opens=")
    }

    /// Waits until the device is open, or released.
    #[track_caller]
    pub fn wait_open(&self, name: &str, open: bool) {
        step(format_args!("{name} to turn open={open}"));
        let start = Instant::now();
        while self.is_open(name) != open {
            assert!(
                start.elapsed() < PATIENCE,
                "{name} never turned open={open}"
            );
            thread::park_timeout(LOOK);
        }
    }

    fn count(&self, name: &str, key: &str) -> u64 {
        let text = fs::read_to_string(self.file(name)).unwrap_or_default();
        let mut parts = text.split_whitespace();
        let count = parts.find_map(|part| part.strip_prefix(key)?.parse().ok());
        count.unwrap_or(0)
    }

    /// In which the camera counts.
    fn file(&self, name: &str) -> PathBuf {
        self.folder.path(&format!("{name}.opened"))
    }
}
