// SPDX-License-Identifier: MPL-2.0
//! A data directory: the database, the key that signs grants, and the socket on which a running server takes its owner's
//! commands. All of it is for its owner alone.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use porthole_protocol::grant::GrantSigner;
use porthole_protocol::random_secret;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use crate::access::{Data, first_device_secret};
use crate::data_lock::DataDirLock;
#[cfg(feature = "notify")]
use crate::notify::PushKey;
use crate::private_file::write_new;
use crate::server::Server;
use crate::store::{self, StoreError};

/// The first administrator's name where no other is said.
pub const FIRST_ADMINISTRATOR: &str = "admin";

/// A directory that is one, or is to be one.
#[derive(Clone, Debug)]
pub struct DataDir(PathBuf);

/// For a command to end that changes the database itself, or for a server to end or to begin: a password takes a moment
/// to hash, a server that ends finishes what it was asked.
const LOCK_PATIENCE: Duration = Duration::from_secs(20);
/// Between two looks at who has it.
const LOCK_LOOK: Duration = Duration::from_millis(20);

/// Fewer characters are no key of ours, which have 43.
const MIN_KEY_CHARS: usize = 32;

/// Why a data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// The system refused.
    #[error("{0}: {1}")]
    File(PathBuf, io::Error),
    /// There is something else in the key's file.
    #[error("{0}: this is not a grant key: put back the one that was here")]
    BadKey(PathBuf),
    /// There is a database without the key that all its cameras know.
    #[error("{0} is missing, and the cameras' keys depend on it: put it back")]
    KeyMissing(PathBuf),
    /// The database, and why.
    #[error("{0}: {1}")]
    Store(PathBuf, StoreError),
    /// One server at a time.
    #[error("{0}: a server runs on this data directory already: stop it first")]
    Busy(PathBuf),
}

/// What is in one.
#[derive(Debug)]
pub struct Opened {
    /// Signs the grants.
    pub signer: GrantSigner,
    /// Accounts, bookings and share links.
    pub data: Data,
    /// The password of [`FIRST_ADMINISTRATOR`], if it was just made. It is nowhere else.
    pub password: Option<String>,
}

impl DataDir {
    /// The one at this path.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The socket of a running server.
    pub fn socket(&self) -> PathBuf {
        self.0.join("control.sock")
    }

    /// The key that signs grants.
    pub fn grant_key(&self) -> PathBuf {
        self.0.join("grant-key")
    }

    /// The key that second factors are sealed with, which is made if there is none.
    ///
    /// # Errors
    /// [`DataDirError::File`]
    pub fn second_factor_key(&self) -> Result<String, DataDirError> {
        let path = self.0.join("second-factor-key");
        let failed = |e| DataDirError::File(path.clone(), e);
        match fs::read_to_string(&path) {
            Ok(text) if text.trim().len() >= MIN_KEY_CHARS => return Ok(text.trim().to_owned()),
            Ok(_) => {
                let words = "this is no key: put back the one that was here";
                return Err(failed(io::Error::other(words)));
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => (),
            Err(e) => return Err(failed(e)),
        }
        let key = random_secret();
        write_new(&path, &format!("{key}\n")).map_err(failed)?;
        Ok(key)
    }

    /// The key by which push services know this server, which is made if there is none.
    ///
    /// # Errors
    /// [`DataDirError::File`]
    #[cfg(feature = "notify")]
    pub fn push_key(&self) -> Result<PushKey, DataDirError> {
        let path = self.0.join("push-key");
        let failed = |e| DataDirError::File(path.clone(), e);
        let text = match fs::read_to_string(&path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                let key = PushKey::generate();
                let key = key.ok_or_else(|| failed(io::Error::other("no random numbers")))?;
                write_new(&path, &format!("{key}\n")).map_err(failed)?;
                key
            }
            text => text.map_err(failed)?,
        };
        PushKey::parse(text.trim()).ok_or_else(|| {
            let words = "this is no key for Web Push: put back the one that was here, or delete it, and all browsers \
                         have to be asked anew";
            failed(io::Error::other(words))
        })
    }

    /// What makes the cookies by which devices are known that were here before.
    pub fn device_key(&self) -> PathBuf {
        self.0.join("device-key")
    }

    /// What is in there, or is there from now on: it stays the same when the key that signs grants is another.
    ///
    /// # Errors
    /// [`DataDirError::File`]
    pub fn device_secret(&self, signer: &GrantSigner) -> Result<String, DataDirError> {
        let path = self.device_key();
        let read = || fs::read_to_string(&path).map(|text| text.trim().to_owned());
        let found = match read() {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                write_new(&path, &format!("{}\n", first_device_secret(signer)))
                    .and_then(|()| read())
            }
            found => found,
        };
        found.map_err(|e| DataDirError::File(path, e))
    }

    /// The SQLite file.
    pub fn database(&self) -> PathBuf {
        self.0.join("porthole.sqlite3")
    }

    /// Locks it, unless someone else has: a server, from before it reads the database until it ends, or a command.
    ///
    /// # Errors
    /// [`DataDirError::File`]
    pub fn try_lock(&self) -> Result<Option<DataDirLock>, DataDirError> {
        DataDirLock::of(&self.0).map_err(|e| DataDirError::File(self.0.clone(), e))
    }

    /// Locks it for a server, and waits for a command that changes the database.
    ///
    /// # Errors
    /// [`DataDirError::File`]; [`DataDirError::Busy`] if a server runs on it
    pub async fn lock(&self) -> Result<DataDirLock, DataDirError> {
        let deadline = Instant::now() + LOCK_PATIENCE;
        loop {
            if let Some(lock) = self.try_lock()? {
                return Ok(lock);
            }
            let is_served = UnixStream::connect(self.socket()).is_ok();
            if is_served || Instant::now() >= deadline {
                return Err(DataDirError::Busy(self.0.clone()));
            }
            sleep(LOCK_LOOK).await;
        }
    }

    /// Opens it, and makes first what is missing of a new one.
    ///
    /// # Errors
    /// [`DataDirError`]
    pub async fn open_or_make(&self) -> Result<Opened, DataDirError> {
        let failed = |e| DataDirError::File(self.0.clone(), e);
        let made = DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.0);
        made.map_err(failed)?;
        let lock = self.lock().await?;
        let database = self.database();
        let broken = |e| DataDirError::Store(database.clone(), e);
        let store = store::open(&database.to_string_lossy())
            .await
            .map_err(broken)?;
        // What is there may be what a start has left that was interrupted.
        let found = store.snapshot(Timestamp::now()).await.map_err(broken)?;
        let signer = self.signer(found.cameras.is_empty())?;
        let mut password = None;
        if found.users.is_empty() {
            let made = Data::add_administrator(&*store, FIRST_ADMINISTRATOR, "server").await;
            password = Some(made.map_err(broken)?);
        }
        let data = Data::load(store).await.map_err(broken)?;
        let secret = self.device_secret(&signer)?;
        let data = data.held_by(lock).with_device_secret(secret);
        Ok(Opened {
            signer,
            data,
            password,
        })
    }

    /// One is made while no camera depends on it.
    fn signer(&self, may_be_new: bool) -> Result<GrantSigner, DataDirError> {
        let path = self.grant_key();
        let failed = |e| DataDirError::File(self.grant_key(), e);
        match fs::read_to_string(&path) {
            Ok(text) => text.parse().map_err(|_| DataDirError::BadKey(path)),
            Err(e) if e.kind() == io::ErrorKind::NotFound && may_be_new => {
                let signer = GrantSigner::generate();
                let signer = signer.map_err(|e| failed(io::Error::other(e)))?;
                write_new(&path, &signer.to_string()).map_err(failed)?;
                Ok(signer)
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => Err(DataDirError::KeyMissing(path)),
            Err(e) => Err(failed(e)),
        }
    }
}

/// The socket on which a server takes its owner's commands, while this is kept.
#[derive(Debug)]
pub struct OwnSocket(PathBuf);

impl OwnSocket {
    /// Opens it. `reload` hears when a command is to read the configuration again.
    ///
    /// # Errors
    /// [`DataDirError::File`], [`DataDirError::Busy`]
    pub fn open(
        dir: &DataDir,
        server: &Server,
        reload: mpsc::Sender<()>,
    ) -> Result<Self, DataDirError> {
        let path = dir.socket();
        let failed = |e| DataDirError::File(dir.socket(), e);
        if UnixStream::connect(&path).is_ok() {
            return Err(DataDirError::Busy(dir.path().to_owned()));
        }
        // Left behind by a server that was killed.
        let _ = fs::remove_file(&path);
        let listener = UnixListener::bind(&path).map_err(failed)?;
        fs::set_permissions(&path, Permissions::from_mode(0o600)).map_err(failed)?;
        server.take_commands(listener, reload).map_err(failed)?;
        Ok(Self(path))
    }
}

impl Drop for OwnSocket {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
