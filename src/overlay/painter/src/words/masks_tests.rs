// SPDX-License-Identifier: MPL-2.0
use super::*;

const BLACK: Cover = Cover::Fill([0; 3]);
const CORNER: [(f64, f64); 4] = [(0.5, 0.25), (0.75, 0.25), (0.75, 1.0), (0.5, 1.0)];
const TRIANGLE: [(f64, f64); 3] = [(0.0, 0.0), (1.0, 0.0), (0.5, 1.0)];

fn error(text: &str) -> String {
    match parse(text) {
        Ok(masks) => panic!("{text:?} was read as {masks:?}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn every_form_of_a_mask_is_understood() {
    let blue = Cover::Fill([0x33, 0x66, 0x99]);
    type Row = (&'static str, &'static [(f64, f64)], Cover);
    let table: [Row; 11] = [
        ("rect 0.5 0.25 0.25 0.75", &CORNER, BLACK),
        ("rect 0.5,0.25,0.25,0.75", &CORNER, BLACK),
        ("\n rect\t.5 , 0.25 2.5e-1,+0.75 ", &CORNER, BLACK),
        ("rect 0.5 0.25 0.25 0.75;", &CORNER, BLACK),
        ("rect 0.5 0.25 0.25 0.75 ; \n", &CORNER, BLACK),
        ("fill rect 0.5 0.25 0.25 0.75", &CORNER, BLACK),
        ("fill=#336699 rect 0.5 0.25 0.25 0.75", &CORNER, blue),
        ("pixelate rect 0.5 0.25 0.25 0.75", &CORNER, Cover::Pixelate),
        ("polygon 0,0 1,0 0.5,1", &TRIANGLE, BLACK),
        ("polygon 0 0 1 0 .5 1", &TRIANGLE, BLACK),
        ("pixelate polygon 0,0,1,0,0.5,1", &TRIANGLE, Cover::Pixelate),
    ];
    for (text, corners, cover) in table {
        let corners = corners.to_vec();
        assert_eq!(parse(text), Ok(vec![Mask { corners, cover }]), "{text}");
    }
}

#[test]
fn masks_keep_their_order() {
    let text = "rect 0.7 0 0.3 0.25; pixelate polygon 0.1,0.5 0.3,0.5 0.2,0.9; fill=#FFfF00 rect 0,0,0.1,0.1";
    let covers: Vec<Cover> = parse(text).unwrap().iter().map(|m| m.cover).collect();
    assert_eq!(covers, [BLACK, Cover::Pixelate, Cover::Fill([255, 255, 0])]);
}

#[test]
fn a_blank_text_has_no_masks() {
    for blank in ["", " ", "\n\t "] {
        assert_eq!(parse(blank), Ok(vec![]), "{blank:?}");
    }
}

#[test]
fn a_sum_that_rounding_puts_above_one_ends_at_the_edge() {
    let masks = parse("rect 0.9 0.9 0.1000000005 0.1000000005").unwrap();
    assert_eq!(masks[0].corners[2], (1.0, 1.0));
}

#[test]
fn a_polygon_may_cross_itself() {
    for eight in [
        "0,0 1,1 1,0 0,1",
        "0,0 1,1 0,1 1,0",
        "0,0 1,0 0.5,1 0,0 1,0 0.5,1",
    ] {
        assert!(parse(&format!("polygon {eight}")).is_ok(), "{eight}");
    }
}

#[test]
fn what_is_not_understood_is_an_error_that_says_where() {
    let table = [
        (";", "mask 1, \";\" at character 1: there is nothing before"),
        (
            "rect 0 0 1 1;;",
            "mask 2, \";\" at character 14: there is nothing before",
        ),
        (
            ";rect 0 0 1 1",
            "mask 1, \";\" at character 1: there is nothing before",
        ),
        (
            "circle 0.5 0.5 0.1",
            "mask 1, \"circle\" at character 1: it is not known",
        ),
        (
            "Rect 0 0 1 1",
            "mask 1, \"Rect\" at character 1: it is not known",
        ),
        (
            "pixelate pixelate rect 0 0 1 1",
            "mask 1, \"pixelate\" at character 10: it is not known",
        ),
        (
            ", rect 0 0 1 1",
            "mask 1, \",\" at character 1: it is not known",
        ),
        ("0 0 1 1", "mask 1, \"0\" at character 1: it is not known"),
        (
            "rect 0 0 1 1; pixelate ;",
            "mask 2, \"pixelate\" at character 15: the shape is missing",
        ),
        (
            "fill=red rect 0 0 1 1",
            "mask 1, \"fill=red\" at character 1: it is no colour",
        ),
        (
            "fill=#+12345 rect 0 0 1 1",
            "mask 1, \"fill=#+12345\" at character 1: it is no colour",
        ),
        (
            "fill=#36912 rect 0 0 1 1",
            "mask 1, \"fill=#36912\" at character 1: it is no colour",
        ),
        (
            "rect 0 0 1 l",
            "mask 1, \"l\" at character 12: it is no number:",
        ),
        (
            "rect 0 0 NaN 1",
            "mask 1, \"NaN\" at character 10: it is no number:",
        ),
        (
            "rect 0 0 inf 1",
            "mask 1, \"inf\" at character 10: it is no number:",
        ),
        (
            "rect 0 0 1e999 1",
            "mask 1, \"1e999\" at character 10: it is no number:",
        ),
        (
            "rect 0 0 1 1 rect 0 0 1 1",
            "mask 1, \"rect\" at character 14: it is no number but begins a mask",
        ),
        (
            "rect 0 0 1 1 pixelate",
            "mask 1, \"pixelate\" at character 14: it is no number but begins a mask",
        ),
        (
            "rect -0.1 0 1 1",
            "mask 1, \"-0.1\" at character 6: it lies outside of the picture",
        ),
        (
            "rect 0 0 640 360",
            "mask 1, \"640\" at character 10: it lies outside",
        ),
        (
            "rect 0 0 50% 1",
            "mask 1, \"50%\" at character 10: it lies outside",
        ),
        (
            "rect 0 0 1",
            "mask 1, \"rect\" at character 1: a rectangle has four numbers, and here are 3",
        ),
        (
            "rect 0,7 0 0,3 0,25",
            "mask 1, \"7\" at character 8: it lies outside",
        ),
        (
            "pixelate rect 0 0 1 1 1",
            "mask 1, \"rect\" at character 10: a rectangle has four numbers, and here are 5",
        ),
        (
            "rect 0.8 0 0.3 1",
            "mask 1, \"rect\" at character 1: the rectangle ends outside",
        ),
        (
            "rect 0 0.8 1 0.200001",
            "mask 1, \"rect\" at character 1: the rectangle ends outside",
        ),
        (
            "rect 0 0 0 1",
            "mask 1, \"rect\" at character 1: the rectangle has no area",
        ),
        (
            "rect 0 0 1 1e-9",
            "mask 1, \"rect\" at character 1: the rectangle has no area",
        ),
        (
            "rect , 0 0 1 1",
            "mask 1, \",\" at character 6: a number is missing",
        ),
        (
            "rect 0,,0 1 1",
            "mask 1, \",\" at character 8: a number is missing",
        ),
        (
            "rect 0 0 1 1,",
            "mask 1, \",\" at character 13: a number is missing",
        ),
        (
            "rect,0 0 1 1",
            "mask 1, \",\" at character 5: a number is missing",
        ),
        (
            "polygon",
            "mask 1, \"polygon\" at character 1: a polygon has three corners or more, and here are 0",
        ),
        (
            "polygon 0,0 1,1",
            "mask 1, \"polygon\" at character 1: a polygon has three corners or more, and here are 2",
        ),
        (
            "polygon 0,0 1,1 1",
            "mask 1, \"polygon\" at character 1: a polygon has two numbers for each corner, and here are 5",
        ),
        (
            "polygon 0,0 0.5,0.5 1,1",
            "mask 1, \"polygon\" at character 1: the polygon has no area",
        ),
        (
            "polygon 0.1,0.1 0.2,0.2 0.3,0.3",
            "mask 1, \"polygon\" at character 1: the polygon has no area",
        ),
        (
            "polygon 0,0 1,0 0.5,0",
            "mask 1, \"polygon\" at character 1: the polygon has no area",
        ),
        (
            "polygon 0,0 1,0 1,1 1,0",
            "mask 1, \"polygon\" at character 1: the polygon has no area",
        ),
        (
            "rect 0 0 1 1; réct",
            "mask 2, \"réct\" at character 15: it is not known",
        ),
        (
            "rect\u{a0}0\u{a0}é 1 1",
            "mask 1, \"é\" at character 8: it is no number:",
        ),
    ];
    for (text, beginning) in table {
        let error = error(text);
        assert!(error.starts_with(beginning), "{text:?} gave: {error}");
        assert!(error.contains('"'), "{text:?} has no example: {error}");
    }
}

#[test]
fn pixels_and_percent_are_answered_with_what_to_write_instead() {
    for text in ["rect 0 0 640 360", "rect 0 0 50% 50%", "rect 0 0 1.5 1"] {
        assert!(
            error(text).contains("fractions between 0 and 1, not pixels or percent"),
            "{text}"
        );
    }
}

#[test]
fn an_error_shows_a_long_or_strange_word_cut_and_escaped() {
    assert!(error(&"x".repeat(9999)).len() < 400);
    assert!(error("\u{1b}[2J").starts_with("mask 1, \"\\u{1b}[2J\" at character 1"));
}

#[test]
fn more_than_the_bounds_is_refused_and_the_bounds_themselves_are_not() {
    let masks = |count| "rect 0 0 1 1;".repeat(count);
    assert_eq!(parse(&masks(MAX_MASKS)).unwrap().len(), MAX_MASKS);
    assert!(error(&masks(MAX_MASKS + 1)).contains("more than 64 masks"));

    let polygon = |count| format!("polygon 0,0 1,0{}", " 0.5,1".repeat(count - 2));
    assert_eq!(
        parse(&polygon(MAX_CORNERS)).unwrap()[0].corners.len(),
        MAX_CORNERS
    );
    assert!(error(&polygon(MAX_CORNERS + 1)).contains("may have 256 corners, and here are 257"));

    let padded = |length: usize| format!("{:length$}", "rect 0 0 1 1");
    assert!(parse(&padded(MAX_TEXT)).is_ok());
    assert!(error(&padded(MAX_TEXT + 1)).contains("has 16385 bytes, and 16384 are allowed"));
}
