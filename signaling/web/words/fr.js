// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** French. Sorted as `en.js`; people are called “vous”. */
export default {
  // -- watch: one picture, the list of cameras --------------------------------------------------

  // -- drive: the robot ---------------------------------------------------------------------------

  // -- wall: many pictures ------------------------------------------------------------------------
  "wall.title": "Mur",
  "wall.to-wall": "Mur",
  "wall.layout": "Combien à la fois",
  "wall.auto": "Automatique",
  "wall.at-once.one": "{count} image",
  "wall.at-once.other": "{count} images",
  "wall.arrange": "Ordonner",
  "wall.how-to-arrange": "Faites glisser une image à sa place, ou déplacez-la avec ses flèches. Au clavier : Maj et une touche fléchée.",
  "wall.moved": "{name} est maintenant à la place {place} sur {all}.",
  "wall.page": "Page {page} sur {pages}",
  "wall.page-before": "Page précédente",
  "wall.page-after": "Page suivante",
  "wall.leave": "Quitter le mur",
  "wall.none": "Aucune caméra que vous pouvez regarder n’est connectée. Elle apparaîtra ici dès qu’il y en aura une.",
  "wall.picture": "Image de {name}",
  "wall.enlarge": "Agrandir {name}",
  "wall.retry": "Réessayer {name}",
  "wall.shrink": "Retour à toutes les images",
  "wall.open": "Toutes les commandes de cette caméra",
  "wall.sound-on": "Activer le son",
  "wall.sound-off": "Couper le son",
  "wall.earlier": "Avancer {name}",
  "wall.later": "Reculer {name}",
  "wall.connecting": "Connexion…",
  "wall.off": "La caméra n’est pas connectée.",
  "wall.last": "Dernière image : {time}.",

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
