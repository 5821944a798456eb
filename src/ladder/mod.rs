// SPDX-License-Identifier: MPL-2.0
//! Encode once: a small ladder of renditions that all viewers share.

mod policy;
