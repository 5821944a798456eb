// SPDX-License-Identifier: MPL-2.0
//! `camera` and `viewer`: cameras of the data directory, and both in the configuration file of a small set-up.

use std::path::Path;

use porthole_protocol::grant::Permission;
use porthole_protocol::key::{CameraKey, Certificate, is_camera_id, slug};
use porthole_protocol::random_secret;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use toml_edit::{Array, DocumentMut, Table, value};
use url::Url;

use super::config::Config;
use super::file::{NewFile, append, grant_signer, read, read_to_edit, remove, write};
use super::manage::{CameraData, Output, same_name};
use super::place::{Place, Where};
use super::values::{check_lease, check_user};
use super::{CameraCommand, Failure, KeyOutput, ServerUrl, ViewerCommand, ask, print, remark};
use crate::hosts::check_url;
use crate::registry::SecretDigest;
use crate::rights::{Cameras, DEFAULT_LEASE_SECONDS};
use crate::token::token_fragment;

const RELOAD: &str = "a running server reads its file again on SIGHUP: kill -HUP its process id, or systemctl reload";

pub(super) fn camera(command: CameraCommand, place: &Where, output: Output) -> Result<(), Failure> {
    match place.resolve()? {
        Place::File(file) => camera_in_file(command, &file),
        Place::Data(_) => camera_in_data(command, place, output),
    }
}

fn camera_in_file(command: CameraCommand, file: &Path) -> Result<(), Failure> {
    match command {
        CameraCommand::Add {
            camera,
            name,
            id,
            key,
            url,
            request,
        } => {
            if request.is_some() {
                let message = "--request: only a data directory (see init) knows requests again; leave it out";
                return Err(Failure::input(message));
            }
            let id = id.unwrap_or_else(|| slug(&camera));
            let name = name.unwrap_or(camera);
            add_camera(NewCamera { name, id, key }, file, url)
        }
        CameraCommand::List { search } => {
            let search = search.unwrap_or_default().to_lowercase();
            let all = read(file)?;
            let found = all.cameras().filter(|camera| {
                let texts = [&camera.id, &camera.name];
                texts
                    .iter()
                    .any(|text| text.to_lowercase().contains(&search))
            });
            for camera in found {
                print(format_args!("{}\t{}", camera.id, camera.name))?;
            }
            Ok(())
        }
        CameraCommand::Remove { id, .. } => remove_entry(file, "camera", "id", &id),
        CameraCommand::Show { .. }
        | CameraCommand::Rename { .. }
        | CameraCommand::Rotate { .. } => Err(Failure::input(format!(
            "the cameras of {} are changed in that file; with a data directory (see init) there are commands for it",
            file.display()
        ))),
    }
}

fn camera_in_data(command: CameraCommand, place: &Where, output: Output) -> Result<(), Failure> {
    let (asked, key) = match command {
        CameraCommand::Add {
            camera,
            name,
            id,
            key,
            url,
            request,
        } => {
            if url.url.is_some() {
                let message =
                    "--url: the server's address is url in its configuration: write it there";
                return Err(Failure::input(message));
            }
            let id = id.unwrap_or_else(|| slug(&camera));
            let name = name.unwrap_or(camera);
            (CameraData::Add { id, name, request }, Some(key))
        }
        CameraCommand::Rotate { id, key } => (CameraData::Rotate(id), Some(key)),
        CameraCommand::List { search } => (CameraData::List { search }, None),
        CameraCommand::Show { id } => (CameraData::Show(id), None),
        CameraCommand::Rename { id, name } => (CameraData::Rename(id, name), None),
        CameraCommand::Remove { id, yes } => {
            if !yes {
                let [bookings, links] = CameraData::before(&id);
                CameraData::confirm(&id, [ask(place, bookings)?, ask(place, links)?])?;
            }
            (CameraData::Revoke(id), None)
        }
    };
    let Some(key) = key else {
        return asked.show(&ask(place, asked.call())?, output);
    };
    // Before anything is changed: a key that cannot be kept is worth nothing.
    let ca = key.ca.as_deref().map(certificates).transpose()?;
    let file = key.output.as_deref().map(NewFile::create).transpose()?;
    let mut answer = ask(place, asked.call())?;
    if let Some(ca) = ca {
        let text = answer["key"].as_str().unwrap_or_default();
        let mut key: CameraKey = text.parse().map_err(Failure::system)?;
        key.ca = ca;
        answer["key"] = key.to_string().into();
    }
    match file {
        None => asked.show(&answer, output),
        Some(file) => {
            same_name(&answer);
            let key = answer["key"].as_str().unwrap_or_default();
            file.write(&format!("{key}\n"))?.keep();
            Ok(())
        }
    }
}

pub(super) fn viewer(command: ViewerCommand, place: &Where) -> Result<(), Failure> {
    let file = place.file()?;
    match command {
        ViewerCommand::Add {
            name,
            cameras,
            perms,
            lease,
            url,
        } => {
            let viewer = NewViewer {
                name,
                cameras,
                perms,
                lease,
            };
            add_viewer(viewer, file, url)
        }
        ViewerCommand::List => list_viewers(file),
        ViewerCommand::Remove { name } => remove_entry(file, "viewer", "name", &name),
    }
}

struct NewCamera {
    name: String,
    id: String,
    key: KeyOutput,
}

fn add_camera(camera: NewCamera, path: &Path, url: ServerUrl) -> Result<(), Failure> {
    let (config, mut document) = read_to_edit(path)?;
    let id = camera.id;
    check_new_camera(&config, path, &id)?;
    let url = server_url(&config, path, url, &mut document)?;
    let ca = camera.key.ca.as_deref().map(certificates).transpose()?;
    let signer = grant_signer(path, &config)?;
    // Before the camera is enrolled: a key that cannot be kept enrols nobody.
    let output = camera
        .key
        .output
        .as_deref()
        .map(NewFile::create)
        .transpose()?;
    let secret = random_secret();
    let mut table = Table::new();
    table["id"] = value(&id);
    table["name"] = value(camera.name);
    table["secret-sha256"] = value(SecretDigest::of(&secret).to_hex());
    append(&mut document, "camera", table);
    let key = CameraKey {
        url,
        id,
        secret,
        grant_key: signer.public_key(),
        ca: ca.unwrap_or_default(),
    };
    let kept = output
        .map(|file| file.write(&format!("{key}\n")))
        .transpose()?;
    write(path, &document)?;
    remark(RELOAD);
    match kept {
        Some(file) => {
            file.keep();
            Ok(())
        }
        None => print(key),
    }
}

fn check_new_camera(config: &Config, path: &Path, id: &str) -> Result<(), Failure> {
    let path = path.display();
    if !is_camera_id(id) {
        return Err(Failure::input(
            "--id: give the camera an id of 1 to 64 of a-z, 0-9 and -",
        ));
    }
    if config.cameras().any(|camera| camera.id == id) {
        return Err(Failure::input(format!(
            "{path}: there is a camera with the id \"{id}\" already: give another with --id, or remove it first"
        )));
    }
    // They were let in to another camera, which is gone.
    let heir = config.viewers().find(|viewer| match &viewer.cameras {
        Cameras::All => false,
        some => some.contain(id),
    });
    match heir {
        None => Ok(()),
        Some(viewer) => Err(Failure::input(format!(
            "{path}: viewer \"{}\" was let in to an earlier camera with the id \"{id}\": take it out of that viewer's \
             cameras, or give another with --id",
            viewer.user
        ))),
    }
}

/// The certificates of a PEM file.
fn certificates(path: &Path) -> Result<Vec<Certificate>, Failure> {
    let wrong = |e: &dyn std::fmt::Display| Failure::input(format!("--ca {}: {e}", path.display()));
    let read = CertificateDer::pem_file_iter(path).map_err(|e| wrong(&e))?;
    let read = read.collect::<Result<Vec<_>, _>>().map_err(|e| wrong(&e))?;
    if read.is_empty() {
        return Err(wrong(&"there is no certificate (PEM) in this file"));
    }
    Ok(read
        .into_iter()
        .map(|certificate| Certificate(certificate.to_vec()))
        .collect())
}

struct NewViewer {
    name: String,
    cameras: Option<Vec<String>>,
    perms: Vec<String>,
    lease: Option<u32>,
}

fn add_viewer(viewer: NewViewer, path: &Path, url: ServerUrl) -> Result<(), Failure> {
    let (config, mut document) = read_to_edit(path)?;
    check_user(&viewer.name).map_err(|e| Failure::input(format!("NAME: {e}")))?;
    if config.viewers().any(|known| known.user == viewer.name) {
        return Err(Failure::input(format!(
            "{}: there is a viewer \"{}\" already: give another name, or remove it first",
            path.display(),
            viewer.name
        )));
    }
    let unknown = viewer
        .cameras
        .iter()
        .flatten()
        .find(|id| !config.cameras().any(|c| c.id == **id));
    if let Some(id) = unknown {
        let message = format!("--cameras: there is no camera \"{id}\": see `camera list`");
        return Err(Failure::Input(message));
    }
    let perms = viewer
        .perms
        .iter()
        .map(|perm| permission(perm))
        .collect::<Result<Vec<_>, _>>()?;
    let lease = viewer.lease.unwrap_or(DEFAULT_LEASE_SECONDS);
    check_lease(lease).map_err(|e| Failure::input(format!("--lease: {e}")))?;
    let mut url = server_url(&config, path, url, &mut document)?;

    let token = random_secret();
    let mut table = Table::new();
    table["name"] = value(viewer.name);
    table["token-sha256"] = value(SecretDigest::of(&token).to_hex());
    if let Some(cameras) = viewer.cameras {
        table["cameras"] = value(Array::from_iter(cameras));
    }
    table["perms"] = value(Array::from_iter(perms.iter().map(Permission::to_string)));
    table["lease"] = value(i64::from(lease));
    append(&mut document, "viewer", table);
    write(path, &document)?;
    remark(RELOAD);
    // In the fragment, which a browser sends to no server and no log holds.
    url.set_fragment(Some(&token_fragment(&token)));
    print(url)
}

fn permission(name: &str) -> Result<Permission, Failure> {
    let parsed = serde_json::from_value(name.into());
    parsed.map_err(|_| {
        Failure::input(format!(
            "--perms: \"{name}\" is none of view, listen, talk, control, door"
        ))
    })
}

fn list_viewers(path: &Path) -> Result<(), Failure> {
    for viewer in read(path)?.viewers() {
        let cameras = match viewer.cameras {
            Cameras::All => "all cameras".to_owned(),
            Cameras::One(id) => id.to_string(),
            Cameras::Only(ids) => ids.into_iter().collect::<Vec<_>>().join(","),
        };
        let perms = viewer
            .perms
            .iter()
            .map(Permission::to_string)
            .collect::<Vec<_>>()
            .join(",");
        print(format_args!(
            "{}\t{cameras}\t{perms}\t{} s",
            viewer.user, viewer.lease
        ))?;
    }
    Ok(())
}

fn remove_entry(path: &Path, table: &str, key: &str, name: &str) -> Result<(), Failure> {
    // Not `read_to_edit`'s empty document: removing from a file that is not there is a mistake.
    read(path)?;
    let (_, mut document) = read_to_edit(path)?;
    if !remove(&mut document, table, key, name) {
        let path = path.display();
        return Err(Failure::input(format!(
            "{path}: there is no {table} \"{name}\": see `{table} list`"
        )));
    }
    write(path, &document)?;
    remark(RELOAD);
    Ok(())
}

/// Where the server is reached. The first one typed goes into the file: the server answers to no name it does not know.
fn server_url(
    config: &Config,
    path: &Path,
    typed: ServerUrl,
    document: &mut DocumentMut,
) -> Result<Url, Failure> {
    if let Some(url) = typed.url {
        check_url(&url).map_err(|e| Failure::input(format!("--url: {e}")))?;
        if config.url.is_none() {
            document["url"] = value(url.as_str());
        }
        return Ok(url);
    }
    if let Some(url) = &config.url {
        return Ok(url.clone());
    }
    if config.listen.ip().is_unspecified() || config.listen.port() == 0 {
        let message = "url: say where the server is reached from outside, here or with --url";
        return Err(Failure::input(format!("{}: {message}", path.display())));
    }
    let scheme = if config.tls(path).is_some() {
        "https"
    } else {
        "http"
    };
    let url = format!("{scheme}://{}", config.listen).parse();
    url.map_err(|e| Failure::input(format!("{}: listen: {e}", path.display())))
}
