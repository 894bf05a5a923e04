/** The designer's own ways with a document, beside the pipeline: its draft, its two tabs, its texts, files, and a cycle. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, describe } from "vitest";
import { it } from "./support/browser";
import { define, fresh, simple } from "./support/engine";
import { until } from "./support/until";

const folder = mkdtempSync(join(tmpdir(), "podium-designer-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const size = (page: Page) => page.getByRole("status", { name: "Size" });
const holds = (page: Page, words: RegExp) => until(`${words} in ${page.url()}`, async () => words.test(await size(page).innerText()));
const button = (page: Page, name: string) => page.getByRole("button", { name, exact: true });

async function draw(page: Page, name: string): Promise<void> {
  await page.goto(name === "" ? "/designer" : `/designer?name=${encodeURIComponent(name)}`);
  await page.locator(".react-flow__pane").waitFor();
}

async function line(tasks: number): Promise<string> {
  return define({ name: fresh("line"), tasks: Array.from({ length: tasks }, (_, at) => simple(`step_${at}`)) });
}

/** The graph as the page shows it, brought to what the test wants it to be. */
async function rewrite(page: Page, change: (graph: { nodes: { id: string }[]; edges: unknown[] }) => unknown): Promise<void> {
  await page.keyboard.press("3");
  const text = page.getByRole("textbox", { name: "The graph as JSON" });
  await text.waitFor();
  const saved = page.waitForEvent("download");
  await page.getByRole("button", { name: /^Download .*\.json$/ }).click();
  const graph = JSON.parse(readFileSync(await (await saved).path(), "utf8")) as { nodes: { id: string }[]; edges: unknown[] };
  await text.fill(JSON.stringify(change(graph)));
  await page.getByRole("button", { name: "Apply the graph to the drawing" }).click();
}

describe("the designer", () => {
  it("undoes, copies, and keeps the draft through a reload", async ({ open }) => {
    const name = await line(2);
    const page = await open();
    await draw(page, name);
    await holds(page, /2 nodes/);
    await add(page, "WAIT");
    await holds(page, /3 nodes/);
    await button(page, "Undo").click();
    await holds(page, /2 nodes/);
    await button(page, "Redo").click();
    await holds(page, /3 nodes/);
    await page.keyboard.press("Shift+F");
    await page.locator(".react-flow__node").first().click();
    await button(page, "Copy the selection").click();
    await button(page, "Paste nodes").click();
    await holds(page, /4 nodes/);
    await page.reload();
    await holds(page, /4 nodes/);
    await page.getByText("This is your draft, last changed").waitFor();
    await button(page, `Throw it away and open ${name}`).click();
    await page.getByRole("alertdialog").or(page.getByRole("dialog")).getByRole("button", { name: /Throw/ }).click();
    await holds(page, /2 nodes/);
  });

  it("asks which drawing is to be kept when two tabs draw the same document", async ({ open }) => {
    const name = await line(1);
    const one = await open();
    const two = await one.context().newPage();
    await draw(one, name);
    await draw(two, name);
    await holds(two, /1 node,/);
    await add(one, "WAIT");
    await holds(one, /2 nodes/);
    const asked = two.getByRole("alert").filter({ hasText: "Another tab has changed this drawing" });
    await asked.waitFor();
    await asked.getByRole("button", { name: "Show the other one" }).click();
    await holds(two, /2 nodes/);
    await asked.waitFor({ state: "hidden" });
    // both go on: neither is overwritten unseen
    await add(two, "HTTP");
    const back = one.getByRole("alert").filter({ hasText: "Another tab has changed this drawing" });
    await back.waitFor();
    await add(one, "INLINE");
    await add(one, "INLINE");
    await holds(one, /4 nodes/);
    await back.getByRole("button", { name: "Keep this one" }).click();
    await asked.waitFor();
    // a tab that is closed while it waits for an answer changes nothing
    await two.close();
    await one.reload();
    await holds(one, /4 nodes/);
  });

  it("leaves a draft alone in a tab that only looks", async ({ open }) => {
    const name = await line(1);
    const looks = await open();
    await draw(looks, name);
    const draws = await looks.context().newPage();
    await draw(draws, name);
    await add(draws, "WAIT");
    await kept(looks, name);
    await draws.close();
    // left, not only closed: then it hears that it goes
    await looks.goto("about:blank");
    const later = await looks.context().newPage();
    await draw(later, name);
    await holds(later, /2 nodes/);
  });

  it("says when the browser keeps nothing", async ({ open }) => {
    const name = await line(1);
    const page = await open();
    await page.addInitScript(() => {
      Storage.prototype.setItem = () => {
        throw new DOMException("no room", "QuotaExceededError");
      };
    });
    await draw(page, name);
    await add(page, "WAIT");
    await page.getByRole("alert").filter({ hasText: "This browser keeps nothing" }).waitFor();
  });

  it("takes a definition from a file, and says what is wrong with one", async ({ open }) => {
    const page = await open();
    await draw(page, "");
    const file = join(folder, "imported.json");
    const put = async (text: string) => {
      writeFileSync(file, text);
      await page.getByLabel("File", { exact: true }).setInputFiles(file);
    };
    await page.keyboard.press("Control+o");
    const dialog = page.getByRole("dialog");
    await put('{"name": "cut off');
    await dialog.getByRole("alert").filter({ hasText: /JSON/ }).waitFor();
    await put(JSON.stringify({ name: "imported", tasks: [simple("<b>a</b>"), simple("odd", { type: "NOT_A_TYPE" })] }));
    await dialog.waitFor({ state: "hidden" });
    await holds(page, /2 nodes, 1 edge/);
    await page.getByText("<b>a</b>").first().waitFor();
  });

  it("refuses a cycle by naming its nodes, and leads to one of them", async ({ open }) => {
    const name = await line(3);
    const page = await open();
    await draw(page, name);
    await holds(page, /3 nodes, 2 edges/);
    await rewrite(page, (graph) => ({
      ...graph,
      edges: [...graph.edges, { id: "back", source: graph.nodes[2]?.id, target: graph.nodes[0]?.id }],
    }));
    await holds(page, /3 nodes, 3 edges, \d+ problem/);
    await page.keyboard.press("1");
    const problem = page.getByRole("button", { name: /cycle/i }).first();
    await problem.click();
    await until("a node of it to be selected", async () => (await page.locator(".react-flow__node.selected").count()) === 1);
    await page.getByRole("tab", { name: "Deploy" }).click();
    await until("no way to deploy it", async () => page.getByRole("button", { name: /^Deploy (and start|it anew)$/ }).isDisabled());
  });

  it("takes what is written into the definition, and says what cannot be drawn", async ({ open }) => {
    const name = await line(2);
    const page = await open();
    await draw(page, name);
    await holds(page, /2 nodes/);
    await page.keyboard.press("2");
    const text = page.getByRole("textbox", { name: "The definition as JSON" });
    await text.fill(JSON.stringify({ name, version: 1, tasks: [simple("step_0"), simple("between"), simple("step_1")] }));
    const apply = button(page, "Apply the definition to the drawing");
    await apply.click();
    await holds(page, /3 nodes, 2 edges/);
    await text.fill('{"tasks": "none"}');
    await apply.click();
    await page.getByRole("alert").first().waitFor();
    await holds(page, /3 nodes, 2 edges/);
  });
});

/** Adds a node by the palette's search. */
async function add(page: Page, kind: string): Promise<void> {
  await page.bringToFront();
  await page.getByRole("searchbox", { name: "Find a node to add" }).fill(kind);
  await page.keyboard.press("Enter");
}

/** Waits until there is a draft. */
async function kept(page: Page, name: string): Promise<void> {
  const read = (key: string) => localStorage.getItem(key);
  await until("the draft to be kept", () => page.evaluate(read, `podium.designer.draft.${name}`));
}
