// SPDX-License-Identifier: MPL-2.0
//! Secrets that stand in files of their own.

use std::fs;
use std::path::Path;

/// What is in a file, seen from `folder`.
pub(super) fn text(folder: &Path, file: &Path) -> Result<String, String> {
    let file = folder.join(file);
    let text = fs::read_to_string(&file).map_err(|e| format!("{}: {e}", file.display()))?;
    Ok(text.trim().to_owned())
}
