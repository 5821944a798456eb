// SPDX-License-Identifier: MPL-2.0
// Makes the package's folder: scripts/package-npm. The two tools are those of the browser tests, and nothing of them is in it.

import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const HERE = dirname(fileURLToPath(import.meta.url));
const ROOT = join(HERE, "../..");
const WEB = join(ROOT, "signaling/web");
const ENTRY = join(WEB, "embed/porthole-camera.js");
const { resolve } = createRequire(join(ROOT, "tests/browser/package.json"));
/** Of the catalogue, what is said of a camera in somebody's page. */
const SPOKEN = /^(embed|reason)\.(?!robot\.|server\.|sign-in\.|detail\.)/;
/** What browsers have had since 2023, as the pages themselves want it. */
const TARGET = "es2022";

const [folder] = process.argv.slice(2);
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });

const [, version] = readFileSync(join(ROOT, "Cargo.toml"), "utf8").match(/^version = "([^"]+)"/m);
const about = JSON.parse(readFileSync(join(HERE, "package.json"), "utf8"));
writeFileSync(join(folder, "package.json"), `${JSON.stringify({ ...about, version }, null, 2)}\n`);
for (const name of ["README.md", "porthole-camera.d.ts"]) cpSync(join(HERE, name), join(folder, name));
cpSync(join(ROOT, "LICENSE"), join(folder, "LICENSE"));

const { build } = await import(resolve("esbuild"));
const words = {
  name: "words",
  setup: ({ onLoad }) => onLoad({ filter: /\/words\/[a-z]{2,3}\.js$/ }, async ({ path }) => {
    const all = Object.entries((await import(path)).default);
    return { contents: `export default ${JSON.stringify(Object.fromEntries(all.filter(([key]) => SPOKEN.test(key))), null, 2)};`, loader: "js" };
  }),
};
await build({
  entryPoints: [ENTRY], bundle: true, format: "esm", target: TARGET, charset: "utf8", legalComments: "none", outfile: join(folder, "porthole-camera.js"),
  banner: { js: `// SPDX-License-Identifier: MPL-2.0\n// porthole-camera ${version}, made of Porthole's signaling/web/embed` },
  plugins: [words], logLevel: "warning",
});

const types = {
  compilerOptions: {
    allowJs: true, checkJs: true, declaration: true, emitDeclarationOnly: true, strict: true, noImplicitAny: false, target: TARGET,
    module: TARGET, moduleResolution: "bundler", lib: ["es2024", "dom", "dom.iterable"], types: [], rootDir: WEB, outDir: join(folder, "types"),
  },
  files: [ENTRY],
};
const project = join(folder, "tsconfig.json");
writeFileSync(project, JSON.stringify(types));
execFileSync(process.execPath, [resolve("typescript/bin/tsc"), "--project", project], { stdio: "inherit" });
rmSync(project);
