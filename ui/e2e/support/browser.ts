/** Tests with a real Chromium, and pages on which nothing may go wrong unseen. */
import { existsSync, mkdirSync } from "node:fs";
import AxeBuilder from "@axe-core/playwright";
import { type Browser, chromium, type Page } from "playwright-core";
import { expect, inject, it as base } from "vitest";

const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--force-color-profile=srgb",
  "--font-render-hinting=none",
];

async function openBrowser(): Promise<Browser> {
  const executablePath = process.env["CHROMIUM"] ?? PLACES.find((place) => existsSync(place));
  if (!executablePath) throw new Error("there is no Chromium: apt-get install chromium, or name it by CHROMIUM");
  return chromium.launch({ executablePath, args: FLAGS });
}

export interface Look {
  theme?: "light" | "dark";
  width?: number;
  height?: number;
  /** Another node than that of all files. */
  base?: string;
}

async function openPage(browser: Browser, look: Look): Promise<Page> {
  const context = await browser.newContext({
    baseURL: look.base ?? inject("url"),
    colorScheme: look.theme ?? "light",
    viewport: { width: look.width ?? 1360, height: look.height ?? 860 },
    reducedMotion: "reduce",
    timezoneId: "UTC",
    locale: "en-GB",
  });
  context.setDefaultTimeout(20_000);
  return context.newPage();
}

/** What the browser says by itself of a server that is away or answers 404: the page tells it in its own words. */
const ASIDE = /^(Failed to load resource|WebSocket connection to )/;

/** What its pages complain of from now on: errors of scripts and refusals of the security policy. */
function complaintsOf(page: Page): string[] {
  const complaints: string[] = [];
  const listen = (each: Page) => {
    each.on("pageerror", (error) => complaints.push(`${error.name}: ${error.message}`));
    each.on("console", (message) => {
      if (message.type() === "error" && !ASIDE.test(message.text())) complaints.push(message.text());
    });
  };
  listen(page);
  page.context().on("page", listen);
  return complaints;
}

/** How it looked when a test failed, for whoever asks why. */
async function picture(page: Page, test: string): Promise<void> {
  const folder = new URL("../../../target/tmp/ui/", import.meta.url).pathname;
  mkdirSync(folder, { recursive: true });
  const path = `${folder}${test.replace(/\W+/g, "-").slice(0, 80)}.failed.png`;
  await page.screenshot({ path }).then(
    () => console.log(`the page as it was: ${path}`),
    () => undefined,
  );
}

/** A test that opens pages with a browser of its file: they are closed after it, and none may have complained. */
export const it = base.extend<{ browser: Browser; open: (look?: Look) => Promise<Page> }>({
  browser: [
    async ({}, give) => {
      const browser = await openBrowser();
      await give(browser);
      await browser.close();
    },
    { scope: "file" },
  ],
  open: async ({ browser, task }, give) => {
    const opened: { page: Page; complaints: string[] }[] = [];
    await give(async (look = {}) => {
      const page = await openPage(browser, look);
      opened.push({ page, complaints: complaintsOf(page) });
      return page;
    });
    for (const { page } of opened) {
      if (task.result?.state === "fail") await picture(page, task.name);
      await page.context().close();
    }
    expect(opened.flatMap(({ complaints }) => complaints), "what the pages complained of").toEqual([]);
  },
});

/** No violation that axe can find. */
export async function accessible(page: Page, what: string): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  const found = violations.map((v) => `${v.id}: ${v.help}\n    ${v.nodes.map((n) => `${n.target.join(" ")} ${n.failureSummary ?? ""}`).join("\n    ")}`);
  expect(found, `axe on ${what}`).toEqual([]);
}
