// SPDX-License-Identifier: MPL-2.0
//! The one thing of a photo's EXIF data that is needed here: which side is up.

use crate::Orientation;

/// The tag of the orientation, a single number of 16 bits.
const TAG: [u16; 2] = [0x0112, 3];

/// How a photo with this EXIF data (a TIFF header and its first directory) is to be turned; not at all if the data is damaged
/// or says nothing of it, for that is no reason not to show the photo.
pub(super) fn orientation(exif: &[u8]) -> Orientation {
    match tagged(exif) {
        Some(2) => Orientation::MirrorHorizontal,
        Some(3) => Orientation::Half,
        Some(4) => Orientation::MirrorVertical,
        Some(5) => Orientation::Transpose,
        Some(6) => Orientation::Right90,
        Some(7) => Orientation::AntiTranspose,
        Some(8) => Orientation::Left90,
        _ => Orientation::Identity,
    }
}

fn tagged(exif: &[u8]) -> Option<u16> {
    let header: [u8; 8] = exif.get(..8)?.try_into().ok()?;
    let [magic @ .., a, b, c, d] = header;
    let (directory, short): (_, fn([u8; 2]) -> u16) = match &magic {
        b"II*\0" => (u32::from_le_bytes([a, b, c, d]), u16::from_le_bytes),
        b"MM\0*" => (u32::from_be_bytes([a, b, c, d]), u16::from_be_bytes),
        _ => return None,
    };
    let rest = exif.get(usize::try_from(directory).ok()?..)?;
    let (count, entries) = rest.split_first_chunk::<2>()?;
    let mut entries = entries
        .as_chunks::<12>()
        .0
        .iter()
        .take(short(*count).into());
    // An entry is its tag, its type, how many values there are (4 bytes) and, if they fit, the values.
    let entry = entries.find(|entry| {
        let halves = entry.as_chunks::<2>().0;
        let one = if magic[0] == b'I' { [1, 0] } else { [0, 1] };
        [short(halves[0]), short(halves[1])] == TAG && [short(halves[2]), short(halves[3])] == one
    })?;
    Some(short([entry[8], entry[9]]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// EXIF data with this orientation behind another entry.
    fn exif(is_little: bool, orientation: u16) -> Vec<u8> {
        let short = |value: u16| {
            if is_little {
                value.to_le_bytes()
            } else {
                value.to_be_bytes()
            }
        };
        let long = |value: u16| {
            if is_little {
                [short(value), [0; 2]].concat()
            } else {
                [[0; 2], short(value)].concat()
            }
        };
        let magic: &[u8] = if is_little { b"II*\0" } else { b"MM\0*" };
        let entry = |tag, kind, value| {
            let start = [short(tag), short(kind)].concat();
            [start, long(1), short(value).to_vec(), vec![0; 2]].concat()
        };
        [
            magic.to_vec(),
            long(10),
            vec![0; 2],
            short(2).to_vec(),
            entry(0x0100, 3, 640),
            entry(0x0112, 3, orientation),
        ]
        .concat()
    }

    #[test]
    fn all_eight_orientations_are_read_in_both_byte_orders() {
        let turns = [
            Orientation::Identity,
            Orientation::MirrorHorizontal,
            Orientation::Half,
            Orientation::MirrorVertical,
            Orientation::Transpose,
            Orientation::Right90,
            Orientation::AntiTranspose,
            Orientation::Left90,
        ];
        for is_little in [true, false] {
            for (value, turn) in (1..).zip(turns) {
                assert_eq!(orientation(&exif(is_little, value)), turn, "{value}");
            }
            for unknown in [0, 9, 0x0600, 0xffff] {
                let unturned = orientation(&exif(is_little, unknown));
                assert_eq!(unturned, Orientation::Identity, "{unknown}");
            }
        }
    }

    #[test]
    fn damaged_data_turns_nothing() {
        let whole = exif(true, 6);
        for length in 0..whole.len() - 4 {
            assert_eq!(orientation(&whole[..length]), Orientation::Identity);
        }
        let mut elsewhere = whole;
        elsewhere[4..8].copy_from_slice(&[0xff; 4]);
        assert_eq!(orientation(&elsewhere), Orientation::Identity);
    }
}
