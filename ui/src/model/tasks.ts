/** The list of tasks, narrowed and sorted. */
import type { TaskRow } from "./run";

export const SORTS = ["name", "type", "status", "scheduled", "queued", "lasted", "worker"] as const;
export type Sort = (typeof SORTS)[number];

export interface Filter {
  find: string | undefined;
  status: string | undefined;
  /** A column, with `-` before it downwards. */
  sort: string | undefined;
}

/** Nothing is asked for: the list is shown as it happened, by iterations. */
export const plain = (filter: Filter): boolean => !filter.find && !filter.status && !sortOf(filter.sort);

export function sortOf(text: string | undefined): { by: Sort; down: boolean } | undefined {
  const by = SORTS.find((each) => each === text?.replace(/^-/, ""));
  return by && { by, down: text?.startsWith("-") ?? false };
}

/** How long it waited in a queue; of one that still waits, until now. */
export const queuedFor = (row: TaskRow, present: number): number =>
  row.scheduledTime === 0 ? 0 : Math.max(0, (row.startTime || row.endTime || present) - row.scheduledTime);

/** How long it was worked on; of one that goes on, until now. */
export const lastedFor = (row: TaskRow, present: number): number =>
  row.startTime === 0 ? 0 : Math.max(0, (row.endTime || present) - row.startTime);

export function narrowed(tasks: readonly TaskRow[], filter: Filter, present: number): TaskRow[] {
  const find = filter.find?.toLowerCase();
  const found = tasks.filter(
    (row) =>
      (!filter.status || row.status === filter.status) &&
      (!find ||
        [row.referenceTaskName, row.taskType, row.taskDefName, row.workerId, row.reasonForIncompletion, row.taskId].some((text) =>
          text?.toLowerCase().includes(find),
        )),
  );
  const sort = sortOf(filter.sort);
  if (!sort) return found;
  const value: Record<Sort, (row: TaskRow) => string | number> = {
    name: (row) => row.referenceTaskName,
    type: (row) => row.taskType,
    status: (row) => row.status,
    scheduled: (row) => row.scheduledTime,
    queued: (row) => queuedFor(row, present),
    lasted: (row) => lastedFor(row, present),
    worker: (row) => row.workerId ?? "",
  };
  const of = value[sort.by];
  const way = sort.down ? -1 : 1;
  // equal ones stay as they happened
  return found.sort((a, b) => {
    const [x, y] = [of(a), of(b)];
    return way * (typeof x === "string" && typeof y === "string" ? words.compare(x, y) : Number(x) - Number(y)) || a.seq - b.seq;
  });
}

/** `part_2` comes before `part_10`. */
const words = new Intl.Collator("en", { numeric: true });

/** How many tasks have each status. */
export function counts(tasks: readonly TaskRow[]): Map<string, number> {
  const found = new Map<string, number>();
  for (const row of tasks) found.set(row.status, (found.get(row.status) ?? 0) + 1);
  return found;
}
