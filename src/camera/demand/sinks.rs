// SPDX-License-Identifier: MPL-2.0
//! Who wants the picture: the word of each sink, by its id. Pure.

use std::collections::BTreeMap;

/// Sinks that are told apart. More than a program has; those beyond it count as one.
const MAX_SINKS: usize = 64;

/// The id of sinks that do not say who they are, and of those beyond [`MAX_SINKS`].
const ANYBODY: &str = "";

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Word {
    active: bool,
    /// Whether it has been found downstream: one that was and is no longer has gone.
    was_found: bool,
}

/// What the sinks have said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sinks(BTreeMap<String, Word>);

impl Sinks {
    /// Whether somebody watches by the sink with this id.
    pub(crate) fn hear(&mut self, id: Option<&str>, active: bool) {
        let id = id.unwrap_or(ANYBODY);
        if !self.0.contains_key(id) && self.0.len() >= MAX_SINKS {
            self.0.retain(|_, word| word.active);
        }
        let id = match self.0.len() {
            MAX_SINKS.. if !self.0.contains_key(id) => ANYBODY,
            _ => id,
        };
        self.0.entry(id.to_owned()).or_default().active = active;
    }

    /// The ids of those that have spoken.
    pub(crate) fn ids(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }

    /// Takes which of them stand downstream now; one that did before has gone, and wants nothing any more. Whether all others
    /// have been found: an end that none of them stands at is then somebody who says nothing.
    pub(crate) fn look(&mut self, stands: impl Fn(&str) -> bool) -> bool {
        let mut all = true;
        for (id, word) in &mut self.0 {
            let found = stands(id);
            word.active &= found || !word.was_found;
            word.was_found |= found;
            all &= word.was_found;
        }
        all
    }

    /// Whether any of them wants the picture; `None` as long as none has ever spoken.
    pub(crate) fn want(&self) -> Option<bool> {
        (!self.0.is_empty()).then(|| self.0.values().any(|word| word.active))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_long_as_nobody_has_spoken_nobody_knows() {
        assert_eq!(Sinks::default().want(), None);
    }

    #[test]
    fn the_idle_one_of_two_sinks_does_not_speak_for_the_other() {
        let mut sinks = Sinks::default();
        sinks.hear(Some("a"), true);
        sinks.hear(Some("b"), false);
        assert_eq!(sinks.want(), Some(true));
        sinks.hear(Some("a"), false);
        assert_eq!(sinks.want(), Some(false));
    }

    #[test]
    fn a_sink_that_was_there_and_is_gone_wants_nothing() {
        let mut sinks = Sinks::default();
        sinks.hear(Some("a"), true);
        sinks.look(|_| false);
        assert_eq!(
            sinks.want(),
            Some(true),
            "it never stood where we can see it"
        );
        sinks.look(|_| true);
        sinks.look(|_| false);
        assert_eq!(sinks.want(), Some(false));
    }

    #[test]
    fn a_thousand_sinks_take_bounded_memory_and_none_that_watches_is_forgotten() {
        let mut sinks = Sinks::default();
        for number in 0..1000 {
            sinks.hear(Some(&format!("idle {number}")), false);
        }
        for number in 0..1000 {
            sinks.hear(Some(&number.to_string()), true);
        }
        assert!(sinks.0.len() <= MAX_SINKS + 1, "{}", sinks.0.len());
        assert_eq!(sinks.want(), Some(true));
    }

    #[test]
    fn who_does_not_say_who_it_is_counts_as_one() {
        let mut sinks = Sinks::default();
        sinks.hear(None, true);
        sinks.hear(None, false);
        assert_eq!(sinks.want(), Some(false));
    }
}
