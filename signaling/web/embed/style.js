// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** How a camera in somebody's page looks: as in parts/tokens.css, which a page of others has not. */
export const STYLE = `
:host { display: block; position: relative; overflow: hidden; aspect-ratio: 16 / 9; min-inline-size: 10rem; background: #0a0f14; color: #fff;
  font: 1rem system-ui, sans-serif; container-type: inline-size; }
:host([hidden]) { display: none; }
* { box-sizing: border-box; }
video, ::slotted(video) { display: block; inline-size: 100%; block-size: 100%; object-fit: var(--porthole-fit, contain); background: inherit; }
.state { position: absolute; inset-inline: 0; inset-block-start: 0; margin: 0; padding: 0.75rem; background: rgb(10 15 20 / 0.78); overflow-wrap: anywhere; }
.state:empty { display: none; }
.bar { position: absolute; inset-inline: 0; inset-block-end: 0; display: flex; flex-wrap: wrap; gap: 0.25rem; padding: 0.25rem;
  background: rgb(10 15 20 / 0.78); opacity: 0; transition: opacity 120ms; }
.bar[hidden] { display: none; }
:host(:hover) .bar, :host(:focus-within) .bar, .bar[data-stays] { opacity: 1; }
button { min-inline-size: 2.75rem; min-block-size: 2.75rem; padding: 0.5rem; border: 0; border-radius: 0.5rem; background: none; color: inherit; cursor: pointer; }
button:hover { background: rgb(255 255 255 / 0.18); }
button:focus-visible { outline: 3px solid #5db4f5; outline-offset: -3px; }
.full { margin-inline-start: auto; }
svg { display: block; inline-size: 1.5rem; block-size: 1.5rem; margin: auto; fill: none; stroke: currentColor; stroke-width: 2; stroke-linecap: round; stroke-linejoin: round; }
@media (hover: none) { .bar { opacity: 1; } }
@media (prefers-reduced-motion: reduce) { .bar { transition: none; } }
@media (forced-colors: active) { .bar, .state { border: 1px solid; } }
`;
