// SPDX-License-Identifier: MPL-2.0
//! What cannot be had back is asked about first.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use super::super::Failure;

/// Goes on if `--yes` was said, or whoever sits at the terminal says so. `what` is a sentence without its full stop.
pub(crate) fn confirm(what: &str, yes: bool) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        return Err(Failure::input(format!(
            "{what}: add --yes if that is meant"
        )));
    }
    let mut stderr = io::stderr();
    let asked = write!(stderr, "{what}. Go on? [y/N] ").and_then(|()| stderr.flush());
    asked.map_err(Failure::system)?;
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer);
    read.map_err(Failure::system)?;
    match answer.trim() {
        "y" | "Y" | "yes" => Ok(()),
        _ => Err(Failure::input("nothing was done")),
    }
}
