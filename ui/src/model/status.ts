/** The one table of statuses: what each is called, how it looks and what may be done. No status literal elsewhere. */

/** Colour token; the shape says the same to whoever does not see the colour. */
export type Tone = "wait" | "run" | "good" | "warn" | "bad" | "mute";
export type Shape = "circle" | "ring" | "check" | "cross" | "pause" | "clock" | "square" | "dash" | "diamond" | "question";
export type Verb = "retry" | "rerun" | "restart" | "skip" | "pause" | "resume" | "terminate" | "complete" | "remove";

export interface Status {
  readonly name: string;
  readonly label: string;
  readonly tone: Tone;
  readonly shape: Shape;
  /** It will not change by itself any more. */
  readonly ended: boolean;
  /** What an operator may do; the server has the last word. */
  readonly verbs: readonly Verb[];
}

const status = (
  name: string,
  label: string,
  tone: Tone,
  shape: Shape,
  ended: boolean,
  verbs: readonly Verb[],
): [string, Status] => [name, { name, label, tone, shape, ended, verbs }];

const RUN = new Map([
  status("RUNNING", "Running", "run", "ring", false, ["pause", "terminate", "skip", "complete"]),
  status("PAUSED", "Paused", "warn", "pause", false, ["resume", "terminate"]),
  status("COMPLETED", "Completed", "good", "check", true, ["restart", "rerun", "remove"]),
  status("FAILED", "Failed", "bad", "cross", true, ["retry", "rerun", "restart", "remove"]),
  status("TIMED_OUT", "Timed out", "bad", "clock", true, ["retry", "rerun", "restart", "remove"]),
  status("TERMINATED", "Terminated", "mute", "square", true, ["retry", "rerun", "restart", "remove"]),
]);

const TASK = new Map([
  status("SCHEDULED", "Scheduled", "wait", "circle", false, ["skip", "complete"]),
  status("IN_PROGRESS", "In progress", "run", "ring", false, ["complete"]),
  status("COMPLETED", "Completed", "good", "check", true, ["rerun"]),
  status("COMPLETED_WITH_ERRORS", "Completed with errors", "warn", "diamond", true, ["rerun"]),
  status("FAILED", "Failed", "bad", "cross", true, ["retry", "rerun"]),
  status("FAILED_WITH_TERMINAL_ERROR", "Failed for good", "bad", "cross", true, ["retry", "rerun"]),
  status("TIMED_OUT", "Timed out", "bad", "clock", true, ["retry", "rerun"]),
  status("CANCELED", "Canceled", "mute", "square", true, ["retry", "rerun"]),
  status("SKIPPED", "Skipped", "mute", "dash", true, ["rerun"]),
]);

/** A status that this page does not know is shown by its own name, not hidden. */
const unknown = (name: string): Status => ({ name, label: name || "Unknown", tone: "mute", shape: "question", ended: false, verbs: [] });

export const runStatus = (name: string | null | undefined): Status => RUN.get(name ?? "") ?? unknown(name ?? "");
export const taskStatus = (name: string | null | undefined): Status => TASK.get(name ?? "") ?? unknown(name ?? "");

/** In the order in which people ask for them. */
export const RUN_STATUSES: readonly Status[] = [...RUN.values()];
export const TASK_STATUSES: readonly Status[] = [...TASK.values()];
/** Of a task that is not there yet. */
export const NOT_REACHED: Status = { name: "", label: "Not reached", tone: "mute", shape: "circle", ended: false, verbs: [] };
/** What may be reported of a task by hand. */
export const REPORTABLE: readonly Status[] = ["COMPLETED", "FAILED", "FAILED_WITH_TERMINAL_ERROR", "CANCELED"].map(taskStatus);
/** Statuses that operations lead to, for comparisons. */
export const NAMES = { completed: "COMPLETED", paused: "PAUSED", running: "RUNNING", terminated: "TERMINATED", skipped: "SKIPPED" } as const;
