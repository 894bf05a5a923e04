/** The one way to the ingestion service. */
import { ApiFailure, fetchJson } from "./client";
import { uiConfig } from "./config";

/** Nobody was asked, so nobody is away. */
const NOBODY = "";

/** Where it is. Throws if this node has none. */
export async function ingestion(): Promise<string> {
  const { ingestion: base } = await uiConfig();
  if (!base) throw new ApiFailure("This node has no ingestion service.", 0, [], NOBODY);
  return base.replace(/\/$/, "");
}

/** Its answer as JSON, or its failure in its own words. */
export async function askIngestion<T>(path: string, init?: RequestInit): Promise<T> {
  return fetchJson<T>(`${await ingestion()}${path}`, init);
}
