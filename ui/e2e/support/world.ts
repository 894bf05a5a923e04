/** One `podium dev` for all files; they keep apart by the names of their definitions. */
import type { TestProject } from "vitest/node";
import { Podium } from "./podium";

declare module "vitest" {
  interface ProvidedContext {
    url: string;
    ingestion: string;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  // pages under development, on a node that runs already: `npm run dev`, then PODIUM_PAGES=http://127.0.0.1:5173
  const pages = process.env["PODIUM_PAGES"];
  if (pages) {
    const told = (await (await fetch(`${pages}/ui/config.json`)).json()) as { ingestion: string };
    project.provide("url", pages);
    project.provide("ingestion", told.ingestion);
    return async () => {};
  }
  const podium = await Podium.start();
  project.provide("url", podium.url);
  project.provide("ingestion", podium.ingestion);
  return () => podium.stop();
}
