// SPDX-License-Identifier: MPL-2.0
//! One way to take a lock.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Takes `mutex`. A thread that panicked while it held it leaves a value behind, not a reason for all others to panic:
/// what is under our locks is whole at any time.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
