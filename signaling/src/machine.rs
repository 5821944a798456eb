// SPDX-License-Identifier: MPL-2.0
//! The machine that the server runs on.

/// What this machine calls itself in its network.
pub(crate) fn machine_name() -> String {
    let name = rustix::system::uname();
    name.nodename().to_string_lossy().into_owned()
}
