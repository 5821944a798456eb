// SPDX-License-Identifier: MPL-2.0
//! Choosing among cameras that come and go, made of test patterns.

use gst_video::VideoOrientationMethod;

use super::*;
use crate::{camera::device::Asked, camera::devices::discover::monitor::Provider};

/// A camera that is there, or that says why not.
#[derive(Debug)]
struct Pattern(Option<Reason>);

/// One that can be pulled out.
#[derive(Debug)]
struct Plugged {
    name: String,
    plugs: Plugs,
}

impl Kind for Plugged {
    fn element(&self) -> Result<gst::Element, Problem> {
        let camera = lock(&self.plugs)
            .iter()
            .find(|camera| camera.spelling == self.name)
            .cloned();
        let missing = || Problem::new(Reason::Missing, "no");
        camera.ok_or_else(missing)?.kind.element()
    }
}

impl Kind for Pattern {
    fn element(&self) -> Result<gst::Element, Problem> {
        match self.0 {
            Some(reason) => Err(Problem::new(reason, "no")),
            None => Ok(gst::ElementFactory::make("videotestsrc").build().unwrap()),
        }
    }
}

/// In place of the test picture.
#[derive(Debug)]
struct Fallback;

impl Device for Fallback {
    fn name(&self) -> &str {
        "test"
    }

    fn build(&self, _request: &Request) -> Result<Source, Problem> {
        Ok(Source {
            bin: gst::Bin::new(),
            paced: false,
            device: "test".into(),
            handles: Box::new(()),
            microphone: None,
            path: None,
            warning: None,
        })
    }
}

fn camera(name: &str, fails: Option<Reason>) -> Camera {
    gst::init().unwrap();
    Camera {
        provider: Provider::Other,
        name: format!("Camera {name}"),
        spelling: name.into(),
        caps: gst::Caps::new_any(),
        kind: Arc::new(Pattern(fails)),
    }
}

fn request() -> Request {
    gst::init().unwrap();
    Request {
        asked: Asked {
            width: 320,
            height: 240,
            framerate: gst::Fraction::from_integer(30),
            format: None,
            encoded: false,
        },
        allowed: gst::Caps::new_any(),
        settled: None,
        sound: false,
        controls: None,
        direction: VideoOrientationMethod::Identity,
    }
}

/// Cameras to plug in and out.
type Plugs = Arc<Mutex<Vec<Camera>>>;

fn auto(cameras: Vec<Camera>) -> (Auto, Plugs) {
    let plugs = Arc::new(Mutex::new(cameras));
    let plugged = plugs.clone();
    let auto = Auto::new(Arc::new(Fallback), move || {
        let plugs = plugged.clone();
        let of = |camera: &Camera| Camera {
            kind: Arc::new(Plugged {
                name: camera.spelling.clone(),
                plugs: plugs.clone(),
            }),
            ..camera.clone()
        };
        let cameras = lock(&plugged).clone();
        cameras.iter().map(of).collect()
    });
    (auto, plugs)
}

/// What was opened, closed again.
fn opened(device: &dyn Device) -> Result<(String, Option<String>), Problem> {
    let source = device.build(&request())?;
    let _ = gst::prelude::ElementExt::set_state(&source.bin, gst::State::Null);
    Ok((source.device, source.warning))
}

#[test]
fn auto_takes_the_first_camera() {
    let (auto, _) = auto(vec![camera("a", None), camera("b", None)]);
    assert_eq!(opened(&auto), Ok(("Camera a (a)".into(), None)));
}

#[test]
fn auto_keeps_to_its_camera_when_a_better_one_comes() {
    let (auto, plugs) = auto(vec![camera("b", None)]);
    opened(&auto).unwrap();
    lock(&plugs).insert(0, camera("a", None));
    assert_eq!(opened(&auto).unwrap().0, "Camera b (b)");
}

#[test]
fn auto_takes_another_camera_when_its_own_has_gone_and_says_so() {
    let (auto, plugs) = auto(vec![camera("a", None)]);
    opened(&auto).unwrap();
    *lock(&plugs) = vec![camera("b", None)];
    let (device, warning) = opened(&auto).unwrap();
    assert_eq!(device, "Camera b (b)");
    assert!(warning.unwrap().contains("Camera a (a) has gone"));
}

#[test]
fn auto_waits_for_its_camera_while_that_is_there_and_busy() {
    let (auto, plugs) = auto(vec![camera("a", None), camera("b", None)]);
    opened(&auto).unwrap();
    *lock(&plugs) = vec![camera("a", Some(Reason::Busy)), camera("b", None)];
    let problem = opened(&auto).unwrap_err();
    assert_eq!(
        (problem.reason, problem.text.as_str()),
        (Reason::Busy, "Camera a (a): no")
    );
}

#[test]
fn auto_starts_with_the_first_camera_that_opens() {
    let (auto, _) = auto(vec![camera("a", Some(Reason::Busy)), camera("b", None)]);
    assert_eq!(opened(&auto).unwrap().0, "Camera b (b)");
}

#[test]
fn auto_says_why_none_of_the_cameras_opens() {
    let (auto, _) = auto(vec![
        camera("a", Some(Reason::Busy)),
        camera("b", Some(Reason::Denied)),
    ]);
    let problem = opened(&auto).unwrap_err();
    assert_eq!(problem.reason, Reason::Busy);
    assert_eq!(problem.text, "Camera a (a): no; Camera b (b): no");
}

#[test]
fn auto_shows_the_test_picture_where_no_camera_ever_was_and_warns() {
    let (auto, plugs) = auto(Vec::new());
    let (device, warning) = opened(&auto).unwrap();
    assert_eq!(device, "test");
    assert!(warning.unwrap().contains("test picture"));
    lock(&plugs).push(camera("a", None));
    assert_eq!(opened(&auto).unwrap().0, "Camera a (a)");
}

#[test]
fn auto_never_falls_from_a_camera_to_the_test_picture() {
    let (auto, plugs) = auto(vec![camera("a", None)]);
    opened(&auto).unwrap();
    lock(&plugs).clear();
    assert_eq!(opened(&auto).unwrap_err().reason, Reason::Gone);
}

fn by_name(name: &str, cameras: Vec<Camera>) -> Named {
    Named::new(name, move || cameras.clone())
}

#[test]
fn a_camera_is_found_by_its_spelling_or_its_name() {
    for name in ["a", "Camera a"] {
        let named = by_name(name, vec![camera("b", None), camera("a", None)]);
        assert_eq!(opened(&named).unwrap().0, name);
    }
}

#[test]
fn a_name_that_matches_nothing_lists_what_there_is() {
    let problem = opened(&by_name("c", vec![camera("a", None), camera("b b", None)])).unwrap_err();
    assert_eq!(problem.reason, Reason::Missing);
    assert_eq!(
        problem.text,
        "it is not there: there is camera=a (Camera a), 'camera=\"b b\"' (Camera b b)"
    );
    let problem = opened(&by_name("c", Vec::new())).unwrap_err();
    assert!(problem.text.contains("no camera at all"), "{problem}");
}

#[test]
fn a_name_that_several_have_asks_for_another_spelling() {
    let mut twin = camera("b", None);
    twin.name = "Camera a".into();
    let problem = opened(&by_name("Camera a", vec![camera("a", None), twin])).unwrap_err();
    assert!(problem.text.contains("camera=a or camera=b"), "{problem}");
}

#[test]
fn a_path_that_is_not_there_is_missing_and_lists_what_there_is() {
    let device = named("/dev/video99", Arc::new(Fallback));
    let problem = opened(&*device).unwrap_err();
    assert_eq!(problem.reason, Reason::Missing);
    assert!(
        problem.text.starts_with("there is no /dev/video99"),
        "{problem}"
    );
}

#[test]
fn what_there_is_is_listed_once_for_a_path_that_stays_missing() {
    let device = named("/dev/video99", Arc::new(Fallback));
    let first = opened(&*device).unwrap_err();
    let second = opened(&*device).unwrap_err();
    assert!(first.text.starts_with(&second.text) && first.text.len() > second.text.len());
}

#[test]
fn a_camera_that_was_found_is_not_looked_up_again_until_it_fails() {
    let looks = Arc::new(Mutex::new(0));
    let plugs: Plugs = Arc::new(Mutex::new(vec![camera("a", None)]));
    let (count, plugged) = (looks.clone(), plugs.clone());
    let named = Named::new("a", move || {
        *lock(&count) += 1;
        lock(&plugged).clone()
    });
    opened(&named).unwrap();
    opened(&named).unwrap();
    assert_eq!(*lock(&looks), 1);
    *lock(&named.found) = Some(Arc::new(Pattern(Some(Reason::Missing))));
    opened(&named).unwrap();
    assert_eq!(*lock(&looks), 2);
}

#[test]
fn a_camera_is_looked_at_without_staying_open() {
    let named = by_name("a", vec![camera("a", None)]);
    let caps = named.look(&request()).unwrap().unwrap();
    let size = caps.structure(0).unwrap();
    assert_eq!((size.get("width"), size.get("height")), (Ok(320), Ok(240)));
}
