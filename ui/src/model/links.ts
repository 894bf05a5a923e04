/** Every address of the pages, in one place. Parameters that are empty are left out, so equal views have equal addresses. */

export type RunView = "diagram" | "timeline" | "tasks" | "json" | "account";
export interface RunSelection {
  view?: RunView | "" | undefined;
  /** Reference name of the selected task. */
  task?: string | undefined;
  /** The attempt of it, by task id. */
  attempt?: string | undefined;
  /** What the pane beside it shows. */
  pane?: string | undefined;
  /** The stretch of the timeline that is shown. */
  zoom?: string | undefined;
  /** The child run, opened in place, that the selected task belongs to. */
  run?: string | undefined;
  /** What the list of tasks is narrowed to, and how it is sorted. */
  find?: string | undefined;
  status?: string | undefined;
  sort?: string | undefined;
}

/** A list is there as often as it has members. */
type Value = string | number | readonly string[] | undefined;

function address(path: string, parameters: Readonly<Record<string, Value>> = {}): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (typeof value === "object") for (const each of value) query.append(name, each);
    else if (value !== undefined && value !== "") query.set(name, String(value));
  }
  const text = query.toString();
  return text ? `${path}?${text}` : path;
}

const part = encodeURIComponent;

export const links = {
  runs: (filter: Readonly<Record<string, string | undefined>> = {}) => address("/", filter),
  run: (id: string, selection: RunSelection = {}, folds: Readonly<Record<string, readonly string[]>> = {}) =>
    address(`/runs/${part(id)}`, { ...selection, ...folds }),
  definitions: (tab?: string, filter?: string) => address("/definitions", { tab, filter }),
  definition: (name: string, version?: number, tab?: string) => address(`/definitions/${part(name)}`, { version, tab }),
  designer: (name?: string, version?: number) => address("/designer", { name, version }),
  queues: (queue?: string) => address("/queues", { queue }),
  events: (tab?: string, handler?: string) => address("/events", { tab, handler }),
  pipeline: (tab?: string) => address("/pipeline", { tab }),
  plots: (workflowType?: string) => address("/plots", { workflowType }),
} as const;
