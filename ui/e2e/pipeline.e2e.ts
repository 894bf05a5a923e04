/** The documented pipeline, drawn by hand: deployed, watched, broken, and taken up again from the banner. */
import { readFileSync } from "node:fs";
import type { Page } from "playwright-core";
import { beforeAll, describe, expect, inject } from "vitest";
import { accessible, it } from "./support/browser";
import { becomes, fresh, run } from "./support/engine";
import { shown } from "./support/pictures";
import { until } from "./support/until";

beforeAll(async () => {
  await upload("customers.csv", "customer_data_sample.csv");
  await upload("first_10_entries.in", "first_10_entries.in");
});

/** Puts one of the demo's files into the first bucket. */
async function upload(file: string, as: string): Promise<void> {
  const form = new FormData();
  form.append("files", new Blob([readFileSync(new URL(`../../demo/data/${file}`, import.meta.url))]), as);
  const answer = await fetch(`${inject("ingestion")}/files?bucket=raw-data`, { method: "POST", body: form });
  expect(answer.ok, await answer.text()).toBe(true);
}

const KINDS = ["E-mail validation", "Phone validation", "Enrichment", "E-mail hygiene", "Name parse", "End of the pipeline"];

/** Draws the six stages one behind the other; the first is dragged, the others are chosen in the palette. */
async function draw(page: Page, name: string): Promise<void> {
  await page.goto("/designer");
  const canvas = page.locator(".react-flow__pane");
  await canvas.waitFor();
  const [first, ...others] = KINDS;
  await page.getByRole("button", { name: `Add ${first}`, exact: true }).dragTo(canvas, { targetPosition: { x: 120, y: 120 } });
  await page.locator(".react-flow__node").first().waitFor();
  for (const kind of others) await page.getByRole("button", { name: `Add ${kind}`, exact: true }).click();
  await page.getByRole("textbox", { name: "Name of the workflow" }).fill(name);
  await until("six nodes in a row", async () => (await page.getByText("6 nodes, 5 edges").count()) > 0);
}

/** Selects a node of the drawing, wherever the canvas has come to. */
async function select(page: Page, kind: string): Promise<void> {
  await page.getByRole("button", { name: /^Fit/ }).first().click();
  await page.locator(".react-flow__node").filter({ hasText: kind }).first().click();
}

/** Fills the form of a job's node and has its XML written. */
async function configure(page: Page, kind: string, output: string): Promise<void> {
  await select(page, kind);
  const form = page.getByRole("region", { name: /Properties|Node/ }).or(page.locator(".designer-form")).first();
  await form.getByLabel(/^Input file/).first().fill("minio://raw-data/first_10_entries.in");
  await form.getByLabel(/^Output file/).first().fill(output);
  await page.getByRole("button", { name: "Save the service XML" }).click();
  await page.getByText(/^Saved, /).waitFor();
}

/** Deploys what is drawn; the address then names the run that is watched. */
async function deploy(page: Page): Promise<string> {
  const watched = () => new URL(page.url()).searchParams.get("run");
  const before = watched();
  await page.getByRole("tab", { name: "Deploy" }).click();
  await page.getByRole("button", { name: /^Deploy (and start|it anew)$/ }).click();
  return until("the id of the run", async () => (watched() === before ? undefined : watched()));
}

describe("the documented pipeline", () => {
  const name = fresh("drawn");

  it("is drawn, deployed and watched until it completes; broken, it goes on from the banner", async ({ open }) => {
    const page = await open({ width: 1500, height: 940 });
    await draw(page, name);
    await configure(page, "E-mail hygiene", "s3://podium/conductor-poc/runs/drawn/hygiene.out");
    await configure(page, "Name parse", "s3://podium/conductor-poc/runs/drawn/names.out");
    await until("no problem to stand", async () => (await page.getByText(/\d+ problems?/).count()) === 0);
    await accessible(page, "the designer");

    const good = await deploy(page);
    await becomes(good, "COMPLETED");
    await page.getByText(/[Cc]ompleted/).first().waitFor();
    await shown(page, "designer");

    // what a service counted, as a file
    await page.getByRole("button", { name: /^Fit/ }).first().click();
    await page.getByRole("button", { name: "Show the statistics of E-mail validation" }).or(page.getByRole("button", { name: "Show statistics" })).first().click();
    const statistics = page.getByRole("dialog", { name: /^Statistics of / });
    await accessible(page, "the statistics of a service");
    const saved = page.waitForEvent("download");
    await statistics.getByRole("button", { name: /^Save / }).click();
    expect(readFileSync(await (await saved).path(), "utf8")).toMatch(/valid/i);
    await page.keyboard.press("Escape");
    await statistics.waitFor({ state: "hidden" });

    // the first stage is sent to a file that is not there
    const missing = `${name}.csv`;
    await page.getByRole("tab", { name: "Properties" }).click();
    await select(page, "E-mail validation");
    await page.getByLabel("Input bucket").first().fill("raw-data");
    await page.getByLabel("Input file").first().fill(missing);
    const bad = await deploy(page);
    await becomes(bad, "FAILED");
    const banner = page.getByRole("alert", { name: "Failed workflow" }).or(page.getByLabel("Failed workflow")).first();
    await banner.getByText(name).waitFor();
    await shown(page, "retry-banner");

    await upload("customers.csv", missing);
    await banner.getByRole("button", { name: "Retry from email_validation" }).click();
    await becomes(bad, "COMPLETED");
    await banner.waitFor({ state: "hidden" });

    await page.goto(`/?workflow=${name}`);
    await until("both runs in the list", async () => (await page.getByRole("row").filter({ hasText: "Completed" }).count()) === 2);
    await page.getByRole("row").filter({ hasText: bad }).first().getByRole("link").first().click();
    await page.waitForURL(/\/(runs|definitions)\//);
    const tasks = (await run(bad))["tasks"] as unknown[];
    expect(tasks.length, "what was done before the failure was kept").toBeGreaterThan(10);
  });

  it("is found again in the views of the pipeline", async ({ open }) => {
    const page = await open();
    await page.goto("/pipeline?tab=deployments");
    const deployments = page.getByRole("table", { name: "Deployments" }).getByRole("row").filter({ hasText: name });
    await deployments.first().waitFor();
    expect(await deployments.filter({ hasText: "✓ done" }).count()).toBe(2);
    await accessible(page, "deployments");
    await shown(page, "deployments");

    await page.goto("/pipeline");
    const runs = page.getByRole("table", { name: "DAG runs" }).getByRole("row");
    await until("the jobs that were watched", async () => (await runs.count()) > 2);
    await accessible(page, "DAG runs");
    await shown(page, "dag-runs");
    await runs.nth(1).getByRole("link").click();
    await page.waitForURL(/\/runs\//);

    await page.goto("/pipeline?tab=statistics");
    await page.getByText("Rows by service").first().waitFor();
    await page.getByRole("table", { name: /^Reasons of / }).first().waitFor();
    await accessible(page, "statistics");
    await shown(page, "statistics");
  });

  it("takes files from the browser, and hands them out", async ({ open }) => {
    const page = await open();
    await page.goto("/pipeline?tab=files&bucket=raw-data");
    await page.getByRole("button", { name: "Upload files" }).click();
    const dialog = page.getByRole("dialog", { name: "Upload files" });
    const file = `${fresh("handed in")} <b>.csv`;
    await dialog.getByLabel("Files").setInputFiles({ name: file, mimeType: "text/csv", buffer: Buffer.from("id,email\n1,a@example.com\n") });
    await dialog.getByRole("combobox", { name: "Bucket" }).selectOption("raw-data");
    await dialog.getByLabel("Folder").fill("from/the browser");
    await dialog.getByRole("button", { name: "Upload the file" }).click();
    await dialog.getByText(`raw-data/from/the browser/${file}`).first().waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("searchbox", { name: "Beginning of the name" }).fill("from/");
    const row = page.getByRole("row").filter({ hasText: file });
    await row.waitFor();
    await accessible(page, "files");
    await shown(page, "files");
    const download = page.waitForEvent("download");
    await row.getByRole("button", { name: /^Fetch/ }).click();
    expect(readFileSync(await (await download).path(), "utf8")).toBe("id,email\n1,a@example.com\n");
  });
});
