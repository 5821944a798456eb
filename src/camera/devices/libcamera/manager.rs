// SPDX-License-Identifier: MPL-2.0
//! Elements of libcamera's that stay open for a while after they were closed.
//!
//! All of a process share one manager of libcamera's, which is there while one of them is open, while somebody looks for cameras, and
//! while one of its pictures is held. As long as it is there, each opening of a camera adds a listener that no closing takes away, so that
//! the pictures of the second opening also come to the first, which ends the process (docs/upstream.md). Therefore a camera is opened once
//! by a manager: its element stays in READY, where the sensor is off, is used again, and is closed when the manager can go.

use std::{
    collections::HashMap,
    sync::{LazyLock, Mutex},
};

use gst::{glib, prelude::*};

use crate::lock::lock;

/// The type of what owns the memory of an opening. Copies that newer versions make have another.
const ALLOCATOR: &str = "GstLibcameraAllocator";

static MANAGER: LazyLock<Mutex<Manager>> = LazyLock::new(Mutex::default);

/// Who has the manager.
#[derive(Debug, Default)]
struct Manager {
    /// Open elements, and those that look for cameras.
    users: usize,
    /// Openings of which a picture is held.
    held: usize,
    /// Elements in READY, by the id of their camera.
    parked: HashMap<String, gst::Element>,
}

impl Manager {
    /// Elements that have to be closed now.
    fn idle(&mut self) -> Vec<gst::Element> {
        match self.users + self.held {
            0 => self.parked.drain().map(|(_, element)| element).collect(),
            _ => Vec::new(),
        }
    }

    /// Closes what is not needed; under the lock, so that nobody opens a camera before the manager has gone.
    fn settle(&mut self) {
        for element in self.idle() {
            let _ = element.set_state(gst::State::Null);
        }
    }
}

/// Keeps the manager as it is while this lives.
#[derive(Debug)]
pub(in crate::camera::devices) struct User(());

impl User {
    pub(in crate::camera::devices) fn new() -> Self {
        lock(&MANAGER).users += 1;
        Self(())
    }
}

impl Drop for User {
    fn drop(&mut self) {
        let mut manager = lock(&MANAGER);
        manager.users -= 1;
        manager.settle();
    }
}

/// The element by which a camera was opened before.
pub(super) fn take(id: &str) -> Option<gst::Element> {
    lock(&MANAGER).parked.remove(id)
}

/// Closes an element when that can be.
pub(super) fn close(id: String, element: gst::Element, user: User) {
    lock(&MANAGER).parked.insert(id, element);
    drop(user);
}

/// Lets go of cameras that are not there any more: one that comes again is another one.
pub(in crate::camera::devices) fn keep_only(ids: &[&str]) {
    let gone: Vec<gst::Element> = {
        let parked = &mut lock(&MANAGER).parked;
        let gone = parked.extract_if(|id, _| !ids.contains(&id.as_str()));
        gone.map(|(_, element)| element).collect()
    };
    for element in gone {
        let _ = element.set_state(gst::State::Null);
    }
}

/// Notes from the pictures that come here which openings have some of them held.
pub(super) fn watch(element: &gst::Element) {
    let Some(pad) = element.static_pad("src") else {
        return;
    };
    let weak = element.downgrade();
    let known: Mutex<glib::WeakRef<gst::Allocator>> = Mutex::default();
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        if let (Some(gst::PadProbeData::Buffer(buffer)), Some(element)) =
            (&info.data, weak.upgrade())
            && let Some(allocator) = buffer
                .memory(0)
                .and_then(|memory| memory.allocator().cloned())
            && allocator.type_().name() == ALLOCATOR
        {
            let known = lock(&known);
            if known.upgrade().as_ref() != Some(&allocator) {
                known.set(Some(&allocator));
                hold(&allocator, element);
            }
        }
        gst::PadProbeReturn::Ok
    });
}

/// An opening has an allocator of its own, which is there as long as any of its memory. The element is kept as long: its pool wakes it with
/// each picture that comes home (docs/upstream.md).
fn hold(allocator: &gst::Allocator, element: gst::Element) {
    lock(&MANAGER).held += 1;
    allocator.add_weak_ref_notify(move || {
        drop(element);
        // At once: a thread of its own would go on while the process ends, and a camera could be opened before it.
        let mut manager = lock(&MANAGER);
        manager.held -= 1;
        manager.settle();
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parked(manager: &mut Manager, id: &str) {
        let element = gst::ElementFactory::make("fakesrc").build().unwrap();
        manager.parked.insert(id.into(), element);
    }

    #[test]
    fn a_camera_stays_open_while_another_is_open_or_a_picture_is_held() {
        gst::init().unwrap();
        let mut manager = Manager {
            users: 1,
            ..Manager::default()
        };
        parked(&mut manager, "a");
        assert!(manager.idle().is_empty());
        (manager.users, manager.held) = (0, 1);
        assert!(manager.idle().is_empty());
        manager.held = 0;
        assert_eq!(manager.idle().len(), 1);
        assert!(manager.parked.is_empty());
    }

    #[test]
    fn an_element_is_used_again_while_the_manager_is_there_and_closed_with_it() {
        gst::init().unwrap();
        let element = gst::ElementFactory::make("fakesrc").build().unwrap();
        element.set_state(gst::State::Ready).unwrap();
        let (first, second) = (User::new(), User::new());
        close("used-again".into(), element.clone(), first);
        assert_eq!(element.current_state(), gst::State::Ready);
        assert_eq!(take("used-again").as_ref(), Some(&element));
        assert!(take("used-again").is_none());
        close("used-again".into(), element.clone(), User::new());
        drop(second);
        assert_eq!(element.current_state(), gst::State::Null);
    }

    #[test]
    fn a_picture_that_is_held_keeps_its_element() {
        gst::init().unwrap();
        let element = gst::ElementFactory::make("fakesrc").build().unwrap();
        element.set_state(gst::State::Ready).unwrap();
        // The allocator of all memory never goes; what counts is that the element does not either.
        let allocator = gst::Allocator::find(None).unwrap();
        hold(&allocator, element.clone());
        close("held".into(), element.clone(), User::new());
        assert_eq!(element.current_state(), gst::State::Ready);
        lock(&MANAGER).held -= 1;
        drop(User::new());
        assert_eq!(element.current_state(), gst::State::Null);
    }
}
