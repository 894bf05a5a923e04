/** A server that goes away and comes back under an open page. */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openBrowser, openPage } from "./support/browser";
import { call } from "./support/engine";
import { Podium } from "./support/podium";

let browser: Browser;
let podium: Podium;
beforeAll(async () => {
  [browser, podium] = await Promise.all([openBrowser(), Podium.start()]);
});
afterAll(async () => {
  await browser?.close();
  await podium?.stop();
});

it("keeps what it knew while the server is away, says so, and goes on by itself", async () => {
  const definition = { name: "steady", version: 1, schemaVersion: 2, tasks: [{ name: "wait_here", taskReferenceName: "wait_here", type: "SIMPLE" }] };
  await call("PUT", "/api/metadata/workflow", [definition], podium.url);
  const id = String(await call("POST", "/api/workflow/steady", {}, podium.url));
  const { page, context } = await openPage(browser, { base: podium.url });
  await page.goto(`/runs/${id}`);
  await page.getByRole("heading", { name: "steady" }).waitFor();
  await podium.pause();
  await page.getByText("The server does not answer").first().waitFor({ timeout: 40_000 });
  expect(await page.getByRole("heading", { name: "steady" }).isVisible()).toBe(true);
  await podium.resume();
  await call("DELETE", `/api/workflow/${id}?reason=over`, undefined, podium.url);
  await page.getByText("Terminated").first().waitFor({ timeout: 40_000 });
  await page.getByText("The server does not answer").first().waitFor({ state: "hidden", timeout: 40_000 });
  await context.close();
});
