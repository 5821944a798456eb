// SPDX-License-Identifier: MPL-2.0
//! The files of the pages, as `build.rs` lists them: all of `web` and `api/docs` but for what tests them.

use crate::asset::File;

include!(concat!(env!("OUT_DIR"), "/files.rs"));
