/** The tasks of a run by the place of the definition that they belong to: reference, iteration, attempts. */
import type { TaskRow } from "./run";
import type { Item, Tree } from "./structure";

/** All attempts of one reference name in one iteration. */
export interface Entry {
  /** As the run names it, with the number of the iteration. */
  readonly ref: string;
  /** As the definition names it. */
  readonly base: string;
  readonly iteration: number;
  readonly attempts: TaskRow[];
}

export interface RunIndex {
  /** Entries by name in the definition, then by iteration (0 outside of loops). */
  readonly entries: ReadonlyMap<string, ReadonlyMap<number, Entry>>;
  /** Branches of the dynamic forks, in the order in which they were scheduled, by [`forkKey`]. */
  readonly branches: ReadonlyMap<string, readonly Entry[]>;
  /** Where a branch of a dynamic fork belongs to: its reference to the key of `branches`. */
  readonly home: ReadonlyMap<string, string>;
  /** Tasks that neither the definition nor a dynamic fork explains. */
  readonly loose: readonly Entry[];
}

export const latestOf = (entry: Entry): TaskRow | undefined => entry.attempts.at(-1);
export const forkKey = (ref: string, iteration: number): string => `${ref}@${iteration}`;

/**
 * The name in the definition, and the iteration that the task stands in: `charge__3` is `charge` in iteration 3, unless the definition
 * itself says `charge__3`. The row of a loop counts its own iterations, so the one that it stands in is read off its name.
 */
export function placeOf(row: Pick<TaskRow, "referenceTaskName" | "iteration">, tree: Tree): { base: string; iteration: number } {
  const name = row.referenceTaskName;
  const cut = /^(.+)__(\d+)$/s.exec(name);
  const [base, number] = [cut?.[1] ?? name, Number(cut?.[2] ?? 0)];
  if (tree.byRef.get(name)?.kind === "loop") return { base: name, iteration: 0 };
  if (cut && tree.byRef.get(base)?.kind === "loop") return { base, iteration: number };
  if (row.iteration <= 0 || number !== row.iteration) return { base: name, iteration: row.iteration };
  return !tree.byRef.has(base) && tree.byRef.has(name) ? { base: name, iteration: row.iteration } : { base, iteration: row.iteration };
}

const known = new WeakMap<readonly TaskRow[], { tree: Tree; index: RunIndex }>();
/** The index, once per list of tasks. */
export function indexOf(tree: Tree, tasks: readonly TaskRow[]): RunIndex {
  const before = known.get(tasks);
  if (before?.tree === tree) return before.index;
  const index = indexRun(tree, tasks);
  known.set(tasks, { tree, index });
  return index;
}

/** `tasks` in the order of their numbers. */
export function indexRun(tree: Tree, tasks: readonly TaskRow[]): RunIndex {
  const entries = new Map<string, Map<number, Entry>>();
  const branches = new Map<string, Entry[]>();
  const places = new Map<string, Map<string, number>>();
  const home = new Map<string, string>();
  const loose: Entry[] = [];
  // dynamic forks met so far: a task that the definition does not know came from the last of its iteration
  let last: string | undefined;
  const lastIn = new Map<number, string>();

  for (const row of tasks) {
    const { base, iteration } = placeOf(row, tree);
    const iterations = entries.get(base) ?? new Map<number, Entry>();
    entries.set(base, iterations);
    const entry = iterations.get(iteration);
    if (entry) {
      entry.attempts.push(row);
      continue;
    }
    const fresh: Entry = { ref: row.referenceTaskName, base, iteration, attempts: [row] };
    iterations.set(iteration, fresh);
    const item = tree.byRef.get(base);
    if (item) {
      if (item.kind !== "dynamicFork") continue;
      last = forkKey(item.ref, iteration);
      lastIn.set(iteration, last);
      continue;
    }
    const fork = lastIn.get(iteration) ?? last;
    if (fork === undefined) {
      loose.push(fresh);
      continue;
    }
    home.set(fresh.ref, fork);
    const list = branches.get(fork) ?? [];
    const place = places.get(fork) ?? new Map<string, number>();
    branches.set(fork, list);
    places.set(fork, place);
    // a loop within a branch: the same task of a later iteration takes the place of the earlier one
    const at = place.get(base);
    if (at === undefined) place.set(base, list.push(fresh) - 1);
    else list[at] = fresh;
  }
  return { entries, branches, home, loose };
}

/** The highest iteration that a loop has reached; 0 if it has not begun. `within` is the iteration that the loop itself stands in. */
export function lastIteration(index: RunIndex, loop: Item, within: number): number {
  const entry = index.entries.get(loop.ref)?.get(within);
  let highest = entry ? (latestOf(entry)?.iteration ?? 0) : 0;
  for (const item of loop.branches[0]?.items ?? []) {
    for (const iteration of index.entries.get(item.ref)?.keys() ?? []) highest = Math.max(highest, iteration);
  }
  return highest;
}
