// SPDX-License-Identifier: MPL-2.0
//! What is a key unit in H.264: one that a decoder can begin with, which is an IDR picture. h264parse takes the recovery point of a
//! stream with intra refresh for one as well; browsers do not, and wait for ever. Pure.

/// A slice of an IDR picture (ISO/IEC 14496-10, table 7-1).
const IDR: u8 = 5;
/// Slices are the last in their picture: before them stand parameters and messages, a few of each.
const MOST_UNITS: usize = 64;

/// Whether a picture of NAL units after start codes has an IDR slice.
pub(super) fn has_idr(picture: &[u8]) -> bool {
    let codes = picture.windows(3).enumerate();
    let codes = codes.filter(|(_, code)| *code == [0, 0, 1]);
    let headers = codes.filter_map(|(at, _)| picture.get(at + 3));
    headers.take(MOST_UNITS).any(|header| header & 0x1f == IDR)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARAMETERS: [u8; 3] = [0x67, 1, 2];
    const RECOVERY: [u8; 2] = [0x06, 6];
    const SLICE: [u8; 4] = [0x41, 0, 0, 3];
    const KEY: [u8; 3] = [0x65, 7, 8];

    fn picture(units: &[&[u8]]) -> Vec<u8> {
        let unit = |unit: &&[u8]| [&[0, 0, 0, 1], *unit].concat();
        units.iter().flat_map(unit).collect()
    }

    #[test]
    fn an_idr_slice_is_found_behind_its_parameters_and_nothing_else_is_taken_for_it() {
        assert!(has_idr(&picture(&[&PARAMETERS, &KEY])));
        assert!(has_idr(&picture(&[&KEY])));
        assert!(!has_idr(&picture(&[&PARAMETERS, &RECOVERY, &SLICE])));
    }

    #[test]
    fn whatever_it_is_made_of_it_is_read_to_its_end() {
        for whole in [picture(&[&PARAMETERS, &SLICE]), vec![0xff; 40], vec![0; 40]] {
            assert!((0..=whole.len()).all(|end| !has_idr(&whole[..end])));
        }
    }
}
