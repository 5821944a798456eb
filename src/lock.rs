// SPDX-License-Identifier: MPL-2.0
//! The one way to lock a mutex.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks. What is behind our mutexes is consistent between any two statements, so a panic of another thread is no reason
/// to stop.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
