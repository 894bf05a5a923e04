/**
 * Pictures of the pages: references that later runs are held against, and those that the documentation shows.
 *
 * `PODIUM_UI_PICTURES=1` makes them anew; look at each before you commit it.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { Page } from "playwright-core";
import pixelmatch from "pixelmatch";
import { PNG } from "pngjs";
import { expect } from "vitest";

const MAKE = process.env["PODIUM_UI_PICTURES"] === "1";
const place = (path: string) => new URL(`../../../${path}`, import.meta.url).pathname;
/** Share of the pixels that another version of the browser or of a font may draw differently. */
const TOLERANCE = 0.02;

function write(path: string, bytes: Buffer): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
}

/** Nothing moves any more: fonts are there, and two pictures in a row are the same. */
async function still(page: Page): Promise<Buffer> {
  await page.evaluate(() => document.fonts.ready);
  let before = await page.screenshot({ animations: "disabled", caret: "hide" });
  for (let tries = 0; tries < 20; tries++) {
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
    const now = await page.screenshot({ animations: "disabled", caret: "hide" });
    if (now.equals(before)) break;
    before = now;
  }
  return before;
}

/** Holds the page against its reference in `ui/e2e/reference`. */
export async function looksLike(page: Page, name: string): Promise<void> {
  const reference = place(`ui/e2e/reference/${name}.png`);
  const actual = await still(page);
  if (MAKE) return write(reference, actual);
  expect(existsSync(reference), `${reference} is missing; make it with PODIUM_UI_PICTURES=1`).toBe(true);
  const [a, b] = [PNG.sync.read(readFileSync(reference)), PNG.sync.read(actual)];
  expect([b.width, b.height], `size of ${name}`).toEqual([a.width, a.height]);
  const marked = new PNG({ width: a.width, height: a.height });
  const different = pixelmatch(a.data, b.data, marked.data, a.width, a.height, { threshold: 0.2 });
  const share = different / (a.width * a.height);
  if (share > TOLERANCE) {
    write(place(`target/tmp/ui/${name}.actual.png`), actual);
    write(place(`target/tmp/ui/${name}.marked.png`), PNG.sync.write(marked));
  }
  expect(share, `share of pixels of ${name} that differ; see target/tmp/ui/`).toBeLessThanOrEqual(TOLERANCE);
}

/** A picture for the documentation; made only when asked for. */
export async function shown(page: Page, name: string): Promise<void> {
  if (MAKE) write(place(`docs/ui/${name}.png`), await still(page));
}
