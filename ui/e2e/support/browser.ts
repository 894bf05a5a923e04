/** A real Chromium, and a page on which nothing may go wrong unseen. */
import { existsSync } from "node:fs";
import AxeBuilder from "@axe-core/playwright";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { expect, inject } from "vitest";

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

export async function openBrowser(): Promise<Browser> {
  const executablePath = process.env["CHROMIUM"] ?? PLACES.find((place) => existsSync(place));
  if (!executablePath) throw new Error("there is no Chromium: apt-get install chromium, or name it by CHROMIUM");
  return chromium.launch({ executablePath, args: FLAGS });
}

export interface Opened {
  page: Page;
  context: BrowserContext;
  /** What the page complained of: errors of scripts and refusals of the security policy. */
  complaints: string[];
}

export interface Look {
  theme?: "light" | "dark";
  width?: number;
  height?: number;
  base?: string;
}

export async function openPage(browser: Browser, look: Look = {}): Promise<Opened> {
  const context = await browser.newContext({
    baseURL: look.base ?? inject("url"),
    colorScheme: look.theme ?? "light",
    viewport: { width: look.width ?? 1360, height: look.height ?? 860 },
    reducedMotion: "reduce",
    timezoneId: "UTC",
    locale: "en-GB",
  });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(`${error.name}: ${error.message}`));
  page.on("console", (message) => {
    // answers like 404 and a server that is away are told by the page itself
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) complaints.push(message.text());
  });
  return { page, context, complaints };
}

/** No violation that axe can find. */
export async function accessible(page: Page, what: string): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  const found = violations.map((v) => `${v.id}: ${v.help}\n    ${v.nodes.map((n) => `${n.target.join(" ")} ${n.failureSummary ?? ""}`).join("\n    ")}`);
  expect(found, `axe on ${what}`).toEqual([]);
}
