// Builds everything under ../static/console/ from this folder: one stylesheet, one script of ours, three files of others.
// The result is committed, so that running and testing need no Node. Its inputs are this folder alone: pages compose
// elements and use the layout classes listed in css/console.css, so that a new page needs no new stylesheet.
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const modules = join(here, "node_modules");
const out = join(here, "..", "static", "console");

const copies = {
  "vendor/htmx.js": "htmx.org/dist/htmx.min.js",
  "vendor/alpine.js": "@alpinejs/csp/dist/cdn.min.js",
  "vendor/htmx-LICENSE.txt": "htmx.org/LICENSE",
  "fonts/jetbrains-mono.woff2": "@fontsource-variable/jetbrains-mono/files/jetbrains-mono-latin-wght-normal.woff2",
  "fonts/jetbrains-mono-LICENSE.txt": "@fontsource-variable/jetbrains-mono/LICENSE",
};

function copy() {
  for (const folder of ["vendor", "fonts"]) {
    rmSync(join(out, folder), { recursive: true, force: true });
    mkdirSync(join(out, folder), { recursive: true });
  }
  for (const [target, source] of Object.entries(copies)) copyFileSync(join(modules, source), join(out, target));
}

function scripts() {
  copyFileSync(join(here, "js", "theme.js"), join(out, "theme.js"));
  const parts = readdirSync(join(here, "js")).filter((name) => name.endsWith(".js") && name !== "theme.js").sort();
  const text = parts.map((name) => `(() => {\n${readFileSync(join(here, "js", name), "utf8").trimEnd()}\n})();\n`);
  writeFileSync(join(out, "console.js"), `"use strict";\n${text.join("")}`);
}

function stylesheet() {
  const cli = join(modules, "@tailwindcss", "cli", "dist", "index.mjs");
  const files = ["--input", join(here, "css", "console.css"), "--output", join(out, "console.css")];
  execFileSync(process.execPath, [cli, ...files, "--minify"], { cwd: here, stdio: ["ignore", "ignore", "inherit"] });
}

mkdirSync(out, { recursive: true });
copy();
scripts();
stylesheet();
