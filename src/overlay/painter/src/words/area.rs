// SPDX-License-Identifier: MPL-2.0
//! Whether a mask has an area: one without hides nothing.

/// What is narrower or lower than a millionth of the picture is less than a pixel of any picture, so it hides nothing.
pub(crate) const MIN_SIZE: f64 = 1e-6;

/// Whether the sides go round anything. The usual sum of signed areas does not tell: the halves of a figure of eight cancel.
pub(crate) fn has_area(corners: &[(f64, f64)]) -> bool {
    let mut heights: Vec<f64> = corners.iter().map(|(_, y)| *y).collect();
    heights.sort_by(f64::total_cmp);
    // Between two neighbouring heights sides are straight, and sides that cross at one of the three levels are apart at
    // the others.
    heights.windows(2).any(|pair| {
        let gap = pair[1] - pair[0];
        gap >= MIN_SIZE
            && [0.23, 0.5, 0.81]
                .iter()
                .any(|part| width_at(corners, pair[0] + part * gap) >= MIN_SIZE)
    })
}

/// How much of the horizontal line at `y` lies inside, by the non-zero rule.
fn width_at(corners: &[(f64, f64)], y: f64) -> f64 {
    let ends = corners.iter().skip(1).chain(corners.first());
    let mut crossings: Vec<(f64, i32)> = corners
        .iter()
        .zip(ends)
        .filter(|(from, to)| (from.1 <= y) != (to.1 <= y))
        .map(|(from, to)| {
            let x = from.0 + (y - from.1) / (to.1 - from.1) * (to.0 - from.0);
            (x, if from.1 < to.1 { 1 } else { -1 })
        })
        .collect();
    crossings.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut winding = 0;
    let mut width = 0.0;
    for pair in crossings.windows(2) {
        winding += pair[0].1;
        if winding != 0 {
            width += pair[1].0 - pair[0].0;
        }
    }
    width
}
