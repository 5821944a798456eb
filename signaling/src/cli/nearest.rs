// SPDX-License-Identifier: MPL-2.0
//! What was meant by a name that is none.

/// How alike a name must be to be taken for another that was mistyped (Jaro-Winkler, 0 to 1).
const ALIKE: f64 = 0.8;

/// The one of `known` that `name` is most like, if it is at all.
pub(super) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let alike = known.map(|known| (strsim::jaro_winkler(name, known), known));
    let best = alike.max_by(|(a, _), (b, _)| a.total_cmp(b))?;
    (best.0 >= ALIKE).then_some(best.1)
}
