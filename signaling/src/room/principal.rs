// SPDX-License-Identifier: MPL-2.0
//! Who a client is, once its credential has been checked.

use std::sync::Arc;

use crate::rights::Rights;

/// Who a client is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// An enrolled camera.
    Camera {
        /// Its id.
        id: String,
    },
    /// Someone who wants to watch.
    Viewer(Arc<Rights>),
}
