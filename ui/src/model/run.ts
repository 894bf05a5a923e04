/** One run as its page needs it: what the overview says, read defensively. Nothing here asks or draws. */

/** A task of a definition. Only what the pages read is named; the rest stays as it came. */
export interface DefinitionTask {
  name: string;
  taskReferenceName: string;
  type?: string | null;
  inputParameters?: Record<string, unknown> | null;
  decisionCases?: Record<string, DefinitionTask[]> | null;
  defaultCase?: DefinitionTask[] | null;
  forkTasks?: DefinitionTask[][] | null;
  joinOn?: string[] | null;
  loopOver?: DefinitionTask[] | null;
  loopCondition?: string | null;
  optional?: boolean | null;
  [member: string]: unknown;
}

export interface Definition {
  name: string;
  version?: number | null;
  tasks: DefinitionTask[];
  outputParameters?: Record<string, unknown> | null;
  [member: string]: unknown;
}

export interface RunHead {
  workflowId: string;
  workflowName: string;
  workflowVersion: number;
  status: string;
  startTime: number;
  endTime?: number | null;
  updateTime?: number | null;
  reasonForIncompletion?: string | null;
  correlationId?: string | null;
  parentWorkflowId?: string | null;
  parentWorkflowTaskId?: string | null;
  priority?: number | null;
  /** Grows with every change of the run. */
  version: number;
  inputSize?: number | null;
  outputSize?: number | null;
  failedReferenceTaskNames?: string[] | null;
  taskCount?: number | null;
}

/** One attempt of one task. Instants are milliseconds; absent or 0 is "not yet". */
export interface TaskRow {
  taskId: string;
  referenceTaskName: string;
  taskType: string;
  taskDefName: string;
  status: string;
  /** The retry count: 0 is the first attempt. */
  attempt: number;
  /** 0 outside of loops. */
  iteration: number;
  seq: number;
  scheduledTime: number;
  startTime: number;
  endTime: number;
  updateTime: number;
  workerId: string | null;
  reasonForIncompletion: string | null;
  subWorkflowId: string | null;
  /** The attempt that this one repeats. */
  retriedTaskId: string | null;
  /** It was repeated. */
  retried: boolean;
  pollCount: number;
  callbackAfterSeconds: number;
  /** Bytes of JSON. */
  inputSize: number;
  outputSize: number;
  /** The case that a SWITCH took. */
  caseOutput: string | null;
}

export interface Overview {
  workflow: RunHead;
  definition: Definition;
  /** In the order of their numbers. */
  tasks: readonly TaskRow[];
}

/** The overview as it comes: rows are arrays, so that 10,000 tasks stay small. */
export interface WireOverview {
  workflow: RunHead;
  definition?: Definition | null;
  tasks: { columns: readonly string[]; rows: readonly (readonly unknown[])[] };
  /** Present if only rows changed after that version are here. */
  since?: number | null;
}

const text = (value: unknown): string => (typeof value === "string" ? value : value === null || value === undefined ? "" : String(value));
const named = (value: unknown): string | null => (value === null || value === undefined || value === "" ? null : text(value));
const count = (value: unknown): number => (typeof value === "number" && Number.isFinite(value) ? value : 0);

/**
 * Reads an answer. Rows that say the same as before stay the same objects, so that what is drawn from them is not drawn again; a partial
 * answer is laid over what was known.
 */
export function readOverview(wire: WireOverview, before?: Overview): Overview {
  const place = new Map(wire.tasks.columns.map((name, at) => [name, at]));
  const known = new Map(before?.tasks.map((row) => [row.taskId, row]));
  const came = wire.tasks.rows.map((cells) => {
    const row = readRow((name) => cells[place.get(name) ?? -1]);
    const old = known.get(row.taskId);
    return old && same(old, row) ? old : row;
  });
  let tasks: TaskRow[] = came;
  if (wire.since !== null && wire.since !== undefined && before) {
    const all = new Map(known);
    for (const row of came) all.set(row.taskId, row);
    tasks = [...all.values()];
  }
  tasks.sort((a, b) => a.seq - b.seq || a.attempt - b.attempt);
  const definition = wire.definition ?? before?.definition ?? { name: wire.workflow.workflowName, tasks: [] };
  const unchanged =
    before !== undefined && before.tasks.length === tasks.length && tasks.every((row, at) => row === before.tasks[at]);
  return {
    workflow: wire.workflow,
    definition: before && JSON.stringify(before.definition) === JSON.stringify(definition) ? before.definition : definition,
    tasks: unchanged ? before.tasks : tasks,
  };
}

function readRow(cell: (name: string) => unknown): TaskRow {
  return {
    taskId: text(cell("taskId")),
    referenceTaskName: text(cell("referenceTaskName")),
    taskType: text(cell("taskType")),
    taskDefName: text(cell("taskDefName")),
    status: text(cell("status")),
    attempt: count(cell("attempt")),
    iteration: count(cell("iteration")),
    seq: count(cell("seq")),
    scheduledTime: count(cell("scheduledTime")),
    startTime: count(cell("startTime")),
    endTime: count(cell("endTime")),
    updateTime: count(cell("updateTime")),
    workerId: named(cell("workerId")),
    reasonForIncompletion: named(cell("reasonForIncompletion")),
    subWorkflowId: named(cell("subWorkflowId")),
    retriedTaskId: named(cell("retriedTaskId")),
    retried: cell("retried") === true,
    pollCount: count(cell("pollCount")),
    callbackAfterSeconds: count(cell("callbackAfterSeconds")),
    inputSize: count(cell("inputSize")),
    outputSize: count(cell("outputSize")),
    caseOutput: named(cell("caseOutput")),
  };
}

const COLUMNS = Object.keys(readRow(() => undefined)) as (keyof TaskRow)[];
const same = (a: TaskRow, b: TaskRow): boolean => COLUMNS.every((column) => a[column] === b[column]);

/** The name in the definition of a task that may stand in a loop: `charge__3` is `charge`. */
export const baseName = (reference: string): string => reference.replace(/(?:__\d+)+$/, "");

/** All attempts of one reference name, the first attempt first. */
export const attemptsOf = (tasks: readonly TaskRow[], reference: string): TaskRow[] =>
  tasks.filter((row) => row.referenceTaskName === reference);

/** The attempt that counts now: the latest. */
export const latest = (tasks: readonly TaskRow[], reference: string): TaskRow | undefined =>
  tasks.findLast((row) => row.referenceTaskName === reference);

/** All tasks of a definition, nested ones too, each once; an odd shape ends the walk there, not the page. */
export function definitionTasks(definition: Definition): DefinitionTask[] {
  const found: DefinitionTask[] = [];
  const walk = (list: unknown): void => {
    if (!Array.isArray(list)) return;
    for (const task of list as unknown[]) {
      if (Array.isArray(task)) {
        walk(task);
        continue;
      }
      if (typeof task !== "object" || task === null) continue;
      const here = task as DefinitionTask;
      found.push(here);
      walk(here.loopOver);
      walk(here.forkTasks);
      walk(here.defaultCase);
      if (typeof here.decisionCases === "object" && here.decisionCases !== null) Object.values(here.decisionCases).forEach(walk);
    }
  };
  walk(definition.tasks);
  return found;
}
