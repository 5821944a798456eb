// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** Light or dark, if it was chosen here (preferences.js): before anything is drawn, so that nothing flashes. It is no module, which would wait. */
(() => {
  try {
    const theme = localStorage.getItem("porthole-theme");
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  } catch { /* Without storage it is as the device has it. */ }
})();
