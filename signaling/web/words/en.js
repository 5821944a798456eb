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
  "parts.sign-in": "Sign in",

  // -- history: who rang --------------------------------------------------------------------------

  // -- reasons: why something did not work --------------------------------------------------------

};
