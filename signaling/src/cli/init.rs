// SPDX-License-Identifier: MPL-2.0
//! `init` makes a data directory, `serve --init` what is missing of one, `backup` a copy of its database.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use jiff::Timestamp;
use serde_json::json;
use url::Url;

use super::manage::Output;
use super::place::{Kept, Place, Where};
use super::{Failure, file, print, remark, runtime, start};
use crate::access::Data;
use crate::data_dir::DataDir;
use crate::hosts::check_url;

/// The configuration of a new data directory.
const CONFIG: &str = "\
# Configuration of porthole-signaling. Each key is explained in config.example.toml.
# Accounts, cameras and bookings are in the database beside this file; commands such as
# `porthole-signaling user add` change them while the server runs.
";

pub(super) fn run(
    place: &Where,
    administrator: &str,
    url: Option<Url>,
    output: Output,
) -> Result<(), Failure> {
    if let Some(url) = &url {
        check_url(url).map_err(|e| Failure::input(format!("--url: {e}")))?;
    }
    let path = place.new_data_dir()?;
    make_folder(&path)?;
    check_folder(&path)?;
    let dir = DataDir::at(&path);
    let Some(_lock) = dir.try_lock().map_err(Failure::system)? else {
        return Err(Failure::input(format!(
            "{}: a server or another command is at work on it",
            path.display()
        )));
    };
    let config = path.join("config.toml");
    if !config.exists() && place.config().is_none() {
        let url = url.map(|url| format!("\nurl = \"{url}\"\n"));
        file::write_new(&config, &format!("{CONFIG}{}", url.unwrap_or_default()))?;
    }
    let data = place_of(place, &path)?;
    let unseen = path.join(UNSEEN);
    let password = runtime()?.block_on(async {
        let store = start::open_store(&data).await?;
        let found = store.snapshot(Timestamp::now()).await;
        let found = found.map_err(Failure::system)?;
        let begun = match found.users.first() {
            None => found.cameras.is_empty(),
            // Its password was never shown, or that was about to be noted.
            Some(first) => {
                let is_alone = found.users.len() == 1 && first.name == administrator;
                is_alone && found.cameras.is_empty() && found.logins.is_empty() && unseen.exists()
            }
        };
        if !begun {
            return Err(not_empty(&path));
        }
        if !data.dir.grant_key().exists() {
            file::new_grant_signer(&data.dir.grant_key())?;
        }
        data.dir
            .device_secret(&data.signer()?)
            .map_err(Failure::system)?;
        if !unseen.exists() {
            file::write_new(&unseen, UNSEEN_TEXT)?;
        }
        let made = match found.users.first() {
            None => Data::add_administrator(&*store, administrator, "cli").await,
            Some(first) => Data::renew_password(&*store, first, "cli").await,
        };
        made.map_err(|e| Failure::input(format!("--administrator {administrator}: {e}")))
    })?;
    let shown = path.display();
    if output.json {
        print(json!({ "dataDir": path, "administrator": administrator, "password": password }))?;
    } else {
        remark(format_args!(
            "made {shown}\nstart the server with `porthole-signaling serve --data-dir {shown}` and log in as \
             {administrator}; the password, shown this once:"
        ));
        print(password)?;
    }
    fs::remove_file(&unseen).map_err(|e| Failure::system(format!("{}: {e}", unseen.display())))
}

/// There while the first administrator's password has not been printed: then `init` may be said again.
const UNSEEN: &str = "init.unfinished";
const UNSEEN_TEXT: &str = "porthole-signaling init was interrupted here: say it again.\n";
/// What is in a data directory that `init` was about to make, perhaps with `-wal`, `.new` and the like behind it.
const OWN: [&str; 7] = [
    "config.toml",
    "grant-key",
    "device-key",
    "second-factor-key",
    "push-key",
    "porthole.sqlite3",
    UNSEEN,
];

fn not_empty(path: &Path) -> Failure {
    let path = path.display();
    Failure::input(format!(
        "{path} is not empty, it is in use already: give another with --data-dir, or use what is there \
         (`porthole-signaling user password NAME` gives someone a new password)"
    ))
}

/// Makes what a service finds missing that nobody has set up: the directory, the database, the key. No account: nobody
/// would see its password.
pub(super) fn make_missing(place: &Where) -> Result<(), Failure> {
    let path = place.new_data_dir()?;
    make_folder(&path)?;
    let data = place.data()?;
    let key = data.dir.grant_key();
    if key.exists() {
        return Ok(());
    }
    let has_cameras = runtime()?.block_on(async {
        let store = start::open_store(&data).await?;
        let found = store.snapshot(Timestamp::now()).await;
        Ok(!found.map_err(Failure::system)?.cameras.is_empty())
    })?;
    // Their keys hold the one that is lost, and serving says so.
    if has_cameras {
        return Ok(());
    }
    file::new_grant_signer(&key)?;
    remark(format_args!(
        "made what was missing in {}; nobody has an account yet: `porthole-signaling user add NAME --administrator`, as \
         root or as whoever owns it, makes the first and prints its password",
        path.display()
    ));
    Ok(())
}

fn make_folder(path: &Path) -> Result<(), Failure> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|e| Failure::system(format!("cannot make {}: {e}", path.display())))
}

/// The data directory as all other commands will find it.
fn place_of(place: &Where, path: &Path) -> Result<Kept, Failure> {
    match place.in_data_dir(path.to_owned())? {
        Place::Data(data) => Ok(*data),
        Place::File(_) => unreachable!("a data directory was given"),
    }
}

/// A directory that is there may hold a configuration, and what an `init` has left that was interrupted.
fn check_folder(path: &Path) -> Result<(), Failure> {
    let shown = path.display();
    let entries = fs::read_dir(path);
    let entries = entries.map_err(|e| Failure::system(format!("cannot read {shown}: {e}")))?;
    for entry in entries {
        let entry = entry.map_err(|e: io::Error| Failure::system(e))?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if !OWN.iter().any(|own| name.starts_with(own)) {
            return Err(not_empty(path));
        }
    }
    Ok(())
}

pub(super) fn backup(place: &Where, to: &Path) -> Result<(), Failure> {
    let data = place.data()?;
    runtime()?.block_on(async {
        let store = start::open_store(&data).await?;
        let copied = store.backup(to).await;
        copied.map_err(|e| Failure::system(format!("{}: {e}", to.display())))
    })?;
    let grant_key = data.dir.grant_key();
    remark(format_args!(
        "the copy holds no key: keep one of {} as well, since all cameras' keys depend on it",
        grant_key.display()
    ));
    Ok(())
}
