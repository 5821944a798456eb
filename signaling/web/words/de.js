// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** German. Sorted as `en.js`; people are called “Sie”. */
export default {
  // -- watch: one picture, the list of cameras --------------------------------------------------

  // -- drive: the robot ---------------------------------------------------------------------------

  // -- wall: many pictures ------------------------------------------------------------------------

  // -- embed: a camera in somebody's page ----------------------------------------------------------

  // -- admin --------------------------------------------------------------------------------------

  // -- calendar: one's own bookings ---------------------------------------------------------------

  // -- parts: what all pages have -----------------------------------------------------------------
  "parts.moment": "{day}, {time}",
  "parts.span-short": "weniger als eine Minute",
  "parts.span-minutes": "{minutes} Min.",
  "parts.span-hours": "{hours} Std.",
  "parts.span-both": "{hours} Std. {minutes} Min.",
  "parts.span-days.one": "{count} Tag",
  "parts.span-days.other": "{count} Tage",
  "parts.just-now": "gerade eben",
  "parts.ago": "vor {span}",
  "parts.days-ago.one": "vor {count} Tag",
  "parts.days-ago.other": "vor {count} Tagen",
  "parts.sign-in": "Anmelden",

  // -- history: who rang --------------------------------------------------------------------------

  // -- reasons: why something did not work --------------------------------------------------------

};
