// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** English, which all others are compared with: sorted by room. Whoever adds a sentence here adds it to each language (docs/pages.md). */
export default {
  // -- watch: one picture, the list of cameras --------------------------------------------------

  // -- drive: the robot ---------------------------------------------------------------------------

  // -- wall: many pictures ------------------------------------------------------------------------
  "wall.title": "Wall",
  "wall.to-wall": "Wall",
  "wall.layout": "How many at once",
  "wall.auto": "Automatic",
  "wall.at-once.one": "{count} picture",
  "wall.at-once.other": "{count} pictures",
  "wall.arrange": "Arrange",
  "wall.how-to-arrange": "Drag a picture to its place, or move it with its arrows. On the keyboard: Shift and an arrow key.",
  "wall.moved": "{name} is now in place {place} of {all}.",
  "wall.page": "Page {page} of {pages}",
  "wall.page-before": "Page before",
  "wall.page-after": "Next page",
  "wall.leave": "Leave the wall",
  "wall.none": "No camera is connected that you may watch. It appears here when there is one.",
  "wall.picture": "Picture of {name}",
  "wall.enlarge": "Enlarge {name}",
  "wall.retry": "Try {name} again",
  "wall.shrink": "Back to all pictures",
  "wall.open": "All controls of this camera",
  "wall.sound-on": "Sound on",
  "wall.sound-off": "Sound off",
  "wall.earlier": "Move {name} forward",
  "wall.later": "Move {name} back",
  "wall.connecting": "Connecting…",
  "wall.off": "The camera is not connected.",
  "wall.last": "Last picture: {time}.",

  // -- embed: a camera in somebody's page ----------------------------------------------------------

  // -- admin --------------------------------------------------------------------------------------

  // -- calendar: one's own bookings ---------------------------------------------------------------

  // -- parts: what all pages have -----------------------------------------------------------------
  "parts.moment": "{day}, {time}",
  "parts.span-short": "less than a minute",
  "parts.span-minutes": "{minutes} min",
  "parts.span-hours": "{hours} h",
  "parts.span-both": "{hours} h {minutes} min",
  "parts.span-days.one": "{count} day",
  "parts.span-days.other": "{count} days",
  "parts.just-now": "just now",
  "parts.ago": "{span} ago",
  "parts.days-ago.one": "{count} day ago",
  "parts.days-ago.other": "{count} days ago",
  "parts.sign-in": "Sign in",

  // -- history: who rang --------------------------------------------------------------------------

  // -- reasons: why something did not work --------------------------------------------------------

};
