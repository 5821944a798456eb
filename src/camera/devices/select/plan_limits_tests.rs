// SPDX-License-Identifier: MPL-2.0
//! What no plan does, whatever is asked.

use super::*;

#[test]
fn whatever_is_asked_it_is_never_exceeded_unless_all_modes_do() {
    // The smallest size of each, and a rate that it reaches or stays below in each of its sizes.
    let cameras = [
        (IMX219, 32, 32, 0),
        (IMX708, 32, 32, 0),
        (NODE, 32, 32, 1),
        (C505E, 160, 120, 15),
        (C920, 640, 480, 30),
    ];
    let mut random = 1u64;
    let mut below = |most: i32| {
        // Knuth's generator: the same modes are tried each time.
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        1 + i32::try_from(random >> 33).unwrap() % most
    };
    for _ in 0..2000 {
        let (width, height, rate) = (below(5000), below(3000), below(150));
        for (native, least_width, least_height, least_rate) in cameras {
            let plan = planned(native, &asking(width, height, rate));
            let out = plan.output.structure(0).unwrap();
            let (w, h): (i32, i32) = (out.get("width").unwrap(), out.get("height").unwrap());
            let fps: gst::Fraction = out.get("framerate").unwrap();
            let asked = format!("{width}x{height} at {rate}: {plan:?}");
            assert!(
                (w <= width && h <= height) || width < least_width || height < least_height,
                "{asked}"
            );
            assert!(
                fps <= gst::Fraction::from_integer(rate) || rate < least_rate,
                "{asked}"
            );
            assert!(
                plan.output.is_fixed() && !plan.scale && !plan.rate,
                "{asked}"
            );
        }
    }
}
