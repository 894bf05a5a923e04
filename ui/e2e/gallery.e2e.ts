/** The hard runs as they are drawn, held against references. Answers come from the gallery, so every picture is the same each time. */
import type { Page } from "playwright-core";
import { describe, expect } from "vitest";
import { GALLERY, HOSTILE, NOW, wire } from "../test/fixtures/gallery";
import { it } from "./support/browser";
import { looksLike } from "./support/pictures";

/** Serves this run in the place of the node. */
async function played(page: Page, make: (typeof GALLERY)[string]) {
  const overview = make();
  const { workflowId, status } = overview.workflow;
  const json = (body: unknown) => ({ contentType: "application/json", body: JSON.stringify(body) });
  await page.clock.setFixedTime(NOW);
  await page.route(/\/api\/podium\/live/, (route) => route.fulfill({ status: 503, body: "" }));
  await page.route(/\/api\/workflow\/[^/]+\?/, (route) => route.fulfill(json({ workflowId, input: { order: 17 }, output: {}, variables: {} })));
  await page.route(/\/overview/, (route) => route.fulfill(json(wire(overview))));
  await page.route(/\/explain/, (route) =>
    route.fulfill(json({ workflowId, status, version: 1, summary: "It is part of the gallery.", waits: [] })),
  );
  await page.route(/\/api\/tasks\/[^/]+$/, (route) =>
    route.fulfill(json({ taskId: route.request().url().split("/").pop(), inputData: { a: 1 }, outputData: { note: HOSTILE } })),
  );
  return overview;
}

/** Each hard run in the view that shows best what is hard about it. */
const SHOWN: readonly [keyof typeof GALLERY, string, string][] = [
  ["everyStatus", "diagram", "Diagram"],
  ["retries", "timeline", "Timeline"],
  ["loop", "diagram", "Diagram"],
  ["loop", "timeline", "Timeline"],
  ["longGap", "timeline", "Timeline"],
  ["inFlight", "timeline", "Timeline"],
  ["skipped", "diagram", "Diagram"],
  ["deepNesting", "diagram", "Diagram"],
  ["duplicateNames", "tasks", "Tasks"],
  ["unknownKinds", "diagram", "Diagram"],
  ["htmlEverywhere", "tasks", "Tasks"],
  ["largeOutput", "tasks", "Tasks"],
];

describe("hard runs", () => {
  for (const [name, view, region] of SHOWN) {
    it(`${name} as ${view}`, async ({ open }) => {
      const page = await open({ width: 1200, height: 720 });
      const make = GALLERY[name];
      if (!make) throw new Error(`the gallery has no ${name}`);
      const overview = await played(page, make);
      await page.goto(`/runs/${overview.workflow.workflowId}?view=${view}`);
      // the same letters on every machine; scripts/setup.sh installs them
      await page.addStyleTag({ content: ':root{--font:"DejaVu Sans";--mono:"DejaVu Sans Mono"}' });
      await page.getByRole("region", { name: region }).waitFor();
      await page.getByText(/^Loading /).first().waitFor({ state: "hidden" });
      await looksLike(page, `${name}-${view}`);
      expect(await page.title(), "markup of a run must not become part of the page").not.toContain("broken");
    });
  }
});
