// SPDX-License-Identifier: MPL-2.0
//! The cameras that are there, for who looks again and again: providers tell what comes and goes, and those that do not are asked when
//! there is something new where devices appear.

use std::{
    env, fs,
    path::PathBuf,
    sync::Mutex,
    thread,
    time::{Duration, SystemTime},
};

use gst::prelude::*;

use super::monitor::{self, Camera, Provider, Seen};
use crate::lock::lock;

/// From the appearance of a device's file to the end of what the system does with it: names, rights, firmware.
const SETTLING: Duration = Duration::from_secs(5);
/// Fifteen characters at the most.
const THREAD: &str = "portholesrc-mon";

/// Where cameras are looked up.
pub(super) trait Search: Send + Sync {
    /// Those that are there. Blocks.
    fn cameras(&self) -> Vec<Camera>;

    /// Nobody looks for a while.
    fn rest(&self) {}
}

impl<F: Fn() -> Vec<Camera> + Send + Sync> Search for F {
    fn cameras(&self) -> Vec<Camera> {
        self()
    }
}

/// All providers of GStreamer's.
#[derive(Default)]
pub(super) struct Watch(Mutex<Option<Watching>>);

struct Watching {
    /// Of those that tell nothing.
    asked: Vec<Seen>,
    /// Those that tell.
    started: Vec<(Provider, gst::DeviceProvider)>,
    places: Places,
}

impl Drop for Watching {
    fn drop(&mut self) {
        for (_, provider) in &self.started {
            provider.stop();
        }
    }
}

impl Watching {
    fn begin(places: Places) -> Self {
        // What providers start has the name of the thread that started them, and is none that a camera's driver holds up.
        let thread = thread::Builder::new().name(THREAD.into()).spawn(start);
        let (asked, started) = match thread {
            Ok(thread) => thread.join().unwrap_or_default(),
            Err(_) => start(),
        };
        Self {
            asked,
            started,
            places,
        }
    }

    fn cameras(&self) -> Vec<Camera> {
        for (_, provider) in &self.started {
            // Nobody else reads what it tells there; its list is what counts.
            while provider.bus().pop().is_some() {}
        }
        let told = self.started.iter().cloned().flat_map(monitor::ask);
        monitor::sorted(told.chain(self.asked.clone()).collect())
    }
}

/// Those that are asked, and those that tell.
fn start() -> (Vec<Seen>, Vec<(Provider, gst::DeviceProvider)>) {
    let (mut asked, mut started) = (Vec::new(), Vec::new());
    for (who, provider) in monitor::providers() {
        // libcamera's has no news (docs/upstream.md), and keeps to what it found when it was started.
        match who != Provider::Libcamera && provider.start().is_ok() {
            true => started.push((who, provider)),
            false => asked.extend(monitor::ask((who, provider))),
        }
    }
    (asked, started)
}

impl Search for Watch {
    fn cameras(&self) -> Vec<Camera> {
        let mut watching = lock(&self.0);
        let places = Places::now(SystemTime::now());
        let is_news = watching
            .as_ref()
            .is_none_or(|known| places.is_news(&known.places));
        if is_news {
            // Those that are started are stopped first.
            *watching = None;
            *watching = Some(Watching::begin(places));
        }
        watching.as_ref().map_or_else(Vec::new, Watching::cameras)
    }

    fn rest(&self) {
        *lock(&self.0) = None;
    }
}

/// When something last came to or went from where devices and PipeWire's door are.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Places {
    changed: Vec<Option<SystemTime>>,
    /// Whether that is so long ago that nothing more comes of it.
    is_settled: bool,
}

impl Places {
    fn now(now: SystemTime) -> Self {
        let runtime = env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
        let places = [Some(PathBuf::from("/dev")), runtime];
        let changed = |place: PathBuf| fs::metadata(place).and_then(|data| data.modified()).ok();
        Self::of(places.into_iter().flatten().map(changed).collect(), now)
    }

    fn of(changed: Vec<Option<SystemTime>>, now: SystemTime) -> Self {
        let settled = |at: &SystemTime| {
            // One from the future is of a clock that was set.
            now.duration_since(*at).is_ok_and(|age| age > SETTLING)
        };
        Self {
            is_settled: changed.iter().flatten().all(settled),
            changed,
        }
    }

    fn is_news(&self, before: &Self) -> bool {
        !before.is_settled || self.changed != before.changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(second)
    }

    #[test]
    fn nothing_new_is_no_reason_to_ask() {
        let before = Places::of(vec![Some(at(100)), None], at(1000));
        let after = Places::of(vec![Some(at(100)), None], at(2000));
        assert!(!after.is_news(&before));
    }

    #[test]
    fn a_file_that_appears_is_looked_at_until_the_system_is_done_with_it() {
        let before = Places::of(vec![Some(at(100))], at(1000));
        let at_once = Places::of(vec![Some(at(1001))], at(1001));
        assert!(at_once.is_news(&before));
        let soon = Places::of(vec![Some(at(1001))], at(1004));
        assert!(soon.is_news(&at_once));
        let later = Places::of(vec![Some(at(1001))], at(1010));
        assert!(later.is_news(&soon), "once more when it is done");
        let after = Places::of(vec![Some(at(1001))], at(1011));
        assert!(!after.is_news(&later));
    }

    #[test]
    fn what_is_told_is_what_is_found_by_asking() {
        gst::init().unwrap();
        let spell = |cameras: Vec<Camera>| -> Vec<String> {
            cameras.into_iter().map(|camera| camera.spelling).collect()
        };
        let watch = Watch::default();
        let found = spell(monitor::cameras());
        assert_eq!(spell(watch.cameras()), found);
        assert_eq!(spell(watch.cameras()), found);
        watch.rest();
    }
}
