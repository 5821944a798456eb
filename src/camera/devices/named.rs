// SPDX-License-Identifier: MPL-2.0
//! A camera by its name, looked up at each opening, and the one that `auto` takes.

use std::{
    fmt::{self, Debug},
    path::PathBuf,
    sync::{Arc, Mutex},
};

use super::{
    libcamera::{self, Libcamera},
    monitor::{self, Camera},
    native::{self, Kind},
    v4l2::V4l2,
};
use crate::{
    camera::{
        device::{Device, Request, Source},
        problem::{Problem, Reason},
    },
    lock::lock,
};

pub(super) const AUTO: &str = "auto";

/// The camera that a text names which names no other kind. `fallback` is what `auto` shows where there is no camera.
pub(super) fn named(text: &str, fallback: Arc<dyn Device>) -> Arc<dyn Device> {
    let name = text.to_owned();
    if text == AUTO {
        return Arc::new(Auto::new(fallback, monitor::cameras));
    }
    let direct: Option<Arc<dyn Kind>> = if text.starts_with("/dev/") {
        Some(Arc::new(V4l2(PathBuf::from(text))))
    } else if libcamera::is_id(text) {
        Some(Arc::new(Libcamera(name.clone())))
    } else {
        None
    };
    Arc::new(Named {
        name,
        direct,
        cameras: Box::new(monitor::cameras),
    })
}

/// Where cameras are looked up.
type Cameras = Box<dyn Fn() -> Vec<Camera> + Send + Sync>;

/// One that is named.
struct Named {
    name: String,
    /// Known without looking it up.
    direct: Option<Arc<dyn Kind>>,
    cameras: Cameras,
}

impl Debug for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Named").field(&self.name).finish()
    }
}

impl Named {
    fn find(&self) -> Result<Arc<dyn Kind>, Problem> {
        if let Some(kind) = &self.direct {
            return Ok(kind.clone());
        }
        let cameras = (self.cameras)();
        if let Some(camera) = cameras.iter().find(|camera| camera.spelling == self.name) {
            return Ok(camera.kind.clone());
        }
        let alike: Vec<&Camera> = cameras
            .iter()
            .filter(|camera| camera.name == self.name)
            .collect();
        match alike.as_slice() {
            [camera] => Ok(camera.kind.clone()),
            [] => Err(Problem::new(
                Reason::Missing,
                format!("it is not there: {}", list(&cameras)),
            )),
            several => {
                let spellings: Vec<String> = several
                    .iter()
                    .map(|camera| setting(&camera.spelling))
                    .collect();
                let text = format!(
                    "several cameras have this name: set {}",
                    spellings.join(" or ")
                );
                Err(Problem::new(Reason::Missing, text))
            }
        }
    }

    /// A camera that is missing says what there is in its place.
    fn with_list(&self, problem: Problem) -> Problem {
        match problem.reason {
            Reason::Missing if self.direct.is_some() => {
                let list = list(&(self.cameras)());
                Problem::new(Reason::Missing, format!("{}: {list}", problem.text))
            }
            _ => problem,
        }
    }
}

impl Device for Named {
    fn name(&self) -> &str {
        &self.name
    }

    fn look(&self, request: &Request) -> Result<Option<gst::Caps>, Problem> {
        let look = native::look(&*self.find()?, request);
        look.map(Some).map_err(|problem| self.with_list(problem))
    }

    fn build(&self, request: &Request) -> Result<Source, Problem> {
        let built = native::build(&*self.find()?, request, self.name.clone());
        built.map_err(|problem| self.with_list(problem))
    }
}

/// What there is, and how to write it.
fn list(cameras: &[Camera]) -> String {
    if cameras.is_empty() {
        return "there is no camera at all; camera=test shows a test picture".into();
    }
    let line = |camera: &Camera| format!("{} ({})", setting(&camera.spelling), camera.name);
    let lines: Vec<String> = cameras.iter().map(line).collect();
    format!("there is {}", lines.join(", "))
}

/// As it is typed in a shell for gst-launch-1.0.
pub(super) fn setting(spelling: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-:@+".contains(c);
    match spelling.chars().all(plain) {
        true => format!("camera={spelling}"),
        // Backslashes and quotes are read by the shell and then by gst-launch-1.0.
        false => {
            let escaped = spelling
                .replace('\\', "\\\\")
                .replace('"', "\\\"")
                .replace('\'', "'\\''");
            format!("'camera=\"{escaped}\"'")
        }
    }
}

/// The first camera that there is, and from then on that one as long as it is there.
struct Auto {
    fallback: Arc<dyn Device>,
    cameras: Cameras,
    /// How the camera is spelt that was chosen last.
    chosen: Mutex<Option<String>>,
}

impl Debug for Auto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Auto")
    }
}

impl Auto {
    fn new(
        fallback: Arc<dyn Device>,
        cameras: impl Fn() -> Vec<Camera> + Send + Sync + 'static,
    ) -> Self {
        Self {
            fallback,
            cameras: Box::new(cameras),
            chosen: Mutex::default(),
        }
    }

    /// The cameras in the order in which they are tried; `None` where only the test pattern is left.
    fn candidates(&self) -> Result<Option<Vec<Camera>>, Problem> {
        let mut cameras = (self.cameras)();
        let chosen = lock(&self.chosen).clone();
        let is_chosen = |camera: &Camera| Some(&camera.spelling) == chosen.as_ref();
        match chosen {
            // While it is there no other takes its place, even if it cannot be opened for a moment.
            Some(_) if cameras.iter().any(is_chosen) => cameras.retain(is_chosen),
            Some(chosen) if cameras.is_empty() => {
                let text = format!(
                    "{chosen} has gone, and there is no other camera: check its plug and its power"
                );
                return Err(Problem::new(Reason::Gone, text));
            }
            None if cameras.is_empty() => return Ok(None),
            _ => (),
        }
        Ok(Some(cameras))
    }

    /// Tries the cameras until one opens.
    fn first<T>(
        &self,
        cameras: Vec<Camera>,
        open: impl Fn(&Camera) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        let mut problems: Vec<Problem> = Vec::new();
        for camera in &cameras {
            match open(camera) {
                Ok(opened) => {
                    *lock(&self.chosen) = Some(camera.spelling.clone());
                    return Ok(opened);
                }
                Err(problem) => {
                    let text = format!("{}: {}", label(camera), problem.text);
                    problems.push(Problem::new(problem.reason, text));
                }
            }
        }
        let texts: Vec<&str> = problems
            .iter()
            .map(|problem| problem.text.as_str())
            .collect();
        let reason = problems
            .first()
            .map_or(Reason::Missing, |problem| problem.reason);
        Err(Problem::new(reason, texts.join("; ")))
    }
}

/// A camera's name and how it is written, once if they are the same.
fn label(camera: &Camera) -> String {
    match camera.name == camera.spelling {
        true => camera.name.clone(),
        false => format!("{} ({})", camera.name, camera.spelling),
    }
}

impl Device for Auto {
    fn name(&self) -> &str {
        AUTO
    }

    fn look(&self, request: &Request) -> Result<Option<gst::Caps>, Problem> {
        match self.candidates()? {
            Some(cameras) => self
                .first(cameras, |camera| native::look(&*camera.kind, request))
                .map(Some),
            None => self.fallback.look(request),
        }
    }

    fn build(&self, request: &Request) -> Result<Source, Problem> {
        match self.candidates()? {
            Some(cameras) => {
                let before = lock(&self.chosen).clone();
                let mut source = self.first(cameras, |camera| {
                    native::build(&*camera.kind, request, label(camera))
                })?;
                let now = lock(&self.chosen).clone();
                if let Some(before) = before.filter(|before| Some(before) != now.as_ref()) {
                    source.warning = Some(format!(
                        "{before} has gone: {} is shown in its place",
                        source.device
                    ));
                }
                Ok(source)
            }
            None => {
                let mut source = self.fallback.build(request)?;
                source.warning = Some(
                    "there is no camera, so a test picture is shown: plug one in, or set camera; scripts/cameras says what to check"
                        .into(),
                );
                Ok(source)
            }
        }
    }
}

#[cfg(test)]
#[path = "named_tests.rs"]
mod tests;
