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
    make(&path)?;
    let config = path.join("config.toml");
    if !config.exists() && place.config().is_none() {
        let url = url.map(|url| format!("\nurl = \"{url}\"\n"));
        file::write_new(&config, &format!("{CONFIG}{}", url.unwrap_or_default()))?;
    }
    let data = place_of(place, &path)?;
    file::new_grant_signer(&data.dir.grant_key())?;
    let password = runtime()?.block_on(async {
        let store = start::open_store(&data).await?;
        let made = Data::add_administrator(&*store, administrator, "cli").await;
        made.map_err(|e| Failure::input(format!("--administrator {administrator}: {e}")))
    })?;
    if output.json {
        return print(
            json!({ "dataDir": path, "administrator": administrator, "password": password }),
        );
    }
    let path = path.display();
    remark(format_args!(
        "made {path}\nstart the server with `porthole-signaling serve --data-dir {path}` and log in as {administrator}; \
         the password, shown this once:"
    ));
    print(password)
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

/// Makes the directory, for its owner alone. One that is there has to be empty, or hold a configuration only.
fn make(path: &Path) -> Result<(), Failure> {
    let shown = path.display();
    make_folder(path)?;
    let entries = fs::read_dir(path);
    let entries = entries.map_err(|e| Failure::system(format!("cannot read {shown}: {e}")))?;
    for entry in entries {
        let entry = entry.map_err(|e: io::Error| Failure::system(e))?;
        if entry.file_name() != "config.toml" {
            return Err(Failure::input(format!(
                "{shown} is not empty: give another with --data-dir, or use what is there"
            )));
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
