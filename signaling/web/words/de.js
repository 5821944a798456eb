// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** German. Sorted as `en.js`; people are called “Sie”. */
export default {
  // -- watch: one picture, the list of cameras --------------------------------------------------

  // -- drive: the robot ---------------------------------------------------------------------------

  // -- wall: many pictures ------------------------------------------------------------------------
  "wall.title": "Wand",
  "wall.to-wall": "Wand",
  "wall.layout": "Wie viele auf einmal",
  "wall.auto": "Automatisch",
  "wall.at-once.one": "{count} Bild",
  "wall.at-once.other": "{count} Bilder",
  "wall.arrange": "Anordnen",
  "wall.how-to-arrange": "Ziehen Sie ein Bild an seinen Platz, oder verschieben Sie es mit seinen Pfeilen. Mit der Tastatur: Umschalt und eine Pfeiltaste.",
  "wall.moved": "{name} ist jetzt auf Platz {place} von {all}.",
  "wall.page": "Seite {page} von {pages}",
  "wall.page-before": "Seite davor",
  "wall.page-after": "Nächste Seite",
  "wall.leave": "Wand verlassen",
  "wall.none": "Keine Kamera ist verbunden, die Sie sehen dürfen. Sobald es eine gibt, erscheint sie hier.",
  "wall.picture": "Bild von {name}",
  "wall.enlarge": "{name} vergrößern",
  "wall.retry": "{name} noch einmal versuchen",
  "wall.shrink": "Zurück zu allen Bildern",
  "wall.open": "Alles zu dieser Kamera",
  "wall.sound-on": "Ton an",
  "wall.sound-off": "Ton aus",
  "wall.earlier": "{name} nach vorn",
  "wall.later": "{name} nach hinten",
  "wall.connecting": "Verbindung wird aufgebaut…",
  "wall.off": "Die Kamera ist nicht verbunden.",
  "wall.last": "Letztes Bild: {time}.",

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
