// SPDX-License-Identifier: MPL-2.0
//! Placeholder until the check of descriptions is in.

#[derive(Debug, Default)]
pub(crate) struct Check;

/// What is wrong.
#[derive(Debug, thiserror::Error)]
#[error("bad description")]
pub(crate) struct BadDescription;

#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Offer,
    Answer,
}

impl Check {
    pub(crate) fn new() -> Self {
        Self
    }
    pub(crate) fn sent(&mut self, _: Kind, _: &str) {}
    pub(crate) fn offer(&mut self, _: &str) -> Result<(), BadDescription> {
        Ok(())
    }
    pub(crate) fn answer(&mut self, _: &str) -> Result<(), BadDescription> {
        Ok(())
    }
    pub(crate) fn candidate(&mut self, _: u32, _: &str) -> Result<(), BadDescription> {
        Ok(())
    }
}
