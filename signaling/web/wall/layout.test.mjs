// SPDX-License-Identifier: MPL-2.0
import assert from "node:assert/strict";
import test from "node:test";
import { MAX_TILES, grid, layout, pageWithin, pages, readChoice, step, swipe, turn } from "./layout.js";

const shape = ({ columns, rows, tiles }) => [columns, rows, tiles];

test("so many columns as make the pictures largest", () => {
  for (const [tiles, width, height, columns] of [
    [1, 1280, 720, 1], [2, 1280, 720, 2], [2, 390, 844, 1], [4, 1280, 720, 2], [4, 390, 700, 1], [9, 1280, 720, 3],
    [9, 390, 700, 2], [9, 844, 390, 3], [3, 2560, 700, 3], [12, 2560, 1440, 4],
    [4, 844, 310, 2], [8, 2560, 700, 4],
  ]) assert.equal(grid(tiles, width, height).columns, columns, `${tiles} in ${width} by ${height}`);
});

test("the automatic wall shows all cameras there are as long as somebody can be recognised, and else pages", () => {
  for (const [cameras, width, height, expected] of [
    [0, 1280, 720, [1, 1, 1]], [1, 1280, 720, [1, 1, 1]], [5, 1280, 720, [3, 2, 5]], [9, 1280, 720, [3, 3, 9]], [100, 2560, 1440, [4, 3, 12]],
    [100, 390, 700, [2, 6, 12]], [100, 320, 256, [2, 3, 6]], [100, 100, 100, [1, 1, 1]],
  ]) assert.deepEqual(shape(layout("auto", cameras, width, height)), expected, `${cameras} in ${width} by ${height}`);
});

test("no wall has more tiles than a client has sessions, whatever the screen", () => {
  for (let cameras = 0; cameras < 130; cameras += 1) {
    for (const [width, height] of [[10_000, 10_000], [1, 9_999], [0, 0], [NaN, 5]]) {
      const { columns, rows, tiles } = layout("auto", cameras, width, height);
      assert.ok(tiles >= 1 && tiles <= MAX_TILES && columns * rows >= tiles);
    }
  }
});

test("who asks for four gets places for four", () => {
  assert.deepEqual(shape(layout("4", 1, 1280, 720)), [2, 2, 4]);
  assert.deepEqual(shape(layout("1", 50, 1280, 720)), [1, 1, 1]);
  assert.deepEqual(shape(layout("9", 50, 390, 700)), [2, 5, 9]);
  for (const odd of [undefined, null, 4, "16", "__proto__", {}]) assert.equal(readChoice(odd), "auto");
});

test("a hundred cameras have pages, and there is no page beyond the last", () => {
  assert.equal(pages(100, 9), 12);
  assert.equal(pages(0, 9), 1);
  assert.equal(pageWithin(99, 100, 9), 11);
  assert.equal(pageWithin(-1, 100, 9), 0);
  assert.equal(pageWithin(3, 0, 9), 0);
});

test("arrows lead from tile to tile and at the side to the next page; up and down stay on the page", () => {
  const nine = { columns: 3, rows: 3, tiles: 9 };
  for (const [key, place, rtl, to] of [
    ["ArrowRight", 0, false, 1], ["ArrowRight", 8, false, 9], ["ArrowLeft", 9, false, 8], ["ArrowLeft", 0, false, null], ["ArrowRight", 19, false, null],
    ["ArrowDown", 1, false, 4], ["ArrowDown", 7, false, null], ["ArrowUp", 10, false, null], ["ArrowDown", 17, false, null],
    ["ArrowLeft", 0, true, 1], ["ArrowRight", 0, true, null], ["x", 0, false, null],
  ]) assert.equal(step(key, place, 20, nine, rtl), to, `${key} from ${place}`);
});

test("keys turn pages", () => {
  for (const [key, page, to] of [["PageDown", 0, 1], ["PageDown", 2, null], ["PageUp", 0, null], ["Home", 2, 0], ["End", 0, 2], ["End", 2, null], ["Enter", 0, null]]) {
    assert.equal(turn(key, page, 3), to, `${key} from ${page}`);
  }
});

test("a finger turns the page when it goes across, and in the direction of the text", () => {
  for (const [across, down, rtl, by] of [[-100, 10, false, 1], [100, 10, false, -1], [-100, 10, true, -1], [-50, 0, false, 0], [-100, 60, false, 0], [0, 300, false, 0]]) {
    assert.equal(swipe(across, down, rtl), by, `${across} ${down}`);
  }
});
