// SPDX-License-Identifier: MPL-2.0
const camera = document.querySelector("porthole-camera");

camera.tokenProvider = async ({ camera: id }) => {
  const answer = await fetch(`/camera-token?camera=${encodeURIComponent(id)}`);
  if (!answer.ok) throw new Error(`the site answered ${answer.status}`);
  return (await answer.json()).token;
};

camera.addEventListener("state", ({ detail: { state, message } }) => {
  document.querySelector("#state").textContent = message || state;
});

document.querySelector("#snapshot").addEventListener("click", async () => {
  const address = URL.createObjectURL(await camera.snapshot());
  Object.assign(document.createElement("a"), { href: address, download: "front.jpg" }).click();
  URL.revokeObjectURL(address);
});
