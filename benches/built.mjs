// SPDX-License-Identifier: MPL-2.0
// Programs that measure, built by cargo, and what they say.

import { spawn } from "node:child_process";
import { ROOT } from "../tests/browser/lib.mjs";
import { own } from "./own.mjs";

/** The program of a benchmark that measures in one process: its path. @param {string} name */
export async function build(name) {
  const bench = ["bench", "--quiet", "--locked", "-p", "gst-plugin-porthole", "--bench", name, "--no-run", "--message-format=json"];
  const made = (await output("cargo", bench)).map((line) => JSON.parse(line));
  return made.find(({ executable, target }) => executable && target.name === name).executable;
}

/** The lines of a program's stdout. */
export async function output(command, args) {
  const child = spawn(command, args, { cwd: ROOT, stdio: ["ignore", "pipe", "inherit"] });
  own({ process: child });
  const chunks = [];
  child.stdout.on("data", (chunk) => chunks.push(chunk));
  const code = await new Promise((done, fail) => child.on("error", fail).on("close", done));
  if (code !== 0) throw new Error(`${command} ${args.join(" ")}: exit code ${code}`);
  return Buffer.concat(chunks).toString().trim().split("\n");
}
