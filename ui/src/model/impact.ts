/** What an operation would do to a run, and how to say it. */
import type { Overview, TaskRow } from "./run";
import { NAMES, runStatus, taskStatus, type Status, type Verb } from "./status";

export interface ImpactTask {
  taskId?: string | undefined;
  referenceTaskName: string;
  taskType: string;
  /** As it is now; of those that run again, as it would be. */
  status: string;
  iteration: number;
  retryCount: number;
}
/** The server's own preview has this form; where it has none, the same is made of what the run is. */
export interface Impact {
  /** The run that it is about in truth: perhaps a sub-workflow. */
  workflowId: string;
  statusBefore: string;
  statusAfter: string;
  kept: readonly ImpactTask[];
  reset: readonly ImpactTask[];
  runAgain: readonly ImpactTask[];
  cancelled: readonly ImpactTask[];
  workflows: readonly { workflowId?: string | undefined; change: string }[];
  /** What else follows, in sentences. */
  notes?: readonly string[];
}

/** What is to be done, and how. Only what the verb needs counts. */
export interface Choices {
  /** The failed sub-workflow goes on, instead of a new one. */
  resumeChildren: boolean;
  latestDefinition: boolean;
  reason: string;
  /** False: deleted for good, in any state. */
  archive: boolean;
  /** Of a task that is completed by hand. */
  status: string;
  task: { taskId?: string | undefined; referenceTaskName: string } | undefined;
}

const line = (row: TaskRow): ImpactTask => ({
  taskId: row.taskId,
  referenceTaskName: row.referenceTaskName,
  taskType: row.taskType,
  status: row.status,
  iteration: row.iteration,
  retryCount: row.attempt,
});

const open = (row: TaskRow): boolean => !taskStatus(row.status).ended;

/** What verbs do for which the server has no preview, from what the run is now. */
export function foreseen(verb: Verb, { workflow, tasks }: Overview, choices: Choices): Impact {
  const going = tasks.filter(open);
  const children = going.flatMap((row) => (row.subWorkflowId ? [{ workflowId: row.subWorkflowId, change: "ENDED" }] : []));
  const parent = workflow.parentWorkflowId ? [{ workflowId: workflow.parentWorkflowId, change: "TOLD" }] : [];
  const nothing: Impact = {
    workflowId: workflow.workflowId,
    statusBefore: workflow.status,
    statusAfter: workflow.status,
    kept: [],
    reset: [],
    runAgain: [],
    cancelled: [],
    workflows: [],
  };
  switch (verb) {
    case "pause":
      return {
        ...nothing,
        statusAfter: NAMES.paused,
        kept: going.map(line),
        notes: ["Nothing new begins until it is resumed. Workers that hold a task may still report it."],
      };
    case "resume":
      return { ...nothing, statusAfter: NAMES.running, kept: going.map(line), notes: ["It goes on where it was paused."] };
    case "terminate":
      return {
        ...nothing,
        statusAfter: NAMES.terminated,
        kept: tasks.filter((row) => !open(row) && !row.retried).map(line),
        cancelled: going.map(line),
        workflows: [...children, ...parent],
        notes: ["It can be retried, rerun or restarted later. What tasks did outside is not undone."],
      };
    case "complete":
      return {
        ...nothing,
        notes: [
          `“${choices.task?.referenceTaskName ?? ""}” becomes ${taskStatus(choices.status).label.toLowerCase()}.`,
          choices.status === NAMES.completed
            ? "The run goes on with the given output as if a worker had reported it. A worker that holds the task reports it too late."
            : "The run treats this as a worker's own report: by its definition the task is retried, or the run fails.",
        ],
      };
    case "remove":
      return {
        ...nothing,
        cancelled: choices.archive ? [] : going.map(line),
        workflows: choices.archive ? [] : children,
        notes: choices.archive
          ? ["It is archived: searches still find it, but nothing can be done with it any more."]
          : [`It is deleted with its ${tasks.length.toLocaleString("en")} tasks and their logs. This cannot be undone.`],
      };
    case "retry":
    case "rerun":
    case "restart":
    case "skip":
      return nothing;
  }
}

/** Why the run, as it is now, cannot be treated so; the server has the last word. */
export function obstacle(verb: Verb, { workflow, tasks }: Overview, choices: Choices): string | undefined {
  const status = runStatus(workflow.status);
  if (verb === "complete") {
    const row = tasks.find((each) => each.taskId === choices.task?.taskId);
    if (!row) return "The run has no such task.";
    if (!open(row)) return `The task has ended: it is ${taskStatus(row.status).label.toLowerCase()}.`;
  }
  if (verb === "pause" && workflow.status === NAMES.paused) return "It is paused already.";
  if (verb === "pause" && status.ended) return `It has ended: it is ${status.label.toLowerCase()}.`;
  if (verb === "resume" && workflow.status !== NAMES.paused) return `It is not paused: it is ${status.label.toLowerCase()}.`;
  if (verb === "terminate" && workflow.status === NAMES.completed) return "It is completed, and stays so.";
  if (verb === "remove" && choices.archive && !status.ended) return "It has not ended: terminate it first, or delete it for good.";
  return undefined;
}

const tasks = (count: number): string => `${count.toLocaleString("en")} ${count === 1 ? "task" : "tasks"}`;

/** The words of the button: what it does, in numbers. */
export function deed(verb: Verb, impact: Impact, choices: Choices): string {
  const name = choices.task ? ` “${choices.task.referenceTaskName}”` : "";
  switch (verb) {
    case "retry":
      return `Retry: run ${tasks(impact.runAgain.length)} again`;
    case "rerun":
      return `Rerun${name ? ` from${name}` : ""}: reset ${tasks(impact.reset.length)}`;
    case "restart":
      return `Restart: discard ${tasks(impact.reset.length)} and begin again`;
    case "skip":
      return `Skip${name}`;
    case "pause":
      return "Pause: begin nothing new";
    case "resume":
      return `Resume: go on with ${tasks(impact.kept.length)}`;
    case "terminate":
      return `Terminate: cancel ${tasks(impact.cancelled.length)}`;
    case "complete":
      return `Report${name} as ${taskStatus(choices.status).label.toLowerCase()}`;
    case "remove":
      return choices.archive ? "Archive this run" : "Delete this run for good";
  }
}

export const TITLES: Readonly<Record<Verb, string>> = {
  retry: "Retry the run",
  rerun: "Rerun the run",
  restart: "Restart the run",
  skip: "Skip a task",
  pause: "Pause the run",
  resume: "Resume the run",
  terminate: "Terminate the run",
  complete: "Complete a task by hand",
  remove: "Remove the run",
};
/** Past tense, for the notice afterwards. */
export const DONE: Readonly<Record<Verb, string>> = {
  retry: "The run is retried.",
  rerun: "The run is rerun.",
  restart: "The run begins again.",
  skip: "The task will be passed over.",
  pause: "The run is paused.",
  resume: "The run goes on.",
  terminate: "The run is terminated.",
  complete: "The task is reported.",
  remove: "The run is removed.",
};
/** Those whose effect cannot simply be taken back. */
export const GRAVE: ReadonlySet<Verb> = new Set(["terminate", "remove", "restart"]);

const CHANGES: Readonly<Record<string, string>> = {
  STARTED: "is started anew",
  RETRIED: "is retried",
  REOPENED: "is opened again",
  ENDED: "is terminated",
  TOLD: "is told, as its parent",
};
export const changeText = (change: string): string => CHANGES[change] ?? change.toLowerCase();

/** Whether two previews say the same. Tasks that are not there yet have no ids, so the texts compare. */
export const sameImpact = (a: Impact, b: Impact): boolean => JSON.stringify(a) === JSON.stringify(b);

/** Verbs for a run, in the order of its status, and why others may not be used now. */
export function verbsOfRun(status: Status): readonly { verb: Verb; disabled: string | undefined }[] {
  return (Object.keys(TITLES) as Verb[])
    .filter((verb) => verb !== "complete" && verb !== "skip")
    .map((verb) => ({ verb, disabled: status.verbs.includes(verb) ? undefined : `the run is ${status.label.toLowerCase()}` }));
}

/** Verbs for one task of it: what may be done depends on both. A task that was not reached has no status. */
export function verbsOfTask(run: Status, task: Status): readonly { verb: Verb; disabled: string | undefined }[] {
  const reached = task.name !== "";
  const is = (status: Status) => status.label.toLowerCase();
  return [
    {
      verb: "rerun",
      disabled: !reached ? "it was not reached" : run.verbs.includes("rerun") ? undefined : `the run is ${is(run)}: it must have ended`,
    },
    { verb: "retry", disabled: run.verbs.includes("retry") ? undefined : `the run is ${is(run)}` },
    { verb: "skip", disabled: reached ? "it was reached already" : run.verbs.includes("skip") ? undefined : `the run is ${is(run)}` },
    {
      verb: "complete",
      disabled: !reached ? "it was not reached" : task.ended ? `it is ${is(task)}` : run.ended ? `the run is ${is(run)}` : undefined,
    },
  ];
}
