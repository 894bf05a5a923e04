/** A server that goes away and comes back under an open page. */
import { afterAll, beforeAll, expect } from "vitest";
import { it } from "./support/browser";
import { call } from "./support/engine";
import { Podium } from "./support/podium";

let podium: Podium;
beforeAll(async () => {
  podium = await Podium.start();
});
afterAll(() => podium?.stop());

it("keeps what it knew while the server is away, says so, and goes on by itself", async ({ open }) => {
  const definition = { name: "steady", version: 1, schemaVersion: 2, tasks: [{ name: "wait_here", taskReferenceName: "wait_here", type: "SIMPLE" }] };
  await call("PUT", "/api/metadata/workflow", [definition], podium.url);
  const id = String(await call("POST", "/api/workflow/steady", {}, podium.url));
  const page = await open({ base: podium.url });
  await page.goto(`/runs/${id}`);
  await page.getByRole("heading", { name: "steady" }).waitFor();
  await podium.pause();
  await page.getByText("The server does not answer").first().waitFor({ timeout: 40_000 });
  expect(await page.getByRole("heading", { name: "steady" }).isVisible()).toBe(true);
  await podium.resume();
  await call("DELETE", `/api/workflow/${id}?reason=over`, undefined, podium.url);
  await page.getByText("Terminated").first().waitFor({ timeout: 40_000 });
  await page.getByText("The server does not answer").first().waitFor({ state: "hidden", timeout: 40_000 });
});
