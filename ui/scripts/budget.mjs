// What a browser fetches before the run list stands, gzipped: the document, its scripts and styles, and what these import.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";

const LIMIT = 250_000;
const dist = new URL("../dist/", import.meta.url).pathname;
const seen = new Map();

function fetched(file) {
  if (seen.has(file)) return;
  const text = readFileSync(join(dist, file));
  seen.set(file, gzipSync(text, { level: 6 }).length);
  if (!file.endsWith(".js")) return;
  // static imports only; `import(...)` comes later
  for (const [, found] of text.toString().matchAll(/(?:from|import)\s*"(\.[^"]+)"/g)) {
    fetched(join(dirname(file), found));
  }
}

fetched("index.html");
for (const [, file] of readFileSync(join(dist, "index.html"), "utf8").matchAll(/(?:src|href)="\/([^"]+\.\w+)"/g)) fetched(file);
const total = [...seen.values()].reduce((sum, size) => sum + size, 0);
for (const [file, size] of seen) console.log(`${String(size).padStart(8)}  ${file}`);
console.log(`${String(total).padStart(8)}  first load, gzipped (limit ${LIMIT})`);
if (total > LIMIT) {
  console.error("The first load is over its limit: load what is not needed at once with import().");
  process.exit(1);
}
