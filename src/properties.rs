// SPDX-License-Identifier: MPL-2.0
//! How all three elements keep their properties: `#[derive(glib::Properties)]` declares each once, on a field
//! `settings: Snapshot<Settings>` of the element.
//!
//! In the derive, `member = field` names the field of `Settings` that a property is, and `set = Self::set_field` a setter of
//! one that has to be understood or entails something.

use std::sync::{Arc, Mutex};

use gst::glib::property::{PropertyGet, PropertySetNested};

use crate::lock::lock;

/// Settings that any thread may change, and of which any thread takes a picture that then stays as it is.
#[derive(Debug, Default)]
pub(crate) struct Snapshot<T>(Mutex<Arc<T>>);

impl<T: Clone> Snapshot<T> {
    /// All settings as they are now.
    pub(crate) fn now(&self) -> Arc<T> {
        let settings = lock(&self.0);
        settings.clone()
    }

    /// Changes settings in one step. Whatever takes time is done before: `change` runs under the lock.
    pub(crate) fn change(&self, change: impl FnOnce(&mut T)) {
        let mut settings = lock(&self.0);
        change(Arc::make_mut(&mut settings));
    }
}

impl<T: Clone> PropertyGet for Snapshot<T> {
    type Value = T;

    fn get<R, F: Fn(&T) -> R>(&self, f: F) -> R {
        f(&self.now())
    }
}

impl<T: Clone> PropertySetNested for Snapshot<T> {
    type SetNestedValue = T;

    fn set_nested<F: FnOnce(&mut T)>(&self, f: F) {
        self.change(f);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_stays_as_it_was_when_settings_change() {
        let settings = Snapshot::<u32>::default();
        let before = settings.now();
        settings.change(|value| *value = 7);
        assert_eq!((*before, *settings.now()), (0, 7));
    }

    #[test]
    fn a_change_that_panics_leaves_settings_that_can_be_read_and_changed() {
        let settings = Snapshot::<u32>::default();
        let panicked = std::thread::scope(|scope| {
            let thread = scope.spawn(|| settings.change(|_| panic!("of a test")));
            thread.join().is_err()
        });
        assert!(panicked);
        settings.change(|value| *value += 1);
        assert_eq!(*settings.now(), 1);
    }
}
