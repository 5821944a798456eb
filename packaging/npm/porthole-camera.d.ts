// SPDX-License-Identifier: MPL-2.0
export * from "./types/embed/porthole-camera.js";
import type { PortholeCamera } from "./types/embed/porthole-camera.js";

declare global {
  interface HTMLElementTagNameMap {
    "porthole-camera": PortholeCamera;
  }
}
