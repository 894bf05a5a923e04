/** Definitions, schedules and queues, as people work on them; and the palette, which leads everywhere. */
import type { Page } from "playwright-core";
import { describe, expect } from "vitest";
import { accessible, it } from "./support/browser";
import { becomes, call, define, fresh, run, simple, start, work, type Json } from "./support/engine";
import { until } from "./support/until";

const dialog = (page: Page) => page.getByRole("dialog");
const named = (page: Page, name: string) => page.getByRole("row").filter({ hasText: name });

describe("a definition", () => {
  it("shows since when a task fails, what its versions differ in, and starts with what was started before", async ({ open }) => {
    const type = fresh("charge");
    const name = fresh("order");
    const whole = { name, inputParameters: ["room"], tasks: [simple(type, { inputParameters: { note: "<img src=x onerror=alert(1)>" } })] };
    await define(whole);
    const good = await start(name, { room: 1 });
    await work(type, "COMPLETED");
    await becomes(good, "COMPLETED");
    await define({ ...whole, version: 2, description: "<b>second</b>" });
    const bad = await start(name, { room: 2 });
    await work(type, "FAILED_WITH_TERMINAL_ERROR", {}, { reasonForIncompletion: "no card" });
    await becomes(bad, "FAILED");

    const page = await open();
    await page.goto(`/definitions/${name}`);
    const grid = page.getByRole("grid", { name: /^The last 2 runs of / });
    await grid.focus();
    // the newest is the last, and the task below its head
    await page.keyboard.press("End");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await page.waitForURL(new RegExp(`/runs/${bad}\\?.*task=`));

    await page.goto(`/definitions/${name}?tab=versions`);
    const differences = page.getByRole("region", { name: "Differences between two versions" });
    await differences.getByText("<b>second</b>").first().waitFor();
    await accessible(page, "the versions of a definition");

    await page.keyboard.press("s");
    const input = dialog(page).getByRole("textbox", { name: "Input (JSON)" });
    await input.fill('{"room": ');
    await dialog(page).getByText(/JSON/).nth(1).waitFor();
    await input.fill('{"room": 77}');
    await dialog(page).getByLabel("Correlation id").fill("from-the-page");
    await page.keyboard.press("Control+Enter");
    await page.getByRole("button", { name: "Open the run" }).first().click();
    await page.waitForURL(/\/runs\/[\w-]+/);
    const started = await run(new URL(page.url()).pathname.split("/")[2] ?? "");
    expect(started).toMatchObject({ input: { room: 77 }, correlationId: "from-the-page" });

    await page.goto(`/definitions/${name}`);
    await page.getByRole("button", { name: "Start a run" }).first().click();
    await dialog(page).getByRole("combobox", { name: "Begin with" }).selectOption({ index: 1 });
    await until("the input of before", async () => (await dialog(page).getByRole("textbox", { name: "Input (JSON)" }).innerText()).includes("77"));
  });

  it("of a task is made, refused by the server in its own words, changed and deleted", async ({ open }) => {
    const name = fresh("task");
    const page = await open();
    await page.goto("/definitions?tab=tasks");
    await page.getByRole("button", { name: "Define a task" }).click();
    await dialog(page).getByLabel("Name", { exact: true }).fill(name);
    await dialog(page).getByLabel("Owner's e-mail").or(dialog(page).getByLabel(/[Oo]wner/)).first().fill("tests@example.com");
    await dialog(page).getByRole("button", { name: "JSON" }).click();
    const text = dialog(page).getByRole("textbox", { name: "Task definition as JSON" });
    await text.fill(JSON.stringify({ name, ownerEmail: "tests@example.com", timeoutSeconds: 10, responseTimeoutSeconds: 600 }));
    await dialog(page).getByRole("button", { name: /^Save/ }).click();
    await dialog(page).getByRole("alert").first().waitFor();
    await text.fill(JSON.stringify({ name, ownerEmail: "tests@example.com", retryCount: 4, timeoutSeconds: 0, responseTimeoutSeconds: 60 }));
    await dialog(page).getByRole("button", { name: /^Save/ }).click();
    await dialog(page).waitFor({ state: "hidden" });
    expect(await call("GET", `/api/metadata/taskdefs/${name}`)).toMatchObject({ retryCount: 4 });
    await page.getByRole("searchbox", { name: "Filter task definitions" }).fill(name);
    await page.getByRole("button", { name: `Delete ${name}` }).click();
    await dialog(page).getByRole("button", { name: new RegExp(`^Delete ${name}`) }).click();
    await until("it to be gone", async () => (await fetch(new URL(`/api/metadata/taskdefs/${name}`, page.url()))).status === 404);
  });
});

describe("a schedule", () => {
  it("is made after a look at when it fires, paused and deleted", async ({ open }) => {
    const workflow = await define({ name: fresh("nightly"), tasks: [simple("nothing", { type: "NOOP" })] });
    const name = fresh("schedule");
    const page = await open();
    await page.goto("/definitions?tab=schedules");
    await page.getByRole("button", { name: "Schedule a workflow" }).first().click();
    await dialog(page).getByLabel("Name", { exact: true }).fill(name);
    await dialog(page).getByLabel("Workflow", { exact: true }).fill(workflow);
    const fires = dialog(page).getByRole("status", { name: "Next fires" });
    await dialog(page).getByLabel("Cron expression").fill("0 0 61 * * ?");
    await until("why it never fires", async () => (await fires.locator(".tone-bad").count()) === 1);
    await dialog(page).getByLabel("Cron expression").fill("0 30 2 * * ?");
    await until("its next fires", async () => (await fires.getByRole("listitem").count()) === 5);
    await accessible(page, "the dialog of a schedule");
    await dialog(page).getByRole("button", { name: "Save the schedule" }).click();
    await dialog(page).waitFor({ state: "hidden" });
    await named(page, name).waitFor();
    await page.getByRole("button", { name: `Pause the schedule ${name}` }).click();
    const kept = async () => ((await call("GET", "/api/scheduler/schedules")) as Json[]).find((each) => each["name"] === name);
    await until("it to be paused", async () => (await kept())?.["paused"]);
    await named(page, name).getByText("Paused", { exact: true }).waitFor();
    await page.getByRole("button", { name: `Delete the schedule ${name}` }).click();
    await dialog(page).getByRole("button", { name: `Delete ${name}` }).click();
    await until("it to be gone", async () => (await kept()) === undefined);
  });
});

describe("queues and the palette", () => {
  it("say what waits and that nobody polls, and lead to a run by its id", async ({ open }) => {
    const type = fresh("unpolled");
    const id = await start(await define({ name: fresh("waits"), tasks: [simple(type)] }));
    const page = await open();
    await page.goto(`/queues?filter=${type}`);
    await named(page, type).getByText(/[Nn]obody|never/).first().waitFor();
    await page.getByRole("button", { name: type }).click();
    await page.getByText(id).or(page.getByText(/waits/)).first().waitFor();
    await accessible(page, "a queue");
    await page.keyboard.press("Control+k");
    await page.getByPlaceholder(/the id of a run/).fill(id);
    await page.keyboard.press("Enter");
    await page.waitForURL(new RegExp(`/runs/${id}`));
    await page.getByText(type).first().waitFor();
  });
});
