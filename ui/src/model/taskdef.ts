/** Definitions of tasks: what they promise in words, and the one description of their form. */
import { duration } from "./duration";

/** The document that the form and the JSON view show. A field that was typed wrongly holds its text. */
export type TaskDoc = Readonly<Record<string, unknown>>;

export type FieldKind = "text" | "area" | "whole" | "choice" | "lines" | "json" | "flag";
export interface TaskField {
  readonly name: string;
  readonly label: string;
  readonly group: string;
  readonly kind: FieldKind;
  readonly help?: string;
  readonly choices?: readonly { value: string; label: string }[];
}

const field = (group: string, name: string, label: string, kind: FieldKind, help?: string, choices?: TaskField["choices"]): TaskField => ({
  name,
  label,
  group,
  kind,
  ...(help ? { help } : {}),
  ...(choices ? { choices } : {}),
});

export const RETRY_LOGICS = [
  { value: "FIXED", label: "Always the same delay" },
  { value: "LINEAR_BACKOFF", label: "Grows with each attempt" },
  { value: "EXPONENTIAL_BACKOFF", label: "Doubles with each attempt" },
] as const;
export const TIMEOUT_POLICIES = [
  { value: "TIME_OUT_WF", label: "End the run" },
  { value: "RETRY", label: "Try the task again" },
  { value: "ALERT_ONLY", label: "Only count it" },
] as const;

export const TASK_FIELDS: readonly TaskField[] = [
  field("What it is", "name", "Name", "text", "Workers poll for it."),
  field("What it is", "ownerEmail", "Owner", "text", "An e-mail address."),
  field("What it is", "description", "Description", "area"),
  field("Retries", "retryCount", "Retries", "whole", "After the first attempt."),
  field("Retries", "retryLogic", "Delay between them", "choice", undefined, RETRY_LOGICS),
  field("Retries", "retryDelaySeconds", "First delay (s)", "whole"),
  field("Retries", "backoffScaleFactor", "Growth factor", "whole", "For delays that grow evenly."),
  field("Retries", "maxRetryDelaySeconds", "Longest delay (s)", "whole", "0: no bound."),
  field("Retries", "backoffJitterMs", "Jitter (ms)", "whole", "At most so much is added by chance."),
  field("Time-outs", "responseTimeoutSeconds", "Worker must report within (s)", "whole", "Else another worker gets the task."),
  field("Time-outs", "timeoutSeconds", "Whole attempt within (s)", "whole", "0: no bound."),
  field("Time-outs", "timeoutPolicy", "If the attempt takes longer", "choice", undefined, TIMEOUT_POLICIES),
  field("Time-outs", "pollTimeoutSeconds", "Taken by a worker within (s)", "whole", "0: no bound."),
  field("Time-outs", "totalTimeoutSeconds", "All attempts within (s)", "whole", "0: no bound."),
  field("Limits", "concurrentExecLimit", "At the same time", "whole", "0: no bound."),
  field("Limits", "rateLimitPerFrequency", "Starts per window", "whole", "0: no bound."),
  field("Limits", "rateLimitFrequencyInSeconds", "Window (s)", "whole"),
  field("Limits", "isolationGroupId", "Isolation group", "text"),
  field("Limits", "executionNameSpace", "Execution name space", "text"),
  field("Input and output", "inputKeys", "Input keys", "lines", "One a line."),
  field("Input and output", "outputKeys", "Output keys", "lines", "One a line."),
  field("Input and output", "inputTemplate", "Input template", "json", "Values that every task of this name gets, unless its workflow sets them."),
  field("Input and output", "inputSchema", "Input schema", "json"),
  field("Input and output", "outputSchema", "Output schema", "json"),
  field("Input and output", "enforceSchema", "Refuse what does not match the schemas", "flag"),
];
export const TASK_GROUPS: readonly string[] = [...new Set(TASK_FIELDS.map((each) => each.group))];

/** What the server begins with, so that a new one says what it will do. */
export const NEW_TASK: TaskDoc = {
  name: "",
  ownerEmail: "",
  retryCount: 3,
  retryLogic: "FIXED",
  retryDelaySeconds: 60,
  responseTimeoutSeconds: 600,
  timeoutSeconds: 3_600,
  timeoutPolicy: "TIME_OUT_WF",
};

/** The text that a field shows. */
export function fieldText(each: TaskField, value: unknown): string {
  if (value === null || value === undefined) return "";
  if (each.kind === "lines" && Array.isArray(value)) return value.join("\n");
  return typeof value === "string" ? value : JSON.stringify(value, null, 2);
}

/** The document with what was typed into a field; nothing typed is nothing said. */
export function withField(doc: TaskDoc, each: TaskField, text: string): TaskDoc {
  const next: Record<string, unknown> = { ...doc };
  if (text === "" && each.name !== "name") delete next[each.name];
  else if (each.kind === "whole") next[each.name] = /^-?\d+$/.test(text.trim()) ? Number(text) : text;
  else if (each.kind === "lines") next[each.name] = text.split("\n");
  else if (each.kind === "json") next[each.name] = parsed(text);
  else next[each.name] = text;
  return next;
}

/** A text that is no JSON (yet) stays a text. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

/** What can be seen to be wrong without asking, by field. The server has the last word. */
export function taskFaults(doc: TaskDoc): Map<string, string> {
  const faults = new Map<string, string>();
  for (const each of TASK_FIELDS) {
    const value = doc[each.name];
    if (value === undefined || value === null) continue;
    if (each.kind === "whole" && typeof value !== "number") faults.set(each.name, "A whole number is expected.");
    if (each.kind === "json" && (typeof value !== "object" || Array.isArray(value))) faults.set(each.name, "An object in JSON is expected: { … }.");
  }
  if (typeof doc["name"] !== "string" || doc["name"].trim() === "") faults.set("name", "It needs a name.");
  return faults;
}

/** What is sent: lists without their empty lines. */
export function savedTask(doc: TaskDoc): Record<string, unknown> {
  const saved: Record<string, unknown> = { ...doc };
  for (const each of TASK_FIELDS) {
    const value = saved[each.name];
    if (each.kind === "lines" && Array.isArray(value)) saved[each.name] = value.filter((line) => line !== "");
  }
  return saved;
}

/** The server's violations by field (`updateTaskDef.arg0.retryCount`); those of the whole stand under the empty name. */
export function violationsByField(violations: readonly { path?: string; message: string }[]): Map<string, string[]> {
  const by = new Map<string, string[]>();
  for (const { path, message } of violations) {
    const last = /\.([A-Za-z]\w*)$/.exec(path ?? "")?.[1] ?? "";
    const name = TASK_FIELDS.some((each) => each.name === last) ? last : "";
    by.set(name, [...(by.get(name) ?? []), message]);
  }
  return by;
}

interface Promised {
  retryCount?: number | null | undefined;
  retryLogic?: string | null | undefined;
  retryDelaySeconds?: number | null | undefined;
  timeoutSeconds?: number | null | undefined;
  timeoutPolicy?: string | null | undefined;
  responseTimeoutSeconds?: number | null | undefined;
  concurrentExecLimit?: number | null | undefined;
  rateLimitPerFrequency?: number | null | undefined;
  rateLimitFrequencyInSeconds?: number | null | undefined;
}

const seconds = (count: number): string => duration(count * 1_000).replace(/\.0 s/, " s");

/** `3, 10 s apart`, `5, from 1 s, doubling`. */
export function retriesText(task: Promised): string {
  const count = task.retryCount ?? 0;
  if (count === 0) return "none";
  const delay = task.retryDelaySeconds ?? 0;
  if (delay === 0) return `${count}, at once`;
  if (task.retryLogic === "EXPONENTIAL_BACKOFF") return `${count}, from ${seconds(delay)}, doubling`;
  if (task.retryLogic === "LINEAR_BACKOFF") return `${count}, from ${seconds(delay)}, growing`;
  return `${count}, ${seconds(delay)} apart`;
}

/** `20 m in all, then the run ends; reports within 1 m`. */
export function timeoutsText(task: Promised): string {
  const parts: string[] = [];
  if (task.timeoutSeconds) {
    const then = { RETRY: "then again", TIME_OUT_WF: "then the run ends", ALERT_ONLY: "then it is only counted" }[task.timeoutPolicy ?? ""];
    parts.push(`${seconds(task.timeoutSeconds)} in all${then ? `, ${then}` : ""}`);
  }
  if (task.responseTimeoutSeconds) parts.push(`reports within ${seconds(task.responseTimeoutSeconds)}`);
  return parts.join("; ") || "none";
}

/** `5 at once, 10 per 1 m`. */
export function limitsText(task: Promised): string {
  const parts: string[] = [];
  if (task.concurrentExecLimit) parts.push(`${task.concurrentExecLimit} at once`);
  if (task.rateLimitPerFrequency) parts.push(`${task.rateLimitPerFrequency} per ${seconds(task.rateLimitFrequencyInSeconds ?? 1)}`);
  return parts.join(", ") || "none";
}
