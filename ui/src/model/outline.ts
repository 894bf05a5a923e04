/** The tasks of a run as people think of them: one branch for all attempts of a task, loops by iteration, child runs in place. */
import { definitionTasks, type Definition, type Overview, type TaskRow } from "./run";
import { taskStatus } from "./status";

export interface Branch {
  /** Unique on the page, also when a run stands in itself. */
  readonly key: string;
  readonly kind: "task" | "iteration";
  /** The run that the task belongs to. */
  readonly runId: string;
  /** Whether that is the run of the page, not one that was opened in place. */
  readonly own: boolean;
  readonly label: string;
  /** Empty for an iteration. */
  readonly reference: string;
  /** First attempt first; empty for an iteration. */
  readonly attempts: readonly TaskRow[];
  readonly children: readonly Branch[];
  /** The run that a sub-workflow task started, which may be opened in place. */
  readonly childRun: string | null;
}

/** A branch where it stands in the list of what is shown. */
export interface Shown {
  readonly branch: Branch;
  readonly depth: number;
  /** Absent: it has nothing to fold. */
  readonly open: boolean | undefined;
  readonly position: number;
  readonly siblings: number;
}

interface Loops {
  /** Name in a loop's body to the name of that loop. */
  readonly of: ReadonlyMap<string, string>;
  readonly all: readonly string[];
}

function loopsOf(definition: Definition): Loops {
  const of = new Map<string, string>();
  const all: string[] = [];
  for (const task of definitionTasks(definition)) {
    if (!Array.isArray(task.loopOver) || task.loopOver.length === 0) continue;
    all.push(task.taskReferenceName);
    // outer loops come first, so that the innermost has the last word
    for (const inner of definitionTasks({ name: "", tasks: task.loopOver })) of.set(inner.taskReferenceName, task.taskReferenceName);
  }
  return { of, all };
}

/** `ask__2__7` in the seventh round of the loop `rounds__2`. */
function within(row: TaskRow, loops: Loops): { loop: string; iteration: number } | undefined {
  const parts = /^(.*)__(\d+)$/.exec(row.referenceTaskName);
  if (row.iteration <= 0 || !parts) return undefined;
  const [, before = "", last = ""] = parts;
  const base = before.replace(/(?:__\d+)+$/, "");
  // a task that a dynamic fork made has no place in the definition: with one loop there is no doubt
  const loop = loops.of.get(before) ?? loops.of.get(base) ?? (loops.all.length === 1 ? loops.all[0] : undefined);
  if (loop === undefined) return undefined;
  return { loop: loops.of.has(before) ? loop : loop + before.slice(base.length), iteration: Number(last) };
}

interface Growing {
  reference: string;
  attempts: TaskRow[];
  iterations: Map<number, Growing[]> | undefined;
}

/** The branches of a run. `opened` has the overviews of child runs that were opened in place. */
export function outline(overview: Overview, opened: ReadonlyMap<string, Overview> = new Map(), prefix = ""): Branch[] {
  const loops = loopsOf(overview.definition);
  const found = new Map<string, Growing>();
  const top: Growing[] = [];
  const known = new Set(overview.tasks.map((row) => row.referenceTaskName));
  const grow = (reference: string): Growing => {
    let one = found.get(reference);
    if (!one) {
      one = { reference, attempts: [], iterations: undefined };
      found.set(reference, one);
    }
    return one;
  };
  const placed = new Set<string>();
  for (const row of overview.tasks) {
    const reference = row.referenceTaskName;
    const one = grow(reference);
    one.attempts.push(row);
    if (placed.has(reference)) continue;
    placed.add(reference);
    const place = within(row, loops);
    const loop = place && known.has(place.loop) && place.loop !== reference ? grow(place.loop) : undefined;
    if (!place || !loop) {
      top.push(one);
      continue;
    }
    loop.iterations ??= new Map();
    const round = loop.iterations.get(place.iteration);
    if (round) round.push(one);
    else loop.iterations.set(place.iteration, [one]);
  }
  const runId = overview.workflow.workflowId;
  const own = prefix === "";
  const finish = (one: Growing): Branch => {
    const key = `${prefix}${one.reference}`;
    const childRun = one.attempts.findLast((row) => row.subWorkflowId !== null)?.subWorkflowId ?? null;
    const child = childRun === null ? undefined : opened.get(childRun);
    const rounds = [...(one.iterations ?? [])].sort(([a], [b]) => a - b);
    const children = rounds.length
      ? rounds.map(([n, inside]): Branch => ({
          key: `${key}#${n}`,
          kind: "iteration",
          runId,
          own,
          label: `Iteration ${n}`,
          reference: "",
          attempts: [],
          children: inside.map(finish),
          childRun: null,
        }))
      : child
        ? outline(child, opened, `${key}>`)
        : [];
    return { key, kind: "task", runId, own, label: one.reference, reference: one.reference, attempts: one.attempts, children, childRun };
  };
  return top.map(finish);
}

/** Loops are open; of their iterations the last one and those with a failure; child runs are opened by hand. */
function usuallyOpen(branch: Branch, last: boolean): boolean {
  if (branch.childRun !== null) return false;
  return branch.kind === "task" || last || branch.children.some((each) => each.attempts.some((row) => taskStatus(row.status).tone === "bad"));
}

/** What is shown from top to bottom. `folds` says by key what a person opened or folded; the others are as usual. */
export function shown(branches: readonly Branch[], folds: ReadonlyMap<string, boolean>): Shown[] {
  const lines: Shown[] = [];
  const walk = (list: readonly Branch[], depth: number): void => {
    list.forEach((branch, at) => {
      const foldable = branch.children.length > 0 || branch.childRun !== null;
      const open = foldable ? (folds.get(branch.key) ?? usuallyOpen(branch, at === list.length - 1)) : undefined;
      lines.push({ branch, depth, open, position: at + 1, siblings: list.length });
      if (open) walk(branch.children, depth + 1);
    });
  };
  walk(branches, 0);
  return lines;
}

/** The branches above a task of the page's own run, outermost first; undefined if it is not there. */
export function above(branches: readonly Branch[], reference: string): Branch[] | undefined {
  for (const branch of branches) {
    if (!branch.own) continue;
    if (branch.reference === reference) return [];
    const inside = above(branch.children, reference);
    if (inside) return [branch, ...inside];
  }
  return undefined;
}

/** All rows below and in a branch. */
export function rowsOf(branch: Branch): TaskRow[] {
  return branch.children.length === 0 ? [...branch.attempts] : [...branch.attempts, ...branch.children.flatMap(rowsOf)];
}

/** What a branch says of itself at first sight: of a task its latest attempt, of an iteration the worst that is in it. */
export function standing(branch: Branch): string {
  if (branch.kind === "task") return branch.attempts.at(-1)?.status ?? "";
  const ends = branch.children.map(standing);
  return (
    ends.find((status) => taskStatus(status).tone === "bad") ?? ends.find((status) => !taskStatus(status).ended) ?? ends.at(-1) ?? ""
  );
}
