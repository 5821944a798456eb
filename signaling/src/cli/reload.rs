// SPDX-License-Identifier: MPL-2.0
//! The file read again while the server runs: what differs takes effect, and a broken file changes nothing.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::Failure;
use super::config::Config;
use super::file::{grant_signer_at, read_or_default};
use crate::notify::NotifyOptions;
use crate::registry::{CameraEntry, SecretDigest, ViewerEntry};
use crate::rights::Cameras;
use crate::server::Server;
use crate::turn::Turn;

/// A server, and the file it runs by.
pub(super) struct Running {
    pub(super) server: Server,
    pub(super) path: PathBuf,
    /// Where the key that signs grants is.
    pub(super) key: PathBuf,
    pub(super) config: Config,
    /// What was in the files of the existing backend.
    pub(super) backend: Vec<SecretDigest>,
    pub(super) turn: Option<Turn>,
    pub(super) notify: NotifyOptions,
}

/// One difference between two files.
#[derive(Debug)]
enum Step {
    RemoveViewer(String),
    RemoveCamera(String),
    AddCamera(CameraEntry),
    UpdateCamera(CameraEntry),
    AddViewer(ViewerEntry),
    UpdateViewer(ViewerEntry),
}

impl Running {
    /// Reads the file again and does what it says, or says why not.
    pub(super) fn reload(&mut self) {
        match self.try_reload() {
            Ok(changes) => tracing::info!(changes, "read the configuration again"),
            Err(Failure::Input(error) | Failure::System(error)) => {
                tracing::error!("nothing is changed: {error}");
            }
        }
    }

    fn try_reload(&mut self) -> Result<usize, Failure> {
        let new = read_or_default(&self.path)?;
        for key in unchangeable(&self.config, &new) {
            tracing::warn!(key, "this cannot change while the server runs: restart it");
        }
        // What can fail comes first.
        let in_auth = |e| Failure::input(format!("{}: [auth]: {e}", self.path.display()));
        let contents = new.backend_contents(&self.path).map_err(in_auth)?;
        let backend = new.backend(&self.path).map_err(in_auth)?;
        let is_other = contents != self.backend || !self.config.has_backend_of(&new);
        let backend = backend.filter(|_| is_other && self.config.has_backend());
        let turn = new.turn(&self.path);
        let turn =
            turn.map_err(|e| Failure::input(format!("{}: [turn]: {e}", self.path.display())))?;
        // A server that began without TLS stays so until it is restarted.
        if let (Some(_), Some(files)) = (self.config.tls(&self.path), new.tls(&self.path)) {
            let reloaded = self.server.reload_tls(&files);
            reloaded.map_err(|e| Failure::input(format!("tls-cert, tls-key: {e}")))?;
        }
        let notify = new.notify(&self.path);
        let notify = notify.map_err(|e| Failure::input(format!("{}: {e}", self.path.display())))?;
        if notify != self.notify {
            let taken = self.server.set_notifiers(&notify);
            taken.map_err(|e| Failure::input(format!("{}: {e}", self.path.display())))?;
        }
        let signer = grant_signer_at(&self.key)?;
        let taken = self.server.set_signer(signer);
        taken.map_err(|e| Failure::input(format!("{}: {e}", self.key.display())))?;
        warn_of_strays(&new);
        let mut count = 0;
        if let Some(backend) = backend {
            let taken = self.server.set_backend(&backend);
            taken.map_err(Failure::input)?;
            self.backend = contents;
            count += 1;
        }
        if turn != self.turn {
            self.server.set_turn(turn.clone());
            self.turn = turn;
            count += 1;
        }
        if notify != self.notify {
            self.notify = notify;
            count += 1;
        }
        let doorbells = new.doorbells().map_err(Failure::input)?;
        if self.config.doorbells().ok().as_ref() != Some(&doorbells) {
            self.server.set_doorbells(doorbells);
            count += 1;
        }
        let steps = differences(&self.config, &new);
        count += steps.len();
        for step in steps {
            self.take(step);
        }
        self.config.take_entries(new);
        Ok(count)
    }

    fn take(&self, step: Step) {
        let server = &self.server;
        let taken = match step {
            Step::RemoveViewer(user) => {
                server.remove_viewer(&user);
                Ok(())
            }
            Step::RemoveCamera(id) => {
                server.remove_camera(&id);
                Ok(())
            }
            Step::AddCamera(camera) => server.enrol_camera(camera),
            Step::UpdateCamera(camera) => server.update_camera(camera),
            Step::AddViewer(viewer) => {
                server.add_viewer(viewer);
                Ok(())
            }
            Step::UpdateViewer(viewer) => {
                server.update_viewer(viewer);
                Ok(())
            }
        };
        // The file was checked, so this does not happen.
        if let Err(error) = taken {
            tracing::error!(%error, "a change of the configuration was not taken");
        }
    }
}

/// What takes the server from one file to another. Removals first: a token or an id may have found a new owner.
fn differences(old: &Config, new: &Config) -> Vec<Step> {
    let by_name = |config: &Config| -> BTreeMap<_, _> {
        let viewers = config.viewers();
        viewers
            .map(|viewer| (viewer.user.clone(), viewer))
            .collect()
    };
    let by_id = |config: &Config| -> BTreeMap<_, _> {
        let cameras = config.cameras();
        cameras.map(|camera| (camera.id.clone(), camera)).collect()
    };
    let (old_viewers, new_viewers) = (by_name(old), by_name(new));
    let (old_cameras, new_cameras) = (by_id(old), by_id(new));
    let mut steps = Vec::new();
    let gone = old_viewers
        .keys()
        .filter(|user| !new_viewers.contains_key(*user));
    steps.extend(gone.cloned().map(Step::RemoveViewer));
    let gone = old_cameras
        .keys()
        .filter(|id| !new_cameras.contains_key(*id));
    steps.extend(gone.cloned().map(Step::RemoveCamera));
    for (id, camera) in new_cameras {
        match old_cameras.get(&id) {
            None => steps.push(Step::AddCamera(camera)),
            Some(old) if old.name != camera.name || !old.secret.matches(&camera.secret) => {
                steps.push(Step::UpdateCamera(camera));
            }
            Some(_) => (),
        }
    }
    for (user, viewer) in new_viewers {
        match old_viewers.get(&user) {
            None => steps.push(Step::AddViewer(viewer)),
            // With another token it is someone else, whose sessions these are not.
            Some(old) if !old.token.matches(&viewer.token) => steps.push(Step::AddViewer(viewer)),
            Some(old) if !has_same_rights(old, &viewer) => steps.push(Step::UpdateViewer(viewer)),
            Some(_) => (),
        }
    }
    steps
}

fn has_same_rights(a: &ViewerEntry, b: &ViewerEntry) -> bool {
    let cameras = match (&a.cameras, &b.cameras) {
        (Cameras::All, Cameras::All) => true,
        (Cameras::Only(a), Cameras::Only(b)) => a == b,
        _ => false,
    };
    cameras && a.perms == b.perms && a.lease == b.lease
}

/// The keys that differ and that a running server cannot follow.
fn unchangeable(old: &Config, new: &Config) -> Vec<&'static str> {
    let differ = [
        ("listen", old.listen != new.listen),
        ("metrics-listen", old.metrics_listen != new.metrics_listen),
        ("url", old.url != new.url),
        ("allowed-hosts", old.allowed_hosts != new.allowed_hosts),
        (
            "trusted-proxies",
            old.trusted_proxies != new.trusted_proxies,
        ),
        ("open-access", old.open_access != new.open_access),
        ("ice-server", old.ice_servers() != new.ice_servers()),
        ("data-dir", !old.has_data_of(new)),
        ("max-cameras", old.max_cameras != new.max_cameras),
        ("max-viewers", old.max_viewers != new.max_viewers),
        ("audit-days", old.audit_days != new.audit_days),
        ("second-factor", old.second_factor != new.second_factor),
        ("audit-rows", old.audit_rows != new.audit_rows),
        ("call-days", old.call_days != new.call_days),
        ("call-snapshots", old.call_snapshots != new.call_snapshots),
        ("auth", old.has_backend() != new.has_backend()),
        ("auth.openid", !old.has_openid_of(new)),
        ("tls-cert", old.has_tls() != new.has_tls()),
        ("socketio, three-service", !old.has_adapters_of(new)),
        #[cfg(feature = "cluster")]
        ("cluster", !old.has_cluster_of(new)),
        ("sfu", !old.has_sfu_of(new)),
        ("whep", old.whep() != new.whep()),
        ("embed", old.embed_origins() != new.embed_origins()),
    ];
    let differ = differ.into_iter().filter(|(_, differ)| *differ);
    differ.map(|(key, _)| key).collect()
}

/// Says which viewers name cameras that are not there.
pub(super) fn warn_of_strays(config: &Config) {
    for viewer in config.viewers() {
        if let Cameras::Only(ids) = &viewer.cameras
            && let Some(id) = ids
                .iter()
                .find(|id| !config.cameras().any(|c| c.id == **id))
        {
            tracing::warn!(
                viewer = viewer.user,
                camera = id,
                "this viewer's camera is not enrolled"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn config(text: &str) -> Config {
        Config::parse(text, Path::new("p.toml")).unwrap()
    }

    fn viewer(name: &str, digit: char, more: &str) -> String {
        let digest = digit.to_string().repeat(64);
        format!("[[viewer]]\nname = \"{name}\"\ntoken-sha256 = \"{digest}\"\n{more}\n")
    }

    fn camera(id: &str, name: &str, digit: char) -> String {
        let digest = digit.to_string().repeat(64);
        format!("[[camera]]\nid = \"{id}\"\nname = \"{name}\"\nsecret-sha256 = \"{digest}\"\n")
    }

    fn steps(old: &str, new: &str) -> Vec<String> {
        let steps = differences(&config(old), &config(new));
        let name = |step: &Step| match step {
            Step::RemoveViewer(user) => format!("-{user}"),
            Step::RemoveCamera(id) => format!("-{id}"),
            Step::AddCamera(camera) => format!("+{}", camera.id),
            Step::UpdateCamera(camera) => format!("~{}", camera.id),
            Step::AddViewer(viewer) => format!("+{}", viewer.user),
            Step::UpdateViewer(viewer) => format!("~{}", viewer.user),
        };
        steps.iter().map(name).collect()
    }

    #[test]
    fn only_what_differs_is_touched_and_removals_come_first() {
        let old = [
            camera("kept", "K", '1'),
            camera("renamed", "A", '2'),
            camera("gone", "G", '3'),
            viewer("alice", 'a', ""),
            viewer("bob", 'b', ""),
            viewer("carol", 'c', ""),
            viewer("dave", 'd', ""),
        ];
        let new = [
            camera("new", "N", '3'),
            camera("renamed", "B", '2'),
            camera("kept", "K", '1'),
            viewer("dave", 'd', ""),
            viewer("bob", 'b', "lease = 60"),
            viewer("carol", 'e', ""),
            viewer("eve", 'a', ""),
        ];
        assert_eq!(
            steps(&old.concat(), &new.concat()),
            [
                "-alice", "-gone", "+new", "~renamed", "~bob", "+carol", "+eve"
            ]
        );
        assert!(steps(&new.concat(), &new.concat()).is_empty());
    }

    #[test]
    fn each_right_counts_as_a_difference() {
        let plain = viewer("a", 'a', "");
        for more in [
            "perms = [\"view\"]",
            "lease = 1",
            "cameras = [\"x\"]",
            "cameras = []",
        ] {
            assert_eq!(steps(&plain, &viewer("a", 'a', more)), ["~a"], "{more}");
        }
    }

    #[test]
    fn what_cannot_change_is_named() {
        let new = "listen = \"0.0.0.0:1\"\nurl = \"http://a\"\nallowed-hosts = [\"b\"]\n\
                   trusted-proxies = [\"10.0.0.1\"]\nopen-access = true\ntls-cert = \"c\"\ntls-key = \"k\"\n\
                   [[ice-server]]\nurls = []\n[turn]\nurls = [\"turn:t\"]\nsecret = \"s\"";
        let expected = [
            "listen",
            "url",
            "allowed-hosts",
            "trusted-proxies",
            "open-access",
            "ice-server",
            "tls-cert",
        ];
        assert_eq!(unchangeable(&config(""), &config(new)), expected);
        assert!(unchangeable(&config(new), &config(new)).is_empty());
    }
}
