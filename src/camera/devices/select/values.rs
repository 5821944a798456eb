// SPDX-License-Identifier: MPL-2.0
//! Choosing from what a field of caps holds: a value, a range or a list of them. Pure.

use gst::glib;

/// The largest size at or below what is wanted, else the smallest. `None` for what is no size.
pub(super) fn size(value: &glib::SendValue, wanted: i32) -> Option<i32> {
    if let Ok(size) = value.get::<i32>() {
        return Some(size);
    }
    if let Ok(range) = value.get::<gst::IntRange<i32>>() {
        let (min, max, step) = (range.min(), range.max(), range.step().max(1));
        let wanted = wanted.clamp(min, max);
        // A range's values are the multiples of its step.
        return Some((wanted - wanted % step).max(min));
    }
    let list = value.get::<gst::List>().ok()?;
    let sizes = list.iter().filter_map(|value| size(value, wanted));
    below(sizes, &wanted)
}

/// The highest rate at or below what is wanted, else the lowest.
pub(super) fn rate(value: &glib::SendValue, wanted: gst::Fraction) -> Option<gst::Fraction> {
    if let Ok(rate) = value.get::<gst::Fraction>() {
        return Some(rate);
    }
    if let Ok(range) = value.get::<gst::FractionRange>() {
        return Some(wanted.clamp(range.min(), range.max()));
    }
    let list = value.get::<gst::List>().ok()?;
    let rates = list.iter().filter_map(|value| rate(value, wanted));
    below(rates, &wanted)
}

/// All that a field of text holds.
pub(super) fn texts(value: &glib::SendValue) -> Vec<String> {
    if let Ok(text) = value.get::<String>() {
        return vec![text];
    }
    match value.get::<gst::List>() {
        Ok(list) => list.iter().filter_map(|text| text.get().ok()).collect(),
        Err(_) => Vec::new(),
    }
}

fn below<T: Ord>(values: impl Iterator<Item = T> + Clone, wanted: &T) -> Option<T> {
    let fitting = values.clone().filter(|value| value <= wanted).max();
    fitting.or_else(|| values.min())
}

/// A field for people: `1280`, `32-3280`, `5-30`.
pub(super) fn words(value: &glib::SendValue) -> String {
    let ends = |value: &glib::SendValue| -> Option<(String, String)> {
        if let Ok(range) = value.get::<gst::IntRange<i32>>() {
            return Some((range.min().to_string(), range.max().to_string()));
        }
        if let Ok(range) = value.get::<gst::FractionRange>() {
            return Some((rate_words(range.min()), rate_words(range.max())));
        }
        let list = value.get::<gst::List>().ok()?;
        let rates: Vec<gst::Fraction> = list.iter().filter_map(|rate| rate.get().ok()).collect();
        let sizes: Vec<i32> = list.iter().filter_map(|size| size.get().ok()).collect();
        let rates = rates.iter().min().zip(rates.iter().max());
        let rates = rates.map(|(min, max)| (rate_words(*min), rate_words(*max)));
        let sizes = || {
            let sizes = sizes.iter().min().zip(sizes.iter().max());
            sizes.map(|(min, max)| (min.to_string(), max.to_string()))
        };
        rates.or_else(sizes)
    };
    if let Ok(rate) = value.get::<gst::Fraction>() {
        return rate_words(rate);
    }
    if let Ok(size) = value.get::<i32>() {
        return size.to_string();
    }
    match ends(value) {
        Some((min, max)) if min == max => min,
        Some((min, max)) => format!("{min}-{max}"),
        None => "?".into(),
    }
}

/// A rate as people write it: `30`, `7.5`.
pub(in crate::camera::devices) fn rate_words(rate: gst::Fraction) -> String {
    let (numer, denom) = (rate.numer(), rate.denom());
    if denom != 0 && numer % denom == 0 {
        return (numer / denom).to_string();
    }
    let text = format!("{:.2}", f64::from(numer) / f64::from(denom));
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(caps: &str) -> glib::SendValue {
        gst::init().unwrap();
        let caps: gst::Caps = format!("video/x-raw,field={caps}").parse().unwrap();
        caps.structure(0).unwrap().value("field").unwrap().clone()
    }

    #[test]
    fn the_nearest_size_from_below_is_taken_and_the_smallest_if_all_are_larger() {
        for (caps, wanted, found) in [
            ("640", 1280, 640),
            ("[32,3280,2]", 1281, 1280),
            ("[32,3280,2]", 9999, 3280),
            ("[32,3280,2]", 7, 32),
            ("{320,640,1920}", 1280, 640),
            ("{320,640,1920}", 200, 320),
        ] {
            assert_eq!(size(&field(caps), wanted), Some(found), "{caps} {wanted}");
        }
    }

    #[test]
    fn the_nearest_rate_from_below_is_taken_and_the_lowest_if_all_are_higher() {
        for (caps, wanted, found) in [
            ("25/1", (30, 1), (25, 1)),
            ("[0/1,120/1]", (30, 1), (30, 1)),
            (
                "{(fraction)30/1,(fraction)15/2,(fraction)5/1}",
                (20, 1),
                (15, 2),
            ),
            ("{(fraction)60/1,(fraction)90/1}", (30, 1), (60, 1)),
        ] {
            let wanted = gst::Fraction::new(wanted.0, wanted.1);
            let found = gst::Fraction::new(found.0, found.1);
            assert_eq!(rate(&field(caps), wanted), Some(found), "{caps} {wanted}");
        }
    }

    #[test]
    fn fields_are_written_for_people() {
        for (caps, text) in [
            ("640", "640"),
            ("[32,3280,2]", "32-3280"),
            ("{(fraction)30/1,(fraction)15/2}", "7.5-30"),
            ("30000/1001", "29.97"),
            ("{NV12}", "?"),
        ] {
            assert_eq!(words(&field(caps)), text);
        }
    }
}
