/** What is needed to start a workflow by hand: the input to begin with, what was typed, and what was started before. */

/** What of a definition says which input it expects. */
export interface Expects {
  inputParameters?: readonly string[] | null;
  inputTemplate?: Readonly<Record<string, unknown>> | null;
}

/** One start as it was typed. The input stays text, so that numbers of any size come back as they were. */
export interface Start {
  input: string;
  correlationId: string;
  priority: string;
  domains: string;
}

export interface RememberedStart extends Start {
  at: number;
}

export const NOTHING: Start = { input: "{}", correlationId: "", priority: "", domains: "" };
/** Starts that are kept for each definition. */
export const KEPT = 10;
/** A browser keeps about 5 MB for a whole site: one input must not push out everything else. */
export const LARGEST_KEPT = 64_000;

/** `${workflow.input.name}` is how some definitions write a parameter's name. */
const EXPRESSION = /^\$\{workflow\.input\.([^}]+)\}$/;

/** The input to begin with: the template's values, and an empty one for every other parameter. */
export function expectedInput(definition: Expects | undefined): string {
  const input: Record<string, unknown> = { ...definition?.inputTemplate };
  for (const written of definition?.inputParameters ?? []) {
    const name = EXPRESSION.exec(written)?.[1] ?? written;
    if (!(name in input)) input[name] = null;
  }
  return JSON.stringify(input, null, 2);
}

/** Why the text cannot be an input; null if it can. Nothing typed is an empty input. */
export function inputFault(text: string): string | null {
  if (text.trim() === "") return null;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? null
      : "The input has to be an object: { … }.";
  } catch (error) {
    return `This is not JSON: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** `0` to `99`, or nothing. */
export function priorityFault(text: string): string | null {
  return text.trim() === "" || /^\d{1,2}$/.test(text.trim()) ? null : "The priority is a whole number from 0 to 99.";
}

/** `email = fast, * = slow`, by comma or line. */
export function domains(text: string): { value: Record<string, string>; fault: string | null } {
  const value: Record<string, string> = {};
  for (const piece of text.split(/[,\n]/)) {
    if (piece.trim() === "") continue;
    const [type = "", domain = "", ...more] = piece.split("=").map((word) => word.trim());
    if (type === "" || domain === "" || more.length > 0) return { value, fault: `Write “task type = domain”, not “${piece.trim()}”.` };
    value[type] = domain;
  }
  return { value, fault: null };
}

/** The request as text: the input is put in as it was typed, so that no number loses digits on the way. */
export function startRequest(name: string, version: number | undefined, start: Start): string {
  const rest = {
    name,
    ...(version === undefined ? {} : { version }),
    ...(start.correlationId.trim() ? { correlationId: start.correlationId.trim() } : {}),
    ...(start.priority.trim() ? { priority: Number(start.priority) } : {}),
    ...(start.domains.trim() ? { taskToDomain: domains(start.domains).value } : {}),
  };
  return `${JSON.stringify(rest).slice(0, -1)},"input":${start.input.trim() || "{}"}}`;
}

/** The list with one more start in front; the same one again only moves up. */
export function withStart(list: readonly RememberedStart[], start: Start, at: number): RememberedStart[] {
  if (start.input.length > LARGEST_KEPT) return [...list];
  const same = (other: Start) =>
    other.input === start.input &&
    other.correlationId === start.correlationId &&
    other.priority === start.priority &&
    other.domains === start.domains;
  const { input, correlationId, priority, domains: toDomain } = start;
  return [{ input, correlationId, priority, domains: toDomain, at }, ...list.filter((other) => !same(other))].slice(0, KEPT);
}

/** What a browser kept; whatever else stands there counts as nothing. */
export function readStarts(text: string | null): RememberedStart[] {
  try {
    const value: unknown = JSON.parse(text ?? "[]");
    return Array.isArray(value) ? value.filter(isStart).slice(0, KEPT) : [];
  } catch {
    return [];
  }
}

function isStart(value: unknown): value is RememberedStart {
  if (typeof value !== "object" || value === null) return false;
  const it = value as Record<string, unknown>;
  return (
    typeof it["at"] === "number" && [it["input"], it["correlationId"], it["priority"], it["domains"]].every((text) => typeof text === "string")
  );
}

/** One line for a list: `{"order": 17, …}`. */
export function startLabel(start: Start): string {
  const input = start.input.replace(/\s+/g, " ").trim();
  const cut = input.length > 60 ? `${input.slice(0, 59)}…` : input;
  return start.correlationId ? `${start.correlationId}: ${cut}` : cut;
}
