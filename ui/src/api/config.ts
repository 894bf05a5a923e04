/** What the node tells its pages. */
import { fetchJson } from "./client";

export interface UiConfig {
  /** Address of the ingestion service; null where there is none. */
  ingestion: string | null;
  version: string;
}

let asked: Promise<UiConfig> | undefined;

/** Asked once; a failure is asked again. */
export function uiConfig(): Promise<UiConfig> {
  asked ??= fetchJson<UiConfig>("/ui/config.json").catch((error: unknown) => {
    asked = undefined;
    throw error;
  });
  return asked;
}
