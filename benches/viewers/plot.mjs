// SPDX-License-Identifier: MPL-2.0
// CPU and memory by the number of viewers, as SVG. Pure.

const [WIDTH, HEIGHT] = [420, 300];
const EDGE = { left: 52, right: 16, top: 36, bottom: 44 };
const COLOURS = { porthole: "#0a6ebd", stock: "#c2410c" };
const NAMES = { porthole: "Porthole", stock: "stock webrtcsink" };
/** Lines across, at least. */
const TICKS = 4;

const escaped = (text) => text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);

/** The round step, 1, 2 or 5 times a power of ten, that has `most` in at least so many steps. */
export function step(most) {
  const power = 10 ** Math.floor(Math.log10(most / TICKS));
  return [5, 2, 1].map((times) => times * power).find((size) => most / size >= TICKS) ?? power;
}

/** One panel: `series` is `{porthole: [{viewers, value}], stock: [...]}`. */
function panel({ title, unit, series }, left) {
  const all = Object.values(series).flat();
  const most = Math.max(...all.map(({ value }) => value), 1);
  const size = step(most);
  const top = Math.ceil(most / size) * size;
  const widest = Math.max(...all.map(({ viewers }) => viewers));
  const x = (viewers) => EDGE.left + (viewers / widest) * (WIDTH - EDGE.left - EDGE.right);
  const y = (value) => HEIGHT - EDGE.bottom - (value / top) * (HEIGHT - EDGE.top - EDGE.bottom);
  const parts = [`<text x="${EDGE.left}" y="20" font-weight="bold">${escaped(title)}</text>`];
  for (let value = 0; value <= top + size / 2; value += size) {
    parts.push(`<line x1="${EDGE.left}" x2="${WIDTH - EDGE.right}" y1="${y(value).toFixed(1)}" y2="${y(value).toFixed(1)}" stroke="#ddd"/>`);
    parts.push(`<text x="${EDGE.left - 6}" y="${(y(value) + 4).toFixed(1)}" text-anchor="end">${Number(value.toPrecision(6))}</text>`);
  }
  for (const viewers of new Set(all.map((point) => point.viewers))) {
    parts.push(`<text x="${x(viewers).toFixed(1)}" y="${HEIGHT - EDGE.bottom + 16}" text-anchor="middle">${viewers}</text>`);
  }
  parts.push(`<text x="${(EDGE.left + WIDTH - EDGE.right) / 2}" y="${HEIGHT - 10}" text-anchor="middle">viewers (${escaped(unit)})</text>`);
  Object.entries(series).forEach(([name, points], n) => {
    const line = points.map(({ viewers, value }) => `${x(viewers).toFixed(1)},${y(value).toFixed(1)}`);
    parts.push(`<polyline fill="none" stroke="${COLOURS[name]}" stroke-width="2" points="${line.join(" ")}"/>`);
    for (const at of line) parts.push(`<circle cx="${at.split(",")[0]}" cy="${at.split(",")[1]}" r="3" fill="${COLOURS[name]}"/>`);
    parts.push(`<text x="${EDGE.left + 10}" y="${EDGE.top + 14 + 16 * n}" fill="${COLOURS[name]}">${escaped(NAMES[name])}</text>`);
  });
  return `<g transform="translate(${left} 0)">${parts.join("\n")}</g>`;
}

/** Panels side by side. */
export function plot(panels) {
  const width = WIDTH * panels.length;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${HEIGHT}" viewBox="0 0 ${width} ${HEIGHT}" font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="#fff"/>
${panels.map((one, n) => panel(one, n * WIDTH)).join("\n")}
</svg>
`;
}
