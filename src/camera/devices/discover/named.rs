// SPDX-License-Identifier: MPL-2.0
//! A camera by its name, looked up at each opening, and the one that `auto` takes.

use std::{
    fmt::{self, Debug},
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use super::{
    monitor::Camera,
    watch::{Search, Watch},
};
use crate::{
    camera::{
        device::{Device, Request, Source},
        devices::{
            libcamera,
            native::{self, Kind},
            v4l2::V4l2,
        },
        problem::{Problem, Reason},
    },
    lock::lock,
};

pub(super) const AUTO: &str = "auto";

/// The camera that a text names which names no other kind. `fallback` is what `auto` shows where there is no camera.
pub(in crate::camera::devices) fn named(text: &str, fallback: Arc<dyn Device>) -> Arc<dyn Device> {
    if text == AUTO {
        return Arc::new(Auto::new(fallback, Watch::default()));
    }
    let path = PathBuf::from(text);
    let direct = path.starts_with("/dev").then_some(V4l2(path));
    Arc::new(Named {
        direct: direct.map(|kind| Arc::new(kind) as Arc<dyn Kind>),
        ..Named::new(text, Watch::default())
    })
}

/// One that is named.
struct Named {
    name: String,
    /// Known without looking it up.
    direct: Option<Arc<dyn Kind>>,
    search: Box<dyn Search>,
    /// What was found the last time: looking up all cameras takes longer than opening one.
    found: Mutex<Option<Arc<dyn Kind>>>,
    /// Whether it has been said what there is, since it was last there. Each look asks every driver.
    has_listed: AtomicBool,
}

impl Debug for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Named").field(&self.name).finish()
    }
}

impl Named {
    fn new(name: &str, search: impl Search + 'static) -> Self {
        Self {
            name: name.to_owned(),
            direct: None,
            search: Box::new(search),
            found: Mutex::default(),
            has_listed: AtomicBool::new(false),
        }
    }

    fn find(&self) -> Result<Arc<dyn Kind>, Problem> {
        let cameras = self.search.cameras();
        if let Some(camera) = cameras.iter().find(|camera| camera.spelling == self.name) {
            return Ok(camera.kind.clone());
        }
        let is_named = |camera: &&Camera| camera.name == self.name;
        let alike: Vec<&Camera> = cameras.iter().filter(is_named).collect();
        let text = match alike.as_slice() {
            [camera] => return Ok(camera.kind.clone()),
            [] if libcamera::is_id(&self.name) && !libcamera::is_installed() => {
                return Err(libcamera::missing_plugin());
            }
            [] => format!("it is not there: {}", list(&cameras)),
            several => {
                let spellings = several.iter().map(|camera| setting(&camera.spelling));
                let spellings: Vec<String> = spellings.collect();
                format!(
                    "several cameras have this name: set {}",
                    spellings.join(" or ")
                )
            }
        };
        Err(Problem::new(Reason::Missing, text))
    }

    fn open<T>(&self, open: impl Fn(&dyn Kind) -> Result<T, Problem>) -> Result<T, Problem> {
        let opened = match &self.direct {
            Some(kind) => self.open_directly(&**kind, open),
            None => self.open_found(open),
        };
        // One that is known by its path is not looked for.
        if opened.is_ok() || self.direct.is_some() {
            self.search.rest();
        }
        opened
    }

    fn open_directly<T>(
        &self,
        kind: &dyn Kind,
        open: impl Fn(&dyn Kind) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        let opened = open(kind);
        self.has_listed
            .fetch_and(opened.is_err(), Ordering::Relaxed);
        opened.map_err(|problem| self.with_list(problem))
    }

    fn open_found<T>(&self, open: impl Fn(&dyn Kind) -> Result<T, Problem>) -> Result<T, Problem> {
        let before = lock(&self.found).take();
        let opened = match before.map(|kind| (open(&*kind), kind)) {
            Some((Ok(opened), kind)) => Ok((opened, kind)),
            // It may be plugged in elsewhere by now.
            _ => self.find().and_then(|kind| Ok((open(&*kind)?, kind))),
        };
        opened.map(|(opened, kind)| {
            *lock(&self.found) = Some(kind);
            opened
        })
    }

    /// A camera that is missing says what there is in its place.
    fn with_list(&self, problem: Problem) -> Problem {
        if problem.reason != Reason::Missing || self.has_listed.swap(true, Ordering::Relaxed) {
            return problem;
        }
        let list = list(&self.search.cameras());
        Problem::new(Reason::Missing, format!("{}: {list}", problem.text))
    }
}

impl Device for Named {
    fn name(&self) -> &str {
        &self.name
    }

    fn look(&self, request: &Request) -> Result<Option<gst::Caps>, Problem> {
        self.open(|kind| native::look(kind, request)).map(Some)
    }

    fn build(&self, request: &Request) -> Result<Source, Problem> {
        self.open(|kind| native::build(kind, request, self.name.clone()))
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
    search: Box<dyn Search>,
    /// The camera that was chosen last.
    chosen: Mutex<Option<Camera>>,
}

impl Debug for Auto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Auto")
    }
}

impl Auto {
    fn new(fallback: Arc<dyn Device>, search: impl Search + 'static) -> Self {
        Self {
            fallback,
            search: Box::new(search),
            chosen: Mutex::default(),
        }
    }

    /// Opens the camera that was chosen before, else the first that opens; `None` where only the test pattern is left.
    fn open<T>(&self, open: impl Fn(&Camera) -> Result<T, Problem>) -> Result<Option<T>, Problem> {
        let opened = self.open_one(open);
        if opened.is_ok() {
            self.search.rest();
        }
        opened
    }

    fn open_one<T>(
        &self,
        open: impl Fn(&Camera) -> Result<T, Problem>,
    ) -> Result<Option<T>, Problem> {
        let chosen = lock(&self.chosen).clone();
        // Looking up all cameras takes longer than opening one.
        if let Some(chosen) = &chosen
            && let Ok(opened) = open(chosen)
        {
            return Ok(Some(opened));
        }
        let mut cameras = self.search.cameras();
        let is_chosen = |camera: &Camera| {
            chosen
                .as_ref()
                .is_some_and(|c| c.spelling == camera.spelling)
        };
        // While it is there no other takes its place, even if it cannot be opened for a moment.
        if cameras.iter().any(is_chosen) {
            cameras.retain(is_chosen);
        }
        match (&chosen, cameras.is_empty()) {
            (None, true) => Ok(None),
            (Some(chosen), true) => {
                let text = format!(
                    "{} has gone, and there is no other camera: check its plug and its power",
                    label(chosen)
                );
                Err(Problem::new(Reason::Gone, text))
            }
            (_, false) => self.first(&cameras, open).map(Some),
        }
    }

    /// Tries the cameras until one opens.
    fn first<T>(
        &self,
        cameras: &[Camera],
        open: impl Fn(&Camera) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        let mut problems: Vec<Problem> = Vec::new();
        for camera in cameras {
            match open(camera) {
                Ok(opened) => {
                    *lock(&self.chosen) = Some(camera.clone());
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

    fn chosen(&self) -> Option<String> {
        lock(&self.chosen).as_ref().map(label)
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
        match self.open(|camera| native::look(&*camera.kind, request))? {
            Some(mode) => Ok(Some(mode)),
            None => self.fallback.look(request),
        }
    }

    fn build(&self, request: &Request) -> Result<Source, Problem> {
        let before = self.chosen();
        let opened = self.open(|camera| native::build(&*camera.kind, request, label(camera)))?;
        let Some(mut source) = opened else {
            let mut source = self.fallback.build(request)?;
            source.warning = Some(
                "there is no camera, so a test picture is shown: plug one in, or set camera; scripts/cameras says what to check"
                    .into(),
            );
            return Ok(source);
        };
        if let Some(before) = before.filter(|before| *before != source.device) {
            let text = format!("{before} has gone: {} is shown in its place", source.device);
            source.warning = Some(text);
        }
        Ok(source)
    }
}

#[cfg(test)]
#[path = "named_tests.rs"]
mod tests;
