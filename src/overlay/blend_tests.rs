// SPDX-License-Identifier: MPL-2.0
//! A 7 by 5 picture in both layouts is enough for every edge.

use super::*;

const WIDTH: usize = 7;
const HEIGHT: usize = 5;
const BT601: Matrix = Matrix {
    kr: 0.299,
    kb: 0.114,
    full_range: false,
};

fn plane(data: &mut [u8], width: usize, height: usize, bytes: usize) -> PlaneMut<'_> {
    PlaneMut {
        data,
        stride: width * bytes,
        width,
        height,
    }
}

/// Draws on a grey picture in I420 and in NV12, checks that both agree, and returns luma and the U samples.
fn drawn(draw: impl Fn(&mut Canvas<'_>)) -> (Vec<u8>, Vec<u8>) {
    let (cw, ch) = (WIDTH.div_ceil(2), HEIGHT.div_ceil(2));
    let mut luma = vec![100; WIDTH * HEIGHT];
    let (mut u, mut v) = (vec![90; cw * ch], vec![80; cw * ch]);
    draw(&mut Canvas {
        luma: plane(&mut luma, WIDTH, HEIGHT, 1),
        chroma: Chroma::Planar(plane(&mut u, cw, ch, 1), plane(&mut v, cw, ch, 1)),
    });
    let mut luma2 = vec![100; WIDTH * HEIGHT];
    let mut uv = [90, 80].repeat(cw * ch);
    draw(&mut Canvas {
        luma: plane(&mut luma2, WIDTH, HEIGHT, 1),
        chroma: Chroma::Interleaved(plane(&mut uv, cw, ch, 2)),
    });
    assert_eq!(luma, luma2);
    for (i, pair) in uv.chunks_exact(2).enumerate() {
        assert_eq!(pair, [u[i], v[i]]);
    }
    (luma, u)
}

#[test]
fn white_and_black_reach_the_ends_of_the_range() {
    let white = BT601.ink(0xFFFF_FFFF);
    assert_eq!(
        (white.y, white.u, white.v, white.alpha),
        (235, 128, 128, 255)
    );
    assert_eq!(BT601.ink(0x8000_0000).y, 16);
    let full = Matrix {
        full_range: true,
        ..BT601
    };
    assert_eq!((full.ink(0xFFFF_FFFF).y, full.ink(0).y), (255, 0));
}

#[test]
fn red_depends_on_the_matrix() {
    let bt709 = Matrix {
        kr: 0.2126,
        kb: 0.0722,
        full_range: false,
    };
    let red = BT601.ink(0xFFFF_0000);
    assert_eq!((red.y, red.u, red.v), (81, 90, 240));
    let red = bt709.ink(0xFFFF_0000);
    assert_eq!((red.y, red.u, red.v), (63, 102, 240));
}

#[test]
fn an_opaque_fill_replaces_and_a_clear_one_changes_nothing() {
    let all = Rect {
        x: 0,
        y: 0,
        width: 99,
        height: 99,
    };
    let (luma, u) = drawn(|c| c.fill(all, BT601.ink(0xFF00_0000)));
    assert!(luma.iter().all(|y| *y == 16) && u.iter().all(|u| *u == 128));
    let (luma, u) = drawn(|c| c.fill(all, BT601.ink(0x00FF_FFFF)));
    assert!(luma.iter().all(|y| *y == 100) && u.iter().all(|u| *u == 90));
}

#[test]
fn a_half_clear_fill_meets_in_the_middle() {
    let all = Rect {
        x: 0,
        y: 0,
        width: WIDTH,
        height: HEIGHT,
    };
    let (luma, u) = drawn(|c| c.fill(all, BT601.ink(0x8000_0000)));
    assert!(luma.iter().all(|y| *y == 58) && u.iter().all(|u| *u == 109));
}

#[test]
fn a_fill_stays_inside_its_rectangle() {
    let rect = Rect {
        x: 2,
        y: 2,
        width: 2,
        height: 2,
    };
    let (luma, u) = drawn(|c| c.fill(rect, BT601.ink(0xFF00_0000)));
    for (i, y) in luma.iter().enumerate() {
        let inside = (2..4).contains(&(i % WIDTH)) && (2..4).contains(&(i / WIDTH));
        assert_eq!(*y == 16, inside);
    }
    assert_eq!(u.iter().filter(|u| **u == 128).count(), 1);
}

#[test]
fn a_rectangle_outside_the_picture_is_ignored() {
    let rect = Rect {
        x: 100,
        y: 0,
        width: 2,
        height: 2,
    };
    let (luma, _) = drawn(|c| c.fill(rect, BT601.ink(0xFF00_0000)));
    assert!(luma.iter().all(|y| *y == 100));
}

#[test]
fn a_stamp_is_cut_at_the_edges_and_chroma_gets_the_mean_coverage() {
    let mask = Mask {
        width: 5,
        height: 3,
        data: vec![255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 255],
    };
    let (luma, u) = drawn(|c| c.stamp(&mask, 4, 2, BT601.ink(0xFFFF_FFFF)));
    assert_eq!(luma.iter().filter(|y| **y == 235).count(), 4);
    assert_eq!(luma[2 * WIDTH + 4], 235);
    // One of four luma pixels is covered: a quarter of the way from 90 to 128.
    assert_eq!(u[WIDTH.div_ceil(2) + 2], 99);
}
