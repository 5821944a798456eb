// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** English, which all others are compared with: sorted by room. Whoever adds a sentence here adds it to each language (docs/pages.md). */
export default {
  // -- watch: one picture, the list of cameras --------------------------------------------------

  // -- drive: the robot ---------------------------------------------------------------------------

  // -- wall: many pictures ------------------------------------------------------------------------

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
