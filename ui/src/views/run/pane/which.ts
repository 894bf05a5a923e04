/** Which attempt is looked at, and which others it can be compared with. */
import { baseName, type Overview, type TaskRow } from "../../../model/run";
import { taskStatus } from "../../../model/status";
import type { Selection } from "../selection";

export interface Looked {
  row: TaskRow;
  /** All attempts of the same reference, first attempt first. */
  attempts: readonly TaskRow[];
  /** The latest attempt of the same task in each iteration of its loop; empty outside of loops. */
  iterations: readonly TaskRow[];
}

/** A name without the number of a round, as in the definition, means the round that matters most: failed before under way before done. */
function round(tasks: readonly TaskRow[], name: string | undefined): TaskRow | undefined {
  const rounds = tasks.filter((each) => !each.retried && each.referenceTaskName !== name && baseName(each.referenceTaskName) === name);
  const failed = rounds.findLast((each) => taskStatus(each.status).tone === "bad");
  return failed ?? rounds.findLast((each) => !taskStatus(each.status).ended) ?? rounds.at(-1);
}

/** What the selection means in this run; undefined if there is no such task (yet). */
export function looked(overview: Overview, selection: Pick<Selection, "task" | "attempt">): Looked | undefined {
  const { tasks } = overview;
  const byId = selection.attempt === undefined ? undefined : tasks.find((row) => row.taskId === selection.attempt);
  const row = byId ?? tasks.findLast((each) => each.referenceTaskName === selection.task) ?? round(tasks, selection.task);
  if (!row) return undefined;
  const attempts = tasks.filter((each) => each.referenceTaskName === row.referenceTaskName);
  const rounds = new Map<string, TaskRow>();
  if (row.iteration > 0 && row.referenceTaskName.endsWith(`__${row.iteration}`)) {
    // only the last number tells the iteration: in a loop within a loop the others tell the round of the outer one
    const stem = row.referenceTaskName.replace(/__\d+$/, "");
    for (const each of tasks) {
      if (each.iteration > 0 && each.referenceTaskName === `${stem}__${each.iteration}`) rounds.set(each.referenceTaskName, each);
    }
  }
  return { row, attempts, iterations: [...rounds.values()].sort((a, b) => a.iteration - b.iteration) };
}

/** What an attempt says of its age: when this changes, it is asked for again. */
export const stamp = (row: TaskRow): string => `${row.status} ${row.updateTime} ${row.endTime} ${row.pollCount} ${row.outputSize}`;

/** The task that an expression means, seen from another: in a loop that of the same iteration. */
export function meant(overview: Overview, from: TaskRow, reference: string): string | undefined {
  const known = new Set(overview.tasks.map((row) => row.referenceTaskName));
  const numbers = from.referenceTaskName.slice(baseName(from.referenceTaskName).length);
  return [`${reference}${numbers}`, reference].find((name) => known.has(name));
}
