/** What is being typed into the dialog of an operation. */
import type { Choices } from "../../model/impact";
import { NAMES } from "../../model/status";
import type { Edits } from "../../api/queries/operations";
import type { Asked } from "./asked";

export interface Draft extends Choices {
  /** JSON texts; absent: not to be changed. */
  taskInput?: string | undefined;
  workflowInput?: string | undefined;
  output?: string | undefined;
  correlationId?: string | undefined;
}

export const draftOf = (asked: Asked): Draft => ({
  resumeChildren: false,
  latestDefinition: false,
  reason: "",
  archive: true,
  status: NAMES.completed,
  task: asked.task,
  ...(asked.verb === "complete" ? { output: "{}" } : {}),
});

const FIELDS = ["taskInput", "workflowInput", "output"] as const;

function object(text: string): Record<string, unknown> | string {
  try {
    const read: unknown = JSON.parse(text);
    return typeof read === "object" && read !== null && !Array.isArray(read) ? (read as Record<string, unknown>) : "It must be a JSON object.";
  } catch (error) {
    return `This is no JSON: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** What is wrong with a text, if it is to be sent. */
export function wrong(text: string | undefined): string | undefined {
  const read = text === undefined ? undefined : object(text);
  return typeof read === "string" ? read : undefined;
}

/** What is sent; nothing as long as one of the texts is wrong. */
export function editsOf(draft: Draft): Edits | undefined {
  const edits: Edits = {};
  for (const field of FIELDS) {
    const text = draft[field];
    if (text === undefined) continue;
    const read = object(text);
    if (typeof read === "string") return undefined;
    edits[field] = read;
  }
  const correlationId = draft.correlationId?.trim();
  return correlationId ? { ...edits, correlationId } : edits;
}
