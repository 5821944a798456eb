// SPDX-License-Identifier: MPL-2.0
// Without JSX, so that it can be read as it is: `npm run build` makes one file of it, React and the element.
import { StrictMode, createElement as h, useState } from "react";
import { createRoot } from "react-dom/client";
import "porthole-camera";

// Outside the component: a function that is another one each time would have the camera begin anew.
async function tokenProvider({ camera }) {
  const answer = await fetch(`/camera-token?camera=${encodeURIComponent(camera)}`);
  return (await answer.json()).token;
}

function Camera({ id }) {
  const [words, setWords] = useState("");
  return h("figure", null,
    h("porthole-camera", {
      server: "https://look.example.org", camera: id, tokenProvider, muted: true, controls: true,
      onstate: ({ detail: { state, message } }) => setWords(message || state),
    }),
    h("figcaption", null, words));
}

function Page() {
  const [isOpen, setOpen] = useState(true);
  return h("main", null,
    h("h1", null, "Our front door"),
    isOpen && h(Camera, { id: "front" }),
    h("button", { type: "button", onClick: () => setOpen(!isOpen) }, isOpen ? "Close" : "Open"));
}

createRoot(document.querySelector("#root")).render(h(StrictMode, null, h(Page)));
