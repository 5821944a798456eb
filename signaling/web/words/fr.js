// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** French. Sorted as `en.js`; people are called “vous”. */
export default {
  // -- watch: one picture, the list of cameras --------------------------------------------------

  // -- drive: the robot ---------------------------------------------------------------------------

  // -- wall: many pictures ------------------------------------------------------------------------

  // -- embed: a camera in somebody's page ----------------------------------------------------------

  // -- admin --------------------------------------------------------------------------------------

  // -- calendar: one's own bookings ---------------------------------------------------------------

  // -- parts: what all pages have -----------------------------------------------------------------
  "parts.moment": "{day}, {time}",
  "parts.span-short": "moins d’une minute",
  "parts.span-minutes": "{minutes} min",
  "parts.span-hours": "{hours} h",
  "parts.span-both": "{hours} h {minutes} min",
  "parts.span-days.one": "{count} jour",
  "parts.span-days.other": "{count} jours",
  "parts.just-now": "à l’instant",
  "parts.ago": "il y a {span}",
  "parts.days-ago.one": "il y a {count} jour",
  "parts.days-ago.other": "il y a {count} jours",
  "parts.sign-in": "Se connecter",

  // -- history: who rang --------------------------------------------------------------------------

  // -- reasons: why something did not work --------------------------------------------------------

};
