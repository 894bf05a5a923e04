/** The run list, as people use it. */
import { describe, expect } from "vitest";
import { it } from "./support/browser";
import { call, define, fresh, run, simple, start } from "./support/engine";
import { until } from "./support/until";

async function some(count: number): Promise<{ name: string; ids: string[] }> {
  const name = await define({ name: fresh("listed"), tasks: [simple(fresh("never_polled"))] });
  const ids: string[] = [];
  for (let n = 0; n < count; n++) ids.push(await start(name));
  return { name, ids };
}

describe("the run list", () => {
  it("filters by the address, by text and by status, and says what excludes everything", async ({ open }) => {
    const { name, ids } = await some(3);
    await call("DELETE", `/api/workflow/${ids[0]}`);
    const page = await open();
    await page.goto("/");
    await page.getByRole("combobox", { name: "Filter as text" }).fill(`workflow:${name}`);
    await page.keyboard.press("Enter");
    const table = page.getByRole("grid").or(page.getByRole("table")).first();
    await until("three rows", async () => (await table.getByRole("row").count()) === 4);
    expect(page.url()).toContain(name);
    await page.getByRole("group", { name: "Statuses" }).getByRole("button", { name: /Terminated/ }).click();
    await until("one row", async () => (await table.getByRole("row").count()) === 2);
    // the same address shows the same
    const again = await page.context().newPage();
    await again.goto(page.url());
    await until("one row by the address", async () => (await again.getByRole("row").count()) === 2);
    await page.getByRole("group", { name: "Statuses" }).getByRole("button", { name: /Terminated/ }).click();
    await page.getByRole("group", { name: "Statuses" }).getByRole("button", { name: /Timed out/ }).click();
    await page.getByRole("heading", { name: /No run|Nothing/ }).waitFor();
  });

  it("shows a run that begins while it is looked at", async ({ open }) => {
    const { name } = await some(1);
    const page = await open();
    await page.goto(`/?workflow=${name}`);
    await until("one row", async () => (await page.getByRole("row").count()) === 2);
    await start(name);
    await until("two rows", async () => (await page.getByRole("row").count()) === 3);
  });

  it("terminates all that a query finds, after it said how many", async ({ open }) => {
    const { name, ids } = await some(4);
    const page = await open();
    await page.goto(`/?workflow=${name}`);
    await page.getByRole("button", { name: /Act on all 4/ }).click();
    await page.getByRole("menuitem", { name: /Terminate/ }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText(/4 runs/).first().waitFor();
    await dialog.getByRole("button", { name: /^Terminate 4/ }).click();
    await until("all to be terminated", async () => (await Promise.all(ids.map(run))).every((one) => one["status"] === "TERMINATED"));
  });

  it("is worked by keys alone", async ({ open }) => {
    const { name, ids } = await some(2);
    const page = await open();
    await page.goto(`/?workflow=${name}`);
    await until("two rows", async () => (await page.getByRole("row").count()) === 3);
    await page.keyboard.press("j");
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/runs\//);
    expect(ids.some((id) => page.url().includes(id))).toBe(true);
    await page.keyboard.press("Control+k");
    await page.getByRole("combobox").fill(ids[0] ?? "");
    await page.getByRole("option", { name: /Go to run/ }).click();
    await page.waitForURL(new RegExp(ids[0] ?? ""));
    await page.keyboard.press("g");
    await page.keyboard.press("d");
    await page.waitForURL(/\/definitions/);
  });
});
